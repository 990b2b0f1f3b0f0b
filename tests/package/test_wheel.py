"""The wheel where only it is installed: the example's own suite explores its handler by three lines."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "stream-handler"
GUARD = 'is_older(row["sk"], sort_key)'
"""What keeps the example's handler from showing an older message again."""

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment: the wheel, and this environment's packages for what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    must([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), "."], ROOT)
    (wheel,) = folder.glob("*.whl")
    must([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], folder)
    python = folder / "venv" / "bin" / "python"
    must(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
            str(wheel),
        ],
        folder,
    )
    site = must([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).stdout.strip()
    (Path(site) / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The example as a repository of its own."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "stream-handler"))


def ran(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    kept = ("PATH", "HOME", "XDG_CACHE_HOME", "LANG")
    surroundings = {name: os.environ[name] for name in kept if name in os.environ}
    return subprocess.run(words, cwd=folder, env=surroundings, check=False, capture_output=True, text=True)


def must(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = ran(words, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def suite(python: Path, repository: Path, endpoint: str, *more: str) -> subprocess.CompletedProcess[str]:
    words = [str(python), "-m", "pytest", "-p", "no:cacheprovider", "--explore-endpoint", endpoint, *more]
    return ran(words, repository)


def test_the_examples_suite_explores_its_handler(installed: Path, repository: Path, engine_endpoint: str) -> None:
    """Exactly as it is: as many cases as its own file says."""
    done = suite(installed, repository, engine_endpoint)
    assert done.returncode == 0, done.stdout
    assert re.search(r"redelivery_leave_the_inbox_right: 30 cases, \d+ calls", done.stdout)


def test_the_examples_suite_tells_when_its_handler_is_wrong(
    installed: Path, repository: Path, engine_endpoint: str
) -> None:
    handler = repository / "app" / "stream.py"
    source = handler.read_text(encoding="utf-8")
    assert GUARD in source
    handler.write_text(source.replace(GUARD, "True"), encoding="utf-8")
    done = suite(installed, repository, engine_endpoint)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "a list never moves back" in done.stdout
    (case,) = (repository / "explored").glob("*.json")
    assert f"--explore-case explored/{case.name}" in done.stdout


def test_the_installed_command_runs(installed: Path, repository: Path) -> None:
    done = must([str(installed.parent / "inbox-replay"), "explore", "--schedules", "3", "--jobs", "1"], repository)
    assert done.stdout.startswith("right: 3 cases")
    told = must([str(installed.parent / "inbox-replay"), "--version"], repository)
    assert told.stdout == "inbox-replay 0.1.0\n"
