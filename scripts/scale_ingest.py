"""What many small files take: in memory while they are taken in, and in time where they have not changed since."""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import time
from typing import TYPE_CHECKING, Any

import cold
import numpy as np

import modag_search as modag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
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
    found: list[cold.Taken] = []
    added: list[cold.Taken] = []
    commands: list[cold.Taken] = []
    with modag.Index.open(side.index) as index:
        for _ in range(_TIMES):
            found.append(_taken(lambda: _find(files)))
            added.append(_taken(lambda: index.add(files)))
            commands.append(side.run("index", str(files)))
    return {
        "find_seconds": _median(run.seconds for run in found),
        "add_seconds": _median(run.seconds for run in added),
        "index_seconds": _median(run.seconds for run in commands),
        "find_cpu_seconds": _median(run.cpu_seconds for run in found),
        "add_cpu_seconds": _median(run.cpu_seconds for run in added),
        "index_cpu_seconds": _median(run.cpu_seconds for run in commands),
        "add_by_find": _median(a.seconds / f.seconds for a, f in zip(added, found, strict=True)),
        "index_by_find": _median(c.seconds / f.seconds for c, f in zip(commands, found, strict=True)),
        "add_by_find_cpu": _median(a.cpu_seconds / f.cpu_seconds for a, f in zip(added, found, strict=True)),
        "index_by_find_cpu": _median(c.cpu_seconds / f.cpu_seconds for c, f in zip(commands, found, strict=True)),
        "index_peak_mib": round(cold.median_taken(commands).peak_mib),
    }


def _find(files: Path) -> None:
    subprocess.run(["find", str(files), "-printf", "%p %s %T@\\n"], check=True, stdout=subprocess.DEVNULL)


def _taken(call: Callable[[], object]) -> cold.Taken:
    """Measure a call, with processes that it waits for."""
    started, before = time.perf_counter(), _cpu_seconds()
    call()
    return cold.Taken(seconds=time.perf_counter() - started, cpu_seconds=_cpu_seconds() - before, peak_mib=0.0)


def _cpu_seconds() -> float:
    # Finer than os.times.
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)
