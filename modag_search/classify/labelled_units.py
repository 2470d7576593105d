"""What is left out, and learnt from, as one: the segments of an item that have the same labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.labelled_set import spread

if TYPE_CHECKING:
    from modag_search.classify.arithmetic.logistic import BoolArray
    from modag_search.classify.labelled_set import LabelledVectors
    from modag_search.values import Float32Array, Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class LabelledUnits:
    """Labelled items of one modality; one whose parts have different labels is a unit for each set of them.

    Attributes
    ----------
    items : np.ndarray [shape=(n,), int64]
        Ids, ascending.
    contents : np.ndarray [shape=(n,), int64]
        As in `LabelledVectors`.
    starts : np.ndarray [shape=(n + 1,), int64]
        Where the segments of each begin and end in `places`.
    places : np.ndarray [shape=(n_segments,), int64]
        Of segments, among the labelled vectors; of long items some.
    packed : np.ndarray [shape=(n, n_labels / 8), uint8]
        The labels of each, as bits: a table of bools may not fit in memory.
    n_labels : int
    """

    items: Int64Array
    contents: Int64Array
    starts: Int64Array
    places: Int64Array
    packed: np.ndarray
    n_labels: int

    @classmethod
    def of(cls, part: LabelledVectors, *, n_labels: int) -> LabelledUnits:
        """Put labelled segments together."""
        packed = np.zeros((len(part), -(-n_labels // 8)), dtype=np.uint8)
        np.bitwise_or.at(packed, (part.rows, part.labels // 8), (128 >> (part.labels % 8)).astype(np.uint8))
        by_id = np.argsort(part.segments)
        items = np.ascontiguousarray(part.items[by_id])
        keys = np.concatenate([items[:, None].view(np.uint8).reshape(len(part), items.itemsize), packed[by_id]], axis=1)
        _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        # In order of items: the keys' own order is that of the bytes of ids.
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(items[first], kind="stable")] = np.arange(len(first))
        number = rank[number.reshape(-1)]
        order = np.argsort(number, kind="stable")
        counts = np.bincount(number, minlength=len(first))
        segments = [spread(own) for own in np.split(by_id[order], np.cumsum(counts)[:-1])] if len(first) else []
        starts = np.cumsum([0, *map(len, segments)])
        places = np.concatenate([np.zeros(0, dtype=np.int64), *segments])
        firsts = places[starts[:-1]]
        return cls(part.items[firsts], part.contents[firsts], starts, places, packed[firsts], n_labels)

    def __len__(self) -> int:
        return len(self.items)

    def holds(self, units: Int64Array) -> BoolArray:
        """Return which labels some of them have ``[shape=(len(units), n_labels)]``."""
        return np.unpackbits(self.packed[units], axis=1, count=self.n_labels).astype(bool)

    def segments(self, units: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Return the places of the segments of some of them, and for each its place among `units`."""
        counts = self.starts[units + 1] - self.starts[units]
        owners = np.repeat(np.arange(len(units)), counts)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self.places[np.repeat(self.starts[units], counts) + within], owners

    def mean_features(self, part: LabelledVectors) -> Float32Array:
        """Average the features of each one's segments ``[shape=(n, d)]``."""
        means = np.empty((len(self), part.features.shape[1]), dtype=np.float32)
        for first in range(0, len(self), _UNITS_AT_ONCE):
            units = np.arange(first, min(first + _UNITS_AT_ONCE, len(self)))
            places, owners = self.segments(units)
            begins = np.flatnonzero(np.diff(owners, prepend=-1))
            sums = np.add.reduceat(part.features[places].astype(np.float32), begins, axis=0)
            means[units] = sums / np.bincount(owners)[:, None]
        return means


_UNITS_AT_ONCE = 4096
