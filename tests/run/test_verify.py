"""`python -m replay verify`: what a real table's own rows say, nothing of what people said, and only faults mended."""

from __future__ import annotations

import dataclasses
import io
import json
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from replay.repair import Repair
from replay.tables.endpoint import chosen
from replay.tables.messages import MessagesTable, opened
from replay.tables.meter import Meter
from replay.tables.schema import create_table, load_schema
from replay.verification import Asked, Verification
from stream_processor.errors import RefusedError
from stream_processor.table import DynamoGroupTable
from tests.builders import group_item, message_item, time_text
from tests.conftest import PRIVATE_MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from replay.rows.reading import Item
    from stream_processor.transaction import Transaction

    Put = Callable[..., None]
    Verify = Callable[..., "Told"]

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
HELLO, LATER = message_item("hello", at=1), message_item("later", at=2, sender="bob")
ANN, BOB = group_item("ann", at=2, name="later"), group_item("bob", at=2, name="later", other="ann")
ANN_BEHIND, BOB_BEHIND = group_item("ann", at=1, name="hello"), group_item("bob", at=1, name="hello", other="ann")
RIGHT = (HELLO, LATER, ANN, BOB)
LARGE = 100_000


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """How the command ended: exit code, standard output, standard error."""

    code: int
    out: str
    said: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def named(self) -> list[tuple[str, str, str | None]]:
        return [(finding["kind"], finding["group"], finding["member"]) for finding in self.json["findings"]]


@pytest.fixture
def put(dynamodb: DynamoDBClient, table: str) -> Put:
    def put(*items: Item) -> None:
        for item in items:
            dynamodb.put_item(TableName=table, Item=item)

    return put


@pytest.fixture
def verify(engine_endpoint: str, table: str, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Run the command on the test's table; whatever it says, it tells no text."""

    def verify(*arguments: str) -> Told:
        code = main(["verify", "--endpoint-url", engine_endpoint, "--table", table, *arguments])
        out, said = capsys.readouterr()
        assert PRIVATE_MARK not in out + said
        assert "Traceback" not in said
        return Told(code, out, said)

    return verify


@pytest.fixture
def rows(dynamodb: DynamoDBClient, table: str) -> Callable[[], list[Item]]:
    def rows() -> list[Item]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        found: list[Item] = [item for page in pages for item in page["Items"]]
        return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    return rows


@pytest.fixture
def messages_table(engine_endpoint: str, table: str) -> MessagesTable:
    endpoint = chosen(engine_endpoint)
    assert endpoint is not None
    return opened(endpoint, load_schema(), table, needs_index=True)


class InTransit(MessagesTable):
    """A table whose index shows nothing yet."""

    def entries(self, group: str) -> Iterator[Item]:  # noqa: ARG002 - as the table's own
        return iter(())


def no_bar(_what: str, _total: int | None) -> nullcontext[Callable[[int], None]]:
    return nullcontext(lambda _done: None)


def test_a_right_table_is_right(put: Put, verify: Verify, table: str, engine_endpoint: str) -> None:
    put(*RIGHT)
    told = verify()
    assert told.code == 0
    assert told.out.splitlines()[0] == (
        "The table is right: 2 rows of 2 members in 1 group show their newest message, 2 messages"
    )
    assert told.said == f"replay: table {table}, endpoint {engine_endpoint}, region us-east-1\n"


def test_a_pace_that_nothing_could_be_held_to_is_said(
    put: Put, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(*RIGHT)
    assert "held nothing back" not in verify("--units-per-second", "1000").said
    monkeypatch.setattr(Meter, "attach", lambda _meter, _client: None)
    assert "--units-per-second held nothing back: the endpoint does not tell the units it uses" in (
        verify("--units-per-second", "1000").said
    )


def test_an_empty_table_is_said_to_be_empty(verify: Verify) -> None:
    told = verify()
    assert told.code == 0
    assert told.out.startswith("The table is right: it has neither messages nor members' rows\n")


@pytest.mark.parametrize(
    ("items", "found"),
    [
        ((HELLO, LATER, ANN, BOB_BEHIND), [("behind", "g1", "bob")]),
        ((HELLO, ANN_BEHIND, BOB), [("ahead", "g1", "bob")]),
        ((*RIGHT, BOB_BEHIND), [("doubled", "g1", "bob")]),
        ((HELLO, LATER, ANN), [("missing", "g1", "bob")]),
        ((HELLO, ANN_BEHIND), [("missing", "g1", "bob")]),
        ((HELLO, LATER), [("missing", "g1", None)]),
        (
            (
                message_item("old", at=-9, group="g2"),
                group_item("ann", at="2026-01-01T15:29:51+05:30", other="ann", group="g2"),
                *RIGHT,
            ),
            [("out-of-order", "g2", "ann")],
        ),
    ],
    ids=["behind", "ahead", "doubled", "missing", "missing-whom-a-row-names-alone", "missing-all", "out-of-order"],
)
def test_each_fault_is_found(
    put: Put, verify: Verify, items: tuple[Item, ...], found: list[tuple[str, str, str | None]]
) -> None:
    put(*items)
    told = verify("--json")
    assert (told.code, told.json["verdict"], told.named) == (1, "wrong", found)
    kind = found[0][0]
    assert told.json["summary"]["faults"] == {kind: 1}
    shown = verify()
    assert shown.code == 1
    assert shown.out.splitlines()[0] == f"The table is wrong: 1 {kind}"
    assert shown.out.splitlines()[1].split() == ["kind", "group", "member", "due", "shown"]
    assert shown.out.splitlines()[2].startswith(kind)
    assert verify("--ignore", kind).code == 0


def test_what_is_under_way_is_no_fault(put: Put, dynamodb: DynamoDBClient, messages_table: MessagesTable) -> None:
    put(HELLO, LATER, ANN_BEHIND, BOB_BEHIND)

    def function_at_work(_seconds: float) -> None:
        """Both rows move to the message that the first look saw, and another message comes."""
        for behind, moved in ((ANN_BEHIND, ANN), (BOB_BEHIND, BOB)):
            dynamodb.delete_item(TableName=messages_table.name, Key={name: behind[name] for name in ("pk", "sk")})
            put(moved)
        put(message_item("latest", at=3))

    verified = Verification(messages_table, Asked(wait_s=1), no_bar, function_at_work).run()
    assert verified.suspected == 1
    assert verified.faults == []


def test_a_row_that_stays_behind_what_the_first_look_saw_is_a_fault(put: Put, messages_table: MessagesTable) -> None:
    put(HELLO, LATER, ANN, BOB_BEHIND)
    asked = Asked(wait_s=1)
    verified = Verification(messages_table, asked, no_bar, lambda _: put(message_item("latest", at=3))).run()
    assert [(fault.kind, fault.member, fault.due) for fault in verified.faults] == [("behind", "bob", time_text(2))]


def test_nothing_is_waited_for_where_nothing_is_suspected(put: Put, messages_table: MessagesTable) -> None:
    put(*RIGHT)

    def never(_seconds: float) -> None:
        raise AssertionError

    assert Verification(messages_table, Asked(wait_s=1), no_bar, never).run().faults == []


def test_one_group_is_looked_at_alone(put: Put, verify: Verify) -> None:
    put(*RIGHT, message_item("x", at=5, group="g2"), group_item("ann", at=4, group="g2", other="cat"))
    assert verify("--group", "g1").code == 0
    told = verify("--group", "g2", "--json")
    assert (told.code, told.named) == (1, [("behind", "g2", "ann"), ("missing", "g2", "cat")])
    assert told.json["summary"]["messages"] == 1
    both = verify("--group", "g2", "--group", "g1", "--json")
    assert both.named == told.named
    assert both.json["summary"]["groups"] == 2


def test_who_wrote_is_looked_for_where_the_index_shows_nothing(put: Put, messages_table: MessagesTable) -> None:
    put(*RIGHT)
    table = InTransit(messages_table.client, messages_table.name, 0, messages_table.index)
    verified = Verification(table, Asked(("g1",)), no_bar).run()
    assert (verified.first.rows, verified.suspected) == (2, 0)


def test_a_group_nobody_knows_is_wrong_use(put: Put, verify: Verify, table: str) -> None:
    put(*RIGHT)
    told = verify("--group", "g9")
    assert told.code == 2
    assert told.said.endswith(f"replay: table {table} has no message and no row of group g9\n")


def test_the_report_is_cut_and_json_is_not(put: Put, verify: Verify) -> None:
    put(*(message_item("x", at=1, group=f"g{number:03d}") for number in range(40)))
    told = verify()
    assert "The table is wrong: 40 missing" in told.out
    assert sum(line.startswith("missing ") for line in told.out.splitlines()) == 30
    assert "... and 10 more; --json has all" in told.out
    assert len(verify("--json").json["findings"]) == 40


def test_odd_spellings_and_rows_are_worth_knowing(put: Put, verify: Verify) -> None:
    odd = group_item("bob", at="2026-01-01T10:00:02", name="later", other="ann")
    put(HELLO, {**LATER, "message_group_uuid": {"S": "g1"}}, ANN, odd, message_item("x", at="tomorrow"))
    told = verify()
    assert told.code == 0
    assert "keys of rows spelled otherwise: 1 no zone\n" in told.out
    assert "worth knowing: 1 messages that nobody can apply\n" in told.out
    assert "worth knowing: 1 message rows that carry message_group_uuid, so that the index shows them\n" in told.out
    assert verify("--json").json["summary"]["spellings"] == {"no zone": 1, "as the function writes it": 1}


def test_an_id_cannot_break_the_report(put: Put, verify: Verify) -> None:
    put(group_item("a\n\x1b[31m" + "b" * 100, at=1))
    line = verify().out.splitlines()[2]
    assert r"a\n\x1b[31mbbb" in line
    assert "…" in line


def test_a_group_id_too_long_for_a_messages_key_is_asked_for_nowhere(messages_table: MessagesTable) -> None:
    nowhere: Any = None
    assert list(dataclasses.replace(messages_table, client=nowhere).messages("g" * 2045)) == []


def test_more_than_a_page_is_read(put: Put, verify: Verify) -> None:
    """Thirteen messages and as many rows of one person, 100 KB each: both partitions have several pages."""
    for number in range(13):
        group = f"g{number:02d}"
        put(
            message_item("x" * LARGE, at=number, group="g00"),
            message_item("x" * LARGE, at=number + 1, group=group),
            group_item("ann", at=number + 1, name="x" * LARGE, group=group, other="ann"),
        )
    told = verify("--json")
    assert (told.code, told.named) == (1, [("behind", "g00", "ann")])
    assert told.json["summary"]["rows"] == 13
    assert told.json["summary"]["messages"] == 25
    assert told.json["findings"][0]["due"] == time_text(12)


def test_repair_mends_what_is_behind_or_doubled_and_a_second_changes_nothing(
    put: Put, verify: Verify, rows: Callable[[], list[Item]]
) -> None:
    unread = {"unread": {"N": "3"}}
    put(
        HELLO, LATER, ANN, {**BOB_BEHIND, **unread},
        *(message_item(f"m{number}", at=number, group="g2") for number in range(30)),
        group_item("cat", at=29, name="m29", group="g2", other="ann"),
        group_item("cat", at=3, name="m3", group="g2", other="ann", **unread),
        group_item("ann", at=29, name="m29", group="g2", other="cat"),
    )  # fmt: skip
    assert verify().code == 1
    told = verify("--repair", "--json")
    summary = told.json["summary"]
    assert (told.code, told.json["verdict"], told.named) == (0, "right", [])
    assert summary["repaired"] == {"behind": 1, "doubled": 1}
    assert (summary["rows_moved"], summary["rows_removed"]) == (1, 1)
    assert summary["write_units"] > 0
    mended = rows()
    of_bob = [item for item in mended if item["pk"]["S"] == "GRP#bob"]
    assert of_bob == [{**BOB, **unread}]
    assert [item.get("unread") for item in mended if item["pk"]["S"] == "GRP#cat"] == [{"N": "3"}]
    again = verify("--repair", "--json")
    assert (again.code, again.json["summary"]["write_units"], again.json["summary"]["repaired"]) == (0, 0, {})
    assert rows() == mended


def test_repair_of_what_the_function_would_leave_writes_nothing(
    verify: Verify, put: Put, rows: Callable[[], list[Item]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Repair, "mend")  # nor is the function asked
    lists = (
        message_item("old", at=-9, group="g2"),
        group_item("ann", at="2026-01-01T15:29:51+05:30", other="ann", group="g2"),
    )
    put(HELLO, ANN_BEHIND, BOB, *lists, message_item("x", at=9, group="g3"))
    before = rows()
    told = verify("--repair")
    assert told.code == 1
    assert told.out.splitlines()[0] == "The table is wrong: 1 ahead, 1 missing, 1 out-of-order"
    assert "repaired: nothing (0 rows moved, 0 rows removed)" in told.out
    assert "left: missing: no row is made" in told.out
    assert "left: ahead: no row is moved back" in told.out
    assert "left: out-of-order: a key is respelled when its row moves" in told.out
    assert rows() == before


def test_a_group_that_cannot_be_repaired_does_not_stop_the_others(put: Put, verify: Verify) -> None:
    put(group_item("ann", at=1, group="g0", other="ann"), group_item("ann", at=3, group="g0", other="ann"))
    put(HELLO, LATER, ANN, BOB_BEHIND)
    told = verify("--repair", "--ignore", "ahead")
    assert told.code == 1
    assert told.out.startswith("The table is wrong: 1 doubled\n")
    assert "repaired: 1 behind (1 row moved, 0 rows removed)" in told.out
    assert "not repaired: 1 group, NoMessage" in told.out
    assert "replay: group g0 is not repaired: NoMessage\n" in told.said
    assert "left: doubled: not mended; called again, --repair goes on" in told.out


def test_a_refusal_is_told_by_its_code_for_its_group_alone(
    put: Put, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in ("g1", "g2"):
        put(message_item("x", at=1, group=group, sender=f"in {group}"))
        put(group_item(f"in {group}", group=group, other=f"in {group}"))
    transact = DynamoGroupTable.transact

    def refused_to_one(table: DynamoGroupTable, actions: Transaction) -> None:
        if actions[0].key.member == "in g1":
            raise RefusedError("AccessDeniedException")
        transact(table, actions)

    monkeypatch.setattr(DynamoGroupTable, "transact", refused_to_one)
    told = verify("--repair", "--json")
    assert (told.code, told.named) == (1, [("behind", "g1", "in g1")])
    assert told.json["summary"]["repair_failed"] == {"g1": "AccessDeniedException"}
    assert told.json["summary"]["repaired"] == {"behind": 1}
    assert "replay: group g1 is not repaired: AccessDeniedException\n" in told.said


def test_a_repair_that_was_stopped_goes_on(
    put: Put, verify: Verify, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for group in ("g1", "g2", "g3"):
        put(message_item("x", at=1, group=group), group_item(f"in {group}", group=group, other=f"in {group}"))
        put(message_item("y", at=1, group=group, sender=f"in {group}"))
    mend = Repair.mend

    def stopped_at_the_second(repair: Repair, group: str, due: Any) -> str | None:  # noqa: ANN401
        if group == "g2":
            raise KeyboardInterrupt
        return mend(repair, group, due)

    with monkeypatch.context() as patched:
        patched.setattr(Repair, "mend", stopped_at_the_second)
        told = verify("--repair")
    assert (told.code, told.said.splitlines()[-1]) == (2, "replay: stopped")
    rest = verify("--repair", "--json").json
    assert (rest["verdict"], rest["summary"]["repaired"]) == ("right", {"behind": 2})
    assert capsys.readouterr().out == ""


def test_what_fits_only_some_rows_is_given_to_the_function_however_old(put: Put, verify: Verify) -> None:
    full = group_item("bob", at=0, name="old", other="ann", more={"S": "x" * 409_000})
    put(full, group_item("ann", at=40, name="n" * 900), message_item("short", at=5))
    put(*(message_item("n" * 900, at=number) for number in range(10, 41)))
    told = verify("--json")
    assert [(finding["member"], finding["due"]) for finding in told.json["findings"]] == [("bob", time_text(5))]
    told = verify("--repair")
    assert (told.code, "not repaired" in told.out) == (0, False)
    assert verify().code == 0


def test_a_table_that_is_missing_names_the_nearest_and_the_command_that_makes_one(
    engine_endpoint: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--endpoint-url", engine_endpoint, "--table", f"{table}s"]) == 2
    assert capsys.readouterr().err == (
        f"replay: there is no table {table}s; did you mean {table}?; "
        f"python -m replay live --table {table}s --endpoint-url {engine_endpoint} makes it\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--ignore", "mising"], "--ignore mising: there is no such kind of fault; did you mean 'missing'?"),
        (
            ["--ignore", "x"],
            "--ignore x: there is no such kind of fault; there are behind, ahead, doubled, missing, out-of-order",
        ),
        (["--group", ""], "--group '' is no group's id: it is empty, too long or no text"),
        (["--group", "x" * 2045], f"--group '{'x' * 59} is no group's id: it is empty, too long or no text"),
        (["--units-per-second", "0"], "Invalid value for '--units-per-second'"),
        (["--parameter", "x"], "--parameter 'x' is no NAME=VALUE"),
    ],
)
def test_wrong_use_is_one_line(verify: Verify, arguments: list[str], reason: str) -> None:
    told = verify(*arguments)
    assert (told.code, told.out) == (2, "")
    assert told.said.startswith(f"replay: {reason}")
    assert told.said.count("\n") == 1


def test_no_engine_is_started_for_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert main(["verify"]) == 2
    assert capsys.readouterr().err == (
        "replay: verify: name the DynamoDB to look at with --endpoint-url ('aws' for AWS itself)\n"
    )


def test_what_is_not_local_is_not_repaired_unasked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["verify", "--endpoint-url", "http://dynamodb.invalid", "--table", "messages", "--repair"]) == 2
    assert "which is not local; say --yes if that is meant" in capsys.readouterr().err


def test_a_table_of_another_key_is_refused(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = load_schema()
    create_table(
        dynamodb,
        dataclasses.replace(schema, attributes=(("id", "S"),), key=(("id", "HASH"),), indexes=(), stream=None),
        f"{table}-other",
    )
    assert main(["verify", "--endpoint-url", engine_endpoint, "--table", f"{table}-other"]) == 2
    assert capsys.readouterr().err == (
        f"replay: table {table}-other: its key is id HASH; it must be pk HASH, sk RANGE\n"
    )


def test_a_restored_table_has_no_stream_and_its_index_any_name(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema, name = load_schema(), f"{table}-restored"
    index = dataclasses.replace(schema.indexes[0], name="by-group")
    create_table(dynamodb, dataclasses.replace(schema, indexes=(index,), stream=None), name)
    for item in (HELLO, LATER, ANN, BOB_BEHIND):
        dynamodb.put_item(TableName=name, Item=item)
    command = ["verify", "--endpoint-url", engine_endpoint, "--table", name]
    assert main([*command, "--group", "g1", "--json"]) == 1
    assert main([*command, "--repair"]) == 0
    assert "repaired: 1 behind" in capsys.readouterr().out


def test_without_its_index_a_table_is_looked_at_and_not_repaired(
    dynamodb: DynamoDBClient, engine_endpoint: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema, name = load_schema(), f"{table}-bare"
    create_table(dynamodb, dataclasses.replace(schema, indexes=(), stream=None, attributes=schema.attributes[:2]), name)
    command = ["verify", "--endpoint-url", engine_endpoint, "--table", name]
    assert main(command) == 0
    for more in (["--repair"], ["--group", "g1"]):
        assert main([*command, *more]) == 2
        assert "index message-group-sk-index is missing" in capsys.readouterr().err


@pytest.fixture
def waiting(engine_endpoint: str, table: str, put: Put) -> Iterator[subprocess.Popen[str]]:
    """The command between its two looks."""
    put(HELLO)
    command = [sys.executable, "-m", "replay", "verify", "--endpoint-url", engine_endpoint, "--table", table]
    with subprocess.Popen(
        [*command, "--wait", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        while "looking again in 600 s" not in process.stderr.readline():
            assert process.poll() is None
            time.sleep(0)
        yield process
        process.kill()


def test_ctrl_c_ends_it_cleanly(waiting: subprocess.Popen[str]) -> None:
    waiting.send_signal(signal.SIGINT)
    assert waiting.wait() == 2
    assert waiting.stdout is not None
    assert waiting.stderr is not None
    assert (waiting.stdout.read(), waiting.stderr.read()) == ("", "\nreplay: stopped\n")
