"""What a JSON schema says of a value; the browser's own check (static/js/schema.js) goes by the same cases."""

import json
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hairtrigger.rules import schemas

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "schema_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_problems_name_the_place_and_what_is_wrong_there(case: dict[str, Any]) -> None:
    for value, expected in case["values"]:
        found = schemas.problems(case["schema"], value)

        assert [[one.place, one.text] for one in found] == expected, value


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_example_has_what_is_required_and_no_more(case: dict[str, Any]) -> None:
    assert schemas.example(case["schema"]) == case["example"]


def test_problems_are_bounded() -> None:
    schema = {"type": "array", "items": {"type": "string"}}

    assert len(schemas.problems(schema, list(range(1_000)))) == schemas.MOST


@dataclass
class Address:
    street: str
    zip: str | None = None


@dataclass
class Order:
    id: int
    format: typing.Literal["csv", "json"]
    address: Address
    tags: list[str] = field(default_factory=list)
    pair: tuple[int, str] = (0, "")
    extra: dict[str, float] = field(default_factory=dict)


def test_example_of_a_type_is_a_value_of_it() -> None:
    value = schemas.example(msgspec.json.schema(Order))

    assert msgspec.convert(value, Order) == Order(0, "csv", Address(""))


def test_schemas_of_pydantic_are_read() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model(
        "Model", name=(str, ...), n=(int, pydantic.Field(ge=1)), note=(str | None, None)
    )
    schema = model.model_json_schema()

    value = schemas.example(schema)

    assert model.model_validate(value).n == 1
    assert schemas.problems(schema, value) == []
    wrong = {**value, "n": 0, "note": 7}
    assert [one.place for one in schemas.problems(schema, wrong)] == ["n", "note"]
