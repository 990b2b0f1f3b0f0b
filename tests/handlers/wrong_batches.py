"""Batch processors that are wrong, each in one sentence of the contract: exploration must convict every one of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stream_processor.answer import Failure
from stream_processor.batch import BatchProcessor
from stream_processor.errors import GaveUp, PermanentError
from stream_processor.message import MESSAGE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream_processor.answer import Answer
    from stream_processor.batch import Invocation
    from stream_processor.message import Message

DONE: Answer = {"batchItemFailures": []}


class TakesOneRecord(BatchProcessor):
    """Only the first record of a batch is looked at (H1)."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        return super().process({"Records": event["Records"][:1]}, invocation)


class TakesTheLastOfABatch(BatchProcessor):
    """Of a batch's messages of a group the last delivered counts as the newest."""

    def _drive_all(self, groups: Iterable[tuple[Message, ...]], invocation: Invocation) -> Any:  # noqa: ANN401 - the same
        last = [(max(messages, key=lambda message: message.sequence),) for messages in groups]
        return super()._drive_all(last, invocation)


class TakesEditsForMessages(BatchProcessor):
    """A message that was changed counts like a new one (H6)."""

    def _parse(self, records: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - the same
        return super()._parse([{**record, "eventName": "INSERT"} for record in records])


class StripsEveryPrefix(BatchProcessor):
    """Whatever reads like the prefix goes from a group's id, wherever it stands (H15)."""

    def _parse(self, records: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - the same
        return super()._parse([_stripped(record) for record in records])


class AnswersNothing(BatchProcessor):
    """Whatever failed, the batch counts as done."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        super().process(event, invocation)
        return DONE


class AnswersTheHighest(BatchProcessor):
    """Where anything failed, the batch's last record is named: what failed before it is lost."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        return _named(super().process(event, invocation), max(_numbers(event), key=int, default=""))


class AnswersByText(BatchProcessor):
    """The number named is not the text that came: zeros in front of it."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        answer = super().process(event, invocation)
        return _named(answer, "".join(f"0{each['itemIdentifier']}" for each in answer["batchItemFailures"]))


class AnswersAnotherBatchsRecord(BatchProcessor):
    """The number named is one behind the batch."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        return _named(super().process(event, invocation), str(max(map(int, _numbers(event)), default=0) + 1))


class RaisesOnPoison(BatchProcessor):
    """A record that can never be applied ends the batch before anything is tried (H10)."""

    def _parse(self, records: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - the same
        parsed = super()._parse(records)
        if parsed.permanent:
            raise PermanentError(parsed.permanent[0].quarantined.reason, "nothing was tried")
        return parsed


class NamesThePoisonedRecord(BatchProcessor):
    """A record that can never be applied is answered like one that may be later: all behind it comes again (H10)."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        parsed = self._parse(event["Records"])
        answer = super().process(event, invocation)
        poisoned = [each.at.identifier for each in parsed.permanent]
        failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        lowest = min(poisoned + failed, key=int, default=None)
        return DONE if lowest is None else {"batchItemFailures": [{"itemIdentifier": lowest}]}


class StopsTheGroupsBehindAFailure(BatchProcessor):
    """A group that fails ends the batch, and the others count as done."""

    def _drive_all(self, groups: Iterable[tuple[Message, ...]], invocation: Invocation) -> Any:  # noqa: ANN401 - the same
        results: list[Any] = []
        for messages in groups:
            results += super()._drive_all([messages], invocation)
            if results[-1].error is not None:
                return [replace(results[-1], error=None), *results[:-1]]
        return results


class SwallowsPoison(BatchProcessor):
    """What can never be applied counts as done and stands nowhere."""

    def _quarantine_all(self, _permanent: Any, _invocation: Invocation) -> Any:  # noqa: ANN401 - the same
        return 0, []


class NamesTheFirst(BatchProcessor):
    """Whatever failed, the batch's first record is named: what was finished spends tries of its own."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        return _named(super().process(event, invocation), min(_numbers(event), key=int, default=""))


class RaisesInstead(BatchProcessor):
    """Where anything failed, an error is raised: the batch comes again as a whole."""

    def process(self, event: Any, invocation: Invocation) -> Answer:  # noqa: ANN401 - as the right one
        answer = super().process(event, invocation)
        if answer["batchItemFailures"]:
            raise GaveUp("something failed")
        return answer


class ReportsWhatItSetAside(BatchProcessor):
    """A record that was set aside counts as a failure too, and comes again."""

    def _quarantine_all(self, permanent: Any, invocation: Invocation) -> Any:  # noqa: ANN401 - the same
        writes, failures = super()._quarantine_all(permanent, invocation)
        return writes, [*failures, *(Failure(each.at, each.group, GaveUp("twice")) for each in permanent if writes)]


class NeverLooksAtTheClock(BatchProcessor):
    """Requests are begun whatever time is left."""

    def _drive(self, work: Any, invocation: Invocation) -> Any:  # noqa: ANN401 - the same
        return super()._drive(work, replace(invocation, remaining_ms=lambda: math.inf))


WRONG_BATCHES: tuple[type[BatchProcessor], ...] = (
    TakesOneRecord,
    TakesTheLastOfABatch,
    TakesEditsForMessages,
    StripsEveryPrefix,
    AnswersNothing,
    AnswersTheHighest,
    AnswersByText,
    AnswersAnotherBatchsRecord,
    RaisesOnPoison,
    NamesThePoisonedRecord,
    StopsTheGroupsBehindAFailure,
    SwallowsPoison,
    NamesTheFirst,
    RaisesInstead,
    ReportsWhatItSetAside,
    NeverLooksAtTheClock,
)


def _numbers(event: Any) -> list[str]:  # noqa: ANN401 - an event
    return [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]


def _named(answer: Answer, identifier: str) -> Answer:
    """Name another record where any was named."""
    return {"batchItemFailures": [{"itemIdentifier": identifier}]} if answer["batchItemFailures"] else answer


def _stripped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    change = record["dynamodb"]
    partition = change["Keys"]["pk"]["S"]
    if not partition.startswith(MESSAGE_PREFIX):
        return record
    keys = {**change["Keys"], "pk": {"S": MESSAGE_PREFIX + partition.replace(MESSAGE_PREFIX, "")}}
    return {**record, "dynamodb": {**change, "Keys": keys}}
