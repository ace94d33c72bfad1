-- As 0019_alerts.sqlite.sql, which says what the tables are for.

create table alerts (
  id bigint primary key, env bigint not null, name text not null, kind text not null, tasks text,
  channel text not null, shown text not null, sealed text not null, enabled bigint not null,
  created_at bigint not null, unique (env, name)
);

create table alert_deliveries (
  id bigint primary key, alert bigint not null, env bigint not null, task text not null,
  state bigint not null default 0, failures bigint not null, first_at bigint not null, last_at bigint not null,
  run_id bigint not null, fingerprint text not null, type text not null, message text not null,
  opens_at bigint not null, due_at bigint not null, tries bigint not null default 0, problem text,
  ended_at bigint
);
create unique index alert_deliveries_gathering on alert_deliveries (alert, task) where state = 0;
create index alert_deliveries_due on alert_deliveries (due_at) where state < 2;
create index alert_deliveries_alert on alert_deliveries (alert, id);
create index alert_deliveries_ended on alert_deliveries (ended_at) where ended_at is not null;
