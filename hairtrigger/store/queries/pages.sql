-- Ids of runs page by page; every statement is read in both directions (see database.load_queries).

-- PostgreSQL would walk the primary key, believing that what is asked for is everywhere: in a small environment
-- beside a large one that is all of history. An order that begins with a value which may be one of two (the same)
-- keeps it to the index that begins with that value.
-- page: ids_of_env.sqlite
select id from runs where env = $1 and {past id} order by id {order} limit $3

-- page: ids_of_env.postgres
select id from runs where env in ($1, $1) and {past id} order by env {order}, id {order} limit $3

-- page: ids_of_task.sqlite
select id from runs where env = $1 and task = $4 and {past id} order by id {order} limit $3

-- page: ids_of_task.postgres
select id from runs where env in ($1, $1) and task = $4 and {past id} order by env {order}, id {order} limit $3

-- page: ids_of_tag
select run_id from run_tags where env = $1 and tag = $4 and {past run_id} order by run_id {order} limit $3

-- page: ids_of_status.sqlite
select run_id from results
where env = $1 and status = $4 and status <> 0 and {past run_id} order by run_id {order} limit $3

-- page: ids_of_status.postgres
select run_id from results where env in ($1, $1) and status = $4 and status <> 0 and {past run_id}
order by env {order}, run_id {order} limit $3

-- page: ids_of_live
select run_id from live where env = $1 and state in {list $4} and {past run_id}
order by run_id {order} limit $3

-- page: ids_of_schedule.sqlite
select id from runs where env = $1 and schedule = $4 and {past id} order by id {order} limit $3

-- page: ids_of_schedule.postgres
select id from runs where env = $1 and schedule in ($4, $4) and {past id}
order by schedule {order}, id {order} limit $3

-- page: ids_of_batch
select distinct run_id from batch_items where batch = $4 and cast($1 as bigint) > 0 and run_id is not null and {past run_id}
order by run_id {order} limit $3

-- name: briefs
select r.id, r.task, r.queue, coalesce(e.version, l.version, r.version), r.schedule, r.batch, r.opts,
  l.state, l.fence, l.flags, e.status, r.ckey, r.parent, coalesce(e.attempt, l.attempt),
  coalesce(e.started_at, l.started_at), e.finished_at, r.tags
from runs r left join live l on l.run_id = r.id left join results e on e.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2

-- What a word is looked for in, besides a run's row.
-- name: searched
select r.id, r.payload, e.output, e.error, c.metadata, c.tags
from runs r left join results e on e.run_id = r.id left join run_changes c on c.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2

-- page: ids_of_error
select x.run_id from error_runs x join errors e on e.id = x.error
where e.env = $1 and e.fingerprint = $4 and {past run_id} order by x.run_id {order} limit $3

-- name: tagged
select run_id from run_tags where env = $1 and tag = $2 and run_id in {list $3}
