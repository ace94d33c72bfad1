"""Several workers of a peer side by side, where it has no supervisor for them: `several 4 COMMAND…`.

Each is started with the command, in which NUMBER is its number; a SIGTERM is handed on, and this
program ends when they have. Runs in the peer's interpreter: standard library only.
"""

import signal
import subprocess
import sys


def main() -> None:
    """Start them, and wait for their end."""
    count, *command = sys.argv[1:]
    started = [
        subprocess.Popen([word.replace("NUMBER", str(number)) for word in command])
        for number in range(int(count))
    ]

    def hand_on(number: int, _: object) -> None:
        for one in started:
            one.send_signal(number)

    signal.signal(signal.SIGTERM, hand_on)
    codes = [one.wait() for one in started]
    sys.exit(max(abs(code) for code in codes))


if __name__ == "__main__":
    main()
