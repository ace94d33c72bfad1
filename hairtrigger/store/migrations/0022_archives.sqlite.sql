-- The code of versions, for workers that fetch it: archives by the hash of their bytes.
create table archives (
  env integer not null, hash text not null, body blob not null, created_at integer not null,
  primary key (env, hash)
) strict, without rowid;
alter table versions add column archive text;
