"""Asking: ``search``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

import click

from modag_search.cli.options import format_option, index_option
from modag_search.cli.output import print_hits, say

if TYPE_CHECKING:
    from modag_search.values import Modality


@click.command()
@click.argument("query")
@index_option
@click.option(
    "--modality", type=click.Choice(["image", "sound", "any"]), default="any", show_default=True, help="Of the answers."
)
@click.option("-n", type=click.IntRange(1), default=10, show_default=True, help="How many items at the most.")
@click.option("--min-similarity", type=click.FloatRange(-1, 1), default=-1.0, help="Leave out what is less similar.")
@click.option("--label", help="Only items with this label.")
@click.option(
    "--from", "start_s", type=click.FloatRange(0), metavar="SECONDS", help="Ask with the part of QUERY from here."
)
@click.option(
    "--to", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Ask with the part of QUERY up to here."
)
@format_option()
def search(
    query: str,
    index_name: str | None,
    modality: Modality | Literal["any"],
    n: int,
    min_similarity: float,
    label: str | None,
    start_s: float | None,
    end_s: float | None,
    output_format: str | None,
) -> None:
    """Find what goes with a sound or a picture.

    QUERY is a media file, in the index or not; id:N, an item of the index; label:NAME, what the items with a label
    have in common; or words in English (text:WORDS, where they might be taken for a path). Similarity is the cosine in
    the shared space: 1 is the same, 0 unrelated. Where answers of both modalities are mixed, they are ranked by how far
    each rises above unlike things of its kind.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        hits = opened.search(
            query,
            modality=modality,
            n=n,
            min_similarity=min_similarity,
            label=label,
            start_s=start_s,
            end_s=end_s,
        )
    print_hits(hits, output_format=output_format)
    if not hits:
        say("nothing found")
        sys.exit(4)
