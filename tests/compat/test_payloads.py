"""Payloads of JavaScript as they reach a Python task, and as the run shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHEN = datetime(2024, 2, 29, 12, 34, 56, 789_000, tzinfo=UTC)

IN_PYTHON: dict[str, Any] = {
    "rich": {
        "when": WHEN,
        "tags": {"a"},
        "big": 5,
        "huge": 10**40,
        "pairs": {"k": EPOCH},
        "none": None,
        "infinite": float("-inf"),
        "bytes": b"\x01\x02\xff",
        "site": "http://a.example/b",
        "deep": [{"days": [EPOCH + timedelta(milliseconds=4)]}],
    },
    "date": EPOCH + timedelta(milliseconds=5),
    "set": {1},
    "list": [1, "two", None],
    "string": "just a string",
    "looks like JSON": '{"a": 1}',
    "unicode": "grüße \U0001f600 \u2028",
    "empty": "",
    "number": 1.5,
    "false": False,
    "null": None,
    "undefined": None,
}
SHOWN = IN_PYTHON | {
    "rich": {
        "when": "2024-02-29T12:34:56.789Z",
        "tags": ["a"],
        "big": "5",
        "huge": str(10**40),
        "pairs": [["k", "1970-01-01T00:00:00.000Z"]],
        "none": None,
        "infinite": "-Infinity",
        "bytes": [1, 2, 255],
        "site": "http://a.example/b",
        "deep": [{"days": ["1970-01-01T00:00:00.004Z"]}],
    },
    "date": "1970-01-01T00:00:00.005Z",
    "set": [1],
    "list": ["1", "two", None],
}


@pytest.mark.parametrize("name", IN_PYTHON)
def test_a_value_arrives_as_what_it_is_in_python(node: Script, name: str) -> None:
    described = node("payloads")["described"]

    assert described[name]["python"] == repr(IN_PYTHON[name])


@pytest.mark.parametrize("name", SHOWN)
def test_a_run_shows_the_plain_value_of_its_payload(node: Script, name: str) -> None:
    described = node("payloads")["described"]

    assert described[name].get("payload") == SHOWN[name]
    assert described[name]["hasPayload"] == (name != "undefined")


def test_dates_sets_and_bigints_fill_a_typed_payload(node: Script) -> None:
    assert node("payloads")["visit"] == f"Visit(when={WHEN!r}, tags={{'a'}}, big=5)"


def test_a_payload_of_another_shape_fails_the_run_without_another_attempt(node: Script) -> None:
    wrong = node("payloads")["wrong"]

    assert (wrong["status"], wrong["attempts"]) == ("FAILED", 1)
    assert wrong["error"]["name"] == "PayloadValidationError"
    assert "when: Expected `datetime`, got `int`" in wrong["error"]["message"]


def test_an_output_of_python_comes_back_as_plain_json(node: Script) -> None:
    assert node("payloads")["echoed"] == {"date": "text", "list": [1, {"a": None}]}


def test_a_task_id_may_hold_slashes_spaces_percent_signs_and_umlauts(node: Script) -> None:
    odd = node("payloads")["odd"]

    assert odd == {"output": "ran", "task": "no payload/at all%2F ü", "hasPayload": False}


def test_a_large_payload_is_stored_apart_and_read_back(node: Script) -> None:
    large = node("payloads")["large"]

    prepare, upload, trigger = large["route"]
    assert prepare.startswith("PUT /api/v2/packets/")
    assert upload.startswith("PUT /")
    assert trigger == "POST /api/v1/tasks/describe/trigger"
    assert large["python"] == len(repr({"large": "ä" * 100_000, "when": EPOCH}))
    assert large["payload"]  # the client reads it under the URL that the run gives
    assert large["date"]  # and revives it by the content type of the answer
    assert large["text"]
    assert large["output"]
