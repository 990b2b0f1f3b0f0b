"""`python -m replay simulate`: run conformance cases of the event source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.event_source.case_compare import differences
from replay.event_source.case_run import run_case
from replay.event_source.cases import load_case
from replay.event_source.mapping import EventSourceMapping
from replay.event_source.shapes import printable

if TYPE_CHECKING:
    from replay.event_source.cases import Case

RIGHT = 0
DIFFERENT = 1


@click.command()
@click.argument("cases", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="CASE.json…")
@click.option("--json", "as_json", is_flag=True, help="Print what was seen, one line of JSON a case.")
def simulate(cases: tuple[Path, ...], *, as_json: bool) -> int:
    """Run cases: a mapping, records, a function's behaviour, and what must be seen.

    The event source is simulated on a virtual clock; no handler is called, nothing is sent. A case that says what it
    expects is compared: exit code 1 where something differs. One that expects nothing is shown and judges nothing: 0.
    Cases and their format: fixtures/conformance/README.md.

    \b
    Example:
      python -m replay simulate fixtures/conformance/T-D5.json
      python -m replay simulate --json my-case.json | jq .invocations
    """
    loaded = [(path, load_case(path)) for path in cases]
    ending = RIGHT
    for path, case in loaded:
        seen = run_case(case)
        different = differences(case.expect, seen) if case.expect is not None else []
        if different:
            ending = DIFFERENT
        _warn(case)
        if as_json:
            click.echo(printable(json.dumps(seen, ensure_ascii=False)))
        _report(case.name or path.stem, case, seen, different, to_stderr=as_json)
    return ending


def _warn(case: Case) -> None:
    """Tell of filters that are legal and probably not meant."""
    if not isinstance(case.mapping, EventSourceMapping):
        return
    for warning in case.mapping.filters.warnings:
        if warning.kind != "undocumented-key" or case.switches.unusual_filter_keys == "warn":
            _say([f"replay: {case.name}: filter, {warning.path}: {warning.text}"], to_stderr=True)


def _report(name: str, case: Case, seen: dict[str, Any], different: list[str], *, to_stderr: bool) -> None:
    if different:
        _say([f"{name}: not as expected", *(f"  {line}" for line in different)], to_stderr=to_stderr)
    elif case.expect:
        _say([f"{name}: as expected"], to_stderr=to_stderr)
    else:
        told = [f"{name}: the case expects nothing, so nothing is judged"]
        _say(told if to_stderr else [*told, *_summary(seen)], to_stderr=to_stderr)


def _say(lines: list[str], *, to_stderr: bool) -> None:
    click.echo(printable("\n".join(lines)), err=to_stderr)


def _summary(seen: dict[str, Any]) -> list[str]:
    """Tell a run in a few lines, for reading."""
    lines = [
        f"  at {invocation['at_s']} s  {invocation['shard']}  {invocation['outcome']}  "
        f"{', '.join(invocation['sequences']) or '(no records)'}"
        for invocation in seen["invocations"]
    ]
    lines += [
        f"  given up: {message['shard']}  {message['startSequenceNumber']} to {message['endSequenceNumber']}, "
        f"{message['batchSize']} records, {message['condition']} after {message['approximateInvokeCount']} tries"
        for message in seen["destination"]
    ]
    lines += [f"  checkpoint: {shard}  {sequence or 'none'}" for shard, sequence in seen["checkpoint"].items()]
    lines += [f"  {name}: {count}" for name, count in seen["metrics"].items()]
    if seen["error"]:
        lines.append(f"  ended by {seen['error']['type']}: {seen['error']['message']}")
    return lines
