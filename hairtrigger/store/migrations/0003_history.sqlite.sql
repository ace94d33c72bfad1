-- What lets the stored history prove that leases and limits were kept.

-- When the hand-out began that ended the run; null when it ended while nobody held it, -1 in rows from before.
alter table results add column claimed_at integer default -1;

-- When the limits that are in force were set: what ran before was under others.
alter table queues add column limited_at integer not null default 0;
alter table envs add column limited_at integer not null default 0;
