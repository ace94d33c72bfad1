-- Worker sessions and their leases.

-- name: insert_worker
insert into workers (id, env, version, lease_until, slots, queues, info) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do update set version = excluded.version, lease_until = excluded.lease_until,
  slots = excluded.slots, queues = excluded.queues, info = excluded.info

-- name: workers_of_env
select id, env, version, lease_until, slots, queues, info from workers where env = $1 order by id

-- name: worker
select id, env, version, lease_until, slots, queues, info from workers where id = $1

-- name: renew_worker
update workers set lease_until = $2 where id = $1 returning id

-- name: held_by
select run_id, fence, flags, claimed_at from live where worker = $1

-- name: hands_of.sqlite
select l.worker, l.run_id, l.task, l.claimed_at, l.attempt, l.flags from json_each($1) q
cross join live l on l.worker = q.value where l.state = 2 order by l.claimed_at, l.run_id limit $2

-- name: hands_of.postgres
select worker, run_id, task, claimed_at, attempt, flags from live
where worker in {list $1} and state = 2 order by claimed_at, run_id limit $2

-- name: handed_out_to
select run_id, env, lane, tracked, state, worker, fence, attempt, flags, started_at, claimed_at, usage_ms,
  version, order_at, task
from live where worker = $1

-- name: delete_worker
delete from workers where id = $1

-- name: silent_workers.sqlite
select id, env, info from workers where lease_until < $1 limit 100

-- name: silent_workers.postgres
select id, env, info from workers where lease_until < $1 limit 100 for update skip locked

-- name: next_lease_end
select min(lease_until) from workers

-- name: give_full_leases
update workers set lease_until = $1 where lease_until < $1

-- name: live_sessions
select count(*) from workers where env = $1
