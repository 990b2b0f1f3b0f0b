"""A story as a drawing: lanes from top to bottom, events from left to right, each a link to its line of the story.

Time is the order of events, one column each. An invocation is a bar from its delivery to its end, in the row of its
lane; what comes outside the lanes (redeliveries, twins) has rows of its own, as many as run side by side. Every mark
has a shape of its own, so that nothing depends on colour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from replay.exploration.story import Called, Delivered, Ended, IndexShown, PhaseBegan, RuleBroken, Wrote
from replay.reports.markup import element
from replay.reports.rows import cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from replay.exploration.story import Event

COLUMN: Final = 28
ROW: Final = 40
TOP: Final = 28
TITLE_CHARS_MAX: Final = 300
APPLICATION: Final = "application"
INDEX: Final = "index"

SHAPES: Final = {
    "read": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0",
    "write": "M-5-5h10v10h-10z",
    "other": "M-7-4h14v8h-14z",
    "fault": "M2-9L-5 1H0L-2 9L5-1H0z",
    "failed": "M-8 8L8-8",
    "success": "M-6 0L-2 5L6-6",
    "failure": "M-5-5L5 5M5-5L-5 5",
    "wrote": "M0-7L7 0L0 7L-7 0z",
    "shown": "M0-6L6 6H-6z",
    "broken": "M-7-7H7L0 7z",
}
"""Paths around a mark's point."""
MEANINGS: Final = {
    "read": "a call that reads",
    "write": "a call that writes",
    "other": "another call",
    "fault": "a fault at a call",
    "failed": "a call that was refused",
    "success": "ended well",
    "failure": "ended badly",
    "wrote": "the application writes",
    "shown": "the index takes a late change",
    "broken": "a rule is broken",
}


@dataclass(slots=True)
class _Bar:
    """An invocation's columns and, once laid out, its row."""

    delivery: Delivered
    start: int
    end: int
    row: int = 0


@dataclass(slots=True)
class _Row:
    """A row of the drawing; bars in it do not overlap."""

    label: str
    free_from: int = field(default=0)


def timeline(story: Sequence[tuple[int, Event]]) -> Element:
    """Draw a story; events come with the number of their line."""
    bars = _bars(story)
    rows = _lay_out(story, bars)
    width, height = COLUMN * (len(story) + 1), TOP + ROW * len(rows)
    svg = element(
        "svg",
        *(_line("row", 0, width, _y(place), _y(place)) for place in range(len(rows))),
        *(_bar(bar) for bar in bars.values()),
        *(
            _mark(_x(column), number, event, _row_of(event, bars, rows), height)
            for column, (number, event) in enumerate(story)
        ),
        viewBox=f"0 0 {width} {height}",
        width=str(width),
        height=str(height),
        role="group",
        aria_label="Time line: arrow keys go from event to event, Enter goes to its line of the story",
    )
    labels = element("div", *(element("div", row.label) for row in rows), class_="labels", aria_hidden="true")
    return element("div", labels, element("div", svg, class_="scroll"), class_="timeline")


def legend() -> Element:
    """Explain the marks."""
    pairs = []
    for shape, meaning in MEANINGS.items():
        drawing = element(
            "svg", _shape(shape, 0, 0), viewBox="-11 -11 22 22", width="22", height="22", aria_hidden="true"
        )
        pairs.append(element("li", drawing, meaning))
    return element("ul", *pairs, class_="legend")


def _bars(story: Sequence[tuple[int, Event]]) -> dict[int, _Bar]:
    """Find from where to where each invocation goes; one that does not end goes on to the last column."""
    bars: dict[int, _Bar] = {}
    for column, (_, event) in enumerate(story):
        if isinstance(event, Delivered):
            bars[event.invocation] = _Bar(event, column, len(story) - 1)
        elif isinstance(event, Ended) and event.invocation in bars:
            bars[event.invocation].end = column
    return bars


def _lay_out(story: Sequence[tuple[int, Event]], bars: dict[int, _Bar]) -> list[_Row]:
    """Give each bar the first row of its label that is free, and the others rows below."""
    rows: list[_Row] = []
    for bar in bars.values():
        label = _label(bar.delivery)
        free = [place for place, row in enumerate(rows) if row.label == label and row.free_from <= bar.start]
        if not free:
            rows.append(_Row(label))
            free = [len(rows) - 1]
        rows[free[0]].free_from = bar.end + 1
        bar.row = free[0]
    order = sorted(
        range(len(rows)), key=lambda place: (rows[place].label.startswith("again"), rows[place].label, place)
    )
    for bar in bars.values():
        bar.row = order.index(bar.row)
    rows = [rows[place] for place in order]
    rows += [_Row(APPLICATION)] if any(isinstance(event, Wrote) for _, event in story) else []
    rows += [_Row(INDEX)] if any(isinstance(event, IndexShown) for _, event in story) else []
    return rows


def _label(delivery: Delivered) -> str:
    if delivery.why == "twin":
        return "again, beside"
    if delivery.why == "redelivery":
        return f"again, {delivery.shard}"
    return f"{delivery.shard}, lane {delivery.lane}"


def _row_of(event: Event, bars: Mapping[int, _Bar], rows: Sequence[_Row]) -> int | None:
    """Find an event's row; a phase and a broken rule have none."""
    if isinstance(event, Delivered | Called | Ended):
        return bars[event.invocation].row if event.invocation in bars else None
    label = {Wrote: APPLICATION, IndexShown: INDEX}.get(type(event))
    return next((place for place, row in enumerate(rows) if row.label == label), None)


def _bar(bar: _Bar) -> Element:
    x, width = COLUMN * (bar.start + 0.25) + 3, COLUMN * (bar.end - bar.start + 1) - 6
    y, height = TOP + ROW * bar.row + 6, ROW - 12
    return element("rect", class_=f"bar {bar.delivery.why}", x=f"{x:g}", y=f"{y}", width=f"{width}", height=f"{height}")


def _mark(x: float, number: int, event: Event, row: int | None, height: int) -> Element | None:
    """Draw one event; all but phases are links to their lines."""
    if isinstance(event, PhaseBegan):
        label = element("text", event.phase, class_="phase", x=f"{x + 4:g}", y="12")
        return element("g", _line("phase", x, x, 2, height), label)
    if isinstance(event, RuleBroken):
        return _link(
            number, event, x, TOP - ROW // 2, _line("broken", x, x, TOP - 4, height), _shape("broken", x, TOP - 12)
        )
    if row is None:
        return None
    return _link(number, event, x, _y(row), *_shapes(event, x, _y(row)))


def _link(number: int, event: Event, x: float, y: float, *drawn: Element) -> Element:
    """Make a mark that can be pointed at and focused."""
    text = cut(f"step {event.step}: {str(event).strip()}", TITLE_CHARS_MAX)
    left, top = f"{x - COLUMN / 2 + 1:g}", f"{y - ROW / 2 + 4:g}"
    area = element("rect", class_="area", x=left, y=top, width=f"{COLUMN - 2}", height=f"{ROW - 8}")
    return element(
        "a", element("title", text), area, *drawn, class_="mark", href=f"#e{number}", aria_label=text, tabindex="-1"
    )


def _shapes(event: Event, x: float, y: float) -> list[Element]:
    match event:
        case Delivered():
            return [element("text", str(event.invocation), class_="number", x=f"{x:g}", y=f"{y + 4:g}")]
        case Called():
            names = ["read" if event.does in {"read", "index"} else "write" if event.does == "write" else "other"]
            if event.fault:
                return [_shape(names[0], x, y + 2), _shape("fault", x + 7, y - 9)]
            names += ["failed"] if event.outcome != "done" else []
        case Ended():
            names = ["success" if event.verdict in {None, "success"} else "failure"]
        case Wrote():
            names = ["wrote"]
        case _:
            names = ["shown"]
    return [_shape(name, x, y) for name in names]


def _shape(name: str, x: float, y: float) -> Element:
    return element("path", class_=name, d=SHAPES[name], transform=f"translate({x:g} {y:g})")


def _line(name: str, x1: float, x2: float, y1: float, y2: float) -> Element:
    return element("line", class_=name, x1=f"{x1:g}", x2=f"{x2:g}", y1=f"{y1:g}", y2=f"{y2:g}")


def _x(column: int) -> float:
    return COLUMN * (column + 0.75)


def _y(row: int) -> float:
    return TOP + ROW * (row + 0.5)
