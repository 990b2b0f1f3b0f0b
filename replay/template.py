"""A CloudFormation or SAM template, read and resolved as far as it can be without AWS.

Promises: `!Ref`, `!Sub`, `!If`, `!FindInMap`, `!Join`, `!Select`, `!Split` and conditions are resolved from the
parameters' defaults and the values given; SAM's `Globals` are merged into its resources; resources whose condition is
false are left out. What only a deployment can know (an ARN, a parameter without default) stays as a `Symbol`. The
account, the Region and the stack have stand-in values (`PSEUDO_PARAMETERS`), which may be given like parameters.
YAML and JSON (also what the CDK synthesises) are read alike. A template that cannot be read is `WrongUse`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml
from cfn_tools.yaml_loader import CfnYamlLoader

from replay.errors import WrongUse
from replay.intrinsics import REFERRED_NAMES, Resolver, Symbol, TemplateFault
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Resource", "Symbol", "Template"]

SERVERLESS = "AWS::Serverless-2016-10-31"
SERVERLESS_PREFIX = "AWS::Serverless::"

PSEUDO_PARAMETERS: Mapping[str, object] = MappingProxyType(
    {
        "AWS::AccountId": "000000000000",
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/stack/0",
        "AWS::StackName": "stack",
        "AWS::URLSuffix": "amazonaws.com",
    }
)
"""Values for what AWS fills in at deployment."""

VALUES_MAX = 1_000_000
"""A template has at most 1 MB (AWS: CloudFormation user guide, quotas): no more values than that, unless aliases of
aliases make them."""
LINE_MAX = 600
"""Characters of a message, whatever it quotes."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource with its properties resolved."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A template's resources by logical id, in the order of the file."""

    path: Path
    all_resources: Mapping[str, Resource]

    @classmethod
    def load(cls, path: Path, parameters: Mapping[str, str] = MappingProxyType({})) -> Template:
        """Read and resolve one template.

        Args:
            path: A YAML or JSON file.
            parameters: Values for the template's parameters, or for `AWS::Region` and its like; they win over defaults.

        Raises:
            WrongUse: The file is missing, no template, refers to what is not there, or a parameter is unknown.
        """
        try:
            return cls(path, _resolved(_read(path), parameters))
        except TemplateFault as fault:
            raise WrongUse(f"{path}: {_one_line(str(fault))}") from fault
        except RecursionError as error:
            raise WrongUse(f"{path}: nested too deep to be read, or an alias that holds itself") from error

    def resources(self, resource_type: str) -> dict[str, Resource]:
        """Give the resources of one type (`AWS::DynamoDB::Table`) by logical id."""
        return {name: resource for name, resource in self.all_resources.items() if resource.type == resource_type}

    def resource_of(self, value: object) -> Resource | None:
        """Find the resource that a resolved value points at: by its symbol, or by its name where it has one.

        The name may be a symbol too: a parameter without a value.
        """
        if isinstance(value, Symbol) and value.kind == "resource":
            return self.all_resources.get(value.name)
        for resource in self.all_resources.values():
            name = resource.properties.get(REFERRED_NAMES.get(resource.type, ""))
            if name is not None and name == value:
                return resource
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TemplateFault("there is no such template") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateFault(f"the template cannot be read: {unread(error)}") from error
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise TemplateFault(f"neither YAML nor JSON: {error}") from error
    if not isinstance(document, Mapping) or not isinstance(document.get("Resources"), Mapping):
        raise TemplateFault("no template: it needs 'Resources', a map of logical ids")
    template = _plain(document, itertools.count())
    assert isinstance(template, dict)  # noqa: S101 - _plain keeps a map a map
    return template


class _Loader(CfnYamlLoader):  # type: ignore[misc]  # the library has no types
    """CloudFormation's YAML, and `<<: *anchor`, which SAM's command line understands."""


def _map(loader: _Loader, node: yaml.MappingNode) -> object:
    """Read a map; a key is the text that stands there, so that `On` and `012345678901` stay what they are."""
    loader.flatten_mapping(node)
    return {
        key.value if isinstance(key, yaml.ScalarNode) else str(loader.construct_object(key)): loader.construct_object(
            value
        )
        for key, value in node.value
    }


_Loader.add_constructor("tag:yaml.org,2002:map", _map)


def _plain(value: object, counted: Iterator[int]) -> object:
    """Give plain dictionaries, and text for the dates YAML makes of unquoted ones; aliases are written out."""
    if next(counted) > VALUES_MAX:
        raise TemplateFault(f"more than {VALUES_MAX:,} values, aliases written out")
    if isinstance(value, Mapping):
        return {str(key): _plain(item, counted) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, counted) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def _resolved(document: dict[str, Any], given: Mapping[str, str]) -> dict[str, Resource]:
    resources = document["Resources"]
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            if name.startswith("Fn::"):
                raise TemplateFault(f"'{name}' in Resources is not understood; expand it first (sam build, cdk synth)")
            raise TemplateFault(f"resource '{name}' needs a Type")
        if not isinstance(resource.get("Properties") or {}, dict):
            raise TemplateFault(f"resource '{name}': Properties must be a map")
    transforms = document.get("Transform", [])
    transforms = transforms if isinstance(transforms, list) else [transforms]
    resolver = Resolver(
        values={**PSEUDO_PARAMETERS, **_parameter_values(_section(document, "Parameters"), given)},
        resources=resources,
        mappings=_section(document, "Mappings"),
        conditions=_section(document, "Conditions"),
        generated_names=SERVERLESS in transforms,
        any_name=any(transform != SERVERLESS for transform in transforms),
    )
    shared = _section(document, "Globals")
    found = {}
    for name, resource in resources.items():
        if resolver.holds(resource.get("Condition")) is False:
            continue
        properties = resource.get("Properties") or {}
        if resource["Type"].startswith(SERVERLESS_PREFIX):
            section = shared.get(resource["Type"].removeprefix(SERVERLESS_PREFIX), {})
            properties = _merged(section, properties)
        try:
            resolved = resolver.resolve(properties)
        except TemplateFault as fault:
            raise TemplateFault(f"resource '{name}': {fault}") from fault
        if not isinstance(resolved, dict):
            raise TemplateFault(f"resource '{name}': Properties must be a map")
        found[name] = Resource(name, resource["Type"], resolved)
    return found


def _section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name) or {}
    if not isinstance(section, dict):
        raise TemplateFault(f"{name} must be a map")
    return section


def _merged(shared: object, own: object) -> object:
    """Merge SAM's Globals into a resource: maps by key, lists one after the other, else the resource's own wins."""
    if isinstance(shared, dict) and isinstance(own, dict) and not _is_function(shared) and not _is_function(own):
        return {**shared, **{key: _merged(shared[key], item) if key in shared else item for key, item in own.items()}}
    if isinstance(shared, list) and isinstance(own, list):
        return [*shared, *own]
    return own


def _is_function(value: dict[str, object]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _parameter_values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, parameter in declared.items():
        if not isinstance(parameter, dict) or not isinstance(parameter.get("Type"), str):
            raise TemplateFault(f"parameter '{name}' needs a Type")
        kind = parameter["Type"]
        looked_up = kind.startswith("AWS::SSM::Parameter::Value<")
        if name in given:
            values[name] = _typed(name, given[name], kind)
        elif "Default" in parameter and not looked_up:
            values[name] = _typed(name, parameter["Default"], kind)
        else:
            values[name] = Symbol(name, kind="parameter")
        allowed = parameter.get("AllowedValues")
        if name in given and isinstance(allowed, list) and given[name] not in {str(value) for value in allowed}:
            raise TemplateFault(
                f"parameter '{name}' cannot be '{given[name]}'; it allows {', '.join(str(value) for value in allowed)}"
            )
    for name in given:
        if name in PSEUDO_PARAMETERS:
            values[name] = given[name]
        elif name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            names = f"it has {', '.join(declared)}" if declared else "it has none"
            raise TemplateFault(f"there is no parameter '{name}'; " + (f"did you mean '{near[0]}'?" if near else names))
    return values


def _typed(name: str, value: object, kind: str) -> object:
    """Give a parameter's value the shape of its type: a number, a list, else text."""
    if kind == "CommaDelimitedList" or "List<" in kind:
        text = value if isinstance(value, str) else str(value)
        items = [item.strip() for item in text.split(",")]
        return [_number(name, item) for item in items] if kind == "List<Number>" else items
    return _number(name, value) if kind == "Number" else _text(value)


def _number(name: str, value: object) -> int | float:
    try:
        number = float(str(value))
    except ValueError:
        raise TemplateFault(f"parameter '{name}' is a Number, not '{value}'") from None
    return int(number) if number.is_integer() else number


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one_line(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= LINE_MAX else f"{joined[:LINE_MAX]}…"
