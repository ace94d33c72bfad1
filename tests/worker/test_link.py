import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from hairtrigger.errors import Unauthorized
from hairtrigger.wire.worker import MAX_RESULTS
from tests.worker.conftest import Start
from tests.worker.protocol_server import ProtocolServer, serving


async def test_a_lost_answer_to_fetch_gives_the_runs_back_at_once(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    await server.until(lambda: server.fetches)
    server.drop["fetch"] = 1

    run = server.add("noop")

    assert (await server.result(run, 3)).lease == 2
    assert server.lost_answers == [run]


async def test_a_lost_answer_to_report_is_reported_again_and_counted_once(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    server.drop["report"] = 2

    run = server.add("echo", {"n": 1})

    await server.until(lambda: len(server.all_results) == 3)
    assert [result.id for result in server.all_results] == [run] * 3
    assert len(server.results) == 1


async def test_results_wait_for_a_server_that_is_away(server: ProtocolServer, start: Start) -> None:
    await start(server)
    run = server.add("block-loop", {"seconds": 0.3})
    await server.line(run, "begun")
    server.down = True
    server.wake()
    await asyncio.sleep(0.5)  # the outage itself: nothing can be waited for while it lasts

    server.down = False

    assert (await server.result(run, 5)).done == ("text/plain", "over")


async def test_a_forgotten_worker_registers_again_and_goes_on_with_its_leases(start: Start) -> None:
    async with serving(lease_ms=1500, hold_ms=500) as server:
        worker = await start(server)
        run = server.add("sleep-async")
        await server.line(run, "begun")
        server.known.clear()

        await server.until(lambda: len(server.registrations) == 2)

        await server.until(lambda: any(run == lease[0] for lease in server.holds[-1].leases))
        assert server.registrations[1].worker == "worker_1"
        assert run not in server.results
        assert (await server.result(server.add("noop"))).done is True
        worker.supervisor.kill()
        await worker.task


async def test_a_server_that_asks_for_patience_is_left_alone_for_so_long(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    busy = web.json_response(
        {"error": "Full", "code": "unavailable"}, status=503, headers={"retry-after": "1"}
    )
    server.refuse["report"].append(busy)
    began = time.monotonic()

    run = server.add("noop")

    await server.result(run)
    assert time.monotonic() - began >= 1


async def test_a_wrong_key_ends_the_worker_with_a_clear_error(
    server: ProtocolServer, start: Start
) -> None:
    answer = web.json_response({"error": "Invalid API key", "code": "unauthorized"}, status=401)
    server.refuse["register"].append(answer)

    worker = await start(server)

    with pytest.raises(Unauthorized, match="Invalid API key"):
        await worker.task


async def test_a_revoked_key_ends_a_running_worker(server: ProtocolServer, start: Start) -> None:
    worker = await start(server)
    answer = web.json_response({"error": "Invalid API key", "code": "unauthorized"}, status=401)
    server.refuse["report"].append(answer)

    server.add("noop")

    with pytest.raises(Unauthorized):
        await asyncio.wait_for(worker.task, 10)


async def test_a_result_that_the_server_refuses_fails_its_run_and_no_other(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    too_large = web.json_response({"error": "Too large", "code": "too_large"}, status=413)
    server.refuse["report"].append(too_large)

    run = server.add("noop")

    failed = (await server.result(run)).failed
    assert failed is not None
    assert (failed.name, "Too large" in failed.message) == ("ResultRefused", True)
    assert (await server.result(server.add("noop"))).done is True


async def test_a_worker_that_cannot_renew_its_lease_stops_what_it_holds(start: Start) -> None:
    async with serving(lease_ms=900, hold_ms=300) as server:
        await start(server)
        run = server.add("sleep-async")
        await server.line(run, "begun")
        server.down = True
        server.wake()
        await asyncio.sleep(1.2)  # longer than the lease

        server.down = False

        assert (await server.result(run)).handed_back


async def test_a_run_that_was_given_away_is_stopped_and_not_reported(start: Start) -> None:
    async with serving(lease_ms=1500, hold_ms=500) as server:
        worker = await start(server)
        run = server.add("sleep-and-tidy")
        await server.line(run, "begun")

        server.lost.add(run)

        await server.line(run, "tidied up")
        await server.result(server.add("noop"))
        assert run not in server.results
        worker.supervisor.kill()
        await worker.task


async def test_only_a_hold_made_in_doubt_says_that_nothing_could_bring_more_runs(
    start: Start,
) -> None:
    async with serving(lease_ms=1500, hold_ms=500) as server:
        worker = await start(server, slots=1)
        await server.until(lambda: len(server.holds) >= 2)
        assert not any(hold.quiet for hold in server.holds), "a report might overtake them"

        server.drop["fetch"] = 1
        server.add("sleep-async")

        await server.until(lambda: any(hold.quiet for hold in server.holds))
        worker.supervisor.kill()
        await worker.task


async def test_a_doubt_lasts_until_what_is_held_has_been_compared(start: Start) -> None:
    async with serving(lease_ms=1500, hold_ms=500) as server:
        worker = await start(server, slots=1)
        await server.until(lambda: server.fetches)
        server.late, server.drop["fetch"] = 2, 1

        run = server.add("noop")

        assert (await server.result(run)).lease == 2
        assert server.lost_answers == [run]
        assert sum(hold.quiet for hold in server.holds) >= 3
        worker.supervisor.kill()
        await worker.task


async def test_connections_that_went_silent_are_given_up_when_a_hold_has_no_answer(
    start: Start,
) -> None:
    async with serving(lease_ms=1500, hold_ms=30_000) as server:
        worker = await start(server)
        await server.until(lambda: server.fetches and server.holds)

        server.half_open()
        run = server.add("noop")  # handed out in an answer that never arrives

        assert (await server.result(run, 5)).lease == 2
        worker.supervisor.kill()
        await worker.task


async def test_a_report_on_a_connection_that_went_silent_is_sent_again(start: Start) -> None:
    async with serving(lease_ms=1500, hold_ms=30_000) as server:
        worker = await start(server)
        await server.result(server.add("noop"))
        run = server.add("block-loop", {"seconds": 0.3})
        await server.line(run, "begun")

        server.half_open()

        await server.until(
            lambda: [result.id for result in server.all_results].count(run) > 1, timeout_s=5
        )
        worker.supervisor.kill()
        await worker.task


async def test_a_hold_without_an_answer_is_followed_by_one_that_asks_for_it_at_once(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    server.drop["hold"] = 1
    run = server.add("sleep-async")
    await server.line(run, "begun")

    server.cancel(run)

    await server.until(lambda: any(not hold.wait for hold in server.holds))
    assert (await server.result(run, 2)).cancelled


async def test_a_paused_worker_takes_no_runs_until_it_goes_on(
    server: ProtocolServer, start: Start
) -> None:
    worker = await start(server)
    await server.until(lambda: server.fetches)
    worker.supervisor.pause(True)
    asked = len(server.fetches)
    run = server.add("noop")
    await asyncio.sleep(0.3)  # nothing is to happen

    worker.supervisor.pause(False)

    assert (await server.result(run, 3)).done is True
    assert len(server.fetches) > asked


async def test_a_busy_worker_gets_its_next_runs_in_the_answers_to_its_reports(
    server: ProtocolServer, start: Start
) -> None:
    await start(server, slots=4)
    await server.until(lambda: server.fetches)

    for _ in range(200):
        server.add("noop")

    await server.until(lambda: len(server.results) == 200)
    assert len(server.fetches) < 20


async def test_a_few_results_wait_for_no_run_that_goes_on(
    server: ProtocolServer, start: Start, tmp_path: Path
) -> None:
    await start(server, slots=4)
    long = server.add("wait-for-file", {"file": str(tmp_path / "go")})
    short = [server.add("noop") for _ in range(3)]

    await server.until(lambda: set(server.results) >= set(short))
    assert long not in server.results
    (tmp_path / "go").touch()
    assert (await server.result(long, 10)).done == ("text/plain", "done")


async def test_a_worker_never_has_more_runs_than_slots_however_many_results_wait(
    server: ProtocolServer, start: Start
) -> None:
    await start(server, slots=3 * MAX_RESULTS)
    await server.until(lambda: server.fetches)

    for _ in range(9 * MAX_RESULTS):
        server.add("noop")

    await server.until(lambda: len(server.results) == 9 * MAX_RESULTS)
    assert server.most_out == 3 * MAX_RESULTS


async def test_a_worker_names_predecessors_whose_process_is_dead(
    server: ProtocolServer, start: Start
) -> None:
    first = await start(server)
    await server.until(lambda: server.fetches)
    # what a killed process leaves: its file, without its lock
    mark = first.supervisor._predecessors
    assert mark._mine_path is not None
    (mark._mine_path.parent / "worker_dead.lock").touch()

    await start(server)
    await server.until(lambda: len(server.registrations) == 2)

    assert server.registrations[1].replaces == ["worker_dead"]
