"""What the first few labels name, in a collection most of which is of classes that nobody labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.metrics.accuracy import expected_calibration_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LABELS = (1, 2, 3, 5)
CLASSES = (1, 2, 3, 5, 10)
MOST_LABELLED = 0.6
"""Share of the classes that get labels, at the most."""
SURE = 0.9

Name = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Given the places of what is labelled, and of what is asked, says of the latter whether its name is right, and how
sure it is ``[shape=(n_asked,)]``."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstLabels:
    """A few labels of a few classes, and what they named.

    Attributes
    ----------
    labels, classes : int
        How many a class, and of how many classes.
    is_known : np.ndarray [shape=(n,), bool]
        Whether it is of one of these; others are strangers.
    right : np.ndarray [shape=(n,), bool]
    confidence : np.ndarray [shape=(n,), float64]
    """

    labels: int
    classes: int
    is_known: np.ndarray
    right: np.ndarray
    confidence: np.ndarray


def first_labels(
    classes: np.ndarray, name: Name, *, draws: int, least: int = 4, numbers: Sequence[int] = CLASSES
) -> Iterator[FirstLabels]:
    """Label a few of a few classes, drawn at random, and name all others.

    Parameters
    ----------
    classes : np.ndarray [shape=(n,), str]
        Of each of a collection.
    name : callable
    draws : int
    least : int
        How many there must be of a class, that it may be labelled.
    numbers : sequence of int
        How many classes are labelled.

    Yields
    ------
    FirstLabels
    """
    names, counts = np.unique(classes, return_counts=True)
    for n_classes in numbers:
        for n in LABELS:
            enough = names[counts >= max(least, 2 * n)]
            if len(enough) < max(2, n_classes) or n_classes > MOST_LABELLED * len(names):
                continue
            for draw in range(draws):
                random = np.random.default_rng([draw, n_classes, n])
                chosen = np.sort(random.permutation(enough)[:n_classes])
                places = [random.permutation(np.flatnonzero(classes == one))[:n] for one in chosen]
                labelled = np.concatenate(places)
                asked = np.setdiff1d(np.arange(len(classes)), labelled)
                yield FirstLabels(n, n_classes, np.isin(classes[asked], chosen), *name(labelled, asked))


def summary(found: Sequence[FirstLabels]) -> dict[str, Any]:
    """Return the figures of a row of a table; accuracy is averaged over trials."""
    is_known, right, confidence = (
        np.concatenate([getattr(one, field) for one in found]) for field in ("is_known", "right", "confidence")
    )
    sure = confidence >= SURE
    return {
        "accuracy": float(np.mean([one.right[one.is_known].mean() for one in found])),
        "calibration_error_of_known": expected_calibration_error(confidence[is_known], right[is_known]),
        "of_all": expected_calibration_error(confidence, right),
        "known_above_0.9": float(sure[is_known].mean()),
        "strangers_above_0.5": float((confidence[~is_known] >= 0.5).mean()),
        "strangers_above_0.9": float(sure[~is_known].mean()),
        "right_of_all_above_0.9": float(right[sure].mean()) if sure.any() else None,
    }


def summaries(found: Sequence[FirstLabels]) -> Iterator[dict[str, Any]]:
    """Make rows by labels a class, whatever the number of classes, and by the number of classes."""
    for n in LABELS:
        yield {"labels_a_class": n, "classes_labelled": "all", **summary([one for one in found if one.labels == n])}
    for n_classes in dict.fromkeys(one.classes for one in found):
        of_classes = [one for one in found if one.classes == n_classes]
        yield {"labels_a_class": "all", "classes_labelled": n_classes, **summary(of_classes)}
