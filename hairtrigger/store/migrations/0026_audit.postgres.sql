-- As 0026_audit.sqlite.sql, which says what the columns are for.
create table audit (
  id bigint primary key, at bigint not null, env bigint, who text not null, action text not null,
  what text not null, subject text not null, address text not null
);
