"""Load: callers that trigger without pause and repeat what had no answer, as clients do."""

import http.client
import json
import random
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from tests.chaos.history import Accepted

KEYS = 20
BATCH = 6
TASKS = ("steady", "steady", "threaded", "once", "three", "keyed", "keyed")
_TIMEOUT_S = 6.0


class Load:
    """Callers in threads of their own. ``accepted`` is what they were told of.

    Args:
        url: Of the door before the servers.
        pause_s: Between two requests of a caller.
    """

    def __init__(self, url: str, key: str, *, callers: int = 4, pause_s: float = 0.02) -> None:
        self.accepted: dict[str, Accepted] = {}
        self.failures: Counter[str] = Counter()
        self.longest_gap_s = 0.0
        self._last_answer = time.monotonic()
        self._name = secrets.token_hex(4)  # its request keys are like those of no other load
        self._url, self._key, self._pause_s = url, key, pause_s
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._work, args=(n,), name=f"caller {n}")
            for n in range(callers)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._errors, f"A caller broke: {self._errors[0]!r}"

    def repeat(self, method: str, path: str, body: bytes, key: str, kind: str = "json") -> Any:
        """The answer to a request that is repeated with the same key until there is one; None at the end.

        Raises:
            AssertionError: an answer that says neither yes nor later.
        """
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": f"application/{kind}",
            "x-trigger-request-idempotency-key": key,
        }
        while not self._stop.is_set():
            request = urllib.request.Request(self._url + path, body or None, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                    found = json.load(answer)
            except urllib.error.HTTPError as error:
                self.failures[str(error.code)] += 1
                said = error.read().decode(errors="replace")
                if error.code not in (429, 503) or not error.headers.get("retry-after"):
                    raise AssertionError(f"{method} {path}: {error.code} {said}") from None
            except (OSError, http.client.HTTPException, ValueError):  # or half an answer
                self.failures["no answer"] += 1
            else:
                now = time.monotonic()
                self.longest_gap_s = max(self.longest_gap_s, now - self._last_answer)
                self._last_answer = now
                return found
            self._stop.wait(0.05)
        return None

    def _work(self, caller: int) -> None:
        luck, count = random.Random(caller), 0
        try:
            while not self._stop.wait(self._pause_s):
                count += 1
                ask = self._batch if count % 20 == 0 else self._one
                ask(luck, f"{self._name}-{caller}-{count}")
        except BaseException as error:
            self._errors.append(error)

    def _one(self, luck: random.Random, number: str) -> None:
        self.trigger(*work(luck, number))

    def trigger(self, task: str, payload: dict[str, Any], options: dict[str, Any]) -> str:
        """Trigger one run; gives its id, or nothing when the load ended before there was an answer."""
        number = payload["number"]
        body = json.dumps({"payload": payload, "options": options}).encode()
        answer = self.repeat("POST", f"/api/v1/tasks/{task}/trigger", body, number)
        if answer is None:
            return ""
        self.accepted[answer["id"]] = Accepted(number, task)
        return str(answer["id"])

    def _batch(self, luck: random.Random, number: str) -> None:
        items = [(f"{number}.{ix}", *work(luck, f"{number}.{ix}")) for ix in range(BATCH)]
        made = self.repeat("POST", "/api/v3/batches", b'{"runCount": %d}' % BATCH, number)
        if made is None:
            return
        lines = "\n".join(
            json.dumps({"index": ix, "task": task, "payload": payload, "options": options})
            for ix, (_, task, payload, options) in enumerate(items)
        ).encode()
        path = f"/api/v3/batches/{made['id']}/items"
        if self.repeat("POST", path, lines, f"{number} items", "x-ndjson") is None:
            return
        batch = self.repeat("GET", f"/api/v2/batches/{made['id']}", b"", f"{number} runs")
        if batch is not None:
            assert len(batch["runs"]) == BATCH, f"A batch of {BATCH} has {batch['runs']}"
            for run, (name, task, _, _) in zip(batch["runs"], items, strict=True):
                self.accepted[run] = Accepted(name, task)


def work(luck: random.Random, number: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Something to do: a task, its payload, its options."""
    task = luck.choice(TASKS)
    seconds = luck.choice((0.0, 0.02, 0.1)) if task in ("three", "keyed") else luck.choice(
        (0.0, 0.05, 0.2)
    )  # fmt: skip
    options: dict[str, Any] = {"ttl": 0}
    key = ""
    if task == "keyed":
        options["concurrencyKey"] = key = f"key{luck.randrange(KEYS)}"
    return task, {"number": number, "seconds": seconds, "key": key}, options
