"""Rows to runs."""

import msgspec

from hairtrigger.rules.run import Run, RunError, RunOptions
from hairtrigger.store.catalog import Catalog
from hairtrigger.store.database import Row, Steps, fetch
from hairtrigger.wire.packets import TYPES
from hairtrigger.wire.statuses import LiveState

_options = msgspec.json.Decoder(RunOptions)
_error = msgspec.json.Decoder(RunError)
_tags = msgspec.json.Decoder(list[str])
_NO_OPTIONS = RunOptions()


def runs(
    catalog: Catalog, env: int, run_ids: list[int], *, brief: bool = False
) -> Steps[list[Run]]:
    """The runs of an environment among some ids, newest first; ``brief`` leaves out payloads and outputs."""
    return [
        _run(catalog, row) for row in (yield fetch("run_brief" if brief else "run", run_ids, env))
    ]


def _packet(kind: int | None, text: str | None) -> tuple[str, str] | None:
    return None if text is None or kind is None else (TYPES[kind], text)


def _run(catalog: Catalog, row: Row) -> Run:
    (id_, env, task, queue, ckey, created_at, payload, payload_type, tags, pinned, parent, root, batch,
     schedule, depth, max_attempts, max_duration, ttl, opts, *rest) = row  # fmt: skip
    (state, fence, flags, order_at, at, expires_at, worker, attempt, started_at, claimed_at, usage_ms,
     version), (final, *end), change = rest[:12], rest[12:22], rest[22:]  # fmt: skip
    options = _options.decode(opts) if opts else _NO_OPTIONS
    (
        changed_at,
        metadata,
        new_tags,
        delayed_until,
        new_payload,
        new_type,
        attempts,
        duration,
        released,
    ) = change
    if new_type is not None:
        payload, payload_type = new_payload, new_type
    entry = catalog.tasks[task]
    run = Run(
        id=id_,
        env=env,
        task=entry.name,
        queue=catalog.queues[queue].name,
        concurrency_key=ckey,
        created_at=created_at,
        payload=_packet(payload_type, payload),
        tags=_tags.decode(new_tags or tags) if new_tags or tags else [],
        version=None,
        parent=parent,
        root=root,
        batch=batch,
        schedule=schedule,
        depth=depth,
        max_attempts=attempts or max_attempts or entry.policy.max_attempts,
        max_duration_ms=duration or max_duration,
        ttl_ms=ttl,
        options=options,
        updated_at=max(created_at, changed_at or 0),
        metadata=metadata if metadata is not None else options.metadata,
        delayed_until=delayed_until or options.delayed_until,
        key_released=bool(released),
    )
    if final is not None:
        (run.attempt, run.fence, run.started_at, run.finished_at, run.usage_ms, version, output,
         output_type, error) = end  # fmt: skip
        run.final, run.output = final, _packet(output_type, output)
        run.error = _error.decode(error) if error else None
        run.updated_at = max(run.updated_at, run.finished_at or 0)
    else:
        run.state, run.fence, run.flags, run.order_at, run.due_at = (
            state,
            fence,
            flags,
            order_at,
            at,
        )
        run.expires_at, run.worker, run.started_at, run.usage_ms = (
            expires_at,
            worker,
            started_at,
            usage_ms,
        )
        run.attempt = attempt if state == LiveState.RUNNING else attempt - 1
        run.updated_at = max(run.updated_at, claimed_at or 0)
    version = version or pinned
    run.version = catalog.versions[version].name if version is not None else None
    return run
