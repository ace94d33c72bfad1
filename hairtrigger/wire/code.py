"""Which code is one's own: what worker and server must agree on when they look at a traceback."""

import re

_FOREIGN = re.compile(r"[/\\](?:site-packages|dist-packages|lib[/\\]python3(?:\.\d+)?)[/\\]|^<")


def is_own(path: str) -> bool:
    """Whether a source file is neither a library nor Python's own."""
    return not _FOREIGN.search(path)
