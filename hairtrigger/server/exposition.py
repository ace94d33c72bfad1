"""The metrics of ``GET /metrics`` and their names, in Prometheus' text.

Labels are bounded: environments, the queues and tasks that are told of, outcomes, and routes of the table.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from hairtrigger.engine.metrics import EnvironmentNumbers, Picture
from hairtrigger.errors import Unavailable
from hairtrigger.rules.stats import ALL_TASKS, bounds
from hairtrigger.server.api.system import VERSION
from hairtrigger.server.server import Server
from hairtrigger.wire.statuses import FinalStatus

BOUNDS_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0)
_ENVIRONMENT = ("project", "environment")
_QUEUE = (*_ENVIRONMENT, "queue")
_TASK = (*_ENVIRONMENT, "task")


class _Told(Collector):
    """Metrics that are made already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


async def text(server: Server) -> str:
    """Everything there is to tell. Of a database that is away, only that."""
    families = list(_process(server))
    try:
        picture = await server.scrapes.picture()
    except Unavailable:
        up = 0.0
    else:
        up = 1.0
        families += [*_queues(picture), *_environments(picture), *_finished(picture)]
        families.append(_left_out(picture))
    families.append(
        GaugeMetricFamily("hairtrigger_database_up", "Whether the database answers.", up)
    )
    registry = CollectorRegistry()
    registry.register(_Told(families))
    ProcessCollector(registry=registry)
    return generate_latest(registry).decode()


def _process(server: Server) -> Iterator[Metric]:
    """What this server did since its start."""
    info = GaugeMetricFamily("hairtrigger_info", "Which version serves.", labels=["version"])
    info.add_metric([VERSION], 1)
    yield info
    requests = CounterMetricFamily(
        "hairtrigger_http_requests", "Requests answered.", labels=["method", "route", "code"]
    )
    for (method, path, status), count in list(server.meter.requests.items()):
        requests.add_metric([method, path, str(status)], count)
    yield requests
    yield GaugeMetricFamily(
        "hairtrigger_event_loop_lag_seconds",
        "How late the event loop was at worst, in the last 15 s.",
        server.meter.lag_s,
    )
    tally = server.store.committer.tally
    yield CounterMetricFamily("hairtrigger_ticks", "Transactions committed.", tally.ticks)
    yield CounterMetricFamily(
        "hairtrigger_tick_seconds", "Time that these transactions took.", tally.seconds
    )
    written = CounterMetricFamily(
        "hairtrigger_tick_items", "What these transactions wrote.", labels=["kind"]
    )
    for kind in ("triggers", "reports", "changes"):
        written.add_metric([kind], getattr(tally, kind))
    yield written
    pending = GaugeMetricFamily(
        "hairtrigger_write_queue_items", "What waits to be written.", labels=["kind"]
    )
    for kind, count in server.store.committer.pending.items():
        pending.add_metric([kind], count)
    yield pending


def _queues(picture: Picture) -> Iterator[Metric]:
    runs = GaugeMetricFamily(
        "hairtrigger_queue_runs",
        "Unfinished runs: queued, running, delayed, or retrying (between two attempts).",
        labels=[*_QUEUE, "state"],
    )
    oldest = GaugeMetricFamily(
        "hairtrigger_queue_oldest_waiting_seconds",
        "How long the run that is next in line could have been running.",
        labels=_QUEUE,
    )
    limit = GaugeMetricFamily(
        "hairtrigger_queue_concurrency_limit",
        "The concurrency limit in force for each key, where there is one.",
        labels=_QUEUE,
    )
    paused = GaugeMetricFamily(
        "hairtrigger_queue_paused", "Whether the queue is paused.", labels=_QUEUE
    )
    for one in picture.queues.values():
        known = picture.environments[one.entry.env].env
        where = [*_where(picture.environments[one.entry.env]), one.entry.name]
        for state in ("queued", "running", "delayed", "retrying"):
            runs.add_metric([*where, state], getattr(one, state))
        since = one.waiting_since
        oldest.add_metric(where, 0 if since is None else max(0, picture.now - since) / 1_000)
        limits = [bound for bound in (one.entry.limit, known.limit.limit) if bound is not None]
        if limits:
            limit.add_metric(where, min(limits))
        paused.add_metric(where, int(one.entry.paused))
    yield from (runs, oldest, limit, paused)


def _environments(picture: Picture) -> Iterator[Metric]:
    names = {
        "running": ("hairtrigger_running_runs", "Runs in the hands of workers."),
        "held": ("hairtrigger_held_runs", "Runs that wait for code that has their task."),
        "workers": ("hairtrigger_workers", "Workers that are alive."),
        "slots": ("hairtrigger_worker_slots", "The slots of these workers."),
        "free": ("hairtrigger_worker_slots_free", "Their slots that have no run."),
        "limit": (
            "hairtrigger_environment_concurrency_limit",
            "How many runs of the environment execute at once, where that is limited.",
        ),
    }
    made = {
        key: GaugeMetricFamily(name, doc, labels=_ENVIRONMENT) for key, (name, doc) in names.items()
    }
    for one in picture.environments.values():
        where = _where(one)
        for key in ("running", "held", "workers", "slots"):
            made[key].add_metric(where, getattr(one, key))
        made["free"].add_metric(where, max(0, one.slots - one.running))
        bound = one.env.limit
        if bound.limit is not None:
            made["limit"].add_metric(where, bound.limit * bound.burst // 100)
    yield from made.values()


def _finished(picture: Picture) -> Iterator[Metric]:
    """From the counts that are rolled up, about a second after a run has finished."""
    outcomes = CounterMetricFamily(
        "hairtrigger_runs_finished", "Runs that finished.", labels=[*_TASK, "outcome"]
    )
    seconds = SummaryMetricFamily(
        "hairtrigger_task_duration_seconds", "From first start to end, by task.", labels=_TASK
    )
    took = HistogramMetricFamily(
        "hairtrigger_run_duration_seconds", "From first start to end.", labels=_ENVIRONMENT
    )
    waited = HistogramMetricFamily(
        "hairtrigger_run_wait_seconds", "From ready to first start.", labels=_ENVIRONMENT
    )
    for (env, task), stat in picture.finished.items():
        where = _where(picture.environments[env])
        if task == ALL_TASKS:
            took.add_metric(where, _buckets(stat.took), stat.took_ms / 1_000)
            waited.add_metric(where, _buckets(stat.waited), stat.waited_ms / 1_000)
        elif task in picture.tasks:
            named = [*where, picture.tasks[task][1]]
            for status, count in sorted(stat.outcomes.items()):
                outcomes.add_metric([*named, FinalStatus(status).name.lower()], count)
            seconds.add_metric(named, sum(stat.took.values()), stat.took_ms / 1_000)
    yield from (outcomes, seconds, took, waited)


def _left_out(picture: Picture) -> Metric:
    family = GaugeMetricFamily(
        "hairtrigger_metrics_left_out", "Queues and tasks beyond the most told of.", labels=["kind"]
    )
    for kind, count in picture.left_out.items():
        family.add_metric([kind], count)
    return family


def _where(one: EnvironmentNumbers) -> list[str]:
    return [one.env.project_ref, one.env.slug]


def _buckets(counts: dict[int, int]) -> list[tuple[str, float]]:
    """Cumulative counts below each bound. A bucket of ours belongs to the first bound that its middle is below:
    a time within 4 % of a bound may be on its other side."""
    found = [
        (str(bound), float(sum(n for place, n in counts.items() if _middle_s(place) <= bound)))
        for bound in BOUNDS_S
    ]
    return [*found, ("+Inf", float(sum(counts.values())))]


def _middle_s(place: int) -> float:
    low, high = bounds(place)
    return (low + high) / 2_000
