-- What exists: projects, environments, keys, versions, tasks, queues.

-- name: all_envs
select e.id, e.project, p.ref, p.name, e.slug, e.type, e.public_id, e.lim, e.burst, e.parent, coalesce(e.branch, ''),
  e.archived_at
from envs e join projects p on p.id = e.project

-- name: organization
select plan, free_runs, free_concurrency, pro_runs, pro_concurrency from organizations order by id limit 1

-- catalog: found_organization
insert into organizations (id, name, plan, changed_at, free_runs, free_concurrency, pro_runs, pro_concurrency)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- catalog: change_plan
update organizations set plan = $2, changed_at = $3, free_runs = $4, free_concurrency = $5, pro_runs = $6,
  pro_concurrency = $7
where id = $1

-- name: all_tasks
select id, env, name, manifest from tasks

-- name: all_queues
select id, env, name, lim, declared, paused, override, overridden_at, total_limit, rate_limit, rate_ms,
  paused_at, paused_by, paused_note
from queues

-- name: envs_with_lanes
select distinct env from queues q where exists (select 1 from lanes l where l.queue = q.id)

-- name: all_versions
select id, env, name, content_hash, created_at, current, manifest, promoted_at, archive from versions

-- catalog: insert_project
insert into projects (id, ref, name, named, created_at) values ($1, $2, $3, $4, $5)

-- catalog: name_project
update projects set ref = $2, named = 1 where id = $1 and named = 0 returning id

-- catalog: insert_env
insert into envs (id, project, slug, type, public_id) values ($1, $2, $3, $4, $5)

-- catalog: make_branch
update envs set parent = $2, branch = $3 where id = $1

-- catalog: archive_env
update envs set archived_at = $2 where id = $1

-- catalog: insert_task
insert into tasks (env, name, manifest) values ($1, $2, $3) returning id

-- catalog: update_task
update tasks set manifest = $2 where id = $1

-- catalog: insert_queue
insert into queues (env, name, declared) values ($1, $2, $3) returning id

-- catalog: declare_queue
update queues set lim = $2, total_limit = $3, rate_limit = $4, rate_ms = $5, declared = 1,
  limited_at = $6
where id = $1

-- catalog: override_limit
update queues set override = $2, overridden_at = $3, limited_at = $4 where id = $1

-- catalog: limit_env
update envs set lim = $2, burst = $3, limited_at = $4 where id = $1

-- catalog: pause_queue
update queues set paused = $2, paused_at = $3, paused_by = $4, paused_note = $5 where id = $1

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
returning ckey, id

-- name: track
update live set lane = $2, tracked = 1 where run_id = $1

-- each: track
update live set lane = x.lane, tracked = 1 from unnest($1::bigint[], $2::bigint[]) x(run_id, lane)
where live.run_id = x.run_id

-- catalog: insert_version
insert into versions (id, env, name, content_hash, created_at, current, manifest)
values ($1, $2, $3, $4, $5, 0, $6)

-- catalog: make_current
update versions set current = case when id = $2 then 1 else 0 end,
  promoted_at = case when id = $2 then $3 else promoted_at end
where env = $1 and (current = 1 or id = $2)

-- name: held_runs
select l.run_id, l.env, l.lane, l.tracked, r.task, r.queue, r.ttl, r.version, r.created_at
from live l join runs r on r.id = l.run_id
where l.state = 5 and l.env = $1 order by l.order_at, l.run_id

-- exact: release_held
update live set state = 1, expires_at = $2 where run_id = $1 and state = 5

-- each: release_held
update live set state = 1, expires_at = x.expires_at
from unnest($1::bigint[], $2::bigint[]) x(run_id, expires_at) where live.run_id = x.run_id and state + 0 = 5
