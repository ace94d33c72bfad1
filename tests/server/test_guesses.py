"""Wrong passwords: five in a minute, then waits that grow, forgotten in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.errors import RateLimitError
from hairtrigger.server import guesses
from hairtrigger.server.guesses import Guesses


class Time:
    def __init__(self) -> None:
        self.now = 5_000.0
        self.guesses = Guesses(lambda: self.now)

    def wait_s(self, *names: str) -> int:
        """Try, and fail; answers how long to wait before the next try would even be heard, or 0."""
        try:
            self.guesses.take(*names)
        except RateLimitError as error:
            return round(error.retry_after_ms / 1_000)
        return 0


@pytest.fixture
def time() -> Time:
    return Time()


def test_the_door_is_closed_after_five_and_for_longer_each_time(time: Time) -> None:
    first = [time.wait_s("a") for _ in range(6)]
    waits = []
    for _ in range(6):
        waits.append(time.wait_s("a"))
        time.now += waits[-1] + 0.01
        assert time.wait_s("a") == 0, "one more try, when the wait is over"

    assert first == [0, 0, 0, 0, 0, 60]
    assert waits == [60, 120, 240, 480, 900, 900]


def test_who_is_refused_is_told_when_to_come_back(time: Time) -> None:
    for _ in range(5):
        time.wait_s("a")
    time.now += 20.5

    with pytest.raises(RateLimitError, match="40 seconds") as refused:
        time.guesses.take("a")

    assert refused.value.retry_after_ms == 39_501


def test_five_in_more_than_a_minute_are_nothing(time: Time) -> None:
    for _ in range(50):
        assert time.wait_s("a") == 0
        time.now += 15.1


def test_one_who_is_closed_out_closes_nobody_else_out(time: Time) -> None:
    for n in range(5):
        assert time.wait_s("address", f"email {n}") == 0

    assert time.wait_s("address", "email 9") == 60
    assert time.wait_s("email 9") == 0


def test_an_email_is_closed_for_every_address(time: Time) -> None:
    for n in range(5):
        assert time.wait_s(f"address {n}", "email") == 0

    assert time.wait_s("address 9", "email") == 60


def test_a_right_one_takes_itself_back_and_nothing_else(time: Time) -> None:
    for _ in range(4):
        time.wait_s("a")
        time.now += 1
    for _ in range(3):
        time.guesses.forgive("a", time.guesses.take("a"))

    assert time.wait_s("a") == 0
    assert time.wait_s("a") > 0


def test_a_right_one_in_the_end_closes_the_door_no_further(time: Time) -> None:
    for _ in range(5):
        time.wait_s("a")
    time.now += 60.1
    time.guesses.forgive("a", time.guesses.take("a"))

    assert time.wait_s("a") == 0
    assert time.wait_s("a") == 120


def test_many_at_once_are_counted_before_they_are_known_to_fail(time: Time) -> None:
    tries = [time.wait_s("a") for _ in range(100)]

    assert tries.count(0) == 5


def test_a_quarter_of_an_hour_of_quiet_after_the_wait_is_forgiven(time: Time) -> None:
    for _ in range(5):
        time.wait_s("a")
    time.now += 60 + guesses.MOST_S - 0.1
    late = [time.wait_s("a"), time.wait_s("a")]
    time.now += 120 + guesses.MOST_S
    later = [time.wait_s("a") for _ in range(6)]

    assert late == [0, 120]
    assert later == [0, 0, 0, 0, 0, 60]


def test_what_was_forgotten_is_not_counted(time: Time) -> None:
    for _ in range(5):
        time.wait_s("a")

    time.guesses.forget("a")

    assert time.wait_s("a") == 0


def test_memory_is_bounded(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "REMEMBERED", 100)
    for n in range(1_000):
        time.wait_s(f"address {n}", f"email {n}")

    assert len(time.guesses._seen) == 100


@given(st.lists(st.floats(0, 2_000), max_size=60))
def test_nobody_has_more_tries_than_five_a_minute(pauses: list[float]) -> None:
    time, allowed = Time(), []
    for pause in pauses:
        time.now += pause
        if time.wait_s("a") == 0:
            allowed.append(time.now)

    for n, at in enumerate(allowed):
        assert sum(at - 60 < one <= at for one in allowed[: n + 1]) <= guesses.FREE
