"""What proves that nothing was lost: the checks, and what one run's rows may and may not say.

Rows in, violations out; ``engine/verify.py`` reads the rows. The limits, which
are judged over the runs of a lane in time, are in ``rules/sweep.py``; what belongs to no single run (lanes,
batches, keys, schedules, tags) is in ``rules/records.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hairtrigger.rules import attempts
from hairtrigger.wire import ids
from hairtrigger.wire.statuses import REPORTED, FinalStatus, LiveState


class Check(NamedTuple):
    """Something that must hold of every ``unit``; ``meaning`` is what it means when it does not."""

    name: str
    unit: str
    claim: str
    meaning: str
    is_warning: bool = False

    @property
    def units(self) -> str:
        return f"{self.unit}es" if self.unit.endswith("ch") else f"{self.unit}s"


CHECKS = (
    Check("places", "run", "every run is in exactly one place, unfinished or finished",
          "A run was lost, or may still be handed out although it is over."),
    Check("results", "result", "every result fits what came before it",
          "A status was stored that the run cannot have reached."),
    Check("hand-outs", "hand-out", "the hand-outs of a run count from 1 without gaps, and each ended once",
          "A run may have been finished twice, or by a worker that no longer held it."),
    Check("attempts", "hand-out", "attempts count from 1 without gaps and stay within their bounds",
          "A run was executed more or less often than its retry policy says."),
    Check("overlaps", "hand-out", "no two hand-outs of a run overlapped",
          "Two workers held a run at once, or the clock was set back between them."),
    Check("limits", "hand-out", "no limit and no rate was ever exceeded",
          "More runs went on at once, or began, than a limit allows, or the clock was set back."),
    Check("counters", "lane", "the counters of every limit equal their rows",
          "A limit lets in too many or too few. Set right with: hairtrigger verify --repair"),
    Check("usage", "day", "the plan's count of each day equals its runs",
          "The plan lets in too many or too few. Set right with: hairtrigger verify --repair"),
    Check("lanes", "unfinished run", "every unfinished run is counted where it belongs",
          "A run is not held back by its limit, or nobody will ever hand it out."),
    Check("holders", "unfinished run", "what runs is held by a session, and nothing else is",
          "A run will never come back from a worker that is not there."),
    Check("batches", "batch", "batches have their items, and count those that are not over",
          "A batch lost an item, or will never be told finished."),
    Check("waits", "unfinished run", "a run waits for exactly what is still open",
          "A run will never be woken, or was woken too early."),
    Check("keys", "idempotency key", "every idempotency key points at a run that holds it",
          "A trigger with the key is answered with the wrong run."),
    Check("ticks", "scheduled run", "one run for each time of a schedule, and none before it",
          "A schedule fired twice for one time, or too early."),
    Check("environments", "run", "all that belongs to a run has its environment",
          "Something of one environment can be seen from another."),
    Check("relatives", "run", "parents and roots exist where their children are",
          "A tree of runs is broken: cancelling its root does not reach every run."),
    Check("tags", "tag", "every tag is one of a run that has it",
          "A list filtered by the tag shows the wrong runs."),
    Check("strays", "row", "no row belongs to a run or batch that is not there",
          "What a run left behind outlives it, or the run itself was lost."),
    Check("due", "time", "what is due does not lie about",
          "Servers are alive, but upkeep is stuck or far behind.", is_warning=True),
)  # fmt: skip

MAX_IDLE = attempts.MAX_IDLE_HAND_OUTS + 1  # and one as a suspect
MISSING = -1  # for an environment: of something that should exist
UNKNOWN = -1  # results.claimed_at of a run that ended before the column was there
# How a hand-out ends that does not finish its run (attempts.reason), and whether that uses the attempt.
USES_ATTEMPT = frozenset({"failed", "lost", "crashed"})
KEEPS_ATTEMPT = frozenset({"suspect", "handed back", "not begun"})
_FINAL, _LIVE = frozenset(FinalStatus), frozenset(LiveState)


class Violation(NamedTuple):
    check: str
    subject: str
    text: str


@dataclass(slots=True)
class Known:
    """What is small enough to be known at once: rows of the catalogue by their id.

    ``kept_from`` is the number from which on nothing can have been forgotten by retention.
    """

    tasks: dict[int, tuple[int, int]]  # environment, attempts that any version allows
    queues: dict[int, tuple[int, int | None]]  # environment, limit for each key
    versions: dict[int, int]  # environment
    kept_from: int


class RunRow(NamedTuple):
    """One run, joined with all that it names; what is not there is None."""

    id: int
    env: int
    task: int
    queue: int
    ckey: str
    pinned: int | None
    parent: int | None
    root: int | None
    depth: int
    batch: int | None
    schedule: int | None
    max_attempts: int | None
    # where it stands, or how it ended
    live: int | None
    result: int | None
    live_env: int | None
    result_env: int | None
    fence: int
    attempt: int
    started_at: int | None
    claimed_at: int | None
    version: int | None
    state: int | None
    lane: int | None
    tracked: int | None
    worker: int | None
    at: int | None
    waits: int | None
    open_waits: int | None
    status: int | None
    finished_at: int | None
    flags: int | None
    # what these name
    lane_queue: int | None
    lane_ckey: str | None
    session_env: int | None
    parent_env: int | None
    parent_root: int | None
    parent_depth: int | None
    root_env: int | None
    batch_env: int | None
    schedule_env: int | None

    @property
    def is_once(self) -> bool:
        """In exactly one place: only then do the columns above mean one thing."""
        return (self.live is None) != (self.result is None)


class HandOut(NamedTuple):
    """A run in the hands of a worker. ``ended_at`` is None while it is."""

    run_id: int
    fence: int
    attempt: int
    started_at: int | None
    ended_at: int | None
    reason: str


def name(run: RunRow) -> str:
    return ids.public("run", run.id)


def final_name(status: int | None) -> str:
    """A stored final status in words, whatever it is."""
    return FinalStatus(status).name if status in _FINAL else f"status {status}"


def hand_outs(run: RunRow, ended: Sequence[HandOut]) -> list[HandOut]:
    """All hand-outs of a run in order: those that did not finish it, and the one that did or may yet."""
    found = list(ended)
    if not run.is_once:
        return found
    if run.state == LiveState.RUNNING:
        found.append(HandOut(run.id, run.fence, run.attempt, run.claimed_at, None, "running"))
    elif run.result is not None and run.claimed_at is not None:
        began: int | None = run.claimed_at
        if began == UNKNOWN:
            if run.fence <= len(ended):
                return found
            began = run.started_at if run.fence == 1 else None
        end = final_name(run.status)
        found.append(HandOut(run.id, run.fence, run.attempt, began, run.finished_at, end))
    return found


def judge(run: RunRow, outs: Sequence[HandOut], known: Known) -> list[Violation]:
    """Everything that one run's rows can be wrong in."""
    found = [*place(run), *environments(run, known), *relatives(run, known)]
    if run.is_once:
        found += numbering(run, outs)
        found += attempt_numbers(run, outs, known)
        found += overlaps(run, outs)
        found += result(run) if run.result is not None else unfinished(run, known)
    return found


def place(run: RunRow) -> list[Violation]:
    if run.is_once:
        return []
    if run.live is None:
        return [Violation("places", name(run), "is neither unfinished nor finished: it is lost")]
    text = f"is unfinished and {final_name(run.status)} at once"
    return [Violation("places", name(run), text)]


def result(run: RunRow) -> list[Violation]:
    """Judge the end of a finished run."""
    status, found = run.status, []
    if status not in _FINAL:
        found.append("has a status that does not exist")
    if run.fence == 0 and status not in (FinalStatus.CANCELED, FinalStatus.EXPIRED):
        found.append(f"is {final_name(status)}, but was never handed out")
    if run.fence > 0 and status == FinalStatus.EXPIRED:
        found.append("expired after it had been handed out")
    if status == FinalStatus.COMPLETED and not (run.flags or 0) & REPORTED:
        found.append("completed without a report of its worker")
    if (run.started_at is None) != (run.fence == 0):
        found.append("has a start and no hand-out, or a hand-out and no start")
    return [Violation("results", name(run), text) for text in found]


def numbering(run: RunRow, outs: Sequence[HandOut]) -> list[Violation]:
    """Judge the numbers of a run's hand-outs."""
    for due, one in enumerate(outs, 1):
        if one.fence == due:
            continue
        if one.fence < due:
            before = next(other.reason for other in outs if other.fence == one.fence)
            text = f"hand-out {one.fence} ended twice: {before}, then {one.reason}"
        else:
            text = f"hand-out {due} is missing before hand-out {one.fence}"
        return [Violation("hand-outs", name(run), text)]
    if run.fence != len(outs):
        text = f"was handed out {run.fence} times by its own count, {len(outs)} are recorded"
        return [Violation("hand-outs", name(run), text)]
    return []


def attempt_numbers(run: RunRow, outs: Sequence[HandOut], known: Known) -> list[Violation]:
    """Judge the attempts of a run's hand-outs: each is the one before, or the next when that was used."""
    most = run.max_attempts or known.tasks.get(run.task, (0, 0))[1]
    found: list[str] = []
    due: tuple[int, ...] = (1,)
    for one in outs:
        if one.attempt not in due:
            found.append(f"hand-out {one.fence} is attempt {one.attempt}, due was {due[0]}")
        if most and one.attempt > most:
            found.append(f"began attempt {one.attempt} of at most {most}")
        if one.fence - one.attempt > MAX_IDLE:
            found.append(f"was handed out {one.fence} times for {one.attempt} attempts")
        due = _following(one)
    if sum(one.reason == "suspect" for one in outs) > 1:
        found.append("was a suspect more than once")
    if not _ends_with_last(run, outs):
        # what stands in a result is the last attempt that began, in an unfinished run the next one
        follows = due if run.result is None else tuple(one - 1 for one in due)
        if run.attempt not in follows:
            found.append(f"stands at attempt {run.attempt}, due is {follows[0]}")
    return [Violation("attempts", name(run), text) for text in found]


def _following(one: HandOut) -> tuple[int, ...]:
    if one.reason in USES_ATTEMPT:
        return (one.attempt + 1,)
    if one.reason in KEEPS_ATTEMPT:
        return (one.attempt,)
    return (one.attempt, one.attempt + 1)


def _ends_with_last(run: RunRow, outs: Sequence[HandOut]) -> bool:
    """Whether the run is in the hands of its last hand-out, or was finished by it."""
    return bool(outs) and outs[-1].reason in ("running", final_name(run.status))


def overlaps(run: RunRow, outs: Sequence[HandOut]) -> list[Violation]:
    """Judge the times of a run's hand-outs."""
    found, over = [], None
    if outs and outs[0].started_at is not None and run.started_at != outs[0].started_at:
        found.append("did not start with its first hand-out")
    for one in outs:
        if one.started_at is None:
            over = one.ended_at
            continue
        if over is not None and one.started_at < over:
            ms = over - one.started_at
            found.append(f"hand-out {one.fence} began {ms} ms before the one before it ended")
        if one.ended_at is not None and one.ended_at < one.started_at:
            found.append(f"hand-out {one.fence} ended before it began")
        over = one.ended_at
    return [Violation("overlaps", name(run), text) for text in found]


def unfinished(run: RunRow, known: Known) -> list[Violation]:
    """Judge the place of a run that is not over: its lane, who holds it, what it waits for."""
    found = [("lanes", text) for text in _lane(run, known)]
    found += [("holders", text) for text in _holder(run)]
    waits, open_waits = run.waits or 0, run.open_waits or 0
    if waits != open_waits:
        found.append(("waits", f"waits for {waits}, of which {open_waits} are open"))
    if (run.state == LiveState.WAITING) != (waits > 0):
        found.append(("waits", f"is in state {run.state} and waits for {waits}"))
    return [Violation(check, name(run), text) for check, text in found]


def _lane(run: RunRow, known: Known) -> list[str]:
    if not run.tracked:
        limit = known.queues.get(run.queue, (0, None))[1]
        if run.lane != -run.queue:
            return ["is in the lane of another queue"]
        return [] if limit is None else ["is counted by no lane, although its queue has a limit"]
    if run.lane_queue is None:
        return ["is in a lane that is not there"]
    if (run.lane_queue, run.lane_ckey) != (run.queue, run.ckey):
        return ["is in the lane of another queue or key"]
    return []


def _holder(run: RunRow) -> list[str]:
    found = []
    if run.state not in _LIVE:
        found.append(f"has a state that does not exist: {run.state}")
    if run.state == LiveState.RUNNING:
        if run.worker is None:
            found.append("is running without a session")
        elif run.session_env is None:
            found.append("is running in a session that is not there")
        if run.claimed_at is None or not run.fence:
            found.append("is running and was never handed out")
    elif run.worker is not None and run.state != LiveState.RESUMABLE:
        found.append("is not running, but held by a session")
    if run.state == LiveState.DELAYED and run.at is None:
        found.append("is delayed without a time")
    return found


def environments(run: RunRow, known: Known) -> list[Violation]:
    """Judge whether all that a run names is of its environment, as far as it is there."""
    named = {
        "unfinished row": run.live_env,
        "result": run.result_env,
        "session": run.session_env,
        "batch": run.batch_env,
        "schedule": run.schedule_env,
        "task": known.tasks.get(run.task, (MISSING, 0))[0],
        "queue": known.queues.get(run.queue, (MISSING, None))[0],
        "version": known.versions.get(run.version, MISSING) if run.version else None,
        "pinned version": known.versions.get(run.pinned, MISSING) if run.pinned else None,
    }
    return [
        Violation("environments", name(run), f"its {what} is not there" if env == MISSING else
                  f"its {what} is of another environment")
        for what, env in named.items() if env is not None and env != run.env
    ]  # fmt: skip


def relatives(run: RunRow, known: Known) -> list[Violation]:
    """Judge a run's parent and root; what retention may have forgotten is not missed."""
    found = []
    for what, number, env in (
        ("parent", run.parent, run.parent_env),
        ("root", run.root, run.root_env),
    ):
        if number is None:
            continue
        if env is None and number >= known.kept_from:
            found.append(f"its {what} {ids.public('run', number)} does not exist")
        elif env is not None and env != run.env:
            found.append(f"its {what} {ids.public('run', number)} is of another environment")
    if (run.parent is None) != (run.root is None) or (run.parent is None) != (run.depth == 0):
        found.append(f"its parent, root and depth ({run.depth}) do not fit each other")
    elif run.parent_depth is not None:
        if run.depth != run.parent_depth + 1:
            found.append(f"is {run.depth} deep, its parent {run.parent_depth}")
        if run.root != (run.parent_root or run.parent):
            found.append("has another root than its parent")
    return [Violation("relatives", name(run), text) for text in found]
