"""Payloads and outputs: what goes in comes out, or is refused at the door; super+json, type by type."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import BadRequest
from hairtrigger.wire import packets

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
)  # fmt: skip


@given(JSON)
def test_every_json_value_comes_back(value: Any) -> None:
    text = packets.encode(value)

    packets.check_json(text)
    assert packets.decode(packets.JSON, text) == value == json.loads(text)
    assert json.loads(bytes(packets.shown(packets.JSON, text))) == value


@given(st.text() | st.binary())
def test_any_text_is_readable_json_or_refused(text: str | bytes) -> None:
    try:
        packets.check_json(text)
    except BadRequest:
        return

    packets.decode(packets.JSON, text if isinstance(text, str) else text.decode())


@pytest.mark.parametrize(
    "text",
    ['"é😀\\u0000"', "9" * 4_300, "-0", "-0.0", "1e-400", "1e308", '{"a":1,"a":2}', "[" * 512 + "]" * 512,
     " [1 , 2] ", '"' + "[{" * 2_000 + '"', '"\\ud83d\\ude00"', "123456789012345678901234567890.5"],
)  # fmt: skip
def test_unusual_json_is_read(text: str) -> None:
    packets.check_json(text)
    packets.check_json(text.encode())

    packets.decode(packets.JSON, text)


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "Infinity", "-Infinity", "[1,]", "{'a':1}", "01", '"\\ud800"', "[" * 513 + "]" * 513,
     "9" * 5_000, "undefined", '"\x01"', "{}{}", "[" * 100_000],
)  # fmt: skip
def test_what_no_worker_could_read_is_refused(text: str) -> None:
    for given_text in (text, text.encode()):
        with pytest.raises(BadRequest):
            packets.check_json(given_text)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(BadRequest):
        packets.check_json(b'"\xff"')


def test_integers_keep_every_digit() -> None:
    for number in (2**63, 2**64, 10**30, -(10**100), int("7" * 4_000)):
        text = json.dumps(number)
        packets.check_json(text)
        assert packets.decode(packets.JSON, text) == number


HALF_PAST_NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    at: datetime


class Struct(msgspec.Struct):
    name: str


def test_richer_values_have_a_json_form() -> None:
    value = {
        "point": Point(1, HALF_PAST_NINE), "struct": Struct("s"), "set": {1}, "day": date(2026, 3, 2),
        "id": UUID(int=1), "price": Decimal("1.10"), "colour": Colour.RED, "pair": (1, 2), 3: "three",
    }  # fmt: skip

    assert json.loads(packets.encode(value)) == {
        "point": {"x": 1, "at": "2026-03-02T09:30:00Z"}, "struct": {"name": "s"}, "set": [1],
        "day": "2026-03-02", "id": "00000000-0000-0000-0000-000000000001", "price": "1.10",
        "colour": "red", "pair": [1, 2], "3": "three",
    }  # fmt: skip


@pytest.mark.acceptance("S21")
@pytest.mark.parametrize(
    ("value", "path"),
    [({"when": object()}, "value.when"), ([1, {"a": [object()]}], "value[1].a[0]"),
     ({"a": {None: 1}}, "value.a"),
     ({"n": math.nan}, "value.n"), ([math.inf], "value[0]"), ({"t": "\ud800"}, "value.t"), (print, "value")],
)  # fmt: skip
def test_value_without_a_json_form_is_named(value: Any, path: str) -> None:
    with pytest.raises((TypeError, ValueError)) as refused:
        packets.encode(value)

    assert str(refused.value).startswith(path)


SUPER = [
    ({"json": {"a": 1}}, {"a": 1}),
    ({"json": None}, None),
    ({"json": "x"}, "x"),
    ({"json": "2026-03-02T09:30:00.000Z", "meta": {"values": ["Date"]}}, HALF_PAST_NINE),
    ({"json": {"d": None}, "meta": {"values": {"d": ["Date"]}}}, {"d": None}),
    ({"json": {"n": "123456789012345678901234567890"}, "meta": {"values": {"n": ["bigint"]}}},
     {"n": 123456789012345678901234567890}),
    ({"json": {"u": None}, "meta": {"values": {"u": ["undefined"]}}}, {"u": None}),
    ({"json": {"s": ["a", "b"]}, "meta": {"values": {"s": ["set"]}}}, {"s": {"a", "b"}}),
    ({"json": {"s": ["2026-03-02T09:30:00.000Z"]}, "meta": {"values": {"s": ["set", {"0": ["Date"]}]}}},
     {"s": {HALF_PAST_NINE}}),
    ({"json": {"m": [["k", "5"]]}, "meta": {"values": {"m": ["map", {"0.1": ["bigint"]}]}}}, {"m": {"k": 5}}),
    ({"json": {"x": "Infinity", "y": "-0"}, "meta": {"values": {"x": ["number"], "y": ["number"]}}},
     {"x": math.inf, "y": -0.0}),
    ({"json": {"r": "/a/g", "l": "https://a.b"}, "meta": {"values": {"r": ["regexp"], "l": ["URL"]}}},
     {"r": "/a/g", "l": "https://a.b"}),
    ({"json": {"e": {"name": "E", "message": "m"}}, "meta": {"values": {"e": ["Error"]}}},
     {"e": {"name": "E", "message": "m"}}),
    ({"json": {"b": [1, 255]}, "meta": {"values": {"b": [["typed-array", "Uint8Array"]]}}},
     {"b": b"\x01\xff"}),
    ({"json": {"c": {"v": 1}}, "meta": {"values": {"c": [["class", "Money"]]}}}, {"c": {"v": 1}}),
    ({"json": {"a.b": {"c": "1"}}, "meta": {"values": {"a\\.b.c": ["bigint"]}}}, {"a.b": {"c": 1}}),
    ({"json": {"a": {"b": "1", "c": "2"}}, "meta": {"values": {"a": {"b": ["bigint"], "c": ["bigint"]}}}},
     {"a": {"b": 1, "c": 2}}),
    ({"json": [{"d": "1"}], "meta": {"values": {"0.d": ["bigint"]}}}, [{"d": 1}]),
]  # fmt: skip


@pytest.mark.parametrize(("packet", "value"), SUPER)
def test_super_json_comes_back_as_what_it_stands_for(packet: Any, value: Any) -> None:
    text = json.dumps(packet)

    found = packets.decode(packets.SUPER_JSON, text)

    assert found == value
    assert type(found) is type(value)
    assert json.loads(bytes(packets.shown(packets.SUPER_JSON, text))) == packet["json"]


def test_infinities_and_minus_zero_are_the_numbers_themselves() -> None:
    text = '{"json":{"a":"NaN","z":"-0"},"meta":{"values":{"a":["number"],"z":["number"]}}}'

    found = packets.decode(packets.SUPER_JSON, text)

    assert math.isnan(found["a"])
    assert math.copysign(1, found["z"]) == -1


@pytest.mark.parametrize(
    "meta",
    [{"values": {"a": ["Date"]}}, {"values": {"missing.path": ["Date"]}}, {"values": {"a.b.c": ["set"]}},
     {"values": {"a": ["bigint"]}}, {"values": {"a": []}}, {"values": {"a": "Date"}}, {"values": 1}, 1, None,
     {"values": {"a": ["typed-array"]}}, {"values": {"a": [["Date"]]}}, {"values": {"0": ["set"]}},
     {"values": ["map"]},
     {"values": {"l.²": ["Date"]}}, {"values": {"l." + "9" * 5_000: ["Date"]}},
     {"values": {"a": [None, {"x": ["Date"]}]}}],
)  # fmt: skip
def test_annotation_that_does_not_fit_leaves_the_value_as_it_is(meta: Any) -> None:
    value = {"a": "not a date", "l": [1]}

    found = packets.decode(packets.SUPER_JSON, json.dumps({"json": value, "meta": meta}))

    assert found == value


def test_text_is_shown_as_a_json_string() -> None:
    assert packets.decode(packets.TEXT, '"é') == '"é'
    assert bytes(packets.shown(packets.TEXT, '"é')) == '"\\"é"'.encode()
