"""Copies among answers: items with the same content, or with the very same features, are one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.copies.keeping import Keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from modag_search.catalog import Catalog
    from modag_search.values import Float32Array, Int64Array, ItemRecord, MediaKind

EQUALLY_NEAR = 3e-6
"""What the ranks of the same vector may differ by, as products of matrices round."""
_AT_ONCE = 1000


class Folding:
    """Takes copies together, for one search; no file is decoded.

    Parameters
    ----------
    catalog : Catalog
        In the view of the search.
    may_answer : callable
        Keeps those of some ids of items that filters let pass, and that do not ask.
    """

    def __init__(self, catalog: Catalog, may_answer: Callable[[Collection[int]], set[int]]) -> None:
        self._catalog = catalog
        self._may_answer = may_answer
        self._contents: dict[int, tuple[str, MediaKind]] = {}
        self._same_features: dict[int, list[int]] = {}

    def owners(self, segments: Int64Array) -> Int64Array:
        """Return the id of the item of each segment, -1 where there is none, and note what the items hold.

        Parameters
        ----------
        segments : np.ndarray [shape=(n,), int64]

        Returns
        -------
        np.ndarray [shape=(n,), int64]
        """
        owners, contents = self._catalog.segments.owners_and_contents(segments)
        self._contents |= contents
        return owners

    def firsts(self, items: Int64Array, ranks: Float32Array, *, n: int) -> Int64Array:
        """Choose the first of all copies of each other, `n` at the most, and note the copies of each.

        Parameters
        ----------
        items : np.ndarray [shape=(m,), int64]
            Ids that `owners` returned, each once, the best first. The copies of the last are all noted only where these
            go on beyond what is equally near.
        ranks : np.ndarray [shape=(m,), float32]
            Only what ranks alike can have the same features.
        n : int

        Returns
        -------
        np.ndarray [shape=(k,), int64]
            Places in `items`.
        """
        self._same_features = {}
        is_near_next = np.abs(np.diff(ranks)) <= EQUALLY_NEAR
        may_have_same = np.concatenate([is_near_next, [False]]) | np.concatenate([[False], is_near_next])
        kept: list[int] = []
        seen: set[tuple[str, MediaKind]] = set()
        originals: dict[bytes, int] = {}
        for start in range(0, len(items), min(_AT_ONCE, 2 * n)):
            if len(kept) == n and ranks[start] < ranks[kept[-1]] - EQUALLY_NEAR:
                break  # what follows is no copy of any that is kept
            block = slice(start, start + min(_AT_ONCE, 2 * n))
            new = [place + start for place in self._of_new_content(items[block], seen)]
            may_be_same = [int(items[place]) for place in new if may_have_same[place]]
            digests = self._catalog.items.digests(may_be_same) if may_be_same else {}
            for place in new:
                item = int(items[place])
                original = originals.setdefault(digests[item], item) if item in digests else item
                if original != item:
                    self._same_features.setdefault(original, []).append(item)
                elif len(kept) < n:
                    kept.append(place)
        return np.array(kept, dtype=np.int64)

    def _of_new_content(self, items: Int64Array, seen: set[tuple[str, MediaKind]]) -> list[int]:
        """Return the places of items that are the first of their content, and take note of it."""
        new = []
        for place, item in enumerate(items.tolist()):
            content = self._contents[item]
            if content not in seen:
                seen.add(content)
                new.append(place)
        return new

    def copies(self, items: Sequence[int]) -> dict[int, list[ItemRecord]]:
        """Return the items that `firsts` chose, each with all its copies: the one to show comes first.

        Parameters
        ----------
        items : sequence of int

        Returns
        -------
        dict of int to list of ItemRecord
            By the id of the item that was chosen.
        """
        alike = {item: [self._contents[one] for one in (item, *self._same_features.get(item, ()))] for item in items}
        hashes = {content_hash for contents in alike.values() for content_hash, _ in contents}
        records = [one for of_content in self._catalog.items.with_hashes(hashes).values() for one in of_content]
        allowed = self._may_answer([one.id for one in records])
        by_content: dict[tuple[str, MediaKind], list[ItemRecord]] = {}
        for one in records:
            if one.id in allowed:
                by_content.setdefault((one.content_hash, one.kind), []).append(one)
        return {
            item: _best_first([one for content in contents for one in by_content[content]])
            for item, contents in alike.items()
        }


def _best_first(copies: Sequence[ItemRecord]) -> list[ItemRecord]:
    """Put first what `modag duplicates` would keep of what is there; the others follow by path."""
    if len(copies) == 1:
        return list(copies)
    best, _ = Keeper(have_same_features=True).choose(copies, labelled={item.id for item in copies if item.labels})
    return [best, *sorted((item for item in copies if item is not best), key=lambda item: item.path)]
