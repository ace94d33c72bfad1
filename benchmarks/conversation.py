"""How the driver talks to a client: one JSON object a line, asked and answered in turn.

The client is a process of its own, in the interpreter of its system, so that what triggering costs
is seen apart from everything else. Imported there too: standard library only.
"""

import json
import select
import sys
from collections.abc import Awaitable, Callable
from typing import IO, Any

Answer = dict[str, Any]


class Client:
    """The driver's end: `ask` sends a command and waits for its answer."""

    def __init__(
        self, to_client: IO[bytes], from_client: IO[bytes], last_words: Callable[[], str]
    ) -> None:
        self._to, self._from, self._last_words = to_client, from_client, last_words

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command; take its answer with `receive`."""
        self._to.write(json.dumps([command, arguments]).encode() + b"\n")
        self._to.flush()

    def has_answer(self) -> bool:
        """Whether `receive` would return at once."""
        return bool(select.select([self._from], [], [], 0)[0])

    def receive(self) -> Answer:
        """The answer to the oldest command not yet answered. Raises RuntimeError if it failed."""
        line = self._from.readline()
        if not line:
            raise RuntimeError(f"The client ended: {self._last_words()}")
        answer: Answer = json.loads(line)
        return answer

    def ask(self, command: str, **arguments: Any) -> Answer:
        """Send a command and wait for its answer."""
        self.send(command, **arguments)
        return self.receive()


def serve(commands: dict[str, Callable[..., Answer]]) -> None:
    """The client's end, for blocking libraries: answer until the driver closes the pipe."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(commands[name](**arguments)), flush=True)


async def serve_async(commands: dict[str, Callable[..., Awaitable[Answer]]]) -> None:
    """The same for a client on an event loop. It blocks the loop between commands, on purpose:
    nothing else is to happen there."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        print(json.dumps(await commands[name](**arguments)), flush=True)
