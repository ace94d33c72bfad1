-- Something done to many runs, page by page in the background, newest first.

-- chosen: a filter (store/narrowing) or the runs' ids, as JSON. at: the last run that was looked at; status:
-- 0 pending, 1 completed, 2 aborted. Whoever works on it has it until lease_until.
create table bulk_actions (
  id integer primary key, env integer not null, action text not null, name text not null, chosen text not null,
  status integer not null default 0, at integer, success integer not null default 0,
  failure integer not null default 0, problem text, created_at integer not null, created_by text not null,
  begins_at integer not null, completed_at integer, lease_until integer not null default 0
) strict;
create index bulk_actions_env on bulk_actions (env, id);
create index bulk_actions_open on bulk_actions (begins_at) where status = 0;

-- Which runs it touched, and those that a replay made.
create table bulk_runs (
  action integer not null, run_id integer not null, primary key (action, run_id)
) strict, without rowid;
create index bulk_runs_run on bulk_runs (run_id);
