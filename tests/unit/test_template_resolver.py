"""The template resolver: what it resolves, what it leaves symbolic, what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from replay.errors import WrongUse
from replay.template import Symbol, Template

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, body: str, parameters: dict[str, str] | None = None) -> Template:
    path = folder / "template.yaml"
    path.write_text(body, encoding="utf-8")
    return Template.load(path, parameters or {})


def value_of(folder: Path, expression: str, head: str = "", parameters: dict[str, str] | None = None) -> Any:  # noqa: ANN401
    """Resolve one expression as the property `v` of a resource."""
    body = (
        f"{head}\nResources:\n  Table: {{Type: 'AWS::DynamoDB::Table', Properties: {{TableName: messages}}}}\n"
        f"  Thing:\n    Type: X\n    Properties:\n      v: {expression}\n      kept: 1\n"
    )
    return load(folder, body, parameters).all_resources["Thing"].properties.get("v", "absent")


HEAD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {Type: Number, Default: 10}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Secret: {Type: String}
  Looked: {Type: "AWS::SSM::Parameter::Value<String>", Default: /path}
Mappings: {Sizes: {dev: {Batch: 5}, prod: {Batch: 100}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  NotProd: !Not [{Condition: IsProd}]
  Both: !And [{Condition: IsProd}, {Condition: NotProd}]
  Either: !Or [{Condition: IsProd}, {Condition: NotProd}]
  Hidden: !Equals [!Ref Secret, x]
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Size", 10),
        ("!Ref Names", ["a", "b"]),
        ("!Ref Table", "messages"),
        ("!Ref Thing", Symbol("Thing")),
        ("!Ref ThingRole", Symbol("ThingRole")),
        ("!Ref Secret", Symbol("Secret", kind="parameter")),
        ("!Ref Looked", Symbol("Looked", kind="parameter")),
        ("!GetAtt Table.StreamArn", Symbol("Table", "StreamArn")),
        ("!Sub '${Table.StreamArn}'", Symbol("Table", "StreamArn")),
        ("!Sub ['${Own}', {Own: !GetAtt Table.StreamArn}]", Symbol("Table", "StreamArn")),
        ("!Join ['', [!GetAtt Table.StreamArn]]", Symbol("Table", "StreamArn")),
        ("{'Fn::GetAtt': [Table, StreamArn]}", Symbol("Table", "StreamArn")),
        ("!Sub '${Stage}-${Size}-${!kept}-${Table.Arn}-${Secret}'", "dev-10-${kept}-${Table.Arn}-${Secret}"),
        ("!Sub ['${a}${AWS::Region}', {a: !Ref Stage}]", "devus-east-1"),
        ("!FindInMap [Sizes, !Ref Stage, Batch]", 5),
        ("!If [IsProd, 1, 2]", 2),
        ("!If [NotProd, 1, 2]", 1),
        ("!If [Both, 1, 2]", 2),
        ("!If [Either, 1, 2]", 1),
        ("!If [IsProd, 1, !Ref 'AWS::NoValue']", "absent"),
        ("!If [Hidden, 1, 2]", Symbol("Fn::If Hidden", kind="function")),
        ("[1, !If [IsProd, 1, !Ref 'AWS::NoValue']]", [1]),
        ("!Join ['-', [a, !Ref Size]]", "a-10"),
        ("!Select [1, !Ref Names]", "b"),
        ("!Select [1, !Split [':', 'a:b']]", "b"),
        ("!ImportValue other", Symbol("Fn::ImportValue", kind="function")),
        ("2026-01-01", "2026-01-01"),
    ],
)
def test_value_is_resolved_as_far_as_the_template_goes(tmp_path: Path, expression: str, expected: object) -> None:
    assert value_of(tmp_path, expression, HEAD) == expected


def test_given_parameters_win_over_defaults(tmp_path: Path) -> None:
    assert value_of(tmp_path, "!FindInMap [Sizes, !Ref Stage, Batch]", HEAD, {"Stage": "prod"}) == 100
    assert value_of(tmp_path, "!If [Hidden, 1, 2]", HEAD, {"Secret": "x"}) == 1
    assert value_of(tmp_path, "!Sub '${AWS::Region}'", HEAD, {"AWS::Region": "eu-west-1"}) == "eu-west-1"


def test_resource_whose_condition_is_false_is_left_out(tmp_path: Path) -> None:
    body = HEAD + "\nResources:\n  A: {Type: X, Condition: IsProd}\n  B: {Type: X, Condition: Hidden}\n"
    assert list(load(tmp_path, body).all_resources) == ["B"]


def test_globals_are_merged_into_serverless_functions(tmp_path: Path) -> None:
    body = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 3, Layers: [a], Environment: {Variables: {A: shared, B: shared}}}}
Resources:
  F: {Type: "AWS::Serverless::Function", Properties: {Timeout: 9, Layers: [b], Environment: {Variables: {B: own}}}}
  G: {Type: "AWS::Lambda::Function", Properties: {Handler: x}}
"""
    template = load(tmp_path, body)
    assert template.all_resources["F"].properties == {
        "Timeout": 9,
        "Layers": ["a", "b"],
        "Environment": {"Variables": {"A": "shared", "B": "own"}},
    }
    assert "Timeout" not in template.all_resources["G"].properties


def test_anchors_are_merged_and_own_keys_win(tmp_path: Path) -> None:
    body = """
Shared: &shared {a: 1, b: !Ref Size, c: 3}
Parameters: {Size: {Type: Number, Default: 10}}
Resources:
  F: {Type: X, Properties: {c: 4, <<: *shared, d: *shared}}
  G: {Type: X, Properties: {<<: [{a: 5}, *shared]}}
"""
    template = load(tmp_path, body)
    assert template.all_resources["F"].properties == {"a": 1, "b": 10, "c": 4, "d": {"a": 1, "b": 10, "c": 3}}
    assert template.all_resources["G"].properties == {"a": 5, "b": 10, "c": 3}


def test_key_is_the_text_that_stands_there(tmp_path: Path) -> None:
    body = """
Parameters: {On: {Type: String, Default: 'true'}, Account: {Type: String, Default: '012345678901'}}
Mappings: {ByAccount: {012345678901: {Batch: 5}}}
Resources:
  F: {Type: X, Properties: {v: !Ref On, no: !FindInMap [ByAccount, !Ref Account, Batch]}}
"""
    assert load(tmp_path, body).all_resources["F"].properties == {"v": "true", "no": 5}


def test_json_is_read_like_yaml(tmp_path: Path) -> None:
    path = tmp_path / "synth.json"
    path.write_text(json.dumps({"Resources": {"T": {"Type": "X", "Properties": {"v": {"Fn::Sub": "${AWS::Region}"}}}}}))
    assert Template.load(path).resources("X")["T"].properties == {"v": "us-east-1"}


def test_resource_is_found_by_symbol_and_by_name(tmp_path: Path) -> None:
    template = load(tmp_path, "Resources: {T: {Type: 'AWS::DynamoDB::Table', Properties: {TableName: messages}}}")
    assert template.resource_of(Symbol("T", "StreamArn")) is template.all_resources["T"]
    assert template.resource_of("messages") is template.all_resources["T"]
    assert template.resource_of("other") is None


def test_resource_is_found_by_a_name_that_only_a_deployment_knows(tmp_path: Path) -> None:
    body = """
Parameters: {Name: {Type: String}, Other: {Type: String}}
Resources:
  T: {Type: "AWS::DynamoDB::Table", Properties: {TableName: !Ref Name}}
  U: {Type: X, Properties: {table: !Ref T, other: !Ref Other}}
"""
    template = load(tmp_path, body)
    assert template.resource_of(template.all_resources["U"].properties["table"]) is template.all_resources["T"]
    assert template.resource_of(template.all_resources["U"].properties["other"]) is None


ALIASES_OF_ALIASES = (
    "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    + "Resources: {}\n"
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("Resources: {A: {Type: X, Properties: {v: !Ref Tabel}}, Table: {Type: Y}}", "did you mean 'Table'?"),
        ("Resources: {A: {Type: X, Properties: {v: !GetAtt Nothing.Arn}}}", "'Nothing' is neither a resource"),
        ("Resources: {A: {Type: X, Condition: C}}", "there is no condition 'C'"),
        ("Resources: {A: {Type: X, Condition: C}}\nConditions: {C: {Condition: C}}", "depends on itself"),
        ("Resources: {A: {Type: X, Properties: {v: !FindInMap [M, a, b]}}}", "there is no 'M' in Mappings"),
        ("Resources: {A: {Type: X, Properties: {v: !Select [3, [a]]}}}", "no entry 3"),
        ("Resources: {A: {Properties: {}}}", "resource 'A' needs a Type"),
        ("Resources: {A: {Type: X, Properties: 3}}", "Properties must be a map"),
        ("Resources: {A: {Type: X}}\nParameters: 3", "Parameters must be a map"),
        ("Resources: {A: {Type: X}}\nMappings: [a]", "Mappings must be a map"),
        ("Resources: {A: {Type: X}}\nConditions: a", "Conditions must be a map"),
        ("Resources: {A: {Type: X}}\nGlobals: a", "Globals must be a map"),
        ("Resources: {A: {Type: X, Condition: C}}\nConditions: {C: !Equals [a]}", "Equals takes two values"),
        ("Resources: {A: {Type: X, Condition: C}}\nConditions: {C: !Not []}", "Not takes a list"),
        ("Resources: {A: {Type: X, Properties: {v: &a [*a]}}}", "an alias that holds itself"),
        ("Resources: {A: {Type: X, Properties: {v: " + "[" * 5000 + "]" * 5000 + "}}}", "nested too deep"),
        ("Resources: {A: {Type: X, Properties: {v: " + "!Sub [a, {b: " * 400 + "c" + "}]" * 400 + "}}}", "nested too"),
        (ALIASES_OF_ALIASES, "more than 1,000,000 values"),
        ("Resources: {A: {Type: X, Condition: '" + "x" * 9000 + "'}}", "there is no condition 'xxx"),
        ("Resources: [", "neither YAML nor JSON"),
        ("just text", "no template"),
        ("", "no template"),
        ("{", "neither YAML nor JSON"),
    ],
)
def test_broken_template_is_refused_in_one_line_that_names_the_file(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(WrongUse) as caught:
        load(tmp_path, body)
    assert said in str(caught.value)
    assert "template.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_missing_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="no such template"):
        Template.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Stag": "dev"}, "did you mean 'Stage'?"),
        ({"Stage": "test"}, "cannot be 'test'; it allows dev, prod"),
        ({"Size": "many"}, "is a Number"),
    ],
)
def test_wrong_parameter_is_refused(tmp_path: Path, parameters: dict[str, str], said: str) -> None:
    with pytest.raises(WrongUse, match=said.replace("?", r"\?")):
        load(tmp_path, HEAD + "\nResources: {A: {Type: X}}", parameters)
