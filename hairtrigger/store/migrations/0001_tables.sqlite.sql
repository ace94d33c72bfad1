-- The first schema. Times are ms since 1970, durations ms, ids 64-bit numbers of wire/ids.py.

-- named is 0 while ref is one that we made up: the first configuration that names the project names it.
create table projects (
  id integer primary key, ref text not null unique, name text not null, named integer not null,
  created_at integer not null
) strict;

create table envs (
  id integer primary key, project integer not null, slug text not null, type text not null,
  public_id text not null unique, unique (project, slug)
) strict;

-- Look-up is by hash; root keys are sealed as well, because clients sign public tokens with them.
create table api_keys (
  id integer primary key, env integer not null, hash text not null unique, sealed text,
  hint text not null, created_at integer not null, expires_at integer
) strict;

create table versions (
  id integer primary key, env integer not null, name text not null, content_hash text not null,
  created_at integer not null, current integer not null default 0, manifest text not null,
  unique (env, name)
) strict;
create index versions_content on versions (env, content_hash);

-- A task that was triggered before any version declared it has no manifest: its runs are held.
create table tasks (
  id integer primary key, env integer not null, name text not null, manifest text, unique (env, name)
) strict;

create table queues (
  id integer primary key, env integer not null, name text not null, lim integer,
  declared integer not null default 1, paused integer not null default 0, unique (env, name)
) strict;

-- Written once. Everything that can change is elsewhere, so history never sees an update.
create table runs (
  id integer primary key, env integer not null, task integer not null, queue integer not null, ckey text,
  created_at integer not null, payload text, payload_type integer, tags text, version integer,
  parent integer, root integer, batch integer, schedule integer, depth integer not null default 0,
  max_attempts integer, max_duration integer, ttl integer, opts text
) strict;
create index runs_env on runs (env, id);
create index runs_task on runs (env, task, id);
create index runs_parent on runs (parent, id) where parent is not null;
create index runs_schedule on runs (schedule, id) where schedule is not null;

-- The queue: one narrow row for every unfinished run and no other. lane is a lane's id when tracked is 1,
-- else the negative id of a queue without a limit, so that one index serves both.
create table live (
  run_id integer primary key, env integer not null, lane integer not null, state integer not null,
  tracked integer not null, order_at integer not null, at integer, expires_at integer,
  worker integer, fence integer not null default 0, attempt integer not null default 1,
  waits integer not null default 0, flags integer not null default 0, version integer,
  started_at integer, claimed_at integer, usage_ms integer not null default 0
) strict;
create index live_ready on live (lane, order_at, run_id) where state = 1;
create index live_held on live (env, order_at) where state = 5;
create index live_due on live (at) where at is not null;
create index live_ttl on live (expires_at) where expires_at is not null;
create index live_worker on live (worker) where worker is not null;
create index live_locked on live (version) where version is not null and state in (0, 1);

-- A queue with a limit, once per concurrency key, with counters that are exact at every commit.
create table lanes (
  id integer primary key, env integer not null, queue integer not null, ckey text not null default '',
  lim integer not null, running integer not null default 0 check (running >= 0),
  queued integer not null default 0 check (queued >= 0),
  runs integer not null default 0 check (runs >= 0), -- live rows that name this lane, in any state
  turn integer not null default 0, paused integer not null default 0, used_at integer not null default 0,
  open integer generated always as (queued > 0 and running < lim and not paused) stored,
  unique (queue, ckey)
) strict;
create index lanes_open on lanes (env, turn) where open;
create index lanes_idle on lanes (used_at) where runs = 0;

create table results (
  run_id integer primary key, env integer not null, status integer not null, attempt integer not null,
  fence integer not null, started_at integer, finished_at integer not null,
  usage_ms integer not null default 0, version integer, output text, output_type integer, error text,
  flags integer not null default 0
) strict;
create index results_not_completed on results (env, status, run_id) where status <> 0;

-- Hand-outs that did not finish their run; the one that did stands in results.
create table attempts (
  run_id integer not null, attempt integer not null, fence integer not null, worker integer,
  started_at integer, ended_at integer not null, reason text not null, error text,
  primary key (run_id, fence)
) strict, without rowid;

create table run_tags (
  env integer not null, tag text not null, run_id integer not null, primary key (env, tag, run_id)
) strict, without rowid;

-- What changed after a run was triggered: null means as triggered.
create table run_changes (
  run_id integer primary key, changed_at integer not null, metadata text, tags text,
  delayed_until integer, payload text, payload_type integer, max_attempts integer, max_duration integer,
  key_released integer not null default 0
) strict;

create table idempotency (
  env integer not null, task integer not null, key text not null, run_id integer not null,
  expires_at integer not null, primary key (env, task, key)
) strict, without rowid;
create index idempotency_expires on idempotency (expires_at);

create table debounces (
  env integer not null, task integer not null, key text not null, run_id integer not null,
  latest_at integer not null, primary key (env, task, key)
) strict, without rowid;

-- Answers of creating requests, so that a repeated request makes nothing twice.
create table requests (
  env integer not null, key text not null, made text not null, expires_at integer not null,
  primary key (env, key)
) strict, without rowid;
create index requests_expires on requests (expires_at);

create table waitpoints (
  id integer primary key, env integer not null, kind integer not null, done_at integer, due_at integer,
  output text, output_type integer, ok integer, key text, key_expires integer
) strict;
create table waits (
  waitpoint integer not null, run_id integer not null, ix integer not null default 0,
  primary key (waitpoint, run_id)
) strict, without rowid;
create index waits_run on waits (run_id);

create table batches (
  id integer primary key, env integer not null, created_at integer not null, updated_at integer not null,
  finished_at integer, total integer not null, made integer not null default 0,
  open integer not null default 0, sealed integer not null default 0, aborted integer not null default 0,
  waitpoint integer, parent integer, key text, key_shown text
) strict;
create index batches_unsealed on batches (created_at) where sealed = 0 and aborted = 0;

create table batch_items (
  batch integer not null, ix integer not null, run_id integer, task text not null, error text,
  primary key (batch, ix)
) strict, without rowid;

create table schedules (
  id integer primary key, env integer not null, task integer not null, declarative integer not null,
  cron text not null, timezone text not null, dedup text, external_id text, window text,
  active integer not null default 1, next_at integer, last_at integer, created_at integer not null,
  updated_at integer not null
) strict;
create index schedules_due on schedules (next_at) where active = 1 and next_at is not null;
create unique index schedules_dedup on schedules (env, dedup) where dedup is not null;
create unique index schedules_declared on schedules (env, task) where declarative = 1;

create table workers (
  id integer primary key, env integer not null, version integer not null, lease_until integer not null,
  slots integer not null, queues text, info text not null
) strict;
create index workers_lease on workers (lease_until);

-- Log lines and spans. position is the hand-out's number and the line's within it, so that a line which is
-- sent again is there once.
create table events (
  run_id integer not null, position integer not null, body text not null, primary key (run_id, position)
) strict, without rowid;

-- Large payloads and outputs, by a name that cannot be guessed.
create table blobs (
  env integer not null, name text not null, type text not null, body blob, created_at integer not null,
  primary key (env, name)
) strict;
