-- The secret keys of environments: the root key, which has no name and can be read again, and others.

-- name: insert_key
insert into api_keys (id, env, hash, sealed, hint, created_at, expires_at, name)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: key_by_hash
select id, env, expires_at from api_keys where hash = $1

-- name: keys_of_env
select sealed, expires_at, hint from api_keys where env = $1 and name is null order by created_at desc, id desc

-- name: all_keys
select id, env, name, hint, created_at, expires_at, used_at from api_keys where env in {list $1}
order by created_at desc, id desc

-- name: count_keys
select count(*) from api_keys where env = $1 and name is not null

-- name: key_name_taken
select 1 from api_keys where env = $1 and name = $2

-- name: revoke_key
delete from api_keys where env = $1 and id = $2 and name is not null returning name, hint

-- name: end_root_keys
update api_keys set expires_at = $2 where env = $1 and name is null and (expires_at is null or expires_at > $2)

-- name: forget_root_keys
delete from api_keys where env = $1 and name is null and expires_at <= $2

-- name: key_used
update api_keys set used_at = $2 where id = $1 and coalesce(used_at, 0) < $2

-- each: key_used
update api_keys set used_at = x.at from unnest($1::bigint[], $2::bigint[]) x(id, at)
where api_keys.id = x.id and coalesce(used_at, 0) < x.at
