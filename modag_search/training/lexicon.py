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

from modag_search.training.class_head import common_names
from modag_search.unit_vectors import of_unit_length

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from modag_search.space import TokenTable
    from modag_search.training.names import Names
    from modag_search.training.wordnet import WordNet
    from modag_search.values import Float32Array

_MOST_CLASSES = 420
"""Above that stand artifacts, objects and what else nobody looks for."""
_LEMMAS = 2
_OTHERWISE = frozenset(
    (  # noqa: SIM905  a list would have a line for each
        "attire cutlery drug drugs horn hose hoses instrument instruments lamp lamps mouse outlet outlets part parts "
        "piece pieces plane portion portions relation relations seasoning seasonings shield shields spike spot tick"
    ).split()
)
"""What people mean otherwise than WordNet's first sense or ImageNet's class has it: clocks are no instruments to them,
candles are no lamps, and a plane flies."""
_LIKE_ITS_PART = 0.85
"""Cosine of words and of a part of them, from which on a text that is the part asks for much of what the words do."""
_SHORTEST_PART = 3
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
    is_doubtful : bool
        Whether WordNet has the words mean something else more often than this one class: a drop is a cliff, too.
    """

    words: str
    classes: Mapping[str, tuple[int, ...]]
    beside: tuple[tuple[int, ...], ...] = ()
    is_doubtful: bool = False


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
        (words, of, (*heard.get(noun, ()), *heard.get(plural, ())), False)
        for noun, plural, of in _kinds_of_pictures(names, wordnet)
        for words in dict.fromkeys((noun, plural))
        if words not in _OTHERWISE
    ]
    known = {words for words, *_ in kinds}
    alone = [(words, (), of, False) for words, of in heard.items() if words not in known]
    single = [(words, of, (), doubtful) for words, of, doubtful in _pictures(names, wordnet) if words not in _OTHERWISE]
    common = [name.classes for name in common_names() if name.classes["imagenet"] and name.classes["audioset"]]
    return [
        Entry(
            words,
            {taxonomy: tuple(sorted({*of})) for taxonomy, of in (("imagenet", shown), ("audioset", sounds)) if of},
            tuple(of["audioset"] for of in common if set(of["imagenet"]) <= set(shown)),
            is_doubtful,
        )
        for words, shown, sounds, is_doubtful in [*kinds, *alone, *single]
    ]


def told_apart(entries: Sequence[Entry], words: TokenTable, classes: Mapping[str, Float32Array]) -> list[Entry]:
    """Leave out what means something else than its classes, and what a table of tokens cannot tell from such a thing.

    What WordNet has mean something else does so where another class is nearer to it. A chordate is "chord" and "##ate",
    of which the second says little: who asks for a chord would find birds. Phrases for several things are kept: what
    they share with a part is their topic.

    Parameters
    ----------
    entries : sequence of Entry
    words : TokenTable
        Which understands all of them.
    classes : Mapping of taxonomy to np.ndarray [shape=(n_classes, d), float32]
        Unit vectors of the names of its classes.

    Returns
    -------
    list of Entry
    """
    listed, whole = {entry.words for entry in entries}, set(words.tokens)
    vectors = words.vectors([entry.words for entry in entries])
    apart = []
    for entry, vector in zip(entries, vectors, strict=True):
        pieces = [words.tokens[token] for token in words.read(entry.words).tokens]
        is_divided = any(piece.startswith("##") for piece in pieces)
        parts = {piece.removeprefix("##") for piece in pieces} & whole - listed - {entry.words.removesuffix("s")}
        of_parts = words.vectors(sorted(part for part in parts if len(part) >= _SHORTEST_PART))
        near = of_parts[of_parts @ vector > _LIKE_ITS_PART]
        may_hide = is_divided or len(entry.classes.get("imagenet", ())) == 1
        doubted = [*([vector] if entry.is_doubtful else []), *(near if may_hide else [])]
        if not any(_means_another(meant, entry, classes) for meant in doubted):
            apart.append(entry)
    return apart


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
        of
        for of in entry.beside
        if of_unit_length(sounds[list(of)].mean(axis=0, keepdims=True))[0] @ meant > _LIKE_ITS_SOUND
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
            vectors[place] += of_unit_length(classes[taxonomy][telling or list(numbers)].mean(axis=0, keepdims=True))[0]
    return of_unit_length(vectors)


def _means_another(meant: Float32Array, entry: Entry, classes: Mapping[str, Float32Array]) -> bool:
    """Whether some other class is nearer to what a text means than all those of an entry, and those beside them."""
    of_entry, of_others = [], []
    for taxonomy, vectors in classes.items():
        numbers = set(entry.classes.get(taxonomy, ()))
        if taxonomy == "audioset":
            numbers.update(*entry.beside)
        is_own = np.isin(np.arange(len(vectors)), list(numbers))
        similarities = vectors @ meant
        of_entry.append(similarities[is_own].max(initial=-1))
        of_others.append(similarities[~is_own].max(initial=-1))
    return bool(max(of_others) > max(of_entry))


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


def _pictures(names: Names, wordnet: WordNet) -> Iterator[tuple[str, tuple[int, ...], bool]]:
    """List what ImageNet's classes are called by themselves, and whether that means something else more often."""
    for number, place in enumerate(names.imagenet):
        for noun in map(str.lower, names.lemmas[place][:_LEMMAS]):
            yield noun, (number,), wordnet.meant_first.get(noun, names.synsets[place]) != names.synsets[place]


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
