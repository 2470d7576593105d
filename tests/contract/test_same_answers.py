"""One index, the same questions: wherever its vectors and its catalog are kept, the same answers."""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import scale

from modag_search import Index
from modag_search.features.encoding import MediaEncoder
from modag_search.stores import kinds, milvus, pgvector, shared
from modag_search.values import MODALITIES
from tests import vector_servers
from tests.made_media import picture, sound
from tests.shared_folder import _FOLDER as SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.values import Modality
    from tests.postgres import Server

EACH = 1500
"""Segments of a modality; of sounds, half are of files of several."""
LIMIT = 400
"""Where so many are many, all places arrange them."""
RECALL = 0.98
"""What docs/stores.md says."""
ANSWERS = 10
_SAME = 1e-5

FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "label": {"label": "half"},
    "rare label": {"label": "hundredth"},
    "folder": {"under": "/made/rest"},
    "small folder": {"under": "/made/hundredth"},
    "sounds": {"modality": "sound"},
    "pictures": {"modality": "image"},
    "long": {"min_duration_s": 20.0},
    "short sounds with a label": {"label": "half", "modality": "sound", "max_duration_s": 15.0},
}


class Answer(NamedTuple):
    path: str
    similarity: float


Answers = dict[str, list[list[Answer]]]


def real_media(folder: Path) -> list[Path]:
    """Some real media where they are to be had; else some that are made."""
    photos = sorted((SHARED / "data/photo/imagenet_sample").glob("*.jpg"))[::40]
    sounds = sorted((SHARED / "data/sound/esc10").glob("*/*.ogg"))[::16]
    if photos and sounds:
        return [*photos[:20], *sounds[:20]]
    random = np.random.default_rng(0)
    for number in range(12):
        pixels = random.integers(0, 255, (4 + number, 5, 3), dtype=np.uint8)
        picture(folder / f"{number}.png", tuple(pixels[0, 0].tolist()))
        sound(folder / f"{number}.wav", (200.0 + 150 * number, 2.0))
    return [folder]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of what is drawn around features of real media, with labels, folders and lengths."""
    folder = tmp_path_factory.mktemp("same")
    with Index.open(folder / "real", create=True) as index:
        index.add(real_media(folder / "media"))
        features = MediaEncoder(index.settings).fingerprints
        seeds: dict[Modality, scale.Seeds] = {}
        for modality in MODALITIES:
            rows = np.concatenate([of_some for _, of_some in index.catalog.segments.features(features[modality])])
            seeds[modality] = scale.Seeds(rows, ("",) * len(rows))
    scale.make_index(folder / "index", seeds, n=EACH)
    scale.make_index(folder / "index", seeds, n=EACH, segments=4, after=EACH)
    return folder / "index"


def answers(index: Index) -> Answers:
    """Ask what items are like, with each filter."""
    items = [item.id for item in index.catalog.items.all()]
    asking = [f"id:{i}" for i in items[:: len(items) // 12]]
    return {
        name: [[Answer(hit.path, hit.similarity) for hit in index.search(one, n=ANSWERS, **wanted)] for one in asking]
        for name, wanted in FILTERS.items()
    }


def at(folder: Path | str, store: str) -> Answers:
    with Index.open(folder) as index:
        index.rebuild(store=store)
        found = answers(index)
        assert index.verify() == []
    return found


@pytest.fixture(scope="module")
def right(made: Path) -> Answers:
    """What comes of comparing all, here."""
    found = at(made, "faiss-flat")
    assert all(len(hits) == ANSWERS for of_filter in found.values() for hits in of_filter)
    return found


@pytest.fixture(params=["files", "pgvector", "milvus"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    """What `modag rebuild --store` takes."""
    if request.param == "files":
        yield "auto"
    elif request.param == "pgvector":
        yield vector_servers.postgres_server().new_database()
    else:
        yield vector_servers.milvus().address


@pytest.fixture(params=["sqlite", "postgresql"])
def copy(request: pytest.FixtureRequest, made: Path, tmp_path: Path) -> str:
    """A copy of the index, in a folder or in a database."""
    if request.param == "sqlite":
        return str(shutil.copytree(made, tmp_path / "index"))
    server: Server = request.getfixturevalue("postgres")
    url = server.new_database()
    Index.copy(made, url)
    return url


def require_same(found: list[Answer], expected: list[Answer]) -> None:
    """Compare answers one by one; those that are equally near may stand in each other's place."""
    assert [one.similarity for one in found] == pytest.approx([one.similarity for one in expected], abs=_SAME)
    falls = [one.similarity - other.similarity > _SAME for one, other in pairwise(expected)]
    for place, (one, other) in enumerate(zip(found, expected, strict=True)):
        stands_alone = all(falls[max(place - 1, 0) : place + 1]) and place < len(falls)
        assert one.path == other.path or not stands_alone


def test_where_all_are_compared_answers_are_the_same_in_the_same_order(right: Answers, copy: str, store: str) -> None:
    found = at(copy, store)
    for name, of_filter in right.items():
        for hits, expected in zip(found[name], of_filter, strict=True):
            require_same(hits, expected)


def test_where_vectors_are_arranged_nearly_all_of_the_same_are_found(
    right: Answers, copy: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (kinds, milvus, pgvector, shared):
        monkeypatch.setattr(room, "MOST_COMPARED", LIMIT)
    monkeypatch.setattr(shared, "_FEW", LIMIT // 10)
    found = at(copy, store)
    for name, of_filter in right.items():
        shares = [
            len({one.path for one in hits} & {one.path for one in expected}) / len(expected)
            for hits, expected in zip(found[name], of_filter, strict=True)
        ]
        assert np.mean(shares) >= RECALL, name
