from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from replay.errors import WrongUse
from replay.tables.artifact import ATTEMPTS, VERSION, Jar, installed, pinned, remove_damaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DEADLINE_S = 60


def jar(name: str, content: bytes | None = None) -> Jar:
    """A pinned file; its content is its name unless given."""
    held = name.encode() if content is None else content
    return Jar(f"org.example:{name}:1", len(held), hashlib.sha256(held).hexdigest())


JARS = (jar("first"), jar("second"), jar("third"))


class Repository:
    """Hands out files whose content is their name, and notes what was asked for."""

    def __init__(self, *, broken: int = 0, damaged: int = 0) -> None:
        self.asked: list[str] = []
        self._broken, self._damaged = broken, damaged

    def __call__(self, jar: Jar, folder: Path, arrived: Callable[[int], None]) -> Path:
        self.asked.append(jar.name)
        times = self.asked.count(jar.name)
        if times <= self._broken:
            (folder / "part").write_bytes(b"half")
            raise ConnectionResetError("the network went away")
        content = b"damaged" if times <= self._damaged else jar.coordinate.split(":")[1].encode()
        arrived(len(content))
        file = folder / "whatever.jar"
        file.write_bytes(content)
        return file


class SlowRepository:
    """Takes its time, and notes in a file that it was asked; used from another process."""

    def __init__(self, notes: Path, seconds: float) -> None:
        self.notes, self.seconds = notes, seconds

    def __call__(self, jar: Jar, folder: Path, arrived: Callable[[int], None]) -> Path:
        with self.notes.open("a") as notes:
            notes.write(f"{jar.name}\n")
        time.sleep(self.seconds)
        return Repository()(jar, folder, arrived)


def unreachable(_jar: Jar, _folder: Path, _arrived: Callable[[int], None]) -> Path:
    raise OSError("outer") from TimeoutError("no route to the repository")


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


WHOLE = {f"{name}-1.jar": name for name in ("first", "second", "third")}


def test_everything_is_fetched_once(tmp_path: Path) -> None:
    repository = Repository()
    folder = installed(tmp_path, fetch=repository, jars=JARS)
    assert (folder.name, contents(folder)) == (f"dynamodb-local-{VERSION}", WHOLE)
    assert installed(tmp_path, fetch=repository, jars=JARS) == folder
    assert sorted(repository.asked) == sorted(WHOLE)


@pytest.mark.parametrize("damage", [b"", b"firs"], ids=["empty", "short"])
def test_a_broken_cache_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    folder = installed(tmp_path, fetch=Repository(), jars=JARS)
    (folder / "first-1.jar").write_bytes(damage)
    assert contents(installed(tmp_path, fetch=Repository(), jars=JARS)) == WHOLE


def test_a_jar_missing_from_the_cache_is_fetched_again(tmp_path: Path) -> None:
    folder = installed(tmp_path, fetch=Repository(), jars=JARS)
    (folder / "second-1.jar").unlink()
    assert contents(installed(tmp_path, fetch=Repository(), jars=JARS)) == WHOLE


def test_a_failed_or_damaged_file_is_asked_for_again(tmp_path: Path) -> None:
    for number, repository in enumerate((Repository(broken=ATTEMPTS - 1), Repository(damaged=ATTEMPTS - 1))):
        cache = tmp_path / str(number)
        cache.mkdir()
        assert contents(installed(cache, fetch=repository, jars=JARS)) == WHOLE
        assert len(repository.asked) == ATTEMPTS * len(JARS)


def test_a_file_that_is_never_the_pinned_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"first-1\.jar cannot be fetched .what came is not the pinned file"):
        installed(tmp_path, fetch=Repository(damaged=ATTEMPTS), jars=JARS[:1])


def test_without_network_the_error_names_the_reason_and_the_container(tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as refused:
        installed(tmp_path, fetch=unreachable, jars=JARS)
    assert "no route to the repository" in str(refused.value)
    assert "docker run -p 8000:8000 amazon/dynamodb-local" in str(refused.value)
    assert "--endpoint-url http://127.0.0.1:8000" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_failed_fetch_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    with pytest.raises(WrongUse):
        installed(tmp_path, fetch=unreachable, jars=JARS)
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == []


def test_damage_that_keeps_the_size_is_found_by_reading(tmp_path: Path) -> None:
    folder = installed(tmp_path, fetch=Repository(), jars=JARS)
    assert not remove_damaged(tmp_path, jars=JARS)
    (folder / "first-1.jar").write_bytes(b"fIrst")
    assert remove_damaged(tmp_path, jars=JARS)
    assert contents(installed(tmp_path, fetch=Repository(), jars=JARS)) == WHOLE


def test_two_processes_that_need_it_at_once_fetch_it_once(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    both = [start_fetch(tmp_path, notes, 0.2) for _ in range(2)]
    for one in both:
        one.join(DEADLINE_S)
    assert [one.exitcode for one in both] == [0, 0]
    assert sorted(notes.read_text().split()) == sorted(WHOLE)


def test_what_a_killed_fetch_left_behind_is_cleared_away(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    fetch = start_fetch(tmp_path, notes, DEADLINE_S)
    until(notes.exists)
    assert fetch.pid is not None
    os.kill(fetch.pid, signal.SIGKILL)
    fetch.join(DEADLINE_S)
    assert list(tmp_path.glob("fetching-*"))

    assert contents(installed(tmp_path, fetch=Repository(), jars=JARS)) == WHOLE
    assert not list(tmp_path.glob("fetching-*"))


def start_fetch(cache: Path, notes: Path, seconds: float) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=fetch_slowly, args=(cache, notes, seconds))
    process.start()
    return process


def fetch_slowly(cache: Path, notes: Path, seconds: float) -> None:
    installed(cache, fetch=SlowRepository(notes, seconds), jars=JARS)


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_lock_pins_every_jar_once_and_dynamodb_local_itself() -> None:
    jars = pinned()
    names = [jar.name for jar in jars]
    assert len(set(names)) == len(names)
    assert f"DynamoDBLocal-{VERSION}.jar" in names
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
