"""The API that makes mappings, and records from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.event_source.api import EventSourceMappings
from replay.event_source.errors import InvalidParameterValueException, ResourceConflictException
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.records import StreamRecord
from replay.event_source.source import EventSource
from replay.event_source.template_mappings import choose_mapping
from replay.template import Template
from tests.simulation.conformance import deliveries, mapping

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "arn:aws:dynamodb:eu-west-1:111122223333:table/T/stream/2026-01-01T00:00:00.000"


@pytest.mark.conformance("T-K1")
def test_same_function_and_stream_twice_conflicts() -> None:
    api = EventSourceMappings([STREAM])
    api.create(FunctionName="F", EventSourceArn=STREAM, StartingPosition="LATEST")
    with pytest.raises(ResourceConflictException, match="already exists"):
        api.create(FunctionName="F", EventSourceArn=STREAM, StartingPosition="TRIM_HORIZON")
    api.create(FunctionName="G", EventSourceArn=STREAM, StartingPosition="LATEST")


@pytest.mark.conformance("T-K2")
def test_unknown_stream_is_refused() -> None:
    with pytest.raises(InvalidParameterValueException, match=f"^Stream not found: {STREAM}$"):
        EventSourceMappings([]).create(FunctionName="F", EventSourceArn=STREAM, StartingPosition="LATEST")


@pytest.mark.conformance("T-K3")
def test_new_mapping_has_the_recorded_defaults() -> None:
    created = EventSourceMappings([STREAM]).create(
        FunctionName="F", EventSourceArn=STREAM, StartingPosition="TRIM_HORIZON"
    )
    assert created.pop("UUID")
    assert created == {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "EventSourceArn": STREAM,
        "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:F",
        "LastProcessingResult": "No records processed",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
    }


@pytest.mark.conformance("T-J8")
def test_update_to_an_empty_destination_removes_it() -> None:
    api = EventSourceMappings([STREAM])
    queue = {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:111122223333:q"}}
    uuid = api.create(
        FunctionName="F", EventSourceArn=STREAM, StartingPosition="LATEST", DestinationConfig=queue, BatchSize=7
    )["UUID"]
    assert api.mapping(uuid).destination is not None
    changed = api.update(uuid, DestinationConfig={"OnFailure": {"Destination": ""}})
    assert changed["DestinationConfig"] == {"OnFailure": {}}
    assert changed["BatchSize"] == 7
    assert api.mapping(uuid).destination is None


@pytest.mark.conformance("T-C14")
def test_settings_of_asynchronous_invocation_have_no_effect(tmp_path: Path) -> None:
    body = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {TableName: T}}
  Dlq: {Type: AWS::SQS::Queue}
  F:
    Type: AWS::Serverless::Function
    Properties:
      ASYNC
      Events:
        S: {Type: DynamoDB, Properties: {Stream: !GetAtt Table.StreamArn, StartingPosition: LATEST}}
"""
    asynchronous = (
        "EventInvokeConfig: {MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60}\n"
        "      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dlq.Arn}"
    )
    found = []
    for settings_of_it in ("Timeout: 3", asynchronous):
        path = tmp_path / "template.yaml"
        path.write_text(body.replace("ASYNC", settings_of_it), encoding="utf-8")
        found.append(choose_mapping(Template.load(path)).parameters)
    assert found[0] == found[1]
    assert EventSourceMapping.from_api(found[1]).destination is None


@pytest.mark.conformance("T-B11")
def test_records_as_sam_generates_them_are_delivered() -> None:
    """Integer times of 2015, 28 digits, an event version of its own: `sam local generate-event dynamodb update`."""
    stream = [
        StreamRecord.of(
            {
                "eventID": str(number),
                "eventName": name,
                "eventVersion": "1.0",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_428_537_600,
                    "Keys": {"Id": {"N": "101"}},
                    "SequenceNumber": f"442158450000000001745043909{number}",
                    "SizeBytes": 26,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            },
            created_at_s=0,
        )
        for number, name in enumerate(("INSERT", "MODIFY", "REMOVE"), start=1)
    ]
    (invocation,) = deliveries(EventSource(mapping()), stream)
    wires = invocation.event["Records"]
    assert [wire["eventName"] for wire in wires] == ["INSERT", "MODIFY", "REMOVE"]
    assert wires[0]["dynamodb"]["ApproximateCreationDateTime"] == 1_428_537_600
