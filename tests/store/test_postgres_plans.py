"""Which index every statement reads by in PostgreSQL: its planner pinned, empty and analysed when full."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from hairtrigger.store import connecting, statements
from hairtrigger.store.execution import Execution
from tests import databases
from tests.store import test_plans

GROWING = {
    "live", "lanes", "runs", "results", "attempts", "run_tags", "run_changes", "events", "idempotency",
    "requests", "batch_items", "debounces", "batches", "rollups", "error_counts", "error_runs", "logins",
}  # fmt: skip
# The indexes that the plan reads by, all of them; "each" is the form for many rows.
PLANS: dict[str, str] = {
    "claim each": "live_ready runs_pkey workers_pkey",
    "claim_pinned each": "live_ready runs_pkey workers_pkey",
    "ready_lanes": "live_ready",
    "open_lanes": "lanes_open live_ready",
    "open_lanes_of": "lanes_open live_ready",
    "session_lives": "workers_pkey",
    "hold_sessions each": "workers_pkey",
    "rollups_at each": "rollups_pkey",
    "rollups_between": "rollups_pkey",
    "old_rollups each": "rollups_pkey",
    "failures_of": "results_pkey runs_pkey",
    "error_of_run": "error_runs_run errors_pkey",
    "error_totals": "error_counts_pkey",
    "error_columns": "error_counts_pkey",
    "error_run_ids": "error_runs_pkey",
    "ended_under": "results_pkey",
    "error_sample": "results_pkey runs_pkey",
    "slots_of": "slots_pkey",
    "changes_of": "run_changes_pkey",
    "lane_claimed each": "lanes_pkey",
    "lane_moved each": "lanes_pkey",
    "hold_back each": "live_pkey runs_pkey",
    "complete each": "live_pkey",
    "handed_out": "live_pkey",
    "to_cancel": "live_pkey",
    "settled_before": "attempts_pkey results_pkey",
    "policies_of": "run_changes_pkey runs_pkey",
    "delete_live each": "live_pkey",
    "send_back each": "live_pkey",
    "request_cancel each": "live_pkey",
    "mark_changed each": "live_pkey",
    "mark_parents each": "live_pkey",
    "make_ready each": "live_pkey",
    "move_delayed": "live_pkey",
    "keys_of": "runs_pkey",
    "release_key each": "idempotency_pkey",
    "batch_finished": "batches_pkey runs_pkey",
    "metadata_of": "run_changes_pkey runs_pkey",
    "insert_events each": "runs_pkey",
    "request_made": "requests_pkey",
    "key_taken": "idempotency_pkey",
    "debounced": "debounces_pkey live_pkey",
    "parents": "live_pkey results_pkey runs_pkey",
    "due_live": "live_due runs_pkey",
    "next_due": "live_due",
    "expired_live": "live_ttl",
    "next_expiry": "live_ttl",
    "held_by": "live_worker",
    "hands_of": "live_worker",
    "handed_out_to": "live_worker",
    "silent_workers": "workers_lease",
    "next_lease_end": "workers_lease",
    "children_to_cancel": "live_pkey results_pkey runs_parent",
    "children_of": "runs_parent",
    "run": "live_pkey results_pkey run_changes_pkey runs_pkey",
    "run_exists": "runs_pkey",
    "final_of": "results_pkey",
    "relatives": "runs_pkey",
    "tags_of": "run_changes_pkey runs_pkey",
    "briefs": "live_pkey results_pkey runs_pkey",
    "tagged": "run_tags_pkey",
    "events_of": "events_pkey",
    "attempts_of": "attempts_pkey",
    "tree_children": "runs_parent",
    "tree_runs": "live_pkey results_pkey run_changes_pkey runs_pkey",
    "tree_attempts": "attempts_pkey",
    "tree_spans": "events_pkey",
    "waiting_payloads": "live_pkey runs_pkey run_changes_pkey",
    "tree_lines": "events_pkey",
    "newest_lines": "events_pkey",
    "batch_to_fill": "batches_pkey",
    "running_by_task": "live_worker",
    "running_by_env": "live_worker",
    "reserve_runs each": "usage_pkey",
    "usage_by_day": "usage_pkey",
    "last_of_tasks": "runs_task",
    "last_of_schedules": "runs_schedule",
    "payloads_of": "run_changes_pkey runs_pkey",
    "coming_schedules": "schedules_due",
    "templates_of": "templates_env_task_name_key",
    "known_items": "batch_items_pkey",
    "items_of": "batch_items_pkey",
    "items_standing": "batch_items_pkey live_pkey results_pkey",
    "batch_progress": "batch_items_pkey live_pkey results_pkey",
    "batches_of_env_older": "batches_pkey",
    "batches_of_env_newer": "batches_pkey",
    "batches_looked_at": "batches_pkey",
    "abort_batches": "batches_pkey batches_unsealed",
    "due_schedules": "schedules_due",
    "next_tick": "schedules_due",
    "schedule_by_dedup": "schedules_dedup",
    "expired_keys": "idempotency_expires idempotency_pkey",
    "expired_requests": "requests_expires requests_pkey",
    "old_runs": "results_pkey",
    "delete_tag each": "run_tags_pkey",
    "count_queues": "lanes_queue_ckey_key live_ready live_worker",
    "queued_by_queue": "lanes_queue_ckey_key live_ready",
    "held_by_env": "live_held",
    "slots_by_env": "workers_lease",
    "running_by_queue": "lanes_pkey live_worker",
    "oldest_waiting": "lanes_queue_ckey_key live_ready",
    "keys_of_queue": "lanes_queue_ckey_key live_ready",
    "key_of_queue": "lanes_queue_ckey_key",
    "next_keys": "lanes_queue_ckey_key live_ready",
    "next_runs": "live_ready",
    "key_by_hash": "api_keys_hash_key",
    "user_of_login": "logins_pkey users_pkey",
    "logins_of": "logins_user",
    "end_other_logins": "logins_user",
    "expired_logins": "logins_expires logins_pkey",
    "user_by_email": "users_email_key",
    **{
        f"{name}_{direction}": index
        for direction in ("older", "newer")
        for name, index in (
            ("ids_of_env", "runs_env"),
            ("ids_of_task", "runs_task"),
            ("ids_of_tag", "run_tags_pkey"),
            ("ids_of_status", "results_not_completed"),
            ("ids_of_schedule", "runs_schedule"),
            ("ids_of_batch", "batch_items_pkey"),
            ("ids_of_live", "live_pkey"),
        )
    },
}
# Of one run or one partition's range: the other partitions are not even opened.
PRUNED = {
    "run_exists", "final_of", "relatives", "tags_of", "events_of", "attempts_of",
    "tree_children", "ids_of_env_older", "ids_of_task_older", "ids_of_tag_older", "ids_of_status_older",
}  # fmt: skip
# In the order of the index: nothing is sorted, so the limit ends it early.
UNSORTED = {
    "claim each", "claim_pinned each", "open_lanes", "open_lanes_of", "expired_live", "due_schedules",
    "old_runs", "ids_of_env_older", "ids_of_task_older", "ids_of_tag_older", "ids_of_status_older",
    "ids_of_schedule_older", "coming_schedules", "last_of_tasks", "last_of_schedules",
    "tree_children", "tree_spans", "tree_lines", "newest_lines",
}  # fmt: skip
# The least or greatest of an index, which is one look at its end.
ENDS = {"next_due", "next_expiry", "next_lease_end", "next_tick", "newest_number"}
# Rare, and about whole tables: see test_plans.FREE. Held runs are read when a worker registers. What runs for
# too long is looked for among all that runs, or in the whole queue when most of it runs.
FREE = {
    *test_plans.FREE, "held_runs", "overdue_live", "untracked_of_queue", "unlock_versions", "idle_lanes",
    "fill_slots", "fill_env_slots", "env_running", "verify_strays", "verify_runs", "verify_batches",
}  # fmt: skip
VALUES = {
    "integer": "5", "smallint": "1", "text": "'x'", "integer[]": "'{1,2}'", "text[]": "'{x,y}'",
    "bytea": "''",
}  # fmt: skip


@dataclass
class Plan:
    """What a plan reads, under the names of whole tables and indexes."""

    indexes: set[str] = field(default_factory=set)
    unbounded: set[str] = field(default_factory=set)  # indexes that are read from end to end
    scans: set[str] = field(default_factory=set)  # tables that are read whole
    removed: int = 0  # partitions that were pruned
    sorts: bool = False


class Explained:
    """A database with our planner's settings; ``plan`` says how it would execute a statement."""

    def __init__(self, connection: asyncpg.Connection, execution: Execution) -> None:
        self._connection = connection
        self._wholes: dict[str, str] = {}
        self.texts = dict(execution.statements.texts)
        self.texts |= {f"{name} each": text for name, text in execution.statements.many.items()}
        self._a_run = 0

    async def learn(self) -> None:
        pairs = await self._connection.fetch(_PARTS)
        self._wholes = {row[0]: row[1] for row in pairs}
        self._a_run = await self._connection.fetchval(_A_RUN)

    async def plan(self, name: str) -> Plan:
        await self._connection.execute(f"prepare explained as {self.texts[name]}")
        try:
            types = await self._connection.fetchval(_TYPES)
            run = self._a_run
            known = VALUES | {"bigint": f"{run}", "bigint[]": f"'{{{run},{run + 1}}}'"}
            given = f"({', '.join(known[one] for one in types)})" if types else ""
            text = await self._connection.fetchval(
                f"explain (format json) execute explained{given}"
            )
        finally:
            await self._connection.execute("deallocate explained")
        plan = Plan()
        for node in _nodes(json.loads(text)[0]["Plan"]):
            self._note(plan, node)
        return plan

    def _note(self, plan: Plan, node: dict[str, Any]) -> None:
        plan.removed += node.get("Subplans Removed", 0)
        plan.sorts |= node["Node Type"] in ("Sort", "Incremental Sort")
        if "Index Name" in node:
            index = self._wholes.get(node["Index Name"], node["Index Name"])
            plan.indexes.add(index)
            if "Index Cond" not in node:
                plan.unbounded.add(index)
        elif node["Node Type"] == "Seq Scan":
            table = node["Relation Name"]
            plan.scans.add(self._wholes.get(table, table))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


@pytest.fixture(scope="module", params=["empty", "full"])
def explained_url(request: pytest.FixtureRequest, postgres_server: str) -> Iterator[str]:
    """A database of several weeks, as it was made or filled and analysed."""
    with databases.made(postgres_server) as url:
        if request.param == "full":
            for statement in FILL.split(";"):
                databases.rows(url, statement)
        yield url


@pytest.fixture
async def explained(explained_url: str) -> AsyncIterator[Explained]:
    connection = await asyncpg.connect(
        explained_url, **(connecting.words(pooled=False) | {"statement_cache_size": 0})
    )
    execution = Execution()
    await execution.learn(connection)
    explained = Explained(connection, execution)
    await explained.learn()
    yield explained
    await connection.close()


async def test_statements_read_by_their_indexes(explained: Explained) -> None:
    wrong = {}
    for name, indexes in PLANS.items():
        plan = await explained.plan(name)
        if plan.indexes != set(indexes.split()) or plan.scans & GROWING:
            wrong[name] = plan
        if plan.unbounded and name not in ENDS:
            wrong[name] = plan
    assert not wrong


async def test_statements_about_one_run_open_one_partition(explained: Explained) -> None:
    for name in PRUNED:
        assert (await explained.plan(name)).removed >= 1, name


async def test_what_has_a_limit_is_read_in_order(explained: Explained) -> None:
    for name in UNSORTED:
        assert not (await explained.plan(name)).sorts, name


async def test_no_other_statement_reads_a_whole_table_that_grows(explained: Explained) -> None:
    wrong = {}
    for name in explained.texts:
        base = name.removesuffix(" each")
        if base in FREE or name in PLANS or name in UNUSED:
            continue
        plan = await explained.plan(name)
        if plan.scans & GROWING or plan.unbounded & {f"{table}_pkey" for table in GROWING}:
            wrong[name] = plan
    assert not wrong


UNUSED = {
    "change_tags each",
    "put_blob each",
    "put_archive each",
}  # forms that nobody asks for, of statements for one row
_PARTS = """
select c.relname, p.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
join pg_class p on p.oid = i.inhparent
"""
_A_RUN = """
select ((substring(relname from 7)::bigint * 604800000 - 1577836800000) << 22) + 5 from pg_class
where relname ~ '^runs_w[0-9]+$' order by 1 desc limit 1 offset 1
"""
_TYPES = "select parameter_types::text[] from pg_prepared_statements where name = 'explained'"
FILL = """
create table n as
  select (week * 604800000 - 1577836800000) << 22 | i as id, i, row_number() over () as n
  from (select substring(relname from 7)::bigint as week from pg_class where relname ~ '^runs_w[0-9]+$') w,
    generate_series(1, 1000) i;
insert into runs (id, env, task, queue, created_at, parent, schedule, batch)
  select id, i % 3, i % 5, 1, i, case when i % 3 = 0 then i / 30 end, case when i % 5 = 0 then i % 7 end,
    i / 10
  from n;
insert into live (run_id, env, lane, state, tracked, order_at, at, expires_at, worker, version)
  select id, i % 3, -(i % 7), i % 6, 0, n, n, n, case when i % 6 = 2 then i % 20 end, 1 from n where i > 700;
insert into results (run_id, env, status, attempt, fence, finished_at)
  select id, i % 3, i % 3, 1, 1, n from n where i <= 700;
insert into lanes (env, queue, ckey, lim, queued) select 1, 1, i, 1, i % 2 from n where n <= 1000;
insert into run_tags select 1, (id % 3)::text, id from n;
insert into run_changes (run_id, changed_at) select id, 1 from n where i % 10 = 0;
insert into attempts (run_id, attempt, fence, ended_at, reason) select id, 1, 1, 1, 'failed' from n;
insert into events (run_id, position, body) select id, 1, '' from n;
insert into idempotency select 1, 1, n, n, n from n;
insert into requests select 1, n, '', n from n;
insert into debounces select 1, 1, n, n, n from n;
insert into batch_items (batch, ix, run_id, task) select n / 100, n, id, 't' from n;
insert into batches (id, env, created_at, updated_at, total) select n, 1, 1, 1, 100 from n where n <= 300;
insert into schedules (id, env, task, declarative, cron, timezone, next_at, created_at, updated_at, dedup)
  select n, 1, 1, 0, '', '', n, 1, 1, n from n where n <= 300;
insert into rollups (env, step, task, at, body) select n % 3, 60000, n % 5, n, '' from n;
insert into error_counts (error, step, at, runs) select n % 20, 60000, n, 1 from n;
insert into error_runs (error, run_id) select n % 20, id from n;
insert into workers (id, env, version, lease_until, slots, info)
  select n, 1, 1, n, 1, '' from n where n <= 50;
insert into users (id, email, name, role, created_at) select n, n, '', 'viewer', 1 from n where n <= 50;
insert into logins (hash, user_id, created_at, expires_at, seen_at, agent, address)
  select n, n % 50, 1, id, 1, '', '' from n order by n % 97;
insert into templates (id, env, task, name, payload, options, created_at)
  select n, 1, n % 50, n, '', '', 1 from n where n <= 500;
drop table n;
analyze
"""


def test_an_array_is_read_once_and_not_for_every_row() -> None:
    """Arrays of numbers travel as text: to read one is to parse all of it."""
    for name, text in statements.load("postgres").many.items():
        changes = text.rpartition("\nupdate ")[2] if "\nupdate " in text else ""
        assert "[1]" not in changes, name
