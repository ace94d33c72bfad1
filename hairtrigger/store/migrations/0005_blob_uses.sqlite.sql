-- Which runs need which payloads that lie apart: what is needed is not forgotten, however long its run waits.
create table blob_uses (
  run_id integer not null, env integer not null, name text not null, primary key (run_id, env, name)
) strict, without rowid;
create index blob_uses_name on blob_uses (env, name);
insert into blob_uses (run_id, env, name) select id, env, payload from runs where payload_type = 3;
