"""Names: ``label``, ``classify``."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from modag_search.cli.options import expand_stdin, format_option, index_option, paths_arguments
from modag_search.cli.output import print_document, print_rows, say

if TYPE_CHECKING:
    from modag_search.errors import ModagError


@click.command()
@paths_arguments()
@index_option
@click.option("--as", "name", required=True, metavar="NAME", help="The label.")
@click.option("--remove", is_flag=True, help="Take the label back instead.")
@format_option(choices=("table", "json"))
def label(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    name: str,
    remove: bool,
    output_format: str | None,
) -> None:
    """Give items of the index a label.

    PATH is an indexed file or id:N; - reads paths from stdin. All or none are labelled.
    """
    from modag_search.cli.opening import open_index

    items = expand_stdin(paths, nul_separated=nul_separated)
    with open_index(index_name) as opened:
        changed = opened.unlabel(items, name) if remove else opened.label(items, name)
    print_document({"label": name, "removed" if remove else "added": changed}, output_format=output_format)


@click.command()
@paths_arguments()
@index_option
@click.option("-k", type=click.IntRange(1), default=20, show_default=True, help="How many labelled neighbours vote.")
@click.option(
    "--vote",
    type=click.Choice(["balanced", "nearest"]),
    default="balanced",
    show_default=True,
    help="balanced: every label by the mean of its examples, so that many do not drown few; nearest: the k nearest.",
)
@click.option("--min-confidence", type=click.FloatRange(0, 1), default=0.0, help="Below it, leave the label open.")
@format_option()
def classify(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    k: int,
    vote: Literal["balanced", "nearest"],
    min_confidence: float,
    output_format: str | None,
) -> None:
    """Name files by the labels of their nearest neighbours, sounds and pictures alike.

    PATH is a media file, in the index or not, or id:N; - reads paths from stdin. Confidence is the label's share of the
    vote. The json formats also list the neighbours that voted.
    """
    from modag_search.cli.opening import open_index

    files = expand_stdin(paths, nul_separated=nul_separated)
    failures: list[ModagError] = []
    with open_index(index_name) as opened:
        answers = opened.classify(files, k=k, vote=vote, min_confidence=min_confidence, on_failure=failures.append)
    rows: list[dict[str, Any]] = [dataclasses.asdict(answer) for answer in answers]
    fields = ("path", "label", "confidence", "scores", "neighbours")
    print_rows(rows, output_format=output_format, columns=fields[:3], fields=fields)
    for failure in failures:
        say(f"failed: {failure}")
    if failures:
        sys.exit(3)
    if all(answer.label is None for answer in answers):
        sys.exit(4)
