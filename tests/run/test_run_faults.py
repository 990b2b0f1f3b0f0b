"""Faults at hand: what each does to the usual function, and that the project's own stays right under all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from replay.cli import main
from replay.function.faults import KINDS
from tests.run.conftest import at, conversation, message, record, row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.run.conftest import Ran

    Run = Callable[..., Ran]
    Write = Callable[..., Any]

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
USUAL = "tests/handlers/usual.py:lambda_handler"

SEES = """
    import boto3, os
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
    def handler(event, context):
        rows = table.scan(ConsistentRead=True)["Items"]
        print(*sorted(r["pk"] + "|" + r["sk"][17:19] for r in rows))
"""
"""Prints which rows are there at each delivery."""


def test_the_function_is_right_under_every_fault_at_its_first_calls(run: Run, events: Write) -> None:
    faults = [argument for kind in KINDS for number in (1, 3, 4) for argument in (f"--{kind}", f"{number}")]
    ran = run(events(conversation(8)), "--batch-size", "2", "--maximum-retry-attempts", "50", *faults)
    assert (ran.code, ran.report["findings"]) == (0, [])
    assert len(ran.summary["faults"]) + len(ran.summary["faults_left"]) == len(KINDS) * 3
    assert {fault["asked"].split()[0] for fault in ran.summary["faults"]} == {f"--{kind}" for kind in KINDS}
    assert all(fault["delivery"] for fault in ran.summary["faults"])


def test_a_fault_that_never_happened_proves_nothing(run: Run, events: Write) -> None:
    ours = run(events(conversation(1)), "--crash-before", "TransactWriteItems:999")
    assert (ours.code, ours.report["verdict"]) == (2, "incomplete")
    assert ours.summary["faults_left"] == ["--crash-before TransactWriteItems:999"]
    usual = run(events(conversation(1)), "--handler", USUAL, "--crash-after", "DeleteItem", "--throttle", "Scan")
    assert (usual.code, usual.report["verdict"]) == (1, "wrong")


def test_a_crash_between_two_writes_loses_the_usual_functions_row(run: Run, events: Write) -> None:
    ran = run(events(conversation(1)), "--handler", USUAL, "--crash-after", "DeleteItem")
    assert ran.kinds == {"missing"}
    assert ran.summary["faults"] == [{"asked": "--crash-after DeleteItem:1", "operation": "DeleteItem", "delivery": 1}]
    assert ran.summary["failures"][0]["outcome"] == "was ended by signal 9"
    assert ran.summary["cold_starts"] == 2


def test_a_crash_before_a_write_leaves_it_unwritten(run: Run, events: Write) -> None:
    ran = run(
        events(conversation(1)),
        *("--handler", USUAL, "--crash-before", "PutItem", "--maximum-retry-attempts", "0", "--no-bisect"),
    )
    assert (ran.kinds, ran.summary["requests"]) == ({"missing", "behind"}, {"DeleteItem": 1, "Query": 1})


def test_a_lost_answer_is_an_error_to_the_handler_and_took_effect(run: Run, events: Write) -> None:
    ran = run(events(conversation(1)), "--handler", USUAL, "--timeout", "PutItem:2")
    assert "ReadTimeoutError" in ran.summary["failures"][0]["outcome"]
    assert ran.code == 0


@pytest.mark.parametrize(
    ("kind", "code"), [("throttle", "ProvisionedThroughputExceeded"), ("conflict", "TransactionConflict")]
)
def test_a_refused_call_is_an_error_to_the_handler_and_took_no_effect(
    run: Run, events: Write, kind: str, code: str
) -> None:
    ran = run(events(conversation(1)), "--handler", USUAL, f"--{kind}", "PutItem", "--maximum-retry-attempts", "0")
    assert code in ran.summary["failures"][0]["outcome"]
    assert "missing" in ran.kinds


@pytest.mark.parametrize("lag", ["forever", "calls:50", "600"])
def test_an_index_that_is_behind_doubles_the_usual_functions_rows(run: Run, events: Write, lag: str) -> None:
    begin = [record(number, "REMOVE", old=row(member, "g", at(0))) for number, member in enumerate("ab", start=1)]
    lines = [*begin, *(record(number, new=message("g", at(number))) for number in (3, 4))]
    usual = run(events(lines), "--handler", USUAL, "--batch-size", "1", "--lag", lag)
    assert usual.kinds == {"doubled"}
    assert usual.summary["lagging_queries"] == 2
    ours = run(events(lines), "--batch-size", "1", "--lag", lag)
    assert (ours.code, ours.report["findings"]) == (0, [])


def test_batches_that_come_again_move_the_usual_functions_rows_back(run: Run, events: Write) -> None:
    lines = conversation(6)
    usual = run(events(lines), "--handler", USUAL, "--batch-size", "1", "--duplicate", "--seed", "2")
    ours = run(events(lines), "--batch-size", "1", "--duplicate", "--seed", "2")
    assert usual.summary["redeliveries"] == ours.summary["redeliveries"] > 6
    assert usual.summary["retries"] == 0
    assert (usual.code, ours.code) == (1, 0)
    assert usual.kinds == {"behind"}


def test_the_function_is_right_whatever_order_the_stream_has(run: Run) -> None:
    ran = run("--shuffle", "--seed", "7", "--batch-size", "9", "--duplicate", "--concurrent", "2")
    assert (ran.code, ran.report["findings"]) == (0, [])


def test_deliveries_overlap_where_asked(run: Run, handler: Write, events: Write) -> None:
    """Each delivery waits for another one to be there too."""
    source = handler("""
        import os, pathlib, time
        folder = pathlib.Path(__file__).with_suffix(".meeting")
        def handler(event, context):
            folder.mkdir(exist_ok=True)
            (folder / f"{os.getpid()}").touch()
            for _ in range(500):
                if len(list(folder.iterdir())) == 2:
                    return
                time.sleep(0.02)
            raise TimeoutError
    """)
    ran = run(events(conversation(6)), "--handler", source, "--concurrent", "2", "--maximum-retry-attempts", "0")
    assert ran.summary["failed_deliveries"] == 0
    assert ran.summary["cold_starts"] == 2


def test_a_part_of_the_recording_can_be_replayed(run: Run, events: Write) -> None:
    ran = run(events(conversation(6)), "--until", "5")
    assert (ran.code, ran.summary["records"], ran.summary["messages"]) == (0, 5, 3)
    assert run(events(conversation(6)), "--from", "4", "--until", "5").summary["records"] == 2
    nothing = run(events(conversation(6)), "--from", "99")
    assert nothing.code == 2
    assert "there are 1 to 8" in nothing.said


def test_what_comes_before_a_part_is_in_the_table(run: Run, handler: Write, events: Write, tmp_path: Path) -> None:
    """The application's rows, and where the recorded handler had moved them."""
    lines = [
        *conversation(2),
        record(5, "REMOVE", old=row("a", "g", at(0))),
        record(6, new=row("a", "g", at(2), "text 2")),
        record(7, "REMOVE", old=message("g", at(1), "text 1")),
        record(8, new=message("g", at(8), "text 8")),
    ]
    log = tmp_path / "log"
    run(events(lines), "--from", "8", "--handler", handler(SEES), "--log", log)
    assert log.read_text().split() == ["GRP#a|02", "GRP#b|00", "MSG#g|02", "MSG#g|08"]
    ran = run(events(lines), "--from", "8")
    assert (ran.code, ran.summary["messages"], ran.summary["own_writes"]) == (0, 1, 4)


def test_a_run_that_delivers_nothing_says_so(run: Run, events: Write) -> None:
    ran = run(events(conversation(0)))
    assert (ran.code, ran.summary["deliveries"]) == (0, 0)
    assert "--filter none delivers every record" in ran.said


def test_a_dry_run_says_what_would_be_delivered_and_starts_nothing(
    events: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "run",
        str(events(conversation(6))),
        "--dry-run",
        "--batch-size",
        "2",
        "--endpoint-url",
        "http://127.0.0.1:9",
    ]
    assert main([*command, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert {name: expected[name] for name in ("records", "filtered", "messages", "deliveries", "groups")} == {
        "records": 8,
        "filtered": 2,
        "messages": 6,
        "deliveries": 3,
        "groups": 1,
    }
    assert expected["requests_at_most"] == 6
    assert main(command) == 0
    assert "3 over 1 shard" in capsys.readouterr().out


DRY = {
    "a port that is none": (["--endpoint-url", "http://127.0.0.1:99999"], "--endpoint-url 'http://127.0.0.1:99999' is"),
    "a table's name that is none": (["--table", "a b"], "--table 'a b': a table's name has 3 to 255 letters"),
    "one that is too long for two": (["--table", "a" * 250, "--against", USUAL], "-against': a table's name has"),
    "a module that is nowhere": (["--handler", "nowhere.at.all:handler"], "there is no module 'nowhere.at.all' in "),
    "no state": (["--table-state", "STATE"], "STATE:1: no line of a table export"),
    "nothing to compare": (["--table", "none", "--against", USUAL], "--table none has nothing to compare"),
}


@pytest.mark.parametrize("name", DRY)
def test_a_dry_run_refuses_what_the_run_would_refuse(
    events: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    state = tmp_path / "STATE"
    state.write_text("{}\n")
    options, said = DRY[name]
    given = [str(state) if option == "STATE" else option for option in options]
    for dry in (["--dry-run"], []):
        assert main(["run", str(events(conversation(2))), *dry, *given]) == 2
        assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_dry_run_foretells_nothing_of_another_handler(events: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(events(conversation(2))), "--dry-run", "--handler", USUAL]) == 0
    assert "if it were the project's function; what yours makes is not known" in capsys.readouterr().out


def test_two_handlers_on_one_history_are_compared(run: Run, events: Write) -> None:
    lines = conversation(3)
    ran = run(events(lines), "--against", USUAL)
    assert (ran.code, ran.report["verdict"], ran.report["against"]["verdict"]) == (0, "right", "wrong")
    assert {(difference["row"], difference["attribute"]) for difference in ran.report["differences"]} == {
        ("GRP#a", "message"),
        ("GRP#b", "message"),
    }
    assert ran.report["against"]["summary"]["write_units"] == 4
    assert ran.report["summary"]["write_units"] == 8
    same = run(events(lines), "--against", "stream_processor.handler:lambda_handler")
    assert same.report["differences"] == []


def test_a_second_handler_that_is_none_is_refused_before_the_first_one_runs(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ran = run("--against", "json:dumpz", "--log", log)
    assert (ran.code, log.read_text()) == (2, "")
    assert "there is no function 'dumpz'" in ran.said


def test_the_comparison_for_people_shows_both_sides(
    engine_endpoint: str, events: Write, capsys: pytest.CaptureFixture[str], table: str
) -> None:
    command = ["run", str(events(conversation(2))), "--endpoint-url", engine_endpoint, "--against", USUAL]
    assert main([*command, "--table", f"{table}-c"]) == 0
    out = capsys.readouterr().out
    assert "The tables differ in 2 places:" in out
    assert any(line.split() == ["write", "units", "8", "4"] for line in out.splitlines())


def test_stepping_shows_each_request_and_each_change_of_a_row(run: Run, events: Write) -> None:
    ran = run(events(conversation(1)), "--handler", USUAL, "--step")
    lines = [line.removeprefix("replay: ") for line in ran.said.splitlines()]
    shown = [line.split()[-1 if line.endswith("done") else 2] for line in lines if line.startswith("delivery 1: ")]
    assert shown == ["Query", "DeleteItem", "PutItem", "DeleteItem", "PutItem"]
    changes = [line.split() for line in lines if line.startswith("  changed: ")]
    assert sorted(change[1] for change in changes) == ["GRP#a", "GRP#a", "GRP#b", "GRP#b"]
    assert [change[-2:] == ["no", "row"] for change in changes] == [True, False, True, False]
    assert run("-", "--step").code == 2


@pytest.mark.parametrize(("answers", "ending"), [("\nc\n", (5, 0)), ("\nq\n", (2, 2))])
def test_at_a_terminal_stepping_waits_and_nothing_else_is_drawn(
    engine_endpoint: str, events: Write, table: str, answers: str, ending: tuple[int, int]
) -> None:
    command = [sys.executable, "-m", "replay", "run", str(events(conversation(1))), "--step", "--table", f"{table}-s"]
    command += ["--endpoint-url", engine_endpoint, "--handler", f"{ROOT / USUAL}"]
    ours, theirs = os.openpty()
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        terminal.write(answers.encode())
        said = b"".join(read(terminal)).decode()
    assert (said.count("delivery 1: "), process.wait()) == ending
    assert "Enter goes on" in said
    assert "replaying" not in said


def read(terminal: IO[bytes]) -> Iterator[bytes]:
    """Read until nobody is at the other end any more; Linux then says that the device is gone."""
    try:
        while said := terminal.read(4096):
            yield said
    except OSError:
        return


def test_lines_of_faults_are_in_the_report_for_people(
    engine_endpoint: str, events: Write, capsys: pytest.CaptureFixture[str], table: str, tmp_path: Path
) -> None:
    command = ["run", str(events(conversation(2))), "--endpoint-url", engine_endpoint, "--table", f"{table}-f"]
    assert main([*command, "--throttle", "1", "--crash-before", "900", "--log", str(tmp_path / "log")]) == 2
    out = capsys.readouterr().out
    assert out.startswith("Incomplete, --crash-before 900 never happened. The table is right: 4 rows")
    assert "fault: --throttle 1 happened at Query in delivery 1" in out
    assert "fault: --crash-before 900 never happened" in out
