"""What the deployment decides, read once at cold start; and the bounds that the code sets itself."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream_processor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_TIMEOUT_S = 0.5
READ_TIMEOUT_S = 2.0
ANSWER_S = 0.25
RESERVE_MS = round(1000 * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S + ANSWER_S))
"""A request is started only while this much of the invocation is left: one call's timeouts and the answer, 2,750 ms.

Tries again are requests of their own and ask for the time again.
"""
GROUP_INDEX_NAME_DEFAULT = "message-group-sk-index"
SERVICE_DEFAULT = "inbox-stream-processor"
WORKERS_DEFAULT = 8
WORKERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Settings:
    """The function's settings; `workers` threads share one client, 1 makes the order of requests deterministic."""

    table_name: str
    group_index_name: str = GROUP_INDEX_NAME_DEFAULT
    quarantine_bucket: str | None = None
    max_future_s: float | None = None
    workers: int = WORKERS_DEFAULT
    service: str = SERVICE_DEFAULT

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Settings:
        """Read `TABLE_NAME`, `GROUP_INDEX_NAME`, `QUARANTINE_BUCKET`, `MAX_FUTURE_S`, `WORKERS`.

        `POWERTOOLS_SERVICE_NAME`, as everywhere with Powertools, is the service in log lines and metrics.

        An empty optional variable counts as not set.

        Raises:
            ConfigurationError: `TABLE_NAME` is missing, or a number is none or out of range.
        """
        table_name = environment.get("TABLE_NAME", "")
        if not table_name:
            filled = [name for name, value in environment.items() if value and "TABLE" in name.upper()]
            near = difflib.get_close_matches("TABLE_NAME", filled, n=1)
            hint = f" ({near[0]} is set: is that the one?)" if near else ""
            raise ConfigurationError(f"TABLE_NAME is not set: give the messages table's name{hint}")
        return cls(
            table_name=table_name,
            group_index_name=environment.get("GROUP_INDEX_NAME") or GROUP_INDEX_NAME_DEFAULT,
            quarantine_bucket=environment.get("QUARANTINE_BUCKET") or None,
            max_future_s=_future(environment.get("MAX_FUTURE_S", "")),
            workers=_workers(environment.get("WORKERS", "")),
            service=environment.get("POWERTOOLS_SERVICE_NAME") or SERVICE_DEFAULT,
        )


def _future(text: str) -> float | None:
    if not text or text == "off":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigurationError(f"MAX_FUTURE_S is '{text}': give seconds, 0 or more, or 'off'")
    return seconds


def _workers(text: str) -> int:
    if not text:
        return WORKERS_DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= WORKERS_MAX:
        raise ConfigurationError(f"WORKERS is '{text}': give a whole number from 1 to {WORKERS_MAX}")
    return int(text)
