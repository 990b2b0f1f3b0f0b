"""A handler in a process of its own: how each ending is told, what it is given, what of it is seen."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.errors import WrongUse
from replay.function.calls import Touched, touched_by
from replay.function.child import not_loaded
from replay.function.configuration import Configuration
from replay.function.environment import Surroundings, handler_environment
from replay.function.outcome import Crashed, Raised, Returned, TimedOut, Unserialisable
from replay.function.process import FunctionProcess, HandlerNotLoaded, Launch, why_not_loaded
from replay.function.target import Target
from replay.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    Start = Callable[..., FunctionProcess]

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens on the discard port."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run a handler's source in a process of its own; all end with the test."""
    started: list[FunctionProcess] = []

    def start(
        source: str,
        *,
        endpoint: str = NOWHERE,
        timeout_s: float = 30,
        variables: dict[str, str] | None = None,
        inherited: dict[str, str] | None = None,
        **options: Any,  # noqa: ANN401 - FunctionProcess's own
    ) -> FunctionProcess:
        file = tmp_path / f"handler_{len(started)}.py"
        file.write_text(textwrap.dedent(source))
        target = Target.parse(f"{file}:handler")
        configuration = Configuration("f", timeout_s, 512, variables or {})
        around = Surroundings("us-east-1", endpoint, inherited={**os.environ, **(inherited or {})})
        environment = handler_environment(target, configuration, around)
        process = FunctionProcess(Launch(target, configuration, environment, endpoint), **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()


ENDINGS = {
    "value": ("return {'batchItemFailures': []}", Returned({"batchItemFailures": []})),
    "nothing": ("pass", Returned(None)),
    "decimal": ("import decimal\n    return decimal.Decimal('1.5')", Returned(1.5)),
    "set": ("return {1}", Unserialisable("Object of type set is not JSON serializable")),
    "exit": ("raise SystemExit(7)", Crashed(7)),
    "exit with text": ("raise SystemExit('no')", Crashed(1)),
    "abort": ("import os\n    os.abort()", Crashed(-6)),
    "endless": ("while True: pass", TimedOut(1.0)),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_each_ending_is_told_and_the_next_invocation_runs(start: Start, name: str) -> None:
    body, expected = ENDINGS[name]
    process = start(f"def handler(event, context):\n    if event == 2: return 'again'\n    {body}\n", timeout_s=1.0)
    first, second = process.invoke({}, "1"), process.invoke(2, "2")  # type: ignore[arg-type] # any JSON
    assert first.outcome == expected
    assert second.outcome == Returned("again")
    assert second.cold_start == isinstance(expected, Crashed | TimedOut)


def test_exception_is_told_with_type_message_and_the_handlers_own_lines(start: Start) -> None:
    process = start("""
        def inner():
            raise KeyError("sk")
        def handler(event, context):
            inner()
    """)
    outcome = process.invoke({}, "1").outcome
    assert isinstance(outcome, Raised)
    assert (outcome.type, outcome.message) == ("KeyError", "'sk'")
    assert [line.rpartition(" in ")[2] for line in outcome.stack] == ["handler", "inner"]


def test_process_stays_warm_until_it_is_killed(start: Start) -> None:
    process = start("""
        import os
        seen = []
        def handler(event, context):
            seen.append(event)
            return [os.getpid(), len(seen)]
    """)
    first, second = process.invoke({}, "1"), process.invoke({}, "2")
    assert isinstance(first.outcome, Returned)
    assert isinstance(second.outcome, Returned)
    assert (first.cold_start, second.cold_start) == (True, False)
    assert second.outcome.value == [first.outcome.value[0], 2]


def test_event_is_a_fresh_copy_at_each_delivery(start: Start) -> None:
    process = start("""
        def handler(event, context):
            before = dict(event)
            event.clear()
            return before
    """)
    event = {"Records": [{"a": 1}]}
    assert [process.invoke(event, str(n)).outcome for n in range(2)] == [Returned(event)] * 2
    assert event == {"Records": [{"a": 1}]}


def test_context_is_lambdas(start: Start) -> None:
    process = start(
        """
        import time
        def handler(event, context):
            first = context.get_remaining_time_in_millis()
            time.sleep(0.05)
            context.log("noted")
            return [first, context.get_remaining_time_in_millis(), context.aws_request_id, context.function_name,
                    context.function_version, context.memory_limit_in_mb, context.invoked_function_arn,
                    context.log_group_name, bool(context.log_stream_name), context.client_context,
                    context.identity.cognito_identity_id]
        """,
        timeout_s=20,
    )
    outcome = process.invoke({}, "request-1").outcome
    assert isinstance(outcome, Returned)
    first, later, *rest = outcome.value
    assert 20_000 >= first > later > 0
    assert rest == [
        "request-1",
        "f",
        "$LATEST",
        "512",
        "arn:aws:lambda:us-east-1:000000000000:function:f",
        "/aws/lambda/f",
        True,
        None,
        None,
    ]


def test_environment_is_set_before_the_import_and_holds_no_credentials_of_the_user(start: Start) -> None:
    process = start(
        "import os\nSEEN = dict(os.environ)\ndef handler(event, context): return SEEN",
        variables={"TABLE_NAME": "messages"},
        inherited={"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "secret", "AWS_ENDPOINT_URL": "http://other"},
    )
    outcome = process.invoke({}, "1").outcome
    assert isinstance(outcome, Returned)
    seen = outcome.value
    assert seen["TABLE_NAME"] == "messages"
    assert seen["AWS_ENDPOINT_URL_DYNAMODB"] == NOWHERE
    assert seen["AWS_ACCESS_KEY_ID"] == "local"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} & seen.keys()


def test_a_real_endpoint_keeps_the_users_credentials_and_given_variables_win() -> None:
    target = Target.parse("stream_processor.handler:lambda_handler")
    around = Surroundings(
        "eu-west-1", None, is_local=False, inherited={"AWS_PROFILE": "mine"}, given={"AWS_REGION": "eu-central-1"}
    )
    environment = handler_environment(target, Configuration(), around)
    assert environment["AWS_PROFILE"] == "mine"
    assert environment["AWS_REGION"] == "eu-central-1"
    assert "AWS_ENDPOINT_URL_DYNAMODB" not in environment


def test_output_is_kept_apart_and_handed_on_by_the_line(start: Start) -> None:
    lines: list[str] = []
    process = start(
        """
        import os, sys
        def handler(event, context):
            print("out"); print("err", file=sys.stderr); os.write(1, b"raw\\n"); os.system("echo from a shell")
            return {"is": "call"}
        """,
        tell=lines.append,
    )
    assert process.invoke({}, "1").outcome == Returned({"is": "call"})
    process.stop()
    assert lines == ["out", "err", "raw", "from a shell"]
    assert process.last_lines() == tuple(lines)


def test_last_lines_are_there_after_a_crash(start: Start) -> None:
    process = start("import os\ndef handler(event, context):\n    print('about to'); os._exit(3)")
    invoked = process.invoke({}, "1")
    assert (invoked.outcome, invoked.printed) == (Crashed(3), ("about to",))


NOT_LOADED = {
    "number": ("handler = 3", "handler_0.py:handler: it is an int, not a function"),
    "no arguments": ("def handler(): pass", "takes 0 arguments; Lambda calls it with event and context"),
    "keyword": ("def handler(event, context, *, more): pass", r"cannot be called \(missing a required .*'more'\)"),
    "async": ("async def handler(event, context): pass", "is async; Lambda does not await it"),
    "syntax": ("def handler(event, context):\n    return ]", r"SyntaxError: .* \(.*handler_0\.py:2\)"),
    "no function": ("def handle(event, context): pass", "no function 'handler' in .*; did you mean 'handle'"),
    "no module": ("import nothing_of_this_name", "raised ModuleNotFoundError: .*nothing_of_this_name"),
    "broken": ("def handler(:", "raised SyntaxError"),
    "no variable": ("import os\nos.environ['NOT_THERE']", r"raised KeyError: 'NOT_THERE' \(.*handler_0.py:2\)"),
    "exits": ("import sys\nsys.exit(3)", "ended while it was imported: exit status 3"),
}


@pytest.mark.parametrize("name", NOT_LOADED)
def test_a_handler_that_cannot_be_imported_is_wrong_use(start: Start, name: str) -> None:
    source, reason = NOT_LOADED[name]
    with pytest.raises(HandlerNotLoaded, match=reason):
        start(source).start()


@pytest.mark.parametrize(
    ("location", "missing", "said"),
    [
        ("app.stream", "app", "there is no module 'app' in the working folder"),
        ("app.stream", "app.stream", "there is no module 'app.stream' in the working folder"),
        ("application", "app", "its import raised ModuleNotFoundError: No module named 'app'"),
        ("app/stream.py", "app", "its import raised ModuleNotFoundError: No module named 'app'"),
    ],
)
def test_only_the_handlers_own_module_is_said_to_be_nowhere(location: str, missing: str, said: str) -> None:
    target = Target(location, "handler")
    error = ModuleNotFoundError(f"No module named '{missing}'", name=missing)
    assert why_not_loaded(target, not_loaded(target, error)).startswith(said)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("handler", "names no function"),
        ("a.py", "names no function"),
        ("no/such.py:f", "no file"),
        ("m:f g", "names"),
        ("", "names no"),
    ],
)
def test_a_target_that_names_nothing_is_wrong_use(text: str, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        Target.parse(text)


def test_lambdas_spelling_of_a_target_is_understood() -> None:
    assert str(Target.parse("a.b.handler")) == "a.b:handler"


@pytest.mark.parametrize("target", ["mine:handler", "app/stream.py:handler", "app.stream:handler"])
def test_what_a_handler_imports_is_found_in_the_working_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "mine.py").write_text("import beside\ndef handler(event, context): return beside.VALUE")
    (tmp_path / "beside.py").write_text("VALUE = 5")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("from beside import VALUE")
    (tmp_path / "app" / "stream.py").write_text("from app import VALUE\ndef handler(event, context): return VALUE")
    script = textwrap.dedent(f"""
        import os, sys
        sys.path.append({str(Path(__file__).parents[2])!r})
        from replay.function.process import FunctionProcess, Launch
        from replay.function.configuration import Configuration
        from replay.function.environment import Surroundings, handler_environment
        from replay.function.target import Target
        target = Target.parse({target!r})
        around = Surroundings("us-east-1", None, inherited=os.environ)
        environment = handler_environment(target, Configuration(), around)
        with FunctionProcess(Launch(target, Configuration(), environment, None)) as process:
            print(process.invoke({{}}, "1").outcome)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "returned\n", done.stderr


def test_the_process_ends_with_the_harness_even_when_that_is_killed(tmp_path: Path) -> None:
    """Also while the handler is busy, and together with what the handler started."""
    file = tmp_path / "busy.py"
    file.write_text("import os, time\ndef handler(event, context):\n    print(os.getpid(), flush=True); time.sleep(60)")
    script = textwrap.dedent(f"""
        import os, sys
        sys.path.append({str(Path(__file__).parents[2])!r})
        from replay.function.process import FunctionProcess, Launch
        from replay.function.configuration import Configuration
        from replay.function.environment import Surroundings, handler_environment
        from replay.function.target import Target
        target = Target.parse({str(file)!r} + ":handler")
        configuration = Configuration("f", 60)
        def print_line(line):
            print(line, flush=True)
        environment = handler_environment(target, configuration, Surroundings("us-east-1", None, inherited=os.environ))
        process = FunctionProcess(Launch(target, configuration, environment, None), tell=print_line)
        process.invoke({{}}, "1")
    """)
    harness = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    with harness.stdout:
        pid = int(harness.stdout.readline())
        harness.kill()
        harness.wait()
    deadline = time.monotonic() + 30
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Whether a process is there and no mere exit code that nobody has asked for."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_requests_to_other_services_do_not_leave_for_aws(start: Start) -> None:
    process = start("""
        import boto3
        def handler(event, context):
            boto3.client("s3").put_object(Bucket="bucket", Key="key", Body=b"")
    """)
    invoked = process.invoke({}, "1")
    assert isinstance(invoked.outcome, Raised)
    assert invoked.outcome.type == "EndpointConnectionError"
    assert {call.name for call in invoked.calls} == {"s3.PutObject"}
    assert all(call.elsewhere and "amazonaws.com" in call.elsewhere for call in invoked.calls)


@pytest.mark.engine
def test_every_request_of_every_client_and_thread_is_seen_once(
    start: Start, engine_endpoint: str, dynamodb: DynamoDBClient, table: str
) -> None:
    process = start(
        f"""
        import boto3, threading
        from boto3.dynamodb.conditions import Key
        table = boto3.resource("dynamodb", endpoint_url="http://dynamodb.ca-central-1.amazonaws.com").Table({table!r})
        client = boto3.session.Session().client("dynamodb", region_name="eu-west-1")
        def write():
            client.transact_write_items(TransactItems=[
                {{"Put": {{"TableName": {table!r}, "Item": {{"pk": {{"S": "GRP#a"}}, "sk": {{"S": "2"}}}}}}}},
                {{"Delete": {{"TableName": {table!r}, "Key": {{"pk": {{"S": "GRP#a"}}, "sk": {{"S": "1"}}}}}}}}])
        def handler(event, context):
            table.put_item(Item={{"pk": "GRP#a", "sk": "1"}})
            thread = threading.Thread(target=write); thread.start(); thread.join()
            table.update_item(Key={{"pk": "GRP#a", "sk": "2"}}, UpdateExpression="SET n = :n",
                              ExpressionAttributeValues={{":n": 1}})
            with table.batch_writer() as batch:
                batch.put_item(Item={{"pk": "GRP#b", "sk": "1"}})
                batch.delete_item(Key={{"pk": "GRP#b", "sk": "2"}})
            try:
                table.put_item(Item={{"pk": "GRP#c", "sk": "1"}}, ConditionExpression="attribute_exists(pk)")
            except table.meta.client.exceptions.ConditionalCheckFailedException:
                pass
            return sorted(table.query(KeyConditionExpression=Key("pk").eq("GRP#a")))
        """,
        endpoint=engine_endpoint,
    )
    invoked = process.invoke({}, "1")
    assert invoked.outcome == Returned(["Count", "Items", "ResponseMetadata", "ScannedCount"])
    seen = [
        (call.name, call.error, call.items, [(t.partition_key, t.sort_key, t.way) for t in call.touched])
        for call in invoked.calls
    ]
    assert seen == [
        ("PutItem", None, 1, [("GRP#a", "1", "put")]),
        ("TransactWriteItems", None, 2, [("GRP#a", "2", "put"), ("GRP#a", "1", "delete")]),
        ("UpdateItem", None, 1, [("GRP#a", "2", "update")]),
        ("BatchWriteItem", None, 2, [("GRP#b", "1", "put"), ("GRP#b", "2", "delete")]),
        ("PutItem", "ConditionalCheckFailedException", 1, []),
        ("Query", None, 1, []),
    ]
    assert invoked.calls[0].elsewhere == "http://dynamodb.ca-central-1.amazonaws.com"
    assert [call.read_units for call in invoked.calls] == [None] * 5 + [0.5]
    assert "Item" in dynamodb.get_item(TableName=table, Key={"pk": {"S": "GRP#a"}, "sk": {"S": "2"}})


def test_each_retry_of_the_sdk_is_a_request_of_its_own(start: Start) -> None:
    process = start("""
        import boto3
        from botocore.config import Config
        client = boto3.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))
        def handler(event, context):
            client.list_tables()
    """)
    invoked = process.invoke({}, "1")
    assert [(call.name, call.attempt, call.error) for call in invoked.calls] == [
        ("ListTables", attempt, "EndpointConnectionError") for attempt in (1, 2, 3)
    ]


def test_configuration_is_the_templates(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        textwrap.dedent("""
        Transform: AWS::Serverless-2016-10-31
        Parameters: {Index: {Type: String, Default: by-group}, Seconds: {Type: Number, Default: 45}}
        Resources:
          Bucket: {Type: AWS::S3::Bucket}
          Mover:
            Type: AWS::Serverless::Function
            Properties:
              Timeout: !Ref Seconds
              Environment: {Variables: {INDEX: !Ref Index, NUMBER: 5, BUCKET: !Ref Bucket}}
    """)
    )
    assert Configuration.from_template(Template.load(template)) == Configuration(
        "Mover", 45, 128, {"INDEX": "by-group", "NUMBER": "5"}
    )
    with pytest.raises(WrongUse, match="no function 'Mofer'; did you mean 'Mover'"):
        Configuration.from_template(Template.load(template), "Mofer")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(request=st.dictionaries(st.sampled_from(["TableName", "Item", "Key", "TransactItems", "RequestItems"]), JSON))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_request_body_breaks_the_reading_of_what_it_touches(request: dict[str, Any]) -> None:
    for operation in ("PutItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "Query"):
        assert all(isinstance(touched, Touched) for touched in touched_by(operation, request))
