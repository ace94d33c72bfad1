-- Personal access tokens, and tools that wait to be given one.

-- name: insert_personal_token
insert into personal_tokens (id, user_id, name, hash, hint, created_at, expires_at)
select $1, id, $3, $4, $5, $6, $7 from users where id = $2 returning id

-- name: person_by_token
select t.id, t.expires_at, u.id, u.email, u.name, u.role, u.password is not null, u.created_at, u.seen_at
from personal_tokens t join users u on u.id = t.user_id where t.hash = $1

-- name: personal_tokens_of
select id, name, hint, created_at, expires_at, used_at from personal_tokens where user_id = $1 order by id desc

-- name: count_personal_tokens
select count(*) from personal_tokens where user_id = $1

-- name: delete_personal_token
delete from personal_tokens where id = $1 and user_id = $2 returning name

-- name: delete_personal_tokens_of
delete from personal_tokens where user_id = $1

-- name: personal_token_used
update personal_tokens set used_at = $2 where id = $1 and coalesce(used_at, 0) < $2

-- each: personal_token_used
update personal_tokens set used_at = x.at from unnest($1::bigint[], $2::bigint[]) x(id, at)
where personal_tokens.id = x.id and coalesce(used_at, 0) < x.at

-- name: insert_authorization
insert into authorizations (hash, created_at, expires_at, name, agent, address) values ($1, $2, $3, $4, $5, $6)

-- name: authorization
select created_at, name, agent, address, user_id from authorizations where hash = $1 and expires_at > $2

-- name: count_authorizations
select count(*) from (select 1 from authorizations limit $1) x

-- name: approve_authorization
update authorizations set user_id = $2 where hash = $1 and user_id is null and expires_at > $3 returning name

-- name: delete_authorization
delete from authorizations where hash = $1 returning name, user_id

-- name: expired_authorizations
delete from authorizations where hash in (select hash from authorizations where expires_at <= $1 limit $2) returning 1
