"""Answers in order of confidence, however many there are."""

from __future__ import annotations

import pickle
import tempfile
from array import array
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modag_search.values import Classification

Sort = Literal["confidence"] | None
"""In which order answers come: the least sure first, or None, as they are asked for."""

IN_MEMORY_BYTES = 64 * 1024**2


def at_most(answers: Iterable[Classification], max_confidence: float) -> Iterator[Classification]:
    """Leave out answers that are surer."""
    return (answer for answer in answers if answer.confidence <= max_confidence)


def least_sure_first(
    answers: Iterable[Classification], *, in_memory_bytes: int = IN_MEMORY_BYTES
) -> Iterator[Classification]:
    """Put answers in order of confidence.

    A large index has gigabytes of answers with their neighbours: what goes beyond `in_memory_bytes` waits in a file
    that is gone when the last of them was given, and 16 bytes an answer say where.

    Parameters
    ----------
    answers : iterable of Classification
    in_memory_bytes : int

    Yields
    ------
    Classification
        The least sure first; those as sure in the order in which they came.
    """
    confidences, places = array("d"), array("q")
    with tempfile.SpooledTemporaryFile(max_size=in_memory_bytes) as waiting:
        for answer in answers:
            confidences.append(round(answer.confidence, 6))
            places.append(waiting.tell())
            pickle.dump(answer, waiting, protocol=pickle.HIGHEST_PROTOCOL)
        for number in np.argsort(np.array(confidences), kind="stable").tolist():
            waiting.seek(places[number])
            yield pickle.load(waiting)  # noqa: S301  what was put there above
