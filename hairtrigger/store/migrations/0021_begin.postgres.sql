-- How a transaction begins that knows the catalogue already: as begin_tick, in the message of its BEGIN.
create function begin_known(lanes bigint[], known bigint) returns void language plpgsql as $$
declare
  env bigint;
begin
  perform pg_advisory_xact_lock_shared(4710, 1);
  foreach env in array lanes loop
    perform pg_advisory_xact_lock(env);
  end loop;
  if known <> (select version from catalog_state) then
    raise exception 'the catalogue has been changed' using errcode = 'serialization_failure';
  end if;
end $$;
