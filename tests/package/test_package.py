"""The deployment package: what `make build-StreamProcessor` fills in, and that it runs where nothing else is.

The target's installer is given the wheels of this environment's own copies, so nothing is fetched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
UNZIPPED_BYTES_MAX = 8_000_000
NEEDED = ("aws-lambda-powertools", "jmespath", "typing-extensions")
"""What the function's requirements come to: Powertools and what that needs."""

THIS_PLATFORM = re.sub(r"[-.]", "_", sysconfig.get_platform())
COMPILED = f"cp{sys.version_info.major}{sys.version_info.minor}-abi3-{THIS_PLATFORM}"
"""The tag of a wheel with compiled code that this very interpreter could use."""

TOP_LEVEL = {"aws_lambda_powertools", "jmespath", "stream_processor", "typing_extensions.py"}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of everything needed."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in NEEDED:
        write_wheel(metadata.distribution(name), folder)
    return folder


@pytest.fixture(scope="session")
def package(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as the SAM CLI has it built."""
    artifacts = tmp_path_factory.mktemp("package")
    built = build(wheels, artifacts)
    assert built.returncode == 0, built.stderr
    return artifacts


def build(wheels: Path, artifacts: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", "build-StreamProcessor", f"PYTHON={sys.executable}"],  # noqa: S607 - make as the user's path has it
        cwd=ROOT,
        env=surroundings | {"ARTIFACTS_DIR": str(artifacts), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)},
        check=False,
        capture_output=True,
        text=True,
    )


def write_wheel(distribution: metadata.Distribution, folder: Path) -> None:
    """Pack an installed distribution up again (PyPA, binary distribution format: a zip of what is installed)."""
    tag = re.findall(r"^Tag: (.+)$", distribution.read_text("WHEEL") or "", flags=re.MULTILINE)[-1]
    name = f"{distribution.name.replace('-', '_')}-{distribution.version}-{tag}.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for path in distribution.files or []:
            if ".." not in path.parts and "__pycache__" not in path.parts:
                wheel.write(str(path.locate()), str(path))


def files(package: Path) -> Iterator[Path]:
    return (path.relative_to(package) for path in package.rglob("*") if path.is_file())


def test_holds_ours_and_powertools_only(package: Path) -> None:
    assert {path.name for path in package.iterdir() if not path.name.endswith(".dist-info")} == TOP_LEVEL


def test_declares_exactly_what_it_holds(package: Path) -> None:
    held = {
        entry.name.lower().replace("_", "-"): entry.version for entry in metadata.distributions(path=[str(package)])
    }
    assert held == {name: metadata.version(name) for name in NEEDED}


def test_holds_the_whole_function(package: Path) -> None:
    def modules(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.rglob("*.py")}

    assert modules(package / "stream_processor") == modules(ROOT / "stream_processor")


@pytest.mark.parametrize(
    "unwanted", ["**/__pycache__", "**/*.pyc", "**/tests", "**/test_*.py", "bin", "**/*.so", "boto*"]
)
def test_holds_no(package: Path, unwanted: str) -> None:
    assert list(package.glob(unwanted)) == []


def test_is_small(package: Path) -> None:
    assert sum((package / path).stat().st_size for path in files(package)) <= UNZIPPED_BYTES_MAX


def test_a_dependency_with_compiled_code_breaks_the_build(wheels: Path, tmp_path: Path) -> None:
    for wheel in wheels.iterdir():
        shutil.copy(wheel, tmp_path / wheel.name.replace("py3-none-any", COMPILED))
    built = build(tmp_path, tmp_path / "package")
    assert built.returncode != 0
    assert "powertools" in built.stderr
    assert not (tmp_path / "package").exists()


def test_build_without_a_folder_says_what_to_do(tmp_path: Path) -> None:
    built = subprocess.run(
        ["make", "build-StreamProcessor"],  # noqa: S607 - make as the user's path has it
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode != 0
    assert "use make build" in built.stderr


# --- the package where nothing else is --------------------------------------------------------------------------------

BARE = """
import json, sys
sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry] + sys.argv[1:]
from stream_processor.handler import lambda_handler
answer = lambda_handler({"Records": []}, None)
ours = [name for name in sys.modules if name.partition(".")[0] in ("replay", "tests")]
origin = sys.modules["stream_processor"].__file__
print("ANSWER", json.dumps({"answer": answer, "harness": ours, "origin": origin}))
"""
"""An interpreter with the standard library, the package, and the runtime's boto3: Lambda's own surroundings."""

RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""What a Lambda runtime brings: boto3 and what that needs."""


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    site = Path(str(metadata.distribution("boto3").locate_file("")))
    for name in RUNTIME:
        single = site / f"{name}.py"
        (folder / (single.name if single.exists() else name)).symlink_to(single if single.exists() else site / name)
    return folder


def test_handles_an_event_by_itself(package: Path, runtime: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-I", "-B", "-c", BARE, str(package), str(runtime)],
        cwd=tmp_path,
        env={"TABLE_NAME": "messages", "AWS_DEFAULT_REGION": "eu-west-1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("ANSWER ")]
    result = json.loads(line.removeprefix("ANSWER "))
    assert result["answer"] == {"batchItemFailures": []}
    assert result["harness"] == []
    assert Path(result["origin"]).is_relative_to(package)


def test_needs_its_table_named(package: Path, runtime: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-I", "-B", "-c", BARE, str(package), str(runtime)],
        cwd=tmp_path,
        env={"AWS_DEFAULT_REGION": "eu-west-1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode != 0
    assert "TABLE_NAME is not set" in ran.stderr
