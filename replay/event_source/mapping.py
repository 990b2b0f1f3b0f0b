"""An event source mapping: its parameters, their defaults and limits, and how AWS refuses the rest.

Every parameter the API has for DynamoDB streams is here under the API's name (AWS: Lambda API reference,
CreateEventSourceMapping; Lambda developer guide, services-ddb-params). A value out of range is refused as AWS does,
a setting that is unknown or not for DynamoDB is refused by name, nothing is ignored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from replay.errors import WrongUse
from replay.event_source.destinations import Destination
from replay.event_source.errors import InvalidParameterValueException
from replay.event_source.filters import Filters, InvalidFilterPattern, check_filter_criteria

if TYPE_CHECKING:
    from replay.event_source.destinations import Kind

TRIM_HORIZON = "TRIM_HORIZON"
LATEST = "LATEST"
UNQUALIFIED = "$LATEST"
"""The version of a function that is not published."""
PARTIAL_RESPONSES = "ReportBatchItemFailures"
EVENT_COUNT = "EventCount"
FOREVER = -1
"""MaximumRetryAttempts and MaximumRecordAgeInSeconds: no limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """A whole number's default and bounds; -1 is told apart where it stands below the others."""

    default: int
    lowest: int
    highest: int
    or_forever: bool = False

    def allow(self, value: int) -> bool:
        """Say whether the value is in range."""
        return self.lowest <= value <= self.highest or (self.or_forever and value == FOREVER)

    def __str__(self) -> str:
        return f"{'-1 or ' if self.or_forever else ''}{self.lowest} to {self.highest}"


LIMITS: Mapping[str, Limits] = MappingProxyType(
    {
        "BatchSize": Limits(100, 1, 10_000),
        "MaximumBatchingWindowInSeconds": Limits(0, 0, 300),
        "ParallelizationFactor": Limits(1, 1, 10),
        "MaximumRecordAgeInSeconds": Limits(FOREVER, 60, 604_800, or_forever=True),
        "MaximumRetryAttempts": Limits(FOREVER, 0, 10_000, or_forever=True),
        "TumblingWindowInSeconds": Limits(0, 0, 900),
    }
)
FLAGS: Mapping[str, bool] = MappingProxyType({"BisectBatchOnFunctionError": False, "Enabled": True})
TEXTS = ("EventSourceArn", "FunctionName", "KMSKeyArn", "StartingPosition")
STRUCTURES = ("DestinationConfig", "FilterCriteria", "FunctionResponseTypes", "MetricsConfig", "Tags")
PARAMETERS = (*LIMITS, *FLAGS, *TEXTS, *STRUCTURES)
"""Every parameter this simulates."""

NOT_FOR_DYNAMODB = (
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "LoggingConfig",
    "ProvisionedPollerConfig",
    "Queues",
    "ScalingConfig",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "StartingPositionTimestamp",
    "Topics",
)
"""Parameters the API has for other sources only."""

DEFAULT_UUID = "00000000-0000-4000-8000-000000000000"
DEFAULT_FUNCTION = "F"
DEFAULT_PLACE = ("aws", "us-east-1", "000000000000")
ARN_PARTS = 6
_FUNCTION_NAME = re.compile(
    r"(?:(?:(?P<region>[a-z0-9-]+):)?(?P<account>\d{12}):)?(?:function:)?(?P<name>.*)",
    re.DOTALL,
)
DEFAULT_STREAM_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/2026-01-01T00:00:00.000"


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """A mapping AWS would create. Field by field the API's parameters, times in seconds."""

    starting_position: str
    batch_size: int = 100
    window_s: int = 0
    lanes: int = 1
    """ParallelizationFactor."""
    retries_max: int = FOREVER
    record_age_max_s: int = FOREVER
    bisects: bool = False
    partial_responses: bool = False
    tumbling_window_s: int = 0
    filters: Filters = field(default_factory=lambda: check_filter_criteria(None))
    destination: Destination | None = None
    enabled: bool = True
    metrics: tuple[str, ...] = ()
    kms_key_arn: str | None = None
    function_name: str = DEFAULT_FUNCTION
    stream_arn: str = DEFAULT_STREAM_ARN
    uuid: str = DEFAULT_UUID

    @classmethod
    def from_api(cls, parameters: Mapping[str, object], *, uuid: str = DEFAULT_UUID) -> EventSourceMapping:
        """Create a mapping from parameters in the API's shape, as a JSON file has them.

        Raises:
            WrongUse: A parameter that does not exist.
            InvalidParameterValueException: What AWS refuses: a value missing or out of range, a pattern that is none.
        """
        refuse_unknown(parameters, PARAMETERS, "parameter", also=NOT_FOR_DYNAMODB)
        given = {name: value for name, value in parameters.items() if value is not None}
        for name in given:
            if name in NOT_FOR_DYNAMODB:
                raise InvalidParameterValueException(f"{name} is not available for DynamoDB streams.")
        numbers = {name: _number(name, given.get(name, limits.default), limits) for name, limits in LIMITS.items()}
        flags = {name: _flag(name, given.get(name, default)) for name, default in FLAGS.items()}
        texts = {name: _text(name, given[name]) for name in TEXTS if name in given}
        _check_tags(given.get("Tags", {}))
        return cls(
            starting_position=_starting_position(texts.get("StartingPosition")),
            batch_size=numbers["BatchSize"],
            window_s=numbers["MaximumBatchingWindowInSeconds"],
            lanes=numbers["ParallelizationFactor"],
            retries_max=numbers["MaximumRetryAttempts"],
            record_age_max_s=numbers["MaximumRecordAgeInSeconds"],
            bisects=flags["BisectBatchOnFunctionError"],
            partial_responses=_only(given, "FunctionResponseTypes", PARTIAL_RESPONSES) != (),
            tumbling_window_s=numbers["TumblingWindowInSeconds"],
            filters=_filters(given.get("FilterCriteria")),
            destination=_destination(given.get("DestinationConfig")),
            enabled=flags["Enabled"],
            metrics=_only(_structure(given, "MetricsConfig", ("Metrics",)), "Metrics", EVENT_COUNT),
            kms_key_arn=texts.get("KMSKeyArn"),
            function_name=texts.get("FunctionName", DEFAULT_FUNCTION),
            stream_arn=_stream_arn(texts.get("EventSourceArn", DEFAULT_STREAM_ARN)),
            uuid=uuid,
        )

    def described(self) -> dict[str, Any]:
        """Give every parameter in force, in the API's shape; what has neither value nor default is left out."""
        parameters: dict[str, Any] = {
            "FunctionName": self.function_name,
            "EventSourceArn": self.stream_arn,
            "StartingPosition": self.starting_position,
            "Enabled": self.enabled,
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window_s,
            "ParallelizationFactor": self.lanes,
            "MaximumRetryAttempts": self.retries_max,
            "MaximumRecordAgeInSeconds": self.record_age_max_s,
            "BisectBatchOnFunctionError": self.bisects,
            "FunctionResponseTypes": [PARTIAL_RESPONSES] if self.partial_responses else [],
            "TumblingWindowInSeconds": self.tumbling_window_s,
            "DestinationConfig": {"OnFailure": {"Destination": self.destination.arn} if self.destination else {}},
        }
        if self.filters.patterns:
            parameters["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in self.filters.patterns]}
        if self.metrics:
            parameters["MetricsConfig"] = {"Metrics": list(self.metrics)}
        if self.kms_key_arn:
            parameters["KMSKeyArn"] = self.kms_key_arn
        return parameters

    @property
    def function_arn(self) -> str:
        """The function's ARN, with the version or alias it is named with; what is not named is where the stream is.

        A name is `F`, `F:live`, `function:F`, `123456789012:function:F`, or a whole ARN (AWS: Lambda API reference).
        """
        if self.function_name.startswith("arn:"):
            return self.function_name
        parts = self.stream_arn.split(":", 5)
        partition, region, account = (parts[1], parts[3], parts[4]) if len(parts) == ARN_PARTS else DEFAULT_PLACE
        named = cast("re.Match[str]", _FUNCTION_NAME.fullmatch(self.function_name))
        region, account = named["region"] or region, named["account"] or account
        return f"arn:{partition}:lambda:{region}:{account}:function:{named['name']}"

    def target(self, version: str) -> tuple[str, str]:
        """Give the function's ARN and the version that is executed, each as a failure message says it.

        Args:
            version: What an alias or a bare name stands for; a version in the function's name is that version.
        """
        qualifier = self.function_arn.partition(":function:")[2].partition(":")[2]
        if qualifier:
            return self.function_arn, qualifier if qualifier == UNQUALIFIED or qualifier.isdigit() else version
        return self.function_arn if version == UNQUALIFIED else f"{self.function_arn}:{version}", version


def refuse_unknown(
    given: Mapping[str, object], known: tuple[str, ...], what: str, *, also: tuple[str, ...] = (), where: str = ""
) -> None:
    """Refuse a key that is not known, with the nearest one that is.

    Raises:
        WrongUse: There is such a key.
    """
    for name in given:
        if name not in known and name not in also:
            near = difflib.get_close_matches(str(name), [*known, *also], n=1)
            hint = f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(sorted(known))}"
            raise WrongUse(f"there is no {what} '{name}'{where}{hint}")


def destination_kind(arn: str) -> Kind:
    """Tell what a destination is by its ARN.

    Raises:
        InvalidParameterValueException: It is neither an SQS queue nor an SNS topic nor an S3 bucket.
    """
    parts = arn.split(":", 5)
    if len(parts) == ARN_PARTS and parts[0] == "arn" and parts[2] in ("sqs", "sns", "s3") and parts[5]:
        return cast("Kind", parts[2])
    kafka = " (Kafka topics are not simulated)" if arn.startswith("kafka://") else ""
    raise InvalidParameterValueException(
        f"DestinationConfig.OnFailure.Destination must be the ARN of a queue, a topic or a bucket, not '{arn}'{kafka}."
    )


def _number(name: str, value: object, limits: Limits) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidParameterValueException(f"{name} must be a whole number, {limits}, not {value!r}.")
    if not limits.allow(value):
        raise InvalidParameterValueException(f"{name} must be {limits}, not {value}.")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidParameterValueException(f"{name} must be true or false, not {value!r}.")
    return value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidParameterValueException(f"{name} must be a text, not {value!r}.")
    return value


def _stream_arn(arn: str) -> str:
    parts = arn.split(":", 5)
    if parts[0] == "arn" and len(parts) == ARN_PARTS and parts[2] != "dynamodb":
        raise InvalidParameterValueException(f"EventSourceArn must be the ARN of a DynamoDB stream, not '{arn}'.")
    return arn


def _check_tags(tags: object) -> None:
    if not isinstance(tags, Mapping) or not all(isinstance(value, str) for value in tags.values()):
        raise InvalidParameterValueException(f"Tags must be an object of texts, not {tags!r}.")


def _starting_position(value: str | None) -> str:
    if value is None:
        raise InvalidParameterValueException(f"StartingPosition is missing; it is {TRIM_HORIZON} or {LATEST}.")
    if value not in (TRIM_HORIZON, LATEST):
        raise InvalidParameterValueException(
            f"StartingPosition of a DynamoDB stream is {TRIM_HORIZON} or {LATEST}, not '{value}'."
        )
    return value


def _structure(given: Mapping[str, object], name: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    """Give one nested structure, empty where it is missing."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidParameterValueException(f"{name} must be an object, not {value!r}.")
    refuse_unknown(value, known, "parameter", where=f" in {name}")
    return value


def _only(given: Mapping[str, object], name: str, value: str) -> tuple[str, ...]:
    """Read a list that may hold one value once."""
    listed = given.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list) or listed not in ([], [value]):
        raise InvalidParameterValueException(f"{name} may be [{value}], not {listed!r}.")
    return tuple(listed)


def _filters(criteria: object) -> Filters:
    if isinstance(criteria, Mapping):
        refuse_unknown(criteria, ("Filters",), "parameter", where=" in FilterCriteria")
        filters = criteria.get("Filters")
        if filters == []:
            raise InvalidParameterValueException("FilterCriteria.Filters must have at least 1 filter.")
        for entry in filters if isinstance(filters, list) else ():
            if isinstance(entry, Mapping):
                refuse_unknown(entry, ("Pattern",), "parameter", where=" in FilterCriteria.Filters")
    elif criteria is not None:
        raise InvalidParameterValueException(f"FilterCriteria must be an object, not {criteria!r}.")
    try:
        return check_filter_criteria(criteria)
    except InvalidFilterPattern as error:
        message = error.reason if error.path == "Filters" else error.api_message
        raise InvalidParameterValueException(message) from error


def _destination(config: object) -> Destination | None:
    if config is not None and not isinstance(config, Mapping):
        raise InvalidParameterValueException(f"DestinationConfig must be an object, not {config!r}.")
    on_failure = _structure(
        _structure({"DestinationConfig": config}, "DestinationConfig", ("OnFailure",)), "OnFailure", ("Destination",)
    )
    arn = on_failure.get("Destination")
    if arn is None or arn == "":
        return None
    return Destination(destination_kind(_text("Destination", arn)), _text("Destination", arn))
