"""How much of a table's capacity a client's requests use, and a pace that its reads keep to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from replay.function.calls import READS

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel
    from mypy_boto3_dynamodb import DynamoDBClient


class Meter:
    """Counts the units that DynamoDB says it used, and waits before a request while the reads before it were too fast.

    The pace holds on average, from the first request on: one page of a scan is up to 128 units, however few are
    allowed a second. An endpoint that tells no units is not held to any.
    """

    def __init__(
        self,
        reads_per_s: float | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.read_units = 0.0
        self.write_units = 0.0
        self._reads_per_s = reads_per_s
        self._now = now
        self._sleep = sleep
        self._free_at = 0.0

    def attach(self, client: DynamoDBClient) -> None:
        """Watch a client from now on."""
        events = client.meta.events
        events.register("before-parameter-build.dynamodb", self._before)
        events.register("after-call.dynamodb", self._after)

    def _before(self, params: dict[str, Any], model: OperationModel, **_: object) -> None:
        if "ReturnConsumedCapacity" in (model.input_shape.members if model.input_shape else {}):
            params.setdefault("ReturnConsumedCapacity", "TOTAL")
        ahead_s = self._free_at - self._now()
        if self._reads_per_s and ahead_s > 0:
            self._sleep(ahead_s)

    def _after(self, parsed: dict[str, Any], model: OperationModel, **_: object) -> None:
        told = parsed.get("ConsumedCapacity") or []
        units = sum(float(each.get("CapacityUnits", 0)) for each in ([told] if isinstance(told, dict) else told))
        if model.name not in READS:
            self.write_units += units
            return
        self.read_units += units
        if self._reads_per_s:
            self._free_at = max(self._free_at, self._now()) + units / self._reads_per_s
