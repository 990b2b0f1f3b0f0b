"""`python -m replay mapping`: the event source mapping in force, and what is dangerous in it."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.errors import WrongUse
from replay.event_source.dangers import dangers_of
from replay.event_source.errors import MappingRejected
from replay.event_source.mapping import FLAGS, LIMITS, PARAMETERS, EventSourceMapping, refuse_unknown
from replay.event_source.shapes import one_line, printable
from replay.event_source.template_mappings import TemplateMapping, choose_mappings
from replay.tables.schema import locate_template
from replay.template import Template
from replay.wording import counted, unread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RIGHT = 0
FOUND = 1


@click.group()
def mapping() -> None:
    """Show the event source mapping in force, or check it for dangers.

    It is read from a SAM or CloudFormation template (YAML or JSON, also as the CDK synthesises it), or from a JSON file
    with the parameters of Lambda's CreateEventSourceMapping; --set wins over both.

    \b
    Example:
      python -m replay mapping show
      python -m replay mapping check template.yaml --function StreamProcessor --parameter Stage=prod
      python -m replay mapping check mapping.json --set BatchSize=10 --json
    """


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which mappings are asked for: where they stand, whose they are, and what wins over what stands there."""

    source: Path | None
    function: str | None
    parameters: tuple[str, ...]
    settings: tuple[str, ...]


def _asking(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say which mappings; the command is given them as one value."""

    @functools.wraps(command)
    def asked(*, as_json: bool, **options: Any) -> int:  # noqa: ANN401 - click's options
        return command(_Asked(**options), as_json=as_json)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the mapping; wins."
        ),
        click.option("--parameter", "parameters", multiple=True, metavar="KEY=VALUE", help="A template's parameter."),
        click.option("--function", metavar="NAME", help="Only mappings of this function (logical id or name)."),
        click.argument("source", required=False, type=click.Path(path_type=Path), metavar="[TEMPLATE|MAPPING.json]"),
    ):
        asked = option(asked)
    return asked


def _in_one_line(command: Callable[..., int]) -> Callable[..., int]:
    """Keep refusals to one line, whatever they quote."""

    @functools.wraps(command)
    def kept(asked: _Asked, **options: object) -> int:
        try:
            return command(asked, **options)
        except WrongUse as error:
            raise WrongUse(one_line(str(error))) from error
        except RecursionError as error:
            raise WrongUse(f"{asked.source or locate_template()} cannot be read: {unread(error)}") from error

    return kept


@mapping.command()
@_asking
@_in_one_line
def show(asked: _Asked, *, as_json: bool) -> int:
    """Print every parameter in force, and where it comes from."""
    found = [_with_settings(each, asked.settings) for each in _read(asked)]
    shown = [_shown(each) for each in found]
    if as_json:
        _say(json.dumps({"mappings": shown}, ensure_ascii=False))
    else:
        _say("\n\n".join(_as_text(each, told) for each, told in zip(found, shown, strict=True)))
    return RIGHT


@mapping.command(short_help="Name what is dangerous, why, and the line to write.")
@_asking
@_in_one_line
def check(asked: _Asked, *, as_json: bool) -> int:
    """Name what is dangerous: the reason, the evidence and the line to write. Exit code 1 where there is something."""
    found = [_with_settings(each, asked.settings) for each in _read(asked)]
    neighbours = _read(replace(asked, function=None))
    dangers = {each.name: dangers_of(each, neighbours) for each in found}
    if as_json:
        told = [
            {"name": each.name, "place": each.place, "findings": [asdict(danger) for danger in dangers[each.name]]}
            for each in found
        ]
        _say(json.dumps({"mappings": told}, ensure_ascii=False))
    for name, listed in dangers.items() if not as_json else ():
        _say(f"{name}: {counted(len(listed), 'finding') if listed else 'nothing dangerous'}")
        for danger in listed:
            _say(f"\n  {danger.id}: {danger.reason}\n    evidence  {danger.evidence}")
            if danger.write:
                _say(f"    write     {danger.write}")
            _say(f"    at        {danger.at}")
    return FOUND if any(dangers.values()) else RIGHT


def _read(asked: _Asked) -> list[TemplateMapping]:
    """Read the mappings of a template or of a JSON file; what the settings replace need not be known there."""
    path = asked.source or locate_template()
    api_shaped = _api_shaped(path)
    if api_shaped is not None:
        if asked.function or asked.parameters:
            raise WrongUse(f"{path} is a mapping, no template: it has neither functions nor parameters")
        return [TemplateMapping(path.stem, str(path), api_shaped, None, None, None, is_sam=False)]
    template = Template.load(path, dict(_pair("--parameter", text) for text in asked.parameters))
    return choose_mappings(template, asked.function, [_pair("--set", text)[0] for text in asked.settings])


def _api_shaped(path: Path) -> dict[str, Any] | None:
    """Give a JSON file's content if it is a mapping: parameters of the API, no template."""
    if path.suffix != ".json":
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WrongUse(f"there is no file '{path}'") from None
    except (OSError, ValueError, RecursionError) as error:
        raise WrongUse(f"{path} cannot be read: {unread(error)}") from error
    if not isinstance(content, dict):
        raise WrongUse(f"{path} holds neither a template nor a mapping: an object is needed")
    if "Resources" in content:
        return None
    refuse_unknown(content, PARAMETERS, "parameter", where=f" in {path}")
    return content


def _with_settings(given: TemplateMapping, settings: tuple[str, ...]) -> TemplateMapping:
    """Lay the settings of the command line over a mapping."""
    parameters = dict(given.parameters)
    for text in settings:
        name, value = _pair("--set", text)
        refuse_unknown({name: value}, PARAMETERS, "parameter")
        parameters[name] = _value(name, value)
    return replace(given, parameters=parameters)


def _say(text: str) -> None:
    click.echo(printable(text))


def _pair(option: str, text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise WrongUse(f"{option} takes NAME=VALUE, not '{text}'")
    return name, value


def _value(name: str, text: str) -> object:
    """Read a setting: JSON where it is JSON, else text."""
    if name in LIMITS or name in FLAGS or text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _shown(given: TemplateMapping) -> dict[str, Any]:
    try:
        read = EventSourceMapping.from_api(given.parameters)
    except MappingRejected as rejected:
        raise WrongUse(f"{given.name}: AWS would refuse this mapping: {rejected.explained()}") from rejected
    return {"name": given.name, "place": given.place, "parameters": read.described(), "set": sorted(given.parameters)}


def _as_text(given: TemplateMapping, shown: Mapping[str, Any]) -> str:
    lines = [f"{given.name}  ({given.place})"]
    for name, value in shown["parameters"].items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  {name:32} {text}{'' if name in given.parameters else '  (default)'}")
    return "\n".join(lines)
