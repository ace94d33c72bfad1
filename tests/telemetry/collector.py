"""A collector's OTLP endpoint: decodes what arrives and keeps it, and fails as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)


@dataclass(frozen=True)
class Span:
    """One span, with its ids in hex; ``parent`` is empty at the beginning of a trace."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    status: int
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    service: str


@dataclass
class Collector:
    """``stuck`` holds every request until it is set ``free``."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    asked: int = 0
    stuck: bool = False
    free: threading.Event = field(default_factory=threading.Event)

    def take(self, body: bytes) -> None:
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _values(of_resource.resource.attributes).get("service.name", "")
            for of_scope in of_resource.scope_spans:
                self.spans += [_span(one, service) for one in of_scope.spans]

    def named(self, name: str) -> list[Span]:
        return [one for one in self.spans if one.name == name]


@contextmanager
def opened() -> Iterator[Collector]:
    """A collector on threads of its own."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.asked += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            if collector.stuck:
                collector.free.wait(60)
            assert self.path == "/v1/traces"
            collector.take(body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.free.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _span(one: Any, service: str) -> Span:
    return Span(
        one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex(), one.name, one.kind,
        one.status.code, _values(one.attributes),
        [(event.name, _values(event.attributes)) for event in one.events], service,
    )  # fmt: skip


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
