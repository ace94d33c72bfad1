"""Which failures are the same, and which are not."""

import pytest

from hairtrigger.rules import fingerprints
from hairtrigger.rules.run import RunError
from hairtrigger.wire.worker import Failure

TRACE = """Traceback (most recent call last):
  File "/app/trigger/example.py", line 47, in fetch
    response = client.get(url)
  File "/app/.venv/lib/python3.12/site-packages/httpx/_client.py", line 3, in get
    raise error
ValueError: no"""


def text(
    message: str = "no", *, name: str = "ValueError", trace: str = TRACE, task: str = "fetch"
) -> str:
    return fingerprints.of(task, RunError(Failure(name, message, trace))).text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("API returned 502: upstream timed out", "API returned 503: upstream timed out"),
        ("no user 'ann'", "no user 'bob'"),
        ('no user "ann"', 'no user "bob"'),
        ("run_0123abcd4567ef is gone", "run_99887766aabbcc is gone"),
        (
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301 is gone",
            "aa2504e0-4f89-11d3-9a0c-0305e82c33ff is gone",
        ),
        ("GET https://a.example/x?y=1 failed", "GET http://b.example/z failed"),
        ("bad address a@example.org", "bad address b.c@example.com"),
        ("<object at 0x7f00aa>", "<object at 0x7f11bb>"),
        ("took 1.5 s at 12:30:01", "took 22 s at 09:00:59"),
    ],
)
def test_what_varies_in_a_message_makes_no_difference(one: str, other: str) -> None:
    assert text(one) == text(other)


def test_class_words_task_and_place_make_a_difference() -> None:
    elsewhere = TRACE.replace("in fetch", "in fetch_all")

    found = {
        text(), text("yes"), text(name="KeyError"), text(task="other"), text(trace=elsewhere),
        text("it's a user's"), text("it's a file's"),
    }  # fmt: skip

    assert len(found) == 7


def test_lines_and_libraries_make_none() -> None:
    edited = (
        TRACE.replace("line 47", "line 52")
        .replace("/app/", "/srv/releases/7/")
        .replace("_client", "_other")
    )

    assert text(trace=edited) == text()


def test_a_message_is_its_pieces() -> None:
    found = fingerprints.pieces("no user 'ann' in 7 s")

    assert "".join(piece.text for piece in found) == "no user 'ann' in 7 s"
    assert [piece.text for piece in found if piece.varies] == ["'ann'", "7"]


def test_what_people_see_is_the_first_line() -> None:
    found = fingerprints.of("t", RunError(Failure("ValueError", "\nfirst\nsecond", "")))

    assert (found.type, found.message) == ("ValueError", "first")
