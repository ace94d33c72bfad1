-- Handing out ready runs.

-- name: session_lives
select 1 from workers where id = $1

-- name: ready_lanes
select q.value from json_each($1) q
where exists (select 1 from live where lane = q.value and state = 1)

-- name: open_lanes
select id, lim - running, queued, turn from lanes where env = $1 and open order by turn limit $2

-- name: open_lanes_of
select id, lim - running, queued, turn from lanes
where env = $1 and open and queue in {list $3} order by turn limit $2

-- name: claim
update live set state = 2, worker = $1, fence = fence + 1, claimed_at = $2, expires_at = null,
  started_at = coalesce(started_at, $2), version = coalesce(version, $3)
where run_id in (
  select run_id from live where lane = $4 and state = 1 and (version is null or version = $3)
    and (expires_at is null or expires_at > $2)
  order by order_at, run_id limit $5)
returning run_id, fence, attempt, flags, order_at, started_at, usage_ms, lane

-- name: claim_pinned
update live set state = 2, worker = $1, fence = fence + 1, claimed_at = $2, expires_at = null,
  started_at = coalesce(started_at, $2)
where run_id in (
  select run_id from live where lane = $4 and state = 1 and version = $3
    and (expires_at is null or expires_at > $2)
  order by order_at, run_id limit $5)
returning run_id, fence, attempt, flags, order_at, started_at, usage_ms, lane

-- name: lane_claimed
update lanes set running = running + $2, queued = queued - $2, turn = $3, used_at = $4 where id = $1

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
