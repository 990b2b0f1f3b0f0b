"""What Lambda is told about a function: its name, memory, timeout and environment; read from a template."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from replay.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.template import Resource, Template

FUNCTION_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")
TIMEOUT_S = 3
MEMORY_MB = 128
"""What Lambda takes where nothing is said. AWS: Lambda API reference, CreateFunction."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A function's configuration; `variables` is its environment as far as it is known without a deployment."""

    name: str = "function"
    timeout_s: float = TIMEOUT_S
    memory_mb: int = MEMORY_MB
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_template(cls, template: Template, logical_id: str | None = None) -> Configuration:
        """Read the configuration of the template's one function, or of the one named.

        Variables that only a deployment knows (a bucket's name) are left out.

        Raises:
            WrongUse: there is no such function, or several and none is named.
        """
        resource = _chosen(template, logical_id)
        properties = resource.properties
        name = properties.get("FunctionName")
        return cls(
            name=name if isinstance(name, str) else resource.logical_id,
            timeout_s=_number(properties.get("Timeout"), TIMEOUT_S),
            memory_mb=int(_number(properties.get("MemorySize"), MEMORY_MB)),
            variables=_known(properties.get("Environment")),
        )


def _chosen(template: Template, logical_id: str | None) -> Resource:
    functions = {name: found for kind in FUNCTION_TYPES for name, found in template.resources(kind).items()}
    if logical_id is None and len(functions) == 1:
        return next(iter(functions.values()))
    if logical_id in functions:
        return functions[logical_id]
    names = ", ".join(functions) or "none"
    if logical_id is None:
        raise WrongUse(f"{template.path} holds these functions: {names}; name one with --function")
    near = difflib.get_close_matches(logical_id, functions, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"it holds: {names}"
    raise WrongUse(f"{template.path} has no function '{logical_id}'; {hint}")


def _number(value: object, default: float) -> float:
    """Take a number as templates spell it; a value that only a deployment knows counts as not given."""
    try:
        return float(str(value))
    except ValueError:
        return default


def _known(environment: object) -> dict[str, str]:
    variables: Any = environment.get("Variables") if isinstance(environment, dict) else None
    if not isinstance(variables, dict):
        return {}
    return {name: str(value) for name, value in variables.items() if isinstance(value, str | int | float)}
