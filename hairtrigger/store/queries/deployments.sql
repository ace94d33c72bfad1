-- What waits for whatever version is current.

-- Every unfinished run in order of its number, whatever its environment, so that no more rows are read than
-- are answered; waits says whether it has not begun and is bound to no version.
-- name: waiting_payloads
select l.run_id, l.env, r.task, coalesce(c.payload, r.payload),
  case when c.payload is null then r.payload_type else c.payload_type end,
  case when l.state in (0, 1, 5) and l.version is null then 1 else 0 end
from live l join runs r on r.id = l.run_id left join run_changes c on c.run_id = l.run_id
where l.run_id > $1 order by l.run_id limit $2
