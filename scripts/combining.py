"""What media find when words are added to them, and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from general_trials import FIRST, Figure, figure

from modag_search.search.probes import ADDED, TAKEN_AWAY, Term, together
from modag_search.search.query import Query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modag_search.space import Space
    from modag_search.values import Float32Array, Modality


def combined(
    space: Space,
    modality: Modality,
    vectors: Float32Array,
    classes: np.ndarray,
    recordings: np.ndarray,
    *,
    texts: Mapping[str, str],
    is_taken_away: bool,
) -> tuple[Figure, Figure]:
    """Ask with media of each class A and the name of each other class B, and for media of the same modality.

    Parameters
    ----------
    space : Space
    modality : {"image", "sound"}
    vectors : np.ndarray [shape=(n, d), float32]
        One of each medium; what asks is no answer.
    classes, recordings : np.ndarray [shape=(n,), str]
    texts : Mapping of str to str
        How the classes are called.
    is_taken_away : bool
        Take the name of A away.

    Returns
    -------
    own, other : Figure
        Shares of A and of B among the first ten.
    """
    words = {name: Query(vectors={"text": space.text_vectors([text])}) for name, text in texts.items()}
    shares, chances, asked = [], [], []
    for a, b, medium in _questions(classes):
        terms = [
            Term(name=a, query=Query(vectors={modality: vectors[[medium]]}), weight=ADDED),
            Term(name=b, query=words[b], weight=ADDED),
            *([Term(name=a, query=words[a], weight=TAKEN_AWAY)] if is_taken_away else []),
        ]
        (probe,) = together(terms, space, [modality]).probes[modality]
        ranks = probe.ranks(vectors @ probe.vectors[0])
        ranks[medium] = -np.inf
        first = np.argsort(-ranks, kind="stable")[:FIRST]
        shares.append([np.mean(classes[first] == name) for name in (a, b)])
        chances.append([np.mean(classes == name) for name in (a, b)])
        asked.append(medium)
    of_a, of_b = (
        figure(np.array(own), np.array(chance), classes=classes[asked], recordings=recordings[asked])
        for own, chance in zip(zip(*shares, strict=True), zip(*chances, strict=True), strict=True)
    )
    return of_a, of_b


def _questions(classes: np.ndarray) -> Iterator[tuple[str, str, int]]:
    """Yield each pair of classes, and a medium of the first: another one for each pair, as far as there are."""
    names = np.unique(classes).tolist()
    for a in names:
        media = np.flatnonzero(classes == a)
        for number, b in enumerate(name for name in names if name != a):
            yield a, b, int(media[number % len(media)])
