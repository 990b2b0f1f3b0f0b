"""The environment variables that a handler starts with: Lambda's own, the function's, and where AWS is."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay.function.configuration import Configuration
    from replay.function.target import Target

DUMMY_CREDENTIAL = "local"
ACCOUNT = "000000000000"
VERSION = "$LATEST"

OWN_CREDENTIALS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
)
"""Never handed to a handler that runs against a local endpoint."""

OVERRULING_ENDPOINT = ("AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
"""Would take the place of `AWS_ENDPOINT_URL_DYNAMODB`, or switch it off."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a handler finds AWS, and what it is given besides.

    `endpoint` is DynamoDB's address, None AWS's own; `is_local` says that it is on this machine. `inherited` is the
    harness's own environment, `given` wins over everything.
    """

    region: str
    endpoint: str | None
    is_local: bool = True
    inherited: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)


def handler_environment(target: Target, configuration: Configuration, around: Surroundings) -> dict[str, str]:
    """Put a handler's environment together; later parts win: inherited, the function's, Lambda's, `given`.

    With a local endpoint nothing of the user's credentials and configuration files reaches the handler.
    Source: AWS, Lambda developer guide, "Defined runtime environment variables".
    """
    variables = {**around.inherited, **configuration.variables}
    variables |= _lambda_variables(configuration, target, around.region)
    for name in OVERRULING_ENDPOINT:
        variables.pop(name, None)
    if around.endpoint is not None:
        variables["AWS_ENDPOINT_URL_DYNAMODB"] = around.endpoint
    if around.is_local:
        for name in OWN_CREDENTIALS:
            variables.pop(name, None)
        variables |= _DUMMIES
    return {**variables, **around.given}


_DUMMIES = {
    "AWS_ACCESS_KEY_ID": DUMMY_CREDENTIAL,
    "AWS_SECRET_ACCESS_KEY": DUMMY_CREDENTIAL,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _lambda_variables(configuration: Configuration, target: Target, region: str) -> dict[str, str]:
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{configuration.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"2026/01/01/[{VERSION}]replay",
        "_HANDLER": f"{target.location.removesuffix('.py')}.{target.function}",
        "LAMBDA_TASK_ROOT": str(target.file.resolve().parent) if target.file else os.getcwd(),  # noqa: PTH109 - text
        "TZ": ":UTC",
        "PYTHONUNBUFFERED": "1",
        # No daemon listens for traces here.
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_SDK_ENABLED": "false",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
