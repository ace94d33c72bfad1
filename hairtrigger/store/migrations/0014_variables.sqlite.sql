-- What workers find in their environment. Values are sealed with the server's master key; a secret's is never shown.
create table variables (
  env integer not null, name text not null, sealed text not null, secret integer not null default 0,
  updated_at integer not null, primary key (env, name)
) strict, without rowid;
