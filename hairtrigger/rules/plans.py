"""Plans: how many runs an organisation may make in a calendar month (UTC), and how many execute at once.

Pure: numbers in, answers out. ``store/allowance.py`` counts, ``store/claim.py`` keeps to what runs at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from hairtrigger.errors import BadRequest, PlanLimitReached

Name = Literal["free", "pro", "unlimited"]
NAMES: tuple[Name, ...] = get_args(Name)
DEFAULT: Name = "unlimited"
DAY_MS = 86_400_000
ORGANIZATION = 1  # the only one of an installation
WARNING_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the plans allow: runs in a month, and at once; 0 is no limit."""

    free_runs: int = 100_000
    free_concurrency: int = 1
    pro_runs: int = 1_000_000
    pro_concurrency: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it is in force. None: no limit."""

    name: Name
    runs: int | None
    concurrency: int | None
    price: str
    support: str

    @property
    def is_limited(self) -> bool:
        """Whether it refuses or holds back anything."""
        return self.runs is not None or self.concurrency is not None


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC, as ms since 1970: from ``begin``, before ``end``."""

    begin: int
    end: int

    @property
    def days(self) -> int:
        """How many it has."""
        return (self.end - self.begin) // DAY_MS

    @property
    def reset(self) -> str:
        """The day on which counting begins anew: ``2026-12-01``."""
        return f"{datetime.fromtimestamp(self.end / 1_000, UTC):%Y-%m-%d}"


def check(name: str) -> Name:
    """A plan's name.

    Raises:
        BadRequest: there is no such plan.
    """
    for known in NAMES:
        if known == name:
            return known
    raise BadRequest(f"There is no plan {name[:60]!r}. Known: {', '.join(NAMES)}.")


def plan_of(name: Name, numbers: Numbers) -> Plan:
    """A plan with the numbers of this installation."""
    if name == "free":
        runs, concurrency = numbers.free_runs or None, numbers.free_concurrency or None
        return Plan(name, runs, concurrency, "$0", "community support")
    if name == "pro":
        runs, concurrency = numbers.pro_runs or None, numbers.pro_concurrency or None
        return Plan(name, runs, concurrency, "$29/month", "priority support")
    return Plan(name, None, None, "self-hosted", "community support")


UNLIMITED = plan_of(DEFAULT, Numbers())


def month_of(instant: int) -> Month:
    """The month that an instant (ms) is in."""
    begin = datetime.fromtimestamp(instant // 1_000, UTC).replace(day=1, hour=0, minute=0, second=0)
    after = begin.replace(
        year=begin.year + (begin.month == 12), month=begin.month % 12 + 1
    )  # fmt: skip
    return Month(int(begin.timestamp()) * 1_000, int(after.timestamp()) * 1_000)


def kept_from(now: int, retention_ms: int) -> int:
    """The first day (ms) of which every run is still there, as far as retention goes; 0 keeps all."""
    return -(-(now - retention_ms) // DAY_MS) * DAY_MS if retention_ms else 0


def refusal(plan: Plan, month: Month) -> PlanLimitReached:
    """What is said to a run that a month has no room for."""
    return PlanLimitReached(plan.name, plan.runs or 0, month.reset)


def percentage(used: int, limit: int | None) -> float | None:
    """How much of a limit is used, in percent with one decimal, rounded down: 100 is said only of all of it.
    None without a limit."""
    if not limit:
        return None
    return used * 1_000 // limit / 10


def warning(used: int, limit: int | None) -> str | None:
    """What to say of a month that comes to its end of runs: None below 80 percent."""
    share = percentage(used, limit)
    if share is None or limit is None or share < WARNING_PERCENT:
        return None
    if used >= limit:
        return f"All {limit:,} runs of this month are used: new ones are refused."
    return f"{share:g}% of this month's runs are used: {limit - used:,} are left."
