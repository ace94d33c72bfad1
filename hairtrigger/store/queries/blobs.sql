-- Large payloads, kept apart.

-- name: put_blob
insert into blobs (env, name, type, body, created_at) values ($1, $2, $3, $4, $5)
on conflict (env, name) do update set type = excluded.type, body = excluded.body

-- name: blob_exists
select 1 from blobs where env = $1 and name = $2

-- name: get_blob
select type, body from blobs where env = $1 and name = $2

-- name: old_blobs
delete from blobs where (env, name) in (select env, name from blobs where created_at < $1 limit $2)
returning 1
