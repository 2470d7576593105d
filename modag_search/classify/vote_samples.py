"""Labels with very many votes: what some of the votes say of all labels, and all of them of the labels that may hold.

The mean of a label's votes is the similarity to their sum, so that it needs none of them. The kernel estimate needs the
nearest, which a sample of the votes gives roughly: where it makes a label unlikely, that is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from modag_search.classify.arithmetic.knn import label_kernels
from modag_search.classify.labelled_set import SortedVotes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.classify.arithmetic.logistic import BoolArray
    from modag_search.classify.labelled_set import LabelledVectors
    from modag_search.values import Float32Array, Int64Array

MANY_VOTES: Final = 40_000
"""From so many votes on, of both modalities, labels that are hardly possible are told by a sample of them."""

HARDLY_POSSIBLE: Final = 3e-4
"""A label that is less likely by a sample is not asked in full."""

_SHARE: Final = 8
_FEWEST: Final = 16
"""Of so many votes of a label one is drawn, but no fewer than these."""

_VECTORS_AT_ONCE: Final = 4096
_CELLS_AT_ONCE: Final = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Asking:
    """Segments of one modality that ask.

    Attributes
    ----------
    vectors : np.ndarray [shape=(n, d), float32]
    own : np.ndarray [shape=(n,), int64]
        Whose votes each must not hear.
    unlike : np.float32
        Their similarity to unlike things of the modality that votes, which is taken off.
    """

    vectors: Float32Array
    own: Int64Array
    unlike: np.float32


class VoteSamples:
    """The votes of one modality, of which all are asked or some.

    Parameters
    ----------
    part : LabelledVectors
    n_labels : int
    k : int
    temperature : float
        Of the kernel estimate; see `knn.label_kernels`.
    """

    def __init__(self, part: LabelledVectors, *, n_labels: int, k: int, temperature: float) -> None:
        self._part = part
        self._n_labels = n_labels
        self._k = k
        self._temperature = temperature
        self._labels, self._firsts = np.unique(part.labels, return_index=True)
        self._sizes = np.diff(np.append(self._firsts, len(part.labels)))
        self._sums = _sums(part, self._firsts, self._sizes)
        self._sampled = _sampled(self._firsts, self._sizes)
        self._vectors = part.vectors[part.rows[self._sampled]]

    def __len__(self) -> int:
        return len(self._sampled)

    def means(self, asking: Asking, own: SortedVotes) -> Float32Array:
        """Average similarities over the votes of each label, as `knn.label_means` does.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float32]
        """
        sums = np.zeros((len(asking.vectors), self._n_labels), dtype=np.float32)
        sums[:, self._labels] = asking.vectors @ self._sums.T
        counts = np.zeros(sums.shape, dtype=np.float32)
        counts[:, self._labels] = self._sizes
        for cells, of_own, n_own in self._said_by_own(asking, own):
            sums[cells] -= of_own
            counts[cells] -= n_own
        means: Float32Array = np.where(
            counts > 0, sums / np.maximum(counts, np.float32(1)) - asking.unlike, np.float32(-np.inf)
        )
        return means.astype(np.float32, copy=False)

    def _said_by_own(
        self, asking: Asking, own: SortedVotes
    ) -> Iterator[tuple[tuple[Int64Array, Int64Array], Float32Array, Int64Array]]:
        """Add up what segments would hear of own votes, some pairs of a segment and a label at once.

        The votes of each owner for a label are added up first: an item of many segments has as many votes, and their
        pairs with all who ask would fill memory.

        Yields
        ------
        cells : tuple of np.ndarray [shape=(m,), int64]
            Segment and label of each pair.
        similarities : np.ndarray [shape=(m,), float32]
        counts : np.ndarray [shape=(m,), int64]
            Of how many votes they are sums.
        """
        voters = np.unique(asking.own)
        places, votes = own.cast_by(voters)
        labels = self._part.labels[votes]  # ascending for each voter, as all votes are in order of labels
        firsts = np.flatnonzero((np.diff(places, prepend=-1) != 0) | (np.diff(labels, prepend=-1) != 0))
        sums = _sums_of_spans(self._part, votes, firsts)
        counts = np.diff(np.append(firsts, len(votes)))
        rows, spans = SortedVotes.of(voters[places[firsts]]).cast_by(asking.own)
        for start in range(0, len(rows), _VECTORS_AT_ONCE):
            of_rows, of_spans = rows[start : start + _VECTORS_AT_ONCE], spans[start : start + _VECTORS_AT_ONCE]
            similarities = np.einsum("ij,ij->i", asking.vectors[of_rows], sums[of_spans])
            yield (of_rows, labels[firsts[of_spans]]), similarities, counts[of_spans]

    def rough_kernels(self, asking: Asking, own: SortedVotes) -> Float32Array:
        """Estimate what `knn.label_kernels` would say, by the sample.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), float32]
        """
        similarities = asking.vectors @ self._vectors.T
        similarities -= asking.unlike
        is_own = asking.own[:, None] == own.voter_of_each()[self._sampled]
        np.copyto(similarities, np.float32(-np.inf), where=is_own)
        of_sample = self._part.labels[self._sampled]
        k = max(1, round(self._k / _SHARE))
        rough = label_kernels(similarities, of_sample, n_labels=self._n_labels, k=k, temperature=self._temperature)
        # As many nearest are summed in proportion, so that a sample of the same share gives the same on average.
        drawn = np.bincount(of_sample, minlength=self._n_labels)[self._labels]
        expected = np.minimum(self._k, self._sizes) / self._sizes / (np.minimum(k, drawn) / drawn)
        rough[:, self._labels] += (self._temperature * np.log(expected)).astype(np.float32)
        return rough

    def kernels(
        self, asking: Asking, own: SortedVotes, wanted: BoolArray
    ) -> Iterator[tuple[int, Int64Array, Float32Array]]:
        """Ask all votes of some labels.

        Parameters
        ----------
        asking : Asking
        own : SortedVotes
        wanted : np.ndarray [shape=(n, n_labels), bool]
            By which segments.

        Yields
        ------
        label : int
        rows : np.ndarray [shape=(m,), int64]
            Who asks.
        kernels : np.ndarray [shape=(m,), float32]
        """
        voters = own.voter_of_each()
        for label, first, size in zip(self._labels.tolist(), self._firsts.tolist(), self._sizes.tolist(), strict=True):
            rows = np.flatnonzero(wanted[:, label])
            at_once = max(1, _CELLS_AT_ONCE // size)
            kernels = [
                self._kernels_of(asking, rows[start : start + at_once], voters, slice(first, first + size))
                for start in range(0, len(rows), at_once)
            ]
            if kernels:
                yield label, rows, np.concatenate(kernels)

    def _kernels_of(self, asking: Asking, rows: Int64Array, voters: Int64Array, votes: slice) -> Float32Array:
        """Ask all votes of one label, on behalf of some segments; `voters` are those of all votes."""
        vectors, size = asking.vectors[rows], votes.stop - votes.start
        similarities = np.empty((len(rows), size), dtype=np.float32)
        for start in range(0, size, _VECTORS_AT_ONCE):
            some = similarities[:, start : start + _VECTORS_AT_ONCE]
            np.matmul(vectors, _taken(self._part, votes.start + start, some.shape[1]).T, out=some)
        similarities -= asking.unlike
        np.copyto(similarities, np.float32(-np.inf), where=asking.own[rows, None] == voters[votes])
        one = np.zeros(size, dtype=np.int64)
        return label_kernels(similarities, one, n_labels=1, k=self._k, temperature=self._temperature)[:, 0]


def _sums(part: LabelledVectors, firsts: Int64Array, sizes: Int64Array) -> Float32Array:
    """Add up the vectors of the votes of each label."""
    sums = np.zeros((len(firsts), part.vectors.shape[1]), dtype=np.float64)
    for number, (first, size) in enumerate(zip(firsts.tolist(), sizes.tolist(), strict=True)):
        for start in range(first, first + size, _VECTORS_AT_ONCE):
            some = _taken(part, start, min(_VECTORS_AT_ONCE, first + size - start))
            sums[number] += some.sum(axis=0, dtype=np.float64)
    return sums.astype(np.float32)


def _sums_of_spans(part: LabelledVectors, votes: Int64Array, firsts: Int64Array) -> Float32Array:
    """Add up the vectors of votes that follow on each other, from each of some places to the next."""
    sums = np.zeros((len(firsts), part.vectors.shape[1]), dtype=np.float64)
    numbers = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(votes))))
    for start in range(0, len(votes), _VECTORS_AT_ONCE):
        some = slice(start, start + _VECTORS_AT_ONCE)
        spans, starts = np.unique(numbers[some], return_index=True)
        sums[spans] += np.add.reduceat(part.vectors[part.rows[votes[some]]].astype(np.float64), starts, axis=0)
    return sums.astype(np.float32)


def _sampled(firsts: Int64Array, sizes: Int64Array) -> Int64Array:
    """Draw votes of each label, always the same ones, ascending."""
    random = np.random.default_rng(0)
    drawn = [
        first + random.choice(size, min(size, max(_FEWEST, size // _SHARE)), replace=False)
        for first, size in zip(firsts.tolist(), sizes.tolist(), strict=True)
    ]
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *drawn]))


def _taken(part: LabelledVectors, first: int, size: int) -> Float32Array:
    """Return the vectors of votes that follow on each other; as a view where their segments do, too."""
    rows = part.rows[first : first + size]
    if rows[-1] - rows[0] + 1 == size and bool((rows[1:] > rows[:-1]).all()):
        return part.vectors[rows[0] : rows[0] + size]
    return part.vectors[rows]
