-- Counts of finished runs, and errors by what they have in common.

-- Of which task a waiting run is, so that its end is counted without a look at the run.
alter table live add column task integer not null default 0;
update live set task = coalesce((select task from runs where id = run_id), 0);

-- What one transaction finished: for each task and minute of creation one row (body: rules/stats), and the runs
-- that failed. Rolled up, and deleted, within seconds.
create table stat_deltas (
  id integer primary key, env integer not null, task integer not null, minute integer not null,
  body text not null, failed text
) strict;

-- step: the width in ms, at: where it begins; task 0 is the sum of all.
create table rollups (
  env integer not null, step integer not null, task integer not null, at integer not null,
  body text not null, primary key (env, step, task, at)
) strict, without rowid;

-- Failures of one task that have class, normalised message and place in common. status: 0 unresolved,
-- 1 resolved, 2 ignored. An ignored one comes back when ignored_until has passed or runs exceeds
-- ignored_runs; a resolved one when a version newer than resolved_version fails (then regressed_version).
create table errors (
  id integer primary key, env integer not null, fingerprint text not null, task integer not null,
  type text not null, message text not null, status integer not null default 0,
  first_at integer not null, last_at integer not null, first_run integer not null, last_run integer not null,
  first_version integer, last_version integer, runs integer not null default 0,
  resolved_at integer, resolved_version integer, regressed_version integer,
  ignored_until integer, ignored_runs integer, note text, changed_by text,
  unique (env, fingerprint)
) strict;
create index errors_recent on errors (env, last_at);

create table error_counts (
  error integer not null, step integer not null, at integer not null, runs integer not null,
  primary key (error, step, at)
) strict, without rowid;

create table error_runs (
  error integer not null, run_id integer not null, primary key (error, run_id)
) strict, without rowid;
create index error_runs_run on error_runs (run_id);
