"""Where in a trace a run was asked for: what has the form travels, everything else is as if it were not there."""

import pytest

from hairtrigger.wire import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_both_headers_travel_as_one_text() -> None:
    text = tracing.joined(PARENT, "a=1,b=2")

    assert text is not None
    assert tracing.parts(text) == (PARENT, "a=1,b=2")
    assert tracing.checked(text) == text
    assert tracing.parts(tracing.joined(PARENT) or "") == (PARENT, "")


@pytest.mark.parametrize("state", ["", "x" * 513, "a=\nb", "ä=1"])
def test_a_state_that_cannot_be_passed_on_is_left_out(state: str) -> None:
    assert tracing.joined(PARENT, state) == PARENT


@pytest.mark.parametrize(
    "parent",
    [
        None,
        "",
        "nonsense",
        PARENT.upper(),
        PARENT + "-more",
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
    ],
)
def test_what_is_no_traceparent_is_none(parent: str | None) -> None:
    assert tracing.joined(parent) is None
    assert tracing.checked(parent) is None
