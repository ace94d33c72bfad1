-- Tasks and schedules as their lists show them. Each costs an entry of an index for each task, schedule or run
-- that it answers.

-- name: running_by_task
select task, count(*) from live where env = $1 and worker > 0 and state = 2 group by task

-- The newest run of each task, of those created from a number on: older partitions are not looked into.
-- name: last_of_tasks.sqlite
select t.value, (select max(id) from runs where env = $2 and task = t.value and id >= $3) from json_each($1) t

-- An order that begins with a value which may be one of two (the same) keeps it to that index: see pages.sql.
-- name: last_of_tasks.postgres
select t.id, (
  select r.id from runs r where r.env in ($2, $2) and r.task = t.id and r.id >= $3
  order by r.env desc, r.id desc limit 1)
from unnest($1::bigint[]) t(id)

-- name: last_of_schedules.sqlite
select t.value, (select max(id) from runs where schedule = t.value and id >= $2) from json_each($1) t

-- name: last_of_schedules.postgres
select t.id, (
  select r.id from runs r where r.schedule in (t.id, t.id) and r.id >= $2 order by r.schedule desc, r.id desc limit 1)
from unnest($1::bigint[]) t(id)

-- Payloads that are not large, as they are now.
-- name: payloads_of
select r.id, coalesce(c.payload_type, r.payload_type),
  case when length(coalesce(c.payload, r.payload)) <= $3 then coalesce(c.payload, r.payload) end
from runs r left join run_changes c on c.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2 order by r.id desc

-- name: coming_schedules
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules where env = $1 and active = 1 and next_at is not null and next_at <= $2 order by next_at limit $3

-- Those that are on by their next time, then the others; of one task, or of all with 0. $3 is a part of external
-- id or key in lower case, as like wants it; empty for any.
-- name: schedules_listed
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules
where env = $1 and (task = $2 or $2 = 0)
  and ($3 = '' or lower(external_id) like $3 escape '~' or lower(dedup) like $3 escape '~')
order by active desc, next_at, id limit $4 offset $5

-- name: count_schedules_listed
select count(*) from schedules
where env = $1 and (task = $2 or $2 = 0)
  and ($3 = '' or lower(external_id) like $3 escape '~' or lower(dedup) like $3 escape '~')
