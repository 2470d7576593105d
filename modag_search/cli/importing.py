"""Labels from files and folders: ``label --from``, ``label --from-folders``."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import Command, NumberOrWord, PathNamed
from modag_search.cli.output import chosen_format, counted, print_rows, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.labels.files import FolderLevel
    from modag_search.values import ImportReport

_NO_FOLDER = "in no folder that could name it"
_DONE = ("source", "run", "added", "unchanged", "skipped")
_PREVIEW = ("label", "items", "denied", "parts", "example")
_USUAL = ("CSV", "JSONL", "JAMS", "JSON", "folders")
_SHOWN = 20
_EXAMPLES = 3
_READING = ("path_column", "label_column", "start_column", "end_column", "separator", "encoding", "min_confidence")


def import_options(command: Command) -> Command:
    """Add what names sources of labels, and how they are read."""
    options = (
        click.option(
            "--from",
            "sources",
            multiple=True,
            type=PathNamed(),
            metavar="FILE",
            help="A file of labels, of whatever kind. All of it or nothing is taken.",
        ),
        click.option(
            "--from-folders",
            "roots",
            multiple=True,
            type=PathNamed(exists=True, file_okay=False),
            metavar="DIR",
            help="Items below DIR/CLASS, or DIR/train/CLASS and DIR/test/CLASS, get the label CLASS.",
        ),
        click.option(
            "--level",
            type=NumberOrWord("innermost"),
            metavar="N|innermost",
            help="Of the folders that name items: 0 those in DIR, 1 those in these; innermost: what a file lies in. "
            "[default: 0; 1 where DIR holds train, valid, test]",
        ),
        click.option(
            "--dry-run", is_flag=True, help="Write nothing; show what a file or folders would give, and what not."
        ),
        click.option(
            "--skip-missing", is_flag=True, help="Pass over what names no item of the index, or could mean several."
        ),
        click.option("--path-column", metavar="NAME", help="Of FILE: where paths stand. [default: by its looks]"),
        click.option(
            "--label-column",
            metavar="NAME",
            help="Of FILE: where labels stand; or the attribute, of VIA and Label Studio. [default: by its looks]",
        ),
        click.option(
            "--start-column",
            metavar="NAME",
            help="Of FILE: where a part begins, in seconds; '' takes labels for the whole. [default: by its looks]",
        ),
        click.option(
            "--end-column",
            metavar="NAME",
            help="Of FILE: where a part ends, in seconds; '' with --start-column: at the end. [default: by its looks]",
        ),
        click.option(
            "--separator",
            metavar="TEXT",
            help="What stands between several labels in one cell of FILE, as ';'; '' takes each cell for one label. "
            "[default: cells that look like several are refused]",
        ),
        click.option(
            "--encoding",
            metavar="NAME",
            help="Of FILE. [default: UTF-8 or UTF-16, as it shows; Windows-1252 for what is neither]",
        ),
        click.option(
            "--min-confidence",
            type=click.FloatRange(0, 1),
            metavar="NUMBER",
            help="Pass over what the program that wrote FILE was less sure of. [default: 0.5]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def refuse_import_options(given: dict[str, Any]) -> None:
    """Refuse options that say how to read files, where none is named."""
    used = [name for name, value in given.items() if value not in (None, False)]
    if used:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in used)
        raise click.UsageError(f"{named}: for labels from files or folders; name these with --from or --from-folders")


def import_all(
    index_name: str | None,
    sources: Sequence[Path],
    roots: Sequence[Path],
    *,
    level: FolderLevel,
    dry_run: bool,
    skip_missing: bool,
    output_format: str | None,
    **reading: Any,
) -> None:
    """Take labels in from files and folders, one after the other, and print what came of each."""
    from modag_search.cli.opening import open_index
    from modag_search.labels.files import ReadingOptions

    options = ReadingOptions(**{name: reading[name] for name in _READING if reading[name] is not None})
    if level is not None and not roots:
        raise click.UsageError("--level: for the names of folders; name these with --from-folders")
    done: list[tuple[Path, ImportReport]] = []
    try:
        with open_index(index_name) as opened:
            for source, is_root in (*((one, False) for one in sources), *((one, True) for one in roots)):
                report = opened.import_labels(
                    source,
                    from_folders=is_root,
                    level=level if is_root else None,
                    skip_missing=skip_missing or dry_run,
                    dry_run=dry_run,
                    options=options,
                )
                _tell(str(source), report, dry_run=dry_run)
                done.append((source, report))
    finally:
        # Where a later source is refused, the user must see the runs that the others can be taken back by.
        if done:
            _print(done, dry_run=dry_run, output_format=output_format)
    if any(report.skipped for _, report in done):
        sys.exit(3)


def _tell(source: str, report: ImportReport, *, dry_run: bool) -> None:
    """Say how a source was understood, and what of it gave no label."""
    if report.kind not in _USUAL:
        say(f"{source}: read as {report.kind}")
    for words in report.remarks:
        say(f"{source}: {words}")
    if report.by_name:
        meant = ", ".join(f"{name} is {path}" for name, path in report.by_name[:_EXAMPLES])
        more = f" and {len(report.by_name) - _EXAMPLES} more" if len(report.by_name) > _EXAMPLES else ""
        say(f"{source}: matched by the ends of paths: {meant}{more}")
    if report.without_class:
        say(f"{source}: {report.without_class} of its files lie in no folder that could name them")
    _tell_of_passed_over(source, report)
    if dry_run:
        there = f", beside {report.unchanged} there already" if report.unchanged else ""
        refused = f"; --skip-missing passes over {counted(len(report.skipped), 'file')}" if report.skipped else ""
        say(f"{source}: would give {counted(report.added, 'label')}{there}{refused}; nothing was written")


def _tell_of_passed_over(source: str, report: ImportReport) -> None:
    """Name the files that no item is meant by, and count what gave no label for another reason."""
    lost = set(report.skipped)
    missing = list({one.name: one for one in report.passed_over if one.name in lost}.values())
    for one in missing[:_SHOWN]:
        say(f"skipped: {one.name}: {one.reason}")
    if len(missing) > _SHOWN:
        say(f"… and {len(missing) - _SHOWN} more; --format json lists all")
    reasons = Counter(one.reason for one in report.passed_over if one.name not in lost and one.reason != _NO_FOLDER)
    if reasons:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        say(f"{source}: passed over: {counts}; --format json lists them")


def _print(done: Sequence[tuple[Path, ImportReport]], *, dry_run: bool, output_format: str | None) -> None:
    """Print what came of each source; as a table of what would be given, where nothing was."""
    if dry_run and chosen_format(output_format) == "table":
        labels = [dataclasses.asdict(label) for _, report in done for label in report.labels]
        print_rows(labels, output_format=output_format, columns=_PREVIEW)
        return
    rows = [
        {
            "source": str(source),
            "run": report.run,
            "added": report.added,
            "unchanged": report.unchanged,
            "skipped": len(report.skipped),
            "kind": report.kind,
            "labels": [dataclasses.asdict(label) for label in report.labels],
            "by_name": [{"name": name, "path": path} for name, path in report.by_name],
            "passed_over": [dataclasses.asdict(one) for one in report.passed_over],
            "remarks": list(report.remarks),
        }
        for source, report in done
    ]
    print_rows(rows, output_format=output_format, columns=_DONE)
