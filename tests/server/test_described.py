"""Every route asked at random, as the description of the API says and against it: whatever comes is answered with
what is described, and nothing is the server's fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hairtrigger.server.api import openapi
from hairtrigger.server.api.table import ROUTES
from hairtrigger.wire.worker import PREFIX
from tests.running import Live, started, until

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


@schemathesis.serializer("application/x-ndjson")
def _line(_: Any, value: Any) -> bytes:
    """A body that is described as one line of JSON."""
    return msgspec.json.encode(value) + b"\n"


def _sound(found: Any) -> Any:
    """An operation whose description can be understood; this fails for any other."""
    return found.ok()


DESCRIBED = schemathesis.openapi.from_dict(openapi.describe(ROUTES))
OPERATIONS = {one.label: one for one in map(_sound, DESCRIBED.get_all_operations())}
EXAMPLES = 12


@dataclass(frozen=True)
class Asked:
    """A server with something in it, and the ids that paths may name, by their places."""

    live: Live
    known: dict[str, str]
    session: httpx.Client


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with (
        started(tmp_path_factory.mktemp("described")) as live,
        httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {live.dev_key}"}) as session,
    ):  # fmt: skip
        yield Asked(live, _made(session), session)


def _made(session: httpx.Client) -> dict[str, str]:
    """One of each thing. The runs are over, so that nobody waits for one."""

    def post(path: str, body: Any) -> Any:
        answer = session.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def first(path: str) -> Any:
        found = session.get(path).json()["data"]
        return found[0] if found else None

    task = {"id": "greet", "file": "t.py", "export": "greet", "scheduled": True}
    register = {"name": "w", "version": "", "slots": 1, "protocol": [1], "tasks": [task]}
    worker = post(PREFIX + "register", register)["worker"]
    options = {"tags": ["t"], "maxAttempts": 1, "idempotencyKey": "k"}
    run = post("/api/v1/tasks/greet/trigger", {"payload": 1, "options": options})["id"]
    (taken,) = post(PREFIX + "fetch", {"worker": worker, "want": 1})["runs"]
    failed = {"name": "ValueError", "message": "no", "trace": "", "causes": []}
    result = {"id": run, "lease": taken["lease"], "failed": failed}
    post(PREFIX + "report", {"worker": worker, "results": [result], "want": 0, "events": []})
    group = until(lambda: first("/api/v1/errors"), "the failure to be grouped")
    batch = post("/api/v2/tasks/batch", {"items": [{"task": "greet"}]})["id"]
    (made,) = session.get(f"/api/v2/batches/{batch}").json()["runs"]
    post(f"/api/v2/runs/{made}/cancel", {})
    action = post("/api/v1/bulk-actions", {"action": "cancel", "runIds": [run]})["id"]
    schedule = {"task": "greet", "cron": "0 9 * * *", "deduplicationKey": "d"}
    return {
        "run": run, "task": "greet", "batch": batch, "action": action, "field": "payload", "key": "k",
        "span": run, "fingerprint": group["fingerprint"], "queue": first("/api/v1/queues")["id"],
        "schedule": post("/api/v1/schedules", schedule)["id"],
        "version": session.get("/api/v1/deployments/current").json()["version"],
    }  # fmt: skip


@pytest.mark.parametrize("label", OPERATIONS)
def test_a_route_answers_what_it_says_whatever_it_is_asked(asked: Asked, label: str) -> None:
    operation = OPERATIONS[label]
    as_described = operation.as_strategy()
    against_it = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(max_examples=EXAMPLES)
    @given(case=st.one_of(as_described, against_it), is_known=st.booleans())
    def ask(case: schemathesis.Case[Any], is_known: bool) -> None:
        if is_known:
            case.path_parameters = {
                name: asked.known.get(name, value) for name, value in case.path_parameters.items()
            }
        case.call_and_validate(
            base_url=asked.live.url, headers={"Authorization": f"Bearer {asked.live.dev_key}"},
            checks=CHECKS,
        )  # fmt: skip

    ask()
