"""How names became part of the space that ships: trials on train sources, and on names left out. No test source.

General sounds are those of named_sounds.py, whose file names say what they are; pictures of these are made up, for want
of photographs among the train sources. Instruments are sources, and classes, left out of training.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from leaving_names_out import names_of, without_names
from named_sounds import NAMED, made_up_pictures, named_sounds, right_pictures
from naming import Media, name_by

from modag_search.training.names import MeaningSettings, make_meaning
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from default_spaces import Packaged

    from modag_search.space import Space, TokenTable
    from modag_search.training.lexicon import Entry
    from modag_search.values import Float32Array, Modality

FIRST = 10
PARAPHRASES = Path(__file__).with_name("paraphrases.csv")
SEARCHES = Path(__file__).with_name("searches.csv")
QUERIES = Path(__file__).with_name("word_queries.csv")
PICTURES_A_CLASS = 3
MOST_CLASSES = 250
LEAST_SOUNDS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A way of making names part of a space.

    Attributes
    ----------
    settings : MeaningSettings or None
        None leaves them out.
    share : float
        See `Space.class_head_share`.
    counts_all : bool
        Let "Music" and "Animal" count as if they told things apart.
    """

    settings: MeaningSettings | None = MeaningSettings()  # noqa: RUF009  immutable
    share: float = 0.86
    counts_all: bool = False


_SHIPPED = MeaningSettings()
TRIALS = {
    "as shipped": Trial(),
    "without names": Trial(None, share=0.9),
    "least share 0.17": Trial(replace(_SHIPPED, least_share=0.17)),
    "least share 0.33": Trial(replace(_SHIPPED, least_share=0.33)),
    "least share 0.67": Trial(replace(_SHIPPED, least_share=0.67)),
    "what was learnt weighs 0.10": Trial(share=0.9),
    "what was learnt weighs 0.18": Trial(share=0.82),
    "all classes count": Trial(counts_all=True),
    "the 5 likeliest classes": Trial(replace(_SHIPPED, n_likeliest=5)),
    "the 20 likeliest classes": Trial(replace(_SHIPPED, n_likeliest=20)),
    "all classes, however unlikely": Trial(replace(_SHIPPED, n_likeliest=1000)),
    "pictures at temperature 1": Trial(replace(_SHIPPED, temperatures=(1.0, 1.0))),
    "pictures at temperature 2": Trial(replace(_SHIPPED, temperatures=(2.0, 1.0))),
    "sounds at temperature 0.7": Trial(replace(_SHIPPED, temperatures=(1.5, 0.7))),
    "sounds at temperature 1.5": Trial(replace(_SHIPPED, temperatures=(1.5, 1.5))),
    "words at temperature 0.03": Trial(replace(_SHIPPED, word_temperature=0.03)),
    "words at temperature 0.2": Trial(replace(_SHIPPED, word_temperature=0.2)),
    "common names have all of a word's share": Trial(replace(_SHIPPED, word_share=1.0)),
    "common names have a quarter of it": Trial(replace(_SHIPPED, word_share=0.25)),
    "what is said of classes weighs nothing": Trial(replace(_SHIPPED, said_share=0.0)),
    "what is said weighs 0.3": Trial(replace(_SHIPPED, said_share=0.3)),
    "what is said weighs 0.7": Trial(replace(_SHIPPED, said_share=0.7)),
    "what is said at temperature 0.03": Trial(replace(_SHIPPED, said_temperature=0.03)),
    "what is said at temperature 0.1": Trial(replace(_SHIPPED, said_temperature=0.1)),
    "no lexicon": Trial(replace(_SHIPPED, lexicon_share=0.0)),
    "the lexicon weighs 0.5": Trial(replace(_SHIPPED, lexicon_share=0.5)),
    "the lexicon weighs 0.9": Trial(replace(_SHIPPED, lexicon_share=0.9)),
    "the lexicon from a cosine of 0.7": Trial(replace(_SHIPPED, lexicon_least=0.7)),
    "the lexicon from a cosine of 0.9": Trial(replace(_SHIPPED, lexicon_least=0.9)),
    "the lexicon at temperature 0.05": Trial(replace(_SHIPPED, lexicon_temperature=0.05)),
    "nothing taught has a name": Trial(replace(_SHIPPED, taught_share=0.0)),
    "taught names weigh 0.3": Trial(replace(_SHIPPED, taught_share=0.3)),
    "taught names weigh 0.7": Trial(replace(_SHIPPED, taught_share=0.7)),
    "taught names from a cosine of 0.5": Trial(replace(_SHIPPED, taught_least=0.5)),
    "taught names at temperature 0.1": Trial(replace(_SHIPPED, taught_temperature=0.1)),
}
OF_TAUGHT_NAMES = ("as shipped", *(what for what in TRIALS if "taught" in what))


def tried(space: Space, ours: Packaged, trial: Trial) -> Space:
    """Make the space that a trial asks for of one that was trained."""
    if trial.settings is None:
        return replace(space, meaning=None, taught=None, class_head_share=trial.share)
    heads = {m: ours.encoder.encoders[m].class_head() for m in MODALITIES}
    known = {m: head for m, head in heads.items() if head is not None}
    meaning = make_meaning(known, ours.names, settings=trial.settings, share=trial.share)
    if trial.counts_all:
        classes = {m: replace(one, counts=np.ones_like(one.counts)) for m, one in meaning.classes.items()}
        meaning = replace(meaning, classes=classes)
    taught = space.taught and replace(
        space.taught,
        share=trial.settings.taught_share,
        least_similarity=trial.settings.taught_least,
        temperature=trial.settings.taught_temperature,
    )
    return replace(space, meaning=meaning, taught=taught, class_head_share=trial.share)


class GeneralThings:
    """Sounds and pictures of what is no instrument.

    Parameters
    ----------
    ours : Packaged
    photographs : np.ndarray [shape=(n, d), float32]
        Features to make pictures up of.
    entries : sequence of Entry
        See `shown_by_several`.
    packages, work : Path
        See `named_sounds`.
    """

    def __init__(
        self, ours: Packaged, photographs: Float32Array, entries: Sequence[Entry], *, packages: Path, work: Path
    ) -> None:
        head = ours.encoder.encoders["image"].class_head()
        assert head
        self._sounds = named_sounds(packages, ours.encoder.encoders["sound"], work=work)
        self._pictures, classes = made_up_pictures(head, photographs, n=PICTURES_A_CLASS)
        self._entries = [(entry.words, np.isin(classes, entry.classes["imagenet"])) for entry in entries]
        self._names = [name for name in NAMED if (self._sounds.names == name).sum() >= LEAST_SOUNDS]
        self._heard = {name: self._sounds.names == name for name in self._names}
        self._shown = {name: right_pictures(name, classes) for name in self._names}
        self.common_names = names_of(imagenet={number for name in self._names for number in NAMED[name].shown})

    def scores(self, space: Space) -> dict[str, float]:
        """Precision at ten, or at as many as are right, mean over names."""
        sounds, pictures = space.project("sound", self._sounds.features), space.project("image", self._pictures)
        across, alike = sounds @ pictures.T, sounds @ sounds.T
        np.fill_diagonal(alike, -np.inf)
        scores = {
            "sounds by sounds": [_precision(alike[self._heard[n]], self._heard[n], itself=1) for n in self._names],
            "pictures by sounds": [_precision(across[self._heard[n]], self._shown[n]) for n in self._names],
            "sounds by pictures": [_precision(across.T[self._shown[n]], self._heard[n]) for n in self._names],
        }
        if space.reads_words:
            texts = space.text_vectors([name.replace("_", " ") for name in self._names])
            said = paraphrases("general", self._names)
            described = space.text_vectors([text for _, text in said])
            for what, vectors, right in (("pictures", pictures, self._shown), ("sounds", sounds, self._heard)):
                scores[f"{what} by words"] = [
                    _precision(row[None], right[n]) for row, n in zip(texts @ vectors.T, self._names, strict=True)
                ]
                scores[f"{what} by paraphrases"] = [
                    _precision(row[None], right[n]) for row, (n, _) in zip(described @ vectors.T, said, strict=True)
                ]
            for what, forms in (("as they are", "{}"), ("old", "old {}")):
                asked = space.text_vectors([forms.format(words) for words, _ in self._entries])
                scores[f"pictures by kinds, {what}"] = [
                    _precision(row[None], right)
                    for row, (_, right) in zip(asked @ pictures.T, self._entries, strict=True)
                ]
        return {what: float(np.mean(values)) for what, values in scores.items()}


def _precision(similarities: Float32Array, right: np.ndarray, *, itself: int = 0) -> float:
    k = min(FIRST, int(right.sum()) - itself)
    return float(right[np.argsort(-similarities, axis=1)[:, :k]].mean())


def shown_by_several(entries: Sequence[Entry], words: TokenTable) -> list[Entry]:
    """List words of a lexicon that several of ImageNet's classes show, but for those that tests ask for."""
    with QUERIES.open(encoding="utf-8", newline="") as file:
        asked = {row["query"] for row in csv.DictReader(file)}
    return [
        entry
        for entry in entries
        if 1 < len(entry.classes.get("imagenet", ())) <= MOST_CLASSES
        and entry.words not in asked
        and not words.read(entry.words).unknown
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Instruments:
    """Train sources of which a space was not trained.

    Attributes
    ----------
    space : Space
    kept, asked : Mapping of modality to Media
    classes : tuple of str
        Those that training did not see either; empty where all that both sides have are asked for.
    """

    space: Space
    kept: Mapping[Modality, Media]
    asked: Mapping[Modality, Media]
    classes: tuple[str, ...]

    def scores(self, space: Space) -> dict[str, float]:
        """Accuracy of naming either modality by either, and by the names of the classes alone."""
        words: dict[Modality, str] = {"image": "photographs", "sound": "sounds"}
        scores = {}
        for modality in MODALITIES:
            queries = self.asked[modality]
            asked = space.project(modality, queries.features)
            for voting in MODALITIES:
                voters = self.kept[voting]
                either = set(self.classes) or {*queries.names} & {*voters.names} & {*self.kept["image"].names}
                projected = asked, space.project(voting, voters.features)
                listed = sorted(either & {*voters.names.tolist()})
                answer = name_by(queries, voters, projected=projected, classes=listed)
                kind = "unseen " if self.classes else ""
                scores[f"{kind}{words[modality]} by {words[voting]}"] = answer.accuracy
            if not space.reads_words:
                continue
            every = sorted({name for part in (self.asked, self.kept) for m in MODALITIES for name in part[m].names})
            if self.classes:
                unseen = sorted({*self.classes} & {*queries.names})
                scores[f"unseen {words[modality]} by names of all"] = _by_names(space, queries, asked, unseen, every)
                continue
            present = np.unique(queries.names).tolist()
            taught = sorted({*present} & {*self.kept[modality].names})
            scores[f"{words[modality]} by names alone"] = _by_names(space, queries, asked, present, present)
            scores[f"{words[modality]} by names taught"] = _by_names(space, queries, asked, taught, taught)
            scores[f"{words[modality]} by paraphrases"] = _by_paraphrases(space, queries, asked)
        return scores


def _by_names(
    space: Space, queries: Media, vectors: Float32Array, classes: Sequence[str], among: Sequence[str]
) -> float:
    """Accuracy of naming media of some classes, which are among those whose names are given."""
    guessed = (vectors @ space.text_vectors([f"a {name.replace('_', ' ')}" for name in among]).T).argmax(axis=1)
    right = np.array(among)[guessed] == queries.names
    return float(np.mean([right[queries.names == name].mean() for name in classes]))


def _by_paraphrases(space: Space, queries: Media, vectors: Float32Array) -> float:
    """Precision at ten, or at as many as are right, mean over paraphrases of classes that have three media."""
    names, counts = np.unique(queries.names, return_counts=True)
    said = paraphrases("instruments", names[counts >= LEAST_SOUNDS].tolist())
    similarities = space.text_vectors([text for _, text in said]) @ vectors.T
    return float(
        np.mean([_precision(row[None], queries.names == n) for row, (n, _) in zip(similarities, said, strict=True)])
    )


def paraphrases(taxonomy: str, classes: Sequence[str], *, file: Path = PARAPHRASES) -> list[tuple[str, str]]:
    """Read what someone may say who does not use the names of some classes, with the class of each.

    Parameters
    ----------
    taxonomy : {"general", "instruments", "imagenet", "audioset"}
        What the classes are of; of the last two they are numbers.
    classes : sequence of str
    file : Path
        `PARAPHRASES`, or `SEARCHES`: two of each class that was drawn, as short as one types and longer.
    """
    with file.open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["taxonomy"] == taxonomy]
    return [(row["class"], row["text"]) for row in rows if row["class"] in set(classes)]


def choose_names(
    ours: Packaged,
    space: Space,
    things: GeneralThings,
    instruments: Sequence[Instruments],
    *,
    trials: Sequence[str] = tuple(TRIALS),
) -> None:
    """Print how each trial does."""
    for number, what in enumerate(trials):
        trial = TRIALS[what]
        one = tried(space, ours, trial)
        row = things.scores(one)
        left_out = things.scores(without_names(one, things.common_names))
        row |= {f"names left out: {question}": score for question, score in left_out.items()}
        row = {f"general {question}" if question == "sounds by sounds" else question: v for question, v in row.items()}
        found = [instrument.scores(tried(instrument.space, ours, trial)) for instrument in instruments]
        for question in dict.fromkeys(question for scores in found for question in scores):
            row[question] = float(np.mean([scores[question] for scores in found if question in scores]))
        if number == 0:
            columns = list(row)
            click.echo(f"| names | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
        click.echo(f"| {what} | {' | '.join(f'{row[c]:.3f}' if c in row else '' for c in columns)} |")
