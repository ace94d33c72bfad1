"""What does the dashboard cost the browser that looks at it?

Method: ours only, and only where Playwright (of the `test` extra) and a Chromium are. After 1,000 runs the list of
runs is opened in a new profile: what goes over the wire, compressed as it goes, and the first contentful paint; the
same with the browser's CPU slowed down four times; then three links of the sidebar are clicked, and the time from the
last click to the other page's heading taken. Each of these is the median of five. Then runs are triggered at an even
1,000 a second and worked off while the list is open: after five seconds, the main thread's share of busy time over
30 s, its longest task, and how much the heap grew after a collection. Browser, server, worker, client and database
share the machine.
"""

import os
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks import figures, session
from benchmarks.dashboard import environment_of
from benchmarks.running import Running, opened
from benchmarks.session import Session
from benchmarks.systems import System

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
VISITS, PER_SECOND, SECONDS, WARM_S = 5, 1_000, 30, 5
Figures = Mapping[str, float]


def ask(now: Session) -> None:
    """Answer the question."""
    program = os.environ.get("HAIRTRIGGER_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)  # fmt: skip
    if program is None:
        print(f"  No browser: none of {', '.join(NAMES)} is on PATH. Nothing was measured.")
        return
    os.environ["HAIRTRIGGER_LOGIN"] = "none"
    seconds = SECONDS // 3 if now.quick else SECONDS
    found = now.ask_ours(lambda system: measure(system, program, seconds))
    rows = [
        [name, *(f"{value:,.1f}" for value in figures_of(name, found))]
        for name in (found or [{}])[0]
    ]
    figures.print_table("The list of runs in a browser", ["", "median", "least", "most"], rows)


def figures_of(name: str, rounds: list[Figures]) -> tuple[float, float, float]:
    """The middle and the ends of a figure over all rounds."""
    values = [one[name] for one in rounds]
    return statistics.median(values), min(values), max(values)


def measure(system: System, program: str, seconds: float) -> Figures:
    """A round."""
    from playwright.sync_api import sync_playwright

    with opened(system) as running, sync_playwright() as playwright:
        running.client.ask("trigger", count=1_000, flight=system.flight)
        address, base = environment_of(running)
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        url = f"http://{address}{base}/runs"
        visits = [_visit(browser, url) for _ in range(VISITS)]
        slow = [_visit(browser, url, slower=4) for _ in range(VISITS)]
        found = {
            "cold visit, kB": _middle(visits, "bytes") / 1_000,
            "of it scripts, kB": _middle(visits, "scripts") / 1_000,
            "first paint, ms": _middle(visits, "paint"),
            "first paint, CPU slowed 4 times, ms": _middle(slow, "paint"),
            "a link to another page's heading, ms": _middle(visits, "link"),
            **_under_load(running, browser, url, seconds),
        }
        browser.close()
        return found


def _middle(visits: list[Figures], name: str) -> float:
    return statistics.median(one[name] for one in visits)


@contextmanager
def _page(browser: Any, *, slower: int = 1) -> Iterator[tuple[Any, Any]]:
    """A page of a new profile, and its line to the browser."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    yield page, line
    context.close()


def _visit(browser: Any, url: str, *, slower: int = 1) -> Figures:
    with _page(browser, slower=slower) as (page, line):
        kinds: dict[str, str] = {}
        sizes = {"all": 0.0, "Script": 0.0}

        def ended(event: dict[str, Any]) -> None:
            sizes["all"] += event["encodedDataLength"]
            if kinds.get(event["requestId"]) == "Script":
                sizes["Script"] += event["encodedDataLength"]

        line.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
        line.on("Network.loadingFinished", ended)
        line.send("Network.enable")
        page.goto(url)
        page.locator("tr[data-id]").first.wait_for()
        page.locator(".live", has_text="Live ·").wait_for()
        paint = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
        )
        took = page.evaluate(_FOLLOW)
        return {"bytes": sizes["all"], "scripts": sizes["Script"], "paint": paint, "link": took}


def _under_load(running: Running, browser: Any, url: str, seconds: float) -> Figures:
    with _page(browser) as (page, line):
        page.add_init_script(_LONGEST)
        page.goto(url)
        page.locator(".live", has_text="Live ·").wait_for()
        line.send("Performance.enable")
        running.client.send("load", per_second=PER_SECOND, seconds=seconds + WARM_S + 1)
        page.wait_for_timeout(WARM_S * 1_000)
        heap, busy, begun, began = _heap(line), _busy(line), running.begun, time.monotonic()
        page.wait_for_timeout(seconds * 1_000)
        passed = time.monotonic() - began
        share, rate = (_busy(line) - busy) / passed, (running.begun - begun) / passed
        longest, grown = page.evaluate("window.longestTask"), _heap(line) - heap
        running.client.receive()
        return {
            "runs begun a second": rate,
            "main thread busy, %": share * 100,
            "its longest task, ms": longest,
            "heap grown, MB": grown / 1e6,
        }


def _busy(line: Any) -> float:
    """Seconds that the main thread has worked."""
    metrics = line.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


def _heap(line: Any) -> float:
    line.send("HeapProfiler.collectGarbage")
    return float(line.send("Runtime.getHeapUsage")["usedSize"])


_LONGEST = """
window.longestTask = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.longestTask = Math.max(window.longestTask, one.duration);
}).observe({ type: "longtask" });
"""
_FOLLOW = """async () => {
  const follow = (place, heading) => new Promise((done) => {
    const began = performance.now();
    const look = () => {
      if (document.querySelector("h1")?.textContent.trim() === heading) done(performance.now() - began);
      else requestAnimationFrame(look);
    };
    document.querySelector(`[data-place=${place}]`).click();
    requestAnimationFrame(look);
  });
  await follow("tasks", "Tasks");
  await follow("queues", "Queues");
  return await follow("tasks", "Tasks");
}"""


if __name__ == "__main__":
    session.main(ask, __doc__)
