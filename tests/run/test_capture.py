"""A recording being written: whatever moment a process is killed at, the next goes on without loss or doubles."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.errors import WrongUse
from replay.sources.capture import Capture
from replay.sources.stream import Read, ShardPosition

if TYPE_CHECKING:
    from pathlib import Path

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/messages/stream/2026-01-01T00:00:00.000"
SHARDS = "abc"

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(SHARDS), st.sampled_from((0, 10, 9000))),
        st.tuples(st.sampled_from(("flush", "save"))),
        st.tuples(st.just("finish"), st.sampled_from(SHARDS)),
    ),
    min_size=1,
    max_size=12,
)


def read(sequence: int, shard: str, size: int = 0) -> Read:
    return Read({"dynamodb": {"SequenceNumber": str(sequence)}, "filled": "x" * size}, shard, None)


def recorded(file: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [(line["shardId"], line["dynamodb"]["SequenceNumber"]) for line in lines]


def killed(folder: Path, copy: Path) -> Path:
    """What is there when the process is killed now: what it has handed to the system, and no more."""
    shutil.copytree(folder, copy)
    return copy / "events.jsonl"


@given(steps)
def test_killed_after_any_step_the_file_tells_how_far_it_is(
    tmp_path_factory: pytest.TempPathFactory, taken: list[tuple[str, ...]]
) -> None:
    folder, copies = tmp_path_factory.mktemp("live"), tmp_path_factory.mktemp("killed")
    written: list[tuple[str, str]] = []
    finished: set[str] = set()
    with Capture.opened(folder / "events.jsonl", ARN) as capture:
        for number, step in enumerate(taken):
            match step:
                case ("write", shard, size):
                    capture.write(read(number, shard, int(size)))
                    written.append((shard, str(number)))
                case ("finish", shard):
                    capture.finish([shard])
                    finished.add(shard)
                case ("flush",):
                    capture.flush()
                case _:
                    capture.save()
            file = killed(folder, copies / str(number))
            with Capture.opened(file, ARN) as again:
                kept = recorded(file)
                assert kept == written[: len(kept)]
                assert step[0] not in {"flush", "save"} or kept == written
                sequences = {name: position.sequence for name, position in again.positions.items()}
                assert {name: sequence for name, sequence in sequences.items() if sequence} == dict(kept)
                assert {name for name, position in again.positions.items() if position.finished} == finished


def test_killed_before_the_first_record_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    with Capture.opened(tmp_path / "live" / "events.jsonl", ARN):
        file = killed(tmp_path / "live", tmp_path / "copy")
    with Capture.opened(file, ARN) as capture:
        assert capture.positions == {}


def test_a_position_counts_only_lines_that_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of what reaches the disk: lines, position, its name."""
    done: list[str] = []
    sync, replace = os.fsync, type(tmp_path).replace

    def noted_sync(descriptor: int) -> None:
        done.append("sync")
        sync(descriptor)

    def noted_replace(path: Path, target: Path) -> Path:
        done.append("replace")
        return replace(path, target)

    with Capture.opened(tmp_path / "events.jsonl", ARN) as capture:
        capture.write(read(1, "a"))
        monkeypatch.setattr(os, "fsync", noted_sync)
        monkeypatch.setattr(type(tmp_path), "replace", noted_replace)
        capture.save()
        monkeypatch.undo()
    assert done == ["sync", "sync", "replace", "sync"]


@pytest.mark.parametrize(
    ("content", "reason"),
    {
        "[" * 5000: "it is nested too deep",
        "{}": "it has no 'stream'",
        "[]": "it holds something else",
        f'{{"stream": "{ARN}", "shards": 5}}': "it holds something else",
    }.items(),
    ids=lambda text: text[:30],
)
def test_a_position_that_is_none_is_refused_in_one_line(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "events.jsonl.position"
    file.write_text(content)
    with (
        pytest.raises(WrongUse, match=rf"events.jsonl.position cannot be read \({reason}\); remove it and "),
        Capture.opened(tmp_path / "events.jsonl", ARN),
    ):
        pass
    assert file.read_text() == content


def test_lines_that_are_nested_without_end_are_no_recording(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with Capture.opened(file, ARN):
        pass
    file.write_text("[" * 5000 + "\n")
    with pytest.raises(WrongUse, match="holds something else than a recording"), Capture.opened(file, ARN):
        pass


def test_two_processes_cannot_write_one_file(tmp_path: Path) -> None:
    with (
        Capture.opened(tmp_path / "events.jsonl", ARN),
        pytest.raises(WrongUse, match="another process is recording to"),
        Capture.opened(tmp_path / "events.jsonl", ARN),
    ):
        pass


def test_what_is_finished_is_saved_at_once_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saves: list[Capture] = []

    def save(capture: Capture) -> None:
        saves.append(capture)

    monkeypatch.setattr(Capture, "save", save)
    with Capture.opened(tmp_path / "events.jsonl", ARN) as capture:
        before = len(saves)
        capture.finish(["a"])
        capture.finish(["a"])
        assert capture.positions == {"a": ShardPosition(None, finished=True)}
        assert len(saves) == before + 1
