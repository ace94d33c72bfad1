"""Plans: what they allow, the month that they count, and what is said near its end."""

import pytest

from hairtrigger.errors import BadRequest, PlanLimitReached, Unprocessable, from_status
from hairtrigger.rules import plans
from hairtrigger.rules.plans import Numbers
from hairtrigger.rules.queues import EnvironmentLimit
from tests.clock import DAY, ms


@pytest.mark.acceptance("S102")
@pytest.mark.acceptance("S105")
def test_plans_have_the_numbers_of_the_original_unless_told_otherwise() -> None:
    free, pro, unlimited = (plans.plan_of(name, Numbers()) for name in plans.NAMES)
    told = plans.plan_of("free", Numbers(free_runs=0, free_concurrency=7))

    assert (free.runs, free.concurrency) == (100_000, 1)
    assert (pro.runs, pro.concurrency, pro.price) == (1_000_000, None, "$29/month")
    assert not unlimited.is_limited
    assert (told.runs, told.concurrency) == (None, 7)
    with pytest.raises(BadRequest, match="free, pro, unlimited"):
        plans.check("gold")


def test_months_are_of_the_calendar_in_utc() -> None:
    leap = plans.month_of(ms("2028-02-29T23:59:59.999"))
    december = plans.month_of(ms("2026-12-01T00:00:00"))

    assert (leap.begin, leap.end, leap.days) == (ms("2028-02-01"), ms("2028-03-01"), 29)
    assert (december.begin, december.reset) == (ms("2026-12-01"), "2027-01-01")


def test_a_refusal_crosses_the_wire_as_itself() -> None:
    month = plans.month_of(ms("2026-11-05"))
    error = plans.refusal(plans.plan_of("free", Numbers()), month)
    heard = from_status(422, str(error), error.code, error.details)

    for word in ("free", "100,000", "2026-12-01"):
        assert word in str(error)
    assert (error.plan, error.limit, error.resets_on) == ("free", 100_000, "2026-12-01")
    assert isinstance(heard, PlanLimitReached)
    assert str(heard) == str(error)
    assert (heard.plan, heard.limit, heard.resets_on) == ("free", 100_000, "2026-12-01")
    assert isinstance(from_status(422, "no", error.code), PlanLimitReached)
    assert type(from_status(422, "no")) is Unprocessable


def test_warnings_begin_at_eighty_percent() -> None:
    assert plans.warning(799, 1_000) is None
    assert plans.warning(10**9, None) is None
    assert plans.warning(800, 1_000) == "80% of this month's runs are used: 200 are left."
    assert "99.9%" in str(plans.warning(999_999, 1_000_000))
    assert "refused" in str(plans.warning(1_000, 1_000))
    assert plans.percentage(5, None) is None


def test_the_first_day_that_is_kept_is_a_whole_one() -> None:
    assert plans.kept_from(10 * DAY + 5, 3 * DAY) == 8 * DAY
    assert plans.kept_from(10 * DAY, 3 * DAY) == 7 * DAY
    assert plans.kept_from(10 * DAY, 0) == 0


@pytest.mark.parametrize(
    ("limit", "burst", "plan", "most", "of_queue"),
    [(None, 100, None, None, None), (4, 200, None, 8, 4), (4, 200, 6, 6, 4), (4, 200, 1, 1, 1),
     (None, 100, 3, 3, 3)],
)  # fmt: skip
def test_the_smaller_of_plan_and_limit_bounds_an_environment(
    limit: int | None, burst: int, plan: int | None, most: int | None, of_queue: int | None
) -> None:
    one = EnvironmentLimit(limit, burst, plan)

    assert (one.most, one.most_of_queue) == (most, of_queue)
    assert one.free(0) == most
    assert one.free_of_queue(0) == of_queue
    assert one.is_set == (most is not None)
