from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from replay.errors import WrongUse
from replay.tables.port import HOST, held, listener

if TYPE_CHECKING:
    from pathlib import Path


def listening(port: int) -> socket.socket:
    """Listen on a port the way Java does."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((HOST, port))
    server.listen()
    return server


def test_free_ports_held_at_once_differ(tmp_path: Path) -> None:
    with held(None, tmp_path) as first, held(None, tmp_path) as second:
        assert first != second


def test_a_server_can_listen_on_the_port_that_is_held_for_it(tmp_path: Path) -> None:
    with held(None, tmp_path) as port, listening(port) as server, socket.create_connection((HOST, port)):
        connection, _ = server.accept()
        connection.close()


def test_a_port_asked_for_is_that_port(tmp_path: Path) -> None:
    with held(None, tmp_path) as free:
        pass
    with held(free, tmp_path) as port:
        assert port == free


def test_a_taken_port_names_who_listens_and_what_to_do(tmp_path: Path) -> None:
    with listening(0) as server:
        port = server.getsockname()[1]
        with pytest.raises(WrongUse) as refused, held(port, tmp_path):
            pass
        assert f"port {port} is taken" in str(refused.value)
        assert f"--endpoint-url http://127.0.0.1:{port}" in str(refused.value)
        if os.path.exists("/proc/net/tcp"):  # noqa: PTH110 - the system's own table
            assert f"(process {os.getpid()})" in str(refused.value)


def test_who_is_only_connected_does_not_take_the_port() -> None:
    with listening(0) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((HOST, port))
        connection, _ = server.accept()
    with client, connection:
        assert listener(port) is None


def test_nobody_is_named_where_nobody_listens_or_the_system_does_not_tell(tmp_path: Path) -> None:
    with held(None, tmp_path) as port:
        assert listener(port) is None
    with listening(0) as server:
        assert listener(server.getsockname()[1], proc=tmp_path) is None


@pytest.mark.parametrize("port", [70_000, -1])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(WrongUse, match=f"port {port} cannot be used"), held(port, tmp_path):
        pass
