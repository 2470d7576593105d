"""How fast the server answers, and the page paints: by the clock, over an index that is there."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
BROWSER_OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
N = 100
"""Answers: as many as the page asks for at first."""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


@contextmanager
def served(index: Path) -> Iterator[tuple[str, float]]:
    """Serve an index in a process of its own; give the address, and how long it took until it answered, in seconds."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "modag_search", "serve", "--index", str(index), "--read-only"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().strip()
            httpx2.get(f"{address}api/v1/info", timeout=60).raise_for_status()
            yield address, time.perf_counter() - began
        finally:
            server.terminate()


def median_s(call: Callable[[], object], *, runs: int) -> float:
    """Return the median time of a call, in seconds, once it has been made for nothing."""
    call()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def searches(address: str, index: Path, *, runs: int) -> dict[str, Any]:
    """Ask by item, label and words, through the server and through the library, in milliseconds."""
    with modag.Index.open(index) as opened, httpx2.Client(base_url=address, timeout=60) as client:
        item = next(opened.catalog.items.all()).id
        labels = [one.label for one in opened.labels.summaries() if one.items and not one.is_tag]
        found = {}
        for query in (f"id:{item}", "text:a dog barking", *(f"label:{label}" for label in labels[:1])):
            by_library = median_s(partial(opened.search, query, n=N), runs=runs)
            by_server = median_s(partial(client.post, "api/v1/search", json={"query": query, "n": N}), runs=runs)
            found[query.partition(":")[0]] = {
                "library_ms": round(1000 * by_library, 1),
                "server_ms": round(1000 * by_server, 1),
                "beyond_ms": round(1000 * (by_server - by_library), 1),
            }
    return found


def painting(address: str, *, runs: int) -> dict[str, float]:
    """Open the page in new contexts of one browser: until the first paint, and until tiles stand there, in seconds."""
    from playwright.sync_api import sync_playwright

    painted, shown = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(BROWSER_OPTIONS))
        for _ in range(runs):
            page = browser.new_context().new_page()
            began = time.perf_counter()
            page.goto(address)
            page.wait_for_selector(".tile")
            shown.append(time.perf_counter() - began)
            painted.append(page.wait_for_function(_PAINTED).json_value() / 1000)
            page.context.close()
        browser.close()
    return {
        "first_paint_s": round(statistics.median(painted), 3),
        "tiles_there_s": round(statistics.median(shown), 3),
    }
