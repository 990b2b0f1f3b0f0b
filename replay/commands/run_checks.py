"""What a run is refused for before anything is started, so that a dry run refuses it too."""

from __future__ import annotations

import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Final

from replay.errors import WrongUse
from replay.reports.text import NO_TABLE
from replay.tables.endpoint import chosen

if TYPE_CHECKING:
    from replay.commands.run_asked import Asked
    from replay.function.target import Target

TABLE_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}|arn:.+")
"""AWS: DynamoDB developer guide, "Naming rules"; the API takes an ARN as well."""
AGAINST_SUFFIX: Final = "-against"
SEARCHED: Final = "PYTHONPATH"
"""Who gives the handler one of its own knows more places for modules than are known here."""


def check_startable(asked: Asked) -> None:
    """Look at what is asked for as a whole.

    Raises:
        WrongUse: options do not go together, a name or an address is none, or a handler's module is nowhere.
    """
    if asked.options["table"] == NO_TABLE:
        if asked.options["against"] or asked.lag or asked.options["step"]:
            raise WrongUse("--table none has nothing to compare, no index and no rows to show")
    else:
        chosen(asked.options["endpoint_url"])
        _check_table(asked)
    if asked.lag is not None and not asked.schema.indexes:
        raise WrongUse("--lag: the template's table has no index")
    for target in asked.targets if SEARCHED not in asked.variables else ():
        if target.file is None and not _is_found(target):
            where = "in the working folder or the environment"
            raise WrongUse(f"handler {target}: there is no module '{target.location}' {where}")


def _check_table(asked: Asked) -> None:
    name = asked.options["table"]
    longest = name if name is None or len(asked.targets) == 1 else f"{name}{AGAINST_SUFFIX}"
    if longest is not None and TABLE_NAME.fullmatch(longest) is None:
        rule = "a table's name has 3 to 255 letters, digits, '_', '-' and '.'"
        raise WrongUse(f"--table {longest!r}: {rule}; name another, or '{NO_TABLE}' for no table")


def _is_found(target: Target) -> bool:
    """Whether Python would find a handler's module; nothing is imported."""
    path, name = [str(Path.cwd()), *sys.path], ""
    for part in target.location.split("."):
        name = f"{name}.{part}" if name else part
        specification = PathFinder.find_spec(name, path)
        if specification is None:
            return False
        path = list(specification.submodule_search_locations or ())
    return True
