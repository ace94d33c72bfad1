"""Public ids and the numbers behind them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.wire import ids
from tests.clock import Clock

NUMBERS = st.integers(0, 2**63 - 1)


@given(NUMBERS)
def test_every_number_comes_back_from_its_public_id(number: int) -> None:
    text = ids.public("run", number)

    assert re.fullmatch("run_[a-z0-9]{24}", text)
    assert ids.parse("run", text) == number
    assert ids.parse("batch", text) is None


@given(NUMBERS, st.integers(4, 27), st.sampled_from("0123456789abcdef"))
def test_mistyped_id_is_refused(number: int, place: int, digit: str) -> None:
    text = ids.public("run", number)
    typo = text[:place] + digit + text[place + 1 :]

    assert typo == text or ids.parse("run", typo) is None


@given(st.text(max_size=40) | st.text(alphabet="run_0x ABCdef+-", max_size=30))
def test_any_text_is_an_id_or_nothing(text: str) -> None:
    found = ids.parse("run", text)

    assert found is None or ids.public("run", found) == text


@pytest.mark.parametrize("change", [str.upper, lambda t: t + "0", lambda t: t.replace("_", "__")])
def test_id_has_one_spelling(change: "type[str]") -> None:
    text = ids.public("run", 2**62 + 12345)

    assert ids.parse("run", change(text)) is None


def test_number_with_a_hexadecimal_prefix_is_no_id() -> None:
    assert ids.parse("run", "run_" + "0x" + "0" * 22) is None


def test_numbers_grow_whatever_the_clock_does() -> None:
    clock = Clock()
    make = ids.IdMaker(3, clock)
    made = []
    for step in (0, 0, 1, -5_000, 0, 10_000):
        clock.move(step)
        made += [make() for _ in range(3_000)]

    assert made == sorted(set(made))
    assert {number >> 12 & 1023 for number in made} == {3}


def test_number_knows_when_it_was_made() -> None:
    clock = Clock()
    number = ids.IdMaker(0, clock)()

    assert ids.created_at(number) == clock.now
    assert ids.first_at(clock.now) <= number < ids.first_at(clock.now + 1)
    assert ids.first_at(0) == 0


def test_numbers_begin_beyond_those_that_are_taken() -> None:
    clock = Clock()
    newest = [ids.IdMaker(0, clock)() for _ in range(5)][-1]
    clock.move(-60_000)
    make = ids.IdMaker(0, clock)

    make.go_beyond(newest)
    make.go_beyond(0)

    assert make() > newest


def test_node_has_a_range() -> None:
    with pytest.raises(ValueError, match="1023"):
        ids.IdMaker(1_024)
