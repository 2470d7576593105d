"""What the demo asks and what it names: two tables of things, and the files of a collection that show or sound them.

The tables name things that most people know by sight and by sound, and that the space knows well; the files follow from
their names, and every answer is computed.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from modag_search.errors import NothingFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modag_search.values import Modality

QUESTIONS: tuple[tuple[Modality, str], ...] = (
    ("sound", "animals/dog"),
    ("sound", "animals/rooster"),
    ("sound", "instruments/piano"),
    ("sound", "animals/frog"),
    ("image", "instruments/violin"),
    ("image", "instruments/drum"),
    ("image", "instruments/trumpet"),
)
"""Ask with a sound or a picture of this thing, THEME/NAME, for the other."""

LESSONS = (
    "animals/cow",
    "animals/dog",
    "animals/horse",
    "instruments/piano",
    "instruments/trumpet",
    "instruments/violin",
)
"""Label pictures of these things, and have a sound of each named."""

PICTURES_A_LESSON = 2

_FOLDERS: dict[Modality, str] = {"image": "pictures", "sound": "sounds"}


class Question(NamedTuple):
    """A file to ask with, what it shows or sounds, and what is wanted."""

    thing: str
    path: str
    wanted: Modality


class Lesson(NamedTuple):
    """Pictures to label with a thing's name, and a sound of it that is given no label."""

    label: str
    pictures: tuple[str, ...]
    sound: str


def choose_questions(paths: Iterable[str]) -> list[Question]:
    """Ask of each thing that a collection both shows and sounds, with the first file of it.

    Parameters
    ----------
    paths : iterable of str
        Such as ``sounds/animals/dog.ogg``.

    Returns
    -------
    list of Question

    Raises
    ------
    NothingFoundError
        If there is no such thing.
    """
    ordered = sorted(paths)
    questions = []
    for modality, thing in QUESTIONS:
        wanted: Modality = "image" if modality == "sound" else "sound"
        if files_of(thing, ordered, modality) and files_of(thing, ordered, wanted):
            path = files_of(thing, ordered, modality)[0]
            questions.append(Question(spoken_name(thing), path, wanted))
    if not questions:
        raise NothingFoundError("the collection holds no sounds or no pictures; remove its folder and start again")
    return questions


def choose_lessons(paths: Iterable[str]) -> list[Lesson]:
    """Find the pictures and the sound of each lesson; things that lack either are left out."""
    ordered = sorted(paths)
    lessons = []
    for thing in LESSONS:
        pictures = files_of(thing, ordered, "image")[:PICTURES_A_LESSON]
        sounds = files_of(thing, ordered, "sound")
        if pictures and sounds:
            lessons.append(Lesson(spoken_name(thing), tuple(pictures), sounds[0]))
    return lessons


def files_of(thing: str, paths: Sequence[str], modality: Modality) -> list[str]:
    """List the files of a thing: of ``animals/dog`` also ``dog_2`` and ``dog_bark``, and never ``dogfish``."""
    pattern = re.compile(rf"{_FOLDERS[modality]}/{re.escape(thing)}(_\w+)?\.\w+")
    return [path for path in paths if pattern.fullmatch(path)]


def spoken_name(path: str) -> str:
    """Say a file's name as words, without what only tells files apart: ``drum_kit_2.png`` is a drum kit."""
    return re.sub(r"_\d+$", "", PurePosixPath(path).stem).replace("_", " ")
