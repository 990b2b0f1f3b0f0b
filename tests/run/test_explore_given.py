"""A user's own rows and records under exploration: of the messages table, and of a table of any schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as example
from hypothesis import strategies as st

from replay.checks.scenarios import TIMES, pair, row, said
from replay.cli import EXIT_RIGHT, EXIT_WRONG_USE, main
from replay.errors import WrongUse
from replay.exploration.any_schema.table import FreeTable
from replay.exploration.campaign import in_memory
from replay.exploration.draw import NAMES
from replay.exploration.features import Features
from replay.exploration.given import Given, given_messages, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TESTS = Path(__file__).parents[1]
TEMPLATE = TESTS / "fixtures" / "templates" / "orders.yaml"
HANDLERS = TESTS / "handlers" / "orders.py"
RULES = """
def finally_every_order_is_in_its_customers_row(rows, records):
    for record in records:
        customer, number = record["dynamodb"]["Keys"]["customer"]["S"], int(record["dynamodb"]["Keys"]["number"]["N"])
        assert any(row["customer"] == customer and number in row.get("orders", ()) for row in rows), f"{number} is lost"
"""


def write(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def messages() -> Given:
    """Two conversations with an unread count, and four messages."""
    rows = [{**item, "unread": {"N": "0"}} for item in (*pair("g", TIMES[0]), *pair("h", TIMES[1], "ana", "cem"))]
    groups = enumerate("ghgh", 1)
    return Given(tuple(rows), tuple(said(group, TIMES[9 + number], "x", "ana", number) for number, group in groups))


def order(sequence: int, customer: str, number: int, name: str = "INSERT") -> dict[str, Any]:
    keys = {"customer": {"S": customer}, "number": {"N": str(number)}}
    change = {"Keys": keys, "NewImage": {**keys, "item": {"S": "tea"}}, "SequenceNumber": str(10**20 + sequence)}
    return {"eventID": str(sequence), "eventName": name, "dynamodb": change, "eventSource": "aws:dynamodb"}


def orders() -> list[dict[str, Any]]:
    return [order(1, "ana", 1), order(2, "ben", 2), order(3, "ana", 3)]


# Of the messages table.


@example(st.integers(0, 10_000))
def test_what_is_drawn_happens_to_the_given_rows_and_records(seed: int) -> None:
    given = messages()
    case = given.case(seed)
    sequences = [record["dynamodb"]["SequenceNumber"] for record in given.records]
    keys = [record["dynamodb"]["Keys"] for record in given.records]
    assert case == given.case(seed)
    assert case.rows == given.rows
    assert [record["dynamodb"]["SequenceNumber"] for record in case.records] == sequences
    assert {text for each in case.redeliveries for text in each.sequences} <= set(sequences)
    assert {lag.group for lag in case.lags} <= {"g", "h"}
    for wrote in case.writes:
        members = {"g": ("ana", "ben"), "h": ("ana", "cem")}[wrote.group]
        if wrote.kind == "remove-message":
            assert (f"MSG#{wrote.group}", wrote.time) in {(key["pk"]["S"], key["sk"]["S"]) for key in keys}
        else:
            assert (wrote.name if wrote.kind == "join" else wrote.member) in members
        assert wrote.kind != "set" or wrote.name in NAMES


@example(st.integers(0, 10_000))
def test_ours_is_right_on_given_rows_and_records(seed: int) -> None:
    assert in_memory(messages().case(seed)).broken == []


def test_everything_that_may_happen_does_happen_to_given_records() -> None:
    cases = [messages().case(seed) for seed in range(100)]
    for name in ("cuts", "lags", "faults", "writes", "redeliveries", "twins", "turns"):
        assert any(getattr(case, name) for case in cases), name
    assert any("shardId" in case.records[0] for case in cases)


def test_an_items_records_stay_in_one_shard_and_recorded_shards_stay() -> None:
    again = said("g", TIMES[10], "edited", "ana", 9)
    given = Given((), (*messages().records, again))
    for seed in range(50):
        records = given.case(seed, Features.only(["shards"])).records
        shards: dict[str, set[str]] = {}
        for record in records:
            shards.setdefault(str(record["dynamodb"]["Keys"]), set()).add(record["shardId"])
        assert all(len(each) == 1 for each in shards.values())
    recorded = tuple({**record, "shardId": "recorded"} for record in messages().records)
    assert Given((), recorded).case(0, Features.only(["shards"])).records == recorded


def test_rows_that_the_records_presuppose_need_not_be_given(tmp_path: Path) -> None:
    old, new = pair("g", TIMES[0])[0], pair("g", TIMES[9])[0]
    keys = {name: old[name] for name in ("pk", "sk")}
    moved = {"eventName": "REMOVE", "dynamodb": {"Keys": keys, "OldImage": old, "SequenceNumber": str(10**20 + 2)}}
    put = {
        "eventName": "INSERT",
        "dynamodb": {"Keys": {"pk": new["pk"], "sk": new["sk"]}, "NewImage": new, "SequenceNumber": str(10**20 + 3)},
    }
    message = said("g", TIMES[9], "x", "ana", 1)
    for each in (moved, put):
        each.update({"eventID": "1", "eventSource": "aws:dynamodb"})
    read = given_messages(None, write(tmp_path / "records.jsonl", [message, moved, put]))
    assert read.rows == (old,)
    assert [record["eventName"] for record in read.records] == ["INSERT"]


def test_rows_are_read_as_items_exports_and_arrays(tmp_path: Path) -> None:
    items = list(pair("g", TIMES[0]))
    lines = write(tmp_path / "lines", items)
    export = write(tmp_path / "export", [{"Item": item} for item in items])
    array = tmp_path / "array"
    array.write_text(json.dumps(items), encoding="utf-8")
    assert read_rows(lines) == read_rows(export) == read_rows(array) == items


def test_the_command_explores_given_rows_and_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = messages()
    rows, records = write(tmp_path / "rows.jsonl", given.rows), write(tmp_path / "records.jsonl", given.records)
    words = ["explore", "--rows", str(rows), "--events", str(records), "--jobs", "1", "--schedules", "20", "--json"]
    assert main(words) == EXIT_RIGHT
    told = json.loads(capsys.readouterr().out)
    assert told["cases"] == 20
    assert told["about"]["rows"] == str(rows)


# Of any table.


def explore(tmp_path: Path, handler: str, endpoint: str, *more: str) -> int:
    records = write(tmp_path / "orders.jsonl", orders())
    words = ["explore", "--handler", f"{HANDLERS}:{handler}", "--template", str(TEMPLATE), "--records", str(records)]
    return main([*words, "--endpoint-url", endpoint, "--json", *more])


@pytest.mark.engine
def test_a_right_handler_of_another_table_passes_the_users_rules(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text(RULES, encoding="utf-8")
    words = ["--schedules", "3", "--invariants", str(rules)]
    assert explore(tmp_path, "collects", engine_endpoint, *words) == EXIT_RIGHT
    told = json.loads(capsys.readouterr().out)
    assert told["writes"] > 10


@pytest.mark.engine
def test_counting_what_comes_twice_is_found_without_any_rule(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "broken.json"
    words = ["--schedules", "3", "--save", str(saved), "--html", str(tmp_path / "page.html")]
    assert explore(tmp_path, "counts", engine_endpoint, *words) == 1
    told = json.loads(capsys.readouterr().out)
    (anomaly,) = told["broken"]["anomalies"]
    assert anomaly["rule"] == "redelivery leaves every row as it is"
    assert 'went from {"customer": {"S": "ana"}, "number": {"N": "0"}, "orders": {"N": "1"}}' in anomaly["evidence"]
    assert anomaly["changes"][-1]["after"]["orders"] == {"N": "2"}
    assert len(told["broken"]["case"]["records"]) == 1
    assert b"INSERT customer=&quot;ana&quot; number=" in (tmp_path / "page.html").read_bytes().replace(b'"', b"&quot;")
    words = ["--template", str(TEMPLATE), "--case", str(saved), "--endpoint-url", engine_endpoint, "--json"]
    assert main(["explore", "--handler", f"{HANDLERS}:counts", *words]) == 1


@pytest.mark.engine
def test_what_a_record_tells_of_has_happened_before_it_comes(
    tmp_path: Path, engine_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text(
        "def always_a_delivered_order_is_there(rows, records):\n"
        "    there = {(row['customer'], int(row['number'])) for row in rows}\n"
        "    keys = [record['dynamodb']['Keys'] for record in records]\n"
        "    assert {(key['customer']['S'], int(key['number']['N'])) for key in keys} <= there\n",
        encoding="utf-8",
    )
    words = ["--schedules", "1", "--invariants", str(rules)]
    assert explore(tmp_path, "collects", engine_endpoint, *words) == EXIT_RIGHT
    capsys.readouterr()


def test_a_removed_row_that_records_tell_of_is_there_before(tmp_path: Path) -> None:
    table = FreeTable.load(TEMPLATE)
    removed = order(1, "ana", 1, "REMOVE")
    removed["dynamodb"]["OldImage"] = removed["dynamodb"].pop("NewImage")
    read = table.given(None, write(tmp_path / "records.jsonl", [removed, order(2, "ana", 1)]))
    assert read.rows == (removed["dynamodb"]["OldImage"],)
    assert not read.is_messages
    case = read.case(3)
    assert (case.lags, case.writes) == ((), ())


def test_the_tables_own_key_is_read() -> None:
    table = FreeTable.load(TEMPLATE)
    assert table.key == ("customer", "number")
    assert "ProvisionedThroughput" not in json.dumps(table.arguments)
    assert table.arguments["GlobalSecondaryIndexes"][0]["Projection"] == {"ProjectionType": "KEYS_ONLY"}


# Wrong use.


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "ROWS"], "name what is delivered with --records"),
        (["--table", "Orders"], "name that with --template"),
        (["--template", str(TEMPLATE)], "name its --handler"),
        (["--template", str(TEMPLATE), "--handler", f"{HANDLERS}:counts"], "name some with --records"),
        (["--template", str(TEMPLATE), "--table", "Order"], "has no table 'Order'; it has: Orders"),
        (["--records", "none.jsonl"], "none.jsonl"),
        (["--records", "ROWS"], "of no known form"),
        (["--records", "RECORDS", "--rows", "RECORDS"], "no row in DynamoDB's JSON"),
        (["--records", "RECORDS", "--rows", "OTHER"], "a row has no texts pk and sk"),
        (["--records", "OWN"], "every record is of a group row"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str], said: str
) -> None:
    files = {
        "ROWS": write(tmp_path / "rows.jsonl", messages().rows),
        "RECORDS": write(tmp_path / "records.jsonl", messages().records),
        "OTHER": write(tmp_path / "other.jsonl", [{"customer": {"S": "ana"}}]),
        "OWN": write(tmp_path / "own.jsonl", [_own()]),
    }
    assert main(["explore", "--schedules", "1", *(str(files.get(word, word)) for word in words)]) == EXIT_WRONG_USE
    written = capsys.readouterr()
    assert said in written.err
    assert written.err.count("\n") == 1
    assert written.out == ""


def test_a_record_without_the_tables_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"records.jsonl: .* has not the table's key \(customer, number\)"):
        FreeTable.load(TEMPLATE).given(None, write(tmp_path / "records.jsonl", messages().records))


def _own() -> dict[str, Any]:
    item = row("ana", "g", TIMES[0])
    record = said("g", TIMES[0], "x", "ana", 1)
    return {
        **record,
        "dynamodb": {**record["dynamodb"], "Keys": {"pk": item["pk"], "sk": item["sk"]}, "NewImage": item},
    }


def test_a_case_whose_row_has_no_key_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps({"rows": [{}], "records": [], "mapping": {}}), encoding="utf-8")
    assert main(["explore", "--case", str(path)]) == EXIT_WRONG_USE
    (line,) = capsys.readouterr().err.splitlines()
    assert "a row has no texts pk and sk" in line
