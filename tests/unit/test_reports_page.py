"""The page of an exploration: whole, self-contained, safe with any text, small enough, and quiet in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from replay.checks.scenarios import TIMES, pair, row, said
from replay.exploration.campaign import BrokenCase, in_memory
from replay.exploration.case import Fault, Lag, Redelivery, Twin, Write
from replay.exploration.case_file import parse
from replay.exploration.draw import draw
from replay.exploration.story import Called, Delivered, PhaseBegan, RowChange
from replay.reports.exploration_html import BYTES_MAX, html_page
from tests.explored import TELLING, broken, case, right, wrong
from tests.handlers.wrong_works import DeletesThenPuts, TakesTheOldest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from replay.reports.exploration import Exploration

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> ]]> \"' javascript:alert(3) \x1b[31m \x00 \u202e"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, tag: str | None = None) -> list[Node]:
        """Find this one and everything below, by tag."""
        found = [self] if tag in {None, self.tag} else []
        return found + [each for child in self.children for each in child.all(tag)]

    @property
    def whole_text(self) -> str:
        return self.text + "".join(child.whole_text for child in self.children)


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in {"meta", "link"}:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].text += data


def read(exploration: Exploration) -> Node:
    page = html_page(exploration)
    assert page.startswith(b"<!DOCTYPE html>\n<html")
    reader = Reader()
    reader.feed(page.decode("utf-8"))
    reader.close()
    return reader.root


def busy() -> BrokenCase:
    """A case with something of everything that a page shows."""
    records = tuple(said("g", TIMES[at], f"message {at}", "ana", at) for at in (2, 3, 4))
    return broken(
        case(
            rows=(*pair("g", TIMES[1]), row("cem", "h", TIMES[1])),
            records=(*records, {**said("h", TIMES[5], "other", "cem", 5), "shardId": "shardId-B"}),
            faults=(Fault(1, 1, "crash-before"), Fault(2, 2, "timeout-after"), Fault(4, 1, "throttle")),
            writes=(Write(1, "set", "g", "ana", "unread", "1"), Write(2, "leave", "h", "cem")),
            lags=(Lag("g", 0, 2), Lag("g", 1, 3)),
            redeliveries=(Redelivery(1, ("100000000000000000002",)),),
            twins=(Twin(1, 2),),
        ),
        TakesTheOldest,
    )


REPORTS: dict[str, Callable[[], Exploration]] = {
    "right": right,
    "wrong": wrong,
    "busy": lambda: wrong(busy(), case_file="broken.json"),
}
reports = pytest.mark.parametrize("name", REPORTS)


@reports
def test_everything_on_the_page_is_in_the_file(name: str) -> None:
    page = read(REPORTS[name]())
    for node in page.all():
        assert "src" not in node.attributes
        assert "style" not in node.attributes
        assert not [attribute for attribute in node.attributes if attribute.startswith("on")]
        href = node.attributes.get("href", "#")
        assert href.startswith("#") or href == "data:,"
        assert "//" not in " ".join(value for key, value in node.attributes.items() if key != "content")
    (style,), (script,) = page.all("style"), page.all("script")
    assert not re.search(r"url\(|@import|//", style.text)
    assert not re.search(r"https?:|fetch|import\(|XMLHttp", script.text)


@reports
def test_only_the_page_s_own_script_and_style_may_run(name: str) -> None:
    page = read(REPORTS[name]())
    policy = next(node.attributes["content"] for node in page.all("meta") if "http-equiv" in node.attributes)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (node,) = page.all(tag)
        digest = base64.b64encode(hashlib.sha256(node.text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert page.all("script")[0].text == resources.files("replay.reports").joinpath("page.js").read_text("utf-8")


@reports
def test_every_reference_leads_somewhere_and_every_name_is_given_once(name: str) -> None:
    page = read(REPORTS[name]())
    ids = Counter(node.attributes["id"] for node in page.all() if "id" in node.attributes)
    assert set(ids.values()) == {1}
    for node in page.all():
        for attribute in ("href", "aria-labelledby", "data-copy"):
            target = node.attributes.get(attribute, "").removeprefix("#")
            assert not target or target in ids or target == "data:,", f"{attribute}={target}"


@reports
def test_the_page_can_be_read_by_anybody(name: str) -> None:
    page = read(REPORTS[name]())
    assert page.all("html")[0].attributes["lang"] == "en"
    named = {
        node.attributes.get("name"): node.attributes["content"]
        for node in page.all("meta")
        if "content" in node.attributes
    }
    assert named["viewport"] == "width=device-width, initial-scale=1"
    assert named["color-scheme"] == "light dark"
    assert "prefers-color-scheme: dark" in page.all("style")[0].text
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("nav")) == 1
    assert all("scope" in head.attributes for head in page.all("th"))
    regions = [node for node in page.all() if node.attributes.get("role") == "region"]
    assert all("aria-label" in node.attributes or "aria-labelledby" in node.attributes for node in regions)
    assert all(node.attributes["tabindex"] == "0" for node in regions), "what scrolls can be reached by keyboard"
    marks = [node for node in page.all("a") if node.attributes.get("class") == "mark"]
    assert all(mark.attributes["aria-label"] for mark in marks)


def test_a_right_page_gives_verdict_situations_limits_and_rules() -> None:
    page = read(right())
    assert page.all("h1")[0].whole_text == "Right: 1 case, no rule broken"
    assert [node.whole_text for node in page.all("h2")] == ["Situations reached", "Stated limits", "Rules"]
    assert "answer success" in page.whole_text
    assert "3 findings of 1 case" in page.whole_text


def test_rules_that_were_ignored_do_not_count_as_held() -> None:
    names = [node.whole_text for node in read(replace(right(), ignored=frozenset({"doubled"}))).all("dt")]
    assert "behind" in names
    assert "doubled" not in names


def test_a_wrong_page_gives_record_call_rows_and_reason() -> None:
    page = read(wrong())
    assert page.all("h1")[0].whole_text == "Wrong: a member always has a row"
    section = next(node for node in page.all("section") if node.children[0].attributes.get("id") == "anomaly")
    for part in ("ana has none of g", "Why that is wrong", "INSERT MSG#g", f"Delete ana {TIMES[1]} -> done", "removed"):
        assert part in section.whole_text


def test_a_row_that_moved_is_shown_before_and_after_with_what_differs() -> None:
    page = read(
        wrong(broken(case(records=tuple(said("g", TIMES[at], f"m{at}", "ana", at) for at in (2, 3))), TakesTheOldest))
    )
    table = next(node for node in page.all("table") if node.children[0].tag == "caption")
    assert [node.whole_text for node in table.all("th")[:3]] == ["attribute", "before", "after"]
    changed = [node.children[0].whole_text for node in table.all("tr") if node.attributes.get("class") == "changed"]
    assert changed == ["sk", "message"]


def test_the_case_and_the_command_are_there_to_copy() -> None:
    exploration = wrong(busy(), case_file="my case.json")
    page = read(exploration)
    texts = {node.attributes["id"]: node.text for node in page.all("pre")}
    assert exploration.broken is not None
    assert parse(json.loads(texts["case"])) == exploration.broken.smallest
    assert texts["again0"] == "python -m replay explore --case 'my case.json'"
    assert "explore(case='my case.json')" in texts["again1"]
    assert [node.attributes["data-copy"] for node in page.all("button")] == ["again0", "again1", "case"]


def test_every_event_has_its_line_and_its_mark() -> None:
    found = busy()
    page = read(wrong(found))
    lines = [node for node in page.all("li") if node.attributes.get("id", "").startswith("e")]
    assert [line.attributes["id"] for line in lines] == [f"e{number}" for number in range(len(found.execution.story))]
    marks = [node.attributes["href"] for node in page.all("a") if node.attributes.get("class") == "mark"]
    drawn = [number for number, event in enumerate(found.execution.story) if not isinstance(event, PhaseBegan)]
    assert marks == [f"#e{number}" for number in drawn]
    faults = [node for node in page.all("path") if node.attributes["class"] == "fault"]
    told = [event for event in found.execution.story if isinstance(event, Called) and event.fault]
    assert len(faults) == len(told) + 1, "one is the legend's"


def test_bars_of_invocations_do_not_overlap() -> None:
    for seed in range(30):
        drawn = draw(seed)
        execution = in_memory(drawn, manner=TELLING)
        page = read(wrong(BrokenCase(seed, drawn, drawn, execution)))
        bars = [node.attributes for node in page.all("rect") if node.attributes["class"].startswith("bar")]
        assert len(bars) == sum(isinstance(event, Delivered) for event in execution.story[:400])
        spans = sorted((float(bar["y"]), float(bar["x"]), float(bar["x"]) + float(bar["width"])) for bar in bars)
        for one, other in pairwise(spans):
            assert one[0] < other[0] or one[2] <= other[1], f"seed {seed}"


def test_no_text_becomes_markup_or_runs() -> None:
    plain_page = read(wrong(broken(case())))
    found = broken(case(group=HOSTILE, text=HOSTILE))
    page = read(wrong(found, command=HOSTILE + "\ud800", case_file=HOSTILE))
    assert {node.tag for node in page.all()} == {node.tag for node in plain_page.all()}
    assert len(page.all("script")) == 1
    assert "alert(1)" not in page.all("script")[0].text
    assert "<img src=x onerror=alert(2)>" in page.all("main")[0].whole_text
    assert "\x1b" not in page.whole_text
    assert (
        parse(json.loads(next(node.text for node in page.all("pre") if node.attributes["id"] == "case")))
        == found.smallest
    )


def test_a_page_stays_small_whatever_happened() -> None:
    found = broken()
    call = next(event for event in found.execution.story if isinstance(event, Called) and event.changes)
    item = {**pair("g", TIMES[1])[0], **{f"attribute {number}": {"S": "x" * 300} for number in range(50)}}
    changes = tuple(
        RowChange((f"GRP#{number}", TIMES[1]), item, {**item, "sk": {"S": TIMES[2]}}) for number in range(100)
    )
    large = replace(call, changes=changes, text=call.text * 100)
    found.execution.story[1:1] = [replace(large, step=number) for number in range(500)]
    many = tuple(said("g", TIMES[2], "x" * 2_000, "ana", number) for number in range(2_000))
    found = replace(found, smallest=replace(found.smallest, records=many))
    page = html_page(wrong(found))
    assert len(page) < BYTES_MAX
    assert b"explore --json has all" in page
    assert b"explore --save writes it to a file" in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@reports
def test_a_browser_has_nothing_to_say(name: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(html_page(REPORTS[name]()))
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    more = (
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'user'}",
    )
    shown = subprocess.run(
        [str(CHROMIUM), *flags, *more, "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in shown.stderr, shown.stderr
    assert "</html>" in shown.stdout
    assert not re.search(r"<button[^>]* hidden", shown.stdout), "the script has run and shown its buttons"


def test_the_work_that_the_examples_use_is_wrong() -> None:
    assert in_memory(case(), DeletesThenPuts).broken
