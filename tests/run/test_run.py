"""`python -m replay run`: what is put when, what is delivered how, what the verdict and the summary say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from tests.run.conftest import at, conversation, message, record, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.run.conftest import Ran

    Run = Callable[..., Ran]
    Write = Callable[..., Any]

pytestmark = pytest.mark.engine

USUAL = "tests/handlers/usual.py:lambda_handler"
SEES = """
    import boto3, os
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
    def handler(event, context):
        rows = table.scan(ConsistentRead=True)["Items"]
        print("SAW", len(event["Records"]), *sorted(r["pk"] + "|" + r["sk"][17:19] for r in rows))
"""
"""Prints which rows are there at each delivery."""


def saw(log: Path) -> list[list[str]]:
    return [line.split()[1:] for line in log.read_text().splitlines() if line.startswith("SAW")]


def test_the_function_is_right_on_the_recorded_conversation(run: Run) -> None:
    ran = run()
    assert (ran.code, ran.report["verdict"], ran.report["findings"]) == (0, "right", [])
    assert ran.summary["messages"] > 200
    assert ran.summary["batches"] == -(-ran.summary["messages"] // 100)
    assert ran.summary["retries"] == 0
    assert ran.summary["requests"].keys() == {"Query", "TransactWriteItems"}
    assert ran.summary["quiet"] is True


def test_the_function_is_right_when_every_record_and_its_own_writes_are_delivered(run: Run) -> None:
    ran = run("--filter", "none", "--batch-size", "7")
    assert (ran.code, ran.report["verdict"]) == (0, "right")
    assert ran.summary["filtered"] == 0
    assert ran.summary["deliveries"] > ran.summary["records"] / 7


def test_the_usual_function_is_convicted_of_lost_and_backward_rows(run: Run) -> None:
    ran = run("--handler", USUAL)
    assert (ran.code, ran.report["verdict"]) == (1, "wrong")
    assert {"behind", "missing"} <= ran.kinds
    for finding in ran.report["findings"]:
        assert finding.keys() == {"kind", "group", "member", "expected", "found", "delivery"}
        assert finding["group"]
        assert finding["member"]
    missing = [finding for finding in ran.report["findings"] if finding["kind"] == "missing"]
    assert all(finding["found"] is None and finding["delivery"] for finding in missing)


def test_attributes_of_other_owners_lost_are_named(run: Run, events: Write) -> None:
    lines = conversation(4)
    for line in lines[:2]:
        line["dynamodb"]["NewImage"]["unread"] = {"N": "2"}
    ran = run(events(lines), "--handler", USUAL, "--batch-size", "1")
    assert ran.kinds == {"altered"}
    assert {finding["expected"] for finding in ran.report["findings"]} == {"unread={'N': '2'}"}
    assert ran.summary["amplification"] == 5.0
    assert ran.summary["requests_elsewhere"].keys() == {
        f"{name} to http://dynamodb.ca-central-1.amazonaws.com" for name in ("Query", "DeleteItem", "PutItem")
    }


def test_the_delivery_that_last_touched_a_row_is_named(run: Run, handler: Write, events: Write) -> None:
    """The second delivery removes a row, the third puts another one's text ahead."""
    source = """
        import boto3, os
        table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
        count = 0
        def handler(event, context):
            global count
            count += 1
            if count == 2:
                table.delete_item(Key={"pk": "GRP#a", "sk": "2026-03-14T10:00:00.000000+00:00"})
            if count == 3:
                table.update_item(Key={"pk": "GRP#b", "sk": "2026-03-14T10:00:00.000000+00:00"},
                                  UpdateExpression="SET extra = :e", ExpressionAttributeValues={":e": "x"})
    """
    ran = run(events(conversation(4)), "--handler", handler(source), "--batch-size", "1")
    found = {(finding["kind"], finding["member"], finding["delivery"]) for finding in ran.report["findings"]}
    assert found == {("missing", "a", 2), ("behind", "b", 3), ("altered", "b", 3)}


def test_rows_are_in_the_table_when_their_records_are_delivered_and_not_before(
    run: Run, handler: Write, events: Write, tmp_path: Path
) -> None:
    lines = [
        record(1, new=message("g", at(1))),
        record(2, "REMOVE", old=row("a", "g", at(0))),
        record(3, new=message("g", at(2))),
        record(4, new=row("b", "g", at(2))),
        record(5, new=message("g", at(3))),
        record(6, new=row("b", "g", at(3))),
        record(7, new=message("g", at(4))),
        record(8, new=row("c", "g", at(9))),
    ]
    log = tmp_path / "log"
    run(events(lines), "--handler", handler(SEES), "--batch-size", "1", "--log", log)
    assert saw(log) == [
        ["1", "GRP#a|00", "MSG#g|01"],
        ["1", "GRP#a|00", "MSG#g|01", "MSG#g|02"],
        ["1", "GRP#a|00", "GRP#b|02", "MSG#g|01", "MSG#g|02", "MSG#g|03"],
        ["1", "GRP#a|00", "GRP#b|02", "MSG#g|01", "MSG#g|02", "MSG#g|03", "MSG#g|04"],
    ]


def test_an_inserted_row_is_put_before_the_batch_in_which_it_stands(
    run: Run, handler: Write, events: Write, tmp_path: Path
) -> None:
    lines = [
        record(1, new=message("g", at(1))),
        record(2, new=row("b", "g", at(0))),
        record(3, new=message("g", at(2))),
    ]
    log = tmp_path / "log"
    run(events(lines), "--handler", handler(SEES), "--log", log)
    assert saw(log) == [["2", "GRP#b|00", "MSG#g|01", "MSG#g|02"]]


def test_edits_and_deletions_of_messages_follow_their_records(run: Run, events: Write) -> None:
    old, new = message("g", at(1), "first"), message("g", at(1), "edited")
    lines = [
        *conversation(0),
        record(3, new=old),
        record(4, "MODIFY", old=old, new=new),
        record(5, new=message("g", at(2))),
        record(6, "REMOVE", old=message("g", at(2))),
    ]
    ran = run(events(lines), "--batch-size", "1")
    assert (ran.code, ran.summary["rows"]) == (0, 3)


def test_a_group_row_without_images_is_wrong_use_naming_the_view_type(run: Run, events: Write) -> None:
    line = record(1, "REMOVE", old=row("a", "g", at(0)))
    del line["dynamodb"]["OldImage"]
    line["dynamodb"]["StreamViewType"] = "NEW_IMAGE"
    ran = run(events([line]))
    assert ran.code == 2
    assert "NEW_IMAGE" in ran.said
    assert "--table-state" in ran.said


def test_poison_is_given_up_and_the_rest_is_right(run: Run, events: Write, tmp_path: Path) -> None:
    lines = [*conversation(6), record(9, new=message("g", "soon"))]
    del lines[4]["dynamodb"]["NewImage"]
    lines[6]["dynamodb"]["NewImage"]["message"] = {"N": "5"}
    poison = [lines[4], lines[6], lines[8]]
    ran = run(events(lines), "--discards", tmp_path / "discards", "--maximum-retry-attempts", "2")
    assert (ran.code, ran.report["verdict"], ran.summary["messages"]) == (0, "right", 4)
    assert [(discard["first_sequence"], discard["records"]) for discard in ran.summary["discards"]] == [
        (record["dynamodb"]["SequenceNumber"], 1) for record in poison
    ]
    kept = [json.loads(file.read_text()) for file in sorted((tmp_path / "discards").rglob("*")) if file.is_file()]
    payloads = [json.loads(content["payload"])["Records"] for content in kept]
    assert sorted(payloads, key=str) == sorted(([record] for record in poison), key=str)


def test_messages_that_were_given_up_still_count_as_said(run: Run, handler: Write, events: Write) -> None:
    ran = run(
        events(conversation(1)),
        *("--handler", handler("def handler(event, context): raise ValueError('no')")),
        *("--maximum-retry-attempts", "2"),
    )
    assert ran.code == 1
    assert ran.kinds == {"behind"}
    assert (ran.summary["deliveries"], ran.summary["batches"], ran.summary["retries"]) == (3, 1, 2)
    assert ran.summary["failures"][0]["outcome"] == "raised ValueError: no"


def test_a_handler_that_takes_too_long_is_killed_and_tried_again(run: Run, handler: Write, events: Write) -> None:
    source = """
        import os, pathlib, time
        mark = pathlib.Path(__file__).with_suffix(".mark")
        def handler(event, context):
            if not mark.exists():
                mark.touch()
                time.sleep(60)
    """
    ran = run(events(conversation(1)), "--handler", handler(source), "--function-timeout", "0.5")
    assert (ran.summary["deliveries"], ran.summary["cold_starts"]) == (2, 2)
    assert ran.summary["failures"][0]["outcome"] == "timed out after 0.5 s"


def test_partial_answers_are_read_where_the_mapping_says_so(run: Run, handler: Write, events: Write) -> None:
    source = """
        from stream_processor.handler import lambda_handler
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            number = event["Records"][-1]["dynamodb"]["SequenceNumber"]
            if calls == 1:
                return {"batchItemFailures": [{"itemIdentifier": number}]}
            return lambda_handler(event, context)
    """
    read = run(events(conversation(4)), "--handler", handler(source))
    assert (read.summary["deliveries"], read.summary["retries"]) == (2, 1)
    ignored = run(events(conversation(4)), "--handler", handler(source), "--no-partial-responses")
    assert (ignored.summary["deliveries"], ignored.code) == (1, 1)


def test_an_identifier_that_is_none_of_the_batch_is_named(run: Run, handler: Write, events: Write) -> None:
    source = handler("def handler(event, context): return {'batchItemFailures': [{'itemIdentifier': 'abc'}]}")
    ran = run(events(conversation(2)), "--handler", source, "--maximum-retry-attempts", "1")
    said = "answered with itemIdentifier 'abc', which is none of the batch's: the whole batch failed"
    assert [failure["outcome"] for failure in ran.summary["failures"]] == [said] * ran.summary["deliveries"]
    assert f"replay: delivery 1 of 2 records {said}; going on" in ran.said


def test_an_answer_nobody_can_read_ends_the_run_against_the_handler(run: Run, handler: Write, events: Write) -> None:
    source = handler("def handler(event, context): return {'statusCode': 200}")
    ran = run(events(conversation(1)), "--handler", source)
    assert (ran.code, ran.report["verdict"]) == (1, "wrong")
    assert "statusCode" in ran.summary["ended"]
    assert run(events(conversation(1)), "--handler", source, "--switch", "Q9=success").summary["ended"] is None


def test_own_writes_come_back_until_it_is_quiet(run: Run, handler: Write, events: Write) -> None:
    """Each message leads to a note, each note to another, three deep."""
    source = """
        import boto3, os
        table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
        def handler(event, context):
            for record in event["Records"]:
                key = record["dynamodb"]["Keys"]["pk"]["S"]
                depth = int(key.removeprefix("NOTE#")) if key.startswith("NOTE#") else 0
                if depth < 3 and (depth or key.startswith("MSG#")):
                    table.put_item(Item={"pk": f"NOTE#{depth + 1}", "sk": record["eventID"]})
    """
    ran = run(events([record(1, new=message("g", at(1)))]), "--handler", handler(source), "--filter", "none")
    assert (ran.code, ran.summary["quiet"], ran.summary["own_writes"], ran.summary["amplification"]) == (
        0,
        True,
        3,
        4.0,
    )
    assert (ran.summary["batches"], ran.summary["own_batches"]) == (4, 3)
    filtered = run(events([record(1, new=message("g", at(1)))]), "--handler", handler(source))
    assert (filtered.summary["quiet"], filtered.summary["own_writes"]) == (True, 1)


def test_a_handler_that_never_gets_quiet_is_stopped_and_convicted(run: Run, handler: Write, events: Write) -> None:
    source = """
        import boto3, os
        table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
        def handler(event, context):
            for record in event["Records"]:
                table.put_item(Item={"pk": "NOTE", "sk": record["eventID"]})
    """
    ran = run(events([record(1, new=message("g", at(1)))]), "--handler", handler(source), "--filter", "none")
    assert (ran.code, ran.report["verdict"], ran.summary["quiet"]) == (1, "wrong", False)


def test_recorded_batches_can_be_kept(run: Run, handler: Write, events: Write, tmp_path: Path) -> None:
    lines = conversation(5)
    batches = [{"Records": lines[:3]}, {"Records": lines[3:4]}, {"Records": lines[4:]}]
    log = tmp_path / "log"
    ran = run(events(batches), "--handler", handler(SEES), "--keep-batches", "--batch-size", "1", "--log", log)
    assert [counts[0] for counts in saw(log)] == ["1", "1", "3"]
    assert ran.summary["batches"] == 3
    assert run(events(lines), "--keep-batches").code == 2


def test_kept_batches_stay_apart_when_one_fails(run: Run, handler: Write, events: Write, tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            print("SAW", len(event["Records"]))
            if len(event["Records"]) == 2:
                raise ValueError
    """
    lines = conversation(4)
    log = tmp_path / "log"
    batches = [{"Records": lines[2:4]}, {"Records": lines[4:5]}, {"Records": lines[5:]}]
    run(events(batches), "--handler", handler(source), "--keep-batches", "--no-bisect", "--log", log)
    assert [counts[0] for counts in saw(log)] == ["2"] * 11 + ["1", "1"]


def test_children_come_after_their_parents(run: Run, handler: Write, events: Write, tmp_path: Path) -> None:
    source = """
        def handler(event, context):
            print("SAW", *(r["dynamodb"]["SequenceNumber"].lstrip("0") for r in event["Records"]))
            assert not any("shardId" in r or "parentShardId" in r for r in event["Records"])
    """
    lines = conversation(4)
    shards = [("child", "parent"), ("parent", None), ("child", "parent"), ("parent", None)]
    marked = [
        line | {"shardId": shard} | ({"parentShardId": parent} if parent else {})
        for line, (shard, parent) in zip(lines[2:], shards, strict=True)
    ]
    log = tmp_path / "log"
    ran = run(events(marked), "--handler", handler(source), "--log", log)
    assert saw(log) == [["4", "6"], ["3", "5"]]
    assert ran.summary["failed_deliveries"] == 0


def test_everything_of_a_parent_is_written_before_its_child_is_delivered(
    run: Run, handler: Write, events: Write, tmp_path: Path
) -> None:
    """Also what stands behind the parent's last delivered record."""
    lines = [
        record(1, new=message("g", at(1))) | {"shardId": "parent"},
        record(2, new=row("a", "g", at(0))) | {"shardId": "parent"},
        record(3, new=message("g", at(3))) | {"shardId": "child", "parentShardId": "parent"},
    ]
    log = tmp_path / "log"
    run(events(lines), "--handler", handler(SEES), "--log", log)
    assert saw(log) == [["1", "MSG#g|01"], ["1", "GRP#a|00", "MSG#g|01", "MSG#g|03"]]


def test_duplicates_are_left_out_and_counted(run: Run, events: Write) -> None:
    lines = conversation(3)
    ran = run(events([*lines, *lines]))
    assert (ran.code, ran.summary["records"], ran.summary["duplicates"]) == (0, 5, 5)


def test_the_handler_finds_table_index_and_given_variables(
    run: Run, handler: Write, events: Write, tmp_path: Path
) -> None:
    source = """
        import os
        NAMES = "TABLE_NAME", "GROUP_INDEX_NAME", "MINE", "AWS_REGION"
        def handler(event, context):
            print("SAW", *(os.environ[name] for name in NAMES), context.function_name)
    """
    log = tmp_path / "log"
    ran = run(events(conversation(1)), "--handler", handler(source), "--env", "MINE=a=b", "--log", log)
    assert saw(log) == [[ran.summary["table"], "message-group-sk-index", "a=b", "us-east-1", "StreamProcessor"]]


def test_without_a_table_everything_is_delivered_and_nothing_judged(
    handler: Write, events: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = handler("def handler(event, context): print('SAW', len(event['Records']))")
    command = ["run", str(events(conversation(5))), "--table", "none", "--handler", source, "--batch-size", "2"]
    assert main([*command, "--json", "--log", str(tmp_path / "log")]) == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)["summary"]
    assert (summary["records"], summary["deliveries"], summary["judged"]) == (7, 3, False)
    assert saw(tmp_path / "log") == [["2"], ["2"], ["1"]]
    assert err == "", "no engine is started"
    assert main([*command, "--lag", "1"]) == 2
    assert "--table none" in capsys.readouterr().err


WRONG_USES = {
    "no such file": (["nothing.jsonl"], "there is no file nothing.jsonl"),
    "no such handler file": (["--handler", "nothing.py:handler"], "there is no file nothing.py"),
    "no such module": (["--handler", "nothing_here:handler"], "there is no module 'nothing_here'"),
    "no such function": (["--handler", "stream_processor.handler:lambda_handle"], "did you mean 'lambda_handler'"),
    "no pair": (["--env", "NAME"], "--env 'NAME' is no NAME=VALUE"),
    "no switch": (["--switch", "Q99=x"], "there is no switch 'Q99'"),
    "no switch value": (["--switch", "Q1=x"], "switch Q1 is fresh or inherited"),
    "no format": (["--format", "lamda"], "did you mean 'lambda'"),
    "batch size": (["--batch-size", "0"], "BatchSize must be 1 to 10000, not 0"),
    "filter": (["--filter", "nothing.json"], "filter nothing.json"),
    "template": (["--template", "nothing.yaml"], "nothing.yaml"),
    "parameter": (["--parameter", "BatchSzie=5"], "did you mean 'BatchSize'"),
    "function": (["--function", "StreamProcesor"], "did you mean 'StreamProcessor'"),
    "option": (["--bogus"], "No such option"),
}


@pytest.mark.parametrize("name", WRONG_USES)
def test_wrong_use_is_one_line_and_exit_code_2(run: Run, name: str) -> None:
    arguments, reason = WRONG_USES[name]
    ran = run(*arguments)
    lines = [line for line in ran.said.splitlines() if not line.startswith("replay: table ")]
    assert ran.code == 2
    assert len(lines) == 1
    assert reason in lines[0]


def test_a_table_that_holds_rows_is_refused(
    engine_endpoint: str, dynamodb: DynamoDBClient, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {"S": "b"}})
    assert main(["run", "--endpoint-url", engine_endpoint, "--table", table]) == 2
    assert f"table {table} holds rows" in capsys.readouterr().err


def test_an_endpoint_that_is_not_local_is_asked_about(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert main(["run", "--endpoint-url", "http://dynamodb.example.com"]) == 2
    assert "--yes" in capsys.readouterr().err


def test_the_report_for_people_names_verdict_rows_and_figures(
    engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = f"run-text-{os.getpid()}-{time.monotonic_ns()}"
    assert main(["run", "--endpoint-url", engine_endpoint, "--table", table, "--handler", USUAL]) == 1
    out, err = capsys.readouterr()
    first, second, *rest = out.splitlines()
    assert re.fullmatch(r"The table is wrong: \d+ behind, \d+ missing", first)
    assert second.split() == ["kind", "group", "member", "expected", "found", "delivery"]
    assert any(line.startswith("requests ") for line in rest)
    assert all(line.startswith("replay: ") for line in err.splitlines())
    assert "\x1b" not in out + err


def test_the_engine_ends_with_the_run_even_when_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "slow.py"
    file.write_text("import time\ndef handler(event, context):\n    print('started', flush=True); time.sleep(60)")
    command = [sys.executable, "-m", "replay", "run", "--verbose", "--handler", f"{file}:handler"]
    process = subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    with process.stderr:
        engine = int(re.findall(r"process (\d+)", process.stderr.readline())[0])
        while "started" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{engine}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{engine}").exists()


FOREIGN = [
    record(1, new={"pk": {"S": "ORDER#1"}, "sk": {"S": "LINE#1"}, "state": {"S": "open"}}),
    record(2, new={"pk": {"S": "ORDER#2"}, "sk": {"S": "LINE#1"}, "state": {"S": "open"}}),
]
"""Records of a table of no messages."""

UNJUDGED = {
    "all taken": ("return None", "none", (0, "not judged"), "Not judged: no message of the messages table"),
    "all failed": ("raise ValueError", "none", (1, "wrong"), "The handler is wrong: no delivery succeeded"),
    "given up": (
        "return {'batchItemFailures': [{'itemIdentifier': event['Records'][0]['dynamodb']['SequenceNumber']}]}",
        "none",
        (1, "wrong"),
        "The handler is wrong: 2 records given up; the table is not judged: no message",
    ),
    "all dropped": ("raise ValueError", "template", (0, "not judged"), "Not judged: no message of the messages table"),
}


@pytest.mark.parametrize("name", UNJUDGED)
def test_records_without_a_message_are_not_judged(
    run: Run, handler: Write, events: Write, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    body, chosen, ending, headline = UNJUDGED[name]
    options = (events(FOREIGN), "--handler", handler(f"def handler(event, context): {body}"), "--filter", chosen)
    ran = run(*options, "--maximum-retry-attempts", "1")
    assert (ran.code, ran.report["verdict"], ran.summary["judged"]) == (*ending, False)
    command = ["run", *map(str, options), "--maximum-retry-attempts", "1", "--endpoint-url", ran.summary["endpoint"]]
    assert main([*command, "--table", f"{ran.summary['table']}-told"]) == ending[0]
    assert capsys.readouterr().out.startswith(headline)


def test_what_was_given_up_stands_beside_the_verdict(
    run: Run, events: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [*conversation(1), record(50, new={**message("g", at(5)), "sk": {"S": "yesterday"}})]
    ran = run(events(lines), "--maximum-retry-attempts", "1")
    assert (ran.code, ran.report["verdict"]) == (0, "right")
    options = ["--maximum-retry-attempts", "1", "--endpoint-url", ran.summary["endpoint"]]
    assert main(["run", str(events(lines)), *options, "--table", f"{ran.summary['table']}-told"]) == 0
    assert capsys.readouterr().out.startswith("The table is right but for 1 record given up: ")


def test_messages_that_the_filter_drops_are_not_judged(run: Run, events: Write, tmp_path: Path) -> None:
    pattern = tmp_path / "none.json"
    pattern.write_text('{"eventName": ["REMOVE"]}')
    ran = run(events([record(1, new=message("g", at(1)))]), "--filter", pattern)
    assert (ran.code, ran.report["verdict"]) == (0, "not judged")
    lost = run(events(conversation(1)), "--filter", pattern)
    assert (lost.code, lost.kinds) == (1, {"behind"})


def test_a_handler_that_never_succeeds_is_wrong_whatever_the_table_shows(
    run: Run, handler: Write, events: Write
) -> None:
    source = handler("def handler(event, context): raise ValueError")
    ran = run(events([record(1, new=message("g", at(1)))]), "--handler", source)
    assert (ran.code, ran.report["verdict"], ran.report["findings"]) == (1, "wrong", [])
