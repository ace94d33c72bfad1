-- Reading the whole history for `verify`, a range of numbers at a time. The range stands at every table, so
-- that those in partitions are read where they must be.

-- name: verify_newest
select max(number) from (
  select max(id) as number from runs union all select max(run_id) from live
  union all select max(run_id) from results union all select max(run_id) from attempts
  union all select max(run_id) from run_changes union all select max(run_id) from waits
  union all select max(id) from batches union all select max(batch) from batch_items) numbers

-- name: verify_count
select count(*) from runs where id > $1

-- name: verify_chunk
select count(*), max(id) from (select id from runs where id > $1 order by id limit $2) chunk

-- name: verify_runs
select r.id, r.env, r.task, r.queue, coalesce(r.ckey, ''), r.version, r.parent, r.root, r.depth, r.batch,
  r.schedule, coalesce(c.max_attempts, r.max_attempts),
  l.run_id, e.run_id, l.env, e.env,
  coalesce(l.fence, e.fence, 0), coalesce(l.attempt, e.attempt, 0), coalesce(l.started_at, e.started_at),
  coalesce(l.claimed_at, e.claimed_at), coalesce(l.version, e.version),
  l.state, l.lane, l.tracked, l.worker, l.at, l.waits,
  case when l.run_id is not null then (
    select count(*) from waits w left join waitpoints p on p.id = w.waitpoint
    where w.run_id = l.run_id and p.done_at is null) end,
  e.status, e.finished_at, e.flags,
  n.queue, n.ckey, s.env, p.env, p.root, p.depth, g.env, b.env, t.env
from runs r
left join live l on l.run_id = r.id and l.run_id > $1 and l.run_id <= $2
left join results e on e.run_id = r.id and e.run_id > $1 and e.run_id <= $2
left join run_changes c on c.run_id = r.id and c.run_id > $1 and c.run_id <= $2
left join lanes n on l.tracked = 1 and n.id = l.lane
left join workers s on s.id = l.worker
left join runs p on p.id = r.parent
left join runs g on g.id = r.root
left join batches b on b.id = r.batch
left join schedules t on t.id = r.schedule
where r.id > $1 and r.id <= $2 order by r.id

-- name: verify_attempts
select run_id, fence, attempt, started_at, ended_at, reason from attempts
where run_id > $1 and run_id <= $2 order by run_id, fence

-- name: verify_members
select batch, run_id from batch_items where batch in {list $1} and run_id is not null

-- name: verify_batches
select b.id, b.env, b.total, b.made, b.open, b.sealed, b.aborted, b.finished_at,
  count(i.ix), count(distinct l.run_id),
  coalesce(sum(case when i.ix < 0 or i.ix >= b.total then 1 else 0 end), 0),
  coalesce(sum(case when i.ix is not null and (i.run_id is null) = (i.error is null) then 1 else 0 end), 0),
  coalesce(sum(case when r.env <> b.env then 1 else 0 end), 0),
  coalesce(sum(case when r.id is null and i.run_id >= $3 then 1 else 0 end), 0)
from batches b
left join batch_items i on i.batch = b.id
left join runs r on r.id = i.run_id
left join live l on l.run_id = i.run_id and r.batch = b.id
where b.id > $1 and b.id <= $2 group by b.id order by b.id

-- Rows of runs that are not there; $3: what is older may be what retention has left over.
-- name: verify_strays
select 'live', x.run_id from live x where x.run_id > $1 and x.run_id <= $2
  and not exists (select 1 from runs r where r.id = x.run_id)
union all select 'results', x.run_id from results x where x.run_id > $1 and x.run_id <= $2
  and not exists (select 1 from runs r where r.id = x.run_id)
union all select 'attempts', x.run_id from attempts x where x.run_id > $1 and x.run_id <= $2
  and not exists (select 1 from runs r where r.id = x.run_id)
union all select 'run_changes', x.run_id from run_changes x where x.run_id > $1 and x.run_id <= $2
  and not exists (select 1 from runs r where r.id = x.run_id)
union all select 'waits', x.run_id from waits x where x.run_id > $1 and x.run_id <= $2
  and not exists (select 1 from live l where l.run_id = x.run_id)
union all select 'batch_items', x.batch from batch_items x where x.batch > $1 and x.batch <= $2
  and x.batch >= $3 and not exists (select 1 from batches b where b.id = x.batch)

-- name: verify_keys
select i.env, i.task, i.key, i.run_id, r.env, r.task, r.schedule, r.opts, e.status, c.key_released
from (select env, task, key, run_id from idempotency
  where (env, task, key) > ($1, $2, $3) and expires_at > $4 order by env, task, key limit $5) i
left join runs r on r.id = i.run_id
left join results e on e.run_id = i.run_id
left join run_changes c on c.run_id = i.run_id
order by i.env, i.task, i.key

-- name: verify_next_schedule
select min(schedule) from runs where schedule > $1

-- name: verify_ticks
select id, created_at, payload from runs where schedule = $1 and id > $2 order by id limit $3

-- name: verify_tags
select x.env, x.tag, x.run_id, r.env, coalesce(c.tags, r.tags)
from (select env, tag, run_id from run_tags where (env, tag, run_id) > ($1, $2, $3)
  order by env, tag, run_id limit $4) x
left join runs r on r.id = x.run_id
left join run_changes c on c.run_id = x.run_id
order by x.env, x.tag, x.run_id

-- name: verify_lanes
select (select count(*) from lanes) + (select count(*) from slots)

-- What bounds a queue: each key, all keys, the environment; and since when.
-- name: verify_limits
select q.id, q.env, q.name, coalesce(q.override, q.lim), q.total_limit, q.limited_at, e.lim, e.burst,
  e.limited_at, e.slug, q.rate_limit, q.rate_ms
from queues q join envs e on e.id = q.env

-- What is counted over all keys of a queue, or in an environment (owner is its negative id), where it matters.
-- name: slot_drift
select d.owner, d.running, d.is_running, case when d.owner > 0 then q.name else e.slug end
from (
  select owner, cast(sum(running) as bigint) as running, cast(sum(is_running) as bigint) as is_running
  from (
    select owner, running, 0 as is_running from slots
    union all
    select r.queue, 0, 1 from live l join runs r on r.id = l.run_id where l.worker is not null and l.state = 2
    union all
    select -l.env, 0, 1 from live l where l.worker is not null and l.state = 2) counted
  group by owner having sum(running) <> sum(is_running)) d
left join queues q on q.id = d.owner
join envs e on e.id = case when d.owner > 0 then q.env else -d.owner end
where e.lim is not null or exists (select 1 from organizations o where case o.plan
    when 'free' then o.free_concurrency when 'pro' then o.pro_concurrency else 0 end > 0)
  or (d.owner > 0 and (q.total_limit is not null or q.rate_limit is not null))
order by d.owner limit 1000

-- name: set_counters
update lanes set running = $2, queued = $3, runs = $4 where id = $1

-- name: set_slots
insert into slots (owner, running) values ($1, $2)
on conflict (owner) do update set running = excluded.running

-- Looked for only while a session is alive: then some server is too.
-- name: verify_due
select 'time', run_id, at from live where state = 0 and at <= $1
  and exists (select 1 from workers where lease_until > $2)
union all select 'ttl', run_id, expires_at from live where state in (1, 5) and fence = 0 and expires_at <= $1
  and exists (select 1 from workers where lease_until > $2)
union all select 'lease', id, lease_until from workers where lease_until <= $1
  and exists (select 1 from workers where lease_until > $2)
limit 1000

-- name: verify_times
select count(at) + count(expires_at) + (select count(*) from workers) from live
