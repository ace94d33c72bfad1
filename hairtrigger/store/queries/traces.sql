-- What a run and its descendants did and said: read level by level, each statement within a bound.

-- Children of several runs; a number after which theirs come keeps PostgreSQL to the partitions they can be in.
-- name: tree_children.sqlite
select r.id from json_each($1) p cross join runs r
where r.parent = p.value and r.id > $2 limit $3

-- name: tree_children.postgres
select c.id from unnest($1::bigint[]) p(id) cross join lateral (
  select id from runs where parent = p.id and id > $2 order by id limit $3) c
limit $3

-- name: tree_runs.sqlite
select r.id, r.task, r.parent, r.batch, case when r.batch is not null then json_extract(r.opts, '$.batchIndex') end,
  r.created_at, coalesce(c.tags, r.tags), l.state, l.fence, l.flags, l.attempt, l.claimed_at,
  e.status, e.fence, e.attempt, e.claimed_at, e.started_at, e.finished_at
from runs r
left join live l on l.run_id = r.id
left join results e on e.run_id = r.id
left join run_changes c on c.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2

-- name: tree_runs.postgres
select r.id, r.task, r.parent, r.batch,
  case when r.batch is not null then cast(r.opts::json ->> 'batchIndex' as bigint) end,
  r.created_at, coalesce(c.tags, r.tags), l.state, l.fence, l.flags, l.attempt, l.claimed_at,
  e.status, e.fence, e.attempt, e.claimed_at, e.started_at, e.finished_at
from runs r
left join live l on l.run_id = r.id
left join results e on e.run_id = r.id
left join run_changes c on c.run_id = r.id
where r.id in {list $1} and r.env + 0 = $2

-- name: tree_attempts
select run_id, fence, attempt, started_at, ended_at, reason from attempts where run_id in {list $1}

-- Spans, and lines that are marked in a trace. The level stands within the first 110 characters of a body, after
-- four values of known length; what is found there by chance is sorted out by the reader.
-- name: tree_spans.sqlite
select e.run_id, e.position, e.body from json_each($1) r cross join events e
where e.run_id = r.value and e.position > json_extract($2, '$[' || r.key || ']')
  and (substr(e.body, 1, 110) like '%,"span",%' or substr(e.body, 1, 110) like '%,"warn",%'
    or substr(e.body, 1, 110) like '%,"error",%')
limit $3

-- name: tree_spans.postgres
select e.run_id, e.position, e.body
from unnest($1::bigint[], $2::bigint[]) r(id, after) cross join lateral (
  select run_id, position, body from events
  where run_id = r.id and position > r.after
    and (substr(body, 1, 110) like '%,"span",%' or substr(body, 1, 110) like '%,"warn",%'
      or substr(body, 1, 110) like '%,"error",%')
  order by position limit $3) e
limit $3

-- name: tree_lines.sqlite
select e.run_id, e.position, e.body from json_each($1) r cross join events e
where e.run_id = r.value and e.position > json_extract($2, '$[' || r.key || ']')
limit $3

-- name: tree_lines.postgres
select e.run_id, e.position, e.body
from unnest($1::bigint[], $2::bigint[]) r(id, after) cross join lateral (
  select run_id, position, body from events
  where run_id = r.id and position > r.after order by position limit $3) e
limit $3

-- The newest lines and spans of several runs, those of each before a position: at most so many of each.
-- name: newest_lines.sqlite
select e.run_id, e.position, e.body from json_each($1) r cross join events e
where e.run_id = r.value and e.position in (
  select position from events where run_id = r.value and position < json_extract($2, '$[' || r.key || ']')
  order by position desc limit $3)

-- name: newest_lines.postgres
select e.run_id, e.position, e.body
from unnest($1::bigint[], $2::bigint[]) r(id, before) cross join lateral (
  select run_id, position, body from events
  where run_id = r.id and position < r.before order by position desc limit $3) e

-- Those who add to the same runs over OTLP wait for each other: where they go on is read next, and on its own.
-- name: otlp_runs.sqlite
select id from runs where id in {list $1} and env + 0 = $2

-- name: otlp_runs.postgres
select id from runs where id in {list $1} and env + 0 = $2 order by id for no key update

-- The last position between $2 and $3 of each run.
-- name: otlp_last.sqlite
select r.value, json_extract($2, '$[' || r.key || ']'), (select max(position) from events e
  where e.run_id = r.value and e.position between json_extract($2, '$[' || r.key || ']')
    and json_extract($3, '$[' || r.key || ']'))
from json_each($1) r

-- name: otlp_last.postgres
select r.id, r.first, (select max(position) from events e
  where e.run_id = r.id and e.position between r.first and r.last)
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) r(id, first, last)
