"""How good an index is: ``evaluate``."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import PathNamed, format_option, index_option, progress_option
from modag_search.cli.output import chosen_format, print_document, print_rows, say, show
from modag_search.cli.writing import check_writable
from modag_search.errors import ModagError
from modag_search.pages.document import PAGE_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.evaluation import Evaluation
    from modag_search.evaluation.results import Score

_RETRIEVAL = ("asks", "for", "metric", "score", "interval", "chance", "queries")
_CLASSIFICATION = ("named", "by", "how", "accuracy", "interval", "chance", "classes", "queries")


@click.command()
@click.argument("manifest", metavar="[MANIFEST]", required=False, type=PathNamed())
@index_option
@click.option("-k", type=click.IntRange(1), default=20, show_default=True, help="How many neighbours vote.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of folds and intervals.")
@click.option("--report", type=PathNamed(), metavar="FILE.html", help="Write a page with tables and maps too.")
@click.option("--workers", type=click.IntRange(1), help="Files decoded and encoded at once. [default: one a processor]")
@format_option(choices=("table", "json"))
@progress_option
def evaluate(
    manifest: Path | None,
    index_name: str | None,
    k: int,
    seed: int,
    report: Path | None,
    workers: int | None,
    output_format: str | None,
    no_progress: bool,
) -> None:
    """Score how well an index finds and names, across modalities and within them.

    MANIFEST is a CSV or JSONL file with the columns path,label, paths relative to it: its files ask, and the labelled
    items of the index answer and vote. Without it the labelled items ask each other. Each figure stands with its 95 %
    interval and with what chance would score.
    """
    from modag_search.cli.opening import open_index
    from modag_search.cli.progress import count_progress
    from modag_search.evaluation import evaluate as evaluate_index

    if report is not None:
        check_writable(report, option="--report", replaces=PAGE_MARK)
    failures: list[ModagError] = []
    try:
        with open_index(index_name) as opened, count_progress(wanted=not no_progress) as bar:
            evaluation = evaluate_index(
                opened, manifest, k=k, seed=seed, workers=workers, progress=bar, on_failure=failures.append
            )
    finally:
        for failure in failures:
            say(f"failed: {failure}")
    if report is not None:
        _write(report, evaluation)
    if chosen_format(output_format) == "json":
        print_document(dataclasses.asdict(evaluation), output_format="json")
    else:
        _print_tables(evaluation)
    for line in _left_out(evaluation):
        say(line)
    if failures:
        sys.exit(3)


def _print_tables(evaluation: Evaluation) -> None:
    show(f"index {evaluation.index}, space {evaluation.space}, seed {evaluation.seed}, k {evaluation.k}")
    show()
    print_rows(list(_retrieval_rows(evaluation)), output_format="table", columns=_RETRIEVAL)
    if evaluation.classification:
        show()
        print_rows(list(_classification_rows(evaluation)), output_format="table", columns=_CLASSIFICATION)


def _retrieval_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for result in evaluation.retrieval:
        for metric, score in result.scores.items():
            shown = {"asks": result.queries, "for": result.answers, "metric": metric, "score": score.estimate}
            yield shown | _doubts(score) | {"queries": result.n_queries}


def _classification_rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for result in evaluation.classification:
        ways = (
            ("pooled neighbours", result.pooled),
            (f"{evaluation.k} nearest", result.knn),
            ("linear head", result.head),
        )
        for how, naming in ways:
            shown = {"named": result.queries, "by": result.voters, "how": how, "accuracy": naming.accuracy.estimate}
            counts = {"classes": len(result.classes), "queries": result.n_queries}
            yield shown | _doubts(naming.accuracy) | counts


def _doubts(score: Score) -> dict[str, Any]:
    return {"interval": f"[{score.low:.3f}, {score.high:.3f}]", "chance": score.chance}


def _left_out(evaluation: Evaluation) -> Iterator[str]:
    """Say what took no part."""
    left_out = evaluation.left_out
    if left_out.unknown_label:
        yield f"{left_out.unknown_label} files of the manifest left out: no item of the index has their label"
    if left_out.several_labels:
        yield f"{left_out.several_labels} items left out: they have several labels"
    if left_out.without_vector:
        yield f"{left_out.without_vector} labelled items left out: silent, black, flat, failed, or of another encoder"
    for result in evaluation.retrieval:
        if result.n_left_out:
            way = f"{result.queries} to {result.answers}"
            several = f"{result.n_left_out} items do not ask, since no voter but themselves has their label"
            one = "1 item does not ask, since no voter but itself has its label"
            yield f"{way}: {one if result.n_left_out == 1 else several}"
    yield from evaluation.notes


def _write(report: Path, evaluation: Evaluation) -> None:
    from modag_search.evaluation.report import as_html
    from modag_search.files import write_atomically

    write_atomically(report, [as_html(evaluation)], error=ModagError)
    say(f"{report}: written")
