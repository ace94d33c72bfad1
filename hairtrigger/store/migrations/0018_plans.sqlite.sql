-- The organisation that an installation is of, and how many runs it made on each day.

-- One row, made by the first server. The numbers of each plan are those of the server that started last; 0 is no
-- limit. changed_at: since when (ms) what bounds it stands so.
create table organizations (
  id integer primary key, name text not null, plan text not null, changed_at integer not null,
  free_runs integer not null, free_concurrency integer not null, pro_runs integer not null,
  pro_concurrency integer not null
) strict;
alter table projects add column organization integer not null default 1;

-- Runs made by day (ms, UTC), which a run's number tells. The rows of a day are summed: where nothing is limited
-- each connection counts in a row of its own, so that none waits for another.
create table usage (
  organization integer not null, day integer not null, shard integer not null, runs integer not null,
  primary key (organization, day, shard)
) strict, without rowid;
insert into usage (organization, day, shard, runs)
select 1, ((id >> 22) + 1577836800000) / 86400000 * 86400000, 0, count(*) from runs group by 2;
