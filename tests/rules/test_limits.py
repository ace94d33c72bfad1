"""What callers may ask for: values in the engine's terms, or an error that says what is allowed."""

import pytest

from hairtrigger.errors import (
    BadRequest,
    HairtriggerError,
    InvalidDuration,
    TooLarge,
    Unprocessable,
)
from hairtrigger.rules import limits
from hairtrigger.wire.options import DebounceOption
from tests.clock import DAY, HOUR, MINUTE, SECOND, ms

NOW = ms("2026-03-02T12:00:00")


@pytest.mark.parametrize(
    ("text", "instant"),
    [("30s", NOW + 30 * SECOND), ("1h30m", NOW + 90 * MINUTE), ("0s", NOW), ("2w", NOW + 14 * DAY),
     ("2026-03-02T13:00:00Z", NOW + HOUR), ("2026-03-02T13:00:00", NOW + HOUR),
     ("2026-03-02T13:00:00+01:00", NOW), ("2026-03-03", ms("2026-03-03")), ("1999-01-01", ms("1999-01-01"))],
)  # fmt: skip
def test_delay_is_a_duration_or_a_date(text: str, instant: int) -> None:
    assert limits.instant(text, NOW, "delay") == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "30",
        "-5s",
        "1.5h",
        "2026-02-30",
        "9999-01-01",
        "101w" * 200,
        "２０２６-01-01",
        "5S",
        "1y",
    ],
)
def test_unreadable_or_endless_delay_is_refused(text: str) -> None:
    with pytest.raises(Unprocessable):
        limits.instant(text, NOW, "delay")


def test_ttl_is_a_duration_or_seconds() -> None:
    assert [limits.ttl_ms(value) for value in ("10m", 60, 0, "1h")] == [
        10 * MINUTE,
        MINUTE,
        0,
        HOUR,
    ]
    with pytest.raises(BadRequest):
        limits.ttl_ms(-1)
    with pytest.raises(InvalidDuration):
        limits.ttl_ms(10**12)


def test_priority_is_in_seconds_and_may_be_negative() -> None:
    assert [limits.priority_ms(value) for value in (1, -2.5, 0.0004)] == [1_000, -2_500, 0]
    for value in (float("nan"), float("inf"), 1e10):
        with pytest.raises(BadRequest):
            limits.priority_ms(value)


@pytest.mark.parametrize(
    ("given", "name"),
    [("emails", "emails"), ("my queue!", "myqueue"), ("task/a-b_c", "task/a-b_c"), ("q" * 200, "q" * 128),
     ("ünï", "n")],
)  # fmt: skip
def test_queue_name_is_cleaned(given: str, name: str) -> None:
    assert limits.queue_name(given) == name
    assert limits.queue_name(name) == name


@pytest.mark.parametrize("given", ["", "!!", "é"])
def test_queue_name_of_nothing_is_refused(given: str) -> None:
    with pytest.raises(BadRequest):
        limits.queue_name(given)


@pytest.mark.parametrize(
    ("given", "key"),
    [("a", "a"), (1, "1"), (1.0, "1"), (1.5, "1.5"), (1234567.5, "1234567.5"), (1e25, "1e+25"),
     (-3.0, "-3"), (0.1, "0.1"), (" ", " ")],
)  # fmt: skip
def test_concurrency_key_is_text_or_a_number_as_written(given: str | float, key: str) -> None:
    assert limits.concurrency_key(given) == key


@pytest.mark.parametrize("given", ["", "x" * 2_049])
def test_concurrency_key_has_a_length(given: str) -> None:
    with pytest.raises(BadRequest):
        limits.concurrency_key(given)


def test_attempts_and_durations_have_ranges() -> None:
    assert limits.max_attempts(None) is None
    assert limits.max_attempts(10_000) == 10_000
    assert [limits.max_duration_ms(value) for value in (None, 1, 5, 90.5)] == [
        None,
        5_000,
        5_000,
        90_500,
    ]
    for attempts in (0, -1, 10_001):
        with pytest.raises(BadRequest):
            limits.max_attempts(attempts)
    for duration in (-1.0, float("nan")):
        with pytest.raises(BadRequest):
            limits.max_duration_ms(duration)


def test_tags_lose_blanks_and_duplicates_and_keep_their_order() -> None:
    assert limits.tags(["b", "a", "b", " ", ""]) == ["b", "a"]
    assert limits.tags("one") == ["one"]
    assert limits.tags(None) == []
    assert len(limits.tags([str(n) for n in range(10)])) == 10
    with pytest.raises(Unprocessable):
        limits.tags([str(n) for n in range(11)])
    with pytest.raises(BadRequest):
        limits.tags(["x" * 129])


def test_metadata_is_an_object_or_a_text_that_holds_one() -> None:
    assert limits.metadata(b'{"a": 1}') == '{"a": 1}'
    assert limits.metadata(b'"{\\"a\\":1}"') == '{"a":1}'
    assert limits.metadata(b'"{\\"json\\":{\\"a\\":1},\\"meta\\":{}}"') == '{"a":1}'
    assert limits.metadata(b'{"json":{"a":1}}') == '{"json":{"a":1}}'
    assert limits.metadata(b"null") is None


@pytest.mark.parametrize(
    "raw",
    [
        b"1",
        b"[]",
        b'"x"',
        b'"\\ud800"',
        b'{"a": NaN}',
        b'{"a":"\xff"}',
        b'"',
        b"{",
        b'"{\\"json\\":"',
    ],
)
def test_metadata_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        limits.metadata(raw)


def test_metadata_has_a_size_in_bytes() -> None:
    with pytest.raises(TooLarge):
        limits.check_metadata('{"a":"' + "é" * 140_000 + '"}')


def test_keys_have_lengths_and_times() -> None:
    assert limits.idempotency_key("k" * 2_048)
    assert [limits.key_ttl_ms(text) for text in ("60s", "5m", "24h", "30d")] == [
        MINUTE, 5 * MINUTE, DAY, 30 * DAY,
    ]  # fmt: skip
    for key in ("", "k" * 2_049):
        with pytest.raises(BadRequest):
            limits.idempotency_key(key)
    for text in ("1w", "1h30m", "5", "", "٣s", "9999999999s"):
        with pytest.raises(HairtriggerError):
            limits.key_ttl_ms(text)


def test_debounce_answers_its_delay_and_its_longest() -> None:
    assert limits.debounce(DebounceOption("k", "5s")) == (5 * SECOND, HOUR)
    assert limits.debounce(DebounceOption("k", "5s", max_delay="10s")) == (5 * SECOND, 10 * SECOND)


def test_task_has_a_name() -> None:
    assert limits.task_id("any text, as declared") == "any text, as declared"
    for text in ("", "x" * 257):
        with pytest.raises(BadRequest):
            limits.task_id(text)
