"""Running a conformance case: its function as told by rules, and what is seen, in the form that is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.event_source.answers import Returned, Throttled
from replay.event_source.case_records import EPOCH_S
from replay.event_source.errors import MappingRejected, RunEnded
from replay.event_source.metrics import Metrics
from replay.event_source.source import EventSource
from replay.event_source.virtual import deliver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.event_source.answers import FunctionResult
    from replay.event_source.cases import Case, Rule
    from replay.event_source.destinations import FailureMessage
    from replay.event_source.invocations import Invocation


def run_case(case: Case) -> dict[str, Any]:
    """Run a case on a virtual clock and give what it prints: invocations, destination, checkpoint, metrics, error."""
    if isinstance(case.mapping, MappingRejected):
        checkpoint: dict[str, str | None] = {name: None for name, _ in case.stream.shards}
        return _printed([], [], checkpoint, Metrics(), case.mapping)
    source = EventSource(
        case.mapping,
        switches=case.switches,
        partition_key=case.partition_key,
        function_version=case.function_version,
        epoch_s=EPOCH_S,
        remembers=True,
    )
    for name, parent in case.stream.shards:
        source.add_shard(name, parent)
    source.offer(case.stream.records)
    function = RuledFunction(case.rules)
    invocations: list[dict[str, Any]] = []
    error = None
    run = deliver(source, (), case.actions)
    try:
        invocation = next(run)
        while True:
            result = function.invoke(invocation)
            if not isinstance(result, Throttled):
                invocations.append(_invocation(invocation, source.judge(invocation, result).outcome))
            invocation = run.send(result)
    except StopIteration:
        pass
    except RunEnded as ended:
        error = ended
    return _printed(invocations, source.discards, source.checkpoints, source.metrics, error)


class RuledFunction:
    """A function that does what the first rule about its batch says; rules wear out."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule, rule.times) for rule in rules]

    def invoke(self, invocation: Invocation) -> FunctionResult:
        """Give the result for a batch; where no rule is about it, null."""
        sequences = invocation.sequences
        for number, (rule, times) in enumerate(self._rules):
            if times > 0 and rule.holds(sequences):
                self._rules[number] = rule, times - 1
                return rule.result
        return Returned()


def _printed(
    invocations: list[dict[str, Any]],
    messages: Sequence[FailureMessage],
    checkpoint: dict[str, str | None],
    metrics: Metrics,
    error: Exception | None,
) -> dict[str, Any]:
    return {
        "invocations": invocations,
        "destination": [_message(message) for message in messages],
        "checkpoint": checkpoint,
        "metrics": metrics.named(),
        "error": {"type": type(error).__name__, "message": str(error)} if error else None,
    }


def _invocation(invocation: Invocation, outcome: str) -> dict[str, Any]:
    return {
        "sequences": invocation.sequences,
        "shard": invocation.shard,
        "at_s": _number(invocation.at_s),
        "outcome": outcome,
        "event": invocation.event,
    }


def _message(message: FailureMessage) -> dict[str, Any]:
    discard = message.discard
    printed: dict[str, Any] = {
        "shard": discard.shard,
        "condition": discard.condition,
        "approximateInvokeCount": discard.invoke_count,
        "batchSize": len(discard.records),
        "startSequenceNumber": discard.records[0].text,
        "endSequenceNumber": discard.records[-1].text,
        "responseContext": message.has_response,
    }
    if message.has_response:
        printed["functionError"] = discard.function_error
    printed["body"] = message.body
    if message.key is not None:
        printed["key"] = message.key
    return printed


def _number(seconds: float) -> float:
    return int(seconds) if float(seconds).is_integer() else seconds
