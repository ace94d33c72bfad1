"""Verify's decisions: what one run's rows may say, what a limit allows, what belongs to whom."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.rules import attempts, queues, records, verify
from hairtrigger.rules.records import Ticks
from hairtrigger.rules.sweep import EARLY_MS, Limit, Owner, Pace, Sweep
from hairtrigger.rules.verify import UNKNOWN, HandOut, Known, RunRow, Violation
from hairtrigger.wire import ids
from hairtrigger.wire.rates import Rate
from hairtrigger.wire.statuses import REPORTED, FinalStatus, LiveState
from hairtrigger.wire.worker import Failure, Result, RetryPolicy

KNOWN = Known(tasks={1: (7, 3)}, queues={1: (7, None)}, versions={5: 7}, kept_from=0)
LANE: Owner = ("lane", 1, "")
RUN = RunRow(
    id=42, env=7, task=1, queue=1, ckey="", pinned=None, parent=None, root=None, depth=0, batch=None,
    schedule=None, max_attempts=None, live=None, result=42, live_env=None, result_env=7, fence=1, attempt=1,
    started_at=100, claimed_at=100, version=5, state=None, lane=None, tracked=None, worker=None, at=None,
    waits=None, open_waits=None, status=FinalStatus.COMPLETED, finished_at=200, flags=REPORTED,
    lane_queue=None, lane_ckey=None, session_env=None, parent_env=None, parent_root=None, parent_depth=None,
    root_env=None, batch_env=None, schedule_env=None,
)  # fmt: skip


def finished(**facts: Any) -> RunRow:
    return RUN._replace(**facts)


def unfinished(**facts: Any) -> RunRow:
    given: dict[str, Any] = {
        "live": 42, "live_env": 7, "result": None, "result_env": None, "state": LiveState.READY, "lane": -1,
        "tracked": 0, "waits": 0, "open_waits": 0, "fence": 0, "started_at": None, "claimed_at": None,
        "status": None, "finished_at": None, "flags": None, **facts,
    }  # fmt: skip
    return RUN._replace(**given)


def out(fence: int, attempt: int, start: int, end: int | None, reason: str = "failed") -> HandOut:
    return HandOut(42, fence, attempt, start, end, reason)


def judged(run: RunRow, *ended: HandOut) -> list[tuple[str, str]]:
    found = verify.judge(run, verify.hand_outs(run, ended), KNOWN)
    assert {one.subject for one in found} <= {ids.public("run", 42)}
    return [(one.check, one.text) for one in found]


@pytest.mark.parametrize(
    ("run", "ended"),
    [
        (finished(), []),
        (finished(fence=2, attempt=2, claimed_at=150), [out(1, 1, 100, 120)]),
        (finished(fence=2, attempt=1, claimed_at=150), [out(1, 1, 100, 120, "not begun")]),
        (finished(fence=2, attempt=1, claimed_at=150), [out(1, 1, 100, 120, "suspect")]),
        (finished(status=2, fence=0, attempt=0, started_at=None, claimed_at=None), []),
        (finished(status=2, fence=1, attempt=1, claimed_at=None), [out(1, 1, 100, 120)]),
        (finished(status=2, fence=1, attempt=0, claimed_at=None), [out(1, 1, 100, 120, "suspect")]),
        (finished(fence=2, attempt=2, claimed_at=UNKNOWN), [out(1, 1, 100, 120)]),
        (unfinished(), []),
        (unfinished(fence=1, attempt=2, started_at=100), [out(1, 1, 100, 120, "lost")]),
        (unfinished(state=2, worker=9, session_env=7, fence=1, started_at=100, claimed_at=100), []),
    ],
)
def test_lives_that_the_engine_writes_are_in_order(run: RunRow, ended: list[HandOut]) -> None:
    assert judged(run, *ended) == []


def test_run_that_is_lost_or_in_two_places_is_judged_by_nothing_else() -> None:
    assert [check for check, _ in judged(finished(result=None, result_env=None))] == ["places"]
    assert [check for check, _ in judged(finished(live=42, live_env=7))] == ["places"]


def test_hand_outs_of_one_tick_that_follow_each_other_do_not_overlap() -> None:
    run = finished(fence=2, attempt=2, claimed_at=120)

    assert judged(run, out(1, 1, 100, 120)) == []
    assert judged(run, out(1, 1, 100, 121)) == [
        ("overlaps", "hand-out 2 began 1 ms before the one before it ended")
    ]


def test_hand_outs_without_end_are_counted_against_the_bound() -> None:
    most = attempts.MAX_IDLE_HAND_OUTS
    ended = [out(n, 1, 100, 100, "not begun") for n in range(1, most + 3)]
    run = finished(fence=most + 3, attempt=1, claimed_at=100)

    assert ("attempts", f"was handed out {most + 3} times for 1 attempts") in judged(run, *ended)
    assert judged(finished(fence=most + 2, attempt=1, claimed_at=100), *ended[:-1]) == []


def test_second_suspicion_is_one_too_many() -> None:
    ended = [out(1, 1, 100, 100, "suspect"), out(2, 1, 100, 100, "suspect")]

    found = judged(finished(fence=3, attempt=1, claimed_at=100), *ended)

    assert found == [("attempts", "was a suspect more than once")]


def test_every_way_back_that_the_engine_knows_is_judged_by_its_reason() -> None:
    run = attempts.HandOut(1, 1, 0, 3, RetryPolicy())
    failure = Failure("Error", "no")
    ways = [
        attempts.after_result(run, result, 0)
        for result in (
            Result("", 1, failed=failure, retry_in_ms=5), Result("", 1, crashed=failure, alone=True),
            Result("", 1, crashed=failure, alone=False), Result("", 1, begun=True),
        )
    ]  # fmt: skip
    ways += [attempts.after_silence(run), attempts.when_not_begun(run)]
    back = [way for way in ways if isinstance(way, attempts.Again)]

    assert len(back) == len(ways)
    assert {way.reason for way in back if way.attempt_used} == verify.USES_ATTEMPT
    assert {way.reason for way in back if not way.attempt_used} == verify.KEEPS_ATTEMPT


def test_run_of_a_limited_queue_must_be_counted_and_in_its_own_lane() -> None:
    limited = Known(KNOWN.tasks, {1: (7, 2)}, KNOWN.versions, 0)
    counted = unfinished(tracked=1, lane=4, lane_queue=1, lane_ckey="")

    assert verify.judge(counted, [], limited) == []
    assert [one.check for one in verify.judge(unfinished(), [], limited)] == ["lanes"]
    assert judged(counted._replace(lane_ckey="b")) == [
        ("lanes", "is in the lane of another queue or key")
    ]


def test_older_parent_may_have_been_forgotten() -> None:
    run = finished(parent=10, root=10, depth=1)

    assert [check for check, _ in judged(run)] == ["relatives", "relatives"]
    assert verify.relatives(run, Known({}, {}, {}, kept_from=11)) == []


def swept(limit: int, *intervals: tuple[int, int | None], since: int = 0) -> list[str]:
    """The runs (by their place) that began when the limit was reached."""
    sweep = Sweep(until=10_000)
    owners = [(LANE, Limit("queue q", limit, since))]
    for place, (start, end) in enumerate(intervals):
        sweep.add(HandOut(place, 1, 1, start, end, ""), owners)
    return [one.subject for one in sweep.finish()]


def named(*places: int) -> list[str]:
    return [ids.public("run", place) for place in places]


def test_limit_is_exceeded_by_whoever_begins_when_it_is_reached() -> None:
    assert swept(2, (10, 20), (15, 30), (18, 40)) == named(2)
    assert swept(2, (10, None), (15, None), (18, None), (19, 20)) == named(2, 3)
    assert swept(2, (10, 18), (15, 30), (18, 40)) == []
    assert swept(1, (10, 10), (10, 10), (10, 11)) == []


def paced(*starts: int, since: int = 0) -> list[str]:
    """The runs (by their place) that began faster than 6 a minute, one each 10 s."""
    sweep = Sweep(until=10_000_000)
    owners = [(LANE, Pace("queue q", Rate(6, 60_000), since))]
    for place, start in enumerate(starts):
        sweep.add(HandOut(place, 1, 1, start, start, ""), owners)
    return [one.subject for one in sweep.finish()]


def test_rate_is_exceeded_by_whoever_begins_before_a_token_is_earned() -> None:
    full = [100_000] * 6
    assert paced(*full) == []
    assert paced(*full, 100_000) == named(6)
    assert paced(*full, 110_000 - EARLY_MS) == []
    assert paced(*full, 110_000 - EARLY_MS - 1) == named(6)
    assert paced(*full, 110_000, 120_000, 130_000, 130_000) == named(9)


def test_rate_judges_what_began_after_it_was_set() -> None:
    assert paced(*[100_000] * 20, since=100_000) == []
    assert paced(*[100_000] * 20, *[100_001] * 7, since=100_000) == named(26)


@given(st.lists(st.integers(0, 40_000), max_size=80))
def test_starts_that_the_bucket_of_a_rate_allows_are_never_accused(gaps: list[int]) -> None:
    tokens, at, now, starts = 0, 0, 100_000, []
    for gap in gaps:
        now += gap
        tokens, at = queues.refill(tokens, at, now, count=6, per_ms=60_000)
        if tokens >= queues.MILLI:
            tokens -= queues.MILLI
            starts.append(now)

    assert paced(*starts) == []


def test_order_in_which_intervals_come_does_not_matter() -> None:
    assert swept(1, (50, 60), (10, 55)) == named(0)


def test_limit_judges_what_began_after_it_was_set_but_counts_what_ran_before() -> None:
    assert swept(1, (10, 99), (11, 99), (30, 99), since=20) == named(2)


def test_what_began_after_the_walk_is_not_judged() -> None:
    assert swept(1, (9_999, None), (10_000, 10_001)) == []


def test_sweep_forgets_what_is_over_and_counts_what_came_too_late() -> None:
    sweep = Sweep(until=10_000_000)
    for n in range(3_000):
        owner: Owner = ("lane", 1, f"k{n}")
        sweep.add(HandOut(n, 1, 1, n, n + 1, ""), [(owner, Limit("queue q", 1, 0))])
        assert sweep.advance(n) == []

    assert len(sweep._ends) < 1_100
    sweep.add(HandOut(1, 1, 1, 5, 6, ""), [(LANE, Limit("queue q", 1, 0))])
    assert sweep.unplaced == 1


def test_a_time_of_a_schedule_has_one_run_and_it_is_not_early() -> None:
    payload = '{"json":{"timestamp":"1970-01-01T00:01:00.000Z"},"meta":{}}'
    ticks = Ticks()

    assert ticks.see(3, 1, 60_000, payload) == []
    assert ticks.see(4, 2, 60_001, payload) == []
    (second,) = ticks.see(4, 3, 60_002, payload)
    assert second.text == (
        f"is the second run of {ids.public('sched', 4)} for 1970-01-01T00:01:00.000Z: "
        f"{ids.public('run', 2)} was first"
    )
    assert ticks.see(5, 4, 1, payload)[0].text.startswith("was made 59999 ms before its time")
    assert ticks.see(5, 5, 1, "{")[0].text == "is a schedule's, but has no time in its payload"


def test_batch_that_is_given_up_has_an_end() -> None:
    row = records.BatchRow(1, 7, total=3, made=1, open=1, sealed=0, aborted=1, finished_at=9, items=1,
                           unfinished=1, beyond=0, unclear=0, foreign=0, lost=0)  # fmt: skip

    assert records.batch(row) == []
    assert [one.text for one in records.batch(row._replace(finished_at=None))] == [
        "is over without an end"
    ]


def test_key_of_a_run_that_retention_may_have_forgotten_is_not_judged() -> None:
    row = records.KeyRow(7, 1, "k", 10, None, None, None, None, None, None)

    assert records.key(row, kept_from=11) == []
    assert records.key(row, kept_from=10) == [
        Violation("keys", ids.public("run", 10), "is named by the key 'k', but does not exist")
    ]
