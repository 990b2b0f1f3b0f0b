"""The event source mappings a template makes: SAM's `Events` of type DynamoDB, and plain mapping resources.

Both are turned into the API's shape, so that `EventSourceMapping.from_api` reads every mapping, wherever it stands.
What is only known after a deployment gets a stand-in ARN; a number or a choice that is only known then is refused.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from replay.errors import WrongUse
from replay.event_source.mapping import FLAGS, LIMITS, NOT_FOR_DYNAMODB, PARAMETERS, refuse_unknown
from replay.template import Symbol

if TYPE_CHECKING:
    from collections.abc import Collection

    from replay.template import Resource, Template

MAPPING_TYPE = "AWS::Lambda::EventSourceMapping"
FUNCTION_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")
POLICY_TYPES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
ALIAS_TYPES = ("AWS::Lambda::Alias", "AWS::Lambda::Version")
UNKNOWN_OUTPUTS = ("AWS::CloudFormation::", "AWS::Serverless::Application", "Custom::")
"""Types of resources, by how they begin, whose attributes may be anything."""
EVENT_TYPE = "DynamoDB"
STREAM_ATTRIBUTE = "StreamArn"

ACCOUNT = "us-east-1:000000000000"
STREAM_LABEL = "2026-01-01T00:00:00.000"
DESTINATION_NAMES: Mapping[str, tuple[str, str]] = {
    "AWS::SQS::Queue": (f"arn:aws:sqs:{ACCOUNT}:", "QueueName"),
    "AWS::SNS::Topic": (f"arn:aws:sns:{ACCOUNT}:", "TopicName"),
    "AWS::S3::Bucket": ("arn:aws:s3:::", "BucketName"),
}
"""Stand-in ARNs of destinations made by the same template, and the property that names them."""
DESTINATION_TYPES = {"SQS": f"arn:aws:sqs:{ACCOUNT}:", "SNS": f"arn:aws:sns:{ACCOUNT}:", "S3": "arn:aws:s3:::"}
"""SAM's `Type` of a destination."""


@dataclass(frozen=True, slots=True)
class TemplateMapping:
    """One mapping of a template."""

    name: str
    """`Function/Event` in SAM, else the resource's logical id."""
    place: str
    """Where its properties stand in the template, as a path."""
    parameters: Mapping[str, Any]
    """In the API's shape."""
    function: Resource | None
    """What it invokes, if the template makes it."""
    table: Resource | None
    """Whose stream it reads, if the template makes it."""
    destination_type: str | None
    """SAM's `Type` of the destination, which alone brings the permission to write to it."""
    is_sam: bool
    policies: tuple[Resource, ...] = ()
    """The role the function takes and the policies attached to it, if the template makes them."""


def mappings_in(template: Template, replaced: Collection[str] = ()) -> list[TemplateMapping]:
    """Find every mapping on a DynamoDB stream.

    Args:
        template: The template.
        replaced: Settings that the caller knows better; what the template says of them is not read.

    Raises:
        WrongUse: A setting is unknown, or only known after a deployment.
    """
    found = []
    for function in template.resources("AWS::Serverless::Function").values():
        for name, event in _map(template, function.properties, "Events", function.logical_id).items():
            if isinstance(event, Mapping) and event.get("Type") == EVENT_TYPE:
                properties = _map(template, event, "Properties", f"{function.logical_id}/{name}")
                found.append(_of_event(template, function, name, properties, replaced))
    plain = template.resources(MAPPING_TYPE).values()
    return found + [
        _of_resource(template, resource, replaced)
        for resource in plain
        if _reads_dynamodb(template, resource.properties)
    ]


def choose_mapping(template: Template, function: str | None = None, replaced: Collection[str] = ()) -> TemplateMapping:
    """Give the template's one mapping, or the one of the function named.

    Raises:
        WrongUse: There is none, or more than one.
    """
    mappings = choose_mappings(template, function, replaced)
    if len(mappings) > 1:
        functions = ", ".join(_function_name(mapping) for mapping in mappings)
        raise WrongUse(f"{template.path} has {len(mappings)} mappings on streams; choose one of: {functions}")
    return mappings[0]


def choose_mappings(
    template: Template, function: str | None = None, replaced: Collection[str] = ()
) -> list[TemplateMapping]:
    """Give the template's mappings, or those of the function named by logical id or name; at least one.

    Raises:
        WrongUse: There is none.
    """
    every = mappings_in(template, replaced)
    if not every:
        raise WrongUse(f"{template.path} has no event source mapping on a DynamoDB stream")
    if function is None:
        return every
    known = {_function_name(mapping): mapping for mapping in every}
    found = [mapping for mapping in every if function in _names(mapping)]
    if not found:
        near = difflib.get_close_matches(function, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"functions with one: {', '.join(known)}"
        raise WrongUse(f"{template.path}: no function '{function}' with an event source mapping; {hint}")
    return found


def _function_name(mapping: TemplateMapping) -> str:
    return (
        mapping.function.logical_id if mapping.function else str(mapping.parameters.get("FunctionName", mapping.name))
    )


def _names(mapping: TemplateMapping) -> set[str]:
    own = {str(mapping.function.properties.get("FunctionName", ""))} if mapping.function else set()
    return {_function_name(mapping), mapping.name, str(mapping.parameters.get("FunctionName", "")), *own}


def _map(template: Template, given: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """Give the map under a key, empty where there is none."""
    found = given.get(key) or {}
    if not isinstance(found, Mapping):
        raise WrongUse(f"{template.path}: {where}: {key} must be a map, not {found!r}")
    return found


def _of_event(
    template: Template, function: Resource, name: str, properties: Mapping[str, Any], replaced: Collection[str]
) -> TemplateMapping:
    where = f"{function.logical_id}/{name}"
    known = ("Stream", "KmsKeyArn", *(parameter for parameter in PARAMETERS if parameter != "EventSourceArn"))
    refuse_unknown(properties, known, "event property", also=NOT_FOR_DYNAMODB, where=f" in {template.path}, {where}")
    given = {key: value for key, value in properties.items() if key != "Stream" and key not in replaced}
    destination_type = _sam_destination_type(properties)
    return TemplateMapping(
        name=where,
        place=f"Resources.{function.logical_id}.Properties.Events.{name}.Properties",
        parameters=_in_api_shape(template, where, given, properties.get("Stream"), function, destination_type),
        function=function,
        table=template.resource_of(properties.get("Stream")),
        destination_type=destination_type,
        is_sam=True,
        policies=_policies(template, function),
    )


def _of_resource(template: Template, resource: Resource, replaced: Collection[str]) -> TemplateMapping:
    where, properties = resource.logical_id, resource.properties
    known = ("KmsKeyArn", *PARAMETERS)
    refuse_unknown(properties, known, "property", also=NOT_FOR_DYNAMODB, where=f" in {template.path}, {where}")
    function = _function(template, properties.get("FunctionName"))
    known_apart = ("EventSourceArn", "FunctionName", *replaced)
    given = {key: value for key, value in properties.items() if key not in known_apart}
    parameters = _in_api_shape(template, where, given, properties.get("EventSourceArn"), function, None)
    if function is None and "FunctionName" in properties:
        parameters["FunctionName"] = str(properties["FunctionName"])
    return TemplateMapping(
        name=where,
        place=f"Resources.{where}.Properties",
        parameters=parameters,
        function=function,
        table=template.resource_of(properties.get("EventSourceArn")),
        destination_type=None,
        is_sam=False,
        policies=_policies(template, function),
    )


def _in_api_shape(  # noqa: PLR0913, PLR0917 - one place where all that is known comes together
    template: Template,
    where: str,
    given: Mapping[str, Any],
    stream: object,
    function: Resource | None,
    destination_type: str | None,
) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for key, value in given.items():
        name = "KMSKeyArn" if key == "KmsKeyArn" else key
        if name == "DestinationConfig":
            parameters[name] = _destination_config(template, where, value, destination_type)
        elif name == "KMSKeyArn":
            parameters[name] = str(value)
        elif name == "Tags":
            parameters[name] = _tags(value)
        else:
            parameters[name] = _known_now(template, where, name, value)
    parameters["EventSourceArn"] = _stream_arn(template, stream)
    if function:
        own_name = function.properties.get("FunctionName")
        parameters["FunctionName"] = own_name if isinstance(own_name, str) else function.logical_id
    return parameters


def _tags(value: object) -> object:
    """Give CloudFormation's list of pairs as the API's object; what only a deployment knows may stand in them."""
    if isinstance(value, list) and all(isinstance(tag, Mapping) for tag in value):
        return {str(tag.get("Key")): str(tag.get("Value", "")) for tag in value}
    return {key: str(text) for key, text in value.items()} if isinstance(value, Mapping) else value


def _known_now(template: Template, where: str, name: str, value: object) -> object:
    """Give a value in its own type: parameters of type String carry numbers and flags as texts."""
    if isinstance(value, Symbol):
        how = (
            f"give --parameter {value.name}=…" if value.kind == "parameter" else f"write it, or mapping --set {name}=…"
        )
        raise WrongUse(f"{template.path}: {where}: {name} is {value}, which only a deployment knows; {how}")
    if isinstance(value, Mapping):
        return {key: _known_now(template, where, key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_known_now(template, where, name, item) for item in value]
    if name in LIMITS and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if name in FLAGS and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _stream_arn(template: Template, stream: object) -> str:
    if isinstance(stream, str):
        return stream
    table = template.resource_of(stream)
    name = table.properties.get("TableName", table.logical_id) if table else str(stream)
    return f"arn:aws:dynamodb:{ACCOUNT}:table/{name}/stream/{STREAM_LABEL}"


def _reads_dynamodb(template: Template, properties: Mapping[str, Any]) -> bool:
    """Say whether an event source is a DynamoDB stream.

    One that only a deployment knows (a parameter, an import, another stack's output) is taken for one if the mapping
    has a starting position, as mappings on streams have, and nothing that belongs to other sources only.
    """
    source = properties.get("EventSourceArn")
    if isinstance(source, str) and "${" not in source:
        return ":dynamodb:" in source
    if isinstance(source, str) and source.startswith("arn:"):
        return source.split(":", 3)[2] == "dynamodb"
    made_here = template.resource_of(source)
    if made_here and not made_here.type.startswith(UNKNOWN_OUTPUTS):
        return isinstance(source, Symbol) and source.attribute == STREAM_ATTRIBUTE
    return source is not None and "StartingPosition" in properties and not any(map(properties.get, NOT_FOR_DYNAMODB))


def _function(template: Template, name: object) -> Resource | None:
    """Find the function that a FunctionName means: by reference, name, ARN, or an alias of it."""
    text = name.rpartition(":function:")[2].split(":")[0] if isinstance(name, str) else None
    if text is not None and text.startswith("${"):
        name = Symbol(text.strip("${}").split(".")[0])
    elif text is not None:
        name = text
    found = template.resource_of(name)
    if found and found.type in ALIAS_TYPES:
        return _function(template, found.properties.get("FunctionName"))
    if found:
        return found if found.type in FUNCTION_TYPES else None
    return _function_with_alias(template, name)


def _function_with_alias(template: Template, name: object) -> Resource | None:
    """Find the function of an alias that SAM makes: its logical id begins with the function's."""
    if not isinstance(name, Symbol) or name.kind != "resource":
        return None
    functions = template.resources("AWS::Serverless::Function").values()
    return next((function for function in functions if name.name.startswith(f"{function.logical_id}Alias")), None)


def _policies(template: Template, function: Resource | None) -> tuple[Resource, ...]:
    """Find the role a function takes, and the policies of the template that name this role."""
    role = template.resource_of(function.properties.get("Role")) if function else None
    if role is None:
        return ()
    attached = (
        policy
        for kind in POLICY_TYPES
        for policy in template.resources(kind).values()
        if any(template.resource_of(named) == role for named in _listed(policy.properties.get("Roles")))
    )
    return (role, *attached)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _sam_destination_type(properties: Mapping[str, Any]) -> str | None:
    config = properties.get("DestinationConfig")
    on_failure = config.get("OnFailure") if isinstance(config, Mapping) else None
    kind = on_failure.get("Type") if isinstance(on_failure, Mapping) else None
    return str(kind) if kind is not None else None


def _destination_config(template: Template, where: str, config: object, destination_type: str | None) -> object:
    """Give the config with the destination's ARN as a text; SAM's `Type` is not the API's."""
    if not isinstance(config, Mapping) or not isinstance(config.get("OnFailure"), Mapping):
        return config
    on_failure = {key: value for key, value in config["OnFailure"].items() if key != "Type" or destination_type is None}
    if "Destination" in on_failure:
        on_failure["Destination"] = _destination_arn(template, where, on_failure["Destination"], destination_type)
    return {**config, "OnFailure": on_failure}


def _destination_arn(template: Template, where: str, destination: object, destination_type: str | None) -> object:
    if not isinstance(destination, Symbol):
        return destination
    made_here = template.resource_of(destination)
    if made_here and made_here.type in DESTINATION_NAMES:
        prefix, named_by = DESTINATION_NAMES[made_here.type]
        name = made_here.properties.get(named_by)
        own = name if isinstance(name, str) else made_here.logical_id.lower()
        fifo = any(str(made_here.properties.get(flag)).lower() == "true" for flag in ("FifoQueue", "FifoTopic"))
        return f"{prefix}{own}" + (".fifo" if fifo and not own.endswith(".fifo") else "")
    if destination_type in DESTINATION_TYPES:
        return f"{DESTINATION_TYPES[destination_type]}{destination.name.lower()}"
    by_set = 'DestinationConfig={"OnFailure":{"Destination":"arn:…"}}'
    how = f"write its ARN, or mapping --set '{by_set}'"
    if destination.kind == "parameter":
        how = f"give --parameter {destination.name}=…"
    raise WrongUse(f"{template.path}: {where}: the destination is {destination}, which only a deployment knows; {how}")
