"""What the template's role may do, and what a call needs: the two sides that must be equal.

For whoever records the calls of a test run: `needed_by(service, operation, parameters)` gives the grants that one call
needs; their union over everything the function was seen to call must be `own_grants(template)`, both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stream_processor.quarantine import KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from replay.template import Template


class Grant(NamedTuple):
    """An action, and what it is done to: `table`, `index`, `quarantine`, or the call's own word for anything else."""

    action: str
    on: str

    def __str__(self) -> str:
        return f"{self.action} on {self.on}"


OWN_GRANTS = (
    Grant("dynamodb:Query", "table"),
    Grant("dynamodb:Query", "index"),
    Grant("dynamodb:PutItem", "table"),
    Grant("dynamodb:DeleteItem", "table"),
    Grant("dynamodb:ConditionCheckItem", "table"),
    Grant("s3:PutObject", "quarantine"),
)
"""The calls of the function's own code; everything else in the role is Lambda's."""

OWN_ACTIONS = tuple(sorted({grant.action for grant in OWN_GRANTS}))

OWN_CALLS = "own-calls"
STATEMENTS = {"Table": "table", "GroupIndex": "index", "Quarantine": "quarantine"}
"""The statements of that policy, by what they are about."""

QUARANTINE_PREFIX = f"{KEY_PREFIX}/"

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


def own_grants(template: Template) -> frozenset[Grant]:
    """Give what the function's own policy allows."""
    return frozenset(
        Grant(action, STATEMENTS[statement["Sid"]])
        for statement in policies(template)[OWN_CALLS]
        for action in statement["Action"]
    )


def needed_by(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Grant]:
    """Give the grants one call needs: service and operation as botocore names them, and the call's parameters."""
    match service, operation:
        case "dynamodb", "TransactWriteItems":
            for item in parameters["TransactItems"]:
                for kind in item:
                    yield Grant(TRANSACTION_ACTIONS[kind], "table")
        case "dynamodb", _:
            yield Grant(f"dynamodb:{operation}", "index" if "IndexName" in parameters else "table")
        case "s3", _ if str(parameters.get("Key", "")).startswith(QUARANTINE_PREFIX):
            yield Grant(f"s3:{operation}", "quarantine")
        case _:
            yield Grant(f"{service}:{operation}", "something else")
