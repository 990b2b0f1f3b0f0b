"""The questions AWS leaves open, each a switch whose default is the conservative reading.

Promise: a function that is right under every combination of these is right whatever AWS does. The numbers Q1 … Q22
are those of the conformance cases (`fixtures/conformance/README.md`).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Switches:
    """One answer to every open question."""

    attempts_after_bisect: Literal["fresh", "inherited"] = "fresh"
    bisect_without_retries: Literal["split", "discard"] = "split"
    odd_split: Literal["ceil", "floor"] = "ceil"
    first_record_reported: Literal["retry", "halve"] = "retry"
    bad_identifier: Literal["retry", "halve"] = "retry"
    remainder_without_retries: Literal["try", "discard"] = "try"
    top_up: Literal["no", "yes"] = "no"
    unknown_identifiers: Literal["fail", "ignore"] = "fail"
    object_without_failures: Literal["error", "success"] = "error"
    other_lanes: Literal["continue", "stop"] = "continue"
    lane_key: Literal["item", "partition"] = "item"
    retention_message: Literal["none", "age"] = "none"
    failed_delivery: Literal["lost", "block"] = "lost"
    messages: Literal["separate", "consolidated"] = "separate"
    s3_payload: Literal["string", "object"] = "string"
    pauses: Literal["exponential", "constant"] = "exponential"
    request_id: Literal["last", "first"] = "last"
    oversized_record: Literal["error", "skip"] = "error"
    filtered_checkpoint: Literal["preceding", "immediate"] = "preceding"
    unusual_filter_keys: Literal["warn", "accept"] = "warn"
    cross_shard_order: Literal["none"] = "none"
    final_records: Literal["empty", "last-batch"] = "empty"

    @classmethod
    def of(cls, numbered: Mapping[str, object]) -> Switches:
        """Read switches by number and value, `{"Q1": "inherited"}`; what is not named keeps its default.

        Raises:
            WrongUse: There is no such switch, or it has no such value.
        """
        chosen = {}
        for number, value in numbered.items():
            question = QUESTIONS.get(number)
            if question is None:
                near = difflib.get_close_matches(number, QUESTIONS, n=1)
                raise WrongUse(f"there is no switch '{number}'" + (f"; did you mean '{near[0]}'?" if near else ""))
            if value not in question.values:
                raise WrongUse(f"switch {number} is {' or '.join(question.values)}, not {value!r}")
            chosen[question.name] = value
        return cls(**chosen)  # type: ignore[arg-type]  # each value was found among those of its field


@dataclass(frozen=True, slots=True)
class Question:
    """What AWS does not say, and the answers that are simulated; the first is the default."""

    name: str
    values: tuple[str, ...]
    text: str


QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "Q1": Question("attempts_after_bisect", ("fresh", "inherited"), "attempts a half starts with"),
        "Q2": Question("bisect_without_retries", ("split", "discard"), "bisect with MaximumRetryAttempts 0"),
        "Q3": Question("odd_split", ("ceil", "floor"), "size of the first half of an odd batch"),
        "Q4": Question("first_record_reported", ("retry", "halve"), "bisect on, the first record is reported"),
        "Q5": Question("bad_identifier", ("retry", "halve"), "bisect on, an identifier is invalid"),
        "Q6": Question("remainder_without_retries", ("try", "discard"), "remainder with MaximumRetryAttempts 0"),
        "Q7": Question("top_up", ("no", "yes"), "a remainder is filled up with newer records"),
        "Q8": Question("unknown_identifiers", ("fail", "ignore"), "identifiers of records not in the batch"),
        "Q9": Question("object_without_failures", ("error", "success"), "an answer without batchItemFailures"),
        "Q10": Question("other_lanes", ("continue", "stop"), "other lanes of a shard while one fails"),
        "Q11": Question("lane_key", ("item", "partition"), "what records of one lane have in common"),
        "Q12": Question("retention_message", ("none", "age"), "message for what the stream's retention takes"),
        "Q13": Question("failed_delivery", ("lost", "block"), "a message the destination does not take"),
        "Q14": Question("messages", ("separate", "consolidated"), "messages of neighbours that bisect discards"),
        "Q15": Question("s3_payload", ("string", "object"), "the payload in an S3 message"),
        "Q16": Question("pauses", ("exponential", "constant"), "pauses between tries"),
        "Q17": Question("request_id", ("last", "first"), "the attempt whose request id a message names"),
        "Q18": Question("oversized_record", ("error", "skip"), "a record over 6 MB"),
        "Q19": Question("filtered_checkpoint", ("preceding", "immediate"), "checkpoint of filtered records"),
        "Q20": Question("unusual_filter_keys", ("warn", "accept"), "filters on other metadata than documented"),
        "Q21": Question("cross_shard_order", ("none",), "order across shards"),
        "Q22": Question("final_records", ("empty", "last-batch"), "records of a window's final invocation"),
    }
)
