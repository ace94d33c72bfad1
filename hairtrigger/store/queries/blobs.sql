-- Large payloads, kept apart.

-- name: put_blob
insert into blobs (env, name, type, body, created_at) values ($1, $2, $3, $4, $5)
on conflict (env, name) do update set type = excluded.type, body = excluded.body

-- Nobody forgets it beside this transaction; the instant is for the other dialect.
-- name: need_blob.sqlite
select 1 from blobs where env = $1 and name = $2 and $3 > 0

-- Whoever is about to forget it waits, and then finds it younger.
-- name: need_blob.postgres
update blobs set created_at = $3 where env = $1 and name = $2 returning 1

-- name: use_blob
insert into blob_uses (run_id, env, name) values ($1, $2, $3) on conflict do nothing

-- name: blob_exists
select 1 from blobs where env = $1 and name = $2

-- name: get_blob
select type, body from blobs where env = $1 and name = $2 and length(body) <= cast($3 as bigint)

-- name: old_blobs
delete from blobs where (env, name) in (
  select env, name from blobs b where b.created_at < $1
    and not exists (select 1 from blob_uses u where u.env = b.env and u.name = b.name) limit $2)
  and created_at < $1 returning 1

-- name: orphan_uses
delete from blob_uses where (run_id, env, name) in (
  select u.run_id, u.env, u.name from blob_uses u where u.run_id < $1
    and not exists (select 1 from runs r where r.id = u.run_id) limit $2) returning 1
