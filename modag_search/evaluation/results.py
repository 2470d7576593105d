"""What an evaluation finds: immutable, fit for JSON by `dataclasses.asdict`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.metrics.accuracy import Interval
    from modag_search.values import Modality

VoterKind = Literal["sound", "image", "both"]

_DECIMALS = 6
"""The last bits of a sum depend on the machine; reports should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An estimate with the ends of its 95 % interval, and what chance would score."""

    estimate: float
    low: float
    high: float
    chance: float

    @classmethod
    def of(cls, interval: Interval, *, chance: float) -> Score:
        """Join an interval and its chance level."""
        return cls(
            estimate=rounded(interval.estimate),
            low=rounded(interval.low),
            high=rounded(interval.high),
            chance=rounded(chance),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """How well items of one modality find items of another, or of their own, with the same label.

    Attributes
    ----------
    queries, answers : {"image", "sound"}
    n_queries, n_answers : int
        Items that ask, and items that are ranked.
    n_left_out : int
        Items that do not ask, since no item but themselves has their label.
    scores : Mapping of str to Score
        By the name of the metric: R@1, R@5, R@10, median rank, MRR, mAP, nDCG@10.
    """

    queries: Modality
    answers: Modality
    n_queries: int
    n_answers: int
    n_left_out: int
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAccuracy:
    """Share of a class's queries that are named right."""

    label: str
    n_queries: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How well one way of naming does.

    Attributes
    ----------
    accuracy : Score
        Averaged over classes.
    by_class : tuple of ClassAccuracy
    confusion : tuple of tuple of int
        Queries by their class (rows) and by the class that they were named (columns).
    """

    accuracy: Score
    by_class: tuple[ClassAccuracy, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """How well labelled items name items of one modality.

    Attributes
    ----------
    voters : {"sound", "image", "both"}
    queries : {"image", "sound"}
    classes : tuple of str
        The labels that voters and queries share.
    n_voters, n_queries : int
    n_left_out : int
        Items that do not ask, since no voter but themselves has their label.
    pooled : Naming
        By the neighbours of each label, pooled, as `Index.classify` names by default.
    knn : Naming
        By the plain vote of the nearest voters.
    head : Naming
        By a linear head, as `Index.train_head` fits one.
    """

    voters: VoterKind
    queries: Modality
    classes: tuple[str, ...]
    n_voters: int
    n_queries: int
    n_left_out: int
    pooled: Naming
    knn: Naming
    head: Naming


@dataclass(frozen=True, slots=True, kw_only=True)
class CentroidDistances:
    """Cosine distances between the classes of sounds and those of pictures.

    Attributes
    ----------
    sounds, images : tuple of str
        Names of the classes, those of both modalities first.
    distances : tuple of tuple of float
        A row a class of sounds, a column a class of pictures; in [0, 2].
    same, different : float or None
        Means over pairs of the same class and of different classes; None where there is no such pair.
    """

    sounds: tuple[str, ...]
    images: tuple[str, ...]
    distances: tuple[tuple[float, ...], ...]
    same: float | None
    different: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Items that take no part.

    Attributes
    ----------
    without_vector : int
        Labelled items that are silent, black, flat, failed, or made by another version of an encoder.
    several_labels : int
        Items, and files of the manifest, with more than one label, or with one that is none of those that answers are
        chosen from: no single name is right.
    unknown_label : int
        Files of the manifest that have no label, or one that no item of the index has.
    failed : int
        Files of the manifest that could not be read, or are silent or black.
    """

    without_vector: int
    several_labels: int
    unknown_label: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How good an index is; the same index and the same settings give the same.

    Attributes
    ----------
    index, space : str
        Names.
    manifest : str or None
        Name of the file that lists the queries; None where the labelled items ask each other.
    k, seed, draws : int
        Neighbours that vote; seed of folds and intervals; draws of an interval.
    items, queries : Mapping of modality to int
        Labelled items of the index, and what asks.
    labels : tuple of str
        Of the index.
    left_out : LeftOut
    notes : tuple of str
        What could not be evaluated, and why.
    retrieval : tuple of Retrieval
        Across modalities first.
    classification : tuple of Classification
    centroids : CentroidDistances or None
        None where a modality has no labelled item.
    """

    index: str
    space: str
    manifest: str | None
    k: int
    seed: int
    draws: int
    items: Mapping[Modality, int]
    queries: Mapping[Modality, int]
    labels: tuple[str, ...]
    left_out: LeftOut
    notes: tuple[str, ...]
    retrieval: tuple[Retrieval, ...]
    classification: tuple[Classification, ...]
    centroids: CentroidDistances | None


def rounded(value: float) -> float:
    """Round to what is the same on every machine."""
    return round(float(value), _DECIMALS)
