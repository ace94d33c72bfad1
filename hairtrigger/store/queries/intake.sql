-- New runs, and what keeps a request from making them twice.

-- name: request_made
select made, env, key from requests where env = $1 and key = $2 and expires_at > $3

-- each: request_made
select r.made, r.env, r.key from unnest($1::bigint[], $2::text[], $3::bigint[]) x(env, key, now)
  join requests r on r.env = x.env and r.key = x.key and r.expires_at > x.now

-- exact: remember_request
insert into requests (env, key, made, expires_at) values ($1, $2, $3, $4)
on conflict (env, key) do update set made = excluded.made, expires_at = excluded.expires_at
  where requests.expires_at <= $5

-- name: forget_request
delete from requests where env = $1 and key = $2

-- The last parameter is what was remembered before.
-- exact: remember_again
update requests set made = $3 where env = $1 and key = $2 and made = $4

-- each: remember_again
update requests r set made = x.made
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) x(env, key, made, before)
where r.env = x.env and r.key = x.key and r.made = x.before

-- name: key_taken
select run_id from idempotency where env = $1 and task = $2 and key = $3 and expires_at > $4

-- exact: take_key
insert into idempotency (env, task, key, run_id, expires_at) values ($1, $2, $3, $4, $5)
on conflict (env, task, key) do update set run_id = excluded.run_id, expires_at = excluded.expires_at
  where idempotency.expires_at <= $6

-- The run under a key; when it is due, only while it can be moved.
-- name: debounced
select d.run_id, d.latest_at, l.at
from debounces d left join live l on l.run_id = d.run_id and l.state = 0 and l.fence = 0
where d.env = $1 and d.task = $2 and d.key = $3

-- The last parameter is the run that stood there, if any.
-- exact: remember_debounce
insert into debounces (env, task, key, run_id, latest_at) values ($1, $2, $3, $4, $5)
on conflict (env, task, key) do update set run_id = excluded.run_id, latest_at = excluded.latest_at
  where debounces.run_id = $6
returning run_id

-- name: insert_runs
insert into runs (id, env, task, queue, ckey, created_at, payload, payload_type, tags, version, parent,
  root, batch, schedule, depth, max_attempts, max_duration, ttl, opts)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)

-- name: insert_live
insert into live (run_id, env, lane, state, tracked, order_at, at, expires_at, flags, version, task, worker,
  fence, started_at, claimed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- Sessions that got runs in the transaction that made them: still there, with the version that is believed of
-- them, and locked, so that whoever ends one sees what it was given here.
-- exact: hold_sessions
select 1 from workers where id = $1 and version = $2

-- each: hold_sessions
select 1 from unnest($1::bigint[], $2::bigint[]) x(id, version)
  join workers w on w.id = x.id and w.version = x.version for key share of w

-- name: enter_lane
insert into lanes (env, queue, ckey, lim, queued, runs, turn, paused, used_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (queue, ckey) do update set
  queued = lanes.queued + excluded.queued, runs = lanes.runs + excluded.runs,
  lim = excluded.lim, paused = excluded.paused, used_at = excluded.used_at
returning queue, ckey, id

-- each: enter_lane
insert into lanes (env, queue, ckey, lim, queued, runs, turn, paused, used_at)
select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
  $7::bigint[], $8::bigint[], $9::bigint[])
on conflict (queue, ckey) do update set
  queued = lanes.queued + excluded.queued, runs = lanes.runs + excluded.runs,
  lim = excluded.lim, paused = excluded.paused, used_at = excluded.used_at
returning queue, ckey, id

-- name: insert_tags
insert into run_tags (env, tag, run_id) values ($1, $2, $3) on conflict do nothing

-- name: parents
select r.id, coalesce(r.root, r.id), r.depth, coalesce(l.flags, 0), e.status
from runs r left join live l on l.run_id = r.id left join results e on e.run_id = r.id
where r.env + 0 = $1 and r.id in {list $2}

-- A parent that is being cancelled (4) has no more children.
-- exact: mark_parents
update live set flags = flags | $2 where run_id = $1 and flags & 4 = 0

-- each: mark_parents
update live set flags = flags | x.flag from unnest($1::bigint[], $2::int[]) x(run_id, flag)
where live.run_id = x.run_id and flags & 4 = 0

-- name: move_delayed
update live set order_at = order_at - at + $2, at = $2 where run_id = $1 and state = 0 and fence = 0 returning run_id

-- name: remember_delay
insert into run_changes (run_id, changed_at, delayed_until) values ($1, $2, $3)
on conflict (run_id) do update set changed_at = excluded.changed_at, delayed_until = excluded.delayed_until

-- name: replace_payload
insert into run_changes (run_id, changed_at, payload, payload_type, metadata, tags, max_attempts, max_duration)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (run_id) do update set changed_at = excluded.changed_at, payload = excluded.payload,
  payload_type = excluded.payload_type, metadata = coalesce(excluded.metadata, run_changes.metadata),
  tags = coalesce(excluded.tags, run_changes.tags),
  max_attempts = coalesce(excluded.max_attempts, run_changes.max_attempts),
  max_duration = coalesce(excluded.max_duration, run_changes.max_duration)
