"""The command `run` in this process, on the worker's engine, with handlers and events written for the case."""

from __future__ import annotations

import itertools
import json
import os
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Json = dict[str, Any]

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: exit code, report, and what it said."""

    code: int
    report: Json
    said: str

    @property
    def summary(self) -> Json:
        summary: Json = self.report["summary"]
        return summary

    @property
    def kinds(self) -> set[str]:
        return {finding["kind"] for finding in self.report["findings"]}


@pytest.fixture
def run(engine_endpoint: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `python -m replay run --json` with further arguments, on a table of its own."""

    def run(*arguments: object) -> Ran:
        table = f"run-{os.getpid()}-{next(_numbers)}"
        command = ["run", "--json", "--endpoint-url", engine_endpoint, "--table", table]
        code = main([*command, *map(str, arguments)])
        out, said = capsys.readouterr()
        return Ran(code, json.loads(out) if out else {}, said)

    return run


@pytest.fixture
def handler(tmp_path: Path) -> Callable[[str], str]:
    """Write a handler's source to a file; gives its name for `--handler`."""

    def handler(source: str) -> str:
        file = tmp_path / f"handler_{next(_numbers)}.py"
        file.write_text(textwrap.dedent(source))
        return f"{file}:handler"

    return handler


@pytest.fixture
def events(tmp_path: Path) -> Callable[[Iterable[object]], Path]:
    """Write lines of events to a file."""

    def events(lines: Iterable[object]) -> Path:
        file = tmp_path / f"events_{next(_numbers)}.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return file

    return events


def row(member: str, group: str, time: str, text: str = "begin", **more: Json) -> Json:
    return {
        "pk": {"S": f"GRP#{member}"},
        "sk": {"S": time},
        "message_group_uuid": {"S": group},
        "message": {"S": text},
        "user_uuid": {"S": f"other of {member}"},
        "user_display_name": {"S": "Other"},
        "user_handle": {"S": "other"},
        **more,
    }


def message(group: str, time: str, text: str = "text", sender: str = "a") -> Json:
    return {
        "pk": {"S": f"MSG#{group}"},
        "sk": {"S": time},
        "message": {"S": text},
        "message_uuid": {"S": f"{group} {time}"},
        "user_uuid": {"S": sender},
        "user_display_name": {"S": "Sender"},
        "user_handle": {"S": "sender"},
    }


def record(sequence: int, name: str = "INSERT", *, new: Json | None = None, old: Json | None = None) -> Json:
    item = new or old or {}
    change: Json = {
        "ApproximateCreationDateTime": 1_795_000_000.0,
        "Keys": {"pk": item["pk"], "sk": item["sk"]},
        "SequenceNumber": f"{sequence:021d}",
        "SizeBytes": 100,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    change |= ({"NewImage": new} if new else {}) | ({"OldImage": old} if old else {})
    return {
        "eventID": f"{sequence:032x}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/messages/stream/2026-01-01T00:00:00.000",
    }


def at(second: int) -> str:
    return f"2026-03-14T10:{second // 60:02d}:{second % 60:02d}.000000+00:00"


def conversation(messages: int = 4, group: str = "g", first: int = 1) -> list[Json]:
    """Two rows, then messages, a second apart."""
    opened = [record(first + n, new=row(member, group, at(0))) for n, member in enumerate("ab")]
    return opened + [record(first + 2 + n, new=message(group, at(n + 1), f"text {n + 1}")) for n in range(messages)]
