"""Cursors of trees: what was read is not read again, and nothing is missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hairtrigger.errors import BadRequest
from hairtrigger.rules import reading
from hairtrigger.rules.reading import MOST_NAMED, NEWS_MS, SLACK_MS, Cursor, Reader

ROOT, NOW = 816_370_317_873_119_233, 1_772_474_651_208
POSITION = 3 << 32 | 17


def after(text: str, run: int, ended_at: int | None) -> int | None:
    return reading.read(ROOT, text).after(Reader(run, ended_at))


def test_run_that_goes_on_is_read_from_where_it_was_left() -> None:
    text = reading.write(ROOT, NOW, 0, [Reader(ROOT, None)], {ROOT: POSITION})

    assert after(text, ROOT, None) == POSITION
    assert after(text, ROOT, NOW + 5) == POSITION


def test_run_that_was_over_for_long_is_read_no_more() -> None:
    done = NOW - SLACK_MS
    text = reading.write(ROOT, NOW, 0, [Reader(ROOT, done)], {ROOT: POSITION})

    assert after(text, ROOT, done) is None


def test_run_that_has_just_ended_may_have_more() -> None:
    just = NOW - SLACK_MS + 1
    text = reading.write(ROOT, NOW, 0, [Reader(ROOT, just)], {ROOT: POSITION})

    assert after(text, ROOT, just) == POSITION


def test_run_that_had_said_nothing_is_read_from_its_beginning() -> None:
    text = reading.write(ROOT, NOW, 0, [Reader(ROOT + 9, None)], {})

    assert after(text, ROOT + 9, None) == -1
    assert after(text, ROOT + 9, NOW + SLACK_MS) == -1


def test_page_that_ended_early_leaves_the_runs_behind_it() -> None:
    old = NOW - 60_000
    runs = [Reader(ROOT + n, old) for n in range(3)]
    text = reading.write(ROOT, NOW, ROOT + 1, runs, {ROOT: 5, ROOT + 1: POSITION})

    assert [after(text, ROOT + n, old) for n in range(3)] == [None, POSITION, -1]


def test_child_with_a_smaller_number_is_named_too() -> None:
    text = reading.write(ROOT, NOW, 0, [Reader(ROOT - 4, None)], {ROOT - 4: POSITION})

    assert after(text, ROOT - 4, None) == POSITION


def test_cursor_stays_short_enough_for_a_url() -> None:
    runs = [Reader(ROOT + (n << 22), None) for n in range(1_000)]
    text = reading.write(ROOT, NOW, 0, runs, {run.id: 1 << 32 | 9_999 for run in runs})

    assert len(text) < 6_000
    assert len(reading.read(ROOT, text).positions) == MOST_NAMED
    assert after(text, ROOT, None) == -1


def test_news_are_what_came_since_or_just_before() -> None:
    cursor = Cursor(NOW)

    assert cursor.is_new(None, NOW - NEWS_MS + 1)
    assert not cursor.is_new(None, NOW - NEWS_MS)
    assert Cursor().is_new(1)


@given(some.text(alphabet="0123456789abcdef.-x ", max_size=60))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        cursor = reading.read(ROOT, text)
    except BadRequest:
        return

    assert all(0 <= position < 1 << 53 for position in cursor.positions.values())


@pytest.mark.parametrize("text", ["", "1", "x.", "1..2.3", "1.2.z"])
def test_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        reading.read(ROOT, text)
