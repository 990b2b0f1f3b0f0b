"""The template file, and the ways to deploy it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "template.yaml"

STREAM_ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/their-messages/stream/2026-01-01T00:00:00.000"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:alarms"

MODES: dict[str, dict[str, str]] = {
    "made": {},
    "attached": {"TableStreamArn": STREAM_ARN},
    "own-keys": {"TableKmsKeyArn": KEY_ARN, "BucketKmsKeyArn": KEY_ARN},
    "attached-own-keys": {"TableStreamArn": STREAM_ARN, "TableKmsKeyArn": KEY_ARN, "BucketKmsKeyArn": KEY_ARN},
    "in-vpc": {
        "VpcSubnetIds": "subnet-1,subnet-2",
        "VpcSecurityGroupIds": "sg-1",
        "VpcId": "vpc-1",
        "VpcRouteTableIds": "rtb-1",
    },
    "told": {"AlarmTopicArn": TOPIC_ARN},
}
"""The ways to deploy, by the parameters that choose them."""
