-- What people's own tools act as them with, and tools that wait to be let in.

-- hash is the SHA-256 of a token's text, which is nowhere but with its owner; hint its last four characters.
create table personal_tokens (
  id integer primary key, user_id integer not null, name text not null, hash text not null unique, hint text not null,
  created_at integer not null, expires_at integer, used_at integer
) strict;
create index personal_tokens_user on personal_tokens (user_id, id);

-- hash is that of the code that a tool was given; name, agent and address say which tool that is; user_id, once there
-- is one, who has let it in.
create table authorizations (
  hash text primary key, created_at integer not null, expires_at integer not null, name text not null,
  agent text not null, address text not null, user_id integer
) strict, without rowid;
create index authorizations_expires on authorizations (expires_at);
