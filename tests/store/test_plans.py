"""Which index every statement reads by: on an empty database and on one that was analysed when full."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hairtrigger.store import schema, statements

QUERIES = statements.load("sqlite").texts
KEY = "INTEGER PRIMARY KEY"

# What must stand in the plan; every statement that reads a table which grows is here.
PLANS: dict[str, list[str]] = {
    "claim": ["live_ready (lane=? AND order_at>?)", KEY],
    "claim_pinned": ["live_ready (lane=? AND order_at>?)", KEY],
    "ready_lanes": ["live_ready (lane=? AND order_at>?)"],
    "open_lanes": ["live_ready (lane=? AND order_at>?)", "lanes_open (env=?)"],
    "open_lanes_of": ["live_ready (lane=? AND order_at>?)", "lanes_open (env=?)"],
    "session_lives": [KEY],
    "claimed_runs": [f"runs USING {KEY}"],
    "changes_of": [f"run_changes USING {KEY}"],
    "hold_back": [KEY],
    "lane_claimed": [KEY],
    "complete": [KEY],
    "handed_out": [f"live USING {KEY}"],
    "settled_before": [f"results USING {KEY}", "attempts USING PRIMARY KEY (run_id=?)"],
    "policies_of": [KEY],
    "delete_live": [KEY],
    "send_back": [KEY],
    "lane_moved": [KEY],
    "keys_of": [KEY],
    "release_key": ["idempotency USING PRIMARY KEY (env=? AND task=? AND key=?)"],
    "batch_finished": [KEY],
    "metadata_of": [KEY],
    "insert_events": [KEY],
    "request_made": ["requests USING PRIMARY KEY (env=? AND key=?)"],
    "key_taken": ["idempotency USING PRIMARY KEY (env=? AND task=? AND key=?)"],
    "debounced": ["d USING PRIMARY KEY (env=? AND task=? AND key=?)", f"l USING {KEY}"],
    "parents": [f"r USING {KEY}", f"l USING {KEY}", f"e USING {KEY}"],
    "move_delayed": [KEY],
    "due_live": ["live_due (at<?)", f"r USING {KEY}"],
    "next_due": ["live_due"],
    "expired_live": ["live_ttl (expires_at<?)"],
    "next_expiry": ["live_ttl"],
    "overdue_live": ["live_worker", f"r USING {KEY}"],
    "unlock_versions": ["live_locked"],
    "otlp_last": ["e USING PRIMARY KEY (run_id=? AND position>? AND position<?)"],
    "held_by": ["live_worker (worker=?)"],
    "hands_of": ["live_worker (worker=?)"],
    "handed_out_to": ["live_worker (worker=?)"],
    "silent_workers": ["workers_lease (lease_until<?)"],
    "held_runs": ["live_held (env=?)"],
    "untracked_of_queue": [],
    "count_queues": ["lanes USING INDEX", "live_ready (lane=?)", "live_worker"],
    "queued_by_queue": ["live_ready (lane=?)", "lanes USING INDEX"],
    "running_by_queue": ["live_worker", f"x USING {KEY}"],
    "held_by_env": ["live_held (env=?)"],
    "slots_by_env": ["workers_lease (lease_until>?)"],
    "oldest_waiting": [
        "live_ready (lane=?)",
        "lanes USING COVERING INDEX",
        f"x USING {KEY}",
        f"l USING {KEY}",
    ],
    "keys_of_queue": [
        "x USING INDEX",
        "(queue=? AND ckey>?)",
        "live_ready (lane=?)",
        f"l USING {KEY}",
    ],
    "key_of_queue": ["lanes USING INDEX", "(queue=? AND ckey=?)"],
    "next_keys": [
        "lanes USING COVERING INDEX",
        f"x USING {KEY}",
        "live_ready (lane=?)",
        f"l USING {KEY}",
    ],
    "next_runs": ["live_ready (lane=?)", f"l USING {KEY}"],
    "fill_slots": ["l USING INDEX", "live_worker"],
    "drop_slots": [KEY],
    "children_to_cancel": ["runs_parent (parent=?)", f"l USING {KEY}"],
    "children_of": ["runs_parent (parent=?)"],
    "run": [f"r USING {KEY}", f"l USING {KEY}", f"e USING {KEY}", f"c USING {KEY}"],
    "briefs": [f"r USING {KEY}"],
    "tagged": ["run_tags USING PRIMARY KEY (env=? AND tag=? AND run_id=?)"],
    "events_of": ["events USING PRIMARY KEY (run_id=? AND position>?)"],
    "attempts_of": ["attempts USING PRIMARY KEY (run_id=?)"],
    "tree_children": ["runs_parent (parent=? AND id>?)"],
    "tree_runs": [f"r USING {KEY}", f"l USING {KEY}", f"e USING {KEY}", f"c USING {KEY}"],
    "tree_attempts": ["attempts USING PRIMARY KEY (run_id=?)"],
    "tree_spans": ["e USING PRIMARY KEY (run_id=? AND position>?)"],
    "waiting_payloads": [f"l USING {KEY} (rowid>?)", f"r USING {KEY}", f"c USING {KEY}"],
    "tree_lines": ["e USING PRIMARY KEY (run_id=? AND position>?)"],
    "newest_lines": [
        "e USING PRIMARY KEY (run_id=? AND position=?)",
        "events USING PRIMARY KEY (run_id=? AND position<?)",
    ],
    "running_by_task": ["live_worker (worker>?)"],
    "running_by_env": ["live_worker (worker>?)"],
    "reserve_runs": ["USING PRIMARY KEY (organization=? AND day>? AND day<?)"],
    "usage_by_day": ["usage USING PRIMARY KEY (organization=? AND day>? AND day<?)"],
    "usage_days": ["usage USING PRIMARY KEY (organization=? AND day>?)"],
    "usage_drift": ["usage USING PRIMARY KEY (organization=? AND day>?)", "runs USING"],
    "last_of_tasks": ["runs_task (env=? AND task=? AND id>?)"],
    "last_of_schedules": ["runs_schedule (schedule=? AND id>?)"],
    "payloads_of": [f"r USING {KEY}", f"c USING {KEY}"],
    "coming_schedules": ["schedules_list (env=? AND active=? AND next_at>? AND next_at<?)"],
    "schedules_listed": ["schedules_list (env=?)"],
    "count_schedules_listed": ["schedules_list (env=?)"],
    "templates_of": ["templates USING INDEX"],
    "count_templates": ["templates USING"],
    "views_of": ["views USING INDEX"],
    "count_views": ["views USING"],
    "delete_views_of": ["views_owner (owner=?)"],
    "new_errors": ["errors_recent (env=? AND last_at>?)"],
    "errors_older": ["errors_recent (env=? AND last_at<?)"],
    "errors_newer": ["errors_recent (env=? AND last_at>?)"],
    "count_errors": ["errors_recent (env=? AND last_at>?)"],
    "error_group": ["errors USING INDEX"],
    "error_of_run": ["error_runs_run (run_id=?)", KEY],
    "error_totals": ["error_counts USING PRIMARY KEY (error=? AND step=? AND at>? AND at<?)"],
    "error_columns": ["error_counts USING PRIMARY KEY (error=? AND step=? AND at>? AND at<?)"],
    "error_run_ids": ["error_runs USING PRIMARY KEY (error=?)"],
    "ended_under": [f"results USING {KEY}"],
    "error_sample": [f"e USING {KEY}", f"r USING {KEY}"],
    "known_items": ["batch_items USING PRIMARY KEY (batch=? AND ix>? AND ix<?)"],
    "items_of": ["batch_items USING PRIMARY KEY (batch=?)"],
    "items_standing": [
        "i USING PRIMARY KEY (batch=? AND ix>?)",
        f"r USING {KEY}",
        f"l USING {KEY}",
    ],
    "batch_progress": ["i USING PRIMARY KEY (batch=?)", f"r USING {KEY}", f"l USING {KEY}"],
    "batches_of_env_older": [f"batches USING {KEY} (rowid<?)"],
    "batches_of_env_newer": [f"batches USING {KEY} (rowid>?)"],
    "batches_looked_at": [f"batches USING {KEY} (rowid<?)"],
    "abort_batches": ["batches_unsealed (created_at<?)"],
    "due_schedules": ["schedules_due (next_at>? AND next_at<?)"],
    "next_tick": ["schedules_due"],
    "schedule_by_dedup": ["schedules_dedup (env=? AND dedup=?)"],
    "idle_lanes": ["lanes_idle (used_at<?)"],
    "expired_keys": ["idempotency_expires (expires_at<?)"],
    "expired_requests": ["requests_expires (expires_at<?)"],
    "old_runs": [f"results USING {KEY} (rowid<?)"],
    "delete_runs": [KEY],
    "delete_results": [KEY],
    "delete_attempts": ["attempts USING PRIMARY KEY (run_id=?)"],
    "delete_tag": ["run_tags USING PRIMARY KEY (env=? AND tag=? AND run_id=?)"],
    "delete_events": ["events USING PRIMARY KEY (run_id=?)"],
    "key_by_hash": ["api_keys USING INDEX"],
    "user_of_login": ["l USING PRIMARY KEY (hash=?)", f"u USING {KEY}"],
    "logins_of": ["logins_user (user_id=? AND expires_at>?)"],
    "end_other_logins": ["logins_user (user_id=?)"],
    "delete_logins_of": ["logins_user (user_id=?)"],
    "expired_logins": ["logins_expires (expires_at<?)"],
    "person_by_token": ["t USING INDEX", f"u USING {KEY}"],
    "personal_tokens_of": ["personal_tokens_user (user_id=?)"],
    "count_personal_tokens": ["personal_tokens_user (user_id=?)"],
    "delete_personal_tokens_of": ["personal_tokens_user (user_id=?)"],
    "expired_authorizations": ["authorizations_expires (expires_at<?)"],
    "user_by_email": ["users USING INDEX"],
    "password_by_email": ["users USING INDEX"],
    "verify_runs": [f"{table} USING {KEY}" for table in "rlecnspgbt"] + ["waits_run (run_id=?)"],
    "verify_attempts": ["attempts USING PRIMARY KEY (run_id>? AND run_id<?)"],
    "verify_members": ["batch_items USING PRIMARY KEY (batch=?)"],
    "verify_batches": [f"b USING {KEY}", "i USING PRIMARY KEY (batch=?)", f"r USING {KEY}"],
    "verify_strays": [
        "x USING PRIMARY KEY (run_id>? AND run_id<?)",
        "x USING PRIMARY KEY (batch>? AND batch<?)",
    ],
    "verify_next_schedule": ["runs_schedule (schedule>?)"],
    "verify_ticks": ["runs_schedule (schedule=? AND id>?)"],
    **{
        f"{name}_{direction}": [f"{index}{past}"]
        for direction, past in (("older", "<?)"), ("newer", ">?)"))
        for name, index in (
            ("ids_of_env", "runs_env (env=? AND id"),
            ("ids_of_task", "runs_task (env=? AND task=? AND id"),
            ("ids_of_tag", "run_tags USING PRIMARY KEY (env=? AND tag=? AND run_id"),
            ("ids_of_status", "results_not_completed (env=? AND status=? AND run_id"),
            ("ids_of_schedule", "runs_schedule (schedule=? AND id"),
        )
    },
}
# Small tables, tables without an index to be wanted, statements that only insert.
FREE = {
    "all_envs", "all_tasks", "all_queues", "all_versions", "keys_of_env", "workers_of_env",
    # of keys: an environment has a hundred at most
    "all_keys", "count_keys", "key_name_taken", "end_root_keys", "forget_root_keys",
    "live_sessions", "give_full_leases", "declared_schedules", "schedules_of_env", "count_schedules",
    "counter_drift", "ids_of_live_older", "ids_of_live_newer", "orphan_items", "old_batches",
    # of a verification: the whole of a table in pages, or counted
    "verify_chunk", "verify_count", "verify_due", "verify_keys", "verify_lanes", "verify_limits",
    "verify_newest", "verify_tags", "verify_times", "slot_drift",
    "envs_with_lanes", "stranded_versions", "wanted_versions", "idle_debounces",
    "tags_of_runs", "old_blobs", "newest_number",
    "organization",  # one row
    "take_shards",  # of usage: some rows a day
    "count_authorizations",  # a thousand at most
    "any_user", "all_users", "another_admin",  # of people: there are few
    "count_live", "count_ready", "later_by_queue",  # each part has a limit
    "alerts_on",  # fifty an environment at most
    "any_deltas", "deltas_between", "take_deltas",  # of a table that holds seconds
}  # fmt: skip


def connected(*, full: bool) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)
    if full:
        fill(connection)
        connection.execute("analyze")
    yield connection
    connection.close()


def fill(connection: sqlite3.Connection) -> None:
    """A busy moment: the statistics that mislead planners."""
    connection.executescript("""
        create table n as with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
          select i from n;
        insert into runs (id, env, task, queue, created_at) select i, 1, i % 5, 1, i from n;
        insert into live (run_id, env, lane, state, tracked, order_at, at, expires_at, worker, version)
          select i, 1, -(i % 7), i % 6, 0, i, i, i, i % 9, 1 from n where i > 1000;
        insert into results (run_id, env, status, attempt, fence, finished_at)
          select i, 1, i % 3, 1, 1, i from n where i <= 1000;
        insert into lanes (id, env, queue, ckey, lim, queued) select i, 1, 1, i, 1, i % 2 from n;
        insert into run_tags select 1, i % 3, i from n;
        insert into idempotency select 1, 1, i, i, i from n;
        insert into requests select 1, i, '', i from n;
        insert into events (run_id, position, body) select i / 5, i, '' from n;
    """)


@pytest.fixture(params=[False, True], ids=["empty", "full"])
def connection(request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    yield from connected(full=request.param)


def plan(connection: sqlite3.Connection, name: str) -> str:
    text = QUERIES[name]
    count = max((int(found) for found in re.findall(r"\?(\d+)", text)), default=0)
    rows = connection.execute(f"explain query plan {text}", ["[]"] * count).fetchall()
    return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize("name", sorted(PLANS))
def test_statement_reads_by_its_index(connection: sqlite3.Connection, name: str) -> None:
    found = plan(connection, name)

    for wanted in PLANS[name]:
        assert wanted in found
    if PLANS[name]:
        scans = [
            line
            for line in found.splitlines()
            if re.match(
                r"SCAN (?!json_each|. VIRTUAL|q |q$|m |x$|\(subquery|t |workers$|counted$)", line
            )
        ]
        assert all("INDEX" in line for line in scans), found


def test_claim_sorts_nothing(connection: sqlite3.Connection) -> None:
    for name in (
        "claim",
        "claim_pinned",
        "open_lanes",
        "due_live",
        "expired_live",
        "ids_of_env_older",
    ):
        assert "TEMP B-TREE" not in plan(connection, name), name


def test_every_statement_can_be_prepared_and_has_a_plan_or_needs_none() -> None:
    for connection in connected(full=False):
        for name in QUERIES:
            found = plan(connection, name)
            scans = [
                line for line in found.splitlines() if re.match(r"SCAN (?!json_each|t )", line)
            ]
            known = name in PLANS or name in FREE
            assert known or not scans, f"{name} reads a whole table: {found}"


def test_every_statement_is_used() -> None:
    package = Path(schema.__file__).parents[1]
    code = "".join(path.read_text() for path in package.rglob("*.py"))

    unused = [
        name for name in QUERIES
        if f'"{name}"' not in code and f'"{name.removesuffix("_older").removesuffix("_newer")}"' not in code
    ]  # fmt: skip
    assert unused == []
