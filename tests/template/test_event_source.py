"""The event source: what the SAM linter lets through, refused here on defaults and on what a deployer may pass.

Limits: AWS Lambda API reference, CreateEventSourceMapping; Lambda developer guide, services-ddb-params.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.event_source.filters import compile_pattern, matches
from stream_processor.errors import PermanentError
from stream_processor.message import parse, position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.template import Template

RETENTION_S = 86_400
PATTERN_LENGTH_MAX = 4_096
FILTERS_MAX = 5


@dataclass(frozen=True, slots=True)
class Limit:
    """What the service takes, tightened where a legal value would lose records: finite, and before the stream's end."""

    lowest: int
    highest: int


LIMITS = {
    "BatchSize": Limit(1, 10_000),
    "MaximumBatchingWindowInSeconds": Limit(0, 300),
    "ParallelizationFactor": Limit(1, 10),
    "MaximumRetryAttempts": Limit(0, 10_000),
    "MaximumRecordAgeInSeconds": Limit(60, RETENTION_S - 1),
}

KNOWN_SETTINGS = {
    *LIMITS,
    "Stream",
    "StartingPosition",
    "Enabled",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "FilterCriteria",
    "MetricsConfig",
    "DestinationConfig",
}


def event_source(template: Template) -> Mapping[str, Any]:
    event = template.all_resources["StreamProcessor"].properties["Events"]["Messages"]
    assert event["Type"] == "DynamoDB"
    properties: Mapping[str, Any] = event["Properties"]
    return properties


def pattern(template: Template) -> str:
    (only,) = event_source(template)["FilterCriteria"]["Filters"]
    text: str = only["Pattern"]
    return text


@pytest.mark.parametrize("setting", LIMITS)
def test_default_is_within_the_limits(in_every_mode: Template, setting: str) -> None:
    value = event_source(in_every_mode)[setting]
    assert isinstance(value, int)
    assert LIMITS[setting].lowest <= value <= LIMITS[setting].highest


@pytest.mark.parametrize("setting", LIMITS)
def test_deployer_cannot_leave_the_limits(document: dict[str, Any], setting: str) -> None:
    written = document["Resources"]["StreamProcessor"]["Properties"]["Events"]["Messages"]["Properties"][setting]
    parameter = document["Parameters"][written["Ref"]]
    assert parameter["Type"] == "Number"
    assert parameter["MinValue"] >= LIMITS[setting].lowest
    assert parameter["MaxValue"] <= LIMITS[setting].highest


def test_no_setting_is_one_whose_limits_are_unknown_here(in_every_mode: Template) -> None:
    assert set(event_source(in_every_mode)) == KNOWN_SETTINGS


def test_a_transient_failure_is_tried_again(document: dict[str, Any]) -> None:
    assert document["Parameters"]["MaximumRetryAttempts"]["MinValue"] >= 1


def test_starts_at_the_oldest_record(in_every_mode: Template) -> None:
    assert event_source(in_every_mode)["StartingPosition"] == "TRIM_HORIZON"


def test_partial_answers_are_on(in_every_mode: Template) -> None:
    assert event_source(in_every_mode)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_batch_that_raises_is_halved(in_every_mode: Template) -> None:
    assert event_source(in_every_mode)["BisectBatchOnFunctionError"] is True


def test_is_enabled_unless_told(in_every_mode: Template) -> None:
    assert event_source(in_every_mode)["Enabled"] is True


def test_events_are_counted(in_every_mode: Template) -> None:
    assert event_source(in_every_mode)["MetricsConfig"] == {"Metrics": ["EventCount"]}


def test_discards_keep_their_payload(in_every_mode: Template) -> None:
    failure = event_source(in_every_mode)["DestinationConfig"]["OnFailure"]
    bucket = in_every_mode.resource_of(failure["Destination"])
    assert failure["Type"] == "S3"
    assert bucket is not None
    assert bucket.type == "AWS::S3::Bucket"


def test_reads_the_stream_of_the_table_it_makes(made: Template) -> None:
    stream = event_source(made)["Stream"]
    assert stream.attribute == "StreamArn"
    assert made.resource_of(stream) == made.all_resources["MessagesTable"]


def test_filter_compiles_and_fits_the_limits(made: Template) -> None:
    filters = event_source(made)["FilterCriteria"]["Filters"]
    assert 1 <= len(filters) <= FILTERS_MAX
    for entry in filters:
        assert len(entry["Pattern"]) <= PATTERN_LENGTH_MAX
        compile_pattern(entry["Pattern"])


def record(event_name: str = "INSERT", pk: Any = None, sk: Any = None, **image: Any) -> dict[str, Any]:  # noqa: ANN401
    keys = {"pk": pk or {"S": "MSG#g"}, "sk": sk or {"S": "2026-11-20T10:00:00.000000+00:00"}}
    change = {"Keys": keys, "SequenceNumber": "100", "StreamViewType": "NEW_AND_OLD_IMAGES"}
    if event_name != "REMOVE":
        change["NewImage"] = {**keys, "message": {"S": "hello"}, "user_uuid": {"S": "u"}, **image}
    return {"eventID": "1", "eventName": event_name, "eventSource": "aws:dynamodb", "dynamodb": change}


def taken(record: Mapping[str, Any]) -> bool:
    """Whether the function does something with a record: applies it, or sets it aside."""
    try:
        return parse(record, position(record)) is not None
    except PermanentError:
        return True


RECORDS = st.builds(
    record,
    event_name=st.sampled_from(["INSERT", "MODIFY", "REMOVE", "insert", ""]),
    pk=st.one_of(
        st.builds(
            lambda prefix, rest: {"S": prefix + rest}, st.sampled_from(["MSG#", "GRP#", "msg#", "MSG", ""]), st.text()
        ),
        st.sampled_from([{"N": "1"}, {"B": "TVNHIw=="}, {"S": "MSG#"}]),
    ),
    sk=st.builds(lambda text: {"S": text}, st.one_of(st.just("2026-11-20T10:00:00"), st.text(min_size=1))),
)


@given(RECORDS)
def test_filter_selects_exactly_what_the_function_takes(made_pattern: str, record: dict[str, Any]) -> None:
    # Lambda sees JSON, so the record goes through it.
    assert matches(made_pattern, json.loads(json.dumps(record))) == taken(record)


@pytest.fixture(scope="session")
def made_pattern(made: Template) -> str:
    return pattern(made)


@pytest.mark.parametrize(
    ("record", "selected"),
    [
        pytest.param(record(), True, id="new message"),
        pytest.param(record(pk={"S": "MSG#"}), True, id="message of no group, to be set aside"),
        pytest.param(record("MODIFY"), False, id="edited message"),
        pytest.param(record("REMOVE"), False, id="deleted message"),
        pytest.param(record(pk={"S": "GRP#u"}), False, id="group row"),
    ],
)
def test_filter_on(made_pattern: str, record: dict[str, Any], selected: bool) -> None:  # noqa: FBT001 - a case's answer
    assert matches(made_pattern, record) is selected
    assert taken(record) is selected
