"""Public tokens that the npm client signs itself, and those that the server gives: honoured and refused."""

from typing import Any

import pytest

from tests.compat.conftest import Script

pytestmark = pytest.mark.acceptance("S11")

ENDED: dict[str, Any] = {
    "reads": {
        "own": "ok", "other": 403, "cancel": 403, "list": 403, "trigger": 403, "schedules": 401,
        "replay": 401,
    },
    "handle": {"own": "ok", "other": 403},
    "tagged": ["ok", 403],
    "ofTask": {"own": "ok", "other": 403, "list": "ok", "otherList": 403, "everything": 403},
    "writes": {"cancel": "ok", "read": 403, "reset": "ok"},
    "nothing": 403,
    "triggers": {"once": "ok", "twice": 422, "other": 403, "often": ["ok", "ok"], "large": 401},
    "batches": {"batched": "ok", "again": 422, "other": 403, "retrieved": "ok"},
    "forged": 401,
    "expired": 401,
}  # fmt: skip


@pytest.mark.parametrize("name", ENDED)
def test_a_token_allows_what_its_scopes_say(node: Script, name: str) -> None:
    assert node("tokens")[name] == ENDED[name]


def test_with_public_token_reads_a_run(node: Script) -> None:
    assert node("tokens")["withToken"] == {"output": "mine"}


def test_the_claims_of_the_server_are_what_the_client_signs(node: Script) -> None:
    claims = node("tokens")["claims"]

    assert claims["sub"].startswith("env_")
    assert claims["pub"] is True
    assert claims["exp"] - claims["iat"] == 3_600
    assert claims.keys() == {"sub", "pub", "scopes", "iss", "aud", "iat", "exp"}


def test_a_client_with_another_key_than_the_root_key_lets_the_server_sign(node: Script) -> None:
    assert node("keys") == {
        "asked": ["POST /api/v1/auth/public-tokens"], "own": "ok", "other": 403, "handle": "string",
    }  # fmt: skip
