"""The role: no action more or less than is needed, on nothing but what is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from replay.template import Template
from tests.template.modes import KEY_ARN, MODES, PATH
from tests.template.permissions import (
    OWN_ACTIONS,
    OWN_GRANTS,
    QUARANTINE_PREFIX,
    Grant,
    needed_by,
    own_grants,
    policies,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LAMBDAS_ACTIONS = {
    "event-source": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "logging": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "table-key": {"kms:Decrypt"},
    "bucket-key": {"kms:GenerateDataKey"},
    "network": {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    },
}
"""What Lambda does in the function's name (Lambda developer guide: with-ddb, services-dynamodb-errors, python-logging,
configuration-vpc)."""

ALWAYS = {"own-calls", "event-source", "logging"}
POLICIES = {
    "made": ALWAYS,
    "attached": ALWAYS,
    "own-keys": {*ALWAYS, "table-key", "bucket-key"},
    "attached-own-keys": {*ALWAYS, "table-key", "bucket-key"},
    "in-vpc": {*ALWAYS, "network"},
    "told": ALWAYS,
}


def statements(template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for policy, entries in policies(template).items():
        for statement in entries:
            yield policy, statement


def resources(statement: Mapping[str, Any]) -> list[str]:
    named = statement["Resource"]
    return [str(name) for name in (named if isinstance(named, list) else [named])]


@pytest.mark.parametrize("grant", OWN_GRANTS, ids=str)
def test_function_may(in_every_mode: Template, grant: Grant) -> None:
    assert grant in own_grants(in_every_mode)


def test_function_may_nothing_else(in_every_mode: Template) -> None:
    assert own_grants(in_every_mode) == set(OWN_GRANTS)


@pytest.mark.parametrize("mode", MODES)
def test_policies_are_those_the_mode_needs(mode: str) -> None:
    assert set(policies(Template.load(PATH, MODES[mode]))) == POLICIES[mode]


def test_lambda_may_what_is_listed(in_every_mode: Template) -> None:
    for policy, entries in policies(in_every_mode).items():
        if policy in LAMBDAS_ACTIONS:
            assert {action for entry in entries for action in entry["Action"]} == LAMBDAS_ACTIONS[policy]


def test_every_action_is_named_whole(in_every_mode: Template) -> None:
    for _, statement in statements(in_every_mode):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])


def test_every_resource_is_the_stacks_own(in_every_mode: Template) -> None:
    for policy, statement in statements(in_every_mode):
        if policy != "network":
            assert "*" not in resources(statement)


OPEN_ENDS = {"Quarantine": "/quarantine/*", "PutDiscards": "/aws/lambda/*", "ListStreams": "/stream/*"}


def test_only_these_resources_have_an_open_end(in_every_mode: Template) -> None:
    open_ended = {
        statement["Sid"]: resource
        for policy, statement in statements(in_every_mode)
        if policy != "network"
        for resource in resources(statement)
        if "*" in resource
    }
    assert open_ended.keys() == OPEN_ENDS.keys()
    for sid, end in OPEN_ENDS.items():
        assert open_ended[sid].endswith(end)
        assert "*" not in open_ended[sid].removesuffix(end)


def test_function_writes_to_the_quarantine_only(in_every_mode: Template) -> None:
    s3 = [entry for entry in policies(in_every_mode)["own-calls"] if "s3:PutObject" in entry["Action"]]
    assert [resources(entry) for entry in s3] == [[f"${{FailureBucket.Arn}}/{QUARANTINE_PREFIX}*"]]


@pytest.mark.parametrize(
    ("mode", "table"),
    [("made", "${MessagesTable.Arn}"), ("attached", "arn:aws:dynamodb:eu-west-1:111122223333:table/their-messages")],
)
def test_table_is_the_one_and_index_is_only_queried(mode: str, table: str) -> None:
    by_sid = {entry["Sid"]: entry for _, entry in statements(Template.load(PATH, MODES[mode]))}
    assert resources(by_sid["Table"]) == [table]
    assert resources(by_sid["GroupIndex"]) == [f"{table}/index/message-group-sk-index"]
    assert by_sid["GroupIndex"]["Action"] == ["dynamodb:Query"]
    assert resources(by_sid["ListStreams"]) == [f"{table}/stream/*"]


def test_stream_read_is_the_one_subscribed_to(in_every_mode: Template) -> None:
    by_sid = {entry["Sid"]: entry for _, entry in statements(in_every_mode)}
    subscribed = in_every_mode.all_resources["StreamProcessor"].properties["Events"]["Messages"]["Properties"]["Stream"]
    assert resources(by_sid["ReadStream"]) == [str(subscribed)]


def test_discards_go_to_this_account_only(in_every_mode: Template) -> None:
    for policy, statement in statements(in_every_mode):
        if policy == "event-source" and statement["Action"][0].startswith("s3:"):
            assert statement["Condition"] == {"StringEquals": {"s3:ResourceAccount": "000000000000"}}


def test_keys_are_used_through_their_service_only() -> None:
    given = policies(Template.load(PATH, MODES["own-keys"]))
    for policy, service in (("table-key", "dynamodb"), ("bucket-key", "s3")):
        (statement,) = given[policy]
        assert resources(statement) == [KEY_ARN]
        assert statement["Condition"] == {"StringEquals": {"kms:ViaService": f"{service}.us-east-1.amazonaws.com"}}


def test_what_is_lambdas_is_denied_to_the_code_itself(in_every_mode: Template) -> None:
    (denial,) = in_every_mode.resources("AWS::IAM::RolePolicy").values()
    lambda_only, discards = denial.properties["PolicyDocument"]["Statement"]
    lambdas = {
        action
        for policy, statement in statements(in_every_mode)
        if policy in {"event-source", "network"}
        for action in statement["Action"]
    }
    denied = {*lambda_only["Action"], *discards["Action"]}
    assert {action for action in lambdas if not action.startswith("ec2:")} | {"ec2:*"} == denied
    assert (lambda_only["Resource"], str(discards["Resource"])) == ("*", "${FailureBucket.Arn}/aws/lambda/*")
    for statement in (lambda_only, discards):
        assert statement["Effect"] == "Deny"
        assert str(statement["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]) == "${StreamProcessor.Arn}"


def test_what_the_code_calls_is_not_denied_to_it(in_every_mode: Template) -> None:
    (denial,) = in_every_mode.resources("AWS::IAM::RolePolicy").values()
    lambda_only, _ = denial.properties["PolicyDocument"]["Statement"]
    assert not set(lambda_only["Action"]) & set(OWN_ACTIONS)


def test_role_is_the_templates_and_lambdas_alone(in_every_mode: Template) -> None:
    assert in_every_mode.all_resources["StreamProcessor"].properties["Role"].name == "StreamProcessorRole"
    role = in_every_mode.all_resources["StreamProcessorRole"].properties
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "ManagedPolicyArns" not in role
    assert "Policies" not in in_every_mode.all_resources["StreamProcessor"].properties


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "needed"),
    [
        ("dynamodb", "Query", {"TableName": "t"}, {Grant("dynamodb:Query", "table")}),
        ("dynamodb", "Query", {"TableName": "t", "IndexName": "i"}, {Grant("dynamodb:Query", "index")}),
        ("s3", "PutObject", {"Key": "quarantine/t/l/1.json"}, {Grant("s3:PutObject", "quarantine")}),
        ("s3", "PutObject", {"Key": "aws/lambda/x"}, {Grant("s3:PutObject", "something else")}),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Delete": {}}, {"Put": {}}, {"ConditionCheck": {}}]},
            {
                Grant("dynamodb:DeleteItem", "table"),
                Grant("dynamodb:PutItem", "table"),
                Grant("dynamodb:ConditionCheckItem", "table"),
            },
        ),
    ],
)
def test_call_needs(service: str, operation: str, parameters: dict[str, Any], needed: set[Grant]) -> None:
    assert set(needed_by(service, operation, parameters)) == needed
