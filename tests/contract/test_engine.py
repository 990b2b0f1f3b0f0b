"""DynamoDB Local as a process: started, found, shared, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from replay.errors import WrongUse
from replay.tables import local
from replay.tables.artifact import installed
from replay.tables.cache import cache_folder
from replay.tables.launch import answers, is_engine
from replay.tables.port import HOST, held
from replay.tables.schema import create_table, load_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

pytestmark = pytest.mark.engine

DEADLINE_S = 120

STARTER = """
import time
from replay.tables import local
with local.engine(tell=lambda line: None) as engine:
    print(engine.port, engine.pid, flush=True)
    time.sleep(1000)
"""


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache with notes of its own, and the user's jars; what a test leaves running in it is ended."""
    jars = installed(cache_folder())
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / jars.name).symlink_to(jars)
    monkeypatch.setenv("INBOX_REPLAY_CACHE", str(cache))
    yield cache
    main(["engine", "stop", "--all"])


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def put(endpoint: str, table: str, key: str) -> None:
    local.client(endpoint).put_item(TableName=table, Item={"pk": {"S": key}, "sk": {"S": key}})


def keys(endpoint: str, table: str) -> list[str]:
    return [item["pk"]["S"] for item in local.client(endpoint).scan(TableName=table)["Items"]]


def test_an_engine_has_the_templates_table_with_index_and_stream(
    dynamodb: DynamoDBClient, dynamodb_streams: DynamoDBStreamsClient, table: str
) -> None:
    row = {"pk": {"S": "GRP#me"}, "sk": {"S": "2026"}, "message_group_uuid": {"S": "group"}}
    dynamodb.put_item(TableName=table, Item=row)
    found = dynamodb.query(
        TableName=table,
        IndexName="message-group-sk-index",
        KeyConditionExpression="message_group_uuid = :g",
        ExpressionAttributeValues={":g": {"S": "group"}},
    )
    assert found["Items"] == [row]
    assert len(dynamodb_streams.list_streams(TableName=table)["Streams"]) == 1


def test_two_engines_at_once_know_nothing_of_each_other() -> None:
    with local.engine() as first, local.engine() as second:
        assert (first.port, first.pid) != (second.port, second.pid)
        create_table(local.client(first.endpoint), load_schema(), "only-here")
        assert local.client(second.endpoint).list_tables()["TableNames"] == []
    assert not is_engine(first.pid, first.port)
    assert not is_engine(second.pid, second.port)


def test_an_engine_ends_with_its_killed_starter() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        port, pid = (int(number) for number in starter.stdout.readline().split())
        assert answers(port)
        starter.kill()
        until(lambda: not is_engine(pid, port) and not answers(port))


def test_an_engine_says_who_can_reach_it_and_ends_when_its_block_raises() -> None:
    said: list[str] = []
    with pytest.raises(KeyError), local.engine(tell=said.append) as engine:
        raise KeyError
    assert len(said) == 1
    assert engine.endpoint in said[0]
    assert "listens on every interface" in said[0]
    assert not is_engine(engine.pid, engine.port)


def test_an_engine_ended_by_its_number_leaves_nothing() -> None:
    before = set(cache_folder().glob("engine-*-*"))
    with local.engine() as engine:
        os.kill(engine.pid, signal.SIGTERM)
        until(lambda: not is_engine(engine.pid, engine.port))
    assert not [folder for folder in cache_folder().glob(f"engine-{engine.port}-*") if folder not in before]


@contextmanager
def a_listener(host: str) -> Iterator[int]:
    with socket.socket() as server:
        server.bind((host, 0))
        server.listen()
        yield server.getsockname()[1]


OTHER_LOOPBACK = "127.0.0.2"
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on the whole of 127.0.0.0/8")


@pytest.mark.parametrize("host", [HOST, pytest.param(OTHER_LOOPBACK, marks=only_linux)])
def test_a_taken_port_is_refused_on_whichever_interface_it_is_taken(host: str) -> None:
    with a_listener(host) as port, pytest.raises(WrongUse, match=f"port {port} is taken"), local.engine(port):
        pass


@only_linux
def test_a_free_port_that_is_lost_meanwhile_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_listener(OTHER_LOOPBACK) as lost:
        offered: list[int | None] = [None, lost]
        monkeypatch.setattr("replay.tables.launch.held", lambda _port, cache: held(offered.pop(), cache))
        with local.engine() as engine:
            assert answers(engine.port)
        assert offered == []


def test_a_folder_keeps_its_tables_over_a_restart_and_belongs_to_one_engine(tmp_path: Path) -> None:
    folder = tmp_path / "a folder" / "tables"
    with local.engine(data=folder) as engine:
        create_table(local.client(engine.endpoint), load_schema(), "messages")
        put(engine.endpoint, "messages", "kept")
        with pytest.raises(WrongUse, match="another engine keeps its tables in"), local.engine(data=folder):
            pass
    with local.engine(data=folder) as engine:
        assert keys(engine.endpoint, "messages") == ["kept"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongUse, match=r"tables cannot be kept in .*; name another folder"):
        local.engine(data=tmp_path / "file" / "tables").__enter__()


def test_an_engine_that_cannot_start_says_what_its_java_said(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'Error: no room today' >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setattr("replay.tables.launch.find_java", lambda: java)
    with pytest.raises(WrongUse, match="DynamoDB Local did not start: Error: no room today"), local.engine():
        pass
    assert not list(own_cache.glob("engine-*"))


def test_without_network_and_cache_the_command_ends_with_two(tmp_path: Path) -> None:
    environ = {
        **{name: value for name, value in os.environ.items() if name.lower() != "no_proxy"},
        "INBOX_REPLAY_CACHE": str(tmp_path),
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "replay", "engine", "start"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    *_, line = ended.stderr.splitlines()
    assert "is not in the cache" in line
    assert "docker run -p 8000:8000 amazon/dynamodb-local" in line
    assert "Traceback" not in ended.stderr


@pytest.mark.usefixtures("own_cache")
def test_a_started_engine_is_used_shown_and_stopped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert main(["engine", "start", "--table"]) == 0
    printed, said = capsys.readouterr()
    variables = dict(line.removeprefix("export ").split("=") for line in printed.splitlines())
    endpoint = variables["AWS_ENDPOINT_URL_DYNAMODB"]
    assert variables["AWS_ENDPOINT_URL_DYNAMODB_STREAMS"] == endpoint
    assert (variables["AWS_DEFAULT_REGION"], variables["AWS_ACCESS_KEY_ID"]) == ("us-east-1", "local")
    assert "table cruddur-messages made" in said
    put(endpoint, "cruddur-messages", "kept")

    (shown,) = status(capsys)
    assert (shown["endpoint"], shown["data"], shown["tables"]) == (endpoint, None, ["cruddur-messages"])
    assert is_engine(shown["pid"], shown["port"])

    assert main(["engine", "stop"]) == 0
    assert not is_engine(shown["pid"], shown["port"])
    assert status(capsys) == []


@pytest.mark.usefixtures("own_cache")
def test_of_two_started_engines_one_is_stopped_by_its_port(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    port = free_port()
    assert main(["engine", "start", "--port", str(port), "--data", str(tmp_path / "tables"), "--json"]) == 0
    printed, _ = capsys.readouterr()
    assert json.loads(printed)["port"] == port
    assert main(["engine", "start"]) == 0

    assert main(["engine", "start", "--port", str(port)]) == 2
    assert f"an engine already runs on port {port}" in capsys.readouterr().err
    assert main(["engine", "stop"]) == 2
    assert "name one with --port, or --all" in capsys.readouterr().err
    assert main(["engine", "stop", "--port", "1"]) == 2
    assert "no engine runs in the background on port 1" in capsys.readouterr().err

    assert main(["engine", "stop", "--port", str(port)]) == 0
    assert port not in [one["port"] for one in status(capsys)]
    assert len(status(capsys)) == 1


@pytest.mark.usefixtures("own_cache")
def test_a_table_that_differs_is_named_and_the_engine_ended(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with local.engine(data=tmp_path) as engine:
        local.client(engine.endpoint).create_table(
            TableName="cruddur-messages",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
    assert main(["engine", "start", "--table", "--data", str(tmp_path)]) == 2
    assert "table cruddur-messages: its key is pk HASH" in capsys.readouterr().err
    assert status(capsys) == []


def test_a_note_of_an_engine_that_is_gone_counts_for_nothing(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for port, pid in ((8001, 2**22 + 1), (8002, os.getpid())):
        note = {"port": port, "pid": pid, "data": None, "started": "2026-01-01T00:00:00+00:00"}
        (own_cache / f"engine-{port}.json").write_text(json.dumps(note))
    (own_cache / "engine-8003.json").write_text("{ half a no")
    assert status(capsys) == []
    assert main(["engine", "stop"]) == 0
    assert not list(own_cache.glob("engine-*.json"))


def test_run_ends_well_with_ctrl_c_and_badly_when_its_engine_ends() -> None:
    for target in ("command", "engine"):
        port = free_port()
        command = [sys.executable, "-m", "replay", "engine", "run", "--port", str(port), "--table"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
            assert running.stderr is not None
            said = running.stderr.readline()
            pid = int(said.partition("process ")[2].partition(";")[0])
            assert "table cruddur-messages made" in running.stderr.readline()
            assert "Ctrl-C ends it" in running.stderr.readline()
            if target == "command":
                running.send_signal(signal.SIGINT)
                assert running.wait(DEADLINE_S) == 0
            else:
                os.kill(pid, signal.SIGTERM)
                assert running.wait(DEADLINE_S) == 2
            assert not is_engine(pid, port)


def status(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["engine", "status", "--json"]) == 0
    described: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return described
