"""The trials that scripts share: naming examples of one modality by labelled examples of either.

Every trial is top-1 macro accuracy over the classes that queries and voters have in common. Excerpts of one recording
have one vote together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sources import recording, source_of

from modag_search.classify.arithmetic.knn import label_means, vote_all, vote_weights
from modag_search.metrics.accuracy import Interval, bootstrap_macro_accuracy, macro_accuracy
from modag_search.training.space import Examples
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.training.collecting import Collected
    from modag_search.training.manifest import ManifestEntry

Project = Callable[[Modality, Float32Array], Float32Array]
TEMPERATURE = 0.07

UNSEEN_CANDIDATES = [
    *("accordion", "banjo", "cello", "drums", "flute", "french_horn", "guitar", "harmonica", "harp", "mandolin"),
    *("maracas", "oboe", "piano", "saxophone", "trombone", "trumpet", "violin"),
]
"""Classes with train sounds and at least five train photographs."""
UNSEEN_CLASSES = 9
UNSEEN_DRAWS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Media:
    """Examples of one modality with their names.

    Attributes
    ----------
    features : np.ndarray [shape=(n, d), float32]
    names : np.ndarray [shape=(n,), str]
        Class of each.
    sources : np.ndarray [shape=(n,), str]
    recordings : np.ndarray [shape=(n,), int64]
        The same number for excerpts of one recording.
    """

    features: Float32Array
    names: np.ndarray
    sources: np.ndarray
    recordings: np.ndarray

    def only(self, chosen: np.ndarray) -> Media:
        """Return some of the examples."""
        return Media(self.features[chosen], self.names[chosen], self.sources[chosen], self.recordings[chosen])

    def of(self, names: Sequence[str]) -> Media:
        """Return the examples of some classes."""
        return self.only(np.isin(self.names, list(names)))


def media(collected: Collected, manifest: list[ManifestEntry]) -> dict[Modality, Media]:
    """Arrange collected features by modality."""
    arranged = {}
    for modality in MODALITIES:
        rows = [manifest[entry] for entry in collected.entries[modality]]
        _, numbers = np.unique([recording(row.path) for row in rows], return_inverse=True)
        arranged[modality] = Media(
            collected.examples[modality].features,
            np.array([row.group for row in rows]),
            np.array([source_of(row) for row in rows]),
            numbers,
        )
    return arranged


def examples(arranged: dict[Modality, Media]) -> tuple[dict[Modality, Examples], list[str]]:
    """Return what training takes: features with numbers of groups, and the groups' names."""
    groups = sorted({*arranged["sound"].names.tolist(), *arranged["image"].names.tolist()})
    numbered = {m: Examples(arranged[m].features, np.searchsorted(groups, arranged[m].names)) for m in MODALITIES}
    return numbered, groups


def by_nearest(queries: Float32Array, voters: Float32Array, classes: np.ndarray, n_classes: int) -> Float32Array:
    """Let the 20 nearest voters vote."""
    return vote_all(queries @ voters.T, classes, n_classes=n_classes, k=20)


def by_balanced(queries: Float32Array, voters: Float32Array, classes: np.ndarray, n_classes: int) -> Float32Array:
    """Let every class say how similar its voters are on average."""
    weights = vote_weights(label_means(queries @ voters.T, classes, n_labels=n_classes), temperature=TEMPERATURE)
    shares: Float32Array = weights / weights.sum(axis=1, keepdims=True)
    return shares


def by_prototypes(queries: Float32Array, voters: Float32Array, classes: np.ndarray, n_classes: int) -> Float32Array:
    """Let the mean of the voters of every class vote."""
    means = np.stack([voters[classes == c].mean(axis=0) for c in range(n_classes)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    likelihoods = np.exp(queries @ means.T / TEMPERATURE)
    shares: Float32Array = likelihoods / likelihoods.sum(axis=1, keepdims=True)
    return shares


def by_head(queries: Float32Array, voters: Float32Array, classes: np.ndarray, n_classes: int) -> Float32Array:
    """Fit a logistic regression to the voters; every class weighs the same."""
    from sklearn.linear_model import LogisticRegression

    scale = np.sqrt(voters.var(axis=0).mean()) + 1e-9
    head = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500).fit(voters / scale, classes)
    shares = np.zeros((len(queries), n_classes), dtype=np.float32)
    shares[:, head.classes_] = head.predict_proba(queries / scale)
    return shares


METHOD = "balanced"
"""The method whose figures are quoted. It did best on sources left out; `pooling` builds on it."""
METHODS = {"20-NN": by_nearest, "balanced": by_balanced, "prototypes": by_prototypes, "head": by_head}


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What a trial guessed.

    Attributes
    ----------
    expected, guessed : np.ndarray [shape=(n,), int64]
        One a recording or picture.
    classes : list of str
    """

    expected: np.ndarray
    guessed: np.ndarray
    classes: list[str]

    @property
    def accuracy(self) -> float:
        """Top-1 macro accuracy."""
        return macro_accuracy(self.expected, self.guessed)

    @property
    def chance(self) -> float:
        """What guessing one class scores."""
        return 1 / len(np.unique(self.expected))

    @property
    def interval(self) -> Interval:
        """The accuracy with its 95 % bootstrap interval over recordings or pictures."""
        return bootstrap_macro_accuracy(self.expected, self.guessed)


def name_by(
    queries: Media,
    voters: Media,
    *,
    projected: tuple[Float32Array, Float32Array],
    classes: Sequence[str],
    method: str = METHOD,
) -> Decision:
    """Name queries of some classes by voters of these.

    Parameters
    ----------
    queries, voters : Media
    projected : pair of np.ndarray
        Vectors of all queries and of all voters.
    classes : sequence of str
    method : str
        One of `METHODS`.
    """
    listed = sorted(classes)
    asked, voting = np.isin(queries.names, listed), np.isin(voters.names, listed)
    shares = METHODS[method](
        projected[0][asked], projected[1][voting], np.searchsorted(listed, voters.names[voting]), len(listed)
    )
    _, first, numbers = np.unique(queries.recordings[asked], return_index=True, return_inverse=True)
    together = np.zeros((len(first), len(listed)))
    np.add.at(together, numbers, shares)
    expected = np.searchsorted(listed, queries.names[asked][first]).astype(np.int64)
    return Decision(expected, together.argmax(axis=1).astype(np.int64), listed)


def standardised(train: dict[Modality, Media]) -> Project:
    """Return a projection that only standardises features and brings them to unit length."""
    means = {m: train[m].features.mean(axis=0) for m in MODALITIES}
    spreads = {m: train[m].features.std(axis=0) + 0.05 for m in MODALITIES}

    def project(modality: Modality, features: Float32Array) -> Float32Array:
        standard = (features - means[modality]) / spreads[modality]
        unit: Float32Array = standard / np.linalg.norm(standard, axis=1, keepdims=True)
        return unit

    return project


def other(modality: Modality) -> Modality:
    """Return the modality that is not this one."""
    return "image" if modality == "sound" else "sound"


def unseen_draws(seed: int = 0) -> list[list[str]]:
    """Draw the classes that a space is not to see, ten times nine of 17."""
    random = np.random.default_rng(seed)
    return [sorted(random.choice(UNSEEN_CANDIDATES, UNSEEN_CLASSES, replace=False)) for _ in range(UNSEEN_DRAWS)]


def without(arranged: dict[Modality, Media], classes: Sequence[str]) -> dict[Modality, Media]:
    """Leave out all media of some classes."""
    return {m: part.only(~np.isin(part.names, list(classes))) for m, part in arranged.items()}
