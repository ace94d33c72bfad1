"""A supervisor writes spans as the variables say that the server keeps for its environment."""

import os
from collections.abc import Iterator

import pytest
from msgspec import Raw

from hairtrigger.worker.frames import Ended
from hairtrigger.worker.process import Head
from hairtrigger.worker.tracing import Tracing
from tests.telemetry.collector import Collector, opened

HEAD = Head("run_1", 1, "greet", queue="task/greet", version="20260101.1")
ENDED = Ended("run_1", 1, Raw(b"{}"), (1, 2, ""))


@pytest.fixture
def collector() -> Iterator[Collector]:
    with opened() as collector:
        yield collector


async def test_variables_of_the_server_switch_it_on_and_off_and_stay_its_own(
    collector: Collector,
) -> None:
    tracing = Tracing()
    await tracing.heed({})
    assert tracing.patience_s == 0

    await tracing.heed({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "jobs"})
    assert tracing.is_writing
    assert not [name for name in os.environ if name.startswith("OTEL_")]
    tracing.ended([(HEAD, ENDED), (HEAD, Ended("run_2", 1, Raw(b"{}")))])
    await tracing.heed({})

    assert [(span.name, span.service) for span in collector.spans] == [("run greet", "jobs")]
    tracing.ended([(HEAD, ENDED)])
    await tracing.close()
    assert len(collector.spans) == 1


@pytest.mark.parametrize(
    "more", [{"HTTPS_PROXY": "http://127.0.0.1:9"}, {"OTEL_BSP_MAX_QUEUE_SIZE": "many"}]
)
async def test_what_it_cannot_heed_is_left_to_the_children(
    collector: Collector, more: dict[str, str]
) -> None:
    tracing = Tracing()
    await tracing.heed({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **more})

    assert not tracing.is_writing
    assert tracing.patience_s > 0
