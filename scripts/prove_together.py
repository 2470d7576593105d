"""``scripts/prove together``: two indexers, a labeller, a server and four searchers at one index, all at once.

Pictures come in families of four, which are added, labelled and removed together. So an answer that is of one moment
names whole families alone, whose members all have the same labels; and a label that was acknowledged is on all four.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

import modag_search as modag

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.toy_encoders import install, toy_index  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MEMBERS: Final = 4
KEPT: Final = 6
"""Families that nobody removes, and that are labelled."""
WAIT_S: Final = 30.0
"""What is stated: so long a writer waits for others."""
_COLOURS: Final = ((200, 40, 40), (40, 200, 40), (40, 40, 200))
_REOPENED_AFTER: Final = 15
ROLES: Final[Mapping[str, int]] = {"indexer": 2, "labeller": 1, "server": 1, "searcher": 4}

Row = dict[str, Any]


class Family:
    """Four pictures of one colour, with a little noise.

    Parameters
    ----------
    folder : Path
        Of the media.
    owner : str
        Who adds it; none removes those of another.
    number : int
    """

    def __init__(self, folder: Path, owner: str, number: int) -> None:
        self.paths = [folder / owner / f"{number:05d}-{member}.png" for member in range(MEMBERS)]
        self._seed = [number, *owner.encode()]
        self._colour = np.array(_COLOURS[number % len(_COLOURS)])

    def write(self) -> None:
        """Write its files."""
        from PIL import Image

        noise = np.random.default_rng(self._seed)
        for path in self.paths:
            path.parent.mkdir(exist_ok=True, parents=True)
            pixels = np.clip(self._colour + noise.integers(-30, 30, (24, 32, 3)) + noise.integers(-9, 9), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(path)


def check_whole(hits: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Raise AssertionError unless paths are of whole families, whose members have the same labels."""
    families: dict[str, list[tuple[str, ...]]] = {}
    for path, labels in hits:
        families.setdefault(path.rpartition("-")[0], []).append(labels)
    for name, members in families.items():
        assert len(members) == MEMBERS, f"{len(members)} of the family {name}"
        assert len(set(members)) == 1, f"labels of several moments: {name} {members}"


def _index_families(work: Path, number: int, until: float) -> Row:
    """Add families, and remove some again."""
    drawn = random.Random(number)  # noqa: S311
    done: Counter[str] = Counter()
    mine: list[Family] = []
    with modag.Index.open(work / "index", wait_s=WAIT_S) as index:
        while time.monotonic() < until:
            if len(mine) > 3 and drawn.random() < 0.4:
                family = mine.pop(drawn.randrange(len(mine)))
                for path in family.paths:
                    path.unlink()
                index.add([family.paths[0].parent], prune=True, workers=1)
                done["removed"] += 1
            else:
                family = Family(work / "media", f"indexer {number}", done["added"])
                family.write()
                index.add(family.paths, workers=1)
                mine.append(family)
                done["added"] += 1
    return {"done": done, "there": [str(path) for family in mine for path in family.paths]}


def _label_families(work: Path, number: int, until: float) -> Row:
    """Give families labels, and note what was acknowledged."""
    given: list[tuple[int, str]] = []
    with modag.Index.open(work / "index", wait_s=WAIT_S) as index:
        while time.monotonic() < until:
            label = f"label {number} {len(given)}"
            index.tag(Family(work / "media", "kept", len(given) % KEPT).paths, label)
            given.append((len(given) % KEPT, label))
    return {"done": Counter(given=len(given)), "given": given}


def _search_families(work: Path, number: int, until: float) -> Row:
    """Ask from a process that opens the index anew now and then."""
    done: Counter[str] = Counter()
    query = Family(work / "media", "kept", number % KEPT).paths[0]
    own = str(query).rpartition("-")[0]  # of which what asks is no answer
    while time.monotonic() < until:
        with modag.Index.open(work / "index") as index:
            for _ in range(_REOPENED_AFTER):
                hits = index.search(query, n=100_000)
                check_whole((hit.path, hit.labels) for hit in hits if hit.path.rpartition("-")[0] != own)
                done["answers"] += 1
        done["opened"] += 1
    return {"done": done}


def _serve_families(work: Path, number: int, until: float) -> Row:
    """Serve the index, ask the server, and have it give labels."""
    import socket

    import uvicorn

    from modag_search.web import Access, create_app

    done: Counter[str] = Counter()
    given: list[tuple[int, str]] = []
    with modag.Index.open(work / "index", wait_s=WAIT_S) as index, socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(index, access=Access()), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        ask = _asking(listening.getsockname()[1])
        kept = [[index.item(path).id for path in Family(work / "media", "kept", n).paths] for n in range(KEPT)]
        try:
            while time.monotonic() < until:
                found = ask("search", {"query": f"id:{kept[0][0]}", "n": 1000})
                check_whole(
                    [(hit["path"], tuple(hit["labels"])) for hit in found["hits"] if "/kept/00000-" not in hit["path"]]
                )
                label = f"server {number} {len(given)}"
                ask("labels/give", {"ids": kept[len(given) % KEPT], "label": label, "is_tag": True})
                given.append((len(given) % KEPT, label))
                done["answers"] += 1
        finally:
            server.should_exit = True
            thread.join()
    return {"done": done + Counter(given=len(given)), "given": given}


def _asking(port: int) -> Callable[[str, Mapping[str, Any]], Any]:
    def ask(name: str, body: Mapping[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/{name}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=2 * WAIT_S) as answer:  # noqa: S310  our own server
            return json.load(answer)

    return ask


_WORK: Final[Mapping[str, Callable[[Path, int, float], Row]]] = {
    "indexer": _index_families,
    "labeller": _label_families,
    "server": _serve_families,
    "searcher": _search_families,
}


@click.command()
@click.option("--seconds", default=600.0, show_default=True)
@click.option("--role", type=(click.Choice(list(ROLES)), int, click.Path(path_type=Path)), hidden=True)
def together(seconds: float, role: tuple[str, int, Path] | None) -> None:
    """Let two indexers, a labeller, a server and four searchers work at one index at once.

    Exit status 1 where an answer is of no one moment, a label that was acknowledged is lost, a writer is turned away
    though it waited half a minute, or the index does not hold together afterwards.
    """
    if role is not None:
        name, number, work = role
        sys.path.insert(0, str(work / "plugins"))
        click.echo(json.dumps(_WORK[name](work, number, time.monotonic() + seconds)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        install(work / "plugins")
        sys.path.insert(0, str(work / "plugins"))
        with toy_index(work / "index") as index:
            for number in range(KEPT):
                family = Family(work / "media", "kept", number)
                family.write()
                index.add(family.paths)
        rows, errors = _all_at_once(work, seconds)
        errors += _lost(work, rows)
    told: dict[str, Counter[str]] = {
        name: sum((Counter(row["done"]) for row in rows[name]), Counter()) for name in ROLES
    }
    click.echo(json.dumps({"seconds": seconds, **told, "errors": errors}, indent=2))
    if errors:
        sys.exit(1)


def _all_at_once(work: Path, seconds: float) -> tuple[dict[str, list[Row]], list[str]]:
    """Start all, wait for them, and return what they did, and what went wrong."""
    started = []
    for name, count in ROLES.items():
        for number in range(count):
            arguments = ["together", "--seconds", str(seconds), "--role", name, str(number), str(work)]
            command = [sys.executable, str(Path(__file__).with_name("prove")), *arguments]
            output = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            started.append((name, number, output))
    rows: dict[str, list[Row]] = {name: [] for name in ROLES}
    errors = []
    for name, number, process in started:
        answer, words = process.communicate()
        if process.returncode:
            errors.append(f"{name} {number}: {(words.strip().splitlines() or ['no word'])[-1]}")
        with contextlib.suppress(ValueError):
            rows[name].append(json.loads(answer))
    return rows, errors


def _lost(work: Path, rows: Mapping[str, list[Row]]) -> list[str]:
    """Say what was acknowledged and is not there, and what does not hold together."""
    with modag.Index.open(work / "index") as index:
        labels = {item.path: set(item.labels) for item in index.catalog.items.all()}
        expected = {path for row in rows["indexer"] for path in row["there"]}
        kept = {str(path) for number in range(KEPT) for path in Family(work / "media", "kept", number).paths}
        lost = [f"an item is lost: {path}" for path in sorted((expected | kept) - labels.keys())]
        lost += [f"an item is there again: {path}" for path in sorted(labels.keys() - expected - kept)]
        for number, label in (one for role in ("labeller", "server") for row in rows[role] for one in row["given"]):
            for path in Family(work / "media", "kept", number).paths:
                if label not in labels.get(os.fspath(path), ()):
                    lost.append(f"a label is lost: {label} on {path}")
        return lost + index.verify()
