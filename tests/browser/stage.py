"""A small server for the islands alone: a page with both, the files that are shipped, answers of a scene."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from hairtrigger.server.dashboard import trace as shaping
from hairtrigger.server.dashboard.trace import LinesAnswer, TraceAnswer
from hairtrigger.wire import ids
from tests.browser.scenes import BEGAN, ROOT, Scene

STATIC = Path(shaping.__file__).parent / "static"
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
ISLANDS = ("trace", "logs")
SHEETS = ("tokens", "base", "layout", "components", "trace", "logs")
TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
PAGE = 2_000
OWN = """
.stage { position: absolute; left: 224px; top: 92px; width: 830px; bottom: 8px; display: grid;
  grid-template-rows: minmax(0, 1fr) 286px; background: var(--bg-1); border: 1px solid var(--line-2);
  border-radius: var(--r-3); overflow: hidden; }
.stage > section { min-height: 0; min-width: 0; }
.stage > section + section { border-top: 1px solid var(--line-2); }
@media (max-width: 720px) { .stage { left: 0; width: 100%; } }
"""
BODY = """
<main><h1 class="unseen">Run</h1><div class="stage">
<section aria-label="Trace" data-island="trace" data-url="/trace" data-run="{run}"{stream}>
<div class="trace-bar" data-slot="bar"><nav class="tabs" aria-label="Parts">
<a href="#" aria-current="page">Trace <span class="n" data-spans></span></a>
<a href="#">Child runs</a><a href="#">Events</a></nav></div>
</section>
<section aria-label="Log" data-island="logs" data-url="/lines" data-run="{run}"{stream}></section>
</div></main>
"""


@dataclass
class Stage:
    """What is shown. ``news`` are answers to cursors, in their order; ``lines`` pages for them likewise."""

    scene: Scene
    news: list[TraceAnswer] = field(default_factory=list)
    lines: list[LinesAnswer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""
    rung: threading.Event = field(default_factory=threading.Event)

    def trace(self, after: str) -> TraceAnswer:
        if not after:
            return shaping.answer(self.scene.trace())
        place = int(after)
        if place < len(self.news):
            answer = self.news[place]
        else:
            answer = shaping.answer(self.scene.news([], []))
            place -= 1
        answer.cursor = str(place + 1)
        return answer

    def log(self, query: dict[str, str]) -> LinesAnswer:
        """Pages of the scene's lines, filtered as a server would, and then what was added."""
        levels, text = query.get("levels", ""), query.get("text", "")
        wanted = [
            line for line in self.scene.lines
            if (not levels or line.said.level in levels.split(","))
            and text.casefold() in line.said.message.casefold()
        ]  # fmt: skip
        place = int(query.get("after", "0").removeprefix("p"))
        if place < len(wanted):
            more = place + PAGE < len(wanted)
            found = self.scene.page(
                wanted[place : place + PAGE], more=more, cursor=f"p{place + PAGE}"
            )
            return shaping.lines(found, BEGAN)
        added = max(0, place - 10_000_000)
        if added < len(self.lines):
            answer = self.lines[added]
            added += 1
        else:
            answer = shaping.lines(self.scene.page([]), BEGAN)
        answer.cursor = f"p{10_000_000 + added}"
        return answer

    def html(self, query: dict[str, str]) -> str:
        theme, run = query.get("theme", "dark"), ids.public("run", ROOT)
        links = "".join(f'<link rel="stylesheet" href="/static/css/{name}.css">' for name in SHEETS)
        links += "".join(
            f'<script type="module" src="/static/js/{name}.js"></script>' for name in ISLANDS
        )
        stream = ' data-stream="/stream"' if "stream" in query else ""
        head = f'<meta charset="utf-8"><title>Run</title>{links}<link rel="stylesheet" href="/own.css">'
        body = BODY.format(run=run, stream=stream)
        return (
            f'<!doctype html><html lang="en" data-theme="{theme}" data-static="/static"><head>{head}'
            f'<link rel="icon" href="/static/logo.svg"></head><body>{body}</body>'
        )


class _Handler(BaseHTTPRequestHandler):
    stage: Stage
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.stage.asked.append(self.path)
        if parts.path.startswith("/static/"):
            path = STATIC / parts.path.removeprefix("/static/")
            self._send(
                path.read_bytes() if path.exists() else b"",
                TYPES.get(path.suffix, "text/plain"),
                200 if path.exists() else 404,
            )
        elif parts.path == "/own.css":
            self._send(OWN.encode(), "text/css")
        elif parts.path == "/stream":
            self._ring()
        elif parts.path == "/trace":
            self._send(
                msgspec.json.encode(self.stage.trace(query.get("after", ""))), "application/json"
            )
        elif parts.path == "/lines":
            self._send(msgspec.json.encode(self.stage.log(query)), "application/json")
        else:
            self._send(self.stage.html(query).encode(), "text/html; charset=utf-8")

    def _ring(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server_is_closing:
                if self.stage.rung.wait(0.1):
                    self.stage.rung.clear()
                    self.wfile.write(b"data: look\n\n")
                else:
                    self.wfile.write(b": still here\n\n")
                self.wfile.flush()

    @property
    def server_is_closing(self) -> bool:
        return bool(getattr(self.server, "is_closing", False))

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""


class _Server(ThreadingHTTPServer):
    is_closing = False
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that hangs up is no news."""


@contextlib.contextmanager
def shown(scene: Scene) -> Iterator[Stage]:
    """A scene on a stage of its own, at ``url``."""
    stage = Stage(scene)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stage": stage}))
    stage.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield stage
    finally:
        server.is_closing = True
        server.shutdown()
        server.server_close()
        thread.join()
