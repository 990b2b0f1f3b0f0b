"""What it means to break a rule, said to somebody who sees the rule for the first time."""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "a list never moves back": (
        "A reader who saw the newer message now sees an older one. A row may only ever take a message that is newer "
        "than what it shows, whatever comes again or late."
    ),
    "a member always has a row": (
        "A reader who asks at this moment does not see the conversation, and if the process ends here it stays so: the "
        "index leads nobody to a row that is not there. The old row may go only together with the new one."
    ),
    "ahead": "The row shows what no message said: neither what it began with nor any message of its group.",
    "altered": (
        "Attributes that are not the handler's have other owners. A row that moves carries them over, and an update "
        "that came between read and write must not be lost."
    ),
    "answers are lawful": (
        "The event source reads an answer by its contract. An identifier that is none of the batch makes the whole "
        "batch fail; what an answer in another form means, nobody says."
    ),
    "answers tell what is not finished": (
        "The answer is the lowest record that is not finished, and nothing else: named too low, finished records spend "
        "the tries of others; named too high, or not at all, records are lost; raised, the whole batch comes again."
    ),
    "behind": (
        "The event source was told that the message is done and will not bring it again, yet the row shows an older "
        "one. The conversation stays there until somebody writes the next message."
    ),
    "doubled": (
        "A member has one row of a group. With two the conversation is listed twice, and the older one stays where it "
        "is for ever; a row of somebody who is no member shows them a conversation that is not theirs."
    ),
    "an invocation comes to an end": (
        "Nothing held this invocation up, yet it made no call and gave no answer until its time was over. Lambda ends "
        "it there and brings the whole batch again, to the same end."
    ),
    "healthy records are not given up": (
        "Nothing was wrong with this record and nothing failed on the way, yet the event source had to give it up: the "
        "handler holds healthy records back behind others, or fails by itself."
    ),
    "healthy records are not set aside": (
        "This record can be read, and it fits every row of its group. Set aside, it is looked at by nobody before its "
        "conversation is wrong; kept there beside its being applied, it hides what needs somebody's eyes."
    ),
    "message-touched": "The messages are the truth from which everything can be made again; no handler changes them.",
    "missing": (
        "The member did not leave, yet their row is gone. No later message brings it back: nothing leads to a row that "
        "is not there."
    ),
    "out-of-order": (
        "A list is read by key, and keys are compared as texts. Times of several spellings have another order as texts "
        "than as times: written under one spelling, in UTC, the newest conversation comes first."
    ),
    "quiet is reached": (
        "Each delivery has to come to an end. A handler that goes on calling, or answers its own writes, works until "
        "its time is over and is then started again."
    ),
    "redelivery changes nothing": (
        "Everything had been applied already, so delivering it once more must write nothing. A write here is paid for "
        "each time, and it feeds the stream that feeds the handler."
    ),
    "what does not fit is set aside": (
        "A message that is too large for a member's row is never shown in their list. Unless it is kept somewhere with "
        "its reason, nobody learns that it was lost for them."
    ),
    "what nobody can read is set aside": (
        "A message whose time or text is unreadable is never applied. Unless it is kept somewhere with its reason, "
        "nobody learns that it was lost."
    ),
    "redelivery leaves every row as it is": (
        "The event source may bring any record again, also long after it was taken. A handler that adds up, or "
        "appends, then does so twice."
    ),
}


TITLES: Final = {
    "ahead": "a row is ahead of its messages",
    "altered": "somebody else's attribute is altered",
    "behind": "a row stays behind",
    "doubled": "a row too many",
    "message-touched": "a message is touched",
    "missing": "a row is missing",
    "out-of-order": "an inbox is out of order",
}
"""What happened, for rules whose name alone does not say it."""


def headline(rule: str) -> str:
    """Say a rule so that it can stand by itself."""
    return TITLES.get(rule, rule)


def reason(rule: str) -> str:
    """Say why; nothing for a rule that a user has stated."""
    return REASONS.get(rule, "")
