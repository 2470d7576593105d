"""What the stores are asked for: directions in the space, and what it means to be near them.

In a shared space a sound is nearer to any sound than to most pictures (the modality gap: Liang et al., "Mind the gap",
NeurIPS 2022). Where results of both modalities stand in one list, each is ranked by how far it has come from the
similarity of unlike things of its kind, which the space's training measured, to that of the same thing, which is 1.

Terms that are combined are one direction for each modality that is stored. What is stored, x, ranks by the sum of

    weight * (cos(term, x) - mean) / scale

over the terms, where the mean is that of unlike things of the term's modality and of x's. Such a sum is linear in x:
one inner product and a constant, so that any store finds what ranks highest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import UsageError
from modag_search.search.query import common_direction
from modag_search.search.relevance import RelevanceScale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from modag_search.search.query import Query
    from modag_search.space import QueryModality, Space
    from modag_search.values import Float32Array, Modality

    UnlikeSimilarity = Callable[[QueryModality, Modality], tuple[float, float]]

ADDED = 1.0
TAKEN_AWAY = -0.5
"""Less than what is added, as is usual (Rocchio, "Relevance feedback in information retrieval", 1971): a dog without
"puppy" is to stay a dog, though the two are alike. Chosen on train sources: see docs/benchmarks/trials.md."""
_LEAST = 1e-6
_CANCELLED = 1e-5
"""What is left of directions of length 1 when 32-bit numbers round."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """Directions to compare with what is stored of one modality, and a scale that all modalities share.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
        Of unit length; what is stored counts with the nearest of them.
    unlike, same : float
        The similarity that ranks as 0, and the one that ranks as 1. In a combination, what is the same as all that was
        added, and unlike all that was taken away, would rank as 1: its similarity need not be a cosine that there is.
    relevance : RelevanceScale
        What similarities are worth, by what unlike things of the index have.
    """

    vectors: Float32Array
    unlike: float
    same: float
    relevance: RelevanceScale

    def ranks(self, similarities: Float32Array) -> Float32Array:
        """Rescale similarities: what is unlike is at 0, what is the same at 1.

        Parameters
        ----------
        similarities : np.ndarray, float32
            Cosines.

        Returns
        -------
        np.ndarray, float32
            Of the same shape, and in the same order.

        Examples
        --------
        >>> import numpy as np
        >>> scale = RelevanceScale(unlike=0.2, deviation=0.1)
        >>> probe = Probe(np.ones((1, 1), dtype=np.float32), unlike=0.2, same=1.0, relevance=scale)
        >>> probe.ranks(np.array([0.2, 0.6, 1.0], dtype=np.float32)).round(3).tolist()
        [0.0, 0.5, 1.0]
        """
        span = max(self.same - self.unlike, _LEAST)
        rescaled: Float32Array = ((similarities - self.unlike) / span).astype(similarities.dtype)
        return rescaled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """What is asked of the stores.

    Attributes
    ----------
    probes : Mapping of modality to sequence of Probe
        By what is stored: only what can be compared with what is asked.
    without : frozenset of int
        Ids of items that are no answer: those that ask.
    """

    probes: Mapping[Modality, Sequence[Probe]]
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Term:
    """One of the things that are asked with.

    Attributes
    ----------
    name : str
        As the user gave it.
    query : Query
    weight : float
        `ADDED` or `TAKEN_AWAY`.
    """

    name: str
    query: Query
    weight: float

    def comparable(self, space: Space, stored: Modality) -> dict[QueryModality, Float32Array]:
        """Return the vectors that can be compared with what is stored of a modality."""
        return {m: vectors for m, vectors in self.query.vectors.items() if space.compares(m, stored)}


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A direction of a sum, and what the similarity of unlike things to it is."""

    weight: float
    direction: Float32Array
    unlike: float
    deviation: float


def alone(term: Term, space: Space, wanted: Iterable[Modality], *, unlike: UnlikeSimilarity | None = None) -> Question:
    """Ask with all segments of one thing: what is stored counts with the segment that is nearest to it.

    Parameters
    ----------
    term : Term
    space : Space
    wanted : iterable of modality
        What to find; left out is what cannot be compared.
    unlike : callable, optional
        Mean and deviation of the similarity of unlike things, by what asks and what is stored, which relevance is
        measured by; default that of the space.

    Returns
    -------
    Question
    """
    unlike = unlike or space.unrelated_similarity
    probes = {
        stored: [
            Probe(
                vectors,
                unlike=space.unrelated_similarity(asking, stored)[0],
                same=1.0,
                relevance=_scale_of(*unlike(asking, stored)),
            )
            for asking, vectors in term.comparable(space, stored).items()
        ]
        for stored in wanted
    }
    return Question(probes={stored: some for stored, some in probes.items() if some}, without=term.query.without)


def together(
    terms: Sequence[Term], space: Space, wanted: Iterable[Modality], *, unlike: UnlikeSimilarity | None = None
) -> Question:
    """Ask with several things, each of which counts as the direction that its segments have in common.

    Where one of them has two modalities, as videos do, each counts half. Two terms that are the same rank as one.

    Parameters
    ----------
    terms : sequence of Term
    space : Space
    wanted : iterable of modality
        What to find; left out is what cannot be compared with anything that is added.
    unlike : callable, optional
        As for `alone`.

    Returns
    -------
    Question

    Raises
    ------
    UsageError
        If the terms cancel each other out.
    """
    unlike = unlike or space.unrelated_similarity
    probes = {stored: _combined(terms, space, stored, unlike) for stored in wanted}
    return Question(
        probes={stored: [probe] for stored, probe in probes.items() if probe},
        without=frozenset().union(*(term.query.without for term in terms)),
    )


def _combined(terms: Sequence[Term], space: Space, stored: Modality, unlike_here: UnlikeSimilarity) -> Probe | None:
    """Make one direction of several, to compare with one modality; None without anything that is added."""
    total = np.zeros((1, space.dimension), dtype=np.float64)
    unlike = span = most = 0.0
    parts: list[_Part] = []
    for term in terms:
        comparable = term.comparable(space, stored)
        for asking, vectors in comparable.items():
            mean, deviation = space.unrelated_similarity(asking, stored)
            weight = term.weight / len(comparable) / _scale(mean, deviation)
            direction = common_direction(vectors)
            total += weight * direction
            parts.append(_Part(weight, direction, *unlike_here(asking, stored)))
            unlike += weight * mean
            span += max(weight, 0.0) * max(1.0 - mean, _LEAST)
            most += abs(weight)
    if span == 0:
        return None
    length = float(np.linalg.norm(total))
    if length <= _CANCELLED * most:
        names = ", ".join(repr(term.name) for term in terms)
        raise UsageError(f"{names}: these cancel each other out, so nothing is left to ask with; leave one of them out")
    return Probe(
        (total / length).astype(np.float32),
        unlike=unlike / length,
        same=(unlike + span) / length,
        relevance=_scale_of_sum(parts, length),
    )


def _scale_of(mean: float, deviation: float) -> RelevanceScale:
    return RelevanceScale(unlike=mean, deviation=deviation)


def _scale_of_sum(parts: Sequence[_Part], length: float) -> RelevanceScale:
    """Tell what similarities to a sum of directions are worth, by what those to each direction are.

    The similarities of one thing to two directions go together as the two directions do: their cosine stands for the
    correlation.
    """
    unlike = sum(part.weight * part.unlike for part in parts)
    span = sum(max(part.weight, 0.0) * max(1.0 - part.unlike, _LEAST) for part in parts)
    variance = sum(
        one.weight * other.weight * one.deviation * other.deviation * float((one.direction @ other.direction.T)[0, 0])
        for one in parts
        for other in parts
    )
    deviation = math.sqrt(max(variance, 0.0))
    return RelevanceScale(unlike=unlike / length, deviation=deviation / length, same=(unlike + span) / length)


def _scale(mean: float, deviation: float) -> float:
    """Return what brings related things of all pairs of modalities to about the same height.

    Words never come near the similarity of the same thing, so that on the scale that ends there they would count too
    little; and unlike things are so near each other in words that on the scale of their deviation words would count too
    much. The scale is the geometric mean of both (docs/benchmarks/trials.md).
    """
    return math.sqrt(max(1.0 - mean, _LEAST) * max(deviation, _LEAST))
