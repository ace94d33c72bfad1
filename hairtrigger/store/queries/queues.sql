-- What runs and waits in queues: for a page of them, and over all keys of one.

-- $1: queues, $2: their negative ids, which are the lanes of runs that are in none. One entry of an index for
-- each concurrency key of a queue with a limit and each waiting run of one without, and one for every run in
-- the hands of a worker: those have an index by worker only, so that a start writes no more.
-- name: count_queues
select queue, cast(sum(running) as bigint), cast(sum(queued) as bigint) from (
  select queue, sum(running) as running, sum(queued) as queued from lanes where queue in {list $1} group by queue
  union all
  select -lane, 0, count(*) from live where lane in {list $2} and state = 1 group by lane
  union all
  select -lane, count(*), 0 from live
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
