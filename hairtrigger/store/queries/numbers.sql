-- What an environment is doing now. Nothing here reads more than a bounded number of entries.

-- Of what is due later, the first 20,000 are looked at, whosever they are.
-- name: count_live
select 'running', count(*) from live where env = $1 and worker > 0 and state = 2
union all
select 'delayed', count(*) from (select env, fence from live where at is not null order by at limit 20000) d
  where d.env = $1 and d.fence = 0
union all
select 'retrying', count(*) from (select env, fence from live where at is not null order by at limit 20000) d
  where d.env = $1 and d.fence > 0
union all
select 'held', count(*) from (select 1 from live where env = $1 and state = 5 limit 20000) h
union all
select 'waiting', count(*) from live where env = $1 and run_id in (select run_id from waits limit 20000)
union all
select 'workers', count(*) from workers where env = $1 and lease_until > $2
union all
select 'slots', coalesce(sum(slots), 0) from workers where env = $1 and lease_until > $2

-- Of queues without a limit each counts up to 100,000.
-- name: count_ready.sqlite
select q.value, (select count(*) from (select 1 from live where lane = -q.value and state = 1 limit 100000))
from json_each($1) q
union all
select queue, sum(queued) from lanes where env = $2 group by queue

-- name: count_ready.postgres
select q.id, (select count(*) from (select 1 from live where lane = -q.id and state = 1 limit 100000) r)
from unnest($1::bigint[]) q(id)
union all
select queue, sum(queued)::bigint from lanes where env = $2 and queued > 0 group by queue
