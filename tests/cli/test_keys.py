"""``keys``, and two processes with the keys of two environments at once."""

import json
import subprocess

import pytest

from tests.cli.conftest import Ask
from tests.running import PROGRAM, Live

KEYS = "/api/hairtrigger/v1/keys"


def test_a_key_is_made_listed_and_revoked(ht: Ask, served: Live) -> None:
    made = json.loads(ht("keys", "create", "Shop", "--expires", "90d", "--json").stdout)
    told = ht("keys", "create", "Other")
    listed = ht("keys", "list")
    found = json.loads(ht("keys", "list", "--json").stdout)["data"]
    refused = ht("keys", "create", "Shop")
    gone = ht("keys", "revoke", made["id"])
    again = ht("keys", "revoke", made["id"])

    assert told.stdout.strip().startswith("tr_dev_sk_")
    assert "It is not shown again" in told.stderr
    assert {"Shop", "Other", None} <= {one.get("name") for one in found}
    assert all(word in listed.stdout for word in ("Shop", "root", "tr_dev_…"))
    assert made["secret"] not in listed.stdout
    assert refused.exit_code != 0
    assert "has a key 'Shop' already" in refused.stderr
    assert "The key Shop is revoked" in gone.stderr
    assert again.exit_code == 3
    other = next(one["id"] for one in found if one.get("name") == "Other")
    ht("keys", "revoke", other)


@pytest.mark.acceptance("S98")
def test_two_processes_with_two_keys_see_their_own_environment_only(served: Live) -> None:
    """At the same time, each with nothing but its key in the environment."""
    keys = {"dev": served.dev_key, "prod": served.prod_key}

    def start(slug: str, *words: str) -> "subprocess.Popen[str]":
        env = {
            "TRIGGER_API_URL": served.url,
            "TRIGGER_API_KEY": keys[slug],
            "PATH": "/usr/bin:/bin",
        }
        return subprocess.Popen(
            [*PROGRAM, *words, "--json"], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )  # fmt: skip

    asked = {slug: start(slug, "trigger", "echo", f"from={slug}") for slug in keys}
    said = {slug: one.communicate() for slug, one in asked.items()}
    assert [one.returncode for one in asked.values()] == [0, 0], said
    made = {slug: json.loads(out)["id"] for slug, (out, _) in said.items()}
    listed = {slug: start(slug, "runs", "list", "--limit", "50") for slug in keys}
    seen = {slug: one.communicate()[0] for slug, one in listed.items()}
    foreign = {
        slug: start(slug, "runs", "get", made[other])
        for slug, other in (("dev", "prod"), ("prod", "dev"))
    }
    refused = {slug: (one.communicate()[1], one.returncode) for slug, one in foreign.items()}

    for slug, other in (("dev", "prod"), ("prod", "dev")):
        assert made[slug] in seen[slug]
        assert made[other] not in seen[slug]
        assert refused[slug][1] == 3, refused[slug]
