"""The demonstration. Started by ``scripts/demo``; exits 0 only if every run ended as it should."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from system import PROJECT, Outside, System

sys.path.insert(0, str(PROJECT))


async def play(system: System) -> bool:
    """Run every scene; says whether all of them ended as they should."""
    from scenes import BATCH, refused, seed, triggered
    from screen import say, show

    seed()
    say(f"Refused before it is sent: {await refused()}")
    scenes = await triggered(Outside())
    say(f"Triggered {sum(len(scene.ids) for scene in scenes)} runs ({BATCH} of them as a batch).")
    system.kill_server()
    seconds = system.start_server()
    say(
        f"Killed the server with kill -9, and started it again on the same file in {seconds:.1f} s.\n"
    )
    await show(scenes)
    wrong = [scene.title for scene in scenes if not scene.is_right]
    mails = len((system.directory / "outbox.jsonl").read_text().splitlines())
    say(f"\n{mails} mails are in the outbox.")
    if wrong:
        say(f"Not as they should: {', '.join(wrong)}. Logs: {system.directory}")
    else:
        say("Every run ended as it should.")
    return not wrong


def main() -> int:
    keep = "--keep" in sys.argv[1:]
    system = System(Path(tempfile.mkdtemp(prefix="hairtrigger-demo-")))
    is_right = False
    try:
        print(f"Server ready in {system.start_server():.1f} s at {system.url}, one SQLite file.")
        print(f"Worker ready in {system.start_worker():.1f} s with the tasks of examples/orion.")
        is_right = asyncio.run(play(system))
    except KeyboardInterrupt:
        print("Stopped.")
    finally:
        if keep and is_right:
            _say_kept(system)
        else:
            system.stop()
            if is_right:
                shutil.rmtree(system.directory, ignore_errors=True)
    return 0 if is_right else 1


def _say_kept(system: System) -> None:
    pids = " ".join(str(process.pid) for process in system.processes.values())
    print(f"\nStill up: {system.url}   data and logs in {system.directory}")
    print(f"  TRIGGER_API_URL={system.url} TRIGGER_SECRET_KEY={system.key} hairtrigger runs list")
    print(f"Stop it:  kill {pids}")


sys.exit(main())
