-- Single changes of runs: cancel, reschedule, tags; upkeep.

-- name: run_exists
select id from runs where id = $1 and env + 0 = $2

-- Unfinished ones, and finished ones that may have unfinished children of their own (64: HAS_CHILDREN).
-- name: children_to_cancel
select r.id from runs r left join live l on l.run_id = r.id left join results e on e.run_id = r.id
where r.parent in {list $1} and (l.run_id is not null or e.flags & 64 <> 0)

-- Locked, so that nobody triggers a child of what is being cancelled: he waits, and is refused.
-- name: to_cancel.postgres
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at, task
from live where run_id in {list $1} order by run_id for update

-- name: to_cancel.sqlite
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at, task
from live where run_id in {list $1}

-- exact: request_cancel
update live set flags = flags | 4 where run_id = $1 and state = 2 and fence = $2 and flags = $3

-- each: request_cancel
update live set flags = live.flags | 4
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) x(run_id, fence, flags)
where live.run_id = x.run_id and live.state + 0 = 2 and live.fence = x.fence and live.flags = x.flags

-- name: final_of
select status, finished_at from results where run_id = $1

-- name: tags_of
select r.tags, c.tags from runs r left join run_changes c on c.run_id = r.id where r.id = $1 and r.env + 0 = $2

-- The last parameter is what they were before.
-- exact: change_tags.sqlite
insert into run_changes (run_id, changed_at, tags) values ($1, $2, $3)
on conflict (run_id) do update set changed_at = excluded.changed_at, tags = excluded.tags
  where run_changes.tags is $4
returning run_id

-- exact: change_tags.postgres
insert into run_changes (run_id, changed_at, tags) values ($1, $2, $3)
on conflict (run_id) do update set changed_at = excluded.changed_at, tags = excluded.tags
  where run_changes.tags is not distinct from $4
returning run_id

-- name: relatives
select id, parent, root from runs where id = $1 and env + 0 = $2

-- name: forget_key
delete from idempotency where env = $1 and task = $2 and key = $3 returning run_id

-- name: mark_key_released
insert into run_changes (run_id, changed_at, key_released) values ($1, $2, 1)
on conflict (run_id) do update set key_released = 1

-- name: due_live.sqlite
select l.run_id, l.lane, l.tracked, l.fence, r.ttl from live l join runs r on r.id = l.run_id
where l.at <= $1 and l.state = 0 order by l.at limit $2

-- name: due_live.postgres
with due as materialized (
  select run_id, lane, tracked, fence, at from live
  where at <= $1 and state = 0 order by at limit $2 for update skip locked)
select d.run_id, d.lane, d.tracked, d.fence, r.ttl from due d join runs r on r.id = d.run_id order by d.at

-- name: next_due
select min(at) from live where at is not null

-- name: make_ready
update live set state = 1, at = null, expires_at = $2 where run_id = $1

-- each: make_ready
update live set state = 1, at = null, expires_at = x.expires_at
from unnest($1::bigint[], $2::bigint[]) x(run_id, expires_at) where live.run_id = x.run_id

-- name: expired_live.sqlite
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at, task
from live where expires_at <= $1 and state in (1, 5) and fence = 0 order by expires_at limit $2

-- name: expired_live.postgres
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at, task
from live where expires_at <= $1 and state in (1, 5) and fence = 0 order by expires_at limit $2
for update skip locked

-- name: next_expiry
select min(expires_at) from live where expires_at is not null

-- name: overdue_live
select l.run_id, l.env, l.lane, l.tracked, l.state, l.worker, l.fence, l.attempt, l.flags, l.started_at,
  l.claimed_at, l.usage_ms, l.version, l.order_at, l.task
from live l join runs r on r.id = l.run_id left join run_changes c on c.run_id = l.run_id
where l.worker > 0 and l.state = 2
  and l.claimed_at + coalesce(c.max_duration, r.max_duration) - l.usage_ms + $2 < $1
limit 100

-- Begun on a version that no worker has, nor can fetch: with an archive, when none has come since $1.
-- name: stranded_versions
select l.run_id from live l join runs r on r.id = l.run_id
where l.version is not null and l.state in (0, 1) and r.version is null
  and l.version not in (select version from workers)
  and (not exists (select 1 from versions v where v.id = l.version and v.archive is not null)
    or (l.claimed_at < $1 and coalesce(l.at, 0) < $1)) limit 1

-- name: unlock_versions
update live set version = null where run_id in (
  select l.run_id from live l join runs r on r.id = l.run_id
  where l.version is not null and l.state in (0, 1) and r.version is null
    and l.version not in (select version from workers)
    and (not exists (select 1 from versions v where v.id = l.version and v.archive is not null)
      or (l.claimed_at < $1 and coalesce(l.at, 0) < $1)) limit 1000)

-- What another server has changed since the rows were chosen is no longer to go: so the outer WHERE asks again.
-- name: idle_lanes
delete from lanes where id in (select id from lanes where runs = 0 and used_at < $1 limit $2) and runs = 0
returning 1

-- name: expired_keys
delete from idempotency where (env, task, key) in (
  select env, task, key from idempotency where expires_at <= $1 limit $2)
  and expires_at <= $1 returning 1

-- name: expired_requests
delete from requests where (env, key) in (select env, key from requests where expires_at <= $1 limit $2)
  and expires_at <= $1 returning 1

-- name: idle_debounces
delete from debounces where (env, task, key, run_id) in (
  select env, task, key, run_id from debounces d
  where not exists (select 1 from live l where l.run_id = d.run_id) limit $1) returning 1

-- name: old_runs
select run_id from results where run_id < $1 and finished_at < $2 order by run_id limit $3

-- name: delete_runs
delete from runs where id in {list $1}

-- name: delete_results
delete from results where run_id in {list $1}

-- name: delete_attempts
delete from attempts where run_id in {list $1}

-- name: tags_of_runs.sqlite
select r.env, t.value, r.id from runs r left join run_changes c on c.run_id = r.id
join json_each(coalesce(c.tags, r.tags)) t
where r.id in {list $1} and (r.tags is not null or c.tags is not null)

-- name: tags_of_runs.postgres
select r.env, t.value, r.id from runs r left join run_changes c on c.run_id = r.id
cross join lateral json_array_elements_text(coalesce(c.tags, r.tags)::json) t(value)
where r.id in {list $1} and (r.tags is not null or c.tags is not null)

-- name: delete_tag
delete from run_tags where env = $1 and tag = $2 and run_id = $3

-- each: delete_tag
delete from run_tags t using unnest($1::bigint[], $2::text[], $3::bigint[]) x(env, tag, run_id)
where t.env = x.env and t.tag = x.tag and t.run_id = x.run_id

-- name: delete_changes
delete from run_changes where run_id in {list $1}

-- name: delete_events
delete from events where run_id in {list $1}

-- name: old_batches
delete from batches where id in (select id from batches where id < $1 and finished_at is not null limit $2)
returning 1

-- name: orphan_items
delete from batch_items where (batch, ix) in (
  select i.batch, i.ix from batch_items i where i.batch < $1
    and not exists (select 1 from batches b where b.id = i.batch) limit $2) returning 1

-- Summed up rather than joined: no index has a lane's rows in every state.
-- name: counter_drift
select n.id, n.running, n.queued, n.runs, d.is_running, d.is_queued, d.are_runs, q.name, n.ckey
from (
  select id, cast(sum(is_running) as bigint) as is_running, cast(sum(is_queued) as bigint) as is_queued,
    cast(sum(are_runs) as bigint) as are_runs
  from (
    select id, running, queued, runs, 0 as is_running, 0 as is_queued, 0 as are_runs from lanes
    union all
    select lane, 0, 0, 0, case when state = 2 then 1 else 0 end, case when state = 1 then 1 else 0 end, 1
    from live where tracked = 1) counted
  group by id
  having sum(is_running) <> sum(running) or sum(is_queued) <> sum(queued) or sum(are_runs) <> sum(runs)) d
join lanes n on n.id = d.id left join queues q on q.id = n.queue
order by n.id limit 1000
