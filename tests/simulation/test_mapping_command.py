"""The mapping of a template, shown and checked, in the styles people write templates in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.template_mappings import choose_mapping, mappings_in
from replay.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable

    Printed = Callable[..., tuple[int, Any]]

TEMPLATES = Path(__file__).resolve().parents[1] / "fixtures" / "templates"
PLAIN, CDK, TWO = (str(TEMPLATES / name) for name in ("plain-mapping.yaml", "cdk-synth.json", "two-functions.yaml"))
OWN = str(Path(__file__).resolve().parents[2] / "template.yaml")


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Run the command with --json and give its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, Any]:
        code = main(["mapping", *arguments, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


def found(printed: Printed, *arguments: str) -> dict[str, set[str]]:
    """The ids of what a check finds, by mapping."""
    code, told = printed("check", *arguments)
    dangers = {entry["name"]: {finding["id"] for finding in entry["findings"]} for entry in told["mappings"]}
    assert code == (1 if any(dangers.values()) else 0)
    for entry in told["mappings"]:
        for finding in entry["findings"]:
            assert finding["reason"]
            assert finding["evidence"][0] in "DRIS"
            assert finding["at"]
    return dangers


def test_own_template_has_nothing_dangerous(printed: Printed, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(printed, OWN) == {"StreamProcessor/Messages": set()}
    assert main(["mapping", "check"]) == 0
    assert "nothing dangerous" in capsys.readouterr().out


def test_plain_mapping_resource_is_shown_with_its_defaults(printed: Printed) -> None:
    code, told = printed("show", PLAIN)
    assert code == 0
    (shown,) = told["mappings"]
    assert shown["name"] == "OrdersToWorker"
    assert shown["parameters"] == {
        "FunctionName": "worker-dev",
        "EventSourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/orders-dev/stream/2026-01-01T00:00:00.000",
        "StartingPosition": "LATEST",
        "Enabled": True,
        "BatchSize": 5,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "FunctionResponseTypes": [],
        "TumblingWindowInSeconds": 0,
        "DestinationConfig": {"OnFailure": {}},
    }


def test_plain_mapping_resource_is_full_of_dangers(printed: Printed) -> None:
    assert found(printed, PLAIN)["OrdersToWorker"] == {
        "answers-ignored",
        "no-bisect",
        "endless-retries",
        "no-record-age",
        "no-destination",
        "latest",
        "own-writes-come-back",
        "no-metrics",
        "no-new-image",
        "index-loses-attributes",
    }


def test_parameters_decide_what_is_in_force(printed: Printed) -> None:
    arguments = (PLAIN, "--parameter", "Stage=prod", "--parameter", "Retries=2", "--function", "worker-prod")
    dangers = found(printed, *arguments)["OrdersToWorker"]
    assert {"fifo-destination", "metadata-only"} <= dangers
    assert not {"no-bisect", "endless-retries", "no-destination"} & dangers
    _, told = printed("show", *arguments)
    assert told["mappings"][0]["parameters"]["BatchSize"] == 500


def test_synthesised_template_is_read_like_a_written_one(printed: Printed) -> None:
    assert found(printed, CDK) == {
        "HandlerDynamoDBEventSourceStackTable0CFF5FCE": {
            "record-age-over-retention",
            "metadata-only",
            "filter-no-type-tag",
            "no-metrics",
        }
    }
    mapping = choose_mapping(Template.load(Path(CDK)))
    assert mapping.function is not None
    assert mapping.function.logical_id == "Handler886CB40B"
    assert mapping.table is not None
    read = EventSourceMapping.from_api(mapping.parameters)
    assert read.destination is not None
    assert read.destination.kind == "sns"


def test_two_functions_on_one_stream_are_both_checked(printed: Printed) -> None:
    dangers = found(printed, TWO)
    assert dangers["Indexer/Stream"] == {
        "BatchSize",
        "ParallelizationFactor",
        "MaximumRecordAgeInSeconds",
        "no-bisect",
        "no-record-age",
        "destination-without-type",
        "own-writes-come-back",
        "no-metrics",
        "many-readers",
    }
    assert {"answers-ignored", "disabled", "many-readers"} <= dangers["Notifier/Stream"]
    assert list(found(printed, TWO, "--function", "Notifier")) == ["Notifier/Stream"]
    assert len(mappings_in(Template.load(Path(TWO)))) == 2


def test_out_of_range_number_comes_with_the_nearest_right_one(printed: Printed) -> None:
    _, told = printed("check", TWO, "--function", "Indexer")
    lines = {finding["id"]: finding["write"] for finding in told["mappings"][0]["findings"]}
    assert lines["BatchSize"] == "BatchSize: 10000"
    assert lines["MaximumRecordAgeInSeconds"] == "MaximumRecordAgeInSeconds: 60"


def test_settings_of_the_command_line_win(printed: Printed) -> None:
    _, told = printed("show", OWN, "--set", "BatchSize=7", "--set", "Enabled=false", "--set", "StartingPosition=LATEST")
    shown = told["mappings"][0]["parameters"]
    assert (shown["BatchSize"], shown["Enabled"], shown["StartingPosition"]) == (7, False, "LATEST")
    assert found(printed, OWN, "--set", "FunctionResponseTypes=[]") == {"StreamProcessor/Messages": {"answers-ignored"}}


def test_mapping_in_the_shape_of_the_api_is_read_from_a_file(tmp_path: Path, printed: Printed) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps({"StartingPosition": "TRIM_HORIZON", "BatchSize": 3}), encoding="utf-8")
    _, told = printed("show", str(path))
    assert told["mappings"][0]["parameters"]["BatchSize"] == 3
    assert "no-destination" in found(printed, str(path))["mapping"]


def test_text_names_reason_evidence_line_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mapping", "check", CDK]) == 1
    out = capsys.readouterr().out
    assert "metadata-only: the topic gets metadata only" in out
    assert "evidence  D: AWS Lambda developer guide" in out
    assert "write     DestinationConfig" in out
    assert "at        Resources.HandlerDynamoDBEventSourceStackTable0CFF5FCE.Properties" in out
    assert main(["mapping", "show", CDK]) == 0
    assert "MaximumBatchingWindowInSeconds   0  (default)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((TWO, "--function", "Indexr"), "did you mean 'Indexer'?"),
        ((OWN, "--set", "BatchSiz=1"), "did you mean 'BatchSize'?"),
        ((OWN, "--set", "BatchSize"), "--set takes NAME=VALUE, not 'BatchSize'"),
        ((OWN, "--parameter", "Nothing=1"), "there is no parameter 'Nothing'"),
        ((OWN, "--set", "BatchSize=0"), "AWS would refuse this mapping: BatchSize must be 1 to 10000, not 0"),
        (("nowhere.yaml",), "there is no such template"),
        (("nowhere.json",), "there is no file 'nowhere.json'"),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mapping", "show", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


SAM_EVENT = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Size: {Type: Number}, Queue: {Type: String}}
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: T}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      Events: {S: {Type: DynamoDB, Properties: {Stream: !GetAtt Table.StreamArn, StartingPosition: LATEST, LINE}}}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("BatchSize: !Ref Size", "BatchSize is ${Size}, which only a deployment knows; give --parameter Size=…"),
        ("BatchSiz: 1", "there is no event property 'BatchSiz'"),
        ("DestinationConfig: {OnFailure: {Destination: !Ref Queue}}", "give --parameter Queue=…"),
        ("ProvisionedPollerConfig: {}", "ProvisionedPollerConfig is not available for DynamoDB streams"),
        ("DestinationConfig: {OnFailure: {Type: Kafka, Destination: 'kafka://t'}}", "Kafka topics are not simulated"),
    ],
)
def test_setting_that_is_unknown_or_not_simulated_is_refused_by_name(
    tmp_path: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(SAM_EVENT.replace("LINE", line), encoding="utf-8")
    assert main(["mapping", "show", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_destination_known_by_its_type_alone_is_enough(tmp_path: Path, printed: Printed) -> None:
    path = tmp_path / "template.yaml"
    line = "DestinationConfig: {OnFailure: {Type: SQS, Destination: !Ref Queue}}"
    path.write_text(SAM_EVENT.replace("LINE", line), encoding="utf-8")
    assert "metadata-only" in found(printed, str(path))["F/S"]


MAPPING = """
Parameters: {Source: {Type: String}, Topic: {Type: "AWS::SSM::Parameter::Value<String>", Default: /t}}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Stream: {Type: AWS::Kinesis::Stream}
  Nested: {Type: AWS::CloudFormation::Stack}
  M: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: f, BatchSize: 7, MORE}}
"""


@pytest.mark.parametrize(
    ("more", "is_on_a_stream"),
    [
        ("EventSourceArn: !GetAtt Table.StreamArn, StartingPosition: LATEST", True),
        ("EventSourceArn: !Sub '${Table.StreamArn}', StartingPosition: LATEST", True),
        ("EventSourceArn: !ImportValue x, StartingPosition: LATEST", True),
        ("EventSourceArn: {'Fn::ImportValue': !Sub '${AWS::StackName}-x'}, StartingPosition: LATEST", True),
        ("EventSourceArn: !GetAtt Nested.Outputs.Arn, StartingPosition: LATEST", True),
        ("EventSourceArn: !Ref Source, StartingPosition: LATEST", True),
        ("EventSourceArn: !Sub 'arn:aws:dynamodb:${AWS::Region}:1:table/${Source}', StartingPosition: LATEST", True),
        ("EventSourceArn: !Sub 'arn:aws:kinesis:${AWS::Region}:1:stream/${Source}', StartingPosition: LATEST", False),
        ("EventSourceArn: !ImportValue x", False),
        ("EventSourceArn: !ImportValue x, StartingPosition: LATEST, Topics: [t]", False),
        ("EventSourceArn: !GetAtt Stream.Arn, StartingPosition: LATEST", False),
        ("EventSourceArn: 'arn:aws:sqs:us-east-1:1:q'", False),
        ("SelfManagedEventSource: {}, StartingPosition: LATEST", False),
    ],
)
def test_mapping_is_on_a_stream_unless_it_cannot_be(tmp_path: Path, more: str, is_on_a_stream: bool) -> None:  # noqa: FBT001
    path = tmp_path / "template.yaml"
    path.write_text(MAPPING.replace("MORE", more), encoding="utf-8")
    assert len(mappings_in(Template.load(path))) == is_on_a_stream


@pytest.mark.parametrize("tags", ["[{Key: team, Value: inbox}, {Key: cost, Value: 5}]", "{team: !Ref Source}", "[]"])
def test_tags_of_a_template_are_read_as_templates_have_them(tmp_path: Path, tags: str) -> None:
    path = tmp_path / "template.yaml"
    more = f"EventSourceArn: !GetAtt Table.StreamArn, StartingPosition: LATEST, Tags: {tags}"
    path.write_text(MAPPING.replace("MORE", more), encoding="utf-8")
    assert EventSourceMapping.from_api(choose_mapping(Template.load(path)).parameters).batch_size == 7


def test_setting_given_need_not_be_known_in_the_template(tmp_path: Path, printed: Printed) -> None:
    path = tmp_path / "template.yaml"
    line = "BatchSize: !ImportValue size, DestinationConfig: {OnFailure: {Destination: !ImportValue queue}}"
    path.write_text(SAM_EVENT.replace("LINE", line), encoding="utf-8")
    destination = '{"OnFailure": {"Destination": "arn:aws:s3:::failures"}}'
    settings = ("--set", "BatchSize=5", "--set", f"DestinationConfig={destination}")
    code, told = printed("show", str(path), *settings)
    assert code == 0
    assert told["mappings"][0]["parameters"]["BatchSize"] == 5
    assert "metadata-only" not in found(printed, str(path), *settings)["F/S"]
    assert main(["mapping", "show", str(path), *settings[:2]]) == 2


def test_role_that_may_write_the_table_makes_own_writes_come_back(tmp_path: Path, printed: Printed) -> None:
    path = tmp_path / "template.yaml"
    body = """
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Role: {Type: AWS::IAM::Role}
  Policy:
    Type: AWS::IAM::Policy
    Properties: {Roles: [!Ref Role], PolicyDocument: {Statement: [{Resource: !GetAtt Table.RESOURCE}]}}
  F: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Role.Arn}}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON}
"""
    for resource, is_dangerous in (("Arn", True), ("StreamArn", False)):
        path.write_text(body.replace("RESOURCE", resource), encoding="utf-8")
        assert ("own-writes-come-back" in found(printed, str(path))["M"]) == is_dangerous


@pytest.mark.parametrize(
    "settings",
    [
        "Environment: {Variables: {TABLE: !Ref Table}}",
        "Environment: {Variables: {TABLE: !Ref Name}}",
        "Environment: {Variables: {TABLE: !GetAtt Table.Arn}}",
        "Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Table}}]",
        "Policies: [{Statement: [{Resource: !Sub 'arn:aws:dynamodb:eu-west-1:1:table/${Name}/index/*'}]}]",
        "Policies: AmazonDynamoDBFullAccess",
    ],
)
def test_function_that_knows_its_table_gets_its_own_writes(tmp_path: Path, printed: Printed, settings: str) -> None:
    path = tmp_path / "template.yaml"
    body = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Name: {Type: String}}
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Ref Name}}
  F: {Type: AWS::Serverless::Function, Properties: {FunctionName: f, SETTINGS}}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON}
"""
    for written, is_dangerous in ((settings, True), ("Policies: AWSLambdaDynamoDBExecutionRole", False)):
        path.write_text(body.replace("SETTINGS", written))
        for name, parameters in (("given", ("--parameter", "Name=rows")), ("open", ())):
            dangers = found(printed, str(path), *parameters)["M"]
            assert ("own-writes-come-back" in dangers) == is_dangerous, name


@pytest.mark.parametrize(
    ("pattern", "kind", "line"),
    [
        ({"dynamodb": {"NewImage": {"a": [{"exists": True}]}}}, "no-type-tag", '{"a": {"S": ["…"]}}'),
        ({"dynamodb": {"Keys": {"a": {"N": [{"numeric": ["=", 1]}]}}}}, "numeric-on-string", '{"a": {"N": ["5"]}}'),
        ({"eventID": ["1"]}, "undocumented-key", '{"eventName": ["INSERT"]}'),
    ],
)
def test_filter_not_meant_comes_with_one_to_write(
    printed: Printed, pattern: dict[str, Any], kind: str, line: str
) -> None:
    criteria = json.dumps({"Filters": [{"Pattern": json.dumps(pattern)}]})
    _, told = printed("check", OWN, "--set", f"FilterCriteria={criteria}")
    (finding,) = told["mappings"][0]["findings"]
    assert finding["id"] == f"filter-{kind}"
    assert line in finding["write"]


def test_invalid_pattern_is_explained(printed: Printed, capsys: pytest.CaptureFixture[str]) -> None:
    criteria = 'FilterCriteria={"Filters": [{"Pattern": {"eventName": ["INSERT"]}}]}'
    _, told = printed("check", OWN, "--set", criteria)
    (finding,) = told["mappings"][0]["findings"]
    assert "Invalid filter pattern definition." in finding["reason"]
    assert "Filters[0]: Pattern is JSON text" in finding["reason"]
    assert main(["mapping", "show", OWN, "--set", criteria]) == 2
    assert "Filters[0]: Pattern is JSON text" in capsys.readouterr().err


def test_mapping_that_aws_refuses_comes_with_the_line_that_it_takes(printed: Printed) -> None:
    _, told = printed("check", OWN, "--set", "StartingPosition=AT_TIMESTAMP")
    (finding,) = told["mappings"][0]["findings"]
    assert (finding["id"], finding["write"]) == ("rejected", "StartingPosition: TRIM_HORIZON")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.json", "[" * 5000),
        ("m.json", '{"BatchSize": ' + "[" * 900 + "]" * 900 + "}"),
        ("m.json", '{"FunctionName": ' + '{"a":' * 300 + "1" + "}" * 300 + "}"),
        ("m.json", json.dumps({"StartingPosition": "x\ny" * 2000})),
        ("m.json", json.dumps({"x\ny": 1})),
        ("m.json", "\ufeff{}"),
        ("t.yaml", SAM_EVENT.replace("{S: {Type: DynamoDB", "{S: 3, T: {Type: DynamoDB").replace("LINE", "x: 1")),
        ("t.yaml", SAM_EVENT.replace("Events: {S", "Events: 3 # {S")),
        ("t.yaml", "\x00"),
        ("t.yaml", ""),
    ],
)
def test_broken_file_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert main(["mapping", "show", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert len(err) < 1500


@pytest.mark.parametrize(
    ("content", "why"), [("[" * 5000, "it is nested too deep"), ("9" * 5000, "it has a number of too many digits")]
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, why: str
) -> None:
    path = tmp_path / "m.json"
    path.write_text(content)
    assert main(["mapping", "check", str(path)]) == 2
    assert capsys.readouterr().err == f"replay: {path} cannot be read: {why}\n"


def test_half_a_surrogate_is_printed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"StartingPosition": "LATEST", "FunctionName": "\\ud800"}', encoding="utf-8")
    for as_json in ([], ["--json"]):
        assert main(["mapping", "show", str(path), *as_json]) == 0
        assert "\\ud800" in capsys.readouterr().out


def test_template_without_a_mapping_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {B: {Type: AWS::S3::Bucket}}", encoding="utf-8")
    assert main(["mapping", "check", str(path)]) == 2
    assert "has no event source mapping" in capsys.readouterr().err


def test_a_mapping_that_is_refused_has_one_finding_and_no_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mapping", "check", "--set", "BatchSize=x"]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.endswith(": 1 finding")
    assert [line for line in lines if not line] == [""]
