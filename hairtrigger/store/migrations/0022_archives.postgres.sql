-- The code of versions, for workers that fetch it: archives by the hash of their bytes.
create table archives (
  env bigint not null, hash text not null, body bytea not null, created_at bigint not null, primary key (env, hash)
);
alter table archives alter column body set storage external; -- they are compressed already
alter table versions add column archive text;
