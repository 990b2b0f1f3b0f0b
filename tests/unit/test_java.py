from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.errors import WrongUse
from replay.tables.java import Platform, check_platform, find_java

if TYPE_CHECKING:
    from pathlib import Path


def java(folder: Path, version: str | None) -> Path:
    """A `java` that tells a version, or fails."""
    folder.mkdir(parents=True)
    file = folder / "java"
    says = f"echo 'openjdk version \"{version}\" 2026-01-01' >&2" if version else "exit 1"
    file.write_text(f"#!/bin/sh\n{says}\n")
    file.chmod(0o755)
    return file


def nothing() -> Path | None:
    return None


def test_the_packages_java_comes_first(tmp_path: Path) -> None:
    installed = java(tmp_path / "home" / "bin", "21.0.1")
    bundled = tmp_path / "bundled"
    assert find_java(lambda: bundled, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(installed.parent)}) == bundled


def test_java_home_comes_before_path(tmp_path: Path) -> None:
    home = java(tmp_path / "home" / "bin", "17")
    on_path = java(tmp_path / "path", "21.0.1")
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(nothing, environ) == home


def test_one_too_old_or_broken_is_passed_over(tmp_path: Path) -> None:
    on_path = java(tmp_path / "path", "17.0.9")
    for name, version in (("old", "1.8.0_392"), ("older", "11.0.2"), ("broken", None)):
        java(tmp_path / name / "bin", version)
        assert find_java(nothing, {"JAVA_HOME": str(tmp_path / name), "PATH": str(on_path.parent)}) == on_path
    assert find_java(nothing, {"JAVA_HOME": str(tmp_path / "gone"), "PATH": str(on_path.parent)}) == on_path


def test_no_usable_java_names_what_was_found_and_the_container(tmp_path: Path) -> None:
    java(tmp_path / "home" / "bin", "1.8.0_392")
    with pytest.raises(WrongUse, match=r"needs Java 17 or later \(.*/home/bin/java is Java 8.*docker run") as refused:
        find_java(nothing, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path)})
    assert "\n" not in str(refused.value)
    with pytest.raises(WrongUse, match="none in JAVA_HOME or on PATH"):
        find_java(nothing, {"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    "here",
    [
        Platform("Linux", "x86_64", "glibc"),
        Platform("Linux", "aarch64", "glibc"),
        Platform("Darwin", "arm64", ""),
        Platform("Darwin", "x86_64", ""),
    ],
    ids=str,
)
def test_dynamodb_local_runs_where_it_has_a_native_library(here: Platform) -> None:
    check_platform(here)


@pytest.mark.parametrize(
    "here",
    [
        Platform("Windows", "AMD64", ""),
        Platform("Linux", "riscv64", "glibc"),
        Platform("Linux", "x86_64", ""),
        Platform("Linux", "x86_64", "musl"),
        Platform("FreeBSD", "amd64", ""),
    ],
    ids=str,
)
def test_elsewhere_the_error_names_the_platform_and_the_container(here: Platform) -> None:
    with pytest.raises(WrongUse, match=f"cannot be run here .{here.system} {here.machine}.*docker run -p 8000:8000"):
        check_platform(here)
