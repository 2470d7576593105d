"""What many small files take: in memory while they are taken in, and in time where they have not changed since."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, Any

import cold
import numpy as np

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_A_FOLDER = 1000
_RATE_HZ = 8000
_SOUND_S = 0.2
_TIMES = 5


def make_files(folder: Path, *, n: int) -> None:
    """Write `n` files that all differ: pictures of 32 x 32, and each fourth a sound of 0.2 s."""
    import soundfile
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(n):
        place = folder / f"{number // _A_FOLDER:04d}"
        place.mkdir(parents=True, exist_ok=True)
        if number % 4 == 3:
            samples = random.normal(scale=0.1, size=round(_RATE_HZ * _SOUND_S))
            soundfile.write(place / f"{number:07d}.wav", samples, _RATE_HZ)
        else:
            pixels = random.integers(256, size=(32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{number:07d}.png", compress_level=0)


def rows(folder: Path, *, sizes: tuple[int, ...] = (10_000, 30_000, 100_000)) -> dict[str, Any]:
    """Take in so many files each, in new processes, then the most of them again; all lies in a folder, and is kept.

    Returns
    -------
    dict of str to Any
        ``peak_mib_<n>`` and ``seconds_<n>`` of taking in; ``find_seconds``, ``add_seconds`` in a running process,
        ``index_seconds`` of the command, and the ratios to ``find``: medians, by the clock and of processors.
    """
    found: dict[str, Any] = {}
    for n in sizes:
        side = cold.Side(root=cold.ROOT, scratch=folder / str(n))
        files = side.scratch / "files"
        if not files.is_dir():
            make_files(files, n=n)
        if side.index.exists():
            shutil.rmtree(side.index)
        taken = side.run("index", str(files))
        found |= {f"seconds_{n}": round(taken.seconds, 1), f"peak_mib_{n}": round(taken.peak_mib)}
    return found | again(side.scratch / "files", side)


def again(files: Path, side: cold.Side) -> dict[str, float]:
    """Take in files that have not changed, beside `find`, by turns."""
    found: list[float] = []
    added: list[float] = []
    commands: list[cold.Taken] = []
    with modag.Index.open(side.index) as index:
        for _ in range(_TIMES):
            found.append(_seconds(lambda: _find(files)))
            added.append(_seconds(lambda: index.add(files)))
            commands.append(side.run("index", str(files)))
    find_s, add_s = statistics.median(found), statistics.median(added)
    index_s = cold.median_taken(commands).seconds
    return {
        "find_seconds": round(find_s, 3),
        "add_seconds": round(add_s, 3),
        "index_seconds": round(index_s, 3),
        "add_by_find": round(statistics.median(a / f for a, f in zip(added, found, strict=True)), 2),
        "index_by_find": round(statistics.median(c.seconds / f for c, f in zip(commands, found, strict=True)), 2),
        "index_peak_mib": round(cold.median_taken(commands).peak_mib),
    }


def _find(files: Path) -> None:
    subprocess.run(["find", str(files), "-printf", "%p %s %T@\\n"], check=True, stdout=subprocess.DEVNULL)


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
