-- Looking at runs. Adding 0 keeps the planner to the primary key: the environment only checks.

-- name: run
select r.id, r.env, r.task, r.queue, r.ckey, r.created_at, r.payload, r.payload_type, r.tags, r.version,
  r.parent, r.root, r.batch, r.schedule, r.depth, r.max_attempts, r.max_duration, r.ttl, r.opts,
  l.state, l.fence, l.flags, l.order_at, l.at, l.expires_at, l.worker, l.attempt, l.started_at,
  l.claimed_at, l.usage_ms, l.version,
  e.status, e.attempt, e.fence, e.started_at, e.finished_at, e.usage_ms, e.version, e.output, e.output_type,
  e.error,
  c.changed_at, c.metadata, c.tags, c.delayed_until, c.payload, c.payload_type, c.max_attempts,
  c.max_duration, c.key_released
from runs r
left join live l on l.run_id = r.id
left join results e on e.run_id = r.id
left join run_changes c on c.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2 order by r.id desc

-- The same without what may be large: for lists.
-- name: run_brief
select r.id, r.env, r.task, r.queue, r.ckey, r.created_at, cast(null as text), cast(null as bigint), r.tags, r.version,
  r.parent, r.root, r.batch, r.schedule, r.depth, r.max_attempts, r.max_duration, r.ttl, r.opts,
  l.state, l.fence, l.flags, l.order_at, l.at, l.expires_at, l.worker, l.attempt, l.started_at,
  l.claimed_at, l.usage_ms, l.version,
  e.status, e.attempt, e.fence, e.started_at, e.finished_at, e.usage_ms, e.version, cast(null as text), cast(null as bigint),
  e.error,
  c.changed_at, c.metadata, c.tags, c.delayed_until, cast(null as text), cast(null as bigint), c.max_attempts,
  c.max_duration, c.key_released
from runs r
left join live l on l.run_id = r.id
left join results e on e.run_id = r.id
left join run_changes c on c.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2 order by r.id desc

-- name: newest_number
select max(number) from (
  select max(id) as number from runs union all select max(id) from batches
  union all select max(id) from schedules union all select max(id) from workers
  union all select max(id) from versions union all select max(id) from api_keys
  union all select max(id) from users union all select max(id) from bulk_actions)

-- name: children_of
select id from runs where parent = $1 order by id limit 200

-- name: events_of
select position, body from events where run_id = $1 and position > $2 order by position limit $3

-- name: attempts_of
select attempt, fence, worker, started_at, ended_at, reason, error from attempts
where run_id = $1 order by fence
