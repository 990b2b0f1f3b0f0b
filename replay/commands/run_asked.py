"""What a run is asked for: the options and the recording as values, checked before anything is started."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.commands.mapping_options import mapping_of
from replay.commands.run_options import pairs
from replay.errors import WrongUse
from replay.event_source.mapping import LIMITS
from replay.event_source.switches import Switches
from replay.function.configuration import Configuration
from replay.function.faults import KINDS, Fault
from replay.function.target import Target
from replay.sources.selection import Between, Shuffled
from replay.tables.lagging_index import Lag
from replay.tables.schema import TABLE_TYPES, locate_template, schema_of
from replay.template import Template

if TYPE_CHECKING:
    from replay.event_source.mapping import EventSourceMapping
    from replay.sources.recording import Recording
    from replay.sources.selection import Records
    from replay.tables.schema import TableSchema

STEPPING_TIMEOUT_S = 86_400.0
"""Somebody reads while the handler waits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One run; `before` are the records of the recording that are in the table when it begins."""

    recording: Records
    before: Records | None
    targets: tuple[Target, ...]
    configuration: Configuration
    mapping: EventSourceMapping
    switches: Switches
    schema: TableSchema
    faults: tuple[Fault, ...]
    lag: Lag | None
    variables: dict[str, str]
    options: dict[str, Any]

    @classmethod
    def of(cls, recording: Recording, options: dict[str, Any]) -> Asked:
        """Read the options.

        Raises:
            WrongUse: an option or the template is broken, or the options leave no record.
        """
        selected, before = _selected(recording, options), _before(recording, options)
        template = Template.load(options["template"] or locate_template(), pairs("--parameter", options["parameters"]))
        configuration = Configuration.from_template(template, options["function"])
        timeout_s = options["function_timeout"] or (STEPPING_TIMEOUT_S if options["step"] else configuration.timeout_s)
        return cls(
            recording=selected,
            before=before,
            targets=tuple(Target.parse(name) for name in (options["handler"], options["against"]) if name is not None),
            configuration=dataclasses.replace(configuration, timeout_s=timeout_s),
            mapping=_adjusted(mapping_of(template, options["function"], options), options),
            switches=Switches.of(pairs("--switch", options["switches"])),
            schema=_schema(template),
            faults=tuple(Fault.parse(kind, text) for kind in KINDS for text in options[kind.replace("-", "_")]),
            lag=Lag.parse(options["lag"]) if options["lag"] is not None else None,
            variables=pairs("--env", options["variables"]),
            options=options,
        )


def _selected(recording: Recording, options: dict[str, Any]) -> Records:
    """Take the part of the recording that is asked for, in the order that is asked for."""
    if options["keep_batches"] and not recording.batches:
        raise WrongUse("--keep-batches: these are single records; only events hold batches")
    records: Records = recording
    if options["first"] is not None or options["last"] is not None:
        records = Between(recording, options["first"], options["last"])
        if not records.records:
            numbers = [recorded.sequence for recorded in recording]
            raise WrongUse(f"--from and --until leave no record; there are {min(numbers)} to {max(numbers)}")
    return Shuffled(records, options["seed"]) if options["shuffle"] else records


def _before(recording: Recording, options: dict[str, Any]) -> Records | None:
    """Take what comes before the part that is asked for: it is in the table when the run begins."""
    return Between(recording, None, options["first"] - 1) if options["first"] is not None else None


def _adjusted(mapping: EventSourceMapping, options: dict[str, Any]) -> EventSourceMapping:
    """Let recorded batches through whole, and as many deliveries overlap as are asked for."""
    if options["keep_batches"]:
        mapping = dataclasses.replace(mapping, batch_size=LIMITS["BatchSize"].highest, window_s=0)
    return dataclasses.replace(mapping, lanes=max(mapping.lanes, options["concurrent"]))


def _schema(template: Template) -> TableSchema:
    tables = [table for kind in TABLE_TYPES for table in template.resources(kind).values()]
    if len(tables) != 1:
        raise WrongUse(f"{template.path} must make one DynamoDB table; with these parameters it makes {len(tables)}")
    return schema_of(tables[0], source=str(template.path))
