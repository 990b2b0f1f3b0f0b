"""Faults at a handler's calls: which call they come to, and how each looks to the handler."""

from __future__ import annotations

from typing import Any

import pytest

from replay.errors import WrongUse
from replay.function.control import GO, Asked, Order
from replay.function.controls import Controls
from replay.function.faults import KINDS, Fault, Faults, Kind


def call(operation: str, body: dict[str, Any] | None = None, service: str = "dynamodb") -> Asked:
    return Asked(service, operation, body or {}, "request")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", (None, 3)),
        ("PutItem", ("PutItem", 1)),
        ("PutItem:2", ("PutItem", 2)),
        ("s3.PutObject:4", ("s3.PutObject", 4)),
    ],
)
def test_a_fault_is_read_from_its_number_or_operation(text: str, expected: tuple[str | None, int]) -> None:
    fault = Fault.parse("throttle", text)
    assert (fault.operation, fault.number) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "is neither N nor OPERATION"),
        ("PutItem:0", "is neither N nor OPERATION"),
        ("PutItem:x", "is neither N nor OPERATION"),
        (":3", "is neither N nor OPERATION"),
        ("PutItm", "there is no operation 'PutItm'; did you mean 'PutItem'"),
        ("", "is neither N nor OPERATION"),
    ],
)
def test_what_is_no_fault_is_wrong_use(text: str, reason: str) -> None:
    with pytest.raises(WrongUse, match=reason):
        Fault.parse("crash-before", text)


def test_calls_are_counted_over_the_run_and_each_fault_comes_once() -> None:
    faults = Faults([Fault("crash-before", None, 2), Fault("throttle", "PutItem", 2)])
    orders = [faults.asked(call(name)).do for name in ("Query", "PutItem", "Query", "PutItem", "PutItem")]
    assert orders == ["go", "kill", "go", "refuse", "go"]
    assert [(str(done.fault), done.operation) for done in faults.happened] == [
        ("--crash-before 2", "PutItem"),
        ("--throttle PutItem:2", "PutItem"),
    ]
    assert faults.waiting == ()


def test_two_faults_of_one_call_come_one_after_the_other() -> None:
    faults = Faults([Fault("throttle", None, 1), Fault("timeout", None, 1)])
    assert [faults.asked(call("Query")).do for _ in range(3)] == ["refuse", "lose-answer", "go"]


def test_faults_that_no_call_comes_to_are_left() -> None:
    faults = Faults([Fault("timeout", "Scan", 1)])
    faults.asked(call("Query"))
    assert [str(fault) for fault in faults.waiting] == ["--timeout Scan:1"]


def test_a_conflict_counts_writes_alone() -> None:
    faults = Faults([Fault("conflict", None, 1)])
    assert faults.asked(call("Query")) == GO
    assert faults.asked(call("PutItem")) == Order("refuse", "TransactionConflictException")


EXPECTED: dict[Kind, str] = {
    "crash-before": "kill",
    "crash-after": "kill-after",
    "throttle": "refuse",
    "conflict": "refuse",
    "timeout": "lose-answer",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_order(kind: Kind) -> None:
    assert Faults([Fault(kind, "UpdateItem", 1)]).asked(call("UpdateItem")).do == EXPECTED[kind]


def test_a_transaction_is_cancelled_with_a_reason_an_action() -> None:
    order = Faults([Fault("conflict", None, 1)]).asked(call("TransactWriteItems", {"TransactItems": [{}, {}, {}]}))
    assert order.code == "TransactionCanceledException"
    assert [reason["Code"] for reason in order.more["CancellationReasons"]] == ["TransactionConflict", "None", "None"]


def test_the_first_control_that_decides_wins_and_all_see_every_call() -> None:
    first, second = (
        Faults([Fault("crash-before", None, 2)]),
        Faults([Fault("throttle", None, 1), Fault("timeout", None, 3)]),
    )
    controls = Controls([first, second])
    assert [controls.asked(call("Query")).do for _ in range(3)] == ["refuse", "kill", "lose-answer"]
