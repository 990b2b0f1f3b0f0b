"""The Lambda entry point: made once an environment, asked each invocation."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from stream_processor import handler
from stream_processor.errors import ConfigurationError, NotAStreamEvent, PermanentError
from stream_processor.handler import lambda_handler
from stream_processor.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, RESERVE_MS
from tests.builders import ANN, BOB, event, group_item, record, sequence, time_text
from tests.wire import Answered, Wire, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Lines = list[dict[str, Any]]
DONE: dict[str, list[Any]] = {"batchItemFailures": []}


@dataclass
class Context:
    """What Lambda hands over beside the event."""

    remaining_ms: int = 60_000
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Store:
    """An S3 client that keeps what is put."""

    puts: list[dict[str, Any]] = field(default_factory=list)

    def put_object(self, **arguments: Any) -> None:  # noqa: ANN401 - as the SDK takes them
        self.puts.append(arguments)


@dataclass
class Aws:
    """A session of the SDK: every client that the function makes, and what went through them."""

    wire: Wire
    store: Store = field(default_factory=Store)
    made: list[tuple[str, Any]] = field(default_factory=list)

    def create_client(self, service: str, config: Any = None) -> Any:  # noqa: ANN401 - the SDK's own
        self.made.append((service, config))
        return self.wire.client(config) if service == "dynamodb" else self.store

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.wire.requests]


def two_rows(operation: str, _: dict[str, Any]) -> Answered:
    if operation == "Query":
        return Answered({"Items": [group_item(ANN, other=BOB), group_item(BOB, other=ANN)]})
    return Answered({})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, told: Callable[[], Lines]) -> Iterator[Aws]:
    """A fresh environment of the function, set up and not yet used."""
    del told
    for name in ("GROUP_INDEX_NAME", "QUARANTINE_BUCKET", "MAX_FUTURE_S"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TABLE_NAME", "messages")
    monkeypatch.setenv("WORKERS", "1")
    stand_in = Aws(Wire(two_rows))
    monkeypatch.setattr(handler, "get_session", lambda: stand_in)
    handler._processor.cache_clear()
    yield stand_in
    handler._processor.cache_clear()


def batch_line(told: Callable[[], Lines]) -> dict[str, Any]:
    (line,) = (line for line in told() if line.get("message") == "batch")
    return line


def test_a_batch_is_applied_and_answered(aws: Aws) -> None:
    assert lambda_handler(event(record("hi", at=1)), Context()) == DONE
    assert aws.operations == ["Query", "TransactWriteItems"]
    query, transaction = (body for _, body in aws.wire.requests)
    assert (query["TableName"], query["IndexName"]) == ("messages", "message-group-sk-index")
    moved = [action["Put"]["Item"]["sk"]["S"] for action in transaction["TransactItems"] if "Put" in action]
    assert moved == [time_text(1), time_text(1)]


def test_what_is_not_finished_is_answered(aws: Aws) -> None:
    aws.wire.respond = lambda _, __: failed("AccessDeniedException")
    assert lambda_handler(event(record(at=1)), Context()) == {"batchItemFailures": [{"itemIdentifier": sequence(1)}]}


def test_a_published_sample_event_is_done(aws: Aws) -> None:
    """Times as integers, 28 digits of a sequence number, another table's keys."""
    sample = record(item={"pk": {"N": "101"}, "sk": {"S": "x"}}, created_at_s=1428537600)
    sample["dynamodb"]["Keys"] = {"Id": {"N": "101"}}
    sample["dynamodb"]["SequenceNumber"] = "4421584500000000017450439091"
    assert lambda_handler(event(sample), Context()) == DONE
    assert aws.operations == []


def test_settings_and_client_are_made_once(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    lambda_handler(event(record(at=1)), Context())
    monkeypatch.setenv("TABLE_NAME", "other")
    lambda_handler(event(record(at=1)), Context())
    assert [service for service, _ in aws.made] == ["dynamodb"]
    assert {body["TableName"] for operation, body in aws.wire.requests if operation == "Query"} == {"messages"}


def test_only_the_first_invocation_is_a_cold_start(aws: Aws, told: Callable[[], Lines]) -> None:
    for cold in (True, False, False):
        lambda_handler(event(), Context())
        assert batch_line(told)["cold_start"] is cold
    assert aws.operations == []


def test_a_wrong_setting_is_raised_at_every_invocation(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="TABLE_NAME is not set"):
            lambda_handler(event(record()), Context())
    assert aws.made == []


def test_an_event_of_no_stream_is_raised(aws: Aws) -> None:
    with pytest.raises(NotAStreamEvent):
        lambda_handler({"detail": {}}, Context())
    assert aws.operations == []


def test_the_settings_reach_the_client_and_the_table(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUP_INDEX_NAME", "another-index")
    monkeypatch.setenv("WORKERS", "5")
    lambda_handler(event(record(at=1)), Context())
    ((_, config),) = aws.made
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections == 5
    assert aws.wire.requests[0][1]["IndexName"] == "another-index"


def test_the_sdks_own_variable_names_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TABLE_NAME": "messages",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    handler._processor.cache_clear()
    table: Any = handler._processor().table
    handler._processor.cache_clear()
    assert table._client.meta.endpoint_url == "http://127.0.0.1:1"


def test_starting_leaves_the_garbage_collector_as_it_was(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    lambda_handler(event(), Context())
    assert gc.isenabled()
    monkeypatch.delenv("TABLE_NAME")
    handler._processor.cache_clear()
    with pytest.raises(ConfigurationError):
        lambda_handler(event(), Context())
    assert gc.isenabled()
    assert aws.made


def test_what_was_made_at_the_start_is_not_searched_for_garbage(aws: Aws) -> None:
    gc.unfreeze()
    lambda_handler(event(), Context())
    once = gc.get_freeze_count()
    lambda_handler(event(), Context())
    assert 0 < once == gc.get_freeze_count()
    gc.unfreeze()
    assert aws.made


# The context.


def test_the_remaining_time_is_asked_of_the_context(aws: Aws) -> None:
    late = lambda_handler(event(record(at=1)), Context(remaining_ms=RESERVE_MS - 1))
    assert late == {"batchItemFailures": [{"itemIdentifier": sequence(1)}]}
    assert aws.operations == []
    assert lambda_handler(event(record(at=1)), Context(remaining_ms=RESERVE_MS)) == DONE


def test_the_invocations_id_is_told(aws: Aws, told: Callable[[], Lines]) -> None:
    del aws
    lambda_handler(event(), Context(aws_request_id="request-7"))
    assert batch_line(told)["request_id"] == "request-7"


@pytest.mark.parametrize("context", [None, object()], ids=["none", "bare"])
def test_a_call_by_hand_needs_no_context(aws: Aws, told: Callable[[], Lines], context: object) -> None:
    assert lambda_handler(event(record(at=1)), context) == DONE
    assert aws.operations == ["Query", "TransactWriteItems"]
    assert "request_id" not in batch_line(told)


# The quarantine.


def poison() -> dict[str, Any]:
    textless = record(at=1)
    del textless["dynamodb"]["NewImage"]["message"]
    return textless


def test_the_buckets_client_is_made_when_it_is_needed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARANTINE_BUCKET", "bucket")
    lambda_handler(event(record(at=1)), Context())
    assert [service for service, _ in aws.made] == ["dynamodb"]
    assert lambda_handler(event(poison()), Context()) == DONE
    assert [service for service, _ in aws.made] == ["dynamodb", "s3"]
    config = aws.made[1][1]
    assert (config.connect_timeout, config.read_timeout) == (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
    assert config.retries["total_max_attempts"] == 1
    (put,) = aws.store.puts
    assert (put["Bucket"], put["IfNoneMatch"]) == ("bucket", "*")


def test_without_a_bucket_a_first_poisoned_record_is_raised(aws: Aws) -> None:
    with pytest.raises(PermanentError) as caught:
        lambda_handler(event(poison()), Context())
    assert "PRIVATE" not in str(caught.value)
    assert aws.store.puts == []


def test_the_bound_on_the_future_is_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARANTINE_BUCKET", "bucket")
    monkeypatch.setenv("MAX_FUTURE_S", "10")
    assert lambda_handler(event(record(at=11, created_at_s=1767261600.0)), Context()) == DONE
    assert aws.operations == []
    assert len(aws.store.puts) == 1


def test_pauses_are_drawn_between_nothing_and_their_ceiling(aws: Aws) -> None:
    del aws
    jitter = handler._processor().jitter
    drawn = [jitter(0.2) for _ in range(1000)]
    assert all(0 <= pause <= 0.2 for pause in drawn)
    assert len(set(drawn)) > 900
