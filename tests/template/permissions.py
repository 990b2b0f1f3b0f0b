"""What the template's role may do, and what a call needs: the two sides that must be equal.

For whoever records the calls of a test run: `needed_by(service, operation, parameters)` gives the permissions of one
call; their union over everything the function was seen to call must be `own_actions(template)`, both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.template import Template

OWN_CALLS = "own-calls"
OWN_ACTIONS = (
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "s3:PutObject",
)
"""The calls of the function's own code; everything else in the role is Lambda's."""

TRANSACTION_ACTIONS = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
"""A transaction needs the permission of each of its actions, none of its own (DynamoDB developer guide)."""


def policies(template: Template) -> dict[str, list[Mapping[str, Any]]]:
    """Give the statements of the function's role by policy name."""
    role = template.all_resources["StreamProcessorRole"].properties
    return {policy["PolicyName"]: policy["PolicyDocument"]["Statement"] for policy in role["Policies"]}


def own_actions(template: Template) -> frozenset[str]:
    """Give what the function's own statement allows."""
    return frozenset(action for statement in policies(template)[OWN_CALLS] for action in statement["Action"])


def needed_by(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Give the permissions of one call: service and operation as botocore names them, and the call's parameters."""
    if (service, operation) == ("dynamodb", "TransactWriteItems"):
        for item in parameters["TransactItems"]:
            for kind in item:
                yield TRANSACTION_ACTIONS[kind]
    else:
        yield f"{service}:{operation}"
