-- What an organisation's plan counts: the runs that it made, by day (UTC).

-- $3 more runs on day $2 of the month from $4 to before $5: the day, and how many the month has then. For whoever
-- holds the plan's lock.
-- name: reserve_runs
insert into usage (organization, day, shard, runs) values ($1, $2, 0, $3)
on conflict (organization, day, shard) do update set runs = usage.runs + excluded.runs
returning day, runs + (select coalesce(sum(o.runs), 0) from usage o
  where o.organization = $1 and o.day >= $4 and o.day < $5 and not (o.day = $2 and o.shard = 0))

-- each: reserve_runs
insert into usage (organization, day, shard, runs)
select x.organization, x.day, 0, x.runs
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) x(organization, day, runs)
on conflict (organization, day, shard) do update set runs = usage.runs + excluded.runs
returning day, runs + (select coalesce(sum(o.runs), 0)::bigint
  from unnest($2::bigint[], $4::bigint[], $5::bigint[]) m(day, begins, ends)
  join usage o on o.organization = usage.organization and o.day >= m.begins and o.day < m.ends
  where m.day = usage.day and not (o.day = usage.day and o.shard = 0))

-- The same where nothing is limited, and nobody wants to know.
-- name: count_runs
insert into usage (organization, day, shard, runs) values ($1, $2, 0, $3)
on conflict (organization, day, shard) do update set runs = usage.runs + excluded.runs

-- Each connection has a row of its own, so that two transactions never wait for each other.
-- each: count_runs
insert into usage (organization, day, shard, runs)
select x.organization, x.day, pg_backend_pid(), x.runs
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) x(organization, day, runs)
on conflict (organization, day, shard) do update set runs = usage.runs + excluded.runs

-- Rows of connections on days before $1.
-- name: take_shards
delete from usage where shard <> 0 and day < $1 returning organization, day, runs

-- name: put_day
insert into usage (organization, day, shard, runs) values ($1, $2, 0, $3)
on conflict (organization, day, shard) do update set runs = usage.runs + excluded.runs

-- name: usage_by_day
select day, cast(sum(runs) as bigint) from usage where organization = $1 and day >= $2 and day < $3
group by day order by day

-- Days from $2 on, which begins with run $3, whose count is not that of their runs: what is counted, and what is.
-- name: usage_drift
select day, cast(sum(counted) as bigint), cast(sum(made) as bigint) from (
  select day, runs as counted, 0 as made from usage where organization = $1 and day >= $2
  union all
  select ((id >> 22) + 1577836800000) / 86400000 * 86400000, 0, 1 from runs where id >= $3) counted
group by day having sum(counted) <> sum(made) order by day

-- name: usage_days
select count(distinct day) from usage where organization = $1 and day >= $2
