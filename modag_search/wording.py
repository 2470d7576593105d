"""Results in words, in one place for the command line, the server and pages."""

from __future__ import annotations

import math
import os
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from modag_search.values import EvidencePart, Explanation, Hit, ItemLabel, Modality, ModalityEvidence

NOUNS: dict[str, tuple[str, str]] = {"image": ("picture", "pictures"), "sound": ("sound", "sounds")}
"""What something of a modality is called, and several of it."""

_ORIGINS = {"hand": "by hand", "import": "from {source}", "transfer": "by transfer, at {confidence:.3f}"}
_COPY_BY = {
    "content": "byte for byte",
    "pixels": "by its pixels",
    "waveform": "by its waveform",
    "features": "by its features",
}
_SAYS_NOTHING = 0.005
_EVEN = 1.05
_ROUND_NUMBERS = (1_000_000, 100_000, 10_000, 1_000, 100)


def far_in_words(hits: Sequence[Hit]) -> str | None:
    """Say that not even the best of some answers is close; None where one is, or there are none."""
    from modag_search.values import CLOSE  # numpy comes with it, which verbs without an answer need not wait for

    best = max(hits, key=lambda hit: hit.relevance, default=None)
    if best is None or best.relevance >= CLOSE:
        return None
    return (
        f"nothing here is close (best {best.similarity:.2f}, relevance {best.relevance:.2f}): "
        "unlike things are as similar"
    )


def answer_in_words(why: Explanation, *, named: Callable[[str], str] = str) -> str:
    """Say what something is called, and what it would be called next; `named` says how paths are shown."""
    called = [f"{named(why.path)}: {why.label} {why.confidence:.3f}"]
    if why.decided_by == "copy":
        return called[0]
    if why.second is not None:
        called.append(f"next {why.second} {why.second_confidence:.3f}")
    if why.none is not None:
        called.append(f"none of the labels {why.none:.3f}")
    return "; ".join(called)


def rules_in_words(why: Explanation, *, named: Callable[[str], str] = str) -> list[str]:
    """Say what rules had to do with an answer, and which labels it has itself; `named` says how paths are shown."""
    lines = []
    if why.decided_by == "hierarchy":
        kinds = " + ".join(f"{kind.label} {kind.score:.3f}" for kind in why.kinds)
        lines.append(f"{why.label} by the hierarchy of labels: {kinds}")
    given = [_origin(one) for one in why.given if not one.is_of_former]
    others = "; what follows is what all others say"
    if why.copy_of is not None and not _is_at(why.copy_of.path, why.path):
        by = _COPY_BY[why.copy_of.confirmed_by]
        lines.append(f"It is a copy of {named(why.copy_of.path)}, {by}{'' if given else others}.")
    if why.denied:
        lines.append(f"It is said not to be {', '.join(why.denied)}.")
    if given:
        lines.append(f"It is labelled {', '.join(given)}{others}.")
    if former := [_origin(one) for one in why.given if one.is_of_former]:
        lines.append(f"Before its file was replaced it was labelled {', '.join(former)}, which counts no more.")
    if why.by_head is not None and why.by_head.label != why.label:
        lines.append(f"The head would say {why.by_head.label} {why.by_head.score:.3f} (`modag classify --by head`).")
    # Where the only label that is possible is explained, that may be part of what is said for it.
    beside = [said for said in why.heard if all(part.kind != "share" for part in said.parts)]
    lines += [f"{_share_in_words(said).capitalize()}." for said in beside if said.known_share is not None]
    return lines


def _is_at(path: str, name: str) -> bool:
    """Whether an item's path is what a name, which may be relative and in another Unicode form, stands for."""
    return path == name or unicodedata.normalize("NFC", path) == unicodedata.normalize("NFC", os.path.abspath(name))


def evidence_in_words(why: Explanation, said: ModalityEvidence) -> Iterator[tuple[float, str]]:
    """Say in words what each kind of evidence says that says something, and last what they say together.

    Parameters
    ----------
    why : Explanation
    said : ModalityEvidence
        One of what was heard.

    Yields
    ------
    log_odds : float
    because : str
    """
    for part in said.parts:
        if abs(part.log_odds) >= _SAYS_NOTHING:
            yield part.log_odds, _part(part, why, said)
    yield said.log_odds, f"together: {_times(said.log_odds)}"


def origin_in_words(given: ItemLabel) -> str:
    """Say who gave a label, and how sure a transfer was."""
    return _ORIGINS[given.origin].format(source=given.source, confidence=given.confidence or math.nan)


def _origin(given: ItemLabel) -> str:
    part = "" if given.start_s is None and given.end_s is None else " in part"
    return f"{given.label}{part} ({origin_in_words(given)})"


def against(why: Explanation) -> str:
    """Say what evidence is about: the first label, or rather that than the second."""
    return why.first if why.second is None else f"{why.first} rather than {why.second}"


def signed(log_odds: float) -> str:
    """Write log-odds with their sign, so that they stand below each other."""
    return f"{log_odds:+8.2f}"


def _times(log_odds: float) -> str:
    """Say log-odds as how many times as likely.

    Examples
    --------
    >>> [_times(log_odds) for log_odds in (0.01, 0.7, -12.2)]
    ['as likely', '2.0 times as likely', 'more than 100,000 times less likely']
    """
    times = math.exp(min(abs(log_odds), 700.0))
    if times < _EVEN:
        return "as likely"
    round_number = next((number for number in _ROUND_NUMBERS if times >= number), None)
    said = f"{times:.1f}" if round_number is None else f"more than {round_number:,}"
    return f"{said} times as likely" if log_odds >= 0 else f"{said} times less likely"


def _part(part: EvidencePart, why: Explanation, said: ModalityEvidence) -> str:
    """Say in words what a kind of evidence says."""
    favoured = why.first if part.log_odds >= 0 or why.second is None else why.second
    own: Modality = said.modality
    sound_or_picture, plural = NOUNS[own]
    if part.kind in ("own", "other"):
        of_other: Modality = "image" if own == "sound" else "sound"
        return _by_examples(part, why, said, modality=own if part.kind == "own" else of_other)
    without = [label for label in _labels(why) if not _has_example(said, label, own)]
    if part.kind == "added":
        return f"no {sound_or_picture} is labelled {' or '.join(without)} as yet"
    if part.kind == "name":
        return f"what {favoured} means, by its name" if part.log_odds >= 0 or why.second else "what it means is unlike"
    if part.kind == "denials":
        return f"like what was said not to be {why.second if part.log_odds >= 0 else why.first}"
    if part.kind == "features":
        return f"what tells {plural} apart here, in their features: rather {favoured}"
    return _share_in_words(said) if part.kind == "share" else "what a label must outweigh to hold at all"


def _share_in_words(said: ModalityEvidence) -> str:
    """Say for how many items of an index any label holds."""
    return f"any label holds for about {said.known_share or 0:.0%} of the {NOUNS[said.modality][1]} here, by a sample"


def _by_examples(part: EvidencePart, why: Explanation, said: ModalityEvidence, *, modality: Modality) -> str:
    """Say what examples of one modality say; of labels that lack some, others speak in their place."""
    plural = NOUNS[modality][1]
    having = [label for label in _labels(why) if _has_example(said, label, modality)]
    if not having:  # they have gone meanwhile
        return f"{plural} with these labels"
    in_place = [label for label in having if not _has_example(said, label, said.modality)]
    is_for = {why.first: part.log_odds >= 0, why.second: part.log_odds < 0}
    if len(having) == 2 and len(in_place) != 1:
        return f"more like the {plural} labelled {next(label for label, favoured in is_for.items() if favoured)}"
    (label,) = in_place or having
    instead = f", in place of {NOUNS[said.modality][1]}" if in_place else ""
    return f"{'like' if is_for[label] else 'unlike'} the {plural} labelled {label}{instead}"


def _labels(why: Explanation) -> list[str]:
    return [why.first] if why.second is None else [why.first, why.second]


def _has_example(said: ModalityEvidence, label: str, modality: Modality) -> bool:
    return any(example.label == label and example.modality == modality for example in said.examples)
