"""Runs one process and ends it when its own starter ends, however that happens. A script of the standard library alone.

    python -I watchdog.py STARTER_PID FOLDER COMMAND...

The starter holds the other end of standard input. Its end, also by SIGKILL, closes the pipe; that, or any byte in it,
ends the process. Should a child of the starter still hold the pipe, the changed parent tells the same. A STARTER_PID
of 0 means nobody: the script goes to the background and stays until the process ends.

The process's number is printed first. What the process prints goes to `FOLDER/log`; the folder is removed at the end.
On Linux the process also ends when this script is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

LOOK_EVERY_S = 0.25
"""How long the end of the process, or of a starter whose pipe is still held, goes unnoticed."""

END_WITHIN_S = 10
"""DynamoDB Local takes a third of a second to end; one that takes longer than this is killed."""

PR_SET_PDEATHSIG = 1
"""Linux, prctl(2): the signal a process gets when its parent ends."""


def main() -> int:
    """Run the command until it or the starter ends, or somebody terminates this script."""
    starter, folder, command = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not starter:
        _go_to_background()
    process = _run(command, folder / "log")
    if process is None:
        return 1
    try:
        _report(process.pid)
        if starter:
            _watch(process, starter)
        else:
            process.wait()
    finally:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _go_to_background() -> None:
    """Leave the starter's session, and its standard error: whoever reads that to the end must see an end."""
    if os.fork():
        os._exit(0)
    os.setsid()
    _close(sys.stderr.fileno())


def _run(command: list[str], log_file: Path) -> subprocess.Popen[bytes] | None:
    """Start the process; one that cannot be started leaves the reason in the log, and the folder for the starter."""
    with log_file.open("wb") as log:
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - this script has one thread
            )
        except OSError as error:
            log.write(f"{error}\n".encode())
            return None


def _end_with_parent() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _report(number: int) -> None:
    """Print the process's number and close the output, for a starter that reads to the end."""
    os.write(sys.stdout.fileno(), b"%d\n" % number)
    _close(sys.stdout.fileno())


def _close(stream: int) -> None:
    """Send a standard stream nowhere; closed outright, its number would go to the next file."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream)
    os.close(nowhere)


def _watch(process: subprocess.Popen[bytes], starter: int) -> None:
    """Return when the starter ends or says so; a process that ends by itself is reaped, its log left to the starter."""
    told_to_end = False
    while not told_to_end and os.getppid() == starter:
        process.poll()
        readable, _, _ = select.select([sys.stdin], [], [], LOOK_EVERY_S)
        told_to_end = bool(readable)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
