-- As 0008_dashboard.sqlite.sql, which says what the table is for.

create table templates (
  id bigint primary key, env bigint not null, task bigint not null, name text not null, payload text not null,
  options text not null, created_at bigint not null, unique (env, task, name)
);

create index schedules_list on schedules (env, active desc, next_at, id);
