"""The jars of DynamoDB Local: fetched once per user with the Maven resolver `jgo`, checked, and used from the cache.

`dynamodb-local.lock` names every jar with its size and SHA-256 (made by `replay.tables.pin`), so a fetch asks for
exactly those files, six at a time, and takes nothing else. The licence of DynamoDB Local forbids passing it on: the
jars live in the cache and nowhere in this project. Its native libraries are inside its own jar.

A fetch builds a folder beside the final one and renames it at the end, under a lock: what carries the final name is
complete, two first uses at once fetch once, and what a killed fetch left behind is removed by the next.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from replay.errors import WrongUse
from replay.tables.cache import locked
from replay.tables.progress import megabytes_bar, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION = "3.1.0"
COORDINATE = f"software.amazon.dynamodb:DynamoDBLocal:{VERSION}"
LOCK_FILE = Path(__file__).with_name("dynamodb-local.lock")

FETCHES_AT_ONCE = 6
"""Most of the time goes into waiting for answers: six at once are three times as fast as one by one."""

ATTEMPTS = 3
HTTP_TIMEOUT_S = 15
STAGING_PREFIX = "fetching-"

CONTAINER_HINT = (
    "use your own instead: docker run -p 8000:8000 amazon/dynamodb-local, and --endpoint-url http://127.0.0.1:8000"
)


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of the lock: its Maven coordinate (`group:artifact:version`), size in bytes and SHA-256 in hex."""

    coordinate: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name in the cache, `artifact-version.jar`."""
        return "-".join(self.coordinate.split(":")[1:]) + ".jar"


class Fetch(Protocol):
    """Brings one jar into a folder of its own and returns its path; anything that fails is an `OSError`."""

    def __call__(self, jar: Jar, folder: Path, arrived: Callable[[int], None], /) -> Path:
        """Fetch `jar` into `folder`, calling `arrived` with the number of bytes of every piece."""


def installed(cache: Path, *, fetch: Fetch | None = None, jars: tuple[Jar, ...] | None = None) -> Path:
    """Return the folder holding every jar, fetching them first when one is missing or has another size.

    `fetch` (default: Maven Central through jgo) and `jars` (default: the lock file) are for tests.
    """
    wanted = pinned() if jars is None else jars
    folder = cache / f"dynamodb-local-{VERSION}"
    if _complete(folder, wanted):
        return folder
    with locked(cache / f"{folder.name}.lock", waiting=lambda: say("waiting for another process that is fetching it")):
        if not _complete(folder, wanted):
            _fetch_all(wanted, folder, fetch or from_maven)
    return folder


def remove_damaged(cache: Path, *, jars: tuple[Jar, ...] | None = None) -> bool:
    """Read every jar and remove the folder when one is not the pinned one; say whether it was removed."""
    folder = cache / f"dynamodb-local-{VERSION}"
    with locked(cache / f"{folder.name}.lock"):
        damaged = any(not _genuine(folder / jar.name, jar) for jar in (pinned() if jars is None else jars))
        if damaged:
            shutil.rmtree(folder, ignore_errors=True)
    return damaged


def pinned(file: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Read the lock: one jar a line, `coordinate size sha256`."""
    lines = (line.split() for line in file.read_text().splitlines() if not line.startswith("#"))
    return tuple(Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in lines)


def _complete(folder: Path, jars: tuple[Jar, ...]) -> bool:
    """Whether every jar is there in its full size; contents are read by `remove_damaged` when a start fails."""
    try:
        return all((folder / jar.name).stat().st_size == jar.size for jar in jars)
    except OSError:
        return False


def _genuine(file: Path, jar: Jar) -> bool:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == jar.sha256
    except OSError:
        return False


def _fetch_all(jars: tuple[Jar, ...], folder: Path, fetch: Fetch) -> None:
    """Fetch into a folder beside `folder` and rename; the caller holds the lock."""
    with (
        _staging(folder.parent) as staging,
        megabytes_bar(
            f"fetching DynamoDB Local {VERSION}", sum(jar.size for jar in jars), f"once, into {folder.parent}"
        ) as arrived,
        ThreadPoolExecutor(FETCHES_AT_ONCE) as pool,
    ):
        ready = staging / "ready"
        ready.mkdir()
        fetches = [pool.submit(_fetch_one, jar, staging, ready, fetch, arrived) for jar in jars]
        try:
            for one in fetches:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        ready.rename(folder)


@contextmanager
def _staging(cache: Path) -> Iterator[Path]:
    for left_behind in cache.glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=cache))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(jar: Jar, staging: Path, ready: Path, fetch: Fetch, arrived: Callable[[int], None]) -> None:
    """Fetch one jar, again when it fails or is not what the lock says."""
    reason: object = None
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(dir=staging) as own:
            try:
                file = fetch(jar, Path(own), arrived)
            except OSError as error:
                reason = _root(error)
                continue
            if _genuine(file, jar):
                file.rename(ready / jar.name)
                return
            reason = "what came is not the pinned file"
    raise WrongUse(
        f"DynamoDB Local is not in the cache {staging.parent} and {jar.name} cannot be fetched ({reason}); "
        f"connect to the network once, or {CONTAINER_HINT}"
    )


def _root(error: BaseException) -> str:
    """The innermost reason of an error, in few words: `requests` wraps four times."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (str(error) or type(error).__name__).splitlines()[0]


def from_maven(jar: Jar, folder: Path, arrived: Callable[[int], None]) -> Path:
    """Fetch one jar from Maven Central; jgo streams it into a Maven layout below `folder`."""
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415 - 0.15 s, needed on the first use only

    @contextmanager
    def progress(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield arrived

    resolver = PythonResolver(progress_callback=progress)
    context = MavenContext(resolver=resolver, repo_cache=folder, timeout=HTTP_TIMEOUT_S)
    group, artifact, version = jar.coordinate.split(":")
    try:
        return Path(context.project(group, artifact).at_version(version).artifact().resolve())
    except RuntimeError as error:
        raise OSError(str(error)) from error
