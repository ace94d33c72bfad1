-- Who is told of what fails, and what they are told.

-- name: alerts_of
select id, env, name, kind, tasks, channel, shown, sealed, enabled, created_at, over_ms from alerts
where env = $1 order by name

-- name: alerts_on
select id, env, kind, tasks, over_ms from alerts where enabled = 1

-- name: insert_alert
insert into alerts (id, env, name, kind, tasks, channel, shown, sealed, enabled, created_at, over_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: update_alert
update alerts set name = $2, kind = $3, tasks = $4, channel = $5, shown = $6, sealed = $7, enabled = $8, over_ms = $9
where id = $1

-- name: delete_alert
delete from alerts where id = $1 and env = $2 returning id

-- name: delete_deliveries_of
delete from alert_deliveries where alert = $1

-- name: drop_waiting_deliveries
delete from alert_deliveries where alert = $1 and state = 0

-- name: last_deliveries
select id, alert, task, state, failures, last_at, run_id, message, tries, problem, due_at, ended_at
from alert_deliveries where alert = $1 order by id desc limit $2

-- name: error_status
select env, fingerprint, status from errors where env = $1 and fingerprint = $2

-- each: error_status
select env, fingerprint, status from errors
where (env, fingerprint) in (select * from unnest($1::bigint[], $2::text[]))

-- name: last_opened
select alert, task, max(opens_at) from alert_deliveries where alert in {list $1} group by alert, task

-- One message more, or more in the one that waits.
-- name: gather_delivery
insert into alert_deliveries (id, alert, env, task, failures, first_at, last_at, run_id, fingerprint, type, message,
  opens_at, due_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
on conflict (alert, task) where state = 0 do update set
  failures = alert_deliveries.failures + excluded.failures, last_at = excluded.last_at, run_id = excluded.run_id,
  fingerprint = excluded.fingerprint, type = excluded.type, message = excluded.message

-- name: next_delivery
select min(due_at) from alert_deliveries where state < 2

-- The outer conditions are looked at anew when another server was faster.
-- name: claim_deliveries
update alert_deliveries set state = 1, tries = tries + 1, due_at = $2
where state < 2 and due_at <= $1 and id in (
  select id from alert_deliveries where state < 2 and due_at <= $1 order by due_at limit $3)
returning id, alert, env, task, failures, first_at, last_at, run_id, fingerprint, type, message, opens_at, tries

-- name: alerts_by_id
select id, env, name, kind, tasks, channel, shown, sealed, enabled, created_at, over_ms from alerts where id in {list $1}

-- name: end_delivery
update alert_deliveries set state = $3, due_at = $4, problem = $5, ended_at = $6
where id = $1 and tries = $2 and state = 1 returning id

-- name: old_deliveries
delete from alert_deliveries where id in (
  select id from alert_deliveries where ended_at < $1 limit $2) returning id
