"""Mutants of the function, made by mutmut: each must fall to a unit test or to a small exploration.

Works on a copy under `build/mutants`; a run that was cut short is gone on with while nothing in the copy has changed.
What mutmut could not judge (it ran out of time, or its worker broke) is judged
again in a process of its own. Survivors must stand in `docs/mutants.md`, each with the reason why no history can tell
it from the original; any other is a finding: exit code 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[2]
COPY: Final = ROOT / "build" / "mutants"
STAMP: Final = COPY / "stamp"
"""What the copy was made of."""
EQUIVALENTS: Final = ROOT / "docs" / "mutants.md"
MODULES: Final = ("answer", "batch", "group", "message", "plan", "row", "table", "transaction")
TESTS: Final = (
    *(f"tests/unit/test_{module}.py" for module in MODULES),
    "tests/unit/test_batch_told.py",
    "tests/unit/test_group_told.py",
    "tests/unit/test_table_answers.py",
    "tests/mutants/test_small_exploration.py",
)
OPTIONS: Final = ("-p", "no:cacheprovider", "-W", "ignore", "--hypothesis-profile=found")
PRELOADED: Final = Path(__file__).with_name("preloaded.txt")
NEEDED: Final = ("stream_processor", "replay", "tests", "fixtures", "template.yaml", "pyproject.toml")
MUTANTS_MIN: Final = 40
EQUIVALENT_SHARE_MAX: Final = 0.1
KILLED: Final = 1
"""Pytest's exit code where a test failed; mutmut keeps it."""
SURVIVED: Final = 0
JUDGED_WITHIN_S: Final = 300
TEST_WITHIN_S: Final = 30
"""A mutant that never ends falls to a test's own limit; the slowest test takes about a second."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: mutmut's name, the function, the line as it became."""

    name: str
    function: str
    line: str

    @property
    def key(self) -> tuple[str, str]:
        """What `docs/mutants.md` calls it by: numbers change with every edit, the line does not."""
        return self.function, self.line


def main() -> int:
    """Make the mutants, judge them, compare the survivors with those that are explained.

    Arguments: mutmut, processes, minutes after which no further mutant is begun, modules (all).
    """
    mutmut, jobs, minutes = str(Path(sys.argv[1]).absolute()), int(sys.argv[2]), float(sys.argv[3])
    modules = sys.argv[4:] or MODULES
    unknown = sorted(set(modules) - set(MODULES))
    if unknown:
        print(f"mutants: no module {unknown[0]!r} here; there are {', '.join(MODULES)}", file=sys.stderr)  # noqa: T201
        return 2
    _copy(_settings(modules))
    with suppress(subprocess.TimeoutExpired):
        subprocess.run([mutmut, "run", "--max-children", str(jobs)], cwd=COPY, check=False, timeout=60 * minutes)
    made = _verdicts()
    verdicts = {name: verdict for name, verdict in made.items() if verdict is not None}
    unsure = [name for name, verdict in verdicts.items() if verdict not in {KILLED, SURVIVED}]
    with ThreadPoolExecutor(jobs) as pool:
        verdicts |= dict(zip(unsure, pool.map(lambda name: _judge(mutmut, name), unsure), strict=True))
    survivors = [_mutant(mutmut, name) for name, verdict in verdicts.items() if verdict == SURVIVED]
    return _report(len(made), len(verdicts), survivors)


def _copy(settings: str) -> None:
    """Make the copy, unless the one that is there is the same: it holds the verdicts so far."""
    stamp = _stamp(settings)
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp:
        return
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, COPY / name)
    project = (COPY / "pyproject.toml").read_text(encoding="utf-8")
    project = re.sub(r"(?m)^timeout = \d+$", f"timeout = {TEST_WITHIN_S}", project)
    (COPY / "pyproject.toml").write_text(project + settings, encoding="utf-8")
    shutil.copy(PRELOADED, COPY)
    STAMP.write_text(stamp, encoding="utf-8")


def _stamp(settings: str) -> str:
    """Tell this project and these settings from any other."""
    told = sha256(settings.encode())
    roots = [ROOT / name for name in NEEDED]
    files = [file for root in roots for file in ([root] if root.is_file() else root.rglob("*")) if file.is_file()]
    for file in sorted(file for file in files if "__pycache__" not in file.parts):
        told.update(str(file.relative_to(ROOT)).encode() + sha256(file.read_bytes()).digest())
    return told.hexdigest()


def _settings(modules: Sequence[str]) -> str:
    """Tests keep tables between them, so no process runs them twice: a fork server that has collected nothing."""
    settings = {
        "source_paths": ["stream_processor"],
        "only_mutate": [f"stream_processor/{module}.py" for module in modules],
        "also_copy": ["replay", "fixtures", "template.yaml"],
        "pytest_add_cli_args": list(OPTIONS),
        "pytest_add_cli_args_test_selection": list(TESTS),
        "process_isolation": "forkserver",
        "forkserver_warmup": "import",
        "preload_modules_file": PRELOADED.name,
        "use_git_change_detection": False,
        "track_dependencies": False,
        "timeout_multiplier": 8.0,
        "timeout_constant": 30.0,
    }
    return "\n[tool.mutmut]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())


def _verdicts() -> dict[str, int | None]:
    """Read what mutmut kept of each mutant: pytest's exit code, or nothing where it was not judged."""
    found: dict[str, int | None] = {}
    for path in sorted((COPY / "mutants" / "stream_processor").glob("*.meta")):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def _judge(mutmut: str, name: str) -> int:
    """Run the tests against one mutant in a process of its own; one that never ends has been noticed."""
    python, module = Path(mutmut).with_name("python"), name.split(".")[1]
    own_first = sorted(TESTS, key=lambda test: f"test_{module}" not in test)
    try:
        ended = subprocess.run(
            [python, "-m", "pytest", "-q", "-x", *OPTIONS, *own_first],
            cwd=COPY / "mutants",
            env={**os.environ, "MUTANT_UNDER_TEST": name},
            capture_output=True,
            timeout=JUDGED_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return KILLED
    return SURVIVED if ended.returncode == SURVIVED else KILLED


def _mutant(mutmut: str, name: str) -> Mutant:
    shown = subprocess.run([mutmut, "show", name], cwd=COPY, capture_output=True, text=True, check=True).stdout
    line = next(text[1:].strip() for text in shown.splitlines() if text.startswith("+") and not text.startswith("+++"))
    module, _, mangled = name.removeprefix("stream_processor.").partition(".")
    function = re.sub(r"__mutmut_\d+$", "", mangled).removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return Mutant(name, f"{module}.{function}", line)


def _explained() -> set[tuple[str, str]]:
    """Read the table of survivors: function, line, reason."""
    rows = re.findall(r"(?m)^\| `([^`]+)` \| `` ?(.+?) ?`` \| .+ \|$", EQUIVALENTS.read_text(encoding="utf-8"))
    return {(function, line.replace("\\|", "|")) for function, line in rows}


def _report(made: int, judged: int, survivors: list[Mutant]) -> int:
    explained = _explained()
    unexplained = [mutant for mutant in survivors if mutant.key not in explained]
    for mutant in unexplained:
        print(f"lives: {mutant.name}\n  {mutant.function}: {mutant.line}")  # noqa: T201 - the report
    killed, living = judged - len(survivors), f"{len(survivors)} live, {len(unexplained)} of them unexplained"
    print(f"{made} mutants, {judged} judged in time: {killed} killed, {living}")  # noqa: T201 - the same
    enough = judged >= MUTANTS_MIN and len(survivors) <= judged * EQUIVALENT_SHARE_MAX
    return 0 if enough and not unexplained else 1


if __name__ == "__main__":
    sys.exit(main())
