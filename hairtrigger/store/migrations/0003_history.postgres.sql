-- As 0003_history.sqlite.sql, which says more.

alter table results add column claimed_at bigint default -1;
alter table queues add column limited_at bigint not null default 0;
alter table envs add column limited_at bigint not null default 0;
