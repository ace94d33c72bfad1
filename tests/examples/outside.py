"""An API outside of our world: a small real server that answers as told and notes when it was asked."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Outside:
    """Answers the statuses it was given, one a request, and then 200 with ``body``.

    ``asked_at`` has the monotonic time of every request.
    """

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.body: Any = {"answer": 42}
        self.asked_at: list[float] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.asked_at.append(time.monotonic())
                status = outside.statuses.pop(0) if outside.statuses else 200
                body = json.dumps(outside.body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: what was asked is in ``asked_at``."""

        return Handler
