-- What an installation is doing now, of all environments at once. Nothing here reads more than a bounded number of
-- entries, but for those of runs in the hands of workers and of concurrency keys.

-- What waits, of queues without a limit up to 100,000 each.
-- name: queued_by_queue.sqlite
select q.value, (select count(*) from (select 1 from live where lane = -q.value and state = 1 limit 100000))
from json_each($1) q
union all
select queue, sum(queued) from lanes where queue in {list $1} group by queue

-- name: queued_by_queue.postgres
select q.id, (select count(*) from (select 1 from live where lane = -q.id and state = 1 limit 100000) r)
from unnest($1::bigint[]) q(id)
union all
select queue, sum(queued)::bigint from lanes where queue in {list $1} group by queue

-- What is in the hands of workers.
-- name: running_by_queue
select coalesce(x.queue, -l.lane) as queue, count(*)
from live l left join lanes x on x.id = l.lane where l.worker > 0 and l.state = 2 group by 1

-- Of what is due later, the first 20,000: delayed, and between two attempts.
-- name: later_by_queue
select coalesce(x.queue, -d.lane) as queue, count(case when d.fence = 0 then 1 end), count(case when d.fence > 0 then 1 end)
from (select lane, fence from live where at is not null order by at limit 20000) d
  left join lanes x on x.id = d.lane group by 1

-- What waits for code, up to 20,000 in each environment.
-- name: held_by_env.sqlite
select e.value, (select count(*) from (select 1 from live where env = e.value and state = 5 limit 20000))
from json_each($1) e

-- name: held_by_env.postgres
select e.id, (select count(*) from (select 1 from live where env = e.id and state = 5 limit 20000) h)
from unnest($1::bigint[]) e(id)

-- name: slots_by_env
select env, count(*), cast(sum(slots) as bigint) from workers where lease_until > $1 group by env
