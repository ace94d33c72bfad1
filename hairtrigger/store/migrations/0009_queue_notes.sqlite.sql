-- Since when a queue is paused, by whom, and why; null while it is not, or when nobody said.
alter table queues add column paused_at integer;
alter table queues add column paused_by text;
alter table queues add column paused_note text;
