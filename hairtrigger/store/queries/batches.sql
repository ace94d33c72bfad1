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
