"""The doorbell of an environment, and what every page loads."""

from collections.abc import AsyncIterator

from hairtrigger.server.answers import Answer
from hairtrigger.server.dashboard import assets
from hairtrigger.server.dashboard.routes import PageRoute
from hairtrigger.server.dashboard.stream import Stream
from hairtrigger.server.dashboard.view import View
from hairtrigger.server.pulses import Beat, Pulse


async def listen(view: View) -> Stream:
    """Numbers of an environment whenever they change, at most twice a second."""
    return Stream(_beats(view.server.pulses.of(view.env.id)))


async def _beats(pulse: Pulse) -> AsyncIterator[tuple[str, str, object]]:
    beat = await pulse.fresh()
    while True:
        yield "beat", str(beat.seq), _shown(beat)
        beat = await pulse.changed(beat.seq)


def _shown(beat: Beat) -> dict[str, object]:
    numbers = beat.numbers
    return {
        "seq": beat.seq, "running": numbers.running, "queued": numbers.queued, "held": numbers.held,
        "rate": round(beat.rate, 1), "errors": beat.errors, "workers": numbers.workers, "slots": numbers.slots,
    }  # fmt: skip


async def static(view: View) -> Answer:
    """One file of the dashboard's own."""
    zips = b"gzip" in view.call.headers.get(b"accept-encoding", b"")
    return assets.answer(view.call.params["name"], view.call.params["digest"], zips=zips)


ROUTES = (
    PageRoute("GET", "/p/{project}/{env}/live", listen),
    PageRoute("GET", "/static/{digest}/{name:path}", static, "anybody"),
)
