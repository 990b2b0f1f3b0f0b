from __future__ import annotations

from pathlib import Path

import pytest

from replay.errors import WrongUse
from replay.tables.cache import cache_folder, locked


def test_the_variable_wins_then_the_desktops_then_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    both = {"INBOX_REPLAY_CACHE": str(tmp_path / "own"), "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert cache_folder(both) == tmp_path / "own"
    assert cache_folder({"XDG_CACHE_HOME": str(tmp_path / "xdg")}) == tmp_path / "xdg" / "inbox-replay"
    assert cache_folder({}) == tmp_path / ".cache" / "inbox-replay"
    assert all(folder.is_dir() for folder in (cache_folder(both), cache_folder({})))


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongUse, match=r"cannot be made .*; name another in INBOX_REPLAY_CACHE"):
        cache_folder({"INBOX_REPLAY_CACHE": str(tmp_path / "file" / "cache")})


def test_a_relative_folder_is_taken_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cache_folder({"INBOX_REPLAY_CACHE": "own"}) == Path.cwd() / "own"


def test_waiting_is_said_only_when_somebody_holds_the_lock(tmp_path: Path) -> None:
    said: list[str] = []
    with locked(tmp_path / "lock", waiting=lambda: said.append("waiting")):
        pass
    with locked(tmp_path / "lock", waiting=lambda: said.append("waiting")):
        pass
    assert said == []
