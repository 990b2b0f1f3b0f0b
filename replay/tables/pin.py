"""Writes the lock of DynamoDB Local's jars: `python -m replay.tables.pin > replay/tables/dynamodb-local.lock`.

jgo resolves the artifact's whole dependency tree (about 140 project files) and fetches every jar of it. Run it when
`artifact.VERSION` changes, and read the difference.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from replay.tables.artifact import COORDINATE, HTTP_TIMEOUT_S, Jar


def resolve(repository: Path) -> list[Jar]:
    """Resolve and fetch everything DynamoDB Local needs at run time; native libraries are inside its own jar."""
    context = MavenContext(repo_cache=repository, timeout=HTTP_TIMEOUT_S)
    itself, others = context.resolver.resolve([context.create_dependency(COORDINATE)])
    artifacts = [dependency.artifact for dependency in (*itself, *others)]
    return sorted(
        (
            _jar(f"{one.groupId}:{one.artifactId}:{one.version}", Path(one.resolve()))
            for one in artifacts
            if one.packaging == "jar"
        ),
        key=lambda jar: jar.coordinate,
    )


def _jar(coordinate: str, file: Path) -> Jar:
    content = file.read_bytes()
    return Jar(coordinate, len(content), hashlib.sha256(content).hexdigest())


def main() -> None:
    """Print the lock."""
    with tempfile.TemporaryDirectory() as folder:
        jars = resolve(Path(folder))
    sys.stdout.write(f"# {COORDINATE} and what it needs: coordinate, bytes, SHA-256. Made by replay.tables.pin.\n")
    sys.stdout.writelines(f"{jar.coordinate} {jar.size} {jar.sha256}\n" for jar in jars)


if __name__ == "__main__":
    main()
