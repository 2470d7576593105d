"""Taking files out: ``forget``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import expand_stdin, format_option, index_option, paths_arguments, wait_option
from modag_search.cli.output import counted, print_rows, say, say_passages, shown

if TYPE_CHECKING:
    from modag_search.values import ForgetReport

_FORGOTTEN = ("path", "labels", "fate", "to")
_UNKNOWN_SHOWN = 20


@click.command()
@paths_arguments(required=False)
@index_option
@click.option("--undo", is_flag=True, help="Take back what was forgotten last.")
@click.option("--dry-run", is_flag=True, help="Write nothing; list what would be forgotten.")
@wait_option
@format_option(with_nul=False)
def forget(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    undo: bool,
    dry_run: bool,
    wait_s: float,
    output_format: str | None,
) -> None:
    """Take files out of the index; the files themselves stay as they are.

    PATH is a file, a folder, a glob or id:N, whether or not anything is there; in a glob, * stays within a folder, and
    ** does not; - reads paths from stdin. Labels pass to files of the same content, or are kept until it comes back.
    Until the next call, --undo takes everything back. Exit status 3 where a PATH is not in the index, 4 where none is.
    """
    from modag_search.addresses import without_password
    from modag_search.cli.opening import open_index
    from modag_search.settings import index_named

    if undo and (paths or dry_run):
        raise click.UsageError("--undo takes back what was forgotten last; it takes no paths, and no --dry-run")
    names = [] if undo else expand_stdin(paths, nul_separated=nul_separated)
    with open_index(index_name, wait_s=wait_s) as opened:
        report = opened.undo_forget() if undo else opened.forget(names, dry_run=dry_run)
    for name in report.unknown[:_UNKNOWN_SHOWN]:
        say(f"{name}: {'is in the index again, and stays as it is' if undo else 'is not in the index'}")
    if len(report.unknown) > _UNKNOWN_SHOWN:
        say(f"… and {len(report.unknown) - _UNKNOWN_SHOWN} more")
    say(f"{without_password(str(index_named(index_name)))}: {_summary(report, undo=undo)}")
    if report.still_there and not undo:
        say(
            "still there, so that the next `modag index` of their folders takes them in again, unless `modag exclude "
            f"add PATTERN` keeps them out: {counted(len(report.still_there), 'file')}: {shown(report.still_there)}"
        )
    say_passages(report.passages, foreseen=dry_run)
    print_rows(_rows(report), output_format=output_format, columns=_FORGOTTEN, fields=_FORGOTTEN)
    if report.unknown:
        sys.exit(3)


def _summary(report: ForgetReport, *, undo: bool) -> str:
    failed = f", and {counted(report.failures, 'file')} that could not be indexed" if report.failures else ""
    if undo:
        return f"{counted(len(report.paths), 'file')} taken back{failed}"
    way_back = "" if report.dry_run else "; until the next, `modag forget --undo` takes this back"
    would = "would be forgotten: " if report.dry_run else "forgotten: "
    return f"{would}{counted(len(report.paths), 'file')}{failed}{way_back}"


def _rows(report: ForgetReport) -> list[dict[str, Any]]:
    """List files with what became of their labels; of a file some of whose labels are kept, that they are."""
    rows = {path: {"path": path, "labels": (), "fate": None, "to": None} for path in report.paths}
    for passage in report.passages:
        row: dict[str, Any] = rows.get((passage.fate == "returned" and passage.to) or passage.path, {})
        if row:
            row["labels"] = tuple(sorted({*row["labels"], *passage.labels}))
            row["fate"] = "kept" if "kept" in (row["fate"], passage.fate) else passage.fate
            row["to"] = row["to"] or passage.to
    return list(rows.values())
