"""Function, bucket, network, outputs, and what the SAM CLI is told."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from replay.template import Template
from tests.template.modes import KEY_ARN, MODES, PATH, ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping


def function(template: Template) -> Mapping[str, Any]:
    return template.all_resources["StreamProcessor"].properties


def bucket(template: Template) -> Mapping[str, Any]:
    return template.all_resources["FailureBucket"].properties


def test_handler_is_the_packages(made: Template) -> None:
    assert function(made)["Handler"] == "stream_processor.handler.lambda_handler"


def test_runs_on_the_current_runtime_and_arm(made: Template) -> None:
    assert (function(made)["Runtime"], function(made)["Architectures"]) == ("python3.14", ["arm64"])


def test_is_built_by_the_make_target_of_its_name(document: dict[str, Any]) -> None:
    assert document["Resources"]["StreamProcessor"]["Metadata"] == {"BuildMethod": "makefile"}
    assert document["Resources"]["StreamProcessor"]["Properties"]["CodeUri"] == "."
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\nbuild-StreamProcessor:" in makefile


def test_concurrency_is_reserved_only_on_request(made: Template) -> None:
    assert "ReservedConcurrentExecutions" not in function(made)
    assert function(Template.load(PATH, {"ReservedConcurrency": "5"}))["ReservedConcurrentExecutions"] == "5"


def test_stays_outside_a_vpc_unless_told(made: Template) -> None:
    assert "VpcConfig" not in function(made)
    assert made.resources("AWS::EC2::VPCEndpoint") == {}


def test_vpc_has_a_way_to_table_and_bucket() -> None:
    template = Template.load(PATH, MODES["in-vpc"])
    assert function(template)["VpcConfig"] == {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    endpoints = [endpoint.properties for endpoint in template.resources("AWS::EC2::VPCEndpoint").values()]
    assert {endpoint["ServiceName"].rpartition(".")[2] for endpoint in endpoints} == {"dynamodb", "s3"}
    for endpoint in endpoints:
        assert (endpoint["VpcEndpointType"], endpoint["VpcId"]) == ("Gateway", "vpc-1")
        assert endpoint["RouteTableIds"] == ["rtb-1"]


def test_bucket_is_private(in_every_mode: Template) -> None:
    assert set(bucket(in_every_mode)["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket(in_every_mode)["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_bucket_takes_tls_only(in_every_mode: Template) -> None:
    (policy,) = in_every_mode.resources("AWS::S3::BucketPolicy").values()
    (statement,) = policy.properties["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert [str(resource) for resource in statement["Resource"]] == ["${FailureBucket.Arn}", "${FailureBucket.Arn}/*"]


def test_bucket_is_encrypted(made: Template) -> None:
    own = Template.load(PATH, {"BucketKmsKeyArn": KEY_ARN})
    (default,) = bucket(made)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (given,) = bucket(own)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert default["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert given["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ARN}
    assert given["BucketKeyEnabled"] is True


def test_bucket_forgets_in_time_and_outlives_the_stack(document: dict[str, Any], made: Template) -> None:
    rules = {rule.get("Prefix"): rule for rule in bucket(made)["LifecycleConfiguration"]["Rules"]}
    assert {prefix: rule.get("ExpirationInDays") for prefix, rule in rules.items()} == {
        "aws/lambda/": 90,
        "quarantine/": 365,
        None: None,
    }
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    assert document["Resources"]["FailureBucket"]["DeletionPolicy"] == "Retain"


def test_logs_are_kept_for_a_time(made: Template) -> None:
    assert made.all_resources["StreamProcessorLogs"].properties["RetentionInDays"] == 30


def test_outputs_tell_where_everything_is(document: dict[str, Any]) -> None:
    assert set(document["Outputs"]) == {
        "DashboardUrl",
        "EventSourceUuid",
        "FailureBucketName",
        "FunctionArn",
        "FunctionName",
        "LogGroupName",
        "RoleArn",
        "TableName",
        "TableStreamArn",
    }
    assert all(output["Description"] for output in document["Outputs"].values())


def test_deploying_asks_and_needs_no_named_capability() -> None:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))["default"]
    assert settings["deploy"]["parameters"]["confirm_changeset"] is True
    assert settings["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"
    assert settings["build"]["parameters"]["build_in_source"] is True
