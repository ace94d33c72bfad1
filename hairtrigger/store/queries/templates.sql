-- Payloads and options kept on the test page of a task. A task has few.

-- name: templates_of
select id, name, payload, options, created_at from templates where env = $1 and task = $2 order by name

-- name: count_templates
select count(*) from templates where env = $1 and task = $2 and name <> $3

-- name: put_template
insert into templates (id, env, task, name, payload, options, created_at) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (env, task, name) do update set payload = excluded.payload, options = excluded.options,
  created_at = excluded.created_at

-- name: delete_template
delete from templates where id = $1 and env = $2 and task = $3 returning name
