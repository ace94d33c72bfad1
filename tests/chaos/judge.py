"""Whether the promises held: the comparison of what is stored with what was witnessed."""

import collections
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.chaos.history import OPEN, Execution, History

AT_MOST_ONCE = "once"
LIMITS = {"three": 3, "keyed": 1}  # of these tasks; keyed: for each key
UNLUCKY = ("CRASHED", "SYSTEM_FAILURE")  # how an at-most-once run may end
_SHOWN = 3


@dataclass
class Verdict:
    """What was seen, as figures, which promises broke, and why nothing could be seen, if so."""

    figures: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    skipped: str = ""


def judge(history: History, *, excused: bool = False) -> Verdict:
    """Compare all that is known of a scenario in which every accepted run had the time to end.

    Args:
        excused: Workers lost their leases: what they executed may be executed again.
    """
    verdict = Verdict()
    fenced = [one for one in history.executions if not one.zombie]
    begun = collections.Counter(one.run for one in history.executions)
    verdict.figures |= {"accepted": len(history.accepted), "executed": len(history.executions)}
    for name, found in (
        ("lost", lost(history)),
        ("finished twice", finished_twice(history)),
        ("made twice", made_twice(history.executions)),
        ("ended wrongly", ended_wrongly(history)),
        ("at most once broken", [
            run for run, accepted in history.accepted.items()
            if accepted.task == AT_MOST_ONCE and begun[run] > 1
        ]),
        ("over a limit", over_limits(fenced)),
        ("executed at once", overlapping(fenced)),
        ("executed needlessly", [] if excused else needless(fenced)),
        ("counters off", [
            f"{one.name} says {one.says}, rows: {one.rows}"
            for one in history.counters if one.says != one.rows
        ]),
    ):  # fmt: skip
        verdict.figures[name] = len(found)
        if found:
            verdict.broken.append(f"{name}: {len(found)}, such as {'; '.join(found[:_SHOWN])}")
    verdict.figures["executed again"] = dict(reasons_again(fenced))
    return verdict


def lost(history: History) -> list[str]:
    """Accepted runs that have not ended, or are nowhere."""
    return [run for run in history.accepted if run not in history.stored]


def finished_twice(history: History) -> list[str]:
    """Runs whose stored outcome changed after it was final."""
    final = [*history.looks, history.stored]
    return sorted(
        {
            run
            for before, after in itertools.pairwise(final)
            for run, outcome in before.items()
            if after.get(run) != outcome
        }
    )


def made_twice(executions: Iterable[Execution]) -> list[str]:
    """Requests, by their caller's number, that became more than one run."""
    runs = collections.defaultdict[str, set[str]](set)
    for one in executions:
        runs[one.number].add(one.run)
    return [f"{number}: {sorted(made)}" for number, made in runs.items() if len(made) > 1]


def ended_wrongly(history: History) -> list[str]:
    """Runs whose outcome is not that of an execution which the ledger knows, or should not be theirs."""
    ended = {(one.run, one.name) for one in history.executions if one.how == "end"}
    wrong = []
    for run, accepted in history.accepted.items():
        outcome = history.stored.get(run)
        if outcome is None:
            continue
        if outcome.status == "COMPLETED":
            if (run, outcome.output) not in ended:
                wrong.append(f"{run}: no execution of it ended with {outcome.output!r}")
        elif accepted.task != AT_MOST_ONCE or outcome.status not in UNLUCKY:
            wrong.append(f"{run} of {accepted.task} is {outcome.status}")
    return wrong


def most_at_once(executions: Iterable[Execution]) -> tuple[int, int]:
    """How many of these went on at the same instant, at most, and when."""
    steps = sorted(
        step for one in executions for step in ((one.began, 1), (min(one.ended, OPEN), -1))
    )  # at the same instant, ends come first
    now, most, at = 0, 0, 0
    for instant, step in steps:
        now += step
        if now > most:
            most, at = now, instant
    return most, at


def by_lane(executions: Iterable[Execution]) -> dict[tuple[str, str], list[Execution]]:
    """Executions of limited tasks, together with those that share their limit."""
    lanes = collections.defaultdict[tuple[str, str], list[Execution]](list)
    for one in executions:
        if one.task in LIMITS:
            lanes[one.task, one.key].append(one)
    return lanes


def over_limits(executions: Iterable[Execution]) -> list[str]:
    """Lanes of which more executions went on at once than their limit."""
    found = []
    for (task, key), members in by_lane(executions).items():
        most, at = most_at_once(members)
        if most > LIMITS[task]:
            found.append(f"{most} of {task} {key} at {at}, the limit is {LIMITS[task]}")
    return found


def limits_reached(executions: Iterable[Execution], since: int = 0) -> set[str]:
    """The limited tasks of which as many went on at once as may, among those that began since an instant."""
    return {
        task
        for (task, _), members in by_lane(one for one in executions if one.began >= since).items()
        if most_at_once(members)[0] >= LIMITS[task]
    }


def overlapping(executions: Iterable[Execution]) -> list[str]:
    """Runs that were executed twice at the same time, though no process of theirs was frozen."""
    of_run = collections.defaultdict[str, list[Execution]](list)
    for one in executions:
        of_run[one.run].append(one)
    return [
        run for run, members in of_run.items()
        if len(members) > 1 and most_at_once(members)[0] > 1
    ]  # fmt: skip


def again(executions: Iterable[Execution]) -> Iterable[tuple[Execution, Execution]]:
    """Each execution of a run but the first, with the one before it."""
    last: dict[str, Execution] = {}
    for one in executions:
        if one.run in last:
            yield last[one.run], one
        last[one.run] = one


def reasons_again(executions: Iterable[Execution]) -> collections.Counter[str]:
    """Why runs were executed again: what became of the process that executed them before."""
    return collections.Counter(before.holder or "none" for before, _ in again(executions))


def needless(executions: Iterable[Execution]) -> list[str]:
    """Runs that were executed again although the process that executed them lived, and was awake."""
    return [
        f"{after.run}, whose execution before ended with {before.how!r}"
        for before, after in again(executions)
        if not before.holder
    ]
