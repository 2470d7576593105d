"""Queries and votes over an index that is not all of today."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.errors import NothingFoundError
from modag_search.index import queries
from modag_search.index.neighbours import Voters
from modag_search.values import MODALITIES
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


@pytest.fixture
def filled(index: Index, media: Path) -> Index:
    for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE)):
        picture(media / f"{name}.png", colour)
    sound(media / "a.wav", (LOW_HZ, 1))
    index.add([media])
    return index


def outdate(index: Index, modality: str) -> None:
    """Let the features of a modality be those of an encoder of another day."""
    with closing(sqlite3.connect(index.catalog.path)) as connection, connection:
        connection.execute("UPDATE pipeline SET fingerprint = 'another day' WHERE modality = ?", [modality])


def test_what_another_version_made_cannot_be_asked_with(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    filled.label([media / "a.png", media / "a.wav"], "low")
    item = filled.item(media / "a.png")
    before = filled.search("label:low", modality="sound")
    outdate(filled, "image")

    words = r"was made by another version of an encoder; `modag index` on its folder renews it"
    with pytest.raises(NothingFoundError, match=rf"id:{item.id} \(.*a\.png\): {words}"):
        filled.search(f"id:{item.id}")
    with pytest.raises(NothingFoundError, match=f"label:red: what has this label {words}"):
        filled.search("label:red")
    assert filled.search("label:low", modality="sound") == before == [], "what is left of a label is asked with"
    assert filled.search(media / "a.png", modality="sound", n=1)[0].path == str(media / "a.wav"), "encoded anew"


def test_the_direction_of_a_label_does_not_depend_on_how_many_features_are_read_at_once(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.label([media / name for name in ("a.png", "b.png", "c.png")], "picture")
    before = filled.search("label:picture", modality="sound")
    assert before[0].similarity == pytest.approx(1 / np.sqrt(3), abs=0.05)
    monkeypatch.setattr(queries, "_FEATURES_AT_ONCE", 2)
    assert filled.search("label:picture", modality="sound")[0].similarity == pytest.approx(before[0].similarity)


def test_who_is_removed_meanwhile_does_not_vote(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    filled.label([media / "b.png"], "green")
    stores = {modality: filled._views.store(modality) for modality in MODALITIES}
    voters = Voters(filled.catalog, stores, background=filled.space.background_of)
    query = filled._queries.make(str(media / "a.wav"))
    assert voters.classify("a.wav", query, k=5, balanced=False, min_confidence=0).label == "red"

    filled.catalog.remove([filled.item(media / "a.png").id])
    answer = voters.classify("a.wav", query, k=5, balanced=False, min_confidence=0)
    assert [neighbour.label for neighbour in answer.neighbours] == ["green"]
    assert (answer.label, answer.confidence) == ("green", 1.0)

    filled.catalog.remove([filled.item(media / "b.png").id])
    assert voters.classify("a.wav", query, k=5, balanced=False, min_confidence=0).label is None
