"""The second argument of a handler. Source: AWS, Lambda developer guide, "Using the Lambda context object" (Python)."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Identity:
    """Who called through a mobile SDK: nobody, for a stream."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What a handler is told about its invocation. `deadline_s` is when it is killed, seconds since the epoch."""

    def __init__(
        self,
        environment: Mapping[str, str],
        request_id: str,
        function_arn: str,
        deadline_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.aws_request_id = request_id
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]  # a text on Lambda too
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = function_arn
        self.identity = Identity()
        self.client_context = None
        self.tenant_id = None
        self._deadline_s = deadline_s
        self._now = now

    def get_remaining_time_in_millis(self) -> int:
        """Tell how long it is until this invocation is killed; never below 0."""
        return max(0, int((self._deadline_s - self._now()) * 1000))

    def leave(self, seconds: float) -> None:
        """Let it seem that only so much time is left."""
        self._deadline_s = self._now() + seconds

    def log(self, message: object) -> None:
        """Write to the log."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        return f"Context(aws_request_id={self.aws_request_id!r}, function_name={self.function_name!r})"
