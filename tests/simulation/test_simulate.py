"""The command: what it prints, its exit codes, and what it refuses to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from tests.simulation.conformance import ERROR, record, records, seq

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, case: Any, name: str = "case.json") -> str:  # noqa: ANN401 - JSON, wrong ones too
    path = folder / name
    path.write_text(case if isinstance(case, str) else json.dumps(case), encoding="utf-8")
    return str(path)


def test_without_expectation_it_ends_well_even_with_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, {"records": records(1), "mapping": {"BatchSize": 0}})
    assert main(["simulate", "--json", path]) == 0
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "InvalidParameterValueException"


@pytest.mark.parametrize("case", [{}, {"expect": {}}], ids=["no expectation", "an empty one"])
def test_without_expectation_it_says_that_nothing_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: dict[str, Any]
) -> None:
    path = written(tmp_path, case)
    assert main(["simulate", path]) == 0
    assert main(["simulate", "--json", path]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("case: the case expects nothing, so nothing is judged\n")
    assert err == "case: the case expects nothing, so nothing is judged\n"


def test_difference_is_shown_and_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, {"name": "mine", "records": records(2), "expect": {"invocations": [{"at_s": 3}]}})
    assert main(["simulate", path]) == 1
    assert main(["simulate", "--json", path]) == 1
    out, err = capsys.readouterr()
    assert "mine: not as expected\n  invocations[0].at_s: expected 3, not 0" in out
    assert "mine: not as expected" in err


def test_what_is_left_out_is_not_compared_and_lists_have_equal_length(tmp_path: Path) -> None:
    right = {
        "records": records(2),
        "mapping": {"BatchSize": 1},
        "expect": {"invocations": [{}, {"outcome": "success"}]},
    }
    assert main(["simulate", written(tmp_path, right)]) == 0
    short = {**right, "expect": {"invocations": [{}]}}
    assert main(["simulate", written(tmp_path, short)]) == 1


def test_true_is_not_one(tmp_path: Path) -> None:
    sized = {"dynamodb": {"SizeBytes": 1}}
    seen = {"event": {"Records": [{"dynamodb": {"SizeBytes": True}}]}}
    case = {"records": [record(1, record=sized)], "expect": {"invocations": [seen]}}
    assert main(["simulate", written(tmp_path, case)]) == 1


KEYLESS = {
    "records": records(1),
    "mapping": {"ParallelizationFactor": 2},
    "switches": {"Q11": "partition"},
    "partition_key": "id",
}


@pytest.mark.parametrize(
    "wrong", ["{", "[" * 100_000, KEYLESS], ids=["no JSON", "nested without end", "no partition key"]
)
def test_one_unreadable_case_of_several_runs_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: object
) -> None:
    good, bad = written(tmp_path, {}, "good.json"), written(tmp_path, wrong, "bad.json")
    assert main(["simulate", "--json", good, bad]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "bad.json" in err


def test_event_is_printed_as_the_function_gets_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {"pk": {"S": "Zoë \ud83d\ude00"}}
    path = written(tmp_path, {"records": [record(1, record={"dynamodb": {"Keys": keys}})]})
    assert main(["simulate", "--json", path]) == 0
    printed = capsys.readouterr().out
    assert "Zoë 😀" in printed
    assert '"ApproximateCreationDateTime": 1767225600.0' in printed


def test_half_a_surrogate_is_printed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = {"records": [record(1, record={"dynamodb": {"Keys": {"pk": {"S": "\ud800"}}}})]}
    assert main(["simulate", "--json", written(tmp_path, case)]) == 0
    assert json.loads(capsys.readouterr().out)["invocations"][0]["event"]["Records"][0]["dynamodb"]["SizeBytes"] == 10


@pytest.mark.parametrize(
    ("expect", "ending"),
    [({}, 0), ({"expect": {}}, 0), ({"expect": {"error": {}}}, 1)],
    ids=["told", "as-expected", "different"],
)
def test_half_a_surrogate_is_escaped_for_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], expect: dict[str, Any], ending: int
) -> None:
    path = written(tmp_path, {"name": "\ud800", "records": [record(1, shard="\ud800")], **expect})
    assert main(["simulate", path]) == ending
    assert "\\ud800: " in capsys.readouterr().out.replace(":\n", ": ")


@pytest.mark.parametrize("text", ["x\ny", "x" * 5000], ids=["lines", "long"])
def test_refusal_quotes_its_input_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    for case in ({text: 1}, {"switches": {"Q1": text}}, {"switches": {text: "fresh"}}, {"mapping": {text: 1}}):
        assert main(["simulate", written(tmp_path, case)]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert len(err) < 1000


def test_run_is_told_for_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = {
        "name": "mine",
        "records": records(1),
        "mapping": {"MaximumRetryAttempts": 0},
        "function": [{"then": ERROR}],
    }
    assert main(["simulate", written(tmp_path, case)]) == 0
    out = capsys.readouterr().out
    assert f"at 0 s  shardId-A  failure  {seq(1)}" in out
    assert "given up: shardId-A" in out
    assert "PolledEventCount: 1" in out


@pytest.mark.conformance("T-G20")
def test_filter_that_is_probably_not_meant_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = '{"eventSource":["x"],"dynamodb":{"Keys":{"pk":{"S":["a"]}}},"dynamodb":{"Keys":{"pk":{"S":["b"]}}}}'
    case: dict[str, Any] = {"mapping": {"FilterCriteria": {"Filters": [{"Pattern": pattern}]}}}
    assert main(["simulate", "--json", written(tmp_path, case)]) == 0
    warned = capsys.readouterr().err
    assert "stands more than once" in warned
    assert "eventSource" in warned
    case["switches"] = {"Q20": "accept"}
    assert main(["simulate", "--json", written(tmp_path, case)]) == 0
    warned = capsys.readouterr().err
    assert "stands more than once" in warned
    assert "eventSource" not in warned


ONE = records(1)
WRONG: dict[str, tuple[Any, str]] = {
    "not JSON": ("{", "no JSON"),
    "NaN": ('{"records": [{"sequence": "1", "age_s": NaN}]}', "NaN is no JSON"),
    "a number beyond all bounds": ('{"function": [{"then": {"return": 1e999}}]}', "1e999 is too large a number"),
    "a key twice": ('{"name": "a", "name": "b"}', "'name' stands twice"),
    "no object": ([], "the case must be an object, not []"),
    "unknown key": ({"record": []}, "there is no key 'record' in the case; did you mean 'records'?"),
    "unknown key of a record": ({"records": [{"sequence": "1", "ages": 1}]}, "in records[0]; did you mean 'age_s'?"),
    "unknown key of the wire record": (
        {"records": [{"sequence": "1", "record": {"x": 1}}]},
        "'x' in records[0].record",
    ),
    "unknown key of the change": (
        {"records": [{"sequence": "1", "record": {"dynamodb": {"Key": {}}}}]},
        "did you mean 'Keys'?",
    ),
    "unknown parameter": (
        {"mapping": {"BatchSiz": 1}},
        "there is no key 'BatchSiz' in mapping; did you mean 'BatchSize'?",
    ),
    "unknown nested parameter": (
        {"mapping": {"DestinationConfig": {"OnSuccess": {}}}},
        "'OnSuccess' in DestinationConfig",
    ),
    "unknown key of a filter": (
        {"mapping": {"FilterCriteria": {"Filters": [{"Patern": "{}"}]}}},
        "did you mean 'Pattern'?",
    ),
    "unknown switch": ({"switches": {"Q99": "x"}}, "there is no switch 'Q99'"),
    "unknown value of a switch": ({"switches": {"Q1": "new"}}, "switch Q1 is fresh or inherited, not 'new'"),
    "unknown key of a rule": ({"function": [{"then": {}, "if": {}}]}, "'if' in function[0]"),
    "rule without end": ({"function": [{"times": 1}]}, "function[0] needs 'then'"),
    "unknown condition": ({"function": [{"when": {"last": "1"}, "then": {}}]}, "'last' in function[0].when"),
    "two ends": ({"function": [{"then": {"return": 1, "raise": "E"}}]}, "return and raise"),
    "no end": ({"function": [{"then": {}}]}, "function[0].then has no end"),
    "no end but a time": ({"function": [{"then": {"takes_s": 1}}]}, "function[0].then has no end"),
    "raise true": ({"function": [{"then": {"raise": True}}]}, "function[0].then.raise must be a text, not true"),
    "contains null": (
        {"function": [{"when": {"contains": None}, "then": ERROR}]},
        "function[0].when.contains must be a list, not null",
    ),
    "view type null": ({"view_type": None}, "view_type must be"),
    "timeout false": ({"function": [{"then": {"timeout": False}}]}, "function[0].then.timeout must be true"),
    "throttle that takes time": ({"function": [{"then": {"throttle": True, "takes_s": 1}}]}, "takes no time"),
    "negative time": ({"records": [{"sequence": "1", "age_s": -1}]}, "records[0].age_s must be a number of seconds"),
    "time as text": ({"records": [{"sequence": "1", "available_at_s": "1"}]}, "available_at_s must be a number"),
    "time as truth": ({"function": [{"then": {"return": 1, "takes_s": True}}]}, "takes_s must be a number"),
    "no sequence": ({"records": [{}]}, "records[0].sequence must be a text of digits, not null"),
    "sequence as number": ({"records": [{"sequence": 1}]}, "must be a text of digits, not 1"),
    "sequence of letters": ({"records": [{"sequence": "1a"}]}, "must be a text of digits"),
    "foreign digits": ({"records": [{"sequence": "\u0661"}]}, "must be a text of digits"),
    "long sequence": ({"records": [{"sequence": "1" * 41}]}, "has 41 digits"),
    "repeated sequence": ({"records": [*ONE, *ONE]}, f"sequence number {seq(1)} occurs twice"),
    "repeated in another shard": ({"records": [*ONE, record(1, shard="B")]}, "occurs twice"),
    "repeated as a number": ({"records": [{"sequence": "7"}, {"sequence": "07"}]}, "occurs twice"),
    "availability runs back": (
        {"records": [record(1, available_at_s=2), record(2, available_at_s=1)]},
        "is available before",
    ),
    "creation runs back": ({"records": [record(1), record(2, age_s=0.5)]}, "was created before"),
    "two parents": (
        {"records": [record(1, parent_shard="P"), record(2, parent_shard="Q")]},
        "shard shardId-A has one parent, not P and Q",
    ),
    "own ancestor": (
        {"records": [record(1, shard="P", parent_shard="Q"), record(2, shard="Q", parent_shard="P")]},
        "descend from themselves",
    ),
    "keys that are no attributes": (
        {"records": [record(1, record={"dynamodb": {"Keys": {"pk": "a"}}})]},
        "DynamoDB values",
    ),
    "an image that is none": (
        {"records": [record(1, record={"dynamodb": {"NewImage": 7, "SizeBytes": 1}})]},
        "records[0].record.dynamodb.NewImage must be an object, not 7",
    ),
    "an unknown type of value": (
        {"records": [record(1, record={"dynamodb": {"Keys": {"pk": {"Q": "a"}}}})]},
        "Keys.pk: ",
    ),
    "two types of one value": (
        {"records": [record(1, record={"dynamodb": {"OldImage": {"a": {"L": [{"S": "a", "N": "1"}]}}}})]},
        "OldImage.a.L[0]: keys and images hold DynamoDB values",
    ),
    "a value of a wrong type": (
        {"records": [record(1, record={"dynamodb": {"NewImage": {"a": {"M": {"b": {"N": 1}}}}}})]},
        "NewImage.a.M.b.N must be a text, not 1",
    ),
    "event name as number": (
        {"records": [record(1, record={"eventName": 7})]},
        "records[0].record.eventName must be a text, not 7",
    ),
    "size as text": (
        {"records": [record(1, record={"dynamodb": {"SizeBytes": "1"}})]},
        "records[0].record.dynamodb.SizeBytes must be a whole number",
    ),
    "creation time as truth": (
        {"records": [record(1, record={"dynamodb": {"ApproximateCreationDateTime": True}})]},
        "ApproximateCreationDateTime must be a number, not true",
    ),
    "another sequence number": (
        {"records": [record(1, record={"dynamodb": {"SequenceNumber": "5"}})]},
        f'records[0].record.dynamodb.SequenceNumber is "5"; the record\'s is {seq(1)}',
    ),
    "unknown view type": ({"view_type": "ALL"}, "view_type must be"),
    "unknown destination": ({"destination": {"type": "kafka"}}, "destination.type must be sqs or sns or s3"),
    "destination true": ({"destination": True}, "destination must be an object"),
    "unknown action": ({"actions": [{"at_s": 1, "do": "pause"}]}, "actions[0].do must be"),
    "action without time": ({"actions": [{"do": "restart"}]}, "actions[0] needs 'at_s'"),
    "actions out of order": (
        {"actions": [{"at_s": 2, "do": "restart"}, {"at_s": 1, "do": "restart"}]},
        "actions[1] is earlier",
    ),
    "redelivery of nothing": ({"actions": [{"at_s": 1, "do": "redeliver", "sequences": []}]}, "not empty"),
    "redelivery of a stranger": ({"actions": [{"at_s": 1, "do": "redeliver", "sequences": ["5"]}]}, "no record 5"),
    "redelivery of two shards": (
        {
            "records": [record(1), record(2, shard="B")],
            "actions": [{"at_s": 1, "do": "redeliver", "sequences": [seq(1), seq(2)]}],
        },
        "a batch is of one shard",
    ),
    "redelivery of more than a batch": (
        {
            "records": records(2),
            "mapping": {"BatchSize": 1},
            "actions": [{"at_s": 1, "do": "redeliver", "sequences": [seq(1), seq(2)]}],
        },
        "actions[0].sequences are 2; a batch has at most 1",
    ),
    "redelivery of what is filtered out": (
        {
            "records": ONE,
            "mapping": {"FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["REMOVE"]}'}]}},
            "actions": [{"at_s": 1, "do": "redeliver", "sequences": [seq(1)]}],
        },
        f"record {seq(1)} is filtered out",
    ),
    "redelivery of what is not there yet": (
        {
            "records": records(1, available_at_s=1),
            "actions": [{"at_s": 1, "do": "redeliver", "sequences": [seq(1)]}],
        },
        f"record {seq(1)} is not available before 1 s",
    ),
    "sequences of a restart": ({"actions": [{"at_s": 1, "do": "restart", "sequences": []}]}, "only redeliver"),
    "unknown expectation": ({"expect": {"invocation": []}}, "did you mean 'invocations'?"),
    "unknown key of an invocation": ({"expect": {"invocations": [{"sequence": []}]}}, "did you mean 'sequences'?"),
    "unknown key of a message": ({"expect": {"destination": [{"size": 1}]}}, "in expect.destination[0]"),
    "unknown metric": ({"expect": {"metrics": {"PolledCount": 1}}}, "did you mean 'PolledEventCount'?"),
    "unknown outcome": (
        {"expect": {"invocations": [{"outcome": "sucess"}]}},
        'expect.invocations[0].outcome must be success or partial or failure, not "sucess"',
    ),
    "time of an invocation as text": ({"expect": {"invocations": [{"at_s": "0"}]}}, "at_s must be a number"),
    "unknown key of an event": (
        {"expect": {"invocations": [{"event": {"records": []}}]}},
        "in expect.invocations[0].event; did you mean 'Records'?",
    ),
    "unknown condition of a message": (
        {"expect": {"destination": [{"condition": "MaximumRecordAgeExceeded"}]}},
        "condition must be RetryAttemptsExhausted or RecordAgeExceeded",
    ),
    "unknown function error": ({"expect": {"destination": [{"functionError": "X"}]}}, "must be Unhandled"),
    "response context that is none": ({"expect": {"destination": [{"responseContext": None}]}}, "true or false"),
    "checkpoint as number": ({"expect": {"checkpoint": {"A": 1}}}, "expect.checkpoint.A must be a text, not 1"),
    "count below 0": ({"expect": {"metrics": {"PolledEventCount": -1}}}, "must be a whole number from 0, not -1"),
    "unknown error": ({"expect": {"error": {"type": "WrongUse"}}}, "expect.error.type must be"),
    "no partition key": (KEYLESS, "has no key attribute 'id'"),
}


@pytest.mark.parametrize(("case", "said"), WRONG.values(), ids=WRONG)
def test_case_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: object, said: str
) -> None:
    assert main(["simulate", "--json", written(tmp_path, case)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_why_a_case_cannot_be_read_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\xff\xfe")
    for path, why in (
        (str(tmp_path), f"case '{tmp_path}' cannot be read: it is a folder"),
        (str(garbage), f"case '{garbage}' cannot be read: it is no UTF-8 text (byte 1)"),
        (written(tmp_path, "9" * 5000, "digits.json"), "no JSON that can be read: it has a number of too many digits"),
        (written(tmp_path, "[" * 5000, "deep.json"), "no JSON that can be read: it is nested too deep"),
    ):
        assert main(["simulate", path]) == 2
        assert capsys.readouterr().err.endswith(f"{why}\n")


def test_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", str(tmp_path / "none.json")]) == 2
    assert "there is no case" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"ProvisionedPollerConfig": {}}, "ProvisionedPollerConfig is not available for DynamoDB streams."),
        ({"StartingPositionTimestamp": 1}, "StartingPositionTimestamp is not available"),
        ({"BatchSize": "10"}, "BatchSize must be a whole number"),
        ({"BatchSize": True}, "BatchSize must be a whole number"),
        ({"BatchSize": 1.5}, "BatchSize must be a whole number"),
        ({"BisectBatchOnFunctionError": "yes"}, "must be true or false"),
        ({"FunctionResponseTypes": ["ReportBatchItemFailures", "x"]}, "may be [ReportBatchItemFailures]"),
        ({"MetricsConfig": {"Metrics": ["ErrorCount"]}}, "may be [EventCount]"),
        ({"FilterCriteria": {"Filters": []}}, "at least 1 filter"),
        ({"FilterCriteria": {"Filters": [{}]}}, "Invalid filter pattern definition."),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:kinesis:x:1:stream"}}}, "a topic or a bucket"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "kafka://topic"}}}, "not simulated"),
        ({"StartingPosition": 1}, "StartingPosition must be a text"),
        ({"Tags": 5}, "Tags must be an object of texts, not 5."),
        ({"Tags": {"team": 5}}, "Tags must be an object of texts"),
        ({"EventSourceArn": "arn:aws:kinesis:eu-west-1:111122223333:stream/s"}, "the ARN of a DynamoDB stream, not"),
    ],
)
def test_mapping_that_aws_refuses_is_an_error_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mapping: dict[str, Any], said: str
) -> None:
    assert main(["simulate", "--json", written(tmp_path, {"mapping": mapping, "records": ONE})]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["error"]["type"] == "InvalidParameterValueException"
    assert said in printed["error"]["message"]
    assert printed["invocations"] == []
    assert printed["checkpoint"] == {"shardId-A": None}


def test_null_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = dict.fromkeys(
        ("BatchSize", "FilterCriteria", "DestinationConfig", "FunctionResponseTypes", "MetricsConfig")
    )
    assert main(["simulate", "--json", written(tmp_path, {"mapping": mapping, "records": ONE})]) == 0
    assert json.loads(capsys.readouterr().out)["error"] is None
