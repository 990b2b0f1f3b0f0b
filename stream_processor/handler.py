"""The Lambda entry point: what is made once an environment, and what is asked of each invocation."""

from __future__ import annotations

import gc
import os
import random
import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import get_session

from stream_processor.batch import BatchProcessor, Invocation
from stream_processor.quarantine import S3Quarantine
from stream_processor.settings import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, Settings
from stream_processor.table import DynamoGroupTable
from stream_processor.telemetry import CloudWatchTelemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

    from stream_processor.answer import Answer


def lambda_handler(event: Any, context: Any) -> Answer:  # noqa: ANN401 - Lambda's own types are untyped
    """Apply one batch of the table's stream and answer which record, if any, must come again.

    Event: AWS, Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB". Context: `get_remaining_time_in_millis`
    and `aws_request_id` are used; a missing context (a call by hand) means no limit of time.

    Raises:
        StreamProcessorError: the event is no stream event, the set-up is wrong, or a record that can never be applied
            comes first and there is no quarantine.
    """
    cold_start = _processor.cache_info().currsize == 0
    return _processor().process(event, _invocation(context, cold_start=cold_start))


@cache
def _processor() -> BatchProcessor:
    with _uncollected():
        return _make_processor(Settings.from_env(os.environ))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Make what stays as long as the environment, and never look at it again for garbage.

    A client is some hundred thousand objects; going through them while they are made takes an eighth of a cold start.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


def _make_processor(settings: Settings) -> BatchProcessor:
    return BatchProcessor(
        table=DynamoGroupTable(_client("dynamodb", settings.workers), settings.table_name, settings.group_index_name),
        quarantine=(
            S3Quarantine(settings.quarantine_bucket, _s3_client, time.time) if settings.quarantine_bucket else None
        ),
        settings=settings,
        telemetry=CloudWatchTelemetry(settings.service),
        jitter=lambda ceiling_s: random.uniform(0, ceiling_s),  # noqa: S311 - spreads tries, protects nothing
        sleep=time.sleep,
        now=time.time,
    )


def _client(service: str, connections: int) -> Any:  # noqa: ANN401 - botocore makes its clients' classes as it runs
    """Make a client of botocore's own: boto3 adds what is not used here, and a tenth to a cold start."""
    return get_session().create_client(service, config=_client_config(connections))


def _client_config(connections: int) -> Config:
    """One try a call: tries again are the group's own, where they are counted and fit the remaining time."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
    )


def _s3_client() -> S3Client:
    client: S3Client = _client("s3", 1)
    return client


def _invocation(context: Any, *, cold_start: bool) -> Invocation:  # noqa: ANN401 - see lambda_handler
    remaining_ms: Callable[[], float] = getattr(context, "get_remaining_time_in_millis", None) or _no_limit
    return Invocation(getattr(context, "aws_request_id", None), remaining_ms, cold_start)


def _no_limit() -> float:
    return float("inf")
