"""Failures in groups: what failed alike, how often, since when and since which version."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec

from hairtrigger.rules import fingerprints
from hairtrigger.rules.run import RunError
from hairtrigger.rules.stats import STEPS, floor
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, each, fetch, gather
from hairtrigger.wire.worker import Failure

_error = msgspec.json.Decoder(RunError)
_UNKNOWN = RunError(Failure("Error", ""))


def group(catalog: Catalog, run_ids: Sequence[int]) -> Steps[None]:
    """Put runs that have failed into their groups; each run once."""
    rows = (yield fetch("failures_of", list(run_ids))) if run_ids else []
    members: dict[tuple[int, str], list[Row]] = defaultdict(list)
    shown: dict[tuple[int, str], fingerprints.Fingerprint] = {}
    for row in rows:
        error = _error.decode(row[5]) if row[5] else _UNKNOWN
        found = fingerprints.of(catalog.tasks[row[2]].name, error)
        members[row[1], found.text].append(row)
        shown[row[1], found.text] = found
    named = [_seen(shown[key], sorted(members[key], key=_finished)) for key in sorted(members)]
    ids = {(env, text): id_ for env, text, id_ in (yield gather("put_error", named))}
    counts = Counter(
        (ids[key], step, floor(_finished(row), step))
        for key, of in members.items()
        for row in of
        for step in STEPS
    )
    yield each("count_error", [(*place, n) for place, n in sorted(counts.items())])
    yield each(
        "insert_error_run", sorted((ids[key], row[0]) for key, of in members.items() for row in of)
    )


def _seen(found: fingerprints.Fingerprint, rows: list[Row]) -> Row:
    """A row of ``errors`` that counts some failures, which come in the order of their end."""
    (first, env, task, version, first_at, _), (last, _, _, last_version, last_at, _) = (
        rows[0],
        rows[-1],
    )
    return (
        env, found.text, task, found.type, found.message, first_at, last_at, first, last, version,
        last_version, len(rows),
    )  # fmt: skip


def _finished(row: Row) -> int:
    at: int = row[4]
    return at
