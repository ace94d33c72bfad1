-- Payloads and options that people keep on the test page of a task: options is the JSON of its form, payload the
-- text that stood in its editor.
create table templates (
  id integer primary key, env integer not null, task integer not null, name text not null, payload text not null,
  options text not null, created_at integer not null, unique (env, task, name)
) strict;

-- The list of schedules: those that are on by their next time, then the others.
create index schedules_list on schedules (env, active desc, next_at, id);
