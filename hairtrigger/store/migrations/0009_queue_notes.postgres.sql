-- As 0009_queue_notes.sqlite.sql, which says what they are for.

alter table queues add column paused_at bigint, add column paused_by text, add column paused_note text;
