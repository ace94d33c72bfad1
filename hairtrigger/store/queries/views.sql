-- Lists of runs that people keep under a name. Owner 0 is everybody.

-- name: views_of
select id, owner, name, query from views where env = $1 and owner in (0, $2) order by name, id

-- name: count_views
select count(*) from views where env = $1 and owner = $2 and name <> $3

-- name: put_view
insert into views (id, env, owner, name, query, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (env, owner, name) do update set query = excluded.query, created_at = excluded.created_at

-- name: view_by_id
select owner from views where id = $1 and env = $2

-- name: delete_view
delete from views where id = $1 returning name

-- name: delete_views_of
delete from views where owner = $1
