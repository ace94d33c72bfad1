-- As 0025_branches.sqlite.sql, which says what the columns are for.
alter table envs add column parent bigint;
alter table envs add column branch text;
alter table envs add column archived_at bigint;
create unique index envs_branch on envs (parent, branch) where parent is not null;
