"""CloudFormation's intrinsic functions, evaluated as far as a template alone allows.

What needs a deployment (an ARN, an import, a parameter without a value) becomes a `Symbol`, and whatever depends on
it stays symbolic too, or carries it as `${Name.Attribute}` inside a text. (AWS: CloudFormation template reference,
intrinsic functions and pseudo parameters.)
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

REFERRED_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "AWS::DynamoDB::GlobalTable": "TableName",
        "AWS::DynamoDB::Table": "TableName",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::S3::Bucket": "BucketName",
        "AWS::Serverless::Function": "FunctionName",
        "AWS::Serverless::SimpleTable": "TableName",
    }
)
"""The types whose `Ref` is their name, with the property that sets it."""

_PLACE = re.compile(r"\$\{(!?)([^}]*)\}")
_NO_VALUE = "AWS::NoValue"


class TemplateFault(Exception):
    """Something in a template is wrong; the text says what, the reader adds the file."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A value only a deployment knows: of a resource, a parameter, or what a function would give."""

    name: str
    attribute: str | None = None
    kind: Literal["resource", "parameter", "function"] = "resource"

    def __str__(self) -> str:
        return f"${{{self.name}.{self.attribute}}}" if self.attribute else f"${{{self.name}}}"


class _Nothing:
    """What `Ref: AWS::NoValue` gives: the property or list entry goes."""


_NOTHING = _Nothing()


@dataclass(slots=True)
class Resolver:
    """Evaluates the values of one template."""

    values: Mapping[str, object]
    """Parameters and pseudo parameters."""
    resources: Mapping[str, Mapping[str, Any]]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, object]
    generated_names: bool = False
    """SAM makes resources of its own (roles, aliases), named after the function's logical id."""
    any_name: bool = False
    """A macro may make resources of any name."""
    _under_way: set[str] = field(default_factory=set)

    def resolve(self, value: object) -> object:
        """Give the value with every function in it evaluated.

        Raises:
            TemplateFault: A name that is nowhere, or a function whose arguments have the wrong shape.
        """
        resolved = self._value(value)
        return None if resolved is _NOTHING else resolved

    def holds(self, condition: object) -> bool | None:
        """Say whether a condition (by name) holds; no condition holds; None where only a deployment knows."""
        if condition is None:
            return True
        if not isinstance(condition, str) or condition not in self.conditions:
            raise TemplateFault(f"there is no condition '{condition}'{_near(str(condition), self.conditions)}")
        mark = f"condition {condition}"
        if mark in self._under_way:
            raise TemplateFault(f"condition '{condition}' depends on itself")
        self._under_way.add(mark)
        try:
            return self._test(self.conditions[condition])
        finally:
            self._under_way.discard(mark)

    def _value(self, value: object) -> object:
        if isinstance(value, Mapping):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                if name in _FUNCTIONS:
                    return _FUNCTIONS[name](self, argument)
                if str(name).startswith("Fn::"):
                    return Symbol(name, kind="function")
            items = ((key, self._value(item)) for key, item in value.items())
            return {key: item for key, item in items if item is not _NOTHING}
        if isinstance(value, list):
            entries = (self._value(item) for item in value)
            return [item for item in entries if item is not _NOTHING]
        return value

    def _ref(self, name: object) -> object:
        if not isinstance(name, str):
            raise TemplateFault(f"Ref takes a name, not {_shown(name)}")
        if name == _NO_VALUE:
            return _NOTHING
        if name in self.values:
            return self.values[name]
        if name not in self.resources:
            return self._made_elsewhere(name)
        resource = self.resources[name]
        own_name = (resource.get("Properties") or {}).get(REFERRED_NAMES.get(resource["Type"], ""))
        if own_name is None or name in self._under_way:
            return Symbol(name)
        self._under_way.add(name)
        try:
            found = self._value(own_name)
        finally:
            self._under_way.discard(name)
        return Symbol(name) if found is _NOTHING else found

    def _made_elsewhere(self, name: str) -> Symbol:
        made_by_sam = self.generated_names and (
            name.startswith("Serverless") or any(name.startswith(known) for known in self.resources)
        )
        if made_by_sam or self.any_name:
            return Symbol(name)
        known = [*self.resources, *self.values]
        raise TemplateFault(f"'{name}' is neither a resource nor a parameter{_near(name, known)}")

    def _get_att(self, argument: object) -> object:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):  # noqa: PLR2004 - a pair
            raise TemplateFault(f"GetAtt takes a resource and an attribute, not {_shown(argument)}")
        name = parts[0]
        if name not in self.resources:
            self._made_elsewhere(name)
        return Symbol(name, ".".join(str(self._value(part)) for part in parts[1:]))

    def _sub(self, argument: object) -> object:
        text, own = argument, {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], Mapping):  # noqa: PLR2004
            text, own = argument[0], {key: self._value(item) for key, item in argument[1].items()}
        if not isinstance(text, str):
            raise TemplateFault(f"Sub takes a text, or a text and a map, not {_shown(argument)}")

        def fill(place: re.Match[str]) -> str:
            literal, name = place[1], place[2].strip()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return _as_text(own[name])
            return _as_text(self._get_att(name) if "." in name else self._ref(name))

        whole = _PLACE.fullmatch(text)
        if whole and not whole[1]:  # `!Sub "${Table.StreamArn}"` is `!GetAtt Table.StreamArn`
            name = whole[2].strip()
            found = own[name] if name in own else self._get_att(name) if "." in name else self._ref(name)
            if isinstance(found, Symbol):
                return found
        return _PLACE.sub(fill, text)

    def _if(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) != 3:  # noqa: PLR2004 - condition, then, else
            raise TemplateFault(f"If takes a condition and two values, not {_shown(argument)}")
        holds = self.holds(argument[0])
        if holds is None:
            return Symbol(f"Fn::If {argument[0]}", kind="function")
        return self._value(argument[1] if holds else argument[2])

    def _find_in_map(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            raise TemplateFault(f"FindInMap takes a map and two keys, not {_shown(argument)}")
        keys = [self._value(part) for part in argument[:3]]
        if any(isinstance(key, Symbol) for key in keys):
            return Symbol("Fn::FindInMap", kind="function")
        found: object = self.mappings
        for depth, key in enumerate(keys):
            if not isinstance(found, Mapping) or str(key) not in found:
                if len(argument) == 4 and isinstance(argument[3], Mapping):  # noqa: PLR2004 - the default comes fourth
                    return self._value(argument[3].get("DefaultValue"))
                place = "Mappings" if depth == 0 else f"Mappings.{'.'.join(str(k) for k in keys[:depth])}"
                raise TemplateFault(f"FindInMap: there is no '{key}' in {place}")
            found = found[str(key)]
        return self._value(found)

    def _join(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - separator, list
            raise TemplateFault(f"Join takes a separator and a list, not {_shown(argument)}")
        items = self._value(argument[1])
        if not isinstance(items, list):
            return Symbol("Fn::Join", kind="function")
        if len(items) == 1 and isinstance(items[0], Symbol):
            return items[0]
        return str(argument[0]).join(_as_text(item) for item in items)

    def _split(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - separator, text
            raise TemplateFault(f"Split takes a separator and a text, not {_shown(argument)}")
        text = self._value(argument[1])
        return text.split(str(argument[0])) if isinstance(text, str) else Symbol("Fn::Split", kind="function")

    def _select(self, argument: object) -> object:
        if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - index, list
            raise TemplateFault(f"Select takes an index and a list, not {_shown(argument)}")
        index, items = self._value(argument[0]), self._value(argument[1])
        if not isinstance(items, list) or not str(index).isdigit():
            return Symbol("Fn::Select", kind="function")
        if int(str(index)) >= len(items):
            raise TemplateFault(f"Select: there is no entry {index} in a list of {len(items)}")
        return items[int(str(index))]

    def _to_json(self, argument: object) -> object:
        return json.dumps(self._value(argument), default=str, separators=(",", ":"))

    def _test(self, test: object) -> bool | None:
        """Evaluate one condition function; None is 'not known'."""
        if not isinstance(test, Mapping) or len(test) != 1:
            raise TemplateFault(f"a condition is one function, not {_shown(test)}")
        name, argument = next(iter(test.items()))
        if name == "Condition":
            return self.holds(argument)
        if not isinstance(argument, list) or not argument:
            raise TemplateFault(f"{name} takes a list, not {_shown(argument)}")
        if name == "Fn::Equals":
            if len(argument) != 2:  # noqa: PLR2004 - two sides
                raise TemplateFault(f"Fn::Equals takes two values, not {_shown(argument)}")
            left, right = (_as_text(self._value(side)) for side in argument)
            unknown = "${" in f"{left}{right}"
            return None if unknown and left != right else left == right
        results = [self._test(part) for part in argument]
        if name == "Fn::Not":
            return None if results[0] is None else not results[0]
        if name in ("Fn::And", "Fn::Or"):
            decisive = bool(name == "Fn::Or")
            if decisive in results:
                return decisive
            return None if None in results else not decisive
        raise TemplateFault(f"'{name}' is no condition function")


_FUNCTIONS: Mapping[str, Callable[[Resolver, object], object]] = MappingProxyType(
    {
        "Ref": Resolver._ref,  # noqa: SLF001 - the class's own table, below it
        "Fn::GetAtt": Resolver._get_att,  # noqa: SLF001
        "Fn::Sub": Resolver._sub,  # noqa: SLF001
        "Fn::If": Resolver._if,  # noqa: SLF001
        "Fn::FindInMap": Resolver._find_in_map,  # noqa: SLF001
        "Fn::Join": Resolver._join,  # noqa: SLF001
        "Fn::Split": Resolver._split,  # noqa: SLF001
        "Fn::Select": Resolver._select,  # noqa: SLF001
        "Fn::ToJsonString": Resolver._to_json,  # noqa: SLF001
    }
)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_as_text(item) for item in value)
    return "" if value is _NOTHING else str(value)


def _near(name: str, known: Mapping[str, object] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - one line of a terminal holds it
