"""The event source mapping in force: the template's, with what the command line says on top."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replay.errors import WrongUse
from replay.event_source.errors import InvalidParameterValueException
from replay.event_source.mapping import PARTIAL_RESPONSES, EventSourceMapping
from replay.event_source.template_mappings import choose_mapping
from replay.wording import unread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from replay.template import Template

LOCAL_DESTINATION = "arn:aws:s3:::discards"
"""What is given up is kept here, payload included, whatever the destination on AWS would be."""

NUMBERS = {
    "batch_size": "BatchSize",
    "parallelization_factor": "ParallelizationFactor",
    "maximum_retry_attempts": "MaximumRetryAttempts",
    "maximum_record_age": "MaximumRecordAgeInSeconds",
}


def mapping_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that change the mapping."""
    for option in (
        click.option("--partial-responses/--no-partial-responses", default=None, help="Whether answers are read."),
        click.option("--bisect/--no-bisect", default=None, help="Whether a failing batch is halved."),
        click.option("--maximum-record-age", type=int, metavar="SECONDS", help="Age at which records are given up."),
        click.option("--maximum-retry-attempts", type=int, metavar="N", help="Tries after the first; -1 is for ever."),
        click.option("--parallelization-factor", type=int, metavar="N", help="Lanes a shard."),
        click.option("--batch-size", type=int, metavar="N", help="Records a batch at most."),
        click.option(
            "--filter",
            "filtered_by",
            default="template",
            metavar="template|none|FILE",
            help="Which records are delivered.",
        ),
    ):
        command = option(command)
    return command


def mapping_of(template: Template, function: str | None, options: Mapping[str, Any]) -> EventSourceMapping:
    """Read the template's one DynamoDB event source, or that of the function named, and apply the options.

    Raises:
        WrongUse: there is no such event source, or a value is none that AWS takes.
    """
    replaced = _replaced(options)
    parameters = {**choose_mapping(template, function, replaced).parameters, **replaced}
    try:
        return EventSourceMapping.from_api(parameters)
    except InvalidParameterValueException as error:
        raise WrongUse(f"event source: {error}") from None


def _replaced(options: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what counts instead of the template's own settings, which may name what only a deployment knows."""
    replaced = {name: options[option] for option, name in NUMBERS.items() if options.get(option) is not None}
    if options.get("bisect") is not None:
        replaced["BisectBatchOnFunctionError"] = options["bisect"]
    if options.get("partial_responses") is not None:
        replaced["FunctionResponseTypes"] = [PARTIAL_RESPONSES] if options["partial_responses"] else []
    filtered_by = options.get("filtered_by", "template")
    if filtered_by != "template":
        replaced["FilterCriteria"] = None if filtered_by == "none" else _filter_file(Path(filtered_by))
    return {**replaced, "DestinationConfig": {"OnFailure": {"Destination": LOCAL_DESTINATION}}, "Enabled": True}


def _filter_file(path: Path) -> Any:  # noqa: ANN401 - checked by the mapping
    """Read filters from a file: one pattern, or FilterCriteria as the API has them."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise WrongUse(
            f"filter {path}: {unread(error)}; give 'template', 'none' or a JSON file with a pattern"
        ) from None
    return content if isinstance(content, dict) and "Filters" in content else {"Filters": [{"Pattern": text}]}
