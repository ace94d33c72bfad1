"""Payload types: every kind is parsed for the body and checked for the wire."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from hairtrigger import PayloadValidationError, ProjectError
from hairtrigger.sdk.payloads import PayloadType


class Address(TypedDict):
    street: str
    number: NotRequired[int]


@dataclass
class Person:
    name: str
    born: datetime
    address: Address | None = None


@dataclass
class Order:
    number: int


@dataclass
class Point:
    x: int


class Item(msgspec.Struct, rename="camel"):
    unit_price: float
    id: UUID | None = None


class Mail(pydantic.BaseModel):
    to: str = pydantic.Field(min_length=3)
    retries: int = 2


class Envelope(TypedDict):
    mail: Mail


def there_and_back(annotation: Any, value: Any) -> Any:
    """What the body receives when a caller sends a value."""
    kind = PayloadType("t", annotation)
    data_type, text = kind.encode(value)
    return kind.parse(text if data_type == "text/plain" else msgspec.json.decode(text))


BORN = datetime(2000, 1, 2, tzinfo=UTC)


@pytest.mark.acceptance("S19")
@pytest.mark.parametrize(
    ("annotation", "value", "received"),
    [
        (Any, {"a": [1, None]}, {"a": [1, None]}),
        (str, "[1]", "[1]"),
        (int, 3, 3),
        (float, 3, 3.0),
        (dict[int, str], {1: "a"}, {1: "a"}),
        (set[int], {1}, {1}),
        (list[Person], [Person("a", BORN)], [Person("a", BORN)]),
        (Address, {"street": "s"}, {"street": "s"}),
        (Person, Person("a", BORN, {"street": "s"}), Person("a", BORN, {"street": "s"})),
        (Person, {"name": "a", "born": "2000-01-02T00:00:00Z"}, Person("a", BORN)),
        (Item, Item(1.5, UUID(int=7)), Item(1.5, UUID(int=7))),
        (Item, {"unitPrice": 1}, Item(1.0)),
        (Mail, Mail(to="abc"), Mail(to="abc", retries=2)),
        (Mail, {"to": "abc", "retries": "5"}, Mail(to="abc", retries=5)),
        (list[Mail], [{"to": "abc"}], [Mail(to="abc")]),
        (Envelope, {"mail": Mail(to="abc")}, {"mail": Mail(to="abc")}),
        (Mail | None, None, None),
        (Order | Point, Point(2), Point(2)),
    ],
    ids=str,
)
def test_the_body_receives_the_annotated_type(annotation: Any, value: Any, received: Any) -> None:
    assert there_and_back(annotation, value) == received


@pytest.mark.acceptance("S19")
@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (int, "3", "Expected `int`, got `str`"),
        (Address, {}, "missing required field `street`"),
        (Person, {"name": "a", "born": "soon"}, "born: "),
        (Person, Person("a", "soon"), "born: "),  # type: ignore[arg-type]  # planted
        (list[Person], [{"name": 1}], r"\[0\]\.name: Expected `str`"),
        (Item, {"unitPrice": "x"}, "unitPrice: Expected `float`"),
        (Mail, {"to": "a"}, "to: String should have at least 3 characters"),
        (Annotated[str, pydantic.Field(min_length=3)], "ab", "at least 3"),
        (Envelope, {"mail": {"to": "a"}}, "at least 3"),
        (float, float("nan"), "no JSON form"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named_with_its_path(
    annotation: Any, value: Any, problem: str
) -> None:
    kind = PayloadType("send", annotation)

    with pytest.raises(PayloadValidationError, match=problem) as caught:
        kind.encode(value)

    assert caught.value.task_id == "send"
    if not isinstance(value, Person | float):
        with pytest.raises(PayloadValidationError, match=problem):
            kind.parse(value)


def test_all_problems_of_a_model_are_told_at_once() -> None:
    with pytest.raises(PayloadValidationError) as caught:
        PayloadType("t", Mail).parse({"retries": "x"})

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["to", "retries"]


def test_a_type_that_cannot_travel_is_an_error_of_the_project() -> None:
    class Connection: ...

    with pytest.raises(ProjectError, match="Connection"):
        PayloadType("t", Connection).parse({})


def test_schemas_are_known_where_the_type_has_one() -> None:
    assert PayloadType("t", int).schema() == {"type": "integer"}
    assert (PayloadType("t", Mail).schema() or {})["required"] == ["to"]
    assert PayloadType("t", Any).schema() is None


def test_pydantic_is_not_imported_for_those_who_do_not_use_it() -> None:
    program = (
        "import sys\n"
        "from dataclasses import dataclass\n"
        "from hairtrigger.sdk.payloads import PayloadType\n"
        "@dataclass\nclass Order:\n    number: int\n"
        "assert PayloadType('t', Order).encode({'number': 1}) == ('application/json', '{\"number\":1}')\n"
        "assert 'pydantic' not in sys.modules\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
