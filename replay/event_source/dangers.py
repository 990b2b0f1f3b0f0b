"""What is dangerous in a mapping: legal, deployed without complaint, and a loss or a standstill one day.

Each finding says what happens, on which evidence, and which line prevents it. Grades: D documented by AWS, R recorded
on AWS, I inferred, S silent, the conservative reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from replay.event_source.destinations import FIFO_SUFFIX
from replay.event_source.errors import MappingRejected
from replay.event_source.mapping import (
    FOREVER,
    LATEST,
    LIMITS,
    NOT_FOR_DYNAMODB,
    TRIM_HORIZON,
    EventSourceMapping,
)
from replay.event_source.records import RETENTION_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from replay.event_source.filters import PatternWarning
    from replay.event_source.template_mappings import TemplateMapping
    from replay.template import Resource

EVERY_TABLE = ("AmazonDynamoDBFullAccess", "AdministratorAccess", ":table/*")
"""What a policy says that lets a function write any table."""
READERS_MAX = 2
"""Simultaneous readers of a shard; one for global tables (AWS: Lambda developer guide, with-ddb)."""
LINTED = ("BatchSize", "ParallelizationFactor")
"""Ranges that cfn-lint knows of plain mapping resources; of SAM events it knows none."""
GUIDE = "AWS Lambda developer guide"
ERRORS = f"D: {GUIDE}, services-dynamodb-errors"


@dataclass(frozen=True, slots=True)
class Danger:
    """One finding."""

    id: str
    reason: str
    evidence: str
    write: str
    """The line to write, in YAML."""
    at: str = ""
    """Where, as a path in the template."""


def dangers_of(mapping: TemplateMapping, neighbours: Sequence[TemplateMapping] = ()) -> list[Danger]:
    """Find what is dangerous in one mapping of a template.

    Args:
        mapping: The mapping.
        neighbours: All mappings of the template; several may read one stream.
    """
    return [danger if danger.at else replace(danger, at=mapping.place) for danger in _found(mapping, neighbours)]


def _found(mapping: TemplateMapping, neighbours: Sequence[TemplateMapping]) -> Iterator[Danger]:
    refused = _refused(mapping)
    yield from refused
    out_of_range = {danger.id for danger in refused}
    usable = {name: value for name, value in mapping.parameters.items() if name not in out_of_range}
    try:
        read = EventSourceMapping.from_api(usable)
    except MappingRejected as rejected:
        yield Danger("rejected", rejected.explained(), f"D: {GUIDE}, services-ddb-params", _line_instead(usable))
        return
    yield from _of_answers(read)
    yield from _of_retries(read)
    yield from _of_destination(mapping, read)
    yield from _of_stream(mapping, read)
    yield from _of_table(mapping)
    yield from _of_neighbours(mapping, neighbours)


def _refused(mapping: TemplateMapping) -> list[Danger]:
    """Find numbers out of range; the linter does not see them in SAM events."""
    found = []
    for name, limits in LIMITS.items():
        value = mapping.parameters.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and not limits.allow(value):
            unseen = mapping.is_sam or name not in LINTED
            told = ", the linter says nothing" if unseen else ""
            reason = f"{name} is {value}; AWS takes {limits} and refuses the deployment{told}"
            nearest = limits.lowest if value < limits.lowest else limits.highest
            where = "SAM events" if mapping.is_sam else "mapping resources"
            evidence = f"D: AWS Lambda API reference, CreateEventSourceMapping; I: cfn-lint 1.58 on {where}"
            found.append(Danger(name, reason, evidence, f"{name}: {nearest}"))
    return found


def _line_instead(refused: Mapping[str, Any]) -> str:
    """Write the line that a refused mapping needs, where there is one to write."""
    if refused.get("StartingPosition") not in (TRIM_HORIZON, LATEST):
        return "StartingPosition: TRIM_HORIZON"
    unusable = [name for name in NOT_FOR_DYNAMODB if refused.get(name) is not None]
    return f"# without {', '.join(unusable)}" if unusable else ""


def _of_answers(read: EventSourceMapping) -> Iterator[Danger]:
    if not read.partial_responses:
        yield Danger(
            "answers-ignored",
            "partial responses are off: whatever the function returns counts as success, also a list of failures",
            f"D: {GUIDE}, services-ddb-batchfailurereporting",
            "FunctionResponseTypes: [ReportBatchItemFailures]",
        )
    if not read.bisects and read.batch_size > 1:
        yield Danger(
            "no-bisect",
            "when the function raises, the whole batch is retried and given up together, healthy records too",
            ERRORS,
            "BisectBatchOnFunctionError: true",
        )


def _of_retries(read: EventSourceMapping) -> Iterator[Danger]:
    if read.retries_max == FOREVER:
        what = "until it is too old" if read.record_age_max_s != FOREVER else "until the stream drops it after 24 hours"
        yield Danger(
            "endless-retries",
            f"a record that always fails holds up its shard {what}",
            ERRORS,
            "MaximumRetryAttempts: 5",
        )
    if read.record_age_max_s == FOREVER:
        yield Danger(
            "no-record-age",
            "nothing ends the wait of a shard that is throttled: after 24 hours its records are gone, silently",
            ERRORS,
            "MaximumRecordAgeInSeconds: 21600",
        )
    elif read.record_age_max_s >= RETENTION_S:
        yield Danger(
            "record-age-over-retention",
            f"records are gone from the stream after {RETENTION_S} s, silently, before {read.record_age_max_s} s end",
            "D: AWS DynamoDB developer guide, Streams; S: no message for what the retention takes",
            "MaximumRecordAgeInSeconds: 21600",
        )


def _of_destination(mapping: TemplateMapping, read: EventSourceMapping) -> Iterator[Danger]:
    wanted = "DestinationConfig: {OnFailure: {Type: S3, Destination: !GetAtt FailureBucket.Arn}}"
    if not mapping.is_sam:
        wanted = "DestinationConfig: {OnFailure: {Destination: !GetAtt FailureBucket.Arn}}"
    if read.destination is None:
        yield Danger("no-destination", "what is given up is lost and told to nobody", ERRORS, wanted)
        return
    if read.destination.arn.endswith(FIFO_SUFFIX):
        reason = "a FIFO target takes nothing: what is given up is lost"
        yield Danger("fifo-destination", reason, f"D: {GUIDE}, monitoring-metrics-types", wanted)
    if read.destination.kind != "s3":
        kind = {"sqs": "queue", "sns": "topic"}[read.destination.kind]
        reason = f"the {kind} gets metadata only; the records must be fetched from the stream before 24 hours are over"
        yield Danger("metadata-only", reason, ERRORS, wanted)
    if mapping.is_sam and mapping.destination_type is None and "Role" not in _function_properties(mapping):
        reason = "without Type, SAM gives the function's role no permission to write to the destination"
        evidence = "I: aws-sam-translator 1.115"
        write = f"DestinationConfig: {{OnFailure: {{Type: {read.destination.kind.upper()}, Destination: …}}}}"
        yield Danger("destination-without-type", reason, evidence, write)


def _of_stream(mapping: TemplateMapping, read: EventSourceMapping) -> Iterator[Danger]:
    if read.starting_position == LATEST:
        yield Danger(
            "latest",
            "records written while the mapping is created or re-created may never be seen",
            f"D: {GUIDE}, with-ddb",
            "StartingPosition: TRIM_HORIZON",
        )
    if not read.filters.patterns and _writes_own_table(mapping):
        yield Danger(
            "own-writes-come-back",
            "the function knows the table it listens to and no filter keeps its own writes out; "
            "Lambda's loop detection does not cover DynamoDB",
            f"D: {GUIDE}, invocation-recursion",
            """FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}""",
        )
    for warning in read.filters.warnings:
        reason = f"filter, {warning.path}: {warning.text}"
        evidence = f"D: {GUIDE}, with-ddb-filtering; R: recordings of filters"
        yield Danger(f"filter-{warning.kind}", reason, evidence, _filter_instead(warning))
    if not read.enabled:
        reason = "the mapping is disabled; after 24 hours the records it has not read are gone"
        yield Danger("disabled", reason, "D: AWS DynamoDB developer guide, Streams", "Enabled: true")
    if not read.metrics:
        yield Danger(
            "no-metrics",
            "the counts of the mapping are not reported, so no alarm sees DroppedEventCount",
            f"D: {GUIDE}, monitoring-metrics-types",
            "MetricsConfig: {Metrics: [EventCount]}",
        )


def _filter_instead(warning: PatternWarning) -> str:
    """Write a pattern that does what was probably meant."""
    path = warning.path.split(".")
    match warning.kind:
        case "no-type-tag":
            pattern = _nested([*path[:3], "S"], ["…"])
        case "numeric-on-string":
            pattern = _nested(path, ["5"])
        case "undocumented-key":
            pattern = {"eventName": ["INSERT"]}
        case _:
            return f"# {warning.path} once, with all its values in one list"
    return f"FilterCriteria: {{Filters: [{{Pattern: '{json.dumps(pattern, ensure_ascii=False)}'}}]}}"


def _nested(path: list[str], leaf: list[str]) -> object:
    """Give the pattern that has its leaf at a path."""
    pattern: object = leaf
    for key in reversed(path):
        pattern = {key: pattern}
    return pattern


def _of_table(mapping: TemplateMapping) -> Iterator[Danger]:
    if mapping.table is None:
        return
    place = f"Resources.{mapping.table.logical_id}.Properties"
    view = _map(mapping.table.properties.get("StreamSpecification")).get("StreamViewType")
    if view in ("KEYS_ONLY", "OLD_IMAGE"):
        reason = f"the stream's view type is {view}: the function never sees what was written"
        write = "StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}"
        evidence = "D: AWS DynamoDB developer guide, Streams"
        yield Danger("no-new-image", reason, evidence, write, place)
    for index in _indexes(mapping.table):
        kind = _map(index.get("Projection")).get("ProjectionType")
        if kind != "ALL":
            yield Danger(
                "index-loses-attributes",
                f"index {index.get('IndexName')} projects {kind}: a row read through it and written back has lost "
                "every attribute that is not projected",
                "D: AWS DynamoDB developer guide, GSI",
                "Projection: {ProjectionType: ALL}",
                f"{place}.GlobalSecondaryIndexes.{index.get('IndexName')}",
            )


def _of_neighbours(mapping: TemplateMapping, neighbours: Sequence[TemplateMapping]) -> Iterator[Danger]:
    if mapping.table is None:
        return
    readers = [other.name for other in neighbours if other.table == mapping.table]
    most = 1 if mapping.table.type == "AWS::DynamoDB::GlobalTable" else READERS_MAX
    if len(readers) > most:
        yield Danger(
            "many-readers",
            f"{len(readers)} mappings read one stream ({', '.join(readers)}); beyond {most} reading is throttled",
            f"D: {GUIDE}, with-ddb",
            "# one function that calls the others, or an EventBridge pipe",
        )


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _indexes(table: Resource) -> list[Mapping[str, Any]]:
    indexes = table.properties.get("GlobalSecondaryIndexes") or []
    return [index for index in indexes if isinstance(index, Mapping)] if isinstance(indexes, list) else []


def _function_properties(mapping: TemplateMapping) -> Mapping[str, Any]:
    return mapping.function.properties if mapping.function else {}


def _writes_own_table(mapping: TemplateMapping) -> bool:
    """Say whether the function's settings name the table: its environment, its policies, its role's policies."""
    if mapping.table is None:
        return False
    properties = _function_properties(mapping)
    granted = [policy.properties for policy in mapping.policies]
    settings = json.dumps([properties.get("Environment"), properties.get("Policies"), granted], default=str)
    name = mapping.table.properties.get("TableName")
    table = mapping.table.logical_id
    names = [f"${{{table}}}", f"${{{table}.Arn}}", *([f'"{name}"', f":table/{name}"] if name else [])]
    return any(each in settings for each in (*names, *EVERY_TABLE))
