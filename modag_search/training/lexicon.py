"""Words that name a class of ImageNet's, or a kind of several classes.

ImageNet's classes are nouns of WordNet, which says what each is a kind of: a terrier of dogs, these of animals. What
AudioSet's are kinds of stands in ``sound_kinds.tsv``, written for this project. Both meet in words that they share, and
in the common names: who asks for vehicles hears what those sound like that he sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from modag_search.space.arithmetic import unit
from modag_search.training.class_head import common_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.training.names import Names
    from modag_search.training.wordnet import WordNet
    from modag_search.values import Float32Array

_MOST_CLASSES = 420
"""Above that stand artifacts, objects and what else nobody looks for."""
_LEMMAS = 2
_LIKE_ITS_SOUND = 0.3
"""Cosine of words and of what sounds are called that are beside their pictures, from which on they ask for these."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Words, and the classes that they name.

    Attributes
    ----------
    words : str
        In lower case.
    classes : Mapping of taxonomy to tuple of int
        Numbers of classes, ascending; one of them at least.
    beside : tuple of tuple of int
        AudioSet's classes of each common name whose pictures are all among these. Some are what that sounds like, and
        others only go with it: a cough with pill bottles. See `with_likely_sounds`.
    """

    words: str
    classes: Mapping[str, tuple[int, ...]]
    beside: tuple[tuple[int, ...], ...] = ()


def lexicon_entries(names: Names, wordnet: WordNet) -> list[Entry]:
    """List the words that name classes.

    What has several meanings is listed for that alone which it has most often: a cap is for the head.

    Parameters
    ----------
    names : Names
    wordnet : WordNet

    Returns
    -------
    list of Entry
        Kinds of pictures, said of one and of several, and of sounds; and then ImageNet's classes, each by two of its
        names. The same words may be listed more than once. What is heard of several, is of one.
    """
    heard = dict(_kinds_of_sounds())
    kinds = [
        (words, of, (*heard.get(noun, ()), *heard.get(plural, ())))
        for noun, plural, of in _kinds_of_pictures(names, wordnet)
        for words in (noun, plural)
    ]
    single = [
        (lemma.lower(), (number,), ())
        for number, place in enumerate(names.imagenet)
        for lemma in names.lemmas[place][:_LEMMAS]
    ]
    known = {words for words, *_ in kinds}
    alone = [(words, (), of) for words, of in heard.items() if words not in known]
    common = [name.classes for name in common_names() if name.classes["imagenet"] and name.classes["audioset"]]
    return [
        Entry(
            words,
            {taxonomy: tuple(sorted({*of})) for taxonomy, of in (("imagenet", shown), ("audioset", sounds)) if of},
            tuple(of["audioset"] for of in common if set(of["imagenet"]) <= set(shown)),
        )
        for words, shown, sounds in [*kinds, *alone, *single]
    ]


def with_likely_sounds(entry: Entry, meant: Float32Array, sounds: Float32Array) -> Entry:
    """Let words ask for those sounds beside their pictures that mean something alike.

    Parameters
    ----------
    entry : Entry
    meant : np.ndarray [shape=(d,), float32]
        Unit vector of what the words mean.
    sounds : np.ndarray [shape=(n_classes, d), float32]
        Unit vectors of the names of AudioSet's classes.

    Returns
    -------
    Entry
        With nothing beside its classes.
    """
    alike = [
        of for of in entry.beside if unit(sounds[list(of)].mean(axis=0, keepdims=True))[0] @ meant > _LIKE_ITS_SOUND
    ]
    heard = {number for of in [entry.classes.get("audioset", ()), *alike] for number in of}
    return Entry(entry.words, {**entry.classes, **({"audioset": tuple(sorted(heard))} if heard else {})})


def called(
    entries: Sequence[Entry], classes: Mapping[str, Float32Array], *, general: Mapping[str, Collection[int]]
) -> Float32Array:
    """Tell what the classes are called that words name: the mean of each taxonomy, and then of these.

    Parameters
    ----------
    entries : sequence of Entry
    classes : Mapping of taxonomy to np.ndarray [shape=(n_classes, d), float32]
        Unit vectors of the names of its classes.
    general : Mapping of taxonomy to collection of int
        Classes that tell nothing apart, and count only where there is no other.

    Returns
    -------
    np.ndarray [shape=(len(entries), d), float32]
        Of unit length.
    """
    vectors = np.zeros((len(entries), next(iter(classes.values())).shape[1]), dtype=np.float32)
    for place, entry in enumerate(entries):
        for taxonomy, numbers in entry.classes.items():
            telling = [number for number in numbers if number not in general.get(taxonomy, ())]
            vectors[place] += unit(classes[taxonomy][telling or list(numbers)].mean(axis=0, keepdims=True))[0]
    return unit(vectors)


def _kinds_of_pictures(names: Names, wordnet: WordNet) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """List what several of ImageNet's classes are kinds of, said of one and of several; and a class above others."""
    synsets = {one.offset: one for one in wordnet.nouns}
    below: dict[str, set[int]] = {}
    for number, place in enumerate(names.imagenet):
        above, waiting = {names.synsets[place]}, [names.synsets[place]]
        while waiting:
            further = {*synsets[waiting.pop()].hypernyms} - above
            above |= further
            waiting += further
        for offset in above:
            below.setdefault(offset, set()).add(number)
    for offset, classes in sorted(below.items()):
        if 1 < len(classes) <= _MOST_CLASSES:
            for lemma in synsets[offset].lemmas:
                noun = lemma.lower()
                if wordnet.meant_first.get(noun) == offset:
                    yield noun, wordnet.plural(noun), tuple(sorted(classes))


def _kinds_of_sounds() -> Iterator[tuple[str, tuple[int, ...]]]:
    """List what several of AudioSet's classes are kinds of."""
    for line in resources.files("modag_search.training").joinpath("sound_kinds.tsv").read_text("utf-8").splitlines():
        words, classes = line.split("\t")
        numbers = sorted({number for part in classes.split() for number in _numbers(part)})
        for one in words.split(", "):
            yield one, tuple(numbers)


def _numbers(part: str) -> Iterable[int]:
    """Read a number, or the first and the last of some: ``74-136``."""
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)
