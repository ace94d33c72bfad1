-- As 0018_plans.sqlite.sql, which says what they are for.

create table organizations (
  id bigint primary key, name text not null, plan text not null, changed_at bigint not null,
  free_runs bigint not null, free_concurrency bigint not null, pro_runs bigint not null,
  pro_concurrency bigint not null
);
alter table projects add column organization bigint not null default 1;

create table usage (
  organization bigint not null, day bigint not null, shard bigint not null, runs bigint not null,
  primary key (organization, day, shard)
) with (fillfactor = 50);
insert into usage (organization, day, shard, runs)
select 1, ((id >> 22) + 1577836800000) / 86400000 * 86400000, 0, count(*) from runs group by 2;
