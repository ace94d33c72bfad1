-- As 0007_accounts.sqlite.sql, which says what each table is for.

create table users (
  id bigint primary key, email text not null unique, name text not null, password text,
  role text not null check (role in ('admin', 'viewer')),
  created_at bigint not null, seen_at bigint, prefs text
);

create table logins (
  hash text primary key, user_id bigint not null, created_at bigint not null, expires_at bigint not null,
  seen_at bigint not null, agent text not null, address text not null
);
create index logins_user on logins (user_id, expires_at);
create index logins_expires on logins (expires_at);
