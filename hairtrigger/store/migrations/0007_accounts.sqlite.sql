-- Who may sign in to the dashboard, and who has.

-- email is in lower case (behind a proxy: whatever name it gives); password is an Argon2 hash, none when somebody
-- else asks for it; prefs are the person's settings, as JSON.
create table users (
  id integer primary key, email text not null unique, name text not null, password text,
  role text not null check (role in ('admin', 'viewer')),
  created_at integer not null, seen_at integer, prefs text
) strict;

-- A browser that is signed in. Its token is nowhere but there: hash is the token's SHA-256.
create table logins (
  hash text primary key, user_id integer not null, created_at integer not null, expires_at integer not null,
  seen_at integer not null, agent text not null, address text not null
) strict, without rowid;
create index logins_user on logins (user_id, expires_at);
create index logins_expires on logins (expires_at);
