"""A port for an engine: the one asked for or any free one, held until the engine has it."""

from __future__ import annotations

import contextlib
import errno
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from replay.errors import WrongUse
from replay.tables.cache import locked

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
LISTENING = "0A"
"""The state of a listening socket in /proc/net/tcp (proc_pid_net(5))."""


@contextmanager
def held(port: int | None, cache: Path) -> Iterator[int]:
    """Hold `port`, or any free one for None, against everybody but a server that listens on it; yield its number.

    A socket that is bound and does not listen keeps others away, and lets a server with SO_REUSEADDR (as Java sets it)
    listen on the same number. Starts with a port asked for go one after the other, so that no two can both believe that
    the one answering there is theirs. A port that somebody listens on, or that is not allowed, is `WrongUse`.
    """
    with contextlib.ExitStack() as stack:
        if port is not None:
            stack.enter_context(locked(cache / "asked-ports.lock"))
        holder = stack.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind((HOST, port or 0))
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise taken(port or 0) from error
            raise WrongUse(f"port {port} cannot be used ({error}); name another with --port, or none") from error
        yield holder.getsockname()[1]


def taken(port: int) -> WrongUse:
    """Make the error for a port that somebody listens on, naming who where the system tells."""
    who = listener(port)
    return WrongUse(
        f"port {port} is taken{f' by {who}' if who else ''}; name another with --port, none for a free one, "
        f"or use what runs there with --endpoint-url http://{HOST}:{port}"
    )


def listener(port: int, proc: Path = Path("/proc")) -> str | None:
    """Name the process listening on a port, as "java (process 123)"; nothing where the system does not tell."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listening(proc / "net" / table, port)}
    if not sockets:
        return None
    for handle in proc.glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # processes and their files come and go, and some are not ours to see
            if str(handle.readlink()) in sockets:
                process = handle.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _listening(table: Path, port: int) -> Iterator[str]:
    """Find the inodes of sockets listening on `port` in one of the system's tables of sockets."""
    with contextlib.suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
