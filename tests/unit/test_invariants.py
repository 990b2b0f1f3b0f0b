"""A user's own rules: found by name, asked at the right moments, and clear about a file that is wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import EXIT_RIGHT, EXIT_WRONG_USE, main
from replay.errors import WrongUse
from replay.exploration.campaign import in_memory
from replay.exploration.case import Fault
from replay.exploration.invariants import Invariants
from replay.exploration.outcome import Manner
from replay.exploration.story import Called, RuleBroken
from replay.tables.memory import MemoryTable
from tests.explored import case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from replay.exploration.invariants import Moment, Scanned

ROWS = [{"pk": {"S": "GRP#ana"}, "unread": {"N": "3"}, "seen": {"SS": ["a", "b"]}}]


def rules(folder: Path, text: str) -> Path:
    path = folder / "rules.py"
    path.write_text(text, encoding="utf-8")
    return path


class Remembers:
    """A watch that keeps when it was asked, about how many rows and records."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    def broken(self, moment: Moment, store: Scanned, records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        self.asked.append((moment, len(list(store.scan())), len(records)))
        return iter(())


def test_rules_are_asked_before_the_first_call_after_each_write_and_at_quiet() -> None:
    watch = Remembers()
    execution = in_memory(case(), manner=Manner(watch=watch))
    assert execution.writes == 1
    assert watch.asked[:3] == [("always", 2, 0), ("always", 3, 1), ("finally", 3, 1)]
    assert {asked[0] for asked in watch.asked[3:]} == {"finally"}


def test_quiet_waits_until_everything_was_taken() -> None:
    watch = Remembers()
    given_up = case(faults=tuple(Fault(1 + number, 1, "crash-before") for number in range(9)))
    execution = in_memory(given_up, manner=Manner(tells=True, watch=watch))
    first = next(place for place, asked in enumerate(watch.asked) if asked[0] == "finally")
    assert ("always", 3, 1) in watch.asked[:first]
    assert any(isinstance(event, Called) and event.fault for event in execution.story)


def test_a_rule_sees_rows_in_pythons_own_values_and_may_do_what_it_likes_with_them(tmp_path: Path) -> None:
    shows = "def always_a(rows, records):\n    return repr(sorted(rows.pop().items()))\n"
    text = f"{shows}def always_b(rows, records):\n    return rows == []\n"
    found = dict(Invariants.load(rules(tmp_path, text)).broken("always", _table(), []))
    assert found["always_b"] == "it does not hold"
    assert eval(found["always_a"], {"Decimal": Decimal}) == [  # noqa: S307 - what the rule above has written
        ("pk", "GRP#ana"), ("seen", {"a", "b"}), ("unread", Decimal(3))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "evidence"),
    [
        ("return None", None),
        ("return True", None),
        ("return False", "it does not hold"),
        ("return 'ana has none'", "ana has none"),
        ("assert not rows, 'there are rows'", "there are rows"),
        ("assert not rows", "line 2 does not hold"),
        (
            "class Mute:\n        def __str__(self): raise ValueError\n    assert not rows, Mute()",
            "line 4 does not hold",
        ),
    ],
)
def test_what_a_rule_says(tmp_path: Path, body: str, evidence: str | None) -> None:
    invariants = Invariants.load(rules(tmp_path, f"def always_it(rows, records):\n    {body}\n"))
    assert list(invariants.broken("always", _table(), [])) == ([("always_it", evidence)] if evidence else [])
    assert list(invariants.broken("finally", _table(), [])) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "rules.py: there is no such file"),
        ("", "it has no function whose name begins with 'always_' or 'finally_'"),
        ("def sometimes_it(rows, records): ...", "it has no function"),
        ("always_it = 3", "it has no function"),
        ("def always_it(rows): ...", "always_it cannot be called as always_it(rows, records)"),
        ("def always_it(rows, records): yield False", "is async or yields, so calling it asks nothing"),
        ("async def always_it(rows, records): return False", "is async or yields, so calling it asks nothing"),
        ("def always_it(rows, records): return 0", "always_it in"),
        ("def always_it(rows, records): return []", "returned a list; return nothing or True where it holds"),
        ("def always_it(rows, records): raise GeneratorExit", "always_it fails itself at"),
        ("x = (", "rules.py:1: SyntaxError"),
        ("\nimport json\njson.loads('')", "rules.py:3: JSONDecodeError"),
        ("\0", "rules.py: SyntaxError"),
        ("\nimport nowhere", "rules.py:2: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    path = tmp_path / "rules.py"
    if text is not None:
        rules(tmp_path, text)
    assert main(["explore", "--invariants", str(path), "--schedules", "1"]) == EXIT_WRONG_USE
    written = capsys.readouterr()
    assert said in written.err
    assert written.err.count("\n") == 1
    assert written.out == ""


def test_a_rule_of_any_callable_kind_is_asked(tmp_path: Path) -> None:
    text = (
        "from functools import partial\ndef no(word, rows, records): return word\nalways_it = partial(no, 'broken')\n"
    )
    assert list(Invariants.load(rules(tmp_path, text)).broken("always", _table(), [])) == [("always_it", "broken")]


def test_a_rule_may_change_what_it_was_given(tmp_path: Path) -> None:
    text = "def always_it(rows, records):\n    rows[0]['seen'].clear()\n    records[0]['dynamodb'].clear()\n"
    records = [{"dynamodb": {"SequenceNumber": "1"}}]
    invariants = Invariants.load(rules(tmp_path, text + text.replace("it", "again")))
    assert list(invariants.broken("always", _table(), records)) == []
    assert records == [{"dynamodb": {"SequenceNumber": "1"}}]


def test_a_rule_that_fails_itself_is_no_verdict(tmp_path: Path) -> None:
    invariants = Invariants.load(rules(tmp_path, "def always_it(rows, records):\n    return rows[0]['none']\n"))
    with pytest.raises(WrongUse, match=r"invariant always_it fails itself at .*rules.py:2: KeyError: 'none'"):
        list(invariants.broken("always", _table(), []))


def test_a_broken_rule_is_a_finding_with_its_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds = "assert all(row['pk'] != 'GRP#ben' for row in rows), 'a ben'"
    text = f"def finally_nobody_is_ben(rows, records):\n    {holds}\n"
    words = ["explore", "--invariants", str(rules(tmp_path, text)), "--jobs", "1", "--schedules", "200"]
    assert main([*words, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["broken"]["rules"] == ["finally_nobody_is_ben"]
    assert told["broken"]["anomalies"][0]["evidence"] == "a ben"
    assert len(told["broken"]["case"]["rows"]) == 1
    assert told["about"]["invariants"] == str(tmp_path / "rules.py")
    assert f"--invariants {tmp_path / 'rules.py'}" in told["again"]["on the command line"]


def test_a_broken_rule_ends_the_story(tmp_path: Path) -> None:
    watch = Invariants.load(rules(tmp_path, "def always_no(rows, records):\n    return False if records else None\n"))
    execution = in_memory(case(), manner=Manner(tells=True, watch=watch))
    assert isinstance(execution.story[-1], RuleBroken)
    assert execution.story[-1].rule == "always_no"
    assert execution.writes == 1


def test_a_rule_that_holds_is_no_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "def always_rows(rows, records):\n    assert all(row['pk'] and row['sk'] for row in rows)\n"
    words = ["explore", "--invariants", str(rules(tmp_path, text)), "--jobs", "1", "--schedules", "20"]
    assert main(words) == EXIT_RIGHT
    assert "invariants: " in capsys.readouterr().out


def _table() -> Scanned:
    class Rows(MemoryTable):
        def scan(self) -> Iterator[Any]:
            return iter(ROWS)

    return Rows()


def test_a_file_that_ends_the_process_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    path.write_text("import sys\nsys.exit(0)\n", encoding="utf-8")
    with pytest.raises(WrongUse, match=r"rules.py:2: SystemExit"):
        Invariants.load(path)
