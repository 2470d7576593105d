"""Taking files in: ``index``, ``failures``."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import (
    expand_stdin,
    format_option,
    index_option,
    paths_arguments,
    progress_option,
    wait_option,
)
from modag_search.cli.output import as_row, chosen_format, print_document, print_rows, say, say_failures

if TYPE_CHECKING:
    from modag_search.values import IndexReport

_REPORT = ("added", "updated", "unchanged", "moved", "removed", "failed", "seconds")
_FAILURE = ("path", "reason", "error", "failed_at")


@click.command()
@paths_arguments()
@index_option
@click.option("--prune", is_flag=True, help="Remove items below PATH whose files are gone.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be done.")
@click.option("--workers", type=click.IntRange(1), help="Threads that decode and encode. [default: one a processor]")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Pass over what matches below PATH, as in .gitignore; !PATTERN takes it in nonetheless; repeatable.",
)
@click.option("--follow-symlinks", is_flag=True, help="Take files and folders behind symbolic links.")
@click.option("--retry-failed", is_flag=True, help="Try files again that failed and have not changed since.")
@click.option("--sound-encoder", metavar="NAME", help="For a new index; see `modag models`. [default: modag-sound]")
@click.option("--image-encoder", metavar="NAME", help="For a new index. [default: efficientnet-lite2]")
@click.option("--space", metavar="NAME_OR_FILE", help="For a new index. [default: the packaged one of the encoders]")
@click.option(
    "--window",
    "window_s",
    type=float,
    metavar="SECONDS",
    help="For a new index: length of a window of sound. [default: 10]",
)
@click.option(
    "--hop", "hop_s", type=float, metavar="SECONDS", help="For a new index: distance of two windows. [default: 5]"
)
@click.option(
    "--frame-interval",
    "frame_interval_s",
    type=float,
    metavar="SECONDS",
    help="For a new index: distance of two frames of a video. [default: 2]",
)
@click.option(
    "--feature-dtype",
    type=click.Choice(["<f2", "<f4"]),
    help="For a new index: half or single precision. [default: <f2]",
)
@wait_option
@format_option(choices=("table", "json"))
@progress_option
def index(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    output_format: str | None,
    no_progress: bool,
    prune: bool,
    dry_run: bool,
    workers: int | None,
    exclude: tuple[str, ...],
    follow_symlinks: bool,
    retry_failed: bool,
    wait_s: float,
    **settings: str | float | None,
) -> None:
    """Take sounds, pictures and videos into an index.

    PATH is a file or a folder; - reads paths from stdin. What is unchanged is skipped without being read; what moved
    keeps its features and labels. Broken off, the same command goes on where it was.
    """
    from modag_search.cli.opening import index_to_foresee, open_index
    from modag_search.cli.progress import file_progress
    from modag_search.media import scan
    from modag_search.settings import index_folder

    roots = expand_stdin(paths, nul_separated=nul_separated)
    scan(
        roots, exclude=exclude, follow_symlinks=follow_symlinks
    )  # refuses what cannot be meant, before a new index is made
    chosen = {name: value for name, value in settings.items() if value is not None}
    opening = (
        index_to_foresee(index_name, chosen=chosen)
        if dry_run
        else open_index(index_name, create=True, chosen=chosen, wait_s=wait_s)
    )
    with opening as opened, file_progress(wanted=not no_progress) as bar:
        report = opened.add(
            roots,
            prune=prune,
            dry_run=dry_run,
            workers=workers,
            exclude=exclude,
            follow_symlinks=follow_symlinks,
            retry_failed=retry_failed,
            progress=bar,
        )
        joins = dry_run or opened.space.joins
    say_failures(report.failures)
    say(_summary(report, str(index_folder(index_name))))
    if not joins:
        say(
            "no space joins these two encoders: sounds find sounds, and pictures find pictures; "
            "`modag train space --index` makes one of labels, without decoding anything again, and `modag train names` "
            "one of names, where both encoders read texts"
        )
    if chosen_format(output_format) == "json":
        print_document(as_row(report, fields=_REPORT), output_format="json")
    if report.failed:
        sys.exit(3)


def _summary(report: IndexReport, folder: str) -> str:
    counts = [
        f"{count} {name}"
        for name, count in dataclasses.asdict(report).items()
        if name in _REPORT and name != "seconds" and count
    ]
    done = "would be: " if report.dry_run else ""
    again = "; `--retry-failed` reads unchanged files that failed before" if report.failed else ""
    return f"{folder}: {done}{', '.join(counts) or 'nothing to do'} in {report.seconds:.1f} s{again}"


@click.command()
@index_option
@format_option()
def failures(index_name: str | None, output_format: str | None) -> None:
    """List files that could not be indexed, with the reason of each.

    They are tried again when they change, or with `modag index --retry-failed`; those whose reason was no fault of the
    file (a drive that is away, no memory left), by the next `modag index`.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        rows = [as_row(failure, fields=_FAILURE) for failure in opened.failures()]
    print_rows(rows, output_format=output_format, columns=("path", "reason"), fields=_FAILURE)
