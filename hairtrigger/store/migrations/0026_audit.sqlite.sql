-- Who did what: people, their tools, and keys. Rows are added, and forgotten when they are old; nothing changes them.

-- env is where, if it was in an environment; action is what it is called here, what the same in words.
create table audit (
  id integer primary key, at integer not null, env integer, who text not null, action text not null,
  what text not null, subject text not null, address text not null
) strict;
