-- One row while PostgreSQL has not crashed since it was written: a crash empties what is not logged.
create unlogged table incarnation (
  id smallint primary key default 1 check (id = 1), mark uuid not null
);
