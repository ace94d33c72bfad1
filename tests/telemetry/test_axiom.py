"""What is sent to Axiom arrives once, whatever happens to it on the way, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from hairtrigger.telemetry import axiom, events
from hairtrigger.telemetry.axiom import Axiom
from tests.running import free_port
from tests.telemetry.endpoint import DATASET, TOKEN, Endpoint, opened


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with opened() as endpoint:
        yield endpoint


@pytest.fixture
async def sink(endpoint: Endpoint) -> AsyncIterator[Axiom]:
    sink = Axiom(TOKEN, DATASET, endpoint.url)
    yield sink
    await sink.close(patience_s=0)


@pytest.fixture
def told() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    heard: list[tuple[str, dict[str, Any]]] = []
    stop = events.subscribe(
        lambda name, facts: heard.append((name, facts)), ["telemetry.away", "telemetry.dropped"]
    )
    yield heard
    stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def send(sink: Axiom, *numbers: int) -> None:
    sink.send([f'{{"n":{n}}}' for n in numbers])


def numbered(endpoint: Endpoint) -> list[int]:
    return [one["n"] for one in endpoint.events]


async def test_events_go_out_in_batches_and_in_order(
    sink: Axiom, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axiom, "BATCH_EVENTS", 40)
    for n in range(100):
        send(sink, n)

    await until(lambda: len(endpoint.events) == 100)

    assert numbered(endpoint) == list(range(100))
    assert endpoint.asked == [40, 40, 20]


async def test_what_comes_at_once_and_is_too_much_for_a_request_is_divided(
    sink: Axiom, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axiom, "BATCH_SIZE", 90)  # an event has 7 to 9 characters

    send(sink, *range(100))
    await until(lambda: len(endpoint.events) == 100)

    assert numbered(endpoint) == list(range(100))
    assert len(endpoint.asked) >= 10
    assert max(endpoint.asked) <= 12


@pytest.mark.parametrize("failures", [[500, 503], [429], [408, 502]], ids=str)
async def test_what_axiom_cannot_take_now_is_sent_again(
    sink: Axiom, endpoint: Endpoint, told: list[tuple[str, dict[str, Any]]], failures: list[int | float]
) -> None:  # fmt: skip
    endpoint.fail, endpoint.headers = list(failures), {"retry-after": "0"}

    for n in range(3):
        send(sink, n)
    await until(lambda: len(endpoint.events) == 3)

    assert numbered(endpoint) == [0, 1, 2]
    assert len(endpoint.asked) == len(failures) + 1
    assert [name for name, _ in told] == ["telemetry.away"]  # once for the outage
    assert sink.dropped.count == 0


async def test_nothing_is_lost_while_nobody_listens_there() -> None:
    port = free_port()
    sink = Axiom(TOKEN, DATASET, f"http://127.0.0.1:{port}")
    for n in range(500):
        send(sink, n)
    await until(lambda: sink._away)

    with opened(port) as endpoint:
        await until(lambda: len(endpoint.events) == 500)

    assert numbered(endpoint) == list(range(500))
    await sink.close(patience_s=1)
    assert sink.dropped.count == 0


async def test_slow_answers_hold_nobody_up(sink: Axiom, endpoint: Endpoint) -> None:
    endpoint.fail = [1.0]
    send(sink, 0)
    await until(lambda: endpoint.asked)

    for n in range(1, 1_000):  # sent while the first is under way: no call waits
        send(sink, n)
    assert endpoint.events == []

    await until(lambda: len(endpoint.events) == 1_000)
    assert numbered(endpoint) == list(range(1_000))


async def test_what_is_refused_is_dropped_and_told(
    endpoint: Endpoint, told: list[tuple[str, dict[str, Any]]]
) -> None:
    sink = Axiom("another token", DATASET, endpoint.url)

    send(sink, 1)
    await until(lambda: sink.dropped.count)
    await sink.close(patience_s=1)

    assert [(name, facts["count"]) for name, facts in told] == [("telemetry.dropped", 1)]
    assert "403" in told[0][1]["reason"]


async def test_beyond_the_buffer_events_are_dropped_counted_and_told(
    endpoint: Endpoint, told: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axiom, "MOST_EVENTS", 10)
    sink = Axiom(TOKEN, DATASET, endpoint.url)

    for n in range(25):
        send(sink, n)
    await until(lambda: len(endpoint.events) == 10)
    await sink.close(patience_s=5)

    assert numbered(endpoint) == list(range(10))
    assert sink.dropped.count == 15
    assert sum(facts["count"] for _, facts in told) == 15


async def test_the_buffer_is_bounded_in_size_too(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(axiom, "MOST_SIZE", 20)
    sink = Axiom(TOKEN, DATASET, endpoint.url)

    send(sink, 0, 100_000_000_000_000, 1, 2)  # the second one alone is too large for it
    await until(lambda: len(endpoint.events) == 2)
    send(sink, 5)  # there is room again
    await sink.close(patience_s=5)

    assert numbered(endpoint) == [0, 1, 5]
    assert sink.dropped.count == 2


async def test_closing_sends_what_is_left(endpoint: Endpoint) -> None:
    endpoint.fail = [503]
    sink = Axiom(TOKEN, DATASET, endpoint.url)
    for n in range(2_500):
        send(sink, n)

    await sink.close(patience_s=20)

    assert numbered(endpoint) == list(range(2_500))


async def test_closing_waits_no_longer_than_its_patience(
    told: list[tuple[str, dict[str, Any]]],
) -> None:
    sink = Axiom(TOKEN, DATASET, f"http://127.0.0.1:{free_port()}")
    send(sink, 1)

    async with asyncio.timeout(10):
        await sink.close(patience_s=0.2)

    assert [facts["count"] for name, facts in told if name == "telemetry.dropped"] == [1]


@pytest.mark.parametrize("given", [{}, {"AXIOM_TOKEN": "t"}, {"AXIOM_DATASET": "d"}], ids=str)
async def test_without_a_token_and_a_dataset_nothing_is_made(given: dict[str, str]) -> None:
    assert axiom.from_environment(given) is None
