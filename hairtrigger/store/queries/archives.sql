-- The code of versions.

-- name: put_archive
insert into archives (env, hash, body, created_at) values ($1, $2, $3, $4)
on conflict (env, hash) do update set created_at = excluded.created_at

-- name: get_archive
select body from archives where env = $1 and hash = $2

-- name: has_archive
select 1 from archives where env = $1 and hash = $2

-- What was uploaded before an instant and no version came of.
-- name: forget_archives
delete from archives where env = $1 and created_at < $2
  and not exists (select 1 from versions v where v.env = $1 and v.archive = archives.hash)

-- catalog: give_archive
update versions set archive = $2 where id = $1

-- Of the versions that have an archive: the current one, and those that unfinished runs are bound to.
-- name: wanted_versions
select id from versions v where env = $1 and archive is not null and (current = 1
  or exists (select 1 from live l where l.version = v.id and l.state in (0, 1))
  or exists (select 1 from workers w join live l on l.worker = w.id where w.version = v.id))
order by id desc
