"""The facts that Hairtrigger tells about itself: ``emit("run.completed", run=..., ...)``.

The list of names is closed and documented in docs/reference/events.md. Subscribers word, count or forward
them; tests wait for them. Payloads, outputs and secrets never enter an event.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

EventName = Literal[
    # server
    "server.started", "server.stopping", "server.stopped", "request.failed", "tick.failed",
    "runs.triggered", "runs.promoted", "runs.expired", "runs.pruned",
    "run.completed", "run.failed", "run.retried", "run.canceled",
    "schedule.fired", "schedule.broken", "schedule.refused", "plan.changed",
    "version.promoted", "queue.paused", "queue.resumed", "queue.limited",
    "environment.limited", "bulk.created", "bulk.completed",
    "worker.registered", "worker.left", "lease.lost", "report.refused", "clock.jumped",
    "counters.repaired", "error.resolved", "error.ignored", "error.reopened",
    "keys.unreadable", "key.created", "key.rotated", "key.revoked", "personal_token.created", "personal_token.revoked",
    "branch.opened", "branch.archived",
    "alert.sent", "alert.failed",
    "user.added", "user.changed", "user.removed", "user.signed_in", "user.signed_out",
    "sign_in.refused",
    "database.away", "database.back", "commit.asked", "listener.lost",
    # worker
    "worker.started", "worker.draining", "worker.stopped", "worker.disconnected", "worker.reconnected",
    "child.started", "child.died", "child.blocked",
    "attempt.started", "attempt.completed", "attempt.failed", "attempt.canceled", "attempt.crashed",
    "attempt.handed_back", "log.written", "log.dropped",
    "project.loaded", "project.broken", "version.served", "version.retired", "version.broken",
    "telemetry.away", "telemetry.dropped", "telemetry.missing",
]  # fmt: skip
NAMES: frozenset[str] = frozenset(get_args(EventName))

Subscriber = Callable[[str, dict[str, Any]], None]
_subscribers: dict[str, tuple[Subscriber, ...]] = {}
_log = logging.getLogger("hairtrigger")


def emit(name: EventName, **facts: Any) -> None:
    """Tell every subscriber of this event. One that raises is logged and stays subscribed."""
    for subscriber in _subscribers.get(name, ()):
        try:
            subscriber(name, facts)
        except Exception:  # noqa: BLE001 (a subscriber may be anybody's code)
            _log.exception("An event subscriber failed on %s", name)


def subscribe(subscriber: Subscriber, names: Iterable[str] = NAMES) -> Callable[[], None]:
    """Hear these events from now on; call what is returned to stop. Subscribers must not block."""
    heard = frozenset(names)
    for name in heard:
        _subscribers[name] = (*_subscribers.get(name, ()), subscriber)

    def unsubscribe() -> None:
        for name in heard:
            left = tuple(one for one in _subscribers[name] if one is not subscriber)
            _subscribers[name] = left

    return unsubscribe


def is_heard(name: EventName) -> bool:
    """Whether anybody listens to this event: lets hot paths skip building facts for nobody."""
    return bool(_subscribers.get(name))
