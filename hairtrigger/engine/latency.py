"""Alerts of queues in which runs wait for too long. Looked at now and then, on every server; told once in a while."""

from hairtrigger.engine import waiting
from hairtrigger.rules import alerts as rules
from hairtrigger.store.database import Row, Steps, each, fetch
from hairtrigger.store.store import Store, one
from hairtrigger.wire import durations

LOOK_MS = 10_000


async def watch_queues(store: Store) -> int:
    """Write down which queues are slow, for the alerts that want to know. Answers ms until the next look."""
    asked = [
        row for row in await store.read(one("alerts_on"), quick=True) if row[2] == rules.LATENCY
    ]
    slow: list[
        tuple[int, int, str, int]
    ] = []  # alert, environment, queue, how long its oldest has waited
    for env in sorted({row[1] for row in asked}):
        names = {queue.id: queue.name for queue in store.catalog.queues_of(env) if not queue.paused}
        since = await waiting.oldest(store, list(names))
        for number, of_env, _, _, over_ms in asked:
            if of_env == env:
                waited = {queue: store.now() - at for queue, at in since.items()}
                slow += [
                    (number, env, names[queue], ms) for queue, ms in waited.items() if ms > over_ms
                ]
    if slow:
        await store.change(lambda _, now: _note(store, slow, now))
    return LOOK_MS


def _note(store: Store, slow: list[tuple[int, int, str, int]], now: int) -> Steps[None]:
    """One message of an alert about a queue in a while: what waits then still is told then."""
    opened = {
        (number, queue): at
        for number, queue, at in (yield fetch("last_opened", sorted({row[0] for row in slow})))
    }
    rows: list[Row] = []
    for number, env, queue, ms in sorted(slow):
        if now - opened.get((number, queue), -rules.WINDOW_MS) >= rules.WINDOW_MS:
            said = f"Its oldest run has waited for {durations.to_text(ms)}."
            rows.append((store.make_id(), number, env, queue, 1, now, now, 0, "", "", said, now))
    yield each("gather_delivery", rows)
