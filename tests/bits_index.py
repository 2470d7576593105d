"""An index with a file of each kind, to change bits in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from modag_search.hierarchy import Hierarchy
from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index

_KINDS = {"low": (RED, LOW_HZ), "middle": (GREEN, MIDDLE_HZ), "high": (BLUE, HIGH_HZ)}


def made_index(folder: Path) -> Path:
    """Make an index with labels, a head, what labels taught, relevance, a map, and stores of both kinds.

    Parameters
    ----------
    folder : Path
        Gets ``made``, the index, and ``media``.

    Returns
    -------
    Path
        The index, which is closed.
    """
    media = folder / "media"
    for name, (colour, hz) in _KINDS.items():
        for number in range(4):
            red, green, blue = (max(0, value - 20 * number) for value in colour)
            picture(media / f"{name}-{number}.png", (red, green, blue))
            sound(media / f"{name}-{number}.wav", (hz * (1 + 0.1 * number), 1))
    with toy_index(folder / "made", window_s=0.5, hop_s=0.5) as index:
        index.add([media])
        for name in _KINDS:
            index.label(sorted(media.glob(f"{name}-[01].*")), name)
        index.labels.add(["tone"], means="a sound of one pitch")
        index.exclusions.add(["*.tmp"])
        index.labels.set_hierarchy(Hierarchy.of([("high", "tone")]))
        _arrange_sounds_in_lists(index, folder / "lists")
        picture(media / "later.png", BLACK)
        picture(media / "later still.png", (9, 200, 180))
        (media / "bad.png").write_bytes(b"no picture")
        index.add([media])
        index.forget([media / "later.png"])
        index.train_head()
        index.classify([media / "low-3.png"])
        index.search(media / "low-3.png")
        index.map("pca")
    return folder / "made"


def _arrange_sounds_in_lists(index: Index, lists: Path) -> None:
    """Let sounds have the kind of store that an index has of very many."""
    stores = index.folder / "stores"
    index.rebuild(store="faiss-ivf")
    shutil.copytree(stores, lists)
    index.rebuild(store="auto")
    (stores / "sound.faiss-flat").unlink()
    for path in lists.glob("sound.faiss-ivf*"):
        shutil.copy(path, stores)
