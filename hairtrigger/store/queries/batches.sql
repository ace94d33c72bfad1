-- Batches: announced, filled item by item, sealed when complete.

-- name: insert_batch
insert into batches (id, env, created_at, updated_at, total, parent, key, key_shown)
values ($1, $2, $3, $3, $4, $5, $6, $7)

-- name: batch
select id, env, created_at, updated_at, finished_at, total, made, open, sealed, aborted, parent, key_shown
from batches where id = $1 and env = $2

-- name: batch_to_fill.sqlite
select id, env, created_at, updated_at, finished_at, total, made, open, sealed, aborted, parent, key_shown
from batches where id = $1 and env = $2

-- name: batch_to_fill.postgres
select id, env, created_at, updated_at, finished_at, total, made, open, sealed, aborted, parent, key_shown
from batches where id = $1 and env = $2 for update

-- name: known_items
select ix from batch_items where batch = $1 and ix between $2 and $3

-- name: insert_items
insert into batch_items (batch, ix, run_id, task, error) values ($1, $2, $3, $4, $5)

-- name: fill_batch
update batches set made = made + $2, open = open + $3, updated_at = $4,
  sealed = case when made + $2 >= total then 1 else 0 end,
  finished_at = case when made + $2 >= total and open + $3 = 0 then cast($4 as bigint) end
where id = $1 returning made, sealed, total

-- name: items_of
select ix, run_id, task, error from batch_items where batch = $1 order by ix

-- name: abort_batches
update batches set aborted = 1, updated_at = $2, finished_at = $2
where id in (select id from batches where sealed = 0 and aborted = 0 and created_at < $1 limit 100)
  and sealed = 0
returning id

-- Of the batches of all environments a bounded number is looked at: there is no index for one of them.
-- page: batches_of_env
select id, created_at, updated_at, finished_at, total, made, open, sealed, aborted, parent, key_shown
from (select * from batches where {past id} order by id {order} limit $4) q
where env = $1 order by id {order} limit $3

-- name: batches_looked_at
select min(id), count(*) from (select id from batches where id < $1 order by id desc limit $2) q

-- How the items of batches stand: the number of a final status; 100 and a state of unfinished runs, 110 between two
-- attempts; -1 for what could not become a run, 99 for a run that is kept no longer.
-- name: batch_progress
select batch, task, how, count(*) from (
  select i.batch, i.task, case when i.run_id is null then -1 when r.run_id is not null then r.status
    when l.run_id is null then 99 when l.fence > 0 and l.state = 0 then 110 else 100 + l.state end as how
  from batch_items i left join results r on r.run_id = i.run_id left join live l on l.run_id = i.run_id
  where i.batch in {list $1}) b
group by batch, task, how

-- name: items_standing
select i.ix, i.run_id, i.task, i.error, case when i.run_id is null then -1 when r.run_id is not null then r.status
    when l.run_id is null then 99 when l.fence > 0 and l.state = 0 then 110 else 100 + l.state end,
  coalesce(r.started_at, l.started_at), r.finished_at
from batch_items i left join results r on r.run_id = i.run_id left join live l on l.run_id = i.run_id
where i.batch = $1 and i.ix >= $2 order by i.ix limit $3
