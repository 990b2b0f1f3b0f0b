"""The environment variables under which everything here talks to a local engine, and to nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIXES = ("AWS_", "POWERTOOLS_")
"""Nobody's own credentials, profiles, endpoints or log settings take part."""
OURS = ("TABLE_NAME", "GROUP_INDEX_NAME", "QUARANTINE_BUCKET", "MAX_FUTURE_S", "WORKERS")


def local_only(inherited: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """Return the inherited variables with everything that concerns AWS replaced."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(PREFIXES) and name not in OURS}
    return kept | {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def enter(endpoint: str) -> None:
    """Make them this process's own, for good."""
    variables = local_only(os.environ, endpoint)
    os.environ.clear()
    os.environ.update(variables)
