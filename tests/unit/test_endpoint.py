from __future__ import annotations

import http.server
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import botocore.exceptions
import pytest

from replay.errors import WrongUse
from replay.tables import endpoint, local
from replay.tables.endpoint import Endpoint, announce, chosen, confirm_writes, is_local, refusals_explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = "http://127.0.0.1:8000"
THERE = "http://dynamodb.example:8000"
REGION = {"AWS_REGION": "eu-west-1"}


def aws() -> Endpoint:
    return Endpoint(None, None, "eu-west-1")


def refuse(_question: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("option", "environ", "url"),
    [
        pytest.param(None, {}, None, id="nothing"),
        pytest.param("", {}, None, id="empty option"),
        pytest.param(None, {"AWS_ENDPOINT_URL_DYNAMODB": ""}, None, id="empty variable"),
        pytest.param(HERE, {}, HERE, id="option"),
        pytest.param(f"{HERE}/", {}, HERE, id="option with a slash"),
        pytest.param(None, {"AWS_ENDPOINT_URL": HERE}, HERE, id="general variable"),
        pytest.param(
            None, {"AWS_ENDPOINT_URL_DYNAMODB": HERE, "AWS_ENDPOINT_URL": THERE}, HERE, id="own variable first"
        ),
        pytest.param(HERE, {"AWS_ENDPOINT_URL_DYNAMODB": THERE}, HERE, id="option before variable"),
        pytest.param(
            None,
            {"AWS_ENDPOINT_URL": HERE, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            None,
            id="variables ignored",
        ),
        pytest.param(HERE, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, HERE, id="option with variables ignored"),
    ],
)
def test_the_option_wins_then_the_services_variable_then_the_general_one(
    option: str | None, environ: Mapping[str, str], url: str | None
) -> None:
    found = chosen(option, environ)
    assert (found and found.url) == url


def test_aws_means_aws_whatever_the_environment_says() -> None:
    assert chosen("aws", {"AWS_ENDPOINT_URL": HERE, **REGION}) == aws()
    assert aws().client().meta.endpoint_url == "https://dynamodb.eu-west-1.amazonaws.com"
    assert aws().client("dynamodbstreams").meta.endpoint_url == "https://streams.dynamodb.eu-west-1.amazonaws.com"


def test_the_environment_does_not_turn_a_client_of_aws_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", HERE)
    assert aws().client().meta.endpoint_url == "https://dynamodb.eu-west-1.amazonaws.com"


def test_streams_of_an_endpoint_elsewhere_have_an_address_of_their_own() -> None:
    environ = {"AWS_ENDPOINT_URL": THERE, "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://streams.example", **REGION}
    found = chosen(None, environ)
    assert found is not None
    assert found.streams_url == "http://streams.example"
    assert found.client("dynamodbstreams").meta.endpoint_url == "http://streams.example"
    assert chosen(THERE, environ) == Endpoint(THERE, THERE, "eu-west-1")


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8000",
        "127.0.0.1",
        "ftp://localhost",
        "http://",
        "AWS",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://127.0.0.1:8000/shell",
        "http://127.0.0.1:8000?a=b",
        "http://local\nhost:8000",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(WrongUse, match=r"--endpoint-url .* is no address; it looks like http://127.0.0.1:8000"):
        chosen(given, REGION)


def test_an_address_for_streams_that_is_none_is_refused_by_its_name() -> None:
    environ = {"AWS_ENDPOINT_URL": THERE, "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": "http://127.0.0.1:99999", **REGION}
    with pytest.raises(WrongUse, match=r"^AWS_ENDPOINT_URL_DYNAMODB_STREAMS 'http://127.0.0.1:99999' is no address"):
        chosen(None, environ)


def test_an_address_may_end_in_a_slash() -> None:
    found = chosen("http://127.0.0.1:8000/", {})
    assert found is not None
    assert found.url == "http://127.0.0.1:8000"


def test_an_endpoint_elsewhere_needs_a_region(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    with pytest.raises(WrongUse, match="no region is set; name one in AWS_REGION"):
        chosen(THERE, {})
    assert chosen(HERE, {}) == Endpoint(HERE, HERE, local.REGION)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (HERE, True),
        ("http://localhost:8000", True),
        ("http://LOCALHOST:8000", True),
        ("http://dynamodb.localhost:4566", True),
        ("http://127.8.9.1:8000", True),
        ("http://[::1]:8000", True),
        ("http://0.0.0.0:8000", True),
        ("http://192.168.0.7:8000", False),
        ("http://localhost.example:8000", False),
        ("http://127.0.0.1.example:8000", False),
        ("http://127.0.0.1@example.com", False),
        ("http://dynamodb-local:8000", False),
        ("https://dynamodb.eu-west-1.amazonaws.com", False),
    ],
)
def test_only_loopback_addresses_are_local(url: str, expected: bool) -> None:  # noqa: FBT001 - a case's column
    assert is_local(url) is expected


def test_writing_to_a_local_endpoint_is_not_asked_about() -> None:
    confirm_writes(Endpoint(HERE, HERE, local.REGION), "messages", yes=False, interactive=True, ask=refuse)


def test_writing_elsewhere_without_a_terminal_needs_yes() -> None:
    with pytest.raises(
        WrongUse, match="write to table messages at AWS in region eu-west-1, which is not local; say --yes"
    ):
        confirm_writes(aws(), "messages", yes=False, interactive=False)
    confirm_writes(aws(), "messages", yes=True, interactive=False)


def test_writing_elsewhere_on_a_terminal_is_asked_about() -> None:
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    confirm_writes(aws(), "messages", yes=False, interactive=True, ask=agree)
    assert asked == ["This writes to table messages at AWS in region eu-west-1, which is not local. Go on?"]
    with pytest.raises(WrongUse, match="nothing was written to table messages"):
        confirm_writes(aws(), "messages", yes=False, interactive=True, ask=refuse)


def test_table_endpoint_and_region_are_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    announce(Endpoint(HERE, HERE, "us-east-1"), "messages")
    assert capsys.readouterr() == ("", f"replay: table messages, endpoint {HERE}, region us-east-1\n")


def test_own_credentials_never_travel_to_a_local_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "MYOWNKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "MYOWNTOKEN")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with a_server() as (url, headers):
        found = chosen(url, {})
        assert found is not None
        found.client().list_tables()
        found.client("dynamodbstreams").list_streams()
    assert len(headers) == 2
    for sent in headers:
        assert "Credential=local/" in sent
        assert "MYOWN" not in sent


@contextmanager
def a_server() -> Iterator[tuple[str, list[str]]]:
    """A server that answers {} to everything and keeps the headers it was sent."""
    seen: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(str(self.headers))
            self.send_response(http.HTTPStatus.OK)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        pytest.param(
            botocore.exceptions.NoCredentialsError(), r"AWS \(eu-west-1\) cannot be used: Unable to locate", id="nobody"
        ),
        pytest.param(
            botocore.exceptions.ClientError(
                {"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "DescribeTable"
            ),
            r"AWS \(eu-west-1\) refused DescribeTable: AccessDeniedException: not you",
            id="refused",
        ),
        pytest.param(
            botocore.exceptions.ClientError(
                {"Error": {"Code": "404", "Message": "<html>\n<body>\n" + 100 * "<p>no\n"}}, "CreateTable"
            ),
            r"AWS \(eu-west-1\) refused CreateTable: 404: <html> <body> <p>no [^\n]{100,200}…$",
            id="a page",
        ),
    ],
)
def test_a_refusal_of_the_service_is_one_clear_line(raised: Exception, said: str) -> None:
    with pytest.raises(WrongUse, match=said), refusals_explained(aws()):
        raise raised


def test_an_embedded_engine_is_a_local_endpoint() -> None:
    found = endpoint.of_engine(local.Engine(8000, 1))
    assert found == Endpoint(HERE, HERE, local.REGION)
    assert found.is_local


def test_without_a_named_endpoint_an_engine_of_its_own_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def engine() -> Iterator[local.Engine]:
        yield local.Engine(9000, 1)

    monkeypatch.setattr(local, "engine", engine)
    with endpoint.opened(None, {}) as own, endpoint.opened(HERE, {}) as named:
        assert (own.url, named.url) == ("http://127.0.0.1:9000", HERE)
