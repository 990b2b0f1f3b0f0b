"""Say where a deployment would go, before anything is sent: account, caller, region, stack, and whether that exists.

`make deploy` runs it ahead of `sam deploy`, which then shows the changes and asks. Exit codes: 0 said, 2 wrong
environment (one line on standard error).
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_WRONG_ENVIRONMENT = 2
SAMCONFIG = Path(__file__).resolve().parent.parent / "samconfig.toml"


class Caller(Protocol):
    """What is asked of STS."""

    def get_caller_identity(self) -> Any:  # noqa: ANN401 - botocore's answer
        """Name account and caller."""


class Stacks(Protocol):
    """What is asked of CloudFormation."""

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: ANN401, N803 - botocore's answer and name
        """Describe one stack, or raise a ClientError saying that it does not exist."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a deployment goes; `state` is None for a stack that is not there yet."""

    account: str
    caller: str
    region: str
    stack: str
    state: str | None

    def __str__(self) -> str:
        """Three lines for a person who is about to say yes."""
        standing = f"exists, {self.state}" if self.state else "new"
        return (
            f"deploy: account {self.account}, as {self.caller}\n"
            f"deploy: region  {self.region}\n"
            f"deploy: stack   {self.stack} ({standing})"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the target of a deployment and return the exit code."""
    options = _options(arguments)
    try:
        session = boto3.Session()
        target = find(session.client("sts"), session.client("cloudformation"), str(session.region_name), options.stack)
    except (BotoCoreError, ClientError) as error:
        print(f"deploy: {explain(error)}", file=sys.stderr)
        return EXIT_WRONG_ENVIRONMENT
    print(target)
    return 0


def find(caller: Caller, stacks: Stacks, region: str, stack: str) -> Target:
    """Ask AWS who is calling and whether the stack is there."""
    identity = caller.get_caller_identity()
    return Target(
        account=identity["Account"], caller=identity["Arn"], region=region, stack=stack, state=_state(stacks, stack)
    )


def explain(error: BotoCoreError | ClientError) -> str:
    """Turn what botocore says into what is wrong and what to do, in one line."""
    match error:
        case NoCredentialsError() | PartialCredentialsError():
            return (
                "no AWS credentials found; sign in ('aws sso login', 'aws configure') or set AWS_PROFILE, then repeat"
            )
        case ProfileNotFound():
            return f"{error}; set AWS_PROFILE to one of 'aws configure list-profiles'"
        case NoRegionError():
            return "no region is set; repeat with AWS_DEFAULT_REGION=eu-west-1 (for instance) in front"
        case ClientError():
            code = error.response.get("Error", {}).get("Code", "unknown")
            return f"AWS refused the credentials or the question ({code} at {error.operation_name}); sign in again"
        case _:
            return " ".join(str(error).split())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Say where a deployment would go.")
    parser.add_argument(
        "--stack", default=_stack_of_samconfig(), help="the stack's name (default: as in samconfig.toml)"
    )
    return parser.parse_args(arguments)


def _stack_of_samconfig() -> str:
    settings = tomllib.loads(SAMCONFIG.read_text(encoding="utf-8"))
    return str(settings["default"]["global"]["parameters"]["stack_name"])


def _state(stacks: Stacks, stack: str) -> str | None:
    try:
        return str(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        # A stack that is not there is a ValidationError "... does not exist" (CloudFormation API, DescribeStacks).
        if "does not exist" in str(error):
            return None
        raise


if __name__ == "__main__":
    sys.exit(main())
