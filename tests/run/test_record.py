"""`python -m replay record`: what a stream holds ends in the file, each record once, whatever happens on the way."""

from __future__ import annotations

import base64
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from replay.cli import main
from replay.errors import WrongUse
from replay.sources.capture import Capture
from replay.sources.stream import Read, ShardPosition, StreamReader, lambda_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/messages/stream/2026-01-01T00:00:00.000"


def put(dynamodb: DynamoDBClient, table: str, numbers: Iterable[int]) -> None:
    for number in numbers:
        dynamodb.put_item(
            TableName=table, Item={"pk": {"S": "MSG#g"}, "sk": {"S": f"{number:06d}"}, "n": {"B": b"\xff"}}
        )


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def keys(file: Path) -> list[str]:
    return [line["dynamodb"]["Keys"]["sk"]["S"] for line in lines(file)]


@pytest.mark.engine
def test_a_line_is_a_lambda_record_with_neutral_account_and_region(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path
) -> None:
    out = tmp_path / "events.jsonl"
    put(dynamodb, table, [1])
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "MSG#g"}, "sk": {"S": "000001"}})
    assert main(["record", "--table", table, "--endpoint-url", engine_endpoint, "--out", str(out)]) == 0
    insert, remove = lines(out)
    item = {"pk": {"S": "MSG#g"}, "sk": {"S": "000001"}, "n": {"B": base64.b64encode(b"\xff").decode()}}
    assert insert["dynamodb"]["NewImage"] == item == remove["dynamodb"]["OldImage"]
    assert (insert["eventName"], remove["eventName"]) == ("INSERT", "REMOVE")
    assert isinstance(insert["dynamodb"]["ApproximateCreationDateTime"], float)
    assert insert["awsRegion"] == "us-east-1"
    assert insert["eventSourceARN"].startswith(f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}/stream/")
    assert insert["shardId"].startswith("shardId-")
    assert "ddblocal" not in out.read_text()


@pytest.mark.engine
def test_called_again_it_goes_on_where_it_stopped(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path
) -> None:
    out = tmp_path / "events.jsonl"
    command = ["record", "--table", table, "--endpoint-url", engine_endpoint, "--out", str(out)]
    for start in (0, 10, 20):
        put(dynamodb, table, range(start, start + 10))
        assert main([*command, *(["--max", "4"] if start == 10 else [])]) == 0
    assert keys(out) == [f"{number:06d}" for number in range(30)]


@pytest.mark.engine
def test_a_redacted_recording_holds_as_many_records_and_no_text(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path
) -> None:
    out = tmp_path / "events.jsonl"
    for number in range(3):
        item = {
            "pk": {"S": "MSG#secret-group"},
            "sk": {"S": f"2026-03-14T10:00:0{number}"},
            "message": {"S": "confidential"},
        }
        dynamodb.put_item(TableName=table, Item=item)
    command = ["record", "--table", table, "--endpoint-url", engine_endpoint, "--out", str(out), "--redact"]
    assert main(command) == 0
    assert len(lines(out)) == 3
    assert not any(secret in out.read_text() for secret in ("secret-group", "confidential"))
    assert [path.name for path in tmp_path.iterdir()] == ["events.jsonl"]
    assert main([*command, "--follow"]) == 2
    before = out.read_bytes()
    assert main(command) == 2  # nothing that was recorded is written over
    assert out.read_bytes() == before


@pytest.mark.engine
def test_since_leaves_out_what_is_older(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path
) -> None:
    put(dynamodb, table, range(3))
    for since, expected in (("2100-01-01", 0), ("2h", 3), ("2026-01-01T00:00:00+02:00", 3)):
        out = tmp_path / f"{expected}-{since[:4]}.jsonl"
        arguments = ["--table", table, "--endpoint-url", engine_endpoint, "--since", since, "--out", str(out)]
        assert main(["record", *arguments]) == 0
        assert len(lines(out)) == expected


@pytest.mark.engine
@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_nothing_is_lost_or_doubled(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path
) -> None:
    """Twenty kills at random moments while 2,000 writes run; `WRITES` in the environment asks for more."""
    writes = int(os.environ.get("WRITES", "2000"))
    out, chance = tmp_path / "events.jsonl", random.Random(5)  # noqa: S311 - chance, no secret
    writer = threading.Thread(target=put, args=(dynamodb, table, range(writes)))
    writer.start()
    command = [sys.executable, "-m", "replay", "record", "--table", table, "--endpoint-url", engine_endpoint]
    for _ in range(20):
        process = subprocess.Popen(
            [*command, "--follow", "--out", str(out)], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        before = out.stat().st_size if out.exists() else 0
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (not out.exists() or out.stat().st_size == before) and writer.is_alive():
            time.sleep(0.005)
        time.sleep(chance.random() * 0.1)
        process.send_signal(chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)))
        process.wait()
    writer.join()
    assert main(["record", "--table", table, "--endpoint-url", engine_endpoint, "--out", str(out)]) == 0
    assert keys(out) == [f"{number:06d}" for number in range(writes)]


def read(sequence: int, shard: str = "a") -> Read:
    return Read({"dynamodb": {"SequenceNumber": str(sequence)}}, shard, None)


def recorded(file: Path) -> list[tuple[str, str]]:
    return [(line["shardId"], line["dynamodb"]["SequenceNumber"]) for line in lines(file)]


def test_whatever_stands_behind_the_position_is_known_again(tmp_path: Path) -> None:
    """The end is cut at every byte behind the last saved position: whole lines stay, the cut one comes off."""
    file = tmp_path / "events.jsonl"
    with Capture.opened(file, ARN) as capture:
        capture.write(read(1))
        capture.save()
        saved = capture.path.with_name("events.jsonl.position").read_bytes()
        capture.write(read(2, "b"))
        capture.write(read(3))
    content = file.read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    for cut in range(ends[0], len(content) + 1):
        file.write_bytes(content[:cut])
        file.with_name("events.jsonl.position").write_bytes(saved)
        with Capture.opened(file, ARN) as capture:
            whole = sum(end <= cut for end in ends)
            expected = [("a", "1"), ("b", "2"), ("a", "3")][:whole]
            assert {name: position.sequence for name, position in capture.positions.items()} == dict(expected)
        assert recorded(file) == expected


def test_finished_shards_stay_finished(tmp_path: Path) -> None:
    with Capture.opened(tmp_path / "a", ARN) as capture:
        capture.write(read(1))
        capture.finish(["a"])
    with Capture.opened(tmp_path / "a", ARN) as capture:
        assert capture.positions == {"a": ShardPosition("1", finished=True)}


def test_a_file_that_is_no_recording_is_never_written_to(tmp_path: Path) -> None:
    file = tmp_path / "precious.txt"
    file.write_text("precious\n")
    with pytest.raises(WrongUse, match="is there already"), Capture.opened(file, ARN):
        pass
    with Capture.opened(tmp_path / "mine", ARN):
        pass
    with (
        pytest.raises(WrongUse, match="not arn:other; name another file"),
        Capture.opened(tmp_path / "mine", "arn:other"),
    ):
        pass
    (tmp_path / "mine.position").write_text("{")
    with pytest.raises(WrongUse, match="cannot be read"), Capture.opened(tmp_path / "mine", ARN):
        pass
    assert file.read_text() == "precious\n"


class FakeStream:
    """Shards with records, read by iterators that can expire, and whose oldest records can go."""

    def __init__(self, shards: dict[str, tuple[str | None, list[int], bool]], page: int = 2) -> None:
        self.shards = shards
        self.page = page
        self.trimmed: dict[str, int] = {}
        self.expires: set[int] = set()
        self.busy: set[int] = set()
        self.calls = itertools.count(1)

    def describe_stream(self, **arguments: str) -> dict[str, Any]:
        names = list(self.shards)
        start = names.index(arguments["ExclusiveStartShardId"]) + 1 if "ExclusiveStartShardId" in arguments else 0
        name = names[start]
        parent = self.shards[name][0]
        description: dict[str, Any] = {"Shards": [{"ShardId": name} | ({"ParentShardId": parent} if parent else {})]}
        if start + 1 < len(names):
            description["LastEvaluatedShardId"] = name
        return {"StreamDescription": description}

    def get_shard_iterator(self, **arguments: str) -> dict[str, str]:
        shard, oldest = arguments["ShardId"], self.trimmed.get(arguments["ShardId"], 0)
        after = int(arguments.get("SequenceNumber", oldest - 1))
        if after < oldest - 1:
            raise refusal("TrimmedDataAccessException")
        return {"ShardIterator": f"{shard}/{after}"}

    def get_records(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's
        number = next(self.calls)
        if number in self.expires:
            raise refusal("ExpiredIteratorException")
        if number in self.busy:
            raise refusal("LimitExceededException")
        shard, _, after = arguments["ShardIterator"].partition("/")
        if int(after) < self.trimmed.get(shard, 0) - 1:
            raise refusal("TrimmedDataAccessException")
        _, sequences, closed = self.shards[shard]
        found = [sequence for sequence in sequences if sequence > int(after)][: self.page]
        last = found[-1] if found else int(after)
        answer: dict[str, Any] = {"Records": [{"dynamodb": {"SequenceNumber": str(sequence)}} for sequence in found]}
        if not (closed and last == (sequences[-1] if sequences else int(after))):
            answer["NextShardIterator"] = f"{shard}/{last}"
        return answer


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetRecords")


def reader(stream: FakeStream, told: list[str] | None = None, **options: Any) -> StreamReader:  # noqa: ANN401 - StreamReader's
    clock = itertools.count(0.0, 10.0)
    return StreamReader(
        stream,  # type: ignore[arg-type] # as much of the SDK's client as is used
        "arn",
        ARN,
        (told if told is not None else []).append,
        sleep=lambda _: None,
        now=lambda: next(clock),
        **options,
    )


def numbers(reads: Iterator[Read]) -> list[int]:
    return [int(found.wire["dynamodb"]["SequenceNumber"]) for found in reads]


def family() -> FakeStream:
    return FakeStream(
        {"c1": ("p", [5, 6], False), "p": (None, [1, 2, 3], True), "c2": ("p", [7], True), "g": ("c2", [8], False)}
    )


def test_parents_come_before_children_in_one_round() -> None:
    found = numbers(reader(family()).read())
    assert found[:3] == [1, 2, 3]
    assert sorted(found) == [1, 2, 3, 5, 6, 7, 8]
    assert found.index(7) < found.index(8)


def test_an_open_parent_holds_its_children_back() -> None:
    stream = family()
    stream.shards["p"] = (None, [1, 2], False)
    source = reader(stream)
    assert numbers(source.read()) == [1, 2]
    stream.shards["p"] = (None, [1, 2, 3], True)
    assert sorted(numbers(source.read())) == [3, 5, 6, 7, 8]


@pytest.mark.parametrize("failing", range(1, 14))
@pytest.mark.parametrize("kind", ["expires", "busy"])
def test_expired_iterators_and_busy_answers_lose_and_double_nothing(failing: int, kind: str) -> None:
    stream, told = family(), list[str]()
    getattr(stream, kind).add(failing)
    assert sorted(numbers(reader(stream, told).read())) == [1, 2, 3, 5, 6, 7, 8]
    assert told == []


def test_records_gone_before_they_were_read_are_told_as_a_gap() -> None:
    stream, told = FakeStream({"p": (None, [1, 2, 3, 4, 5, 6], False)}), list[str]()
    source = reader(stream, told, positions={"p": ShardPosition("1")})
    stream.trimmed["p"] = 4
    stream.shards["p"] = (None, [4, 5, 6], False)
    assert numbers(source.read()) == [4, 5, 6]
    assert len(told) == 1
    assert "gap: shard p no longer has the records after 1" in told[0]


def test_records_gone_before_any_was_read_are_told_as_a_gap() -> None:
    stream, told = FakeStream({"p": (None, [1], False)}), list[str]()
    source = reader(stream, told)
    assert numbers(source.read()) == [1]
    source._shards["p"].position.sequence = None
    source._shards["p"].iterator, source._shards["p"].trimmed = None, True
    assert numbers(source.read()) == [1]
    assert told == ["gap: shard p no longer has its oldest records; streams keep them for 24 hours"]


def test_records_gone_while_an_iterator_stood_before_them_are_told_as_a_gap() -> None:
    stream, told = FakeStream({"p": (None, [1, 2], False)}), list[str]()
    source = reader(stream, told)
    assert numbers(source.read()) == [1, 2]
    stream.trimmed["p"], stream.shards["p"] = 5, (None, [5], False)
    assert numbers(source.read()) == [5]
    assert len(told) == 1


def test_a_shard_gone_unread_is_told_as_a_gap() -> None:
    told: list[str] = []
    source = reader(FakeStream({"new": (None, [5], False)}), told, positions={"old": ShardPosition("1")})
    assert numbers(source.read()) == [5]
    assert told == ["gap: shard old is gone before it was read to its end"]


def test_a_removal_by_time_to_live_gets_lambdas_identity() -> None:
    for identity in ({}, {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}):
        turned = lambda_record({"dynamodb": {"SequenceNumber": "1"}, "userIdentity": identity}, ARN)
        assert turned["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert "userIdentity" not in lambda_record({"dynamodb": {"SequenceNumber": "1"}}, ARN)


WRONG = {
    "neither": ([], "either --table or --stream"),
    "both": (["--table", "a", "--stream", "b"], "either --table or --stream"),
    "no endpoint": (["--table", "a"], "--endpoint-url"),
    "no ARN": (["--stream", "messages", "--endpoint-url", "http://127.0.0.1:9"], "--stream 'messages' is no stream's"),
    "no time": (
        ["--table", "a", "--endpoint-url", "http://127.0.0.1:9", "--since", "yesterday"],
        "--since 'yesterday'",
    ),
    "longer ago than there is time": (
        ["--table", "a", "--endpoint-url", "http://127.0.0.1:9", "--since", "99999999999d"],
        "--since '99999999999d' is neither a time like",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    arguments, reason = WRONG[name]
    assert main(["record", "--out", str(tmp_path / "out"), *arguments]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert reason in said[0]
    assert not (tmp_path / "out").exists()


@pytest.mark.engine
def test_json_is_all_that_is_on_standard_output(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "events.jsonl"
    put(dynamodb, table, range(3))
    assert main(["record", "--table", table, "--endpoint-url", engine_endpoint, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["gaps"], told["out"]) == (3, [], str(out))
    assert f"table/{table}/stream/" in told["stream"]


@pytest.mark.parametrize("out", ["-", os.devnull])
def test_a_recording_is_a_file(capsys: pytest.CaptureFixture[str], out: str) -> None:
    assert main(["record", "--table", "a", "--endpoint-url", "http://127.0.0.1:9", "--out", out]) == 2
    assert f"--out {out} is no file" in capsys.readouterr().err


@pytest.mark.engine
def test_a_missing_table_names_the_nearest(
    engine_endpoint: str, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--table", table + "x", "--endpoint-url", engine_endpoint, "--out", str(tmp_path / "out")]
    assert main(["record", *arguments]) == 2
    assert f"there is no table {table}x; did you mean {table[:5]}" in capsys.readouterr().err
