-- Limits beyond that of one lane, and limits set at run time.

-- lim is what the code declares, for each concurrency key. override stands in its place while it is set.
-- total_limit counts all keys together; rate_limit starts in rate_ms.
alter table queues add column override integer;
alter table queues add column overridden_at integer;
alter table queues add column total_limit integer;
alter table queues add column rate_limit integer;
alter table queues add column rate_ms integer;

-- An environment runs at most lim x burst / 100 at once, each of its queues at most lim.
alter table envs add column lim integer;
alter table envs add column burst integer not null default 100;

-- What runs over all keys of a queue (owner is its id) or in an environment (its negative id), and the
-- bucket of a queue's rate: thousandths of a start, as of an instant. A row that is not there counts nothing.
create table slots (
  owner integer primary key, running integer not null default 0 check (running >= 0),
  tokens integer not null default 0, tokens_at integer not null default 0
) strict;
