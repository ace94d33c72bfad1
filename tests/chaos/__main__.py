"""``scripts/chaos``: play scenarios and say what held, one line each. Exits with 1 when a promise broke."""

import argparse
import json
import sys
import time

from tests.chaos.scenario import KINDS, played
from tests.chaos.stage import SCENARIOS


def main() -> int:
    words = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    words.add_argument("scenario", nargs="*", help=f"of {', '.join(SCENARIOS)}; all when left out")
    words.add_argument("--database", choices=(*KINDS, "both"), default="both")
    words.add_argument("--long", action="store_true", help="the long form: minutes a scenario")
    given = words.parse_args()
    if unknown := [name for name in given.scenario if name not in SCENARIOS]:
        words.error(f"no scenario {', '.join(unknown)}")
    kinds = KINDS if given.database == "both" else (given.database,)
    broken = 0
    for name in given.scenario or SCENARIOS:
        for kind in kinds:
            if kind in SCENARIOS[name].kinds:
                broken += not _told(name, kind, long=given.long)
    return int(broken > 0)


def _told(name: str, kind: str, *, long: bool) -> bool:
    began = time.monotonic()
    verdict = played(SCENARIOS[name], kind, long=long)
    figures = ", ".join(f"{key}: {_shown(value)}" for key, value in verdict.figures.items())
    held = "BROKEN" if verdict.broken else "SKIPPED" if verdict.skipped else "held"
    figures = figures or verdict.skipped
    print(f"{held}  {name} on {kind} ({time.monotonic() - began:.0f} s)  {figures}", flush=True)
    for promise in verdict.broken:
        print(f"        {promise}", flush=True)
    return not verdict.broken


def _shown(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    return json.dumps(value) if value else "0"


if __name__ == "__main__":
    sys.exit(main())
