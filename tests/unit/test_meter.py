"""Units are counted as the service tells them, and reads keep to a pace."""

from __future__ import annotations

from dataclasses import dataclass, field

import boto3
import pytest
from botocore.stub import Stubber

from replay.tables.meter import Meter


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now_s: float = 100.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def read(meter: Meter, *units: float | None) -> None:
    """Read pages that use so many units each; nothing where the endpoint does not tell."""
    client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    meter.attach(client)
    with Stubber(client) as stub:
        for used in units:
            told = {} if used is None else {"ConsumedCapacity": {"TableName": "T", "CapacityUnits": used}}
            stub.add_response("scan", told)
        stub.add_response("transact_write_items", {"ConsumedCapacity": [{"TableName": "T", "CapacityUnits": 4.0}]})
        for _ in units:
            client.scan(TableName="T")
        client.transact_write_items(TransactItems=[{"Delete": {"TableName": "T", "Key": {"pk": {"S": "x"}}}}])


def test_reads_and_writes_are_counted_apart() -> None:
    meter = Meter()
    read(meter, 128.5, 2.0, None)
    assert (meter.read_units, meter.write_units) == (130.5, 4.0)


def test_the_next_request_waits_until_the_last_one_is_paid_for() -> None:
    clock = Clock()
    meter = Meter(50, lambda: clock.now_s, clock.sleep)
    read(meter, 100.0, 25.0, 0.0)
    assert clock.slept == pytest.approx([2.0, 0.5])


def test_time_gone_by_is_not_saved_up() -> None:
    clock = Clock()
    meter = Meter(50, lambda: clock.now_s, clock.sleep)
    read(meter, 100.0)
    clock.now_s += 1000
    read(meter, 100.0, 0.0)
    assert clock.slept[-1] == pytest.approx(2.0)


def test_without_a_pace_nothing_waits() -> None:
    clock = Clock()
    read(Meter(None, lambda: clock.now_s, clock.sleep), 1000.0, 1000.0)
    assert clock.slept == []
