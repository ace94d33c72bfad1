-- What runs and waits in queues: for a page of them, and over all keys of one.

-- $1: queues, $2: their negative ids, which are the lanes of runs that are in none. One entry of an index for
-- each concurrency key of a queue with a limit and each waiting run of one without, and one for every run in
-- the hands of a worker: those have an index by worker only, so that a start writes no more.
-- name: count_queues
select queue, cast(sum(running) as bigint), cast(sum(queued) as bigint), cast(sum(named) as bigint) from (
  select queue, sum(running) as running, sum(queued) as queued,
    sum(case when ckey <> '' and runs > 0 then 1 else 0 end) as named
  from lanes where queue in {list $1} group by queue
  union all
  select -lane, 0, count(*), 0 from live where lane in {list $2} and state = 1 group by lane
  union all
  select -lane, count(*), 0, 0 from live
  where worker > 0 and state = 2 and lane in {list $2} group by lane
) counted group by queue

-- What runs of a queue that begins to be counted over all its keys.
-- name: fill_slots
insert into slots (owner, running)
select q.id, coalesce((select sum(l.running) from lanes l where l.queue = q.id group by l.queue), 0)
  + (select count(*) from live v where v.lane = -q.id and v.worker > 0 and v.state = 2)
from queues q where q.id = $1
on conflict (owner) do update set running = excluded.running

-- name: drop_slots
delete from slots where owner = $1

-- What executes in an environment: it reads an entry of an index for every run that executes anywhere.
-- name: env_running
select count(*) from live where env = $1 and worker > 0 and state = 2

-- What runs in an environment that begins to be limited; its owner is the negative id.
-- name: fill_env_slots
insert into slots (owner, running)
select -e.id, (select count(*) from live v where v.env = e.id and v.worker > 0 and v.state = 2)
from envs e where e.id = $1
on conflict (owner) do update set running = excluded.running

-- Since when (ms) the run that is next in line of each queue waits, over a bounded number of its keys: the later of
-- its creation, which its number tells, and of its place in the order, which a priority moves ahead.
-- name: oldest_waiting.sqlite
select queue, min(max(order_at, (run_id >> 22) + 1577836800000)) from (
  select q.value as queue, l.order_at, l.run_id from json_each($1) q cross join live l on l.run_id = (
    select run_id from live where lane = -q.value and state = 1 order by order_at, run_id limit 1)
  union all
  select q.value, l.order_at, l.run_id from json_each($1) q
    cross join lanes x on x.id in (select id from lanes where queue = q.value order by ckey limit $2) and x.queued > 0
    cross join live l on l.run_id = (
      select run_id from live where lane = x.id and state = 1 order by order_at, run_id limit 1)
) group by queue

-- name: oldest_waiting.postgres
select queue, min(greatest(order_at, (run_id >> 22) + 1577836800000)) from (
  select q.id as queue, l.order_at, l.run_id from unnest($1::bigint[]) q(id) cross join lateral (
    select order_at, run_id from live where lane = -q.id and state = 1 order by order_at, run_id limit 1) l
  union all
  select q.id, l.order_at, l.run_id from unnest($1::bigint[]) q(id)
    cross join lateral (select id, queued from lanes where queue = q.id order by ckey limit $2) x
    cross join lateral (
      select order_at, run_id from live where lane = x.id and x.queued > 0 and state = 1
      order by order_at, run_id limit 1) l
) heads group by queue

-- Keys of a queue from a name on, in their order, with the run that is next in line of each.
-- name: keys_of_queue.sqlite
select x.ckey, x.running, x.queued, x.lim, l.run_id, l.order_at from lanes x
left join live l on l.run_id = (
  select run_id from live where lane = x.id and x.queued > 0 and state = 1 order by order_at, run_id limit 1)
where x.queue = $1 and x.ckey >= $2 order by x.ckey limit $3

-- name: keys_of_queue.postgres
select x.ckey, x.running, x.queued, x.lim, l.run_id, l.order_at
from (select * from lanes where queue = $1 and ckey >= $2 order by ckey limit $3) x
left join lateral (
  select run_id, order_at from live where lane = x.id and x.queued > 0 and state = 1
  order by order_at, run_id limit 1) l on true
order by x.ckey

-- name: key_of_queue
select ckey, running, queued, lim from lanes where queue = $1 and ckey = $2

-- The keys of a queue whose next run comes first, of a bounded number of keys.
-- name: next_keys.sqlite
select x.id, x.ckey, x.running, x.queued, x.lim
from lanes x cross join live l on l.run_id = (
  select run_id from live where lane = x.id and state = 1 order by order_at, run_id limit 1)
where x.id in (select id from lanes where queue = $1 order by ckey limit $2) and x.queued > 0
order by l.order_at, l.run_id limit $3

-- name: next_keys.postgres
select x.id, x.ckey, x.running, x.queued, x.lim
from (select * from lanes where queue = $1 order by ckey limit $2) x
cross join lateral (
  select run_id, order_at from live where lane = x.id and x.queued > 0 and state = 1
  order by order_at, run_id limit 1) l
order by l.order_at, l.run_id limit $3

-- The first runs of several lines together.
-- name: next_runs.sqlite
select l.run_id from json_each($1) q
cross join live l on l.run_id in (
  select run_id from live where lane = q.value and state = 1 order by order_at, run_id limit $2)
order by l.order_at, l.run_id limit $2

-- name: next_runs.postgres
select l.run_id from unnest($1::bigint[]) q(lane) cross join lateral (
  select run_id, order_at from live where lane = q.lane and state = 1 order by order_at, run_id limit $2) l
order by l.order_at, l.run_id limit $2

-- What executes in each environment: one entry of an index for every run that executes anywhere.
-- name: running_by_env
select env, count(*) from live where worker > 0 and state = 2 group by env
