"""OpenTelemetry in a supervisor: it writes the spans of attempts that need no SDK, and says what is missing.

The variables may be those that the server keeps for the environment, which this process has not: OpenTelemetry, which
reads its own process environment, finds them there while it is set up.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from hairtrigger.telemetry import otel
from hairtrigger.telemetry.events import emit
from hairtrigger.worker.aside import Aside
from hairtrigger.worker.frames import Ended
from hairtrigger.worker.process import Head

if TYPE_CHECKING:
    from hairtrigger.worker.otlp import Outlet

LEAVING_S = 1.0  # of a child, besides what it takes to send its spans
_HEARD_LATER = ("_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # with each request, not once


class Tracing:
    """What the environment asks for. ``patience_s``: how long children that leave may take to send what they have."""

    def __init__(self) -> None:
        self.patience_s = 0.0
        self._asked: dict[str, str] = {}
        self._outlet: Outlet | None = None
        self._aside = Aside()

    async def heed(self, given: Mapping[str, str]) -> None:
        """Do as the environment says, with these variables that the server keeps for it, from now on."""
        environ = {**os.environ, **given}
        asked = otel.variables(environ)
        if asked == self._asked:
            return
        await self.close()
        self._asked, self._outlet, self.patience_s = asked, None, 0.0
        if not otel.is_wanted(environ):
            return
        if not otel.is_installed():
            emit("telemetry.missing", to="OpenTelemetry", install=otel.INSTALL)
            return
        self.patience_s = otel.CLOSE_S + LEAVING_S
        if not any(name.upper().endswith(_HEARD_LATER) for name in given):
            self._outlet = _outlet(given, environ)

    @property
    def is_writing(self) -> bool:
        """Whether it writes the spans that children tell of."""
        return self._outlet is not None

    def ended(self, ends: Sequence[tuple[Head, Ended]]) -> None:
        """Hand-outs are over: write the spans of those that have one, soon."""
        outlet = self._outlet
        if outlet is None:
            return
        told = [(head, span) for head, ended in ends if (span := ended.span)]
        if told:
            self._aside.put(lambda: outlet.add(told))

    async def close(self) -> None:
        """Send what is left, for some seconds at most."""
        self._aside.finish()
        if self._outlet is not None:
            await asyncio.to_thread(self._outlet.close)


def _outlet(given: Mapping[str, str], environ: Mapping[str, str]) -> "Outlet | None":
    try:
        with _in_environ(given):
            from hairtrigger.worker import otlp

            outlet = otlp.Outlet(otel.resource(environ, otel.WORKER), environ)
    except Exception:  # noqa: BLE001 (a wrong variable must cost spans, and no runs)
        return None  # the children, which meet the same, say why
    return outlet if outlet.is_able else None


@contextlib.contextmanager
def _in_environ(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
