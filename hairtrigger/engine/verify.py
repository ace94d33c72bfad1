"""Walking the whole history, read only and in chunks, to prove that nothing was lost.

Works beside servers: each chunk is one snapshot, and what happened after the walk began is not judged where
it takes several. What is right and wrong is in ``rules/verify.py`` and its neighbours.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from hairtrigger.rules import plans, records, sweep, verify
from hairtrigger.rules.sweep import Bounds, Limit, Owner, Pace, Sweep
from hairtrigger.rules.verify import CHECKS, Check, HandOut, Known, RunRow, Violation
from hairtrigger.store import catalog as catalogs
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Database, Row, Steps, fetch
from hairtrigger.store.store import one
from hairtrigger.wire import ids
from hairtrigger.wire.rates import Rate

CHUNK = 2_000  # runs, or rows of another table, in one snapshot
SHOWN = 20
LATE_MS = 60_000


@dataclass(slots=True)
class Finding:
    """What came of a check: ``rows`` looked at, violations ``found``, and the first of these."""

    check: Check
    rows: int = 0
    found: int = 0
    shown: list[Violation] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.found


class Tally:
    """Counts rows and violations by check."""

    def __init__(self) -> None:
        self.findings = {check.name: Finding(check) for check in CHECKS}

    def look(self, check: str, rows: int) -> None:
        self.findings[check].rows += rows

    def note(self, violations: Iterable[Violation]) -> None:
        for violation in violations:
            finding = self.findings[violation.check]
            finding.found += 1
            if len(finding.shown) < SHOWN:
                finding.shown.append(violation)


async def verify_history(
    database: Database,
    *,
    since_ms: int | None = None,
    retention_ms: int = 0,
    on_start: Callable[[int], None] = lambda _: None,
    on_runs: Callable[[int], None] = lambda _: None,
) -> list[Finding]:
    """Judge every stored run, and all that belongs to runs; answers a finding for each check.

    Args:
        since_ms: Only runs (and batches) that were created so long ago or less; None for all.
        retention_ms: What servers were told: an older run that something names may be forgotten; 0: none is.
        on_start: Called with the number of runs to come; ``on_runs`` then with each few that are done.
    Raises:
        Unavailable: the database cannot be read now.
    """
    now = database.now()
    walk = _Walk(database, now, await database.read(catalogs.load()), retention_ms)
    after = ids.first_at(now - since_ms) - 1 if since_ms is not None else -1
    on_start((await database.read(one("verify_count", after)))[0][0])
    await walk.limits()
    async for count in walk.runs(after):
        on_runs(count)
    await walk.counters()
    await walk.usage(plans.kept_from(now, retention_ms))
    await walk.keys(after)
    await walk.ticks(after)
    await walk.tags(after)
    await walk.due()
    return list(walk.tally.findings.values())


class _Walk:
    """One walk through a database, as of ``now`` (ms)."""

    def __init__(self, database: Database, now: int, catalog: Catalog, retention_ms: int) -> None:
        self.database, self.now = database, now
        self.tally, self.sweep = Tally(), Sweep(now)
        self.known = Known(
            tasks=_tasks(catalog),
            queues={},
            versions={version.id: version.env for version in catalog.versions.values()},
            kept_from=ids.first_at(now - retention_ms) if retention_ms else 0,
        )
        self._limits: dict[int, tuple[Limit | None, Bounds]] = {}
        self._owners: dict[tuple[int, str], Bounds] = {}

    async def limits(self) -> None:
        """Learn what bounds each queue."""
        for row in await self.database.read(one("verify_limits")):
            queue, env, name, each, total, since, env_limit, burst, env_since, slug, *rate = row
            self.known.queues[queue] = env, each
            shared: list[tuple[Owner, Limit | Pace]] = []
            if all(rate):
                shared.append((("rate", queue, ""), Pace(f"queue {name}", Rate(*rate), since)))
            if total is not None or env_limit is not None:
                most = min(limit for limit in (total, env_limit) if limit is not None)
                whole = Limit(f"queue {name}", most, max(since, env_since))
                shared.append((("queue", queue, ""), whole))
            if env_limit is not None:
                limit = Limit(f"environment {slug}", env_limit * burst // 100, env_since)
                shared.append((("env", env, ""), limit))
            own = Limit(f"queue {name}", each, since) if each is not None else None
            self._limits[queue] = own, tuple(shared)

    async def runs(self, after: int) -> AsyncIterator[int]:
        """Walk the runs, and all that hangs on their numbers; yields how many are done, again and again."""
        newest = (await self.database.read(one("verify_newest")))[0][0] or 0
        while after < newest:
            chunk = await self.database.read(_chunk(after, newest, self.known.kept_from))
            after = chunk.last
            self._judge(chunk)
            self.tally.note(self.sweep.advance(ids.created_at(after) - sweep.SLACK_MS))
            yield len(chunk.runs)
        self.tally.note(self.sweep.finish())

    def _judge(self, chunk: "_Chunk") -> None:
        tally = self.tally
        for run in chunk.runs:
            outs = verify.hand_outs(run, chunk.ended.get(run.id, ()))
            tally.note(verify.judge(run, outs, self.known))
            for check in ("hand-outs", "attempts", "overlaps"):
                tally.look(check, len(outs))
            owners = self._owners_of(run)
            if owners:
                tally.look("limits", len(outs))
                for one_out in outs:
                    self.sweep.add(one_out, owners)
            if run.batch is not None and run.batch >= self.known.kept_from:
                listed = (run.batch, run.id) in chunk.members
                tally.note(records.member(run.id, run.batch, run.batch_env, listed=listed))
        unfinished = sum(run.live is not None for run in chunk.runs)
        over = sum(run.result is not None for run in chunk.runs)
        for check in ("places", "environments", "relatives"):
            tally.look(check, len(chunk.runs))
        for check in ("lanes", "holders", "waits"):
            tally.look(check, unfinished)
        tally.look("results", over)
        for batch in chunk.batches:
            tally.note(records.batch(batch))
        tally.look("batches", len(chunk.batches))
        for table, number in chunk.strays:
            tally.note(records.stray(table, number))
        hand_outs = sum(map(len, chunk.ended.values()))
        tally.look("strays", unfinished + over + hand_outs + len(chunk.strays))

    def _owners_of(self, run: RunRow) -> Bounds:
        """Whose slots and tokens the hand-outs of a run take."""
        own, shared = self._limits.get(run.queue, (None, ()))
        if own is None:
            return shared
        found = self._owners.get((run.queue, run.ckey))
        if found is None:
            if len(self._owners) > CHUNK:
                self._owners.clear()  # it only saves what is made anew
            limit = own._replace(name=f"{own.name}, key {run.ckey}") if run.ckey else own
            found = ((("lane", run.queue, run.ckey), limit), *shared)
            self._owners[run.queue, run.ckey] = found
        return found

    async def counters(self) -> None:
        """Compare the counters of limits with the rows they count."""
        count, lanes, slots = await self.database.read(_counters())
        self.tally.look("counters", count)
        for row in lanes:
            self.tally.note(records.counters(records.Drift(*row)))
        for row in slots:
            self.tally.note(records.slots(*row))

    async def usage(self, since: int) -> None:
        """Compare what the plan counts of each day with its runs, from the first day (ms) that is kept."""
        days = await self.database.read(one("usage_days", plans.ORGANIZATION, since))
        self.tally.look("usage", days[0][0])
        drift = one("usage_drift", plans.ORGANIZATION, since, ids.first_at(since))
        for row in await self.database.read(drift):
            self.tally.note(records.usage(*row))

    async def keys(self, after: int) -> None:
        """Walk the idempotency keys that are in force."""
        env, task, text = -1, -1, ""
        while rows := await self.database.read(
            one("verify_keys", env, task, text, self.now, CHUNK)
        ):
            for row in rows:
                key = records.KeyRow(*row)
                if key.run_id > after:
                    self.tally.look("keys", 1)
                    self.tally.note(records.key(key, self.known.kept_from))
            env, task, text = rows[-1][:3]

    async def ticks(self, after: int) -> None:
        """Walk the runs that schedules made, one schedule after the other."""
        ticks, schedule = records.Ticks(), -1
        while found := (await self.database.read(one("verify_next_schedule", schedule)))[0][0]:
            schedule, last = found, after
            while rows := await self.database.read(one("verify_ticks", schedule, last, CHUNK)):
                for run_id, created_at, payload in rows:
                    self.tally.note(ticks.see(schedule, run_id, created_at, payload or ""))
                self.tally.look("ticks", len(rows))
                last = rows[-1][0]

    async def tags(self, after: int) -> None:
        """Walk the index of tags."""
        env, tag, run_id = -1, "", -1
        while rows := await self.database.read(one("verify_tags", env, tag, run_id, CHUNK)):
            for env, tag, run_id, run_env, tags in rows:
                if run_id > after:
                    self.tally.look("tags", 1)
                    self.tally.note(records.tag(env, tag, run_id, run_env, tags))

    async def due(self) -> None:
        """Look for what should have happened a minute ago."""
        self.tally.look("due", (await self.database.read(one("verify_times")))[0][0])
        for what, number, at in await self.database.read(
            one("verify_due", self.now - LATE_MS, self.now)
        ):
            self.tally.note(records.overdue(what, number, at, self.now))


@dataclass(slots=True)
class _Chunk:
    """A range of numbers in one snapshot, up to ``last``."""

    last: int
    runs: list[RunRow]
    ended: dict[int, list[HandOut]]
    batches: list[records.BatchRow]
    members: set[tuple[int, int]]
    strays: list[Row]


def _chunk(after: int, newest: int, kept_from: int) -> Steps[_Chunk]:
    count, last = (yield fetch("verify_chunk", after, CHUNK))[0]
    last = last if count == CHUNK and last < newest else newest
    runs = [RunRow(*row) for row in (yield fetch("verify_runs", after, last))]
    ended: dict[int, list[HandOut]] = defaultdict(list)
    for row in (yield fetch("verify_attempts", after, last)):
        ended[row[0]].append(HandOut(*row))
    batches = yield fetch("verify_batches", after, last, kept_from)
    named = sorted({run.batch for run in runs if run.batch is not None})
    members = (yield fetch("verify_members", named)) if named else []
    strays = yield fetch("verify_strays", after, last, kept_from)
    return _Chunk(
        last, runs, ended, [records.BatchRow(*row) for row in batches],
        {(batch, run_id) for batch, run_id in members}, strays,
    )  # fmt: skip


def _counters() -> Steps[tuple[int, list[Row], list[Row]]]:
    count = yield fetch("verify_lanes")
    return count[0][0], (yield fetch("counter_drift")), (yield fetch("slot_drift"))


def _tasks(catalog: Catalog) -> dict[int, tuple[int, int]]:
    """Each task's environment, and the most attempts that any version of it allows."""
    most = {entry.id: entry.policy.max_attempts for entry in catalog.tasks.values()}
    for version in catalog.versions.values():
        for name, manifest in version.tasks.items():
            entry = catalog.task(version.env, name)
            if entry is not None:
                most[entry.id] = max(most[entry.id], manifest.retry.max_attempts)
    return {entry.id: (entry.env, most[entry.id]) for entry in catalog.tasks.values()}
