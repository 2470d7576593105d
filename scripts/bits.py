"""Bits that change: an index to change them in, what it answers, and what becomes of each."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modag_search as modag
from modag_search.cli.opening import open_index
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

Damage = Callable[[Path, random.Random], str]
"""Changes a bit of an index in a folder, or cuts a file, and says which."""

CUT_SHARE = 0.1
"""Of what is injected; the rest are flipped bits."""
WRONG = ("silent", "unexplained")


@dataclass
class Tally:
    """What became of the bits of one kind of file."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What was damaged, what a call said then, or the error that it ended with, and whether it named a file before."""

    damage: str
    answer: Any = None
    error: Exception | None = None
    told: bool = False


def in_file(name: str, *, only_written: bool = False) -> Damage:
    """Change the one file of an index that is called so, anywhere, or where it holds something else than zeros."""

    def damage(folder: Path, chance: random.Random) -> str:
        (path,) = folder.glob(name)
        content = bytearray(path.read_bytes())
        if chance.random() < CUT_SHARE:
            length = chance.randrange(len(content))
            path.write_bytes(content[:length])
            return f"{path.name} cut to {length} bytes"
        places = [place for place, byte in enumerate(content) if byte or not only_written]
        bit = 8 * chance.choice(places) + chance.randrange(8)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        return f"{path.name} bit {bit}"

    return damage


def in_feature(folder: Path, chance: random.Random) -> str:
    """Flip a bit of a feature in the catalog."""
    path = folder / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        segments = connection.execute("SELECT segment_id, data FROM feature").fetchall()
        segment_id, data = chance.choice(segments)
        changed, bit = bytearray(data), chance.randrange(8 * len(data))
        changed[bit // 8] ^= 1 << bit % 8
        with connection:
            connection.execute("UPDATE feature SET data = ? WHERE segment_id = ?", (bytes(changed), segment_id))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return f"feature of segment {segment_id} bit {bit}"


KINDS: dict[str, Damage] = {
    "settings": in_file("settings.json"),
    "space": in_file("space.safetensors"),
    "head": in_file("head.safetensors"),
    "calibration": in_file("calibration.safetensors"),
    "store, flat": in_file("stores/image.faiss-flat"),
    "store, changes": in_file("stores/image.faiss-flat.changes"),
    "store, ivf": in_file("stores/sound.faiss-ivf"),
    "store, mapped": in_file("stores/sound.faiss-ivf.*.mapped"),
    "relevance": in_file("relevance"),
    "map": in_file("map-pca"),
    "feature": in_feature,
    "catalog": in_file("catalog.sqlite"),
    "catalog, not 0": in_file("catalog.sqlite", only_written=True),
}
_OF_CATALOG = frozenset({"catalog", "catalog, not 0"})
"""Kinds of which `verify` alone must notice each bit."""


def answers(folder: Path) -> Any:
    """Ask an index for all that depends on its files, as values that can be compared."""
    with open_index(str(folder)) as index:
        items = list(index.catalog.items.all())
        some = [f"id:{next(item.id for item in items if item.kind == modality)}" for modality in MODALITIES]
        hits = [
            [(hit.path, round(hit.similarity, 5), round(hit.relevance, 4), hit.labels) for hit in of_one]
            for modality in MODALITIES
            for of_one in (index.search(query, modality=modality) for query in some)
        ]
        named = [
            [(one.path, one.label, round(one.confidence, 4)) for one in index.classify(some, by=by)]
            for by in ("knn", "head")
        ]
        segments = index.catalog.segments.of_items([item.id for item in items])
        mapped = index.map("pca")
        return {
            "items": items,
            "segments": segments,
            "labels": [index.item(item.path).labels for item in items],
            "summaries": index.labels.summaries(),
            "hits": hits,
            "named": named,
            "map": (mapped.paths, mapped.positions.round(4).tolist()),
            "failures": index.failures(),
            "excluded": index.exclusions.patterns,
            "settings": index.settings,
        }


class Trial:
    """Changes bits in copies of an index, and tells what becomes of them.

    Parameters
    ----------
    template : Path
        The index; it stays as it is.
    scratch : Path
        A folder for the copies.
    """

    def __init__(self, template: Path, scratch: Path) -> None:
        self._template = template
        self._copy = scratch / "index"
        self._usual = answers(self._fresh())

    def run(self, kind: str, *, n: int, seed: int, mend: bool = True) -> Tally:
        """Change something `n` times in files of a kind, each time in a whole index, and `mend` it if that is asked."""
        tally = Tally()
        for number in range(n):
            found, what = self._try(kind, f"{seed}/{kind}/{number}", mend=mend)
            tally.outcomes.update({"injected", *found})
            tally.wrong += [f"{kind} {number}: {what}: {word}" for word in WRONG if word in found]
        return tally

    def _try(self, kind: str, seed: str, *, mend: bool) -> tuple[set[str], str]:
        damage = KINDS[kind]
        checked = self._after(damage, seed, _verified)
        asked = self._after(damage, seed, answers)
        what = asked.damage
        found = {"noticed by verify"} if checked.error or checked.answer else set()
        if asked.error is not None:
            found.add("refused")
            is_named = kind in _OF_CATALOG or str(self._copy) in str(asked.error)  # files may be called otherwise there
            if not isinstance(asked.error, modag.ModagError) or not is_named:
                found.add("unexplained")
                what += f": {type(asked.error).__name__}: {asked.error}"
        elif asked.answer != self._usual:
            found.add("other answer")
            if "noticed by verify" not in found or kind not in _OF_CATALOG:
                found.add("silent")
        elif asked.told:
            found.add("made anew")
        elif not found:
            found.add("harmless")
        if checked.error is not None and not isinstance(checked.error, modag.ModagError):
            found.add("unexplained")
            what += f": verify: {type(checked.error).__name__}: {checked.error}"
        if mend and "noticed by verify" in found and self._is_mended(damage, seed):
            found.add("mended")
        return found, what

    def _is_mended(self, damage: Damage, seed: str) -> bool:
        mended = self._after(damage, seed, modag.Index.repair)
        return mended.error is None and not mended.answer.left and answers(self._copy) == self._usual

    def _after(self, damage: Damage, seed: str, call: Callable[[Path], Any]) -> Outcome:
        """Call something of an index with a damaged file."""
        folder = self._fresh()
        what = damage(folder, random.Random(seed))  # noqa: S311  no secret
        with _told(str(folder)) as told:
            try:
                return Outcome(what, answer=call(folder), told=bool(told))
            except Exception as error:  # noqa: BLE001  that is what is looked for
                return Outcome(what, error=error)

    def _fresh(self) -> Path:
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._template, self._copy)
        return self._copy


def _verified(folder: Path) -> list[str]:
    with open_index(str(folder)) as index:
        return index.verify()


@contextmanager
def _told(folder: str) -> Iterator[list[str]]:
    """Collect what is said of files of a folder, on the terminal or for who looks for faults."""
    words: list[str] = []

    class _Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if folder in record.getMessage():
                words.append(record.getMessage())

    logger, listener = logging.getLogger("modag_search"), _Listener()
    level, propagates = logger.level, logger.propagate
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield words
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
        logger.propagate = propagates


COLUMNS = ("injected", "refused", "made anew", "other answer", "noticed by verify", "mended", "harmless", *WRONG)


def rows_of(tallies: dict[str, Tally]) -> list[tuple[str, ...]]:
    """Return a table of what became of the bits of each kind, its head first."""
    rows: list[tuple[str, ...]] = [("kind", *COLUMNS)]
    rows += [(kind, *(str(tally.outcomes[column]) for column in COLUMNS)) for kind, tally in tallies.items()]
    return rows
