-- The end of hand-outs.

-- name: handed_out
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at
from live where run_id in {list $1}

-- Not what was taken away from its worker: a report on that came too late.
-- name: settled_before
select run_id, fence from results where run_id in {list $1} and flags & 128
union all select run_id, fence from attempts
where run_id in {list $1} and reason not in ('lost', 'not begun')

-- name: policies_of
select r.id, r.task, coalesce(c.max_attempts, r.max_attempts)
from runs r left join run_changes c on c.run_id = r.id where r.id in {list $1}

-- name: delete_live
delete from live where run_id = $1

-- name: insert_results
insert into results (run_id, env, status, attempt, fence, started_at, finished_at, usage_ms, version,
  output, output_type, error, flags)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: send_back
update live set state = $2, at = $3, worker = null, attempt = $4, flags = flags | $5, usage_ms = $6
where run_id = $1

-- name: insert_attempts
insert into attempts (run_id, attempt, fence, worker, started_at, ended_at, reason, error)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: lane_moved
update lanes set running = running + $2, queued = queued + $3, runs = runs + $4, used_at = $5 where id = $1

-- name: keys_of
select id, env, task, opts from runs where id in {list $1}

-- name: release_key
delete from idempotency where env = $1 and task = $2 and key = $3 and run_id = $4

-- name: batches_of
select batch, count(*) from runs where id in {list $1} and batch is not null group by batch

-- name: batch_finished
update batches set open = open - $2, updated_at = $3,
  finished_at = case when open - $2 = 0 and sealed = 1 then $3 else finished_at end
where id = $1

-- name: metadata_of
select r.id, r.opts, c.metadata from runs r left join run_changes c on c.run_id = r.id
where r.id in {list $1}

-- name: change_metadata
insert into run_changes (run_id, changed_at, metadata) values ($1, $2, $3)
on conflict (run_id) do update set changed_at = excluded.changed_at, metadata = excluded.metadata

-- name: mark_changed
update live set flags = flags | 8 where run_id = $1

-- name: insert_events
insert into events (run_id, position, body)
select id, $3, $4 from runs where id = $1 and env = $2
on conflict do nothing
