"""Tasks as pages show them: their paths, their retry policy in words, and what a list says of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from hairtrigger.engine.tasks import Task
from hairtrigger.rules.project import Environment
from hairtrigger.rules.run import Run
from hairtrigger.rules.stats import Stat, percentile
from hairtrigger.server.dashboard import view as views
from hairtrigger.server.dashboard import words
from hairtrigger.server.dashboard.bars import is_failing
from hairtrigger.server.dashboard.charts import Bars
from hairtrigger.server.dashboard.rows import RunRow
from hairtrigger.server.dashboard.rows import row as run_row
from hairtrigger.wire import durations
from hairtrigger.wire.worker import RetryPolicy, TaskManifest


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task of a list; ``total`` are its counts over the chosen range, ``spark`` those of a day."""

    task: Task
    href: str
    queue_href: str
    retry: str
    running: int
    spark: Bars
    total: Stat
    last: RunRow | None

    @property
    def p50(self) -> float | None:
        return percentile(self.total.took, 0.5)

    @property
    def p95(self) -> float | None:
        return percentile(self.total.took, 0.95)

    @property
    def is_failing(self) -> bool:
        """Whether its success rate is one to look at."""
        return is_failing(self.total)


def row(
    env: Environment, task: Task, *, total: Stat, day: Mapping[int, Stat], running: int, last: Run | None,
    now: int,
) -> TaskRow:  # fmt: skip
    """A task as it is at this moment."""
    return TaskRow(
        task,
        path(env, task.name),
        views.queue_path(env, task.queue_name),
        retry(task.manifest.retry) if task.manifest is not None else "–",
        running,
        spark(day),
        total,
        None if last is None else run_row(last, now),
    )


def path(env: Environment, name: str, *parts: str) -> str:
    """The path of a task's page, or of one below it."""
    return "/".join((views.base(env), "tasks", quote(name, safe=""), *parts))


def schema_text(task: Task) -> str:
    """The schema of its payload as JSON, its members in the order in which they were declared; empty for none."""
    return msgspec.json.encode(task.schema).decode() if task.schema else ""


def retry(policy: RetryPolicy) -> str:
    """``3 × exp 1 s–10 s``, ``4 × every 5 s``, ``no retry``."""
    if policy.max_attempts <= 1:
        return "no retry"
    least, most = span(policy.min_timeout_in_ms), span(policy.max_timeout_in_ms)
    if policy.factor == 1 or least == most:
        return f"{policy.max_attempts} × every {least}"
    return f"{policy.max_attempts} × exp {least}–{most}"


def span(ms: int) -> str:
    """A time that somebody has set: ``250 ms``, ``10 s``, ``1m30s``."""
    if ms % 1_000:
        return f"{ms:,} ms"
    return f"{ms // 1_000} s" if ms < 60_000 else durations.to_text(ms)


def kind(manifest: TaskManifest | None) -> str:
    """What starts a task: a trigger, its declared schedule, or schedules that are made for it."""
    if manifest is None:
        return "never declared"
    if manifest.cron is not None:
        return "scheduled"
    return "scheduled by API" if manifest.scheduled else "task"


def spark(day: Mapping[int, Stat]) -> Bars:
    """Runs by the hour; hours in which more than one of a hundred failed are red."""
    most = max((stat.runs for stat in day.values()), default=0) or 1
    made = Bars()
    for n, (at, stat) in enumerate(day.items()):
        made.heights.append(stat.runs / most)
        failed = f", {words.count(stat.failed)} failed" if stat.failed else ""
        made.titles.append(f"{durations.iso(at)[11:16]} {words.plural(stat.runs, 'run')}{failed}")
        if is_failing(stat):
            made.bad.add(n)
    return made
