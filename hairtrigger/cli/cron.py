"""``cron``: a pattern in words and the next times it fires, without a server."""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from hairtrigger.cli import words
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.state import State, pass_state
from hairtrigger.rules import cron
from hairtrigger.wire import durations


@make_command("cron")
@click.argument("pattern", nargs=-1, required=True)
@click.option("--tz", default="UTC", metavar="ZONE", help="An IANA time zone; UTC by default.")
@click.option(
    "--count", default=5, type=click.IntRange(1, 100), help="How many times; 5 by default."
)
@pass_state
def command(state: State, pattern: tuple[str, ...], tz: str, count: int) -> None:
    """Say a cron PATTERN in words, with its next five times.

    Example: hairtrigger cron "0 9 * * MON-FRI" --tz Europe/London
    """
    text = " ".join(pattern)
    now = int(time.time() * 1000)
    times = cron.upcoming(text, tz, now, count)
    warning = cron.gap_warning(text, tz, now)
    if state.out.is_json:
        state.out.json(
            {
                "cron": text,
                "timezone": tz,
                "description": cron.describe(text),
                "next": [durations.iso(instant) for instant in times],
                "warning": warning,
            }
        )
        return
    state.out.data(f"{cron.describe(text)} ({tz})")
    here = words.now()
    for instant in times:
        moment = datetime.fromtimestamp(instant / 1000, ZoneInfo(tz))
        state.out.data(f"  {moment:%a %Y-%m-%d %H:%M %Z}  {words.ahead(moment, here)}")
    if warning:
        state.out.warn(warning)
