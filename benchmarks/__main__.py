"""All questions, or those named, in one session: `python -m benchmarks drain latency --quick`."""

import argparse
import importlib

from benchmarks import session

QUESTIONS = ("trigger", "completed", "drain", "latency", "due", "idle", "cold")
LONG = "endurance"


def main() -> None:
    """Read the command line, then ask one question after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", nargs="*", help=", ".join([*QUESTIONS, LONG]))
    parser.add_argument("--long", action="store_true", help="also ten minutes of full load")
    session.add_arguments(parser)
    arguments = parser.parse_args()
    names = arguments.question or [*QUESTIONS, *([LONG] if arguments.long else [])]
    if unknown := set(names) - {*QUESTIONS, LONG}:
        parser.error(f"no question {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}")
    now = session.start(arguments)
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        session.answer(module.ask, module.__doc__, now)


if __name__ == "__main__":
    main()
