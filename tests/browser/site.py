"""A server whose dashboard is looked at."""

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.running import Live


@dataclass
class Site:
    """A server and the reference of its project."""

    live: Live
    project: str

    def path(self, page: str, env: str = "prod") -> str:
        """The path of a page of an environment; one that begins with a slash is as it is."""
        return page if page.startswith("/") else f"/p/{self.project}/{env}/{page}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the API with the production key."""
        headers = {
            "authorization": f"Bearer {self.live.prod_key}",
            "content-type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.live.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def trigger(self, task: str, payload: Any = None, **options: Any) -> str:
        """Trigger a task in production; gives its run's id."""
        made = self.call(
            "POST", f"/api/v1/tasks/{task}/trigger", {"payload": payload, "options": options}
        )
        run_id: str = made["id"]
        return run_id
