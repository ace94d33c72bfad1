-- What exists: projects, environments, keys, versions, tasks, queues.

-- name: all_envs
select e.id, e.project, p.ref, p.name, e.slug, e.type, e.public_id
from envs e join projects p on p.id = e.project

-- name: all_tasks
select id, env, name, manifest from tasks

-- name: all_queues
select id, env, name, lim, declared, paused from queues

-- name: all_versions
select id, env, name, content_hash, created_at, current, manifest from versions

-- name: insert_project
insert into projects (id, ref, name, named, created_at) values ($1, $2, $3, $4, $5)

-- name: name_project
update projects set ref = $2, named = 1 where id = $1 and named = 0 returning id

-- name: insert_env
insert into envs (id, project, slug, type, public_id) values ($1, $2, $3, $4, $5)

-- name: insert_key
insert into api_keys (id, env, hash, sealed, hint, created_at) values ($1, $2, $3, $4, $5, $6)

-- name: key_by_hash
select env, expires_at from api_keys where hash = $1

-- name: keys_of_env
select sealed, expires_at, hint from api_keys where env = $1 order by created_at desc, id desc

-- name: insert_task
insert into tasks (env, name, manifest) values ($1, $2, $3) returning id

-- name: update_task
update tasks set manifest = $2 where id = $1

-- name: insert_queue
insert into queues (env, name, lim, declared) values ($1, $2, $3, $4) returning id

-- name: update_queue
update queues set lim = $2, declared = $3 where id = $1

-- name: pause_queue
update queues set paused = $2 where id = $1

-- name: pause_lanes
update lanes set paused = $2 where queue = $1

-- name: limit_lanes
update lanes set lim = $2 where queue = $1

-- name: untracked_of_queue
select l.run_id, coalesce(r.ckey, ''), l.state from live l join runs r on r.id = l.run_id
where l.tracked = 0 and l.lane = $1

-- name: fill_lane
insert into lanes (env, queue, ckey, lim, running, queued, runs, turn, paused, used_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (queue, ckey) do update set lim = excluded.lim,
  running = lanes.running + excluded.running, queued = lanes.queued + excluded.queued,
  runs = lanes.runs + excluded.runs, used_at = excluded.used_at
returning id

-- name: track
update live set lane = $2, tracked = 1 where run_id = $1

-- name: insert_version
insert into versions (id, env, name, content_hash, created_at, current, manifest)
values ($1, $2, $3, $4, $5, 0, $6)

-- name: make_current
update versions set current = (id = $2) where env = $1 and (current = 1 or id = $2)

-- name: held_runs
select l.run_id, l.env, l.lane, l.tracked, r.task, r.queue, r.ttl, r.version, r.created_at
from live l join runs r on r.id = l.run_id
where l.state = 5 and l.env = $1 order by l.order_at, l.run_id

-- name: release_held
update live set state = 1, expires_at = $2 where run_id = $1
