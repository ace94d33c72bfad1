"""``trigger``: one run, or one for every line of a file; and waiting for what comes of it."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from hairtrigger.cli import following, memory, payloads, words
from hairtrigger.cli.commands import closest
from hairtrigger.cli.commands import command as make_command
from hairtrigger.cli.problems import FAILED, NOT_FOUND, TIMED_OUT, USAGE, CommandError
from hairtrigger.cli.state import State, pass_state
from hairtrigger.errors import ResultTimeout
from hairtrigger.sdk import stored
from hairtrigger.sdk.api import ApiCall, reads
from hairtrigger.sdk.trigger_options import payload_of, wire_options
from hairtrigger.wire import packets
from hairtrigger.wire.options import CoalescedTrigger, Triggered, TriggerOptions

GROUP = 500  # the server takes as many in one request


@make_command("trigger")
@click.argument("task")
@click.argument("payload", nargs=-1)
@click.option("--queue", metavar="NAME", help="Run it in this queue.")
@click.option("--delay", metavar="TIME", help="Start it later: 10m, or an ISO date.")
@click.option("--ttl", metavar="TIME", help="Forget it when it has not started after so long.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Mark it; may be given again.")
@click.option(
    "--idempotency-key", metavar="KEY", help="Make one run for this key, however often asked."
)
@click.option("--concurrency-key", metavar="KEY", help="Split the queue's limit by this value.")
@click.option("--max-attempts", type=click.IntRange(1), metavar="N", help="Try at most so often.")
@click.option(
    "--max-duration", type=click.FloatRange(1), metavar="SECONDS", help="Execute at most so long."
)
@click.option("--priority", type=float, metavar="SECONDS", help="Go before runs so much older.")
@click.option("--version", metavar="VERSION", help="Run it on this version of the code.")
@click.option("--wait", is_flag=True, help="Wait for the end; the output goes to stdout.")
@click.option("--follow", is_flag=True, help="Wait, and show log lines as they come.")
@click.option(
    "--batch", metavar="FILE", help="One run for each line of JSON in FILE (- for stdin)."
)
@pass_state
def command(
    state: State, /, task: str, payload: tuple[str, ...], wait: bool, follow: bool, batch: str | None,
    **given: Any,
) -> int:  # fmt: skip
    """Trigger TASK with PAYLOAD: JSON, @file.json, - for stdin, or key=value pairs.

    \b
    hairtrigger trigger send-welcome-email userId=u_1 email=ada@example.com --wait
    hairtrigger trigger process-data '{"data": ["a", "b"]}' --delay 10m
    """
    if batch is not None and (payload or wait or follow):
        raise CommandError(
            "--batch stands alone", "It takes no payload, --wait or --follow.", exit_code=USAGE
        )
    schema = _schema(state, task)
    if batch is not None:
        return _trigger_batch(state, task, batch, given)
    value = payloads.fitted(task, payloads.parse(payload, schema), schema)
    begun = time.perf_counter()
    item = _item(task, value, given)
    if stored.is_large(item):
        from hairtrigger.sync import put_apart  # all of the mirror, for this alone

        item = put_apart(state.client, item)
    handle = state.client.submit_blocking(item)
    assert handle.id is not None
    memory.remember(state.root, "runs", [handle.id])
    if not wait and not follow:
        return _say_triggered(state, handle, (time.perf_counter() - begun) * 1000)
    try:
        return _wait(state, handle.id, follow=follow)
    except ResultTimeout as error:
        raise CommandError(
            f"{handle.id} was not finished within {words.span(state.timeout_s() or 0)}",
            "It goes on.",
            fixes=(("Follow it", f"hairtrigger runs watch {handle.id}"),),
            exit_code=TIMED_OUT,
            code=error.code,
        ) from None
    except KeyboardInterrupt:
        state.out.say()
        state.out.hint(f"{handle.id} goes on. Cancel it: hairtrigger runs cancel {handle.id}")
        raise


def _say_triggered(state: State, handle: Triggered, ms: float) -> int:
    if state.out.is_json:
        state.out.json({"id": handle.id, "isCached": handle.is_cached})
        return 0
    assert handle.id is not None
    note = "found by its key, not made again" if handle.is_cached else words.duration(ms)
    state.out.done(f"Triggered  {note}")
    state.out.data(handle.id)
    return 0


def _wait(state: State, run_id: str, *, follow: bool) -> int:
    timeout_s = state.timeout_s()
    if follow:
        for event in following.events(state, run_id, follow=True, timeout_s=timeout_s):
            if state.out.is_json:
                state.out.ndjson({"event": "run.log", "run": run_id, **event})
            else:
                state.out.say(following.line_of(state.out, event, state.out.style))
    run = following.until_final(state, run_id, timeout_s)
    if state.out.is_json:
        (state.out.ndjson if follow else state.out.json)(run)
        return following.exit_code(run)
    following.say_end(state.out, run)
    if "output" in run:
        import json

        state.out.data(json.dumps(run["output"], ensure_ascii=False))
    return following.exit_code(run)


def _schema(state: State, task: str) -> dict[str, Any] | None:
    """The payload's schema, when the environment's code has the task and says so.

    Raises:
        CommandError: the environment has code, but no task of this id.
    """
    known = {found["id"]: found for found in state.get("/api/hairtrigger/v1/tasks")["data"]}
    memory.remember(state.root, "tasks", list(known), replace=True)
    if task in known:
        schema: dict[str, Any] | None = known[task].get("payloadSchema")
        return schema
    if not known:
        state.out.warn("No worker has been here yet: the run waits for one that has this task.")
        return None
    guess = closest(task, list(known))
    version = next(iter(known.values()))["version"]
    raise CommandError(
        f"No worker can run {task}",
        f"Version {version} has no task with this id."
        + (f" Closest: {' or '.join(guess)}." if guess else ""),
        fixes=(("See them", "hairtrigger tasks list"),),
        exit_code=NOT_FOUND,
        code="task_not_found",
    )


def _item(task: str, value: Any, given: dict[str, Any]) -> CoalescedTrigger:
    packet = None if value is payloads.NOTHING else (packets.JSON, packets.encode(value))
    return CoalescedTrigger(task, payload_of(packet), _options(packet, given))


def _options(packet: tuple[str, str] | None, given: dict[str, Any]) -> TriggerOptions | None:
    wanted = {name: value for name, value in given.items() if value not in (None, ())}
    delay = wanted.get("delay")
    if isinstance(delay, str) and "-" in delay:  # a date: durations have no dash
        import datetime

        try:
            wanted["delay"] = datetime.datetime.fromisoformat(delay)
        except ValueError:
            raise CommandError(
                f"Not a date: {delay}", "Write it like 2026-03-01T09:30, or as a duration: 10m.",
                exit_code=USAGE,
            ) from None  # fmt: skip
    return wire_options(packet, wanted)


# Many at once


def _trigger_batch(state: State, task: str, file: str, given: dict[str, Any]) -> int:
    lines = _lines(file)
    begun, failures = time.perf_counter(), 0
    made: list[str] = []
    with state.out.progress("Triggering", len(lines)) as progress:
        for group in _groups(task, lines, given):
            call = ApiCall(
                "trigger --batch", "POST /api/hairtrigger/v1/triggers",
                body=_encoded(group), returns=reads(list[Triggered]),
            )  # fmt: skip
            for answer in state.ask(call):
                if answer.id is None:
                    failures += 1
                    if failures <= 3:
                        state.out.warn(f"One was refused: {answer.error}")
                else:
                    made.append(answer.id)
            progress.advance(len(group))
    seconds = time.perf_counter() - begun
    memory.remember(state.root, "runs", made[-50:])
    if state.out.is_json:
        state.out.json({"triggered": len(made), "failed": failures, "runs": made})
    else:
        rate = f"  {len(made) / seconds:,.0f}/s" if seconds > 1 else ""
        state.out.done(
            f"Triggered {words.count(len(made), 'run')} in {words.duration(seconds * 1000)}{rate}"
        )
        if failures:
            state.out.warn(f"{words.count(failures, 'line')} refused.")
    return FAILED if failures else 0


def _groups(task: str, lines: list[Any], given: dict[str, Any]) -> Iterator[list[CoalescedTrigger]]:
    for first in range(0, len(lines), GROUP):
        yield [_item(task, value, given) for value in lines[first : first + GROUP]]


def _encoded(group: list[CoalescedTrigger]) -> bytes:
    import msgspec

    return msgspec.json.encode(group)


def _lines(file: str) -> list[Any]:
    import msgspec

    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"Cannot read {file}", str(error.strerror), exit_code=USAGE) from None
    values = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values.append(msgspec.json.decode(line))
        except (msgspec.DecodeError, UnicodeError) as error:
            raise CommandError(
                f"{file}:{number} is not valid JSON", f"{error}. Each line is one payload.",
                exit_code=USAGE, code="invalid_payload",
            ) from None  # fmt: skip
    return values
