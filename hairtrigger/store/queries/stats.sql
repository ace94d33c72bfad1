-- Counts of finished runs.

-- name: insert_deltas
insert into stat_deltas (env, task, minute, body, failed) values ($1, $2, $3, $4, $5)

-- name: take_deltas.sqlite
delete from stat_deltas where id in (select id from stat_deltas order by id limit $1)
returning env, task, minute, body, failed

-- One server at a time adds them up; another one has none meanwhile.
-- name: take_deltas.postgres
delete from stat_deltas where id in (
  select id from stat_deltas where (select pg_try_advisory_xact_lock(4710, 6)) order by id limit $1)
returning env, task, minute, body, failed

-- name: any_deltas
select 1 from stat_deltas limit 1

-- name: rollups_at
select env, step, task, at, body from rollups where env = $1 and step = $2 and task = $3 and at = $4

-- each: rollups_at
select r.env, r.step, r.task, r.at, r.body
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) x(env, step, task, at)
  join rollups r on r.env = x.env and r.step = x.step and r.task = x.task and r.at = x.at

-- name: put_rollup
insert into rollups (env, step, task, at, body) values ($1, $2, $3, $4, $5)
on conflict (env, step, task, at) do update set body = excluded.body

-- name: rollups_between
select task, at, body from rollups
where env = $1 and step = $2 and task in {list $3} and at >= $4 and at < $5

-- name: deltas_between
select task, minute, body from stat_deltas where env = $1 and minute >= $2 and minute < $3

-- Counts of a step that nobody looks at any more.
-- name: old_rollups
delete from rollups where env = $1 and step = $2 and task = $3 and at < $4

-- each: old_rollups
delete from rollups r using unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) x(env, step, task, at)
where r.env = x.env and r.step = x.step and r.task = x.task and r.at < x.at

-- Failures, which are grouped after they were counted.

-- name: failures_of
select e.run_id, e.env, r.task, e.version, e.finished_at, e.error
from results e join runs r on r.id = e.run_id where e.run_id in {list $1}

-- One group more, or more of one: what was resolved comes back with a newer version, what was ignored when its
-- time or number is over.
-- name: put_error
insert into errors (env, fingerprint, task, type, message, first_at, last_at, first_run, last_run,
  first_version, last_version, runs)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (env, fingerprint) do update set
  status = case
    when errors.status = 1 and excluded.last_version > errors.resolved_version then 0
    when errors.status = 2 and (errors.ignored_until <= excluded.last_at
      or errors.runs + excluded.runs > errors.ignored_runs) then 0
    else errors.status end,
  regressed_version = case
    when errors.status = 1 and excluded.last_version > errors.resolved_version then excluded.last_version
    else errors.regressed_version end,
  message = excluded.message, runs = errors.runs + excluded.runs,
  first_at = case when excluded.first_at < errors.first_at then excluded.first_at else errors.first_at end,
  last_at = case when excluded.last_at >= errors.last_at then excluded.last_at else errors.last_at end,
  last_run = case when excluded.last_at >= errors.last_at then excluded.last_run else errors.last_run end,
  last_version = case when excluded.last_at >= errors.last_at then excluded.last_version else errors.last_version end
returning env, fingerprint, id

-- each: put_error
insert into errors (env, fingerprint, task, type, message, first_at, last_at, first_run, last_run,
  first_version, last_version, runs)
select * from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
on conflict (env, fingerprint) do update set
  status = case
    when errors.status = 1 and excluded.last_version > errors.resolved_version then 0
    when errors.status = 2 and (errors.ignored_until <= excluded.last_at
      or errors.runs + excluded.runs > errors.ignored_runs) then 0
    else errors.status end,
  regressed_version = case
    when errors.status = 1 and excluded.last_version > errors.resolved_version then excluded.last_version
    else errors.regressed_version end,
  message = excluded.message, runs = errors.runs + excluded.runs,
  first_at = case when excluded.first_at < errors.first_at then excluded.first_at else errors.first_at end,
  last_at = case when excluded.last_at >= errors.last_at then excluded.last_at else errors.last_at end,
  last_run = case when excluded.last_at >= errors.last_at then excluded.last_run else errors.last_run end,
  last_version = case when excluded.last_at >= errors.last_at then excluded.last_version else errors.last_version end
returning env, fingerprint, id

-- name: count_error
insert into error_counts (error, step, at, runs) values ($1, $2, $3, $4)
on conflict (error, step, at) do update set runs = error_counts.runs + excluded.runs

-- name: insert_error_run
insert into error_runs (error, run_id) values ($1, $2) on conflict do nothing

-- name: new_errors
select count(*) from (
  select 1 from errors where env = $1 and last_at > $2 and first_at > $2 and status = 0 limit 1000) x

-- Groups, by when they were last seen.
-- name: errors_older
select id, fingerprint, task, type, message, status, first_at, last_at, first_run, last_run, first_version,
  last_version, runs, resolved_at, resolved_version, regressed_version, ignored_until, ignored_runs, changed_by
from errors where env = $1 and (last_at, id) < ($2, $3) order by last_at desc, id desc limit $4

-- name: errors_newer
select id, fingerprint, task, type, message, status, first_at, last_at, first_run, last_run, first_version,
  last_version, runs, resolved_at, resolved_version, regressed_version, ignored_until, ignored_runs, changed_by
from errors where env = $1 and (last_at, id) > ($2, $3) order by last_at, id limit $4

-- name: error_group
select id, fingerprint, task, type, message, status, first_at, last_at, first_run, last_run, first_version,
  last_version, runs, resolved_at, resolved_version, regressed_version, ignored_until, ignored_runs, changed_by
from errors where env = $1 and fingerprint = $2

-- name: error_of_run
select id, fingerprint, task, type, message, status, first_at, last_at, first_run, last_run, first_version,
  last_version, runs, resolved_at, resolved_version, regressed_version, ignored_until, ignored_runs, changed_by
from errors where id = (select error from error_runs where run_id = $2 limit 1) and env + 0 = $1

-- name: count_errors
select status, count(*) from (
  select status from errors where env = $1 and last_at >= $2 order by last_at desc limit 10000) x
group by status

-- name: error_totals
select error, sum(runs) from error_counts
where error in {list $1} and step = $2 and at >= $3 and at < $4 group by error

-- name: error_columns
select error, $3 + (at - $3) / $5 * $5 as place, cast(sum(runs) as bigint) from error_counts
where error in {list $1} and step = $2 and at >= $3 and at < $4 group by error, place

-- name: error_run_ids
select run_id from error_runs where error = $1 order by run_id desc limit $2

-- name: ended_under
select 1 from results where run_id in {list $1} and version = $2 limit 1

-- name: error_sample
select e.version, r.tags from results e join runs r on r.id = e.run_id where e.run_id in {list $1}

-- A newer version than the last that failed is the one that brings it back.
-- name: resolve_error
update errors set status = 1, resolved_at = $3, resolved_version = coalesce(last_version, 0),
  regressed_version = null, ignored_until = null, ignored_runs = null, changed_by = $4
where env = $1 and fingerprint = $2 and status <> 1 returning id

-- name: ignore_error
update errors set status = 2, ignored_until = $5, ignored_runs = runs + $6, resolved_at = null,
  resolved_version = null, regressed_version = null, changed_by = $4
where env = $1 and fingerprint = $2 and cast($3 as bigint) > 0 returning id

-- name: reopen_error
update errors set status = 0, resolved_at = null, resolved_version = null, regressed_version = null,
  ignored_until = null, ignored_runs = null, changed_by = $4
where env = $1 and fingerprint = $2 and status <> 0 and cast($3 as bigint) > 0 returning id

-- name: old_error_counts
delete from error_counts where error in (select id from errors) and step = $1 and at < $2

-- name: old_error_runs
delete from error_runs where (error, run_id) in (select error, run_id from error_runs where run_id < $1 limit $2)
returning 1
