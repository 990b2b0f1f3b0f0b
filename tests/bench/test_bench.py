"""The bench runs end to end, does its sums right, and leaves the page's own words alone; timings are not looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import exploration, figures, page, scenarios, simulation
from bench.errors import BenchError
from bench.rounds import Pass
from bench.units import Cost, cost
from bench.wire import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"


def one_pass(contestant: str, wall_s: float, *, at: tuple[int, int] = (0, 1), messages: int = 100) -> Pass:
    return Pass(*at, "hot", contestant, messages, wall_s, wall_s, disturbed=0)


def sent(operation: str, **parameters: object) -> Sent:
    return Sent(operation, json.dumps(parameters).encode())


@pytest.mark.engine
def test_runs_end_to_end_and_rewrites_a_page_between_its_markers(tmp_path: Path) -> None:
    written, kept = tmp_path / "page.md", tmp_path / "folder" / "bench.json"
    written.write_text(f"before\n\n{page.BEGIN}\n{page.END}\n\nafter\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--rounds", "1", "--page", str(written), "--json", str(kept)],
        cwd=ROOT,
        env=dict(os.environ),
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    text = written.read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{page.BEGIN}\n")
    assert text.endswith(f"{page.END}\n\nafter\n")
    assert ran.stdout.strip() in text
    found = json.loads(kept.read_text(encoding="utf-8"))
    assert {one["contestant"] for one in found["passes"]} == {"ours", "floor", "usual", "looped"}
    assert {one["scenario"] for one in found["passes"]} == {"hot", "spread", "mixed", "single"}
    assert found["costs"]["hot"]["ours"] == {"requests": 0.02, "write_units": 0.12}
    assert found["costs"]["single"]["usual"] == {"requests": 5.0, "write_units": 8.0}
    assert {one["name"] for one in found["starts"]} == {"bare", "ours"}
    assert found["package"]["size"] > found["package"]["ours"] > 0
    assert {one["name"] for one in found["speeds"]} == {*simulation.RUNS, *exploration.RUNS}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--rounds", "0"], "0 is not in the range"), (["--part", "scenaros"], "scenarios"), (["--pge"], "--page")],
)
def test_wrong_use_is_one_line(arguments: Sequence[str], says: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1
    assert says in ran.stderr


@pytest.mark.parametrize("written", [PAGE, ROOT / "README.md"], ids=lambda path: path.name)
def test_page_has_its_markers_once_and_in_order(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert (text.count(page.BEGIN), text.count(page.END)) == (1, 1)
    assert text.index(page.BEGIN) < text.index(page.END)


@given(
    before=st.text(st.characters(codec="utf-8", exclude_characters="\r")), tables=st.text(st.sampled_from("a|\\1\n"))
)
def test_rewriting_keeps_what_stands_outside_and_can_be_done_again(
    tmp_path_factory: pytest.TempPathFactory, before: str, tables: str
) -> None:
    written = tmp_path_factory.mktemp("page") / "page.md"
    written.write_text(f"{before}\n{page.BEGIN}\nold\n{page.END}\nafter", encoding="utf-8")
    for _ in range(2):
        page.rewrite(written, tables)
        assert written.read_text(encoding="utf-8") == f"{before}\n{page.BEGIN}\n\n{tables}\n\n{page.END}\nafter"


@pytest.mark.parametrize(
    "text", ["nothing", f"{page.BEGIN}\n", f"{page.END}\n{page.BEGIN}\n", f"{page.BEGIN}\n{page.END}" * 2]
)
def test_page_without_its_markers_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    written = tmp_path / "page.md"
    written.write_text(text, encoding="utf-8")
    with pytest.raises(BenchError, match="once each"):
        page.rewrite(written, "tables")
    assert written.read_text(encoding="utf-8") == text


def test_ratio_is_taken_pass_by_pass() -> None:
    passes = [
        one_pass("ours", 1.0, at=(0, 1)),
        one_pass("floor", 0.5, at=(0, 1)),
        one_pass("ours", 40.0, at=(0, 2)),  # a slow minute, for both
        one_pass("floor", 20.0, at=(0, 2)),
        one_pass("ours", 1.0, at=(1, 1)),
        one_pass("floor", 0.8, at=(1, 1)),
    ]
    assert figures.ratio(passes, "hot", "ours", "floor") == figures.Figure(0.5, 0.5, 0.8)


def test_rate_counts_messages_whatever_a_contestant_was_given() -> None:
    passes = [one_pass("ours", 0.5, messages=100), one_pass("usual", 1.0, messages=10)]
    assert figures.rate(passes, "hot", "ours").median == 200
    assert figures.ratio(passes, "hot", "ours", "usual").median == 20


def test_transactions_count_twice_and_their_index_once() -> None:
    moves: list[dict[str, object]] = [{"Delete": {}}, {"Put": {}}] * 2
    requests = [sent("Query"), sent("TransactWriteItems", TransactItems=moves)]
    assert cost(requests, messages=4) == Cost(requests=0.5, write_units=3)


def test_check_of_a_condition_is_charged_and_leaves_the_index_alone() -> None:
    assert cost([sent("TransactWriteItems", TransactItems=[{"ConditionCheck": {}}])], messages=1) == Cost(1, 2)


def test_single_writes_count_once() -> None:
    assert cost([sent("Query"), sent("DeleteItem"), sent("PutItem")], messages=1) == Cost(3, 4)


def test_two_runs_compare_equal_but_for_table_and_token() -> None:
    first = sent("TransactWriteItems", ClientRequestToken="t1", TransactItems=[{"Put": {"TableName": "bench-00001"}}])
    again = sent("TransactWriteItems", ClientRequestToken="t2", TransactItems=[{"Put": {"TableName": "bench-00002"}}])
    other = sent(
        "TransactWriteItems", ClientRequestToken="t2", TransactItems=[{"Delete": {"TableName": "bench-00002"}}]
    )
    assert first.comparable("bench-00001") == again.comparable("bench-00002")
    assert first.comparable("bench-00001") != other.comparable("bench-00002")


def test_scenarios_are_the_same_at_every_call() -> None:
    assert scenarios.scenarios(scenarios.TINY) == scenarios.scenarios(scenarios.TINY)


@pytest.mark.parametrize("scenario", scenarios.scenarios(scenarios.TINY), ids=lambda scenario: scenario.name)
def test_taking_fewer_messages_keeps_their_order(scenario: scenarios.Scenario) -> None:
    part = scenario.first(5, batch_size=2)
    records = [record for batch in scenario.batches for record in batch]
    assert [record for batch in part.batches for record in batch] == records[:5]
    assert max(map(len, part.batches)) <= 2
