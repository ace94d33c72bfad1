"""Payloads that lie apart, read by the worker when their run begins."""

from aiohttp import web

from tests.worker.conftest import Start
from tests.worker.protocol_server import ProtocolServer

STORE = "application/store"


async def test_a_payload_that_lies_apart_is_read_when_its_run_begins(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    server.stored["/stored/large"] = '{"text":"ü"}'

    run = server.add("echo", packet=(STORE, "/stored/large"))

    assert (await server.result(run)).done == ("application/json", '{"text":"ü"}')


async def test_a_server_that_cannot_give_a_payload_now_is_asked_again(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)
    server.stored["/stored/large"] = "{}"
    server.refuse["stored"] = [web.Response(status=503), web.Response(status=500)]

    run = server.add("echo", packet=(STORE, "/stored/large"))

    assert (await server.result(run)).done == ("application/json", "{}")
    assert not server.refuse["stored"]


async def test_a_payload_that_is_gone_fails_its_run_for_good(
    server: ProtocolServer, start: Start
) -> None:
    await start(server)

    run = server.add("echo", packet=(STORE, "/stored/gone"))

    result = await server.result(run)
    assert result.failed is not None
    assert result.failed.name == "PayloadMissing"
    assert "Packet not found" in result.failed.message
    assert result.retry_in_ms is None
