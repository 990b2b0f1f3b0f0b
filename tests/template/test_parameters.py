"""Parameters: none can be given a value that the service, the function or common sense would refuse later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from stream_processor.settings import RESERVE_MS, WORKERS_MAX
from tests.template.modes import KEY_ARN, STREAM_ARN, TOPIC_ARN

if TYPE_CHECKING:
    from collections.abc import Iterator


def refs(value: object) -> Iterator[str]:
    """Give every name that a part of the template refers to."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield str(item)
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{([A-Za-z0-9]+)\}", str(item))
            yield from refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from refs(item)


def test_every_parameter_has_a_place_on_the_form(document: dict[str, Any]) -> None:
    groups = document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    placed = [name for group in groups for name in group["Parameters"]]
    assert sorted(placed) == sorted(document["Parameters"])


def test_every_parameter_is_used_and_described_and_has_a_default(document: dict[str, Any]) -> None:
    used = set(refs({part: document[part] for part in ("Conditions", "Resources", "Outputs", "Rules")}))
    for name, parameter in document["Parameters"].items():
        assert name in used, name
        assert parameter["Description"], name
        assert "Default" in parameter, name


def test_every_number_has_a_range(document: dict[str, Any]) -> None:
    for name, parameter in document["Parameters"].items():
        if parameter["Type"] == "Number":
            allowed = parameter.get("AllowedValues")
            assert allowed or {"MinValue", "MaxValue"} <= parameter.keys(), name
            assert parameter["Default"] in (allowed or range(parameter["MinValue"], parameter["MaxValue"] + 1)), name


def test_every_text_has_a_form_that_its_default_has(document: dict[str, Any]) -> None:
    for name, parameter in document["Parameters"].items():
        if parameter["Type"] == "String":
            allowed = parameter.get("AllowedValues")
            assert allowed or "AllowedPattern" in parameter, name
            if allowed:
                assert parameter["Default"] in allowed, name
            else:
                assert accepts(parameter, parameter["Default"]), name


def accepts(parameter: dict[str, Any], value: str) -> bool:
    """CloudFormation holds a pattern against the whole value."""
    return re.fullmatch(parameter["AllowedPattern"], value) is not None


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("TableStreamArn", STREAM_ARN, True),
        ("TableStreamArn", STREAM_ARN.partition("/stream")[0], False),
        ("TableStreamArn", "their-messages", False),
        ("TableName", "ab", False),
        ("TableName", "messages.v2", True),
        ("TableKmsKeyArn", KEY_ARN, True),
        ("TableKmsKeyArn", "alias/messages", False),
        ("BucketKmsKeyArn", "1234abcd-12ab-34cd-56ef-1234567890ab", False),
        ("AlarmTopicArn", TOPIC_ARN, True),
        ("AlarmTopicArn", "alarms", False),
        ("ReservedConcurrency", "", True),
        ("ReservedConcurrency", "5", True),
        ("ReservedConcurrency", "0", False),
        ("ReservedConcurrency", "-1", False),
        ("Workers", "1", True),
        ("Workers", str(WORKERS_MAX), True),
        ("Workers", str(WORKERS_MAX + 1), False),
        ("Workers", "0", False),
        ("MaxFutureSeconds", "3600", True),
        ("MaxFutureSeconds", "-1", False),
        ("MaxFutureSeconds", "1h", False),
        ("VpcId", "vpc-0abc", True),
        ("VpcId", "subnet-0abc", False),
    ],
)
def test_pattern_on(document: dict[str, Any], name: str, value: str, taken: bool) -> None:  # noqa: FBT001 - a case's answer
    assert accepts(document["Parameters"][name], value) is taken


def test_shortest_timeout_leaves_time_before_the_reserve(document: dict[str, Any]) -> None:
    assert document["Parameters"]["FunctionTimeoutSeconds"]["MinValue"] * 1000 >= 10 * RESERVE_MS


def test_rules_name_what_belongs_together(document: dict[str, Any]) -> None:
    assert {name: set(refs(rule)) for name, rule in document["Rules"].items()} == {
        "VpcIsWhole": {"VpcSubnetIds", "VpcSecurityGroupIds"},
        "EndpointsHaveRoutes": {"VpcRouteTableIds", "VpcId"},
    }
