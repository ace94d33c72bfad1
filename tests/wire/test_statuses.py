"""The one stored status and the names that the public API shows for it."""

import pytest

from hairtrigger.wire import statuses
from hairtrigger.wire.statuses import FinalStatus, LiveState


@pytest.mark.parametrize(
    ("state", "fence", "flags", "name"),
    [
        (LiveState.DELAYED, 0, 0, "DELAYED"), (LiveState.DELAYED, 1, 0, "EXECUTING"),
        (LiveState.HELD, 0, 0, "PENDING_VERSION"), (LiveState.READY, 0, 0, "QUEUED"),
        (LiveState.READY, 3, 0, "QUEUED"), (LiveState.RUNNING, 1, 0, "EXECUTING"),
        (LiveState.RUNNING, 1, statuses.CANCEL_REQUESTED, "CANCELED"),
        (LiveState.WAITING, 1, 0, "WAITING"), (LiveState.RESUMABLE, 1, 0, "WAITING"),
    ],
)  # fmt: skip
def test_unfinished_run_has_a_public_name(
    state: LiveState, fence: int, flags: int, name: str
) -> None:
    assert statuses.of_live(state, fence, flags) == name


def test_finished_run_is_named_as_it_is_stored() -> None:
    assert [statuses.of_final(status) for status in FinalStatus] == [
        "COMPLETED", "FAILED", "CANCELED", "CRASHED", "SYSTEM_FAILURE", "EXPIRED", "TIMED_OUT",
    ]  # fmt: skip


def test_flags_agree_with_the_table_of_the_api() -> None:
    true = {
        name: {key for key, on in statuses.flags_of(name).items() if on} for name in statuses.PUBLIC
    }

    for name in ("QUEUED", "DELAYED", "PENDING_VERSION"):
        assert true[name] == {"isQueued"}
    for name in ("EXECUTING", "DEQUEUED"):
        assert true[name] == {"isExecuting"}
    assert true["WAITING"] == {"isWaiting"}
    assert true["COMPLETED"] == {"isCompleted", "isSuccess"}
    assert true["CANCELED"] == {"isCompleted", "isFailed", "isCancelled"}
    for name in ("FAILED", "CRASHED", "SYSTEM_FAILURE", "EXPIRED", "TIMED_OUT"):
        assert true[name] == {"isCompleted", "isFailed"}


def test_older_names_are_understood_and_unknown_ones_are_not() -> None:
    assert statuses.canonical("REATTEMPTING") == "EXECUTING"
    assert statuses.canonical("WAITING_FOR_DEPLOY") == "PENDING_VERSION"
    assert all(statuses.canonical(name) == name for name in statuses.PUBLIC)
    assert statuses.canonical("completed") is None


def test_only_failures_release_a_key() -> None:
    kept = set(FinalStatus) - statuses.RELEASES_KEY

    assert kept == {FinalStatus.COMPLETED, FinalStatus.CANCELED}
