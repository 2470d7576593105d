"""The table of names that sounds and pictures have in common."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib import resources

import pytest

N_CLASSES = {"audioset": 527, "imagenet": 1000}
AUDIOSET = {
    23: "Baby cry, infant cry",
    49: "Sneeze",
    75: "Bark",
    83: "Meow",
    101: "Crowing, cock-a-doodle-doo",
    109: "Roaring cats (lions, tigers)",
    120: "Hoot",
    133: "Croak",
    140: "Guitar",
    149: "Mandolin",
    187: "Trumpet",
    191: "Violin, fiddle",
    194: "Double bass",
    195: "Wind instrument, woodwind instrument",
    201: "Church bell",
    206: "Wind chime",
    287: "Thunder",
    291: "Rain on surface",
    295: "Waves, surf",
    298: "Fire",
    299: "Crackle",
    307: "Car",
    325: "Fire engine, fire truck (siren)",
    339: "Helicopter",
    347: "Chainsaw",
    374: "Toilet flush",
    384: "Typing",
    403: "Steam whistle",
    408: "Tick-tock",
    420: "Jackhammer",
    427: "Gunshot, gunfire",
    465: "Basketball bounce",
}
IMAGENET = {
    7: "cock",
    10: "brambling",
    22: "bald eagle",
    24: "great grey owl",
    25: "European fire salamander",
    31: "tree frog",
    144: "pelican",
    207: "golden retriever",
    269: "timber wolf",
    277: "red fox",
    281: "tabby",
    291: "lion",
    402: "acoustic guitar",
    404: "airliner",
    407: "ambulance",
    409: "analog clock",
    420: "banjo",
    430: "basketball",
    470: "candle",
    486: "cello",
    491: "chain saw",
    494: "chime",
    497: "church",
    508: "computer keyboard",
    513: "cornet",
    529: "diaper",
    555: "fire engine",
    591: "handkerchief",
    683: "oboe",
    734: "police van",
    740: "power drill",
    763: "revolver",
    805: "soccer ball",
    817: "sports car",
    820: "steam locomotive",
    861: "toilet seat",
    862: "torch",
    879: "umbrella",
    889: "violin",
    978: "seashore",
}
LEVELS = ("name", "kind", "group")


def read_rows() -> list[dict[str, str]]:
    text = resources.files("modag_search.training").joinpath("common_names.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


ROWS = read_rows()


def numbers(row: dict[str, str], taxonomy: str) -> list[int]:
    return [int(number) for number in row[taxonomy].split()]


def row_of(taxonomy: str, display_name: str) -> dict[str, str]:
    names = {"audioset": AUDIOSET, "imagenet": IMAGENET}[taxonomy]
    (number,) = (number for number, name in names.items() if name == display_name)
    (row,) = (row for row in ROWS if number in numbers(row, taxonomy))
    return row


def shared_level(sound: str, picture: str) -> str | None:
    """Name the finest level on which an AudioSet class and an ImageNet class are the same."""
    first, second = row_of("audioset", sound), row_of("imagenet", picture)
    return next((level for level in LEVELS if first[level] == second[level]), None)


def test_rows_are_whole_and_names_their_own() -> None:
    assert all(list(row) == [*LEVELS, *N_CLASSES] and None not in row.values() for row in ROWS)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", row[level]) for row in ROWS for level in LEVELS)
    assert 180 <= len({row["name"] for row in ROWS}) == len(ROWS) <= 330
    names, kinds, groups = ({row[level] for row in ROWS} for level in LEVELS)
    assert not names & kinds | kinds & groups | names & groups  # a hierarchy has no loops


def test_classes_exist_and_stand_once() -> None:
    for taxonomy, n_classes in N_CLASSES.items():
        counts = Counter(number for row in ROWS for number in numbers(row, taxonomy))
        assert {number: count for number, count in counts.items() if count > 1} == {}
        assert all(0 <= number < n_classes for number in counts)


def test_every_name_has_a_class_and_every_kind_and_group_those_of_both() -> None:
    assert [row["name"] for row in ROWS if not (row["audioset"] or row["imagenet"])] == []
    for level in ("kind", "group"):
        for taxonomy in N_CLASSES:
            known = {row[level] for row in ROWS if row[taxonomy]}
            assert {row[level] for row in ROWS} - known == set()


def test_every_kind_is_in_one_group() -> None:
    pairs = {(row["kind"], row["group"]) for row in ROWS}
    assert len(pairs) == len({kind for kind, _ in pairs})
    assert 8 <= len({group for _, group in pairs}) <= 14


def test_every_animal_picture_is_of_an_animal() -> None:
    animals = {number for row in ROWS if row["group"] == "animal" for number in numbers(row, "imagenet")}
    assert set(range(398)) <= animals
    (dog,) = (row for row in ROWS if row["name"] == "dog")
    assert set(range(151, 269)) <= set(numbers(dog, "imagenet"))


@pytest.mark.parametrize(
    ("sound", "picture", "level"),
    [
        ("Bark", "golden retriever", "name"),
        ("Meow", "tabby", "name"),
        ("Crowing, cock-a-doodle-doo", "cock", "name"),
        ("Hoot", "great grey owl", "name"),
        ("Croak", "tree frog", "name"),
        ("Roaring cats (lions, tigers)", "lion", "name"),
        ("Baby cry, infant cry", "diaper", "name"),
        ("Sneeze", "handkerchief", "name"),
        ("Guitar", "acoustic guitar", "name"),
        ("Violin, fiddle", "violin", "name"),
        ("Trumpet", "cornet", "name"),
        ("Waves, surf", "seashore", "name"),
        ("Rain on surface", "umbrella", "name"),
        ("Fire", "torch", "name"),
        ("Crackle", "candle", "name"),
        ("Church bell", "church", "name"),
        ("Wind chime", "chime", "name"),
        ("Tick-tock", "analog clock", "name"),
        ("Car", "sports car", "name"),
        ("Fire engine, fire truck (siren)", "fire engine", "name"),
        ("Steam whistle", "steam locomotive", "name"),
        ("Chainsaw", "chain saw", "name"),
        ("Typing", "computer keyboard", "name"),
        ("Toilet flush", "toilet seat", "name"),
        ("Gunshot, gunfire", "revolver", "name"),
        ("Basketball bounce", "basketball", "name"),
        ("Bark", "timber wolf", "kind"),
        ("Bark", "red fox", "kind"),
        ("Meow", "lion", "kind"),
        ("Hoot", "bald eagle", "kind"),
        ("Croak", "European fire salamander", "kind"),
        ("Mandolin", "banjo", "kind"),
        ("Double bass", "cello", "kind"),
        ("Wind instrument, woodwind instrument", "oboe", "kind"),
        ("Helicopter", "airliner", "kind"),
        ("Fire engine, fire truck (siren)", "ambulance", "kind"),
        ("Fire engine, fire truck (siren)", "police van", "kind"),
        ("Jackhammer", "power drill", "kind"),
        ("Thunder", "umbrella", "kind"),
        ("Basketball bounce", "soccer ball", "kind"),
        ("Bark", "tabby", "group"),
        ("Crowing, cock-a-doodle-doo", "pelican", "group"),
        ("Croak", "brambling", "group"),
        ("Guitar", "cornet", "group"),
        ("Helicopter", "sports car", "group"),
        ("Fire", "seashore", "group"),
        ("Bark", "sports car", None),
        ("Church bell", "seashore", None),
    ],
)
def test_sounds_and_pictures_share(sound: str, picture: str, level: str | None) -> None:
    assert shared_level(sound, picture) == level
