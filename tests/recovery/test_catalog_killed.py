"""A process that is killed while it writes leaves a whole catalog behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modag_search.catalog import Catalog
from tests.catalog_builders import SOUND, put, sound

ROOT = Path(__file__).parents[2]
BATCH = 16

WRITER = f"""
import itertools, sys
from modag_search.catalog import Catalog
from tests.catalog_builders import pipelines, sound

catalog = Catalog.open(sys.argv[1])
known = pipelines(catalog)
for batch in itertools.count():
    # Every other batch replaces the one before, so that there is something to take away as well.
    names = [f"/m/{{batch // 2}}-{{number}}.wav" for number in range({BATCH})]
    catalog.put([sound(name, f"{{name}} {{batch}}") for name in names], pipelines=known)
    print(batch, flush=True)
"""


def write_until_killed(path: Path, *, lines: int) -> int:
    """Let another process put batches; kill it once it has said so many; return the last one it said."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(lines)]
        os.kill(writer.pid, signal.SIGKILL)
        said += [int(line) for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -signal.SIGKILL
    return said[-1]


@pytest.mark.parametrize("lines", [1, 7, 20])
def test_what_was_said_to_be_written_is_there_and_nothing_by_halves(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog.open(path, create=True).close()

    last = write_until_killed(path, lines=lines)

    with Catalog.open(path) as catalog:
        batches = catalog.generation
        assert batches in {last + 1, last + 2}, "all that was said, and at most the one it was busy with"
        items = list(catalog.items.all())
        assert len(items) == BATCH * ((batches + 1) // 2)
        assert catalog.check() == []
        assert len(catalog.segments.ids(SOUND.fingerprint)) == 2 * len(items)
        assert len(catalog.segments.removed_since(0)) == 2 * BATCH * (batches // 2)


def test_work_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog.open(path, create=True).close()
    write_until_killed(path, lines=3)

    with Catalog.open(path) as catalog:
        before = catalog.segments.ids(SOUND.fingerprint)
        gone = catalog.segments.removed_since(0)
        generation = catalog.generation
        put(catalog, sound("/m/new.wav"))

        [(new, _)] = catalog.segments.features(SOUND.fingerprint, after_generation=generation)
        assert new.min() > max(before.max(), gone.max()), "an id that a store may know means nothing else"
        assert not np.isin(new, before).any()
        assert catalog.check() == []
