"""Answers that go somewhere: ``export``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from modag_search.cli.options import PathNamed, format_option, index_option
from modag_search.cli.output import print_document, say_failed, warn_of_root
from modag_search.errors import IndexNotFoundError, UsageError
from modag_search.spelling import whole_path


@click.command()
@click.argument("hits", metavar="HITS")
@click.argument("folder", type=PathNamed(), metavar="DIR")
@click.option("--link", is_flag=True, help="Symbolic links for copies.")
@index_option
@format_option(choices=("table", "json"))
def export(hits: str, folder: Path, link: bool, index_name: str | None, output_format: str | None) -> None:
    """Copy the files that a verb has listed into a folder, or link to them there.

    HITS is what --format json, jsonl, csv or paths has printed, with -0 or without; - reads it from stdin. Relative
    paths lead from the working folder, or else from where HITS is.

    \b
    modag search rain.wav -n 50 --format json > rain.json
    modag export rain.json ~/Rain

    Files keep their names; where two have one, or differ in case alone, the later gets a number. Nothing that is in DIR
    is written over, and what an earlier export put there does not come twice.
    """  # noqa: D301  click reads the character
    from modag_search.export.delivery import deliver
    from modag_search.export.listed import paths_listed, refuse_media

    refuse_media(hits)
    source, folder_of_hits = ("stdin", None) if hits == "-" else (hits, os.path.dirname(whole_path(hits)))
    paths = paths_listed(_content(hits), source=source, folder=folder_of_hits)
    warn_of_root(_indexed_root(index_name, folder), folder)
    delivery = deliver(paths, folder, link=link)
    for path, reason in delivery.failures:
        say_failed(path, reason)
    print_document(
        {
            "folder": delivery.folder,
            "linked" if link else "copied": delivery.written,
            "already": delivery.already,
            "failed": len(delivery.failures),
        },
        output_format=output_format,
    )
    if delivery.failures:
        sys.exit(3)


def _content(hits: str) -> bytes:
    if hits == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(hits).read_bytes()
    except OSError as error:
        raise UsageError(f"{hits}: cannot be read: {error.strerror}") from error


def _indexed_root(index_name: str | None, folder: Path) -> str | None:
    """Return the indexed folder that another lies in; files may be copied without any index, too."""
    from modag_search.cli.opening import open_index
    from modag_search.export.delivery import indexed_root

    try:
        with open_index(index_name) as opened:
            return indexed_root(opened.catalog, folder)
    except IndexNotFoundError:
        return None
