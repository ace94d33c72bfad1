-- Who may sign in to the dashboard, and who has. Who there is, and who is an admin, is changed by one server at a
-- time, as the catalogue is: so there is one first admin, and always a last one.

-- name: any_user
select 1 from users limit 1

-- name: all_users
select id, email, name, role, password is not null, created_at, seen_at from users order by email

-- name: user
select id, email, name, role, password is not null, created_at, seen_at from users where id = $1

-- name: user_by_email
select id, email, name, role, password is not null, created_at, seen_at from users where email = $1

-- name: password_by_email
select id, password from users where email = $1

-- name: password_of
select password from users where id = $1

-- name: another_admin
select 1 from users where role = 'admin' and id <> $1 limit 1

-- catalog: insert_user
insert into users (id, email, name, password, role, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (email) do nothing returning id

-- catalog: change_role
update users set role = $2 where id = $1

-- catalog: delete_user
delete from users where id = $1

-- name: delete_logins_of
delete from logins where user_id = $1

-- name: set_password
update users set password = $2 where id = $1 returning id

-- name: end_other_logins
delete from logins where user_id = $1 and hash <> $2

-- Only while the password is the one that was proven.
-- name: insert_login
insert into logins (hash, user_id, created_at, expires_at, seen_at, agent, address)
select $1, id, $4, $5, $4, $6, $7 from users where id = $2 and password = $3 returning hash

-- name: rehash_password
update users set password = $3 where id = $1 and password = $2

-- name: user_of_login
select u.id, u.email, u.name, u.role, u.password is not null, u.created_at, u.seen_at, l.seen_at
from logins l join users u on u.id = l.user_id where l.hash = $1 and l.expires_at > $2

-- name: extend_login
update logins set seen_at = $2, expires_at = $3 where hash = $1 and seen_at < $2

-- name: see_user
update users set seen_at = $2 where id = $1

-- name: name_user
update users set name = $2 where id = $1

-- name: logins_of
select hash, created_at, expires_at, seen_at, agent, address from logins
where user_id = $1 and expires_at > $2 order by seen_at desc, hash

-- name: end_login
delete from logins where hash = $1 returning user_id

-- name: end_login_of
delete from logins where hash = $1 and user_id = $2 returning hash

-- name: expired_logins
delete from logins where hash in (select hash from logins where expires_at <= $1 limit $2) returning 1
