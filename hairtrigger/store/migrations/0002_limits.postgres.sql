-- Limits beyond that of one lane, and limits set at run time: as 0002_limits.sqlite.sql, which says more.

alter table queues add column override bigint, add column overridden_at bigint, add column total_limit bigint,
  add column rate_limit bigint, add column rate_ms bigint;
alter table envs add column lim bigint, add column burst bigint not null default 100;

create table slots (
  owner bigint primary key, running bigint not null default 0 check (running >= 0),
  tokens bigint not null default 0, tokens_at bigint not null default 0
) with (fillfactor = 50);
