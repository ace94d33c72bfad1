-- When each version became current last; null: it never was. A rollback goes to the one before.
alter table versions add column promoted_at integer;
update versions set promoted_at = created_at where current = 1;
