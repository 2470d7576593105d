"""Entries with their looks, in words: what templates show."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from modag_search.spelling import printable, root_without_place, seen_from
from modag_search.wording import NOUNS, against, answer_in_words, evidence_in_words, rules_in_words, signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.pages.entries import Entry, Said
    from modag_search.pages.looks import Looks
    from modag_search.values import Explanation, Float32Array

Keep = Callable[[bytes, str, str], str]
"""Keeps bytes of a media type that are a part of a tile, and returns their address."""

_KINDS = {"image": "picture", "sound": "sound", "video": "video", None: "file"}
_EXAMPLES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One kind of evidence, in words: a heading, log-odds with their reasons, and the nearest examples."""

    heading: str
    reasons: tuple[tuple[str, str], ...]
    examples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why something is called as it is, in words."""

    answer: str
    rules: tuple[str, ...]
    heard: tuple[Heard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What a template shows of an item; all of it is text, to be escaped.

    Attributes
    ----------
    path : str
        As files of labels write it.
    name, folder : str
        The folder from that on which all items of the page lie in; below a named root that has no place on this
        machine, from the root on.
    noun : str
        "picture", "sound", "video".
    link : str or None
        From the page to the file, if it has a place on this machine.
    picture, sound : str or None
        Addresses of what is seen and heard.
    peaks : str
        The waveform, as the ``d`` of a path in SVG that is 100 high; empty without sound.
    width : int
        Of that.
    problem : str or None
    place : str
        What is seen and heard, in words.
    facts : tuple of (str, str)
    said : tuple of Said
    copies : tuple of str
    proposed : str or None
    confidence : str
    part_start_s, part_end_s : str
        As files of labels write them.
    why : Why or None
    is_query : bool
    """

    path: str
    name: str
    folder: str
    noun: str
    link: str | None
    picture: str | None
    sound: str | None
    peaks: str
    width: int
    problem: str | None
    place: str
    facts: tuple[tuple[str, str], ...]
    said: tuple[Said, ...]
    copies: tuple[str, ...]
    proposed: str | None
    confidence: str
    part_start_s: str
    part_end_s: str
    why: Why | None
    is_query: bool


def as_data(content: bytes, media_type: str, name: str) -> str:
    """Return an address that holds what it names."""
    del name
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def tile_of(entry: Entry, looks: Looks, *, keep: Keep, root: str, page: Path | None = None) -> Tile:
    """Put an entry and its looks into words and addresses.

    Parameters
    ----------
    entry : Entry
    looks : Looks
    keep : callable
        Takes bytes, their media type and what they are ("picture.jpg", "sound.mp3"); returns their address.
    root : str
        The folder that all items of the page lie in.
    page : Path, optional
        The page's file: links lead from there; without it there are none.

    Returns
    -------
    Tile
    """
    clip = looks.clip
    return Tile(
        path=printable(entry.path),
        name=printable(os.path.basename(entry.path)),
        folder=printable(seen_from(root, os.path.dirname(entry.path))).removeprefix("."),
        noun=_KINDS[entry.kind],
        link=None if page is None or root_without_place(entry.path) else _link(entry.path, page),
        picture=None if looks.picture is None else keep(looks.picture, "image/jpeg", "picture.jpg"),
        sound=None if clip is None else keep(clip.sound, "audio/mpeg", "sound.mp3"),
        peaks="" if clip is None else _outline(clip.peaks),
        width=1 if clip is None else len(clip.peaks),
        problem=None if looks.problem is None else printable(str(looks.problem)),
        place=_place(entry, looks),
        facts=tuple(_facts(entry)),
        said=entry.said,
        copies=tuple(printable(path) for path in entry.copies),
        proposed=entry.proposed,
        confidence="" if entry.confidence is None else f"{entry.confidence:.3f}",
        part_start_s="" if entry.part_start_s is None else f"{entry.part_start_s:.9g}",
        part_end_s="" if entry.part_end_s is None else f"{entry.part_end_s:.9g}",
        why=None if entry.why is None else _why(entry.why),
        is_query=entry.is_query,
    )


def common_folder(entries: Sequence[Entry]) -> str:
    """Return the folder that all items lie in, but for those whose named root has no place on this machine."""
    folders = [os.path.dirname(entry.path) for entry in entries if not root_without_place(entry.path)]
    return os.path.commonpath(folders) if folders else os.sep


def in_minutes(seconds: float) -> str:
    """Write a time as people do: 5.2 s, 1:05, 2:10:00."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _link(path: str, page: Path) -> str:
    return quote(os.fsencode(os.path.relpath(path, os.path.dirname(os.path.abspath(page)))))


def _place(entry: Entry, looks: Looks) -> str:
    if looks.clip is not None:
        return f"{in_minutes(looks.clip.start_s)} to {in_minutes(looks.clip.end_s)}"
    return "" if entry.start_s is None else f"at {in_minutes(entry.start_s)}"


def _facts(entry: Entry) -> list[tuple[str, str]]:
    facts = [
        ("relevance", None if entry.relevance is None else f"{entry.relevance:.3f}"),
        ("similarity", None if entry.similarity is None else f"{entry.similarity:.3f}"),
        ("lasts", None if entry.duration_s is None else in_minutes(entry.duration_s)),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _outline(peaks: Float32Array) -> str:
    """Draw peaks as an outline about the middle of 100."""
    heights = [50 * float(peak) for peak in peaks]
    above = " ".join(f"{x},{50 - height:.0f}" for x, height in enumerate(heights))
    below = " ".join(f"{x},{50 + height:.0f}" for x, height in reversed(list(enumerate(heights))))
    return f"M{above} {below}Z"


def _why(why: Explanation) -> Why:
    return Why(
        answer=printable(answer_in_words(why, named=os.path.basename)),
        rules=tuple(printable(line) for line in rules_in_words(why, named=os.path.basename)),
        heard=tuple(
            Heard(
                heading=f"What its {NOUNS[said.modality][0]} says for {against(why)}",
                reasons=tuple((signed(odds).strip(), because) for odds, because in evidence_in_words(why, said)),
                examples=tuple(
                    (one.label, printable(os.path.basename(one.path)), f"{one.similarity:.3f}")
                    for one in said.examples[:_EXAMPLES]
                ),
            )
            for said in why.heard
        ),
    )
