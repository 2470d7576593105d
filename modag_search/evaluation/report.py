"""An evaluation as one HTML file: no network, no scripts; legible in light and dark."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from modag_search.evaluation.heatmap import HeatMap, as_svg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.evaluation.results import (
        CentroidDistances,
        Classification,
        Evaluation,
        Naming,
        Retrieval,
        Score,
    )
    from modag_search.values import Modality

_MODALITY: dict[Modality, str] = {"sound": "sounds", "image": "pictures"}
_VOTERS = {"sound": "sounds", "image": "pictures", "both": "both"}

_STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --faint: #5c6570; --line: #d5dae0;
  --heat: #0b3d75; --on-heat: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e8ebee; --faint: #a0a9b4; --line: #363d46;
  --heat: #8cc3ff; --on-heat: #10141a; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .8rem .35rem 0; text-align: left;
  vertical-align: top; white-space: nowrap; }
td small { color: var(--faint); display: block; }
dl { display: grid; gap: .1rem 1rem; grid-template-columns: max-content auto; } dd { margin: 0; }
dt, figcaption, .note { color: var(--faint); }
figure { margin: 1.5rem 0; } figcaption { max-width: 45rem; }
svg.map { font: 12px system-ui, sans-serif; height: auto; }
svg.map text { fill: var(--ink); } svg.map rect { fill: var(--heat); }
svg.map text.axis { fill: var(--faint); }
svg.map text.weak, svg.map text.strong { font-size: 10px; text-anchor: middle; }
svg.map text.strong { fill: var(--on-heat); }
svg.map rect.outline { fill: none; stroke: var(--line); }
"""


def as_html(evaluation: Evaluation) -> str:
    """Write an evaluation as a page; the same evaluation gives the same page.

    Parameters
    ----------
    evaluation : Evaluation

    Returns
    -------
    str
        A whole HTML document; names are escaped.
    """
    title = f"How good is {evaluation.index}?"
    sections = [
        *_facts(evaluation),
        *_retrieval(evaluation),
        *_classification(evaluation),
        *_confusions(evaluation),
        *(_map_of_classes(evaluation.centroids) if evaluation.centroids else ()),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_text(title)}</h1>",
            *sections,
            "</body></html>\n",
        ]
    )


def _facts(evaluation: Evaluation) -> Iterator[str]:
    left_out = evaluation.left_out
    unused = f"{left_out.without_vector} labelled items that are silent, black, flat, failed or outdated"
    asking = f"files of {evaluation.manifest}" if evaluation.manifest else "the labelled items, each by the others"
    rows = [
        ("index", evaluation.index),
        ("space", evaluation.space),
        ("labelled items", _counts(evaluation.items) + f"; {len(evaluation.labels)} labels"),
        ("asked with", f"{asking}: {_counts(evaluation.queries)}"),
        ("neighbours that vote", str(evaluation.k)),
        ("seed", f"{evaluation.seed}; {evaluation.draws} draws an interval"),
        ("left out", f"{unused}; {left_out.several_labels} with several labels"),
    ]
    if evaluation.manifest:
        unused = f"{left_out.unknown_label} whose label the index does not know; {left_out.failed} that failed"
        rows.append(("left out of the manifest", unused))
    yield "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in rows) + "</dl>"
    yield (
        '<p class="note">Each figure stands with its 95 % interval (bootstrap) and with what chance would score. '
        "An item stands for all its segments, by the mean of their vectors; what is the same, by path or by content, "
        "neither answers nor names itself.</p>"
    )
    if evaluation.notes:
        yield "<ul>" + "".join(f"<li>{_text(note)}</li>" for note in evaluation.notes) + "</ul>"


def _retrieval(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.retrieval:
        return
    yield "<h2>Finding</h2>"
    yield '<p class="note">An answer is right where it has the label of the query. A low median rank is good.</p>'
    metrics = list(evaluation.retrieval[0].scores)
    rows = [
        [
            _way_of_asking(result),
            *(_score(result.scores[metric]) for metric in metrics),
        ]
        for result in evaluation.retrieval
    ]
    yield _table(["", *metrics], rows)


def _classification(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.classification:
        return
    yield "<h2>Naming</h2>"
    yield '<p class="note">Share of queries that get their label, averaged over classes.</p>'
    rows = [
        [
            f"{_way(result)}<small>{result.n_queries} named by {result.n_voters}</small>",
            str(len(result.classes)),
            _score(result.pooled.accuracy),
            _score(result.knn.accuracy),
            _score(result.head.accuracy),
        ]
        for result in evaluation.classification
    ]
    yield _table(["", "classes", "pooled neighbours", f"{evaluation.k} nearest", "linear head"], rows)
    yield "<details><summary>Class by class</summary>"
    for result in evaluation.classification:
        yield f"<h3>{_way(result)}</h3>"
        ways = (result.pooled, result.knn, result.head)
        yield _table(
            ["class", "queries", "pooled neighbours", f"{evaluation.k} nearest", "linear head"],
            [
                [_text(same[0].label), str(same[0].n_queries), *(f"{scored.accuracy:.3f}" for scored in same)]
                for same in zip(*(naming.by_class for naming in ways), strict=True)
            ],
        )
    yield "</details>"


def _confusions(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.classification:
        return
    yield f"<h2>What is taken for what by the {evaluation.k} nearest</h2>"
    for result in evaluation.classification:
        drawing = as_svg(_confusion(result, result.pooled))
        caption = f"{_way(result)}: queries of a class (row) by the name that they get (column)."
        yield f'<figure><figcaption>{caption}</figcaption><div class="wide">{drawing}</div></figure>'


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


def _map_of_classes(centroids: CentroidDistances) -> Iterator[str]:
    """Draw distances: the nearest pair is the strongest, the farthest all but blank.

    Yields
    ------
    str
        HTML.
    """
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
    yield "<h2>How far classes of sounds are from classes of pictures</h2>"
    yield (
        "<figure><figcaption>Cosine distance (0 to 2) between the centroids of classes; the stronger the colour, the "
        f'nearer. {"; ".join(means)}.</figcaption><div class="wide">{drawing}</div></figure>'
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Put cells into a table; those of the rows are HTML already."""
    lines = ["<tr>" + "".join(f"<th>{_text(name)}</th>" for name in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _score(score: Score) -> str:
    interval = f"[{score.low:.3f}, {score.high:.3f}]"
    return f"{score.estimate:.3f}<small>{interval}</small><small>chance {score.chance:.3f}</small>"


def _way_of_asking(result: Retrieval) -> str:
    asking = f"{result.n_queries} of {result.n_queries + result.n_left_out}"
    way = f"{_MODALITY[result.queries]} ask for {_MODALITY[result.answers]}"
    return f"{way}<small>{asking} ask {result.n_answers}</small>"


def _way(result: Classification) -> str:
    return f"{_MODALITY[result.queries]} named by {_VOTERS[result.voters]}"


def _counts(items: Mapping[Modality, int]) -> str:
    return ", ".join(f"{count} {_MODALITY[modality]}" for modality, count in items.items())


def _text(text: str) -> str:
    return html.escape(text)
