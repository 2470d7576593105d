"""An evaluation as one HTML file: no network, no scripts; legible in light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modag_search.evaluation.heatmap import HeatMap, as_svg
from modag_search.pages.document import page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modag_search.evaluation.results import CentroidDistances, Classification, Evaluation, Naming
    from modag_search.values import Modality

_NOUNS = {"sound": "sounds", "image": "pictures", "both": "both"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """A heat map on the page; those that follow each other under one heading have it once."""

    heading: str
    caption: str
    svg: str


def as_html(evaluation: Evaluation) -> bytes:
    """Write an evaluation as a page; the same evaluation gives the same page.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    bytes
        A whole HTML document; names are escaped.
    """
    return page(
        "evaluation.html",
        title=f"How good is {evaluation.index}?",
        styles=("evaluation.css", "page.css"),
        evaluation=evaluation,
        nouns=_NOUNS,
        facts=list(_facts(evaluation)),
        drawings=[*_confusions(evaluation), *_map_of_classes(evaluation.centroids)],
    )


def _facts(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    left_out = evaluation.left_out
    unused = f"{left_out.without_vector} labelled items that are silent, black, flat, failed or outdated"
    asking = f"files of {evaluation.manifest}" if evaluation.manifest else "the labelled items, each by the others"
    yield "index", evaluation.index
    yield "space", evaluation.space
    yield "labelled items", _counts(evaluation.items) + f"; {len(evaluation.labels)} labels"
    yield "asked with", f"{asking}: {_counts(evaluation.queries)}"
    yield "neighbours that vote", str(evaluation.k)
    yield "seed", f"{evaluation.seed}; {evaluation.draws} draws an interval"
    yield "left out", f"{unused}; {left_out.several_labels} with several labels"
    if evaluation.manifest:
        unused = f"{left_out.unknown_label} whose label the index does not know; {left_out.failed} that failed"
        yield "left out of the manifest", unused


def _confusions(evaluation: Evaluation) -> Iterator[_Drawing]:
    for number, result in enumerate(evaluation.classification):
        yield _Drawing(
            heading="" if number else "What is taken for what by pooled neighbours",
            caption=f"{_way(result)}: queries of a class (row) by the name that they get (column).",
            svg=as_svg(_confusion(result, result.pooled)),
        )


def _confusion(result: Classification, naming: Naming) -> HeatMap:
    return HeatMap(
        heat=[[count / max(sum(row), 1) for count in row] for row in naming.confusion],
        numbers=[[str(count) for count in row] for row in naming.confusion],
        rows=result.classes,
        columns=result.classes,
        row_title="is",
        column_title="is named",
        description=f"Confusion matrix, {_way(result)}",
    )


def _map_of_classes(centroids: CentroidDistances | None) -> Iterator[_Drawing]:
    """Draw distances: the nearest pair is the strongest, the farthest all but blank.

    Yields
    ------
    _Drawing
    """
    if centroids is None:
        return
    values = [value for row in centroids.distances for value in row]
    nearest, farthest = min(values), max(values)
    span = max(farthest - nearest, 1e-9)
    drawing = as_svg(
        HeatMap(
            heat=[[max((farthest - value) / span, 0.02) for value in row] for row in centroids.distances],
            numbers=[[f"{value:.2f}" for value in row] for row in centroids.distances],
            rows=centroids.sounds,
            columns=centroids.images,
            row_title="sounds",
            column_title="pictures",
            description="Cosine distances between the centroids of classes of sounds and of pictures",
        )
    )
    means = [
        f"{value:.3f} on average between {what}"
        for value, what in ((centroids.same, "the same class"), (centroids.different, "different classes"))
        if value is not None
    ]
    yield _Drawing(
        heading="How far classes of sounds are from classes of pictures",
        caption="Cosine distance (0 to 2) between the centroids of classes; the stronger the colour, the nearer. "
        f"{'; '.join(means)}.",
        svg=drawing,
    )


def _way(result: Classification) -> str:
    return f"{_NOUNS[result.queries]} named by {_NOUNS[result.voters]}"


def _counts(items: Mapping[Modality, int]) -> str:
    return ", ".join(f"{count} {_NOUNS[modality]}" for modality, count in items.items())
