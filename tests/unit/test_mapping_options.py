"""Options for the event source: what is given counts, and the template need not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.commands.mapping_options import mapping_of
from replay.template import Template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """
Resources:
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: inbox
      EventSourceArn: arn:aws:dynamodb:us-east-1:000000000000:table/T/stream/2026-01-01T00:00:00.000
      StartingPosition: TRIM_HORIZON
      BatchSize: !ImportValue batch-size
      DestinationConfig: {OnFailure: {Destination: !ImportValue discards}}
"""


def test_what_is_given_is_not_asked_of_the_template(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    mapping = mapping_of(Template.load(path), None, {"batch_size": 7})
    assert mapping.batch_size == 7
