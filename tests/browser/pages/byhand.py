"""A worker session of a site, driven by hand over the API."""

from dataclasses import dataclass
from typing import Any

from tests.browser.site import Site

_CALLS = "/api/hairtrigger/v1/worker/"


@dataclass(frozen=True)
class HandWorker:
    """One session in production."""

    site: Site
    id: str

    @classmethod
    def make(cls, site: Site, *tasks: str, slots: int = 10, **manifest: Any) -> "HandWorker":
        """Register with these tasks, each with more of its manifest."""
        listed = [{"id": task, "file": "t.py", "export": task, **manifest} for task in tasks]
        body = {
            "name": "host-1 (4711)",
            "version": "",
            "tasks": listed,
            "slots": slots,
            "protocol": [1],
        }
        return cls(site, site.call("POST", f"{_CALLS}register", body)["worker"])

    def fetch(self, want: int = 10) -> list[dict[str, Any]]:
        """What is ready. There must be something, or the call waits for it."""
        runs: list[dict[str, Any]] = self._call("fetch", {"want": want})["runs"]
        return runs

    def complete(self, *runs: dict[str, Any]) -> None:
        self.report(*({"id": run["id"], "lease": run["lease"], "done": True} for run in runs))

    def fail(self, *runs: dict[str, Any]) -> None:
        failed = {"name": "ValueError", "message": "bad row"}
        self.report(*({"id": run["id"], "lease": run["lease"], "failed": failed} for run in runs))

    def report(self, *results: dict[str, Any], events: list[Any] | None = None) -> None:
        self._call("report", {"results": list(results), "events": events or []})

    def leave(self) -> None:
        self._call("leave", {})

    def _call(self, name: str, body: dict[str, Any]) -> Any:
        return self.site.call("POST", _CALLS + name, {"worker": self.id, **body})
