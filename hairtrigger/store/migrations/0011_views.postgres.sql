-- As 0011_views.sqlite.sql, which says what the table is for.

create table views (
  id bigint primary key, env bigint not null, owner bigint not null, name text not null, query text not null,
  created_at bigint not null, unique (env, owner, name)
);
create index views_owner on views (owner);
