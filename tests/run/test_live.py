"""`python -m replay live`: rows follow the messages, also past crashes, restarts and edits of the handler."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from replay.errors import WrongUse
from replay.function.reloading import HandlerFiles
from replay.function.target import Target
from replay.live import Checkpoint
from replay.sources.stream import ShardPosition
from tests.run.conftest import at, message, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[2]
WITHIN_S = 60


class Following:
    """A `live` in a process of its own."""

    def __init__(self, endpoint: str, table: str, folder: Path, *options: str) -> None:
        self.log, self.printed = folder / "live.log", folder / "live.out"
        command = ["live", "--endpoint-url", endpoint, "--table", table, "--checkpoint", str(folder / "checkpoint")]
        with self.log.open("a") as log, self.printed.open("a") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "replay", *command, *options], cwd=ROOT, stderr=log, stdout=printed
            )

    def said(self, text: str) -> int:
        return self.log.read_text().count(text)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WITHIN_S)


@pytest.fixture
def follow(engine_endpoint: str, table: str, tmp_path: Path) -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def follow(*options: str) -> Following:
        started.append(Following(engine_endpoint, table, tmp_path, *options))
        return started[-1]

    yield follow
    for following in started:
        if following.process.poll() is None:
            following.process.kill()
            following.process.wait()


@pytest.fixture
def world(dynamodb: DynamoDBClient, table: str, tmp_path: Path) -> tuple[DynamoDBClient, str, Path]:
    return dynamodb, table, tmp_path


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN_S
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds()


def put(dynamodb: DynamoDBClient, table: str, *items: dict[str, Any]) -> None:
    for item in items:
        dynamodb.put_item(TableName=table, Item=item)


def texts(dynamodb: DynamoDBClient, table: str) -> list[str]:
    items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    return sorted(item["message"]["S"] for item in items if item["pk"]["S"].startswith("GRP#"))


@pytest.mark.engine
def test_rows_follow_messages_and_a_killed_one_goes_on_where_it_was(
    follow: Callable[..., Following], dynamodb: DynamoDBClient, table: str
) -> None:
    put(dynamodb, table, row("a", "g", at(0)), row("b", "g", at(0)), message("g", at(1), "written before"))
    first = follow()
    assert until(lambda: texts(dynamodb, table) == ["written before"] * 2)
    put(dynamodb, table, message("g", at(2), "while it runs"))
    assert until(lambda: texts(dynamodb, table) == ["while it runs"] * 2)
    first.end(signal.SIGKILL)
    put(dynamodb, table, message("g", at(3), "while it is down"))
    second = follow()
    assert until(lambda: texts(dynamodb, table) == ["while it is down"] * 2)
    assert second.end(signal.SIGINT) == 0
    assert second.said("replay: stopped") == 1


@pytest.mark.engine
def test_json_is_a_line_a_batch_and_all_that_is_on_standard_output(
    follow: Callable[..., Following], dynamodb: DynamoDBClient, table: str
) -> None:
    put(dynamodb, table, row("a", "g", at(0)), message("g", at(1)), message("g", at(2), "new"))
    following = follow("--json")
    assert until(lambda: texts(dynamodb, table) == ["new"])
    assert following.end() == 0
    (batch,) = map(json.loads, following.printed.read_text().splitlines())
    assert (batch["records"], batch["outcome"], batch["cold_start"]) == (2, "done", True)
    assert int(batch["first_sequence"]) < int(batch["last_sequence"])


CRASHING = """
    import os, pathlib
    from stream_processor.handler import lambda_handler
    mark = pathlib.Path(__file__).with_suffix(".mark")
    def handler(event, context):
        if not mark.exists():
            mark.touch()
            {failure}
        return lambda_handler(event, context)
"""


@pytest.mark.engine
@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("os._exit(3)", "exited with status 3"),
        ("raise ValueError('no')", "raised ValueError: no"),
        ("return 'fine'", "an answer nobody can read"),
        ("return {1}", "returned what is no JSON"),
    ],
)
def test_a_failing_handler_gets_its_batch_again(
    follow: Callable[..., Following], world: tuple[DynamoDBClient, str, Path], failure: str, said: str
) -> None:
    dynamodb, table, tmp_path = world
    (tmp_path / "mine.py").write_text(textwrap.dedent(CRASHING.format(failure=failure)))
    put(dynamodb, table, row("a", "g", at(0)), message("g", at(1), "new"))
    following = follow("--handler", f"{tmp_path / 'mine.py'}:handler")
    assert until(lambda: texts(dynamodb, table) == ["new"])
    assert following.end() == 0
    assert following.said(said) == 1


@pytest.mark.engine
def test_an_edited_handler_is_started_anew_also_after_an_edit_that_broke_it(
    follow: Callable[..., Following], dynamodb: DynamoDBClient, table: str, tmp_path: Path
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "mine.py").write_text("import words\ndef handler(event, context): print(words.WORD, flush=True)")
    (folder / "words.py").write_text("WORD = 'first'")
    following = follow("--handler", f"{folder / 'mine.py'}:handler", "--verbose")
    put(dynamodb, table, message("g", at(1)))
    assert until(lambda: following.said("handler: first") == 1)
    (folder / "words.py").write_text("WORD = ")
    assert until(lambda: following.said("handler changed") == 1)
    put(dynamodb, table, message("g", at(2)))
    assert until(lambda: following.said("SyntaxError") >= 1)
    (folder / "words.py").write_text("WORD = 'second'")
    assert until(lambda: following.said("handler: second") == 1)
    assert following.end() == 0


def test_a_checkpoint_is_kept_by_stream_and_moves_on(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint"
    checkpoint = Checkpoint.read(file, "stream-1")
    assert checkpoint.positions() == {}
    checkpoint.note({"a": "5", "b": None})
    checkpoint.note({"b": "7"})
    assert Checkpoint.read(file, "stream-1").positions() == {"a": ShardPosition("5"), "b": ShardPosition("7")}
    assert Checkpoint.read(file, "stream-2").positions() == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    {
        "": "it is empty",
        "[]": "it holds something else",
        "{}": "it has no 'finished'",
        '{"stream": 5}': "it has no 'finished'",
        '{"stream": "s", "finished": []}': "it holds something else",
        "[" * 5000: "it is nested too deep",
        "9" * 5000: "it has a number of too many digits",
    }.items(),
    ids=lambda text: text[:30],
)
def test_a_file_that_is_no_checkpoint_is_wrong_use(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "checkpoint").write_text(content)
    with pytest.raises(WrongUse, match=rf"is no checkpoint \({reason}\); remove it"):
        Checkpoint.read(tmp_path / "checkpoint", "s")


@pytest.mark.engine
def test_a_checkpoint_that_cannot_be_written_is_refused_before_anything_is_delivered(
    engine_endpoint: str, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = str(tmp_path / "nowhere" / "checkpoint")
    assert main(["live", "--endpoint-url", engine_endpoint, "--table", table, "--checkpoint", checkpoint]) == 2
    assert f"--checkpoint {checkpoint} cannot be written: No such file" in capsys.readouterr().err


def test_changes_below_a_handlers_folder_are_seen_once(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "mine.py").write_text("1")
    (inner / "other.py").write_text("1")
    files = HandlerFiles(Target(str(tmp_path / "mine.py"), "handler"), [])
    assert files.changed() == []
    (inner / "other.py").write_text("22")
    (inner / "new.py").write_text("1")
    (inner / "note.txt").write_text("1")
    (tmp_path / "mine.py").unlink()
    assert files.changed() == [
        str(path) for path in sorted([inner / "new.py", inner / "other.py", tmp_path / "mine.py"])
    ]
    assert files.changed() == []


def test_a_module_is_watched_with_its_package(tmp_path: Path) -> None:
    package = tmp_path / "app"
    package.mkdir()
    for name in ("__init__.py", "handler.py", "beside.py"):
        (package / name).write_text("")
    (tmp_path / "single.py").write_text("")
    files = HandlerFiles(Target("app.handler", "handler"), [str(tmp_path)])
    single = HandlerFiles(Target("single", "handler"), [str(tmp_path)])
    (package / "beside.py").write_text("1")
    (tmp_path / "single.py").write_text("1")
    assert files.changed() == [str(package / "beside.py")]
    assert single.changed() == [str(tmp_path / "single.py")]
    assert HandlerFiles(Target("nowhere", "handler"), [str(tmp_path)]).changed() == []


def test_an_endpoint_that_is_not_local_is_asked_about(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert main(["live", "--endpoint-url", "http://dynamodb.example.com"]) == 2
    assert "--yes" in capsys.readouterr().err


@pytest.mark.engine
def test_a_table_of_another_form_is_refused(
    engine_endpoint: str, dynamodb: DynamoDBClient, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"other-{os.getpid()}-{time.monotonic_ns()}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert main(["live", "--endpoint-url", engine_endpoint, "--table", name]) == 2
    said = capsys.readouterr().err
    assert "its key is id HASH" in said
    assert json.dumps(name)[1:-1] in said
