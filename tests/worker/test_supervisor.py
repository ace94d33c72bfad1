import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from hairtrigger.errors import ProjectError
from tests.worker.conftest import Start
from tests.worker.protocol_server import ProtocolServer, serving


def _children() -> list[psutil.Process]:
    """The children of workers in this process: not their guards."""
    return [
        child
        for child in psutil.Process().children()
        if any("hairtrigger.worker.child" in part for part in child.cmdline())
    ]


async def test_bodies_run_on_the_loop_on_a_thread_and_on_a_loop_of_their_own(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)

    on_loop = server.add("echo", {"n": 1})
    on_thread = server.add("echo-on-thread", {"n": 2})
    on_own_loop = server.add("echo-on-own-loop", {"n": 3})

    assert (await server.result(on_loop)).done == ("application/json", '{"n":1}')
    assert (await server.result(on_thread)).done == ("application/json", '{"n":2,"thread":true}')
    assert (await server.result(on_own_loop)).done == ("application/json", '{"n":3,"thread":true}')


async def test_a_thousand_runs_all_finish_in_batches(server: ProtocolServer, start: Start) -> None:
    await start(server, processes=2, slots=100)

    runs = [server.add("noop") for _ in range(1000)]

    await server.until(lambda: len(server.results) == len(runs))
    assert all(result.done is True for result in server.results.values())
    assert len(server.reports) < 500


# a body that is cancelled


@pytest.mark.parametrize(
    "task",
    ["sleep-async", "spin-on-thread", "sleep-on-own-loop", "swallow-everything", "spin-on-loop"],
)
async def test_a_cancelled_run_stops_within_the_grace(
    server: ProtocolServer, start: Start, task: str
) -> None:
    await start(server)
    run = server.add(task)
    await server.line(run, "begun")

    server.cancel(run)

    assert (await server.result(run, 4)).cancelled


async def test_a_cancelled_async_body_can_tidy_up(server: ProtocolServer, start: Start) -> None:
    await start(server)
    run = server.add("sleep-and-tidy")
    await server.line(run, "begun")

    server.cancel(run)

    assert (await server.result(run)).cancelled
    assert server.lines(run) == ["begun", "tidied up"]


async def test_a_cancelled_sync_body_can_see_it(server: ProtocolServer, start: Start) -> None:
    await start(server)
    run = server.add("look-at-cancelled")
    await server.line(run, "begun")

    server.cancel(run)

    assert (await server.result(run)).cancelled
    assert server.lines(run) == ["begun", "saw it"]


async def test_a_child_that_has_to_be_killed_makes_suspects_of_its_other_runs(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    innocent = server.add("sleep-async")
    await server.line(innocent, "begun")
    stuck = server.add("spin-on-loop")
    await server.line(stuck, "begun")

    server.cancel(stuck)

    assert (await server.result(stuck)).cancelled
    other = await server.result(innocent)
    assert other.crashed is not None
    assert not other.alone


async def test_a_run_goes_on_after_its_child_was_killed_for_another(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    stuck = server.add("spin-on-loop")
    await server.line(stuck, "begun")
    server.cancel(stuck)
    await server.result(stuck)

    after = server.add("noop")

    assert (await server.result(after)).done is True


# max_duration


@pytest.mark.parametrize(
    "task", ["sleep-async", "spin-on-loop", "swallow-everything", "spin-on-thread"]
)
async def test_a_run_is_timed_out_after_its_max_duration(
    server: ProtocolServer, start: Start, task: str
) -> None:
    await start(server)

    run = server.add(task, max_duration_ms=300)

    assert (await server.result(run, 5)).timed_out


async def test_max_duration_counts_what_earlier_attempts_used(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)

    run = server.add("sleep-async", max_duration_ms=60_000, used_ms=59_900, attempt=2)

    assert (await server.result(run, 3)).timed_out


# a process that dies


@pytest.mark.parametrize(
    ("task", "payload", "says"),
    [
        ("exit-hard", {"code": 3}, "exited with code 3"),
        ("exit-hard", {"code": 0}, "exited with code 0"),
        ("segfault", None, "SIGSEGV"),
        ("kill-self", None, "out of memory"),
    ],
)
async def test_a_crash_of_a_run_that_was_alone_is_its_own(
    server: ProtocolServer, start: Start, task: str, payload: object, says: str
) -> None:
    await start(server)

    run = server.add(task, payload)

    result = await server.result(run)
    assert result.crashed is not None
    assert says in result.crashed.message
    assert result.alone


async def test_all_runs_of_a_process_that_died_are_suspects(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    innocents = [server.add("sleep-async") for _ in range(3)]
    for run in innocents:
        await server.line(run, "begun")

    poison = server.add("exit-hard", {"code": 1})

    for run in [poison, *innocents]:
        result = await server.result(run)
        assert result.crashed is not None
        assert not result.alone


async def test_a_killed_child_is_replaced_and_the_crash_is_seen_within_a_second(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    run = server.add("pid")
    done = (await server.result(run)).done
    assert isinstance(done, tuple)
    victim = server.add("sleep-async")
    await server.line(victim, "begun")

    os.kill(int(done[1]), signal.SIGKILL)

    assert (await server.result(victim, 1)).crashed is not None
    assert (await server.result(server.add("noop"))).done is True


async def test_exit_in_a_body_is_a_failure_and_not_a_crash(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)

    run = server.add("exit-softly")

    failed = (await server.result(run)).failed
    assert failed is not None
    assert (failed.name, failed.message) == ("SystemExit", "3")


# a process for each run


async def test_an_isolated_task_runs_apart_from_all_others(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    shared, alone, also_alone = server.add("pid"), server.add("pid-alone"), server.add("pid-alone")

    results = [await server.result(run) for run in (shared, alone, also_alone)]

    pids = [result.done[1] for result in results if isinstance(result.done, tuple)]
    assert len(pids) == 3
    assert pids[0] not in pids[1:]  # those may share a process, one after the other


async def test_a_suspect_runs_alone_and_its_death_is_its_own(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    neighbour = server.add("sleep-async")
    await server.line(neighbour, "begun")

    suspect = server.add("exit-hard", {"code": 1}, isolated=True)

    result = await server.result(suspect)
    assert result.crashed is not None
    assert result.alone
    assert neighbour not in server.results


# drain


async def test_a_drain_lets_runs_finish_takes_no_more_and_leaves(
    server: ProtocolServer, start: Start, tmp_path: Path
) -> None:
    worker = await start(server)
    run = server.add("wait-for-file", {"file": str(tmp_path / "go")})
    await server.line(run, "begun")

    worker.supervisor.drain()
    late = server.add("noop")
    (tmp_path / "go").touch()
    await asyncio.wait_for(worker.task, 10)

    assert server.results[run].done == ("text/plain", "done")
    assert late not in server.results
    assert server.left == ["worker_1"]


async def test_a_drain_hands_back_what_takes_too_long(server: ProtocolServer, start: Start) -> None:
    worker = await start(server, drain_timeout_s=0.2)
    run = server.add("sleep-async")
    await server.line(run, "begun")

    await worker.stopped()

    assert server.results[run].handed_back
    assert server.results[run].begun


async def test_a_second_signal_hands_everything_back_at_once(
    server: ProtocolServer, start: Start
) -> None:
    worker = await start(server, drain_timeout_s=60)
    run = server.add("sleep-async")
    await server.line(run, "begun")
    worker.supervisor.drain()

    worker.supervisor.kill()
    await asyncio.wait_for(worker.task, 5)

    assert server.results[run].handed_back
    assert _children() == []


# a loop that stands still


@pytest.mark.slow
async def test_a_blocked_loop_stops_neither_heartbeats_nor_other_runs_and_is_warned_of_with_its_stack(
    start: Start,
) -> None:
    async with serving(lease_ms=1500, hold_ms=500) as server:
        worker = await start(server, processes=2)
        for _ in range(2):
            await server.result(server.add("pid"))
        blocked = server.add("block-loop", {"seconds": 7})
        await server.line(blocked, "begun")
        holds = len(server.holds)

        warning = await server.line(blocked, "stood still")

        assert "time.sleep(payload" in warning.message
        assert len(server.holds) > holds + 5
        for run in [server.add("noop") for _ in range(6)]:
            await server.result(run, 1)
        assert (await server.result(blocked)).done == ("text/plain", "over")
        await worker.stopped()


# prints


@pytest.mark.acceptance("S20")
async def test_fifty_runs_print_at_once_and_each_log_is_in_order(
    server: ProtocolServer, start: Start
) -> None:
    await start(server, slots=50)

    runs = {
        server.add("print-lines", {"name": f"r{number}", "lines": 20}): f"r{number}"
        for number in range(50)
    }

    await server.until(lambda: len(server.results) == 50)
    for run, name in runs.items():
        assert server.lines(run) == [f"{name} {number}" for number in range(20)]


async def test_a_log_beyond_its_budget_ends_with_what_was_dropped(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)

    run = server.add("print-too-much")

    await server.result(run)
    lines = server.lines(run)
    assert len(lines) == 10_001
    assert lines[-1].startswith("100 more lines")


# code


async def test_broken_code_is_a_project_error_that_names_file_and_line(
    server: ProtocolServer, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "trigger").mkdir()
    (tmp_path / "trigger" / "broken.py").write_text("x = 1\nundefined_name\n")

    worker = await start(server, project_dir=tmp_path)

    with pytest.raises(ProjectError, match=r"trigger/broken.py:2: NameError"):
        await worker.task


_VERSIONS = """
import asyncio
from pathlib import Path
from hairtrigger.sdk.decorators import task

@task
async def which(payload: dict):
    while payload.get("file") and not Path(payload["file"]).exists():
        print("begun") if not payload.setdefault("said", False) else None
        payload["said"] = True
        await asyncio.sleep(0.01)
    return "{name}"
"""


@pytest.mark.acceptance("S45")
async def test_a_reload_serves_new_runs_with_new_code_and_lets_old_ones_finish(
    server: ProtocolServer, start: Start, tmp_path: Path
) -> None:
    source = tmp_path / "trigger" / "versions.py"
    source.parent.mkdir()
    source.write_text(_VERSIONS.replace("{name}", "old"))
    worker = await start(server, project_dir=tmp_path)
    running = server.add("which", {"file": str(tmp_path / "go")})
    await server.line(running, "begun")

    source.write_text(_VERSIONS.replace("{name}", "new"))
    reloaded = await worker.supervisor.reload()

    assert (await server.result(server.add("which", {}))).done == ("text/plain", "new")
    (tmp_path / "go").touch()
    assert (await server.result(running)).done == ("text/plain", "old")
    assert reloaded.version == "20260101.2"
    assert server.registrations[-1].worker == "worker_1"


async def test_a_reload_of_broken_code_changes_nothing(
    server: ProtocolServer, start: Start, tmp_path: Path
) -> None:
    source = tmp_path / "trigger" / "versions.py"
    source.parent.mkdir()
    source.write_text(_VERSIONS.replace("{name}", "old"))
    worker = await start(server, project_dir=tmp_path)

    source.write_text("import nothing_of_the_kind\n")
    reloaded = await worker.supervisor.reload()

    assert reloaded.problems[0].error.startswith("ModuleNotFoundError")
    assert len(server.registrations) == 1
    assert (await server.result(server.add("which", {}))).done == ("text/plain", "old")
