-- As 0014_variables.sqlite.sql, which says what they are for.

create table variables (
  env bigint not null, name text not null, sealed text not null, secret bigint not null default 0,
  updated_at bigint not null, primary key (env, name)
);
