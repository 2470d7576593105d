"""Taking files in, and keeping others out: ``index``, ``failures``, ``exclude``."""

from __future__ import annotations

import os
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
    workers_option,
)
from modag_search.cli.output import (
    chosen_format,
    counted,
    print_document,
    print_rows,
    say,
    say_failures,
    say_passages,
    shown,
)
from modag_search.rows import COUNTS, FAILURE, failure_row, notice_row, report_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.values import IndexReport

_NOTICED = {
    "silent": "silent",
    "black": "as good as black",
    "flat": "as good as of one colour",
    "partly read": "partly read",
    "unfinished": "never finished",
    "misnamed": "misnamed",
    "chosen": "of several tracks, pages or recordings",
}
_EXCLUSION = ("pattern", "origin")


@click.command()
@paths_arguments()
@index_option
@click.option("--prune", is_flag=True, help="Take out items below PATH whose files are gone, or passed over.")
@click.option("--dry-run", is_flag=True, help="Write nothing; say what would be done.")
@workers_option
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Pass over what matches below PATH, as in .gitignore; !PATTERN takes it in nonetheless; repeatable.",
)
@click.option("--follow-symlinks", is_flag=True, help="Take files and folders behind symbolic links.")
@click.option("--retry-failed", is_flag=True, help="Try files again that failed and have not changed since.")
@click.option("--rehash", is_flag=True, help="Read files again whose size and time are as they were; may take long.")
@click.option("--sound-encoder", metavar="NAME", help="For a new index; see `modag models`. [default: modag-sound]")
@click.option("--image-encoder", metavar="NAME", help="For a new index. [default: efficientnet-lite2]")
@click.option("--space", metavar="NAME_OR_FILE", help="For a new index. [default: the packaged one of the encoders]")
@click.option("--store", metavar="NAME_OR_URL", help="For a new index; see `modag rebuild`. [default: auto]")
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
    workers: int | str | None,
    exclude: tuple[str, ...],
    follow_symlinks: bool,
    retry_failed: bool,
    rehash: bool,
    wait_s: float,
    **settings: str | float | None,
) -> None:
    """Take sounds, pictures and videos into an index.

    PATH is a file or a folder; - reads paths from stdin. What is unchanged is skipped without being read; what moved
    keeps its features and labels. Broken off, the same command goes on where it was. Hidden files, and folders that
    systems keep for themselves, are passed over, and so is what `modag exclude` names. With --prune, PATH may be gone
    itself; labels pass to files of the same content, or are kept until it comes back.
    """
    from modag_search.addresses import without_password
    from modag_search.cli.opening import index_to_foresee, open_index
    from modag_search.cli.progress import file_progress
    from modag_search.index.opening import settings_at
    from modag_search.media import scan
    from modag_search.settings import index_named

    roots = expand_stdin(paths, nul_separated=nul_separated)
    if settings_at(index_named(index_name)) is None:
        scan(
            roots, exclude=exclude, follow_symlinks=follow_symlinks
        )  # refuses what cannot be meant, before one is made
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
            rehash=rehash,
            progress=bar,
        )
        joins = dry_run or opened.space.joins
    say_failures(report.failures)
    say(_summary(report, without_password(str(index_named(index_name)))))
    _say_what_was_left(report, prune=prune)
    say_passages(report.passages, foreseen=report.dry_run)
    if not joins:
        say(
            "no space joins these two encoders: sounds find sounds, and pictures find pictures; "
            "`modag train space` makes one of labels, without decoding anything again, and `modag train names` "
            "one of names, where both encoders read texts"
        )
    if chosen_format(output_format) == "json":
        print_document(report_document(report), output_format="json")
    if report.failed:
        sys.exit(3)


def _summary(report: IndexReport, folder: str) -> str:
    counts = [f"{count} {name}" for name in COUNTS if (count := getattr(report, name))]
    done = "would be: " if report.dry_run else ""
    # Others are tried again without being asked for, or are none that is read.
    is_given_up = any(failure.size_bytes is not None for failure in report.failures)
    again = "; `--retry-failed` reads unchanged files that failed before" if is_given_up else ""
    return f"{folder}: {done}{', '.join(counts) or 'nothing to do'} in {report.seconds:.1f} s{again}"


def _say_what_was_left(report: IndexReport, *, prune: bool) -> None:
    """Say what was not taken in, what the index holds and the run did not find, and which files were replaced."""
    from modag_search.ingest.wording import gone_in_words, replaced_in_words
    from modag_search.media import passed_over_in_words

    if report.known_as:
        named = shown([f"{given} is {known}" for given, known in report.known_as.items()])
        say(f"known by another name, and taken in under that one alone: {named}")
    if words := passed_over_in_words(report.passed_over, report.unread, report.other_files):
        say(f"passed over: {words}")
    if report.twice:
        named = shown([f"{known} is {below}" for known, below in report.twice.items()])
        say(f"twice in the index, under two names: {named}; `modag forget` takes out those of one")
    if report.noticed:
        counts = [f"{report.noticed[kind]} {words}" for kind, words in _NOTICED.items() if kind in report.noticed]
        say(f"of what was taken in: {', '.join(counts)}; `modag failures --all` lists them")
    if report.rehashed:
        altered = f"something else is in {_files(report.altered)}" if report.altered else "all hold what they held"
        say(f"read again, with size and time as they were: {counted(report.rehashed, 'file')}; {altered}")
    for line in (*gone_in_words(report, prune=prune), *replaced_in_words(report)):
        say(line)


def _files(paths: Sequence[str]) -> str:
    return f"{counted(len(paths), 'file')}: {shown(paths)}"


@click.command()
@paths_arguments(required=False)
@index_option
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what nothing finds (silent, black, of one colour), what was not read whole, and what is passed over "
    "below PATH.",
)
@format_option(with_nul=False)
def failures(
    paths: tuple[str, ...], nul_separated: bool, index_name: str | None, everything: bool, output_format: str | None
) -> None:
    """List files that could not be indexed, with the reason of each.

    With PATH, those at it or below it; - reads paths from stdin. They are tried again when they change, or with `modag
    index --retry-failed`; those whose reason was no fault of the file (a drive that is away, no memory left), by the
    next `modag index`.
    """
    from modag_search.cli.opening import open_index

    roots = [os.path.abspath(path) for path in expand_stdin(paths, nul_separated=nul_separated)] if paths else []
    with open_index(index_name) as opened:
        failed = opened.failures()
        ids = opened.catalog.items.at_many(failure.path for failure in failed)
        rows = [failure_row(one, item_id=ids[one.path].id if one.path in ids else None) for one in failed]
        if everything:
            noticed = [*opened.notices(), *(opened.passed_over(roots) if roots else ())]
            rows += map(notice_row, noticed)
    if roots:
        inside = tuple(os.path.join(root, "") for root in roots)
        rows = [row for row in rows if row["path"] in roots or row["path"].startswith(inside)]
    columns = ("kind", "path", "reason") if everything else ("path", "reason")
    print_rows(rows, output_format=output_format, columns=columns, fields=FAILURE)
    if everything and not roots:
        say("what is passed over is listed where a folder is named: `modag failures --all PATH`")
    if (everything or roots) and not rows:
        where = f" at or below {shown(roots)}" if roots else ""
        say(
            f"nothing found: nothing is amiss{where}, as far as the index knows"
            if everything
            else f"nothing found: no file{where} failed; --all lists what else is amiss"
        )
        sys.exit(4)


@click.group()
def exclude() -> None:
    """Keep patterns of files and folders that `modag index` passes over.

    \b
    modag exclude add '*.tmp.wav' drafts/    files by name, folders by name
    modag exclude add ~/Samples/mixes/old    one folder, by its path
    modag exclude add '!@eaDir/'             take in what is passed over otherwise
    modag exclude list
    modag exclude remove drafts/

    Patterns are those of .gitignore, below each PATH of `modag index`; a leading # has no meaning of its own.
    """  # noqa: D301  click reads the character


@exclude.command()
@click.argument("patterns", metavar="PATTERN...", nargs=-1, required=True)
@index_option
@format_option(choices=("table", "json"))
def add(patterns: tuple[str, ...], index_name: str | None, output_format: str | None) -> None:
    """Pass over what matches PATTERN, in every run from now on.

    What the index holds of it is named by the next run, and taken out with --prune. A PATTERN that is kept already goes
    behind the others: of those that match, the last decides.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        added = opened.exclusions.add(patterns)
    print_document({"patterns": list(patterns), "added": added}, output_format=output_format)
    if not all(pattern.startswith("!") for pattern in patterns):
        say("the next `modag index` passes over what matches; with --prune, it takes out what the index holds of it")
    else:
        say("the next `modag index` takes in what matches")


@exclude.command(name="list")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def list_exclusions(index_name: str | None, output_format: str | None) -> None:
    """List patterns, in the order in which they apply: those built in, then those of the index; the last match decides.

    .nomedia stands for folders that hold a file of this name.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        exclusions = opened.exclusions
        rows = [
            *({"pattern": pattern, "origin": "built in"} for pattern in exclusions.built_in),
            *({"pattern": pattern, "origin": "index"} for pattern in exclusions.patterns),
        ]
    print_rows(rows, output_format=output_format, columns=_EXCLUSION, fields=_EXCLUSION)


@exclude.command()
@click.argument("patterns", metavar="PATTERN...", nargs=-1, required=True)
@index_option
@format_option(choices=("table", "json"))
def remove(patterns: tuple[str, ...], index_name: str | None, output_format: str | None) -> None:
    """Pass over what matches PATTERN no longer: the next run takes it in."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        removed = opened.exclusions.remove(patterns)
    print_document({"patterns": list(patterns), "removed": removed}, output_format=output_format)
