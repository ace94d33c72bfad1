-- For alerts of queues: how long (ms) a run may wait.
alter table alerts add column over_ms integer;
