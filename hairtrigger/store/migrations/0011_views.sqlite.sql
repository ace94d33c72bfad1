-- Lists of runs that people keep under a name: query is what their address asks. owner 0 is everybody.
create table views (
  id integer primary key, env integer not null, owner integer not null, name text not null, query text not null,
  created_at integer not null, unique (env, owner, name)
) strict;
create index views_owner on views (owner);
