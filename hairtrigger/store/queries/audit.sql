-- Who did what.

-- name: insert_audit
insert into audit (id, at, env, who, action, what, subject, address) values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: audit_before
select id, at, env, who, action, what, subject, address from audit where id < $1 order by id desc limit $2

-- name: old_audit
delete from audit where id in (select id from audit where id < $1 order by id limit $2) returning 1
