-- Cron schedules.

-- name: declared_schedules
select id, task, cron, timezone, active, next_at from schedules where env = $1 and declarative = 1

-- Two servers may be asked for the same one at once: whoever is later looks again.
-- exact: insert_schedule
insert into schedules (id, env, task, declarative, cron, timezone, dedup, external_id, "window", active,
  next_at, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $11)
on conflict do nothing returning id

-- name: update_schedule
update schedules set cron = $2, timezone = $3, next_at = case when active = 1 then cast($4 as bigint) end,
  updated_at = $5, external_id = $6, "window" = $7, task = $8
where id = $1

-- name: delete_schedule
delete from schedules where id = $1

-- name: delete_schedules_of
delete from schedules where env = $1

-- name: switch_schedule
update schedules set active = $2, next_at = $3, updated_at = $4 where id = $1

-- name: due_schedules.sqlite
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules where active = 1 and next_at is not null and next_at <= $1 order by next_at limit 100

-- name: due_schedules.postgres
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules where active = 1 and next_at is not null and next_at <= $1 order by next_at limit 100
for update skip locked

-- name: move_schedule
update schedules set next_at = $2, last_at = coalesce($3, last_at) where id = $1

-- name: next_tick
select min(next_at) from schedules where active = 1 and next_at is not null

-- name: schedule
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules where id = $1 and env = $2

-- name: schedule_by_dedup
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules where env = $1 and dedup = $2

-- name: schedules_of_env
select id, env, task, declarative, cron, timezone, dedup, external_id, "window", active, next_at, last_at,
  created_at, updated_at
from schedules where env = $1 order by id desc limit $2 offset $3

-- name: count_schedules
select count(*) from schedules where env = $1
