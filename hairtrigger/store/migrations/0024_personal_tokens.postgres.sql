-- As 0024_personal_tokens.sqlite.sql, which says what each table is for.

create table personal_tokens (
  id bigint primary key, user_id bigint not null, name text not null, hash text not null unique, hint text not null,
  created_at bigint not null, expires_at bigint, used_at bigint
);
create index personal_tokens_user on personal_tokens (user_id, id);

create table authorizations (
  hash text primary key, created_at bigint not null, expires_at bigint not null, name text not null,
  agent text not null, address text not null, user_id bigint
);
create index authorizations_expires on authorizations (expires_at);
