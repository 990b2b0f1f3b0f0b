"""The size of the deployment package, built as the SAM CLI has it built."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.errors import BenchError
from tests.package.test_package import NEEDED, build, files, write_wheel


@dataclass(frozen=True, slots=True)
class Package:
    """How many bytes in how many files, and how many of these bytes are ours."""

    size: int
    files: int
    ours: int


def measure() -> Package:
    """Build the package from the installed distributions, without a network, and weigh it.

    Raises:
        BenchError: it could not be built.
    """
    with tempfile.TemporaryDirectory() as folder:
        wheels, artifacts = Path(folder, "wheels"), Path(folder, "package")
        wheels.mkdir()
        for name in NEEDED:
            write_wheel(metadata.distribution(name), wheels)
        built = build(wheels, artifacts)
        if built.returncode != 0:
            raise BenchError(f"the package could not be built: {built.stderr.strip()}")
        sizes = {path: (artifacts / path).stat().st_size for path in files(artifacts)}
        ours = sum(size for path, size in sizes.items() if path.parts[0] == "stream_processor")
        return Package(sum(sizes.values()), len(sizes), ours)
