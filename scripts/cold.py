"""Verbs of `modag` in new processes, of the version in this tree and of a former commit, and what they take."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]

# Linux counts, for the peak of a process, the memory of the one that it was forked from: so a small one comes between.
_LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
status, usage = os.wait4(process.pid, 0)[1:]
seconds = time.perf_counter() - started
print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
sys.exit(os.waitstatus_to_exitcode(status))
"""

_INDEX_MAKER = """
import runpy, sys
from pathlib import Path
bench, folder, n, labelled = sys.argv[1:]
make = runpy.run_path(bench)["make_labelled_index"]
make(Path(folder), n=int(n), labels=20, labelled=int(labelled))
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process took.

    Attributes
    ----------
    seconds, cpu_seconds : float
        By the clock, and of processors in user and system mode.
    peak_mib : float
        Of its resident memory.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Side:
    """A version of modag-search beside another.

    Attributes
    ----------
    root : Path
        Its source tree.
    scratch : Path
        Where its index lies, and where processes run: elsewhere, Python would take the modules of the working folder.
    """

    root: Path
    scratch: Path

    def make_index(self, *, n: int, labelled: int) -> None:
        """Make an index with this version's own scripts/bench, with its stores saved."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        bench = self.root / "scripts" / "bench"
        arguments = [str(bench), str(self.index), str(n), str(labelled)]
        command = [sys.executable, "-c", _INDEX_MAKER, *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.scratch, env=self._environment)
        self.run("rebuild")

    def run(self, *arguments: str, statuses: Sequence[int] = (0,)) -> Taken:
        """Run a verb on the index; it must end with one of some exit statuses."""
        verb = [sys.executable, "-m", "modag_search", *arguments, "--index", str(self.index)]
        command = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *verb]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self.scratch, env=self._environment
        )
        if done.returncode not in statuses:
            done.check_returncode()
        return Taken(*json.loads(done.stdout))

    @property
    def index(self) -> Path:
        """Where its index is."""
        return self.scratch / "index"

    @property
    def _environment(self) -> dict[str, str]:
        # Installed, a version is compiled once.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**kept, "PYTHONPATH": os.pathsep.join([str(self.root), str(self.root / "scripts")])}


def former_tree(commit: str, folder: Path) -> Path:
    """Unpack a commit, with the metadata that say what its encoders are, and return its source tree.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        If there is no git, or no such commit.
    """
    tree = folder / commit
    tree.mkdir()
    archive = subprocess.run(["git", "archive", commit], check=True, capture_output=True, cwd=ROOT).stdout
    subprocess.run(["tar", "-x"], check=True, input=archive, cwd=tree)
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    metadata = tree / "modag_search-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tree


def median_taken(runs: Sequence[Taken]) -> Taken:
    """Return the medians of times, and the highest peak."""
    return Taken(
        seconds=statistics.median(run.seconds for run in runs),
        cpu_seconds=statistics.median(run.cpu_seconds for run in runs),
        peak_mib=max(run.peak_mib for run in runs),
    )


def compared(now: Sequence[Taken], then: Sequence[Taken] = ()) -> dict[str, float]:
    """Make a row of what a verb takes, and, where there is one, a former version took."""
    row = {name: round(value, 3) for name, value in dataclasses.asdict(median_taken(now)).items()}
    if then:
        former = median_taken(then)
        row |= {f"former_{name}": round(value, 3) for name, value in dataclasses.asdict(former).items()}
        row["ratio"] = round(row["seconds"] / former.seconds, 3)
        row["cpu_ratio"] = round(row["cpu_seconds"] / former.cpu_seconds, 3)
    return row
