"""Accounts, regions and streams that are nobody's: what records show in place of real ones."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
STREAM_LABEL: Final = "2026-01-01T00:00:00.000"


def stream_arn(table: str) -> str:
    """Name a stream that does not exist, of a table of this name."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{STREAM_LABEL}"
