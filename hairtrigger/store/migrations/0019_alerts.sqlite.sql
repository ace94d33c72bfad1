-- Who is told of what fails. sealed is where to (and the secret that webhooks are signed with), sealed with the
-- server's master key; shown is what people see of it. tasks is a JSON list, null for any.
create table alerts (
  id integer primary key, env integer not null, name text not null, kind text not null, tasks text,
  channel text not null, shown text not null, sealed text not null, enabled integer not null,
  created_at integer not null, unique (env, name)
) strict;

-- What is to be told, one row a message. state: 0 gathers more of its kind until it is due, 1 is being sent, 2 was
-- sent, 3 was given up. due_at of one that is being sent is when another server may take it over.
create table alert_deliveries (
  id integer primary key, alert integer not null, env integer not null, task text not null,
  state integer not null default 0, failures integer not null, first_at integer not null, last_at integer not null,
  run_id integer not null, fingerprint text not null, type text not null, message text not null,
  opens_at integer not null, due_at integer not null, tries integer not null default 0, problem text,
  ended_at integer
) strict;
create unique index alert_deliveries_gathering on alert_deliveries (alert, task) where state = 0;
create index alert_deliveries_due on alert_deliveries (due_at) where state < 2;
create index alert_deliveries_alert on alert_deliveries (alert, id);
create index alert_deliveries_ended on alert_deliveries (ended_at) where ended_at is not null;
