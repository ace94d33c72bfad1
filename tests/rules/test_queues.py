"""How many runs may start now: bounds that several lanes share, fair shares, and the bucket of a rate."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.rules.queues import (
    MILLI,
    EnvironmentLimit,
    Lane,
    may_start,
    next_start,
    refill,
)
from tests.clock import HOUR, MINUTE, SECOND

BOUNDS = st.none() | st.integers(0, 30)
LANES = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 20)), max_size=30).map(
    lambda rows: [Lane(id, queue, room) for id, (queue, room) in enumerate(rows)]
)
QUEUES = st.dictionaries(st.integers(1, 5), BOUNDS)
PERIODS = st.integers(1, 2_592_000).map(lambda seconds: seconds * SECOND)
COUNTS = st.integers(1, 1_000_000)


@given(LANES, QUEUES, BOUNDS, st.integers(0, 60))
def test_no_bound_is_ever_exceeded(
    lanes: list[Lane], queues: dict[int, int | None], free: int | None, want: int
) -> None:
    started = may_start(lanes, queues, free, want)

    known = {lane.id: lane for lane in lanes}
    by_queue = Counter[int]()
    for id, n in started:
        assert 0 < n <= known[id].room
        by_queue[known[id].queue] += n
    assert len({id for id, _ in started}) == len(started)
    assert by_queue.total() <= (want if free is None else min(want, free))
    for queue, n in by_queue.items():
        bound = queues.get(queue)
        assert bound is None or n <= bound


@given(LANES, QUEUES, BOUNDS, st.integers(0, 60))
def test_nothing_is_left_that_could_start(
    lanes: list[Lane], queues: dict[int, int | None], free: int | None, want: int
) -> None:
    started = dict(may_start(lanes, queues, free, want))

    left = (want if free is None else min(want, free)) - sum(started.values())
    used = Counter(dict.fromkeys(queues, 0))
    for lane in lanes:
        used[lane.queue] += started.get(lane.id, 0)
    for lane in lanes:
        bound = queues.get(lane.queue)
        full = bound is not None and used[lane.queue] == bound
        assert left == 0 or full or started.get(lane.id, 0) == lane.room


@given(LANES, QUEUES, BOUNDS, st.integers(1, 60))
def test_no_lane_starves_while_another_has_more_than_its_share(
    lanes: list[Lane], queues: dict[int, int | None], free: int | None, want: int
) -> None:
    started = dict(may_start(lanes, queues, free, want))

    able = [lane for lane in lanes if lane.room and queues.get(lane.queue) != 0]
    used = Counter[int]()
    for lane in able:
        used[lane.queue] += started.get(lane.id, 0)
    spent = {queue for queue, bound in queues.items() if bound == used[queue]}
    for position, lane in enumerate(able):
        if lane.id in started or free == 0:
            continue
        if lane.queue in spent:  # no other key of its queue took a second one instead
            keys = [one.id for one in able if one.queue == lane.queue]
            assert all(started.get(id, 0) <= 1 for id in keys)
        else:  # demand was spent on first ones, of whoever stands in front
            assert set(started.values()) == {1}
            assert all(one.id not in started for one in able[position:])


@given(st.lists(st.integers(1, 20), min_size=1, max_size=20), st.integers(1, 100))
def test_turns_give_every_lane_its_first_start_before_long(rooms: list[int], want: int) -> None:
    turns = [Lane(id, 1, room) for id, room in enumerate(rooms)]

    served = set[int]()
    for _ in range(-(-len(rooms) // want)):  # whoever was served steps back
        started = {id for id, _ in may_start(turns, {}, None, want)}
        served |= started
        turns.sort(key=lambda lane: lane.id in started)

    assert served == set(range(len(rooms)))


def test_fair_shares_come_first_and_the_rest_in_the_order_of_turns() -> None:
    lanes = [Lane(1, 1, 10), Lane(2, 1, 1), Lane(3, 2, 10)]

    assert may_start(lanes, {}, None, 9) == [(1, 5), (2, 1), (3, 3)]
    assert may_start(lanes, {}, None, 2) == [(1, 1), (2, 1)]
    assert may_start(lanes, {}, 2, 9) == [(1, 1), (2, 1)]


def test_keys_of_a_queue_share_what_it_has_left() -> None:
    lanes = [Lane(1, 1, 10), Lane(2, 1, 10), Lane(3, 2, 10)]

    assert may_start(lanes, {1: 4, 2: 0}, None, 30) == [(1, 2), (2, 2)]
    assert may_start(lanes, {1: 1}, None, 30) == [(1, 1), (3, 10)]


def test_nothing_starts_without_demand_room_or_lanes() -> None:
    assert may_start([Lane(1, 1, 5)], {}, None, 0) == []
    assert may_start([Lane(1, 1, 5)], {}, 0, 5) == []
    assert may_start([], {}, None, 5) == []


def test_environment_runs_more_than_its_limit_in_all_but_no_queue_does() -> None:
    env = EnvironmentLimit(10, burst=200)

    assert env.free(15) == 5
    assert env.free(25) == 0  # a lowered limit drains
    assert env.free_of_queue(7) == 3
    assert env.free_of_queue(11) == 0
    assert env.free_of_queue(7, total_limit=8) == 1
    assert env.free_of_queue(7, total_limit=20) == 3
    assert env.free_of_queue(0, tokens=2_999) == 2


def test_environment_without_a_limit_bounds_nothing() -> None:
    env = EnvironmentLimit()

    assert env.free(1_000_000) is None
    assert env.free_of_queue(1_000_000) is None
    assert env.free_of_queue(3, total_limit=5) == 2


@given(st.integers(0, 1_000), st.integers(100, 1_000), st.integers(0, 2_000), st.integers(0, 2_000))
def test_room_of_an_environment_is_never_negative(
    limit: int, burst: int, running: int, total: int
) -> None:
    env = EnvironmentLimit(limit, burst)

    free, of_queue = env.free(running), env.free_of_queue(running, total_limit=total)
    assert free is not None
    assert of_queue is not None
    assert 0 <= free <= limit * burst // 100
    assert 0 <= of_queue <= min(limit, total)


@given(COUNTS, PERIODS, st.lists(st.integers(0, HOUR), max_size=30))
def test_however_often_a_bucket_is_looked_at_nothing_is_lost_or_won(
    count: int, per_ms: int, pauses: list[int]
) -> None:
    start = 1_700_000_000_000
    tokens, at, now = 0, start, start

    for pause in pauses:
        now += pause
        tokens, at = refill(tokens, at, now, count=count, per_ms=per_ms)

        once, _ = refill(0, start, now, count=count, per_ms=per_ms)
        assert tokens == once
    exact = Fraction((now - start) * count * MILLI, per_ms)
    step = Fraction(count * MILLI, 1_000)  # a thousandth of a period
    assert min(exact, Fraction(count * MILLI)) - step < tokens <= exact
    assert tokens <= count * MILLI


@given(
    COUNTS, PERIODS, st.lists(st.tuples(st.integers(0, MINUTE), st.integers(0, 50)), max_size=50)
)
def test_rate_is_kept_over_any_time(count: int, per_ms: int, asked: list[tuple[int, int]]) -> None:
    now, tokens, at, started = 1_700_000_000_000, 0, 0, 0
    begun = now
    for pause, want in asked:
        now += pause
        tokens, at = refill(tokens, at, now, count=count, per_ms=per_ms)
        n = min(want, tokens // MILLI)
        tokens, started = tokens - n * MILLI, started + n

        assert tokens >= 0
        assert started <= count + Fraction((now - begun) * count, per_ms)


@given(COUNTS, PERIODS, st.integers(0, 999))
def test_next_start_is_when_the_bucket_first_holds_a_whole_token(
    count: int, per_ms: int, tokens: int
) -> None:
    at = 1_700_000_000_000

    due = next_start(tokens, at, count=count, per_ms=per_ms)

    assert refill(tokens, at, due, count=count, per_ms=per_ms)[0] >= MILLI
    assert refill(tokens, at, due - 1, count=count, per_ms=per_ms)[0] < MILLI


def test_bucket_that_was_never_used_is_full_and_so_is_one_that_rests() -> None:
    now = 1_700_000_000_000

    assert refill(0, 0, now, count=100, per_ms=MINUTE) == (100_000, now)
    assert refill(7, now, now + MINUTE, count=100, per_ms=MINUTE) == (100_000, now + MINUTE)
    assert next_start(MILLI, now, count=1, per_ms=MINUTE) == now


def test_bucket_of_a_lowered_rate_holds_no_more_than_the_new_one() -> None:
    assert refill(100_000, 50, 50, count=5, per_ms=SECOND) == (5_000, 50)


@pytest.mark.parametrize("back_ms", [1, SECOND, HOUR])
def test_clock_that_is_set_back_earns_nothing_twice_and_stops_for_a_period_at_most(
    back_ms: int,
) -> None:
    at = 1_700_000_000_000

    tokens, then = refill(500, at, at - back_ms, count=1, per_ms=MINUTE)

    assert tokens == 500
    assert then == min(at, at - back_ms + MINUTE)
    assert refill(tokens, then, then, count=1, per_ms=MINUTE) == (500, then)
