"""All questions, or those named, in one session: `python -m benchmarks drain latency --quick`."""

import argparse
import importlib

from benchmarks import session

QUESTIONS = (
    "trigger",
    "completed",
    "drain",
    "keys",
    "limited",
    "latency",
    "due",
    "history",
    "snapshot",
    "recovery",
    "idle",
    "cold",
    "dashboard",
)
LONG = ("endurance", "browser", "profile", "soak", "telemetry")
"""Asked only by name, or the first with --long."""


def main() -> None:
    """Read the command line, then ask one question after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", nargs="*", help=", ".join([*QUESTIONS, *LONG]))
    session.add_arguments(parser)
    arguments = parser.parse_args()
    names = arguments.question or [*QUESTIONS, *(LONG[:1] if arguments.long else [])]
    if unknown := set(names) - {*QUESTIONS, *LONG}:
        known = ", ".join([*QUESTIONS, *LONG])
        parser.error(f"no question {', '.join(sorted(unknown))}; there are {known}")
    with session.started(arguments) as now:
        for name in names:
            module = importlib.import_module(f"benchmarks.{name}")
            session.answer(module.ask, module.__doc__, now)


if __name__ == "__main__":
    main()
