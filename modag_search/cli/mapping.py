"""The map: ``map``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import format_option, index_option
from modag_search.cli.output import counted, print_rows, say
from modag_search.rows import MAP, map_rows

if TYPE_CHECKING:
    from modag_search.values import MapMethod


@click.command("map")
@index_option
@click.option(
    "--method",
    type=click.Choice(["pca", "umap"]),
    default="pca",
    show_default=True,
    help="By where items differ most, at once; or so that neighbours stay neighbours.",
)
@format_option()
def map(index_name: str | None, method: MapMethod, output_format: str | None) -> None:  # noqa: A001  the verb's name
    """List the items with their places in two dimensions, to draw or to sort by: x and y, from -1 to 1.

    What is alike mostly lies together, sounds beside their pictures; but two dimensions cannot hold all, and `modag
    search id:N` tells what is really near. The map is kept with the index, and made anew where that has changed. One by
    umap takes a minute for 100,000 items and `pip install "modag-search[map]"`; items that come later are placed amid
    their nearest neighbours, until they are a tenth of all. Exit status 4 where no item has a place.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        found = opened.map(method)
    print_rows(map_rows(found), output_format=output_format, columns=MAP, fields=MAP)
    if found.unplaced:
        items = counted(found.unplaced, "item")
        say(f"{items} without a place: silent, black, of one colour, or made by another encoder")
    if not len(found):
        say("no item has a place")
        sys.exit(4)
