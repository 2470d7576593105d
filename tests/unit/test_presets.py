"""The vocabularies of the package: whole, unambiguous, and in words that are understood."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import UsageError
from modag_search.labels.presets import packaged_presets, preset
from modag_search.space import Space, packaged_spaces
from tests.shared_folder import shared

if TYPE_CHECKING:
    from modag_search.labels.presets import Preset

NAMES = ("audioset", "hornbostel-sachs", "ucs")
N_LABELS = {"audioset": 557, "hornbostel-sachs": 389, "ucs": 835}
EACH = pytest.mark.parametrize("name", NAMES)


def rows_of(name: str) -> list[dict[str, str]]:
    with packaged_presets()[name].open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def top(vocabulary: Preset) -> set[str]:
    return {label for label in set(vocabulary.texts) if label not in vocabulary.hierarchy.parents}


def test_there_are_three() -> None:
    assert tuple(packaged_presets()) == NAMES


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no vocabulary 'usc'; packaged: audioset, hornbostel-sachs, ucs"):
        preset("usc")


@EACH
def test_each_row_says_one_thing_and_each_parent_is_a_label(name: str) -> None:
    rows = rows_of(name)
    children = {row["child"] for row in rows}
    assert len(children) == N_LABELS[name]
    assert children == set(preset(name).texts)
    assert {row["parent"] for row in rows} - children == {""}
    assert max(Counter((row["child"], row["parent"]) for row in rows).values()) == 1
    assert all(cell == cell.strip() for row in rows for cell in row.values())


@EACH
def test_no_two_labels_are_one_but_for_their_spelling(name: str) -> None:
    bare = [re.sub(r"[ _-]+", " ", label.lower()) for label in set(preset(name).texts)]
    assert max(Counter(bare).values()) == 1


@EACH
def test_something_of_each_label_is_understood(name: str) -> None:
    meaning = Space.load(packaged_spaces()["default"]).meaning
    assert meaning is not None
    vocabulary = preset(name)
    texts = {label: vocabulary.means.get(label, label) for label in set(vocabulary.texts)}
    assert [label for label, text in texts.items() if not meaning.words.read(text).understood] == []


def test_audioset_has_each_class_by_its_id() -> None:
    with shared("models/audioset_class_labels_indices.csv").open(newline="", encoding="utf-8") as file:
        classes = {row["display_name"]: row["mid"] for row in csv.DictReader(file)}
    ids = preset("audioset").audioset_ids
    assert len(classes) == 527
    assert {name: ids.get(name) for name in classes} == classes


def test_audioset_says_what_is_a_kind_of_what() -> None:
    sounds = preset("audioset")
    assert len(set(sounds.audioset_ids.values())) == 557
    assert top(sounds) == {
        "Animal",
        "Channel, environment and background",
        "Human sounds",
        "Music",
        "Natural sounds",
        "Sounds of things",
        "Source-ambiguous sounds",
    }
    assert sounds.audioset_ids["Violin, fiddle"] == "/m/07y_7"
    assert sounds.hierarchy.ancestors("Violin, fiddle") == {
        "Bowed string instrument",
        "Musical instrument",
        "Music",
    }
    assert sounds.hierarchy.parents["Growling"] == {
        "Dog",
        "Cat",
        "Roaring cats (lions, tigers)",
        "Canidae, dogs, wolves",
    }


def test_ucs_has_its_categories_and_subcategories() -> None:
    effects = preset("ucs")
    categories = top(effects)
    assert len(categories) == 82
    assert len(effects.hierarchy.parents) == 753
    for label, parents in effects.hierarchy.parents.items():
        (category,) = parents
        assert category in categories
        assert label.startswith(f"{category}-")


def test_ucs_has_a_code_for_each_subcategory_and_words_for_all() -> None:
    effects = preset("ucs")
    assert set(effects.codes) == set(effects.hierarchy.parents)
    assert len(set(effects.codes.values())) == 753
    assert effects.codes["AMBIENCE-FOREST"] == "AMBForst"
    assert effects.codes["WOOD-HANDLE"] == "WOODHndl"
    assert effects.codes["RAIN-GENERAL"] == "RAIN"
    assert set(effects.means) == set(effects.texts)


def test_the_violin_is_a_chordophone() -> None:
    instruments = preset("hornbostel-sachs")
    assert top(instruments) == {"idiophones", "membranophones", "chordophones", "aerophones", "electrophones"}
    assert instruments.hierarchy.ancestors("violin") == {
        "bowed box lutes",
        "box lutes",
        "necked lutes",
        "handle lutes",
        "lutes",
        "composite chordophones",
        "chordophones",
    }
    assert instruments.hierarchy.parents["electric guitar"] == {"electro-acoustic instruments", "guitar"}


@pytest.mark.parametrize(
    ("instrument", "kind", "number"),
    [
        ("castanets", "concussion idiophones", "111.141"),
        ("maracas", "vessel rattles", "112.13"),
        ("music box", "lamellaphones", "122.2"),
        ("timpani", "vessel drums", "211.11"),
        ("kazoo", "singing membranes", "242"),
        ("piano", "struck keyboard zithers", "314.122-4-8"),
        ("guitar", "plucked box lutes", "321.322-5"),
        ("kora", "bridge harps", "323.2"),
        ("accordion", "free reeds", "412.132"),
        ("shakuhachi", "notch flutes", "421.14"),
        ("oboe", "conical oboes", "422.112"),
        ("trumpet", "lip reeds with valves", "423.233"),
        ("theremin", "analogue electronic instruments", "531"),
    ],
)
def test_instruments_stand_in_their_class(instrument: str, kind: str, number: str) -> None:
    instruments = preset("hornbostel-sachs")
    assert instruments.hierarchy.parents[instrument] == {kind}
    assert instruments.codes[instrument] == number


def test_numbers_grow_longer_from_class_to_class() -> None:
    instruments = preset("hornbostel-sachs")
    assert set(instruments.codes) == set(instruments.texts)
    stems = {label: code.partition("-")[0] for label, code in instruments.codes.items()}
    for label, parents in instruments.hierarchy.parents.items():
        assert any(stems[label].startswith(stems[parent]) for parent in parents), label


def test_labels_are_recognised_in_other_spellings() -> None:
    effects = preset("ucs")
    assert effects.respelt(["ambience_forest", "AMBForst", "AMBIENCE-FOREST", "woods", "Rain"]) == {
        "ambience_forest": "AMBIENCE-FOREST",
        "AMBForst": "AMBIENCE-FOREST",
        "Rain": "RAIN",
    }


def test_a_number_that_instruments_share_is_the_name_of_none() -> None:
    assert preset("hornbostel-sachs").respelt(["321.322-71", "French_Horn", "322.1"]) == {
        "French_Horn": "french horn",
        "322.1": "saung",
    }
