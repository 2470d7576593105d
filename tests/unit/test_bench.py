"""What scripts/bench rests on: new processes, and the tree of a former commit."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import cold
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def test_runs_are_compared_by_their_medians() -> None:
    now = [cold.Taken(seconds, 2 * seconds, 100 + seconds) for seconds in (0.2, 0.9, 0.3)]
    then = [cold.Taken(0.6, 1.0, 500.0)]
    row = cold.compared(now, then)
    assert (row["seconds"], row["cpu_seconds"], row["peak_mib"]) == (0.3, 0.6, 100.9)
    assert (row["ratio"], row["cpu_ratio"], row["former_peak_mib"]) == (0.5, 0.6, 500.0)
    assert "ratio" not in cold.compared(now)


def test_a_side_makes_its_index_and_measures_its_own_processes(tmp_path: Path) -> None:
    ballast = b"x" * (300 << 20)  # of this process, which starts the others
    side = cold.Side(cold.ROOT, tmp_path / "now")
    side.make_index(n=20, labelled=4)
    taken = side.run("info")
    del ballast
    assert 5 < taken.peak_mib < 200
    assert min(taken.cpu_seconds, taken.seconds) > 0
    with pytest.raises(subprocess.CalledProcessError):
        side.run("search", "id:21")


def test_a_former_commit_brings_its_own_encoders(tmp_path: Path) -> None:
    if (
        shutil.which("git") is None
        or subprocess.run(["git", "rev-parse", "HEAD"], cwd=cold.ROOT, check=False).returncode
    ):
        pytest.skip("not a git checkout")
    tree = cold.former_tree("HEAD", tmp_path)
    assert (tree / "modag_search" / "__init__.py").is_file()
    points = (tree / "modag_search-0.dist-info" / "entry_points.txt").read_text()
    assert "[modag_search.encoders]" in points
    assert "modag-sound = modag_search.encoders.modag_sound:ModagSound" in points
    with pytest.raises(subprocess.CalledProcessError):
        cold.former_tree("no-such-commit", tmp_path)
