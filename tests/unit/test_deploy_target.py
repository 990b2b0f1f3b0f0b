"""Before a deployment: account, region and stack are said, and what is missing is one clear line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from tools.deploy_target import Target, explain, find, main

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = "111122223333"
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/developer/someone"


class Sts:
    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": CALLER, "UserId": "x"}


@dataclass(frozen=True, slots=True)
class CloudFormation:
    stacks: dict[str, str]
    refusal: ClientError | None = None

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        if self.refusal:
            raise self.refusal
        if StackName not in self.stacks:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.stacks[StackName]}]}


def client_error(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


def test_stack_that_is_there_is_said_with_its_state() -> None:
    target = find(Sts(), CloudFormation({"inbox": "UPDATE_COMPLETE"}), "eu-west-1", "inbox")
    assert target == Target(ACCOUNT, CALLER, "eu-west-1", "inbox", "UPDATE_COMPLETE")
    assert str(target).splitlines() == [
        f"deploy: account {ACCOUNT}, as {CALLER}",
        "deploy: region  eu-west-1",
        "deploy: stack   inbox (exists, UPDATE_COMPLETE)",
    ]


def test_stack_that_is_not_there_is_new() -> None:
    target = find(Sts(), CloudFormation({}), "eu-west-1", "inbox")
    assert target.state is None
    assert str(target).endswith("inbox (new)")


def test_a_refusal_is_no_new_stack() -> None:
    with pytest.raises(ClientError):
        find(Sts(), CloudFormation({}, client_error("AccessDenied", "not authorized")), "eu-west-1", "inbox")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        pytest.param(NoCredentialsError(), "aws sso login", id="no credentials"),
        pytest.param(PartialCredentialsError(provider="env", cred_var="key"), "aws sso login", id="half of them"),
        pytest.param(ProfileNotFound(profile="x"), "aws configure list-profiles", id="no such profile"),
        pytest.param(NoRegionError(), "AWS_DEFAULT_REGION", id="no region"),
        pytest.param(client_error("ExpiredToken"), "ExpiredToken", id="expired"),
        pytest.param(EndpointConnectionError(endpoint_url="https://x"), "https://x", id="no network"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(error: BotoCoreError | ClientError, advice: str) -> None:
    explained = explain(error)
    assert advice in explained
    assert "\n" not in explained


def test_without_credentials_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert main(["--stack", "inbox"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("deploy: no AWS credentials found")
