"""Labels of items that copies contradict: items of the same content, or with the very same features."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modag_search.values import CopyOf, LabelIssue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modag_search.catalog import Catalog
    from modag_search.classify.copied_labels import GivenLabels
    from modag_search.hierarchy import Hierarchy
    from modag_search.rivalry import Rivalry


def conflicting_copies(
    catalog: Catalog, given: GivenLabels, rivalry: Rivalry, hierarchy: Hierarchy, *, max_probability: float
) -> list[LabelIssue]:
    """List labels that exclude those of copies: one of them is wrong.

    Parameters
    ----------
    catalog : Catalog
    given : GivenLabels
    rivalry : Rivalry
    hierarchy : Hierarchy
    max_probability : float
        Which share of the other copies may have the label for it to be listed.

    Returns
    -------
    list of LabelIssue
    """
    found = [
        (item, label, other, share, suggested, confidence)
        for items in _copies(catalog, given)
        for labels in [{item: given.of([item]) for item in items}]
        for item in items
        for label, other, share, suggested, confidence in _contradicted(
            labels, item, lambda one, two: rivalry.exclude(one, two) and not hierarchy.are_related(one, two)
        )
        if share <= max_probability
    ]
    records = catalog.items.get_many({item for item, _, other, *_ in found for item in (item, other)})
    return [
        LabelIssue(
            id=item,
            path=records[item].path,
            modality="sound" if records[item].kind == "sound" else "image",
            label=label,
            probability=share,
            suggested=suggested,
            confidence=confidence,
            reason="copies",
            copy_of=CopyOf(
                id=other,
                path=records[other].path,
                confirmed_by="content" if given.content_of[item] == given.content_of[other] else "features",
            ),
        )
        for item, label, other, share, suggested, confidence in found
        if item in records and other in records
    ]


def _copies(catalog: Catalog, given: GivenLabels) -> Iterator[list[int]]:
    """Yield the items, two or more, that are copies of each other and that something was said of."""
    together = {content: {content} for content in given.items_of}
    for group in catalog.items.alike_among(given.content_of):
        merged = set().union(*(together[given.content_of[item]] for item in group))
        together |= dict.fromkeys(merged, merged)
    for content, contents in together.items():
        items = [item for one in sorted(contents) for item in given.items_of[one]]
        if content == min(contents) and len(items) > 1:
            yield items


def _contradicted(
    labels: Mapping[int, set[str]], item: int, exclude: Callable[[str, str], bool]
) -> Iterator[tuple[str, int, float, str, float]]:
    """Yield labels of an item that most of its copies contradict: a copy, shares of the label and of the copy's."""
    others = [copy for copy, own in labels.items() if copy != item and own]
    said = Counter(label for copy in others for label in labels[copy])
    for label in sorted(labels[item]):
        against = {other: count for other, count in said.items() if exclude(label, other)}
        suggested = max(sorted(against), key=lambda other: against[other], default=None)
        if suggested is not None and against[suggested] > said[label]:
            other = next(copy for copy in others if suggested in labels[copy])
            yield label, other, said[label] / len(others), suggested, against[suggested] / len(others)
