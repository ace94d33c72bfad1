-- Keys beside an environment's root key, which has no name; and when each was used last.
alter table api_keys add column name text;
alter table api_keys add column used_at bigint;
