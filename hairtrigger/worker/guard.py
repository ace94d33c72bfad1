"""The last to leave: kills the process groups of a supervisor that is gone, whatever ended it.

A process of its own, started by path with the bare standard library, because nothing inside a dead
supervisor can act and a child whose body holds the interpreter's lock cannot either. It reads ``+group`` and
``-group`` lines and acts when they end.
"""

import os
import signal
import sys


def main() -> None:
    """Read the groups from stdin until it closes, then kill those that are left."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        group = int(line[1:])
        groups.add(group) if line[:1] == b"+" else groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


if __name__ == "__main__":
    main()
