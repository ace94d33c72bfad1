-- Handing out ready runs.

-- name: session_lives
select version, queues from workers where id = $1

-- Locked, so that whoever ends the session sees what it was given here.
-- name: session_lives.postgres
select version, queues from workers where id = $1 for key share

-- Queues without a limit that have a run which is ready: their lane, the queue, room (as much as is wanted), turn.
-- name: ready_lanes.sqlite
select q.value, -q.value, null, null from json_each($1) q join json_each($2) m on m.key = q.key
where exists (select 1 from live where lane = q.value and state = 1 and order_at >= m.value)

-- From the last order_at that was claimed: in front of it are dead rows only, thousands of them while an old
-- snapshot keeps them from being vacuumed away.
-- name: ready_lanes.postgres
select q.lane, -q.lane, null::bigint, null::bigint from unnest($1::bigint[], $2::bigint[]) q(lane, low)
where exists (select 1 from live where lane = q.lane and state = 1 and order_at >= q.low)

-- The same, and lanes with a free slot.
-- name: open_lanes.sqlite
select q.value, -q.value, null, null from json_each($1) q join json_each($2) m on m.key = q.key
where exists (select 1 from live where lane = q.value and state = 1 and order_at >= m.value)
union all
select * from (select id, queue, min(lim - running, queued), turn from lanes
  where env = $3 and open order by turn limit $4)

-- name: open_lanes.postgres
select q.lane, -q.lane, null::bigint, null::bigint from unnest($1::bigint[], $2::bigint[]) q(lane, low)
where exists (select 1 from live where lane = q.lane and state = 1 and order_at >= q.low)
union all
(select id, queue, least(lim - running, queued), turn from lanes where env = $3 and open order by turn limit $4)

-- name: open_lanes_of.sqlite
select q.value, -q.value, null, null from json_each($1) q join json_each($2) m on m.key = q.key
where exists (select 1 from live where lane = q.value and state = 1 and order_at >= m.value)
union all
select * from (select id, queue, min(lim - running, queued), turn from lanes
  where env = $3 and open and queue in {list $5} order by turn limit $4)

-- name: open_lanes_of.postgres
select q.lane, -q.lane, null::bigint, null::bigint from unnest($1::bigint[], $2::bigint[]) q(lane, low)
where exists (select 1 from live where lane = q.lane and state = 1 and order_at >= q.low)
union all
(select id, queue, least(lim - running, queued), turn from lanes
  where env = $3 and open and queue in {list $5} order by turn limit $4)

-- name: slots_of
select owner, running, tokens, tokens_at from slots where owner in {list $1}

-- name: slots_claimed
insert into slots (owner, running, tokens, tokens_at) values ($1, $2, $3, $4)
on conflict (owner) do update set running = slots.running + excluded.running, tokens = excluded.tokens,
  tokens_at = excluded.tokens_at

-- To a session that is still there, with the version that is believed of it.
-- name: claim.sqlite
update live set state = 2, worker = $1, fence = fence + 1, claimed_at = $2, expires_at = null,
  started_at = coalesce(started_at, $2), version = coalesce(version, $3)
where run_id in (
  select run_id from live where lane = $4 and state = 1 and order_at >= $6
    and (version is null or version = $3) and (expires_at is null or expires_at > $2)
    and exists (select 1 from workers where id = $1 and version = $3)
  order by order_at, run_id limit $5)
returning run_id, fence, attempt, flags, order_at, started_at, usage_ms, lane

-- The session is locked, so that whoever ends it sees what it was given here. The run's own columns come with it,
-- which saves a look-up and a round trip. An array is read once only: reading it is parsing it.
-- each: claim
with s as materialized (
  select 1 from workers where id = ($1::bigint[])[1] and version = ($3::bigint[])[1] for key share),
c as materialized (
  select p.place, p.run_id, q.worker, q.now, q.version
  from s cross join unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
      q(worker, now, version, lane, n, low)
    cross join lateral (
      select ctid as place, run_id from live where lane = q.lane and state = 1 and order_at >= q.low
        and (version is null or version = q.version) and (expires_at is null or expires_at > q.now)
      order by order_at, run_id limit q.n for update skip locked) p)
update live set state = 2, worker = c.worker, fence = fence + 1, claimed_at = c.now, expires_at = null,
  started_at = coalesce(started_at, c.now), version = coalesce(live.version, c.version)
from c join runs r on r.id = c.run_id where live.ctid = c.place
returning live.run_id, fence, attempt, flags, order_at, started_at, usage_ms, lane, r.task, r.queue, r.ckey,
  r.created_at, r.payload, r.payload_type, r.tags, r.parent, r.root, r.batch, r.schedule, r.max_attempts,
  r.max_duration, r.opts

-- name: claim_pinned.sqlite
update live set state = 2, worker = $1, fence = fence + 1, claimed_at = $2, expires_at = null,
  started_at = coalesce(started_at, $2)
where run_id in (
  select run_id from live where lane = $4 and state = 1 and order_at >= $6 and version = $3
    and (expires_at is null or expires_at > $2)
    and exists (select 1 from workers where id = $1 and version = $3)
  order by order_at, run_id limit $5)
returning run_id, fence, attempt, flags, order_at, started_at, usage_ms, lane

-- each: claim_pinned
with s as materialized (
  select 1 from workers where id = ($1::bigint[])[1] and version = ($3::bigint[])[1] for key share),
c as materialized (
  select p.place, p.run_id, q.worker, q.now, q.version
  from s cross join unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
      q(worker, now, version, lane, n, low)
    cross join lateral (
      select ctid as place, run_id from live where lane = q.lane and state = 1 and order_at >= q.low
        and version = q.version and (expires_at is null or expires_at > q.now)
      order by order_at, run_id limit q.n for update skip locked) p)
update live set state = 2, worker = c.worker, fence = fence + 1, claimed_at = c.now, expires_at = null,
  started_at = coalesce(started_at, c.now)
from c join runs r on r.id = c.run_id where live.ctid = c.place
returning live.run_id, fence, attempt, flags, order_at, started_at, usage_ms, lane, r.task, r.queue, r.ckey,
  r.created_at, r.payload, r.payload_type, r.tags, r.parent, r.root, r.batch, r.schedule, r.max_attempts,
  r.max_duration, r.opts

-- name: lane_claimed
update lanes set running = running + $2, queued = queued - $2, turn = $3, used_at = $4 where id = $1

-- each: lane_claimed
update lanes set running = running + x.n, queued = queued - x.n, turn = x.turn, used_at = x.now
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) x(id, n, turn, now)
where lanes.id = x.id

-- name: claimed_runs
select id, task, queue, ckey, created_at, payload, payload_type, tags, parent, root, batch, schedule,
  max_attempts, max_duration, opts
from runs where id in {list $1}

-- name: changes_of
select run_id, metadata, tags, delayed_until, payload, payload_type, max_attempts, max_duration,
  key_released, changed_at
from run_changes where run_id in {list $1}

-- As if it had not been claimed, which nobody has seen: the version that claimed it must not own it.
-- name: hold_back
update live set state = 5, worker = null, fence = fence - 1,
  started_at = case when fence > 1 then started_at end,
  expires_at = case when fence = 1 then $2 + (select nullif(ttl, 0) from runs where id = run_id) end,
  version = (select version from runs where id = run_id)
where run_id = $1

-- each: hold_back
update live set state = 5, worker = null, fence = fence - 1,
  started_at = case when fence > 1 then started_at end,
  expires_at = case when fence = 1 then x.now + (select nullif(r.ttl, 0) from runs r where r.id = live.run_id) end,
  version = (select r.version from runs r where r.id = live.run_id)
from unnest($1::bigint[], $2::bigint[]) x(run_id, now) where live.run_id = x.run_id
