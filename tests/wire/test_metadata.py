"""Operations on a run's metadata, one by one and in any mixture."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import BadRequest
from hairtrigger.wire import metadata

HUGE = 10**299


def apply(data: dict[str, Any], *operations: dict[str, Any]) -> Any:
    return json.loads(metadata.apply(json.dumps(data), list(operations)))


def op(type: str, key: str = "a", value: Any = None) -> dict[str, Any]:
    return {"type": type, "key": key, "value": value}


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({}, op("set", "a", 1), {"a": 1}),
        ({"a": 1}, op("set", "a", [2]), {"a": [2]}),
        ({"a": 1}, op("update", value={"b": 2}), {"b": 2}),
        ({"a": 1, "b": 2}, op("delete", "a"), {"b": 2}),
        ({"b": 2}, op("delete", "a"), {"b": 2}),
        ({"$.a": 1, "a": 2}, op("delete", "$.a"), {"a": 2}),
        ({}, op("append", "a", 1), {"a": [1]}),
        ({"a": [1]}, op("append", "a", 2), {"a": [1, 2]}),
        ({"a": 1}, op("append", "a", 2), {"a": [1, 2]}),
        ({"a": [1, {"x": [1]}, 1]}, op("remove", "a", {"x": [1]}), {"a": [1, 1]}),
        ({"a": [1, True, 1.0, "1"]}, op("remove", "a", 1), {"a": [True, "1"]}),
        ({"a": [1, True, [True]]}, op("remove", "a", True), {"a": [1, [True]]}),
        ({"a": 1}, op("remove", "a", 1), {"a": 1}),
        ({}, op("remove", "$.a.b", 1), {}),
        ({"a": 1}, op("increment", "a", 2), {"a": 3}),
        ({"a": "x"}, op("increment", "a", 2), {"a": 2}),
        ({"a": True}, op("increment", "a", -1.5), {"a": -1.5}),
        ({}, op("set", "$.a.b", 1), {"a": {"b": 1}}),
        ({}, op("set", "$.a[1].b", 1), {"a": [None, {"b": 1}]}),
        ({"steps": [{}]}, op("set", "$.steps.0.done", True), {"steps": [{"done": True}]}),
        ({}, op("set", '$.a["b c"]', 1), {"a": {"b c": 1}}),
        ({}, op("set", "$.a['b.c']", 1), {"a": {"b.c": 1}}),
        ({"a": {"0": "x"}}, op("set", "$.a.0", 1), {"a": {"0": 1}}),
        ({}, op("set", "a.b", 1), {"a.b": 1}),
        ({}, op("set", "$.²", 1), {"²": 1}),
        ({}, op("set", "$." + "9" * 5_000, 1), {"9" * 5_000: 1}),
        ({}, op("set", "", 1), {"": 1}),
    ],
)  # fmt: skip
def test_operation_does_what_it_says(before: Any, operation: Any, after: Any) -> None:
    assert apply(before, operation) == after


@pytest.mark.parametrize(
    "operation",
    [
        op("nonsense"), {"type": "set", "value": 1}, {"type": "set", "key": 1, "value": 1}, {},
        op("set", "__proto__", 1), op("set", "$.a.__proto__", 1), op("set", "$.constructor.x", 1),
        op("set", "$.", 1), op("set", "$.a[", 1), op("set", "$..a", 1), op("update", value=1),
        op("increment", "a", "1"), op("increment", "a", True), op("set", "$.list[10001]", 1),
        op("set", "$.list.name", 1), op("set", "$" + ".a" * 101, 1), op("increment", "huge", HUGE * 10),
        op("increment", "float", 10**400), op("set", "a", float("nan")),
    ],
)  # fmt: skip
def test_impossible_operation_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        apply({"list": [1], "huge": HUGE, "float": 1.5}, operation)


def test_what_is_no_object_becomes_one() -> None:
    assert json.loads(metadata.apply("[1]", [op("set", "a", 1)])) == {"a": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip
KEYS = st.text() | st.text(alphabet="$.[]'\"\\a0²", max_size=12).map(lambda text: "$." + text)
OPERATIONS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["set", "delete", "append", "remove", "increment"]),
        "key": KEYS,
        "value": JSON,
    }
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.lists(OPERATIONS, max_size=6))
def test_any_operations_leave_an_object_or_are_refused(data: Any, operations: Any) -> None:
    try:
        text = metadata.apply(json.dumps(data), operations)
    except BadRequest:
        return

    assert isinstance(json.loads(text, parse_constant=pytest.fail), dict)
