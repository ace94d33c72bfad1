-- What workers of an environment find in theirs.

-- name: variables_of
select name, sealed, secret, updated_at from variables where env = $1 order by name

-- name: put_variable
insert into variables (env, name, sealed, secret, updated_at) values ($1, $2, $3, $4, $5)
on conflict (env, name) do update set sealed = excluded.sealed, secret = excluded.secret,
  updated_at = excluded.updated_at

-- name: delete_variable
delete from variables where env = $1 and name = $2 returning name
