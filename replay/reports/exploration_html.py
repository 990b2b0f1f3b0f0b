"""An exploration as one page: nothing is fetched, no text of a record or handler can become markup or run.

The page opens from disk, follows the reader's light or dark setting, works by keyboard and, but for copying and the
arrow keys, without its script. Where a story is so long that the page would pass `BYTES_MAX`, less of it is shown.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, tostring

from replay.event_source.records import DEFAULT_SHARD
from replay.exploration.case_file import dump
from replay.exploration.story import Called, Delivered, Wrote
from replay.reports.exploration import anomalies, figures, moves, versions
from replay.reports.markup import element
from replay.reports.reasons import REASONS, headline
from replay.reports.rows import attributes_of, cut, record_line, row_line
from replay.reports.timeline import legend, timeline
from replay.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from replay.exploration.campaign import BrokenCase
    from replay.exploration.story import Event, RowChange
    from replay.reports.exploration import Exploration, Version

BYTES_MAX: Final = 1_000_000
CASE_CHARS_MAX: Final = 300_000
LINES_SHOWN: Final = (400, 100, 20, 4)
"""Events, records and row versions shown each, and what is tried next where the page gets too large."""
LINE_CHARS_MAX: Final = 1_500
ANOMALIES_SHOWN: Final = 10
ROWS_SHOWN: Final = 6
"""Rows of one call."""
ATTRIBUTES_SHOWN: Final = 20
"""Of a row before and after, those that differ first."""
LIMITS: Final = (
    "A finding counts as a stated limit when a row lacks messages at whose delivery nothing led to its member: no "
    "visible entry of the index, no row reached from there, no sender of the batch. Once the faults are off, every row "
    "must be right without exception."
)


def html_page(exploration: Exploration) -> bytes:
    """Make the page, in UTF-8."""
    page = b""
    for lines in LINES_SHOWN:
        page = b"<!DOCTYPE html>\n" + tostring(_page(exploration, lines), encoding="utf-8", method="html")
        if len(page) <= BYTES_MAX:
            break
    return page


def _page(exploration: Exploration, lines: int) -> Element:
    sections = list(_sections(exploration, lines))
    links = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in sections]
    body = [element("section", element("h2", heading, id=name), *parts) for name, heading, parts in sections]
    script = element("script", _resource("page.js"))
    style = element("style", _resource("page.css"))
    return element(
        "html",
        element("head", *_head(exploration.verdict, style, script), style),
        element(
            "body",
            element("a", "To the report", class_="skip", href="#main"),
            _header(exploration),
            element("nav", element("ul", *links), aria_label="Sections"),
            element("main", *body, _footer(), id="main", tabindex="-1"),
            script,
            class_="right" if exploration.is_right else "wrong",
        ),
        lang="en",
    )


def _head(title: str, style: Element, script: Element) -> Iterator[Element]:
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    yield element("meta", charset="utf-8")
    yield element(
        "meta", http_equiv="Content-Security-Policy", content=f"{policy}; base-uri 'none'; form-action 'none'"
    )
    yield element("meta", name="viewport", content="width=device-width, initial-scale=1")
    yield element("meta", name="color-scheme", content="light dark")
    yield element("title", title)
    yield element("link", rel="icon", href="data:,")


def _hash(inline: Element) -> str:
    """Name an inline style or script in the page's policy: only these two may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256((inline.text or "").encode()).digest()).decode()


def _resource(name: str) -> str:
    return resources.files("replay.reports").joinpath(name).read_text(encoding="utf-8")


def _header(exploration: Exploration) -> Element:
    verdict = exploration.verdict
    about = {**exploration.about, "explored": figures(exploration.result)}
    pairs = [part for name, value in about.items() for part in (element("dt", name), element("dd", value))]
    return element("header", element("h1", verdict[:1].upper() + verdict[1:]), element("dl", *pairs))


def _footer() -> Element:
    return element(
        "footer", "Made by ", element("code", "python -m replay explore --html"), ". Nothing here is fetched."
    )


# Sections: each has an id, a heading and its parts.


def _sections(exploration: Exploration, lines: int) -> Iterator[tuple[str, str, list[Element]]]:
    broken = exploration.broken
    if broken:
        story, more = _shortened(broken.execution.story, lines)
        yield "anomaly", "What is wrong", list(_anomalies(broken))
        yield "timeline", "Time line", [timeline(story), legend(), *more]
        yield "story", "Story", [_story(story, broken), *more]
        yield "versions", "Versions of rows", list(_versions(broken, lines))
        yield "records", "Records", list(_records(broken, lines))
        yield "again", "Run it again", list(_again(exploration, broken))
    yield "situations", "Situations reached", [_situations(exploration)]
    yield "limits", "Stated limits", list(_limits(exploration))
    if exploration.is_right:
        yield "rules", "Rules", list(_rules(exploration))


def _anomalies(broken: BrokenCase) -> Iterator[Element]:
    records = {record["dynamodb"]["SequenceNumber"]: record for record in broken.smallest.records}
    places = {id(event): number for number, event in enumerate(broken.execution.story)}
    found = anomalies(broken)
    for anomaly in found[:ANOMALIES_SHOWN]:
        name = f"{anomaly.rule}: " if headline(anomaly.rule) != anomaly.rule else ""
        yield element("h3", headline(anomaly.rule), class_="rule")
        yield element("p", name, element("strong", anomaly.evidence))
        yield from [element("p", "Why that is wrong: ", anomaly.why)] if anomaly.why else []
        for sequence in anomaly.records:
            if sequence in records:
                told = record_line(records[sequence])
                yield element("p", "Record ", element("code", sequence), ": ", element("code", told))
        if anomaly.culprit is not None:
            yield _culprit(anomaly.culprit, places[id(anomaly.culprit)])
            yield from _changes(anomaly.changes)
    if len(found) > ANOMALIES_SHOWN:
        yield element("p", f"… and {len(found) - ANOMALIES_SHOWN} more; explore --json has all.", class_="faint")


def _culprit(culprit: Called | Wrote, place: int) -> Element:
    link = element("a", f"step {culprit.step}", href=f"#e{place}")
    actor = "in invocation " if isinstance(culprit, Called) else "by "
    return element("p", "The rows are as they are since ", link, f", {actor}", element("code", str(culprit).strip()))


def _changes(changes: Sequence[RowChange]) -> Iterator[Element]:
    """Show rows before and after, attribute by attribute, what differs marked."""
    moved = moves(changes)
    yield from map(_change, moved[:ROWS_SHOWN])
    if len(moved) > ROWS_SHOWN:
        yield element("p", f"… and {counted(len(moved) - ROWS_SHOWN, 'more row')}.")


def _change(change: RowChange) -> Element:
    row = f"Row of {change.address[0]}"
    if change.before == change.after:
        return element("p", row, ", unchanged: ", element("code", row_line(change.before)))
    if change.after is None:
        return element("p", row, ", removed: ", element("code", row_line(change.before)))
    if change.before is None:
        return element("p", row, ", put: ", element("code", row_line(change.after)))
    rows = []
    attributes = attributes_of(change)
    for name, before, after in attributes[:ATTRIBUTES_SHOWN]:
        head = element("th", element("code", name), scope="row")
        marked = "changed" if before != after else None
        rows.append(element("tr", head, _code(before), _code(after), class_=marked))
    if len(attributes) > ATTRIBUTES_SHOWN:
        more = counted(len(attributes) - ATTRIBUTES_SHOWN, "more attribute")
        rows.append(element("tr", element("td", f"… and {more}", colspan="3")))
    return _scrolling(_table(("attribute", "before", "after"), rows, element("caption", row)), row)


def _shortened(story: Sequence[Event], lines: int) -> tuple[list[tuple[int, Event]], list[Element]]:
    """Number the events; of a long story take start and end, and say so."""
    numbered = list(enumerate(story))
    if len(numbered) <= lines:
        return numbered, []
    half = lines // 2
    note = f"{counted(len(numbered) - 2 * half, 'event')} in the middle left out; explore --json has all."
    return numbered[:half] + numbered[-half:], [element("p", note, class_="faint")]


def _story(story: Sequence[tuple[int, Event]], broken: BrokenCase) -> Element:
    records = {record["dynamodb"]["SequenceNumber"]: record for record in broken.smallest.records}
    return element("ol", *(_event(number, event, records) for number, event in story), class_="story")


def _event(number: int, event: Event, records: Mapping[str, Mapping[str, object]]) -> Element:
    step = element("span", str(event.step), class_="step")
    text = cut(str(event).strip(), LINE_CHARS_MAX)
    details = _details(event, records)
    line = element("details", element("summary", text), *details) if details else element("span", text, class_="line")
    return element("li", step, line, id=f"e{number}", class_=_kind(event), tabindex="-1")


def _kind(event: Event) -> str:
    is_faulty = isinstance(event, Called) and (event.fault is not None or event.outcome != "done")
    return f"{event.kind} faulty" if is_faulty else event.kind


def _details(event: Event, records: Mapping[str, Mapping[str, object]]) -> list[Element]:
    """Say what belongs to an event: a delivery's records, a write's rows."""
    if isinstance(event, Delivered):
        known = [records[sequence] for sequence in event.sequences if sequence in records]
        items = [element("li", record_line(record)) for record in known[:ROWS_SHOWN]]
        more = [element("li", f"… and {len(known) - ROWS_SHOWN} more")] if len(known) > ROWS_SHOWN else []
        return [element("ul", *items, *more)]
    if isinstance(event, Called | Wrote) and event.changes:
        return list(_changes(event.changes))
    return []


def _versions(broken: BrokenCase, lines: int) -> Iterator[Element]:
    yield element("p", "Each row of a member's list as it was at first and after each write.", class_="faint")
    left = lines
    for view in versions(broken):
        if left:
            name = f"{view.member} in {view.group}"
            rows = [_version(version) for version in view.versions[:left]]
            left -= len(rows)
            yield _scrolling(_table(("when", "by", "row"), rows, element("caption", name)), f"Versions: {name}")
    if not left:
        yield element("p", f"No more than {lines} are shown; explore --json has all.", class_="faint")


def _version(version: Version) -> Element:
    step: Element | str = "at first"
    if version.place is not None:
        step = element("a", f"step {version.step}", href=f"#e{version.place}")
    text = f"{version.sort_key} removed" if version.item is None else row_line(version.item)
    return element("tr", element("td", step), element("td", version.by), _code(text))


def _records(broken: BrokenCase, lines: int) -> Iterator[Element]:
    rows = []
    for record in broken.smallest.records[:lines]:
        shard = str(record.get("shardId", DEFAULT_SHARD))
        rows.append(
            element("tr", _code(record["dynamodb"]["SequenceNumber"]), element("td", shard), _code(record_line(record)))
        )
    yield _scrolling(_table(("sequence number", "shard", "what it says"), rows), "Records")
    if len(broken.smallest.records) > lines:
        yield element("p", f"… and {len(broken.smallest.records) - lines:,} more; the case has all.", class_="faint")


def _again(exploration: Exploration, broken: BrokenCase) -> Iterator[Element]:
    for number, (title, text) in enumerate(exploration.again().items()):
        yield from _to_copy(title.capitalize(), text, f"again{number}")
    case = dump(broken.smallest)
    if len(case) > CASE_CHARS_MAX:
        yield element("p", f"The case has {len(case):,} characters; explore --save writes it to a file.")
    else:
        yield from _to_copy("The case, for explore --case", case, "case")


def _to_copy(title: str, text: str, name: str) -> Iterator[Element]:
    yield element("h3", title, id=f"{name}-title")
    button = element("button", "Copy", type="button", class_="copy", data_copy=name, hidden="hidden")
    yield element("p", button, element("span", role="status"))
    yield element("pre", text, id=name, tabindex="0", role="region", aria_labelledby=f"{name}-title")


def _rules(exploration: Exploration) -> Iterator[Element]:
    held = {rule: why for rule, why in REASONS.items() if rule not in exploration.ignored}
    yield element("p", "None of these was broken. Each comes with what it means where it is.", class_="faint")
    pairs = [part for rule, why in held.items() for part in (element("dt", rule), element("dd", why))]
    yield element("dl", *pairs, class_="rules")


def _situations(exploration: Exploration) -> Element:
    here = exploration.broken.execution.situations if exploration.broken else {}
    rows = []
    for situation, count in exploration.situations.items():
        note = ", asked for" if situation in exploration.unreached else ""
        cells = [element("td", f"{count:,}{note}", class_="number")]
        cells += [element("td", f"{here.get(situation, 0):,}", class_="number")] if exploration.broken else []
        rows.append(element("tr", element("th", situation, scope="row"), *cells))
    columns = ("situation", "in all cases", "in the smallest") if exploration.broken else ("situation", "times")
    table = _table(columns, rows)
    table.set("class", "figures")
    return _scrolling(table, "Situations reached")


def _limits(exploration: Exploration) -> Iterator[Element]:
    limited = exploration.result.limited
    yield element("p", f"{counted(limited, 'finding')} of {counted(exploration.result.cases, 'case')} counted as one.")
    yield element("p", LIMITS, class_="faint")


# Parts of sections.


def _table(columns: Iterable[str], rows: Iterable[Element], caption: Element | None = None) -> Element:
    heads = element("thead", element("tr", *(element("th", column, scope="col") for column in columns)))
    return element("table", caption, heads, element("tbody", *rows))


def _scrolling(content: Element, label: str) -> Element:
    """Let what is too wide scroll by itself, by keyboard too."""
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=label)


def _code(text: str) -> Element:
    return element("td", text, class_="code")
