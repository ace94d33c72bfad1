"""Large payloads from the caller to the body and back, over a real server and a real worker."""

from pathlib import Path

import pytest

from hairtrigger import TooLarge, TriggerClient, sync
from tests.running import Live

PROJECT = Path(__file__).parent / "project"
SIZES = [
    200_000,
    5_000_000,
    2_000_000,
    300_000,
    4_000_000,
]  # inline and uploaded; more than an answer carries


def document(size: int) -> dict[str, str]:
    return {"title": f"ü {size}", "text": "x" * (size - 1) + "😀"}


async def test_large_payloads_reach_the_body_and_are_shown_again(live: Live) -> None:
    client = TriggerClient(secret_key=live.dev_key, base_url=live.url)
    payloads = [document(size) for size in SIZES]
    runs = [await client.tasks.trigger("measure", payload) for payload in payloads]
    batch = await client.tasks.batch_trigger("measure", payloads)

    worker = live.start_worker(PROJECT, "--slots", "20")

    try:
        for run, size in zip([*runs, *batch.runs], SIZES * 2, strict=True):
            assert (await run.result(timeout="60s")).unwrap() == [f"ü {size}", size, "😀"]
        for run, payload in zip(runs, payloads, strict=True):
            assert (await client.runs.retrieve(run)).payload == payload
    finally:
        worker.stop()


def test_large_payloads_travel_blocking_too(live: Live) -> None:
    client = sync.TriggerClient(secret_key=live.dev_key, base_url=live.url)

    run = client.tasks.trigger("measure", document(SIZES[1]), delay="1h")

    assert client.runs.retrieve(run).payload == document(SIZES[1])


def test_a_payload_beyond_what_the_server_stores_is_refused(live: Live) -> None:
    client = sync.TriggerClient(secret_key=live.dev_key, base_url=live.url)

    with pytest.raises(TooLarge, match="104857600"):
        client.tasks.trigger("measure", {"title": "", "text": "x" * 104_857_600})
