"""What people and files said of segments: the ground that votes, heads and audits stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modag_search.catalog import Catalog
    from modag_search.hierarchy import Hierarchy
    from modag_search.values import Int64Array

SEGMENTS_OF_AN_ITEM = 8
"""As many segments as stand for a long item where each would cost time."""


def given_labels(catalog: Catalog, hierarchy: Hierarchy) -> tuple[dict[int, frozenset[str]], dict[int, int]]:
    """Return the labels that hold for each segment, and its item.

    Transferred labels are left out, as they only repeat what others said, and so is a label that another one of the
    segment is a kind of.

    Returns
    -------
    labels : dict of int to frozenset of str
        By segment.
    items : dict of int to int
        Likewise.
    """
    segment_ids, item_ids, names = catalog.labels.labelled_segments(given=True)
    labels: dict[int, set[str]] = {}
    for segment, name in zip(segment_ids.tolist(), names, strict=True):
        labels.setdefault(segment, set()).add(name)
    specific = {segment: hierarchy.most_specific(own) for segment, own in labels.items()}
    return specific, dict(zip(segment_ids.tolist(), item_ids.tolist(), strict=True))


def contents(catalog: Catalog, item_ids: Iterable[int]) -> dict[int, int]:
    """Give items of the same content the same number, by id."""
    numbers: dict[str, int] = {}
    return {
        item.id: numbers.setdefault(item.content_hash, len(numbers))
        for item in catalog.items.get_many(item_ids).values()
    }


def spread(segments: Int64Array) -> Int64Array:
    """Choose some of an item's segments, from its beginning to its end."""
    if len(segments) <= SEGMENTS_OF_AN_ITEM:
        return segments
    return segments[np.linspace(0, len(segments) - 1, SEGMENTS_OF_AN_ITEM).round().astype(np.int64)]
