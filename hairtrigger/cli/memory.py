"""What the shell's completion offers besides commands: ids that the commands have seen, in small files.

Under ``.hairtrigger/completion`` of the project; reading them starts no Python. Losing them loses nothing.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

KEPT = 50


def remember(root: Path, kind: str, ids: Sequence[str], *, replace: bool = False) -> None:
    """Keep the ids of a kind (``tasks``, ``runs``), newest first; with ``replace`` these and no others."""
    folder = root / ".hairtrigger"
    if not folder.is_dir() or not ids:
        return
    with contextlib.suppress(OSError):
        file = folder / "completion" / kind
        before = [] if replace or not file.exists() else file.read_text().split()
        file.parent.mkdir(exist_ok=True)
        kept = dict.fromkeys([*ids, *before])
        file.write_text("".join(f"{id_}\n" for id_ in list(kept)[: 1_000 if replace else KEPT]))
