"""The process of an engine: started through the watchdog, found and ended by its number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from replay.tables import watchdog

if TYPE_CHECKING:
    from collections.abc import Sequence

END_WITHIN_S = watchdog.END_WITHIN_S + 5
LOOK_EVERY_S = 0.02


class Watched:
    """A process that ends with this one; `folder` holds its log and goes when it ends. `pid` None: it did not start."""

    def __init__(self, command: Sequence[str], folder: Path, inherited: Sequence[int] = ()) -> None:
        self._watchdog = subprocess.Popen(
            _watchdog(os.getpid(), command, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=inherited,
            start_new_session=True,  # Ctrl-C is for the starter, which ends this in its own time
        )
        self.pid = _number(self._watchdog.stdout.read() if self._watchdog.stdout else b"")

    def stop(self) -> None:
        """End the process and wait for it; quick, and again is nothing."""
        if self._watchdog.returncode is not None:
            return
        try:
            self._watchdog.communicate(b".", timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()
            self._watchdog.communicate()


class Background:
    """A process that stays when this one ends; `folder` goes when it ends. `pid` None: it did not start."""

    def __init__(self, command: Sequence[str], folder: Path, inherited: Sequence[int] = ()) -> None:
        started = subprocess.run(
            _watchdog(0, command, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=inherited,
            check=False,
        )
        self.pid = _number(started.stdout)

    def stop(self) -> None:
        """End the process and wait for it."""
        if self.pid is not None:
            end(self.pid)


def _watchdog(starter: int, command: Sequence[str], folder: Path) -> list[str]:
    return [sys.executable, "-I", "-S", str(Path(watchdog.__file__)), str(starter), str(folder), *command]


def _number(printed: bytes) -> int | None:
    return int(printed) if printed.strip() else None


def command_line(pid: int) -> str:
    """Return the command line of a process; empty when there is none of that number, or only its exit code is left."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        pass
    if Path("/proc/self").exists():
        return ""
    asked = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def end(pid: int) -> None:
    """Terminate a process, a child of this one or not, and wait until it is gone; kill it when it takes too long."""
    before = command_line(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not before or command_line(pid) != before:
            return
        os.kill(pid, number)
        deadline = time.monotonic() + END_WITHIN_S
        while command_line(pid) == before and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
