"""Tables without borders, cut to a width: the least important columns go first, no line is ever wrapped."""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 2
_LEAST = 12  # the narrowest a column that can be cut is made


@dataclass(frozen=True, slots=True)
class Column:
    """``weight``: columns with the smallest go first when there is no room; ``right``: for numbers."""

    title: str
    weight: int = 10
    right: bool = False


def laid_out(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> list[str]:
    """The lines of a table, the header first. Without a width nothing is cut."""
    from rich.cells import cell_len

    cells = [[" ".join(text.split()) for text in row] for row in rows]
    widths = [
        max([cell_len(column.title), *(cell_len(row[i]) for row in cells)])
        for i, column in enumerate(columns)
    ]
    shown = list(range(len(columns)))
    while width is not None and _total(shown, widths) > width:
        last = shown[-1]
        room = widths[last] - (_total(shown, widths) - width)
        if room >= _LEAST:
            widths[last] = room
            break
        if len(shown) == 1:
            break
        shown.remove(min(shown, key=lambda i: (columns[i].weight, -i)))
    titles = [column.title for column in columns]
    return [_line(row, columns, shown, widths) for row in (titles, *cells)]


def _total(shown: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[i] for i in shown) + GAP * (len(shown) - 1)


def _line(
    row: Sequence[str], columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int]
) -> str:
    parts = []
    for i in shown:
        text = cut(row[i], widths[i])
        parts.append(_padded(text, widths[i], right=columns[i].right))
    return (" " * GAP).join(parts).rstrip()


def _padded(text: str, width: int, *, right: bool) -> str:
    from rich.cells import cell_len

    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def cut(text: str, width: int) -> str:
    """A text of at most that many columns, with an ellipsis where it was cut."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"
