-- Bulk actions.

-- name: insert_bulk
insert into bulk_actions (id, env, action, name, chosen, created_at, created_by, begins_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- One that nobody works on, for a while.
-- name: take_bulk.sqlite
update bulk_actions set lease_until = $2 where id = (
  select id from bulk_actions where status = 0 and begins_at <= $1 and lease_until <= $1 order by begins_at limit 1)
returning id, env, action, chosen, at, created_at

-- name: take_bulk.postgres
update bulk_actions set lease_until = $2 where id = (
  select id from bulk_actions where status = 0 and begins_at <= $1 and lease_until <= $1 order by begins_at limit 1
  for update skip locked)
returning id, env, action, chosen, at, created_at

-- name: next_bulk
select min(begins_at) from bulk_actions where status = 0

-- Adding 0 keeps the planner to the index of those that are not over.
-- name: replays_under_way
select count(*) from bulk_actions where status = 0 and begins_at > 0 and env + 0 = $1 and action = 'replay'

-- The next page of it is done. One that was aborted meanwhile stays so.
-- name: advance_bulk
update bulk_actions set at = $2, success = success + $3, failure = failure + $4, problem = coalesce(problem, $5),
  lease_until = 0, status = case when $6 > 0 and status = 0 then 1 else status end,
  completed_at = case when $6 > 0 and status = 0 then $7 else completed_at end
where id = $1

-- name: abort_bulk
update bulk_actions set status = 2, completed_at = $3 where id = $1 and env = $2 and status = 0 returning id

-- name: bulk_action
select id, action, name, chosen, status, at, success, failure, problem, created_at, created_by, begins_at, completed_at
from bulk_actions where id = $1 and env = $2

-- page: bulk_actions
select id, action, name, chosen, status, at, success, failure, problem, created_at, created_by, begins_at, completed_at
from bulk_actions where env = $1 and {past id} order by id {order} limit $3

-- name: insert_bulk_run
insert into bulk_runs (action, run_id) values ($1, $2) on conflict do nothing

-- page: ids_of_bulk
select run_id from bulk_runs where action = $4 and cast($1 as bigint) > 0 and {past run_id}
order by run_id {order} limit $3

-- name: old_bulk_runs
delete from bulk_runs where (action, run_id) in (select action, run_id from bulk_runs where run_id < $1 limit $2)
returning 1

-- name: old_bulk_actions
delete from bulk_actions where id in (
  select id from bulk_actions where completed_at is not null and id < $1 order by id limit $2)
returning 1
