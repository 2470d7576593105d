"""What the demo takes from each source, and what it calls it: tables, and functions from paths to paths."""

from __future__ import annotations

import itertools
import os
import re
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

STAMP_THEMES = {
    "animals": "animals",
    "food": "food",
    "hobbies": "household",
    "hobbies/music": "instruments",
    "household": "household",
    "naturalforces": "nature",
    "plants": "plants",
    "seasonal/halloween": "celebrations",
    "seasonal/newyears": "celebrations",
    "space": "space",
    "sports": "sports",
    "vehicles": "vehicles",
}
STAMPS_PER_THEME = 70

ACTIVITY_FOLDERS = {
    "instruments/resource": "instruments",
    "explore_farm_animals/resource/animals": "animals",
    "explore_world_animals/resource/animals": "animals",
    "explore_world_music/resource/music": "world_music",
}
ACTIVITY_SOUNDS = {
    "guessnumber/resource/helicopter.wav": "vehicles/helicopter",
    "melody/resource/xylofon_son1.wav": "instruments/xylophone",
    "memory-sound/resource/LRApplauses_1_LA_cut.ogg": "nature/applause",
    "memory-sound/resource/LRBark_1_LA_cut.ogg": "animals/dog_bark",
    "memory-sound/resource/LRBuddhist_gong_05_LA.ogg": "instruments/gong",
    "memory-sound/resource/LRFrogsInPondDuringStormLACut.ogg": "animals/frogs_in_a_pond",
    "memory-sound/resource/LRRain_in_garden_01_LA_cut.ogg": "nature/rain",
    "memory-sound/resource/LRStartAndStopCarEngine1LACut.ogg": "vehicles/car_engine",
    "memory-sound/resource/LRTrain_slowing_down_01_LA_cut.ogg": "vehicles/train_slowing_down",
    "memory-sound/resource/guitar_melody.ogg": "instruments/guitar_melody",
    "railroad/resource/sounds/train.wav": "vehicles/train",
    "traffic/resource/car.wav": "vehicles/car",
}
ACTIVITY_SCENERY = {"background", "farm-animals", "question", "suitcase"}
ACTIVITIES = {path.partition("/")[0] for path in (*ACTIVITY_FOLDERS, *ACTIVITY_SOUNDS)}
_HOMES_OF_MUSIC = ("africa", "america", "australia", "ireland", "italy", "japan", "mexico", "middleeast")
BETTER_NAMES = {
    "chickens": "chicken",
    "dragon": "komodo_dragon",
    "flute_traversiere": "flute",
    **{home: f"music_from_{home}" for home in _HOMES_OF_MUSIC},
}

# Named here because `unicodedata` of Python 3.11 ends at Unicode 14.
INSTRUMENT_DRAWINGS = {
    0x1F3B7: "saxophone",
    0x1F3B8: "guitar",
    0x1F3B9: "piano",
    0x1F3BA: "trumpet",
    0x1F3BB: "violin",
    0x1F4EF: "horn",
    0x1F514: "bell",
    0x1F941: "drum",
    0x1FA87: "maracas",
    0x1FA88: "flute",
    0x1FA89: "harp",
    0x1FA8A: "trombone",
    0x1FA95: "banjo",
    0x1FA97: "accordion",
    0x1FA98: "long_drum",
}
DRAWING_RANGES = (
    (0x1F32D, 0x1F330, "food"),
    (0x1F331, 0x1F344, "plants"),
    (0x1F345, 0x1F37F, "food"),
    (0x1F3BD, 0x1F3C0, "sports"),
    (0x1F400, 0x1F43D, "animals"),
    (0x1F4DE, 0x1F4E1, "household"),
    (0x1F4F7, 0x1F4FD, "household"),
    (0x1F525, 0x1F52A, "household"),
    (0x1F680, 0x1F6A2, "vehicles"),
    (0x1F6F3, 0x1F6FC, "vehicles"),
    (0x1F950, 0x1F96F, "food"),
    (0x1F980, 0x1F9AD, "animals"),
    (0x1F9F8, 0x1F9FF, "household"),
    (0x1FA91, 0x1FA93, "household"),
)


class Place(NamedTuple):
    """Where a file belongs: its theme, a folder, and its name there."""

    theme: str
    name: str


def readable_name(stem: str) -> str:
    """Put a file's stem into lower snake case: ``guitar2`` becomes ``guitar_2``."""
    stem = BETTER_NAMES.get(stem, stem)
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)", "_", stem)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def media_target(source: str, place: Place) -> str:
    """Name a file's path in the collection; drawings become PNG and photographs JPEG."""
    suffix = PurePosixPath(source).suffix.lower()
    if suffix in {".ogg", ".wav"}:
        return f"sounds/{place.theme}/{place.name}{suffix}"
    return f"pictures/{place.theme}/{place.name}{'.jpg' if suffix == '.webp' else '.png'}"


def plan_debian(paths: Iterable[str]) -> dict[str, str]:
    """Choose from both Debian packages.

    Parameters
    ----------
    paths : iterable of str
        ``stamps/...`` below Tux Paint's folder of stamps, ``activities/...`` inside GCompris's resources.

    Returns
    -------
    dict
        Path of each chosen file, and its path in the collection.
    """
    ordered = sorted(paths)
    places = _activity_places([path for path in ordered if path.startswith("activities/")])
    places |= _stamp_places([path for path in ordered if path.startswith("stamps/") and is_stamp(path)])
    plan: dict[str, str] = {}
    taken: set[str] = set()
    for path, place in places.items():
        plan[path] = _free_target(path, place, taken)
        taken.add(plan[path])
    return plan


def _free_target(path: str, place: Place, taken: Container[str]) -> str:
    target = media_target(path, place)
    base = re.sub(r"_\d+$", "", place.name)
    for number in itertools.count(2):
        if target not in taken:
            break
        target = media_target(path, place._replace(name=f"{base}_{number}"))
    return target


def _activity_places(paths: Sequence[str]) -> dict[str, Place]:
    places = {}
    for path in paths:
        inside = PurePosixPath(path).relative_to("activities")
        theme = ACTIVITY_FOLDERS.get(inside.parent.as_posix())
        if inside.as_posix() in ACTIVITY_SOUNDS:
            places[path] = Place(*ACTIVITY_SOUNDS[inside.as_posix()].split("/"))
        elif theme and inside.suffix in {".ogg", ".svg", ".webp"} and inside.stem not in ACTIVITY_SCENERY:
            places[path] = Place(theme, readable_name(inside.stem))
    return places


def _stamp_places(paths: Sequence[str]) -> dict[str, Place]:
    """Every stamp that has a sound, then silent ones, evenly, until its theme is full."""
    heard = {os.path.splitext(path)[0] for path in paths if path.endswith(".ogg")}
    places = {}
    for theme in sorted(set(STAMP_THEMES.values())):
        of_theme = [path for path in paths if stamp_theme(path) == theme]
        sounding = [path for path in of_theme if os.path.splitext(path)[0] in heard]
        silent = [path for path in of_theme if path not in sounding]
        room = STAMPS_PER_THEME - sum(not path.endswith(".ogg") for path in sounding)
        for path in sorted(sounding + evenly(silent, room)):
            places[path] = Place(theme, readable_name(PurePosixPath(path).stem))
    return places


def is_stamp(path: str) -> bool:
    """Tell pictures and their own sounds from spoken descriptions and mirrored copies."""
    stem = PurePosixPath(path).stem
    return path.endswith((".ogg", ".png", ".svg")) and "_desc" not in stem and not stem.endswith("_mirror")


def stamp_theme(path: str) -> str | None:
    """Look up the theme of ``stamps/FOLDER/.../NAME``, by the longest folder that has one."""
    for folder in PurePosixPath(path).relative_to("stamps").parents:
        if folder.as_posix() in STAMP_THEMES:
            return STAMP_THEMES[folder.as_posix()]
    return None


def evenly(items: Sequence[str], count: int) -> list[str]:
    """Take at most `count` of the items, spread over the whole sequence."""
    if count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(max(count, 0))]


def plan_drawings(filenames: Iterable[str]) -> dict[str, str]:
    """Choose from OpenMoji's files, such as ``1F3BA.svg``; the values are paths in the collection."""
    plan = {}
    for filename in sorted(filenames):
        match = re.fullmatch(r"([0-9A-F]{4,6})\.svg", filename)
        place = _drawing_place(int(match[1], 16)) if match else None
        if place:
            plan[filename] = media_target(filename, place)
    return plan


def _drawing_place(codepoint: int) -> Place | None:
    if codepoint in INSTRUMENT_DRAWINGS:
        return Place("instruments", INSTRUMENT_DRAWINGS[codepoint])
    for first, last, theme in DRAWING_RANGES:
        if first <= codepoint <= last:
            name = readable_name(unicodedata.name(chr(codepoint), ""))
            return Place(theme, name) if name else None
    return None
