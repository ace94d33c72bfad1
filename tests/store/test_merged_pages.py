"""Several lists of runs read as one: the pages of each make the pages of all."""

from hypothesis import given
from hypothesis import strategies as st

from hairtrigger.store.pages import Page, merged

LISTS = st.lists(st.sets(st.integers(1, 60)), min_size=1, max_size=4).map(
    lambda found: [one - set().union(*found[:number]) for number, one in enumerate(found)]
)


def page(ids: set[int], size: int, after: int | None, before: int | None, reach: int) -> Page:
    """A page as a list gives it, which looks no further than ``reach`` from where it begins."""
    if before is not None:
        seen = sorted(id_ for id_ in ids if before < id_ <= before + reach)
        more = max(ids, default=0) > before + reach
        found = seen[:size]
        onward = found[-1] if len(seen) > size else before + reach if more else None
        return Page(found[::-1], next=found[0] if found else before, previous=onward)
    start = 61 if after is None else after
    seen = sorted((id_ for id_ in ids if start - reach <= id_ < start), reverse=True)
    more = min(ids, default=61) < start - reach
    found = seen[:size]
    onward = found[-1] if len(seen) > size else start - reach if more else None
    return Page(found, next=onward)


@given(LISTS, st.integers(1, 7), st.integers(3, 60))
def test_walking_older_meets_every_run_once_in_order(
    lists: list[set[int]], size: int, reach: int
) -> None:
    walked: list[int] = []
    after = None
    while True:
        found = merged(
            [page(ids, size, after, None, reach) for ids in lists], size, after=after, before=None
        )
        assert len(found.run_ids) <= size
        assert (found.previous is None) == (after is None)
        walked += found.run_ids
        if found.next is None:
            break
        after = found.next

    assert walked == sorted(set().union(*lists), reverse=True)


@given(LISTS, st.integers(1, 7), st.integers(3, 60))
def test_walking_newer_meets_every_run_once_in_order(
    lists: list[set[int]], size: int, reach: int
) -> None:
    walked: list[int] = []
    before: int | None = 0
    while before is not None:
        found = merged(
            [page(ids, size, None, before, reach) for ids in lists], size, after=None, before=before
        )
        assert len(found.run_ids) <= size
        walked = found.run_ids + walked
        before = found.previous

    assert walked == sorted(set().union(*lists), reverse=True)
