"""Payloads as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from hairtrigger.cli import payloads
from hairtrigger.cli.problems import CommandError

SCHEMA: dict[str, Any] = {
    "$ref": "#/$defs/Welcome",
    "$defs": {
        "Welcome": {
            "type": "object",
            "properties": {"zip": {"type": "string"}, "n": {"type": "integer"}, "note": {
                "anyOf": [{"type": "string"}, {"type": "null"}]}},
            "required": ["zip"],
        }
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ([], payloads.NOTHING),
        (['{"a": 1}'], {"a": 1}),
        (['"text"'], "text"),
        (["17"], 17),
        (["[1, 2]"], [1, 2]),
        (["a=1", "b=x", "c=true", "d=null"], {"a": 1, "b": "x", "c": True, "d": None}),
        (["a="], {"a": ""}),
        (["a=x=y"], {"a": "x=y"}),
        (["user.id=7", "user.name=Ada Lovelace"], {"user": {"id": 7, "name": "Ada Lovelace"}}),
        (['list=[1,"x"]'], {"list": [1, "x"]}),
        (['id:="7"'], {"id": "7"}),
        (['q="as typed"'], {"q": '"as typed"'}),
    ],
)
def test_words_become_a_payload(words: list[str], value: object) -> None:
    assert payloads.parse(words) == value


def test_a_file_and_stdin_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "payload.json"
    file.write_text(json.dumps({"a": [1]}))

    class Stdin:
        buffer = file.open("rb")

    monkeypatch.setattr("sys.stdin", Stdin)
    with Stdin.buffer:
        assert payloads.parse([f"@{file}"]) == payloads.parse(["-"]) == {"a": [1]}


def test_what_the_schema_wants_as_text_stays_text() -> None:
    value = payloads.parse(["zip=01234", "n=5", "note=12"], SCHEMA)

    assert value == {"zip": "01234", "n": 5, "note": "12"}


@pytest.mark.parametrize(
    "words", [["{a: 1}"], ["@nowhere.json"], ["a=1", "b"], ["a=1", "a.b=2"], ["a:=x"]]
)
def test_what_cannot_be_read_is_exit_code_2(words: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        payloads.parse(words)

    assert caught.value.problem.exit_code == 2


def test_a_missing_member_is_named() -> None:
    with pytest.raises(CommandError) as caught:
        payloads.fitted("send", {"n": 1}, SCHEMA)

    assert caught.value.problem.why == ("zip: missing",)
    assert payloads.fitted("send", {"zip": "1"}, SCHEMA) == {"zip": "1"}
    assert payloads.fitted("send", {"n": 1}, None) == {"n": 1}
