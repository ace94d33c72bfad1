import base64
import time
from typing import Any

import jwt
import pytest

from hairtrigger.errors import Unauthorized
from hairtrigger.server import tokens

from .driving import signed

KEY, OTHER = "tr_dev_" + "a" * 60, "tr_dev_" + "b" * 60


def usual(**claims: Any) -> str:
    return signed(KEY, **{"sub": "env_1", "scopes": ["read:runs"], **claims})


def test_what_is_minted_verifies_and_says_what_it_was_made_for() -> None:
    text = tokens.mint(KEY, "env_1", ("read:runs:run_1",))

    token = tokens.verify(text, [KEY])

    assert tokens.subject(text) == "env_1"
    assert (token.environment, token.scopes, token.one_time) == (
        "env_1",
        ("read:runs:run_1",),
        False,
    )


def test_an_official_client_reads_what_is_minted() -> None:
    text = tokens.mint(KEY, "env_1", ("read:runs:run_1",), seconds=60)

    claims = jwt.decode(
        text,
        KEY,
        algorithms=["HS256"],
        audience="https://api.trigger.dev",
        issuer="https://id.trigger.dev",
    )

    assert (claims["sub"], claims["pub"], claims["exp"] - claims["iat"]) == ("env_1", True, 60)
    assert jwt.get_unverified_header(text)["alg"] == "HS256"


def test_a_token_signed_with_a_rotated_key_verifies_while_that_key_is_known() -> None:
    text = signed(OTHER, sub="env_1", scopes=[])

    assert tokens.verify(text, [KEY, OTHER]).environment == "env_1"
    with pytest.raises(Unauthorized, match="signature"):
        tokens.verify(text, [KEY])


def unsigned(header: str) -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    return f"{part(header)}.{usual().split('.')[1]}."


BAD = {
    "alg none": unsigned('{"alg":"none"}'),
    "alg None": unsigned('{"alg":"None","typ":"JWT"}'),
    "no signature": usual().rpartition(".")[0] + ".",
    "HS384": usual(algorithm="HS384"),
    "HS512": usual(algorithm="HS512"),
    "another key": signed(OTHER, sub="env_1"),
    "expired": usual(exp=int(time.time()) - 60),
    "not yet": usual(nbf=int(time.time()) + 86_400),
    "no exp": usual(without=["exp"]),
    "no issuer": usual(without=["iss"]),
    "no audience": usual(without=["aud"]),
    "another issuer": usual(iss="https://evil.example"),
    "another audience": usual(aud="https://evil.example"),
    "exp as text": usual(exp="tomorrow"),
    "changed body": usual().replace(usual().split(".")[1], usual(scopes=["admin"]).split(".")[1]),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_token_that_is_wrong_in_any_way_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.verify(text, [KEY])


def test_an_expired_token_is_told_as_expired() -> None:
    with pytest.raises(Unauthorized, match="Public Access Token has expired"):
        tokens.verify(usual(exp=int(time.time()) - 60), [KEY])


def test_a_clock_a_few_seconds_off_does_not_matter() -> None:
    text = usual(exp=int(time.time()) - 2, iat=int(time.time()) + 3_600)

    assert tokens.verify(text, [KEY]).environment == "env_1"


def test_an_audience_may_be_a_list() -> None:
    text = usual(aud=["https://other.example", "https://api.trigger.dev"])

    assert tokens.verify(text, [KEY]).environment == "env_1"


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c",
        "..",
        usual(pub=False),
        usual(without=["pub"]),
        usual(without=["sub"]),
        "x" * 9_000 + "..",
    ],
)
def test_what_is_no_public_token_has_no_subject(text: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.subject(text)


def test_a_short_key_of_an_installation_signs_and_verifies_too() -> None:
    short = "tr_dev_" + "a" * 20

    assert tokens.verify(tokens.mint(short, "env_1", ()), [short]).environment == "env_1"


def test_a_one_time_token_is_known_by_its_text() -> None:
    first, second = (tokens.verify(usual(otu=True, scopes=[scope]), [KEY]) for scope in ("a", "b"))

    assert first.one_time
    assert first.text_hash != second.text_hash
