-- Branches of development and preview environments: environments of their own that another one's keys open.

-- parent is that other one, branch the name in its words; archived_at, once there is one, when it was given up.
alter table envs add column parent integer;
alter table envs add column branch text;
alter table envs add column archived_at integer;
create unique index envs_branch on envs (parent, branch) where parent is not null;
