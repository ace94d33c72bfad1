"""Single keys of a terminal while ``dev`` runs. Ctrl-C stays a signal."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def keys(actions: dict[str, Callable[[], None]]) -> Iterator[None]:
    """Call the action of each key that is pressed. Without a terminal of its own nothing is read."""
    if not sys.stdin.isatty() or not sys.stdout.isatty() or not _is_in_front():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()

    def pressed() -> None:
        for key in os.read(descriptor, 64).decode(errors="ignore").lower():
            if key in actions:
                actions[key]()

    # now, not after the output: a terminal that nobody reads must not hold up the start
    tty.setcbreak(descriptor, termios.TCSANOW)
    loop.add_reader(descriptor, pressed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


def _is_in_front() -> bool:
    """Whether the terminal is ours: touching it from the background would stop this process."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False
