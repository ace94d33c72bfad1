"""Bodies that do what bodies do in the worst of cases."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from hairtrigger.sdk.context import Context
from hairtrigger.sdk.decorators import task


@task
async def noop() -> None:
    return None


@task
async def echo(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


@task
def echo_on_thread(payload: dict[str, Any]) -> dict[str, Any]:
    return {**payload, "thread": threading.current_thread() is not threading.main_thread()}


@task(isolation="thread")
async def echo_on_own_loop(payload: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {**payload, "thread": threading.current_thread() is not threading.main_thread()}


@task(isolation="process")
async def pid_alone() -> int:
    await asyncio.sleep(0.2)
    return os.getpid()


@task
async def pid() -> int:
    return os.getpid()


@task
async def wait_for_file(payload: dict[str, str]) -> str:
    """Say that it has begun, and go on until a file is there."""
    print("begun")
    while not Path(payload["file"]).exists():
        await asyncio.sleep(0.01)
    return payload.get("value", "done")


@task
async def sleep_async() -> None:
    print("begun")
    await asyncio.sleep(60)


@task
async def sleep_and_tidy() -> None:
    print("begun")
    try:
        await asyncio.sleep(60)
    finally:
        print("tidied up")


@task
def look_at_cancelled(_: None, ctx: Context) -> str:
    print("begun")
    while not ctx.cancelled():
        time.sleep(0.01)
    print("saw it")
    return "stopped by itself"


@task
def spin_on_thread() -> None:
    print("begun")
    while True:
        time.sleep(0.001)


@task(isolation="thread")
async def sleep_on_own_loop() -> None:
    print("begun")
    await asyncio.sleep(60)


@task
async def spin_on_loop() -> None:
    print("begun")
    await asyncio.sleep(0.05)
    while True:
        pass


@task
async def swallow_everything() -> None:
    print("begun")
    while True:
        try:
            await asyncio.sleep(0.01)
        except BaseException:
            continue


@task
async def block_loop(payload: dict[str, float]) -> str:
    print("begun")
    await asyncio.sleep(0.05)
    time.sleep(payload["seconds"])
    return "over"


@task
async def exit_hard(payload: dict[str, int]) -> None:
    os._exit(payload["code"])


@task
async def exit_softly() -> None:
    sys.exit(3)


@task
async def segfault() -> None:
    ctypes.string_at(0)


@task
async def kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task
async def start_grandchild(payload: dict[str, str]) -> None:
    process = subprocess.Popen(["sleep", "300"])
    Path(payload["file"]).write_text(f"{os.getpid()} {process.pid}")
    await asyncio.sleep(300)


@task
async def print_lines(payload: dict[str, Any]) -> None:
    for number in range(payload["lines"]):
        print(payload["name"], number)
        await asyncio.sleep(0)


@task
async def print_too_much() -> None:
    for number in range(10_100):
        print("line", number)


@task
async def return_object() -> object:
    return {"outer": {"inner": object()}}


@task
async def return_large(payload: dict[str, int]) -> str:
    return "x" * payload["size"]


@task(retry={"max_attempts": 3, "min_timeout_in_ms": 1000, "factor": 2, "randomize": False})
async def raise_value_error() -> None:
    raise ValueError("out of range")
