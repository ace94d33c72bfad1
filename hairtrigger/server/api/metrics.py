"""``GET /metrics``: what Prometheus and autoscalers read. Who may is a setting, since keys are for one environment."""

import hmac

from hairtrigger.errors import Forbidden, NotFound, Unauthorized
from hairtrigger.server import answers, peers
from hairtrigger.server.answers import Answer
from hairtrigger.server.requests import Call
from hairtrigger.server.routes import Route
from hairtrigger.server.settings import variable

# A proxy on this machine speaks for somebody else.
_FORWARDED = (
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-real-ip",
    b"forwarded",
    b"via",
)


async def metrics(call: Call) -> Answer:
    """What this server and its whole installation do, as text for Prometheus."""
    _demand(call)
    from hairtrigger.server import exposition  # loads the library, which nobody else needs

    return answers.text(await exposition.text(call.server), "text/plain; version=0.0.4")


def _demand(call: Call) -> None:
    """Go on only for whom ``HAIRTRIGGER_METRICS`` names."""
    wanted, name = call.server.settings.metrics, variable("metrics")
    if wanted == "open":
        return
    if wanted == "off":
        raise NotFound(f"This server tells no metrics: {name} is off.")
    if wanted == "local":
        if not _is_here(call):
            raise Forbidden(
                f"Metrics are told to programs on the server's own machine only. Set {name} to a token and "
                "send it as `Authorization: Bearer ...`, or to open."
            )
        return
    scheme, _, given = call.headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), wanted.encode()):
        raise Unauthorized(f"Metrics need the token in {name}, as `Authorization: Bearer ...`.")


def _is_here(call: Call) -> bool:
    client = call.scope.get("client") or ("", 0)
    return peers.is_loopback(str(client[0])) and not any(one in call.headers for one in _FORWARDED)


ROUTES = (Route("GET", "/metrics", metrics, "anybody", rated=False),)
