"""Queries and votes over an index that is not all of today."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import NothingFoundError
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

    words = r"was made by another encoder, or another version of one; `modag rebuild` renews it"
    with pytest.raises(NothingFoundError, match=rf"id:{item.id} \(.*a\.png\): {words}"):
        filled.search(f"id:{item.id}")
    with pytest.raises(NothingFoundError, match=f"label:red: what has this label {words}"):
        filled.search("label:red")
    assert filled.search("label:low", modality="sound") == before == [], "what is left of a label is asked with"
    assert filled.search(media / "a.png", modality="sound", n=1)[0].path == str(media / "a.wav"), "encoded anew"


def test_who_is_removed_meanwhile_is_not_listed(filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "red")
    filled.label([media / "b.png"], "green")
    answers = filled.classify_each(media / "a.wav")
    filled.catalog.remove([filled.item(media / "b.png").id])
    (answer,) = answers
    assert [neighbour.label for neighbour in answer.neighbours] == ["red"]
    assert answer.label == "red"
