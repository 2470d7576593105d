"""An index in one file, or in another place: ``backup``, ``restore``, ``copy``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import PathNamed, format_option, index_option
from modag_search.cli.output import counted, print_document, say
from modag_search.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = 5


@click.command()
@click.argument("file", metavar="FILE", type=PathNamed())
@index_option
@format_option(choices=("table", "json"))
def backup(file: Path, index_name: str | None, output_format: str | None) -> None:
    """Write to FILE all of the index that cannot be made anew: labels, features, settings, own space, head.

    It is of one moment, though others read and write meanwhile. Media and stores are no part of it. A former backup is
    replaced once the new one is whole, and never by one of a damaged index, or of other media: name another FILE for
    that. Exit status 3 where catalog, settings, own space or head are damaged, and so are their copies in a new FILE.

    \b
    modag backup ~/backups/sounds.modag --index sounds
    modag restore ~/backups/sounds.modag --index sounds-again
    """  # noqa: D301  click reads the character
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        report = opened.back_up(file)
    for problem in report.problems:
        say(f"damaged: {problem}")
    print_document(
        {"file": report.path, "items": report.items, "size_bytes": report.size_bytes}, output_format=output_format
    )
    if report.problems:
        say("what is damaged here is damaged in the backup, too; keep the former ones, and see `modag verify`")
        sys.exit(3)


@click.command()
@click.argument("file", metavar="FILE", type=PathNamed())
@index_option
@click.option(
    "--root",
    "roots",
    metavar="OLD NEW",
    nargs=2,
    multiple=True,
    help="The media that lay in folder OLD lie in NEW now; repeatable.",
)
@format_option(choices=("table", "json"))
def restore(file: Path, index_name: str | None, roots: tuple[tuple[str, str], ...], output_format: str | None) -> None:
    """Make an index of a backup; --index names a new one.

    All that was known comes back: labels, features, what was forgotten last. Stores are made at the first search. Where
    the media lie elsewhere now, as on another machine, --root says where: nothing is decoded again. Without --root,
    folders that are not there are looked for where they lay seen from FILE, as on a disk that is mounted elsewhere.
    In a database (--index postgresql://USER@HOST/DATABASE) it is an index once all of it is there. Exit status 3 where
    the backup is of a damaged index.
    """
    from modag_search.index import Index
    from modag_search.settings import index_named

    moves = dict(roots)
    if len(moves) < len(roots):
        raise UsageError("--root: a folder is named twice")
    report = Index.restore(file, index_named(index_name), roots=moves)
    print_document(
        {"folder": report.folder, "items": report.items, "missing": report.missing}, output_format=output_format
    )
    for old, new in report.found_roots.items():
        say(f"{old} is not there; its files are taken to be those in {new}, which lies so seen from {file}")
    if report.missing:
        missing = f"{report.missing} of {counted(report.items, 'file')}"
        is_are = "is" if report.missing == 1 else "are"
        say(f"{missing} {is_are} not where the index has them{_way_out(report.missing_roots)}")
    for problem in report.problems:
        say(f"damaged: {problem}")
    if report.problems:
        say("the index was damaged when it was backed up, and so is this one; see `modag verify`")
        sys.exit(3)


@click.command()
@click.option("--from", "source", metavar="NAME_OR_DIR", required=True, help="The index to copy; named as by --index.")
@click.option(
    "--to", "target", metavar="NAME_OR_DIR", required=True, help="Where the copy is to be; named as by --index."
)
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be copied.")
@format_option(choices=("table", "json"))
def copy(source: str, target: str, dry_run: bool, output_format: str | None) -> None:
    """Copy an index from a folder to a database, back, or from one to another.

    All that cannot be made anew is copied, of one moment, though others read and write meanwhile; each row is compared
    before the copy becomes an index. Broken off, the same command goes on where it was, unless the index has changed.
    Media are no part of it, and are known by the same paths. A database is named as postgresql://USER@HOST/DATABASE;
    PGPASSWORD or ~/.pgpass has its password.

    \b
    modag copy --from sounds --to postgresql://me@db.example.org/sounds
    modag copy --from postgresql://me@db.example.org/sounds --to ./sounds-again
    """  # noqa: D301  click reads the character
    from modag_search.index import Index
    from modag_search.settings import index_named

    report = Index.copy(index_named(source), index_named(target), dry_run=dry_run)
    print_document(
        {
            "from": report.source,
            "to": report.target,
            "items": report.items,
            "rows": report.rows,
            "copied": report.copied,
            "files": list(report.files),
        },
        output_format=output_format,
    )
    if dry_run:
        say(f"would copy {counted(report.rows, 'row')} of {counted(report.items, 'item')}")
    else:
        before = report.rows - report.copied
        rest = f"; {before} were there from before" if before > 0 else ""
        say(f"{report.target}: {counted(report.rows, 'row')} of {counted(report.items, 'item')}, each compared{rest}")


def _way_out(roots: tuple[str, ...]) -> str:
    """Say what could be done about it."""
    if not roots:
        return ""
    named = ", ".join(roots[:_SHOWN]) + (" …" if len(roots) > _SHOWN else "")
    return (
        f"; missing from {named}. Where such a folder lies elsewhere, remove this index and restore it with "
        "--root OLD NEW"
    )
