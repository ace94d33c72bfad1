-- The end of hand-outs.

-- Done, and nobody has asked for a cancel: the row leaves the queue for results. What is not answered is not as
-- the worker believes. SQLite answers the result to be inserted, too; PostgreSQL has done that.
-- name: complete.sqlite
delete from live where run_id = $1 and worker = $2 and fence = $3 and state = 2 and flags & 4 = 0
returning run_id, env, lane, tracked, attempt, flags, task, order_at, started_at, fence, run_id, env, 0, attempt, fence, started_at, $4, usage_ms + $5,
  version, $6, $7, null, flags | 128, claimed_at

-- each: complete
with gone as (
  delete from live using unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[],
      $7::bigint[]) x(run_id, worker, fence, now, used_ms, output, output_type)
  where live.run_id = x.run_id and coalesce(live.worker, 0) = x.worker and live.fence = x.fence and live.state + 0 = 2
    and live.flags & 4 = 0
  returning live.*, x.now, x.used_ms, x.output, x.output_type),
written as (
  insert into results (run_id, env, status, attempt, fence, started_at, finished_at, usage_ms, version, output,
    output_type, flags, claimed_at)
  select run_id, env, 0, attempt, fence, started_at, now, usage_ms + used_ms, version, output, output_type,
    flags | 128, claimed_at from gone)
select run_id, env, lane, tracked, attempt, flags, task, order_at, started_at, fence from gone

-- name: handed_out
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at, task
from live where run_id in {list $1}

-- Not what was taken away from its worker: a report on that came too late.
-- name: settled_before
select run_id, fence from results where run_id in {list $1} and flags & 128 <> 0
union all select run_id, fence from attempts
where run_id in {list $1} and reason not in ('lost', 'not begun')

-- name: policies_of
select r.id, r.task, coalesce(c.max_attempts, r.max_attempts)
from runs r left join run_changes c on c.run_id = r.id where r.id in {list $1}

-- exact: delete_live
delete from live where run_id = $1 and fence = $2 and state = $3 and flags = $4

-- each: delete_live
delete from live using unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) x(run_id, fence, state, flags)
where live.run_id = x.run_id and live.fence = x.fence and live.state + 0 = x.state and live.flags = x.flags

-- name: insert_results
insert into results (run_id, env, status, attempt, fence, started_at, finished_at, usage_ms, version,
  output, output_type, error, flags, claimed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

-- exact: send_back
update live set state = $5, at = $6, worker = null, attempt = $7, flags = flags | $8, usage_ms = $9
where run_id = $1 and fence = $2 and state = $3 and flags = $4

-- each: send_back
update live set state = x.next, at = x.at, worker = null, attempt = x.attempt, flags = live.flags | x.added::int,
  usage_ms = x.usage_ms
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[]) x(run_id, fence, state, flags, next, at, attempt, added, usage_ms)
where live.run_id = x.run_id and live.fence = x.fence and live.state + 0 = x.state and live.flags = x.flags

-- name: insert_attempts
insert into attempts (run_id, attempt, fence, worker, started_at, ended_at, reason, error)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: lane_moved
update lanes set running = running + $2, queued = queued + $3, runs = runs + $4, used_at = $5 where id = $1

-- each: lane_moved
update lanes set running = running + x.a, queued = queued + x.b, runs = runs + x.c, used_at = x.now
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) x(id, a, b, c, now)
where lanes.id = x.id

-- name: queues_of_lanes
select id, queue from lanes where id in {list $1}

-- Nothing is counted for who has no row.
-- name: slots_freed
update slots set running = running - $2 where owner = $1

-- each: slots_freed
update slots set running = running - x.n from unnest($1::bigint[], $2::bigint[]) x(owner, n)
where slots.owner = x.owner

-- name: keys_of
select id, env, task, opts from runs where id in {list $1}

-- name: release_key
delete from idempotency where env = $1 and task = $2 and key = $3 and run_id = $4

-- each: release_key
delete from idempotency i
using unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) x(env, task, key, run_id)
where i.env = x.env and i.task = x.task and i.key = x.key and i.run_id = x.run_id

-- name: batch_finished.sqlite
update batches set open = open - x.n, updated_at = $2,
  finished_at = case when open - x.n = 0 and sealed = 1 then $2 else finished_at end
from (select batch, count(*) n from runs where id in {list $1} and batch is not null group by batch) x
where batches.id = x.batch

-- Locked in one order, so that two servers do not wait for each other.
-- name: batch_finished.postgres
with x as (select batch, count(*) n from runs where id in {list $1} and batch is not null group by batch),
locked as materialized (
  select b.id, x.n from x join batches b on b.id = x.batch order by b.id for no key update of b)
update batches set open = open - x.n, updated_at = $2,
  finished_at = case when open - x.n = 0 and sealed = 1 then $2 else finished_at end
from locked x where batches.id = x.id

-- name: metadata_of
select r.id, r.opts, c.metadata from runs r left join run_changes c on c.run_id = r.id
where r.id in {list $1}

-- The last parameter is what it was before.
-- exact: change_metadata.sqlite
insert into run_changes (run_id, changed_at, metadata) values ($1, $2, $3)
on conflict (run_id) do update set changed_at = excluded.changed_at, metadata = excluded.metadata
  where run_changes.metadata is $4

-- each: change_metadata
with given as (
  select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) x(run_id, now, metadata, before))
insert into run_changes (run_id, changed_at, metadata) select run_id, now, metadata from given
on conflict (run_id) do update set changed_at = excluded.changed_at, metadata = excluded.metadata
  where run_changes.metadata is not distinct from (
    select g.before from given g where g.run_id = run_changes.run_id)

-- name: mark_changed
update live set flags = flags | 8 where run_id = $1

-- each: mark_changed
update live set flags = flags | 8 from unnest($1::bigint[]) x(run_id) where live.run_id = x.run_id

-- name: insert_events
insert into events (run_id, position, body)
select id, $3, $4 from runs where id = $1 and env = $2
on conflict do nothing

-- each: insert_events
insert into events (run_id, position, body)
select r.id, x.position, x.body
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) x(run_id, env, position, body)
  join runs r on r.id = x.run_id and r.env + 0 = x.env
on conflict do nothing
