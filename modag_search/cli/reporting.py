"""Pages to hand on: ``report``."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from modag_search import media
from modag_search.cli.options import Command, PathNamed, format_option, index_option, nul_option, progress_option
from modag_search.cli.output import counted, print_document, say, say_if_far
from modag_search.cli.searching import (
    answer_options,
    combination,
    each_for_itself,
    failure_in_words,
    say_why_none,
)
from modag_search.cli.writing import check_room
from modag_search.errors import NothingFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from modag_search.index import Index
    from modag_search.pages.entries import Entry
    from modag_search.pages.results import Hits
    from modag_search.pages.writing import Written
    from modag_search.values import Explanation, Hit

_MEANING = (
    "Similarity is the cosine in the shared space: 1 is the same. Relevance, from 0 to 1, is what a similarity is "
    "worth beside that of unlike things."
)


def page_options(command: Command) -> Command:
    """Add what says how a page is written."""
    options = (
        click.option("--title", help="Of the page. [default: says what is on it]"),
        click.option("--workers", type=click.IntRange(1), help="Threads that decode. [default: one a processor]"),
        format_option(choices=("table", "json")),
        progress_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("queries", metavar="QUERY [+ QUERY]... [- QUERY]...", nargs=-1, required=True)
@nul_option("Queries on stdin end with NUL rather than with a newline.", exposed=True)
@index_option
@click.option(
    "--to",
    "target",
    required=True,
    type=PathNamed(),
    metavar="FILE.html|FOLDER",
    help="The page, which holds all that it shows; or a folder, where that lies beside the page.",
)
@answer_options
@click.option("--start", "start_s", type=click.FloatRange(0), metavar="SECONDS", help="Ask with the part from here.")
@click.option("--end", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Ask with the part up to here.")
@click.option("--why", is_flag=True, help="Say what each answer would be called, and why, as by `modag explain`.")
@page_options
def report(
    queries: Sequence[str],
    nul_separated: bool,
    index_name: str | None,
    target: Path,
    title: str | None,
    why: bool,
    workers: int | None,
    output_format: str | None,
    no_progress: bool,
    **asking: Any,
) -> None:
    """Write a page of what a search finds, to hand on.

    QUERY is as in `modag search`. Several side by side, or - alone, which reads them from stdin, become sections. The
    page is seen and heard in any browser, from the disk, without this program and without a network: pictures are small
    ones, sounds are pieces of eight seconds from where they were found, and names lead to the files.

    \b
    modag report trumpet.wav harbour.jpg --to page.html
    modag report "waves on a beach" --modality sound -n 30 --to waves.html
    """  # noqa: D301  click reads the character
    from modag_search.cli.opening import open_index
    from modag_search.cli.progress import count_progress
    from modag_search.pages.writing import Look, Section, check_target, write_pages

    check_target(target)
    check_room(target)
    each = each_for_itself(queries, nul_separated=nul_separated)
    failures: list[str] = []
    with open_index(index_name) as opened:
        found = list(_found(opened, each, queries, failures, asking))
        for query, hits in found:
            say_if_far(hits, query=None if each is None else query)
        without = [(query, hits.why_none) for query, hits in found if not hits]
        say_why_none(without, n_queries=1 if each is None else len(each))
        for failure in failures:
            say(f"failed: {failure}")
        ids = {hit.path: hit.id for _, hits in found for hit in hits}
        if not ids and failures:
            sys.exit(3)
        if not ids:
            sys.exit(4)
        reasons = reasons_for(opened, ids) if why else {}
        part = asking["start_s"], asking["end_s"]
        sections = [
            Section(
                heading="" if each is None else os.path.basename(query) or query,
                entries=[
                    *_asked(opened, _names(queries) if each is None else [query], part=part),
                    *_answers(opened, hits, reasons),
                ],
                notes=_notes(hits),
            )
            for query, hits in found
        ]
        look = Look(title=title or _heading(queries if each is None else each), lead=_MEANING)
        with count_progress(wanted=not no_progress) as bar:
            written = write_pages(target, sections, look, workers=workers, progress=bar)
    tell(target, written, output_format=output_format, failed=len(failures))


def _found(
    opened: Index, each: list[str] | None, queries: Sequence[str], failures: list[str], asking: dict[str, Any]
) -> Iterable[tuple[str, Hits]]:
    if each is None:
        query, plus, minus = combination(queries)
        return [(" ".join(queries), opened.search(query, plus=plus, minus=minus, **asking))]
    return opened.search_many(
        each, on_failure=lambda query, error: failures.append(failure_in_words(query, error)), **asking
    )


def _names(queries: Sequence[str]) -> list[str]:
    return [one for one in queries if one not in {"+", "-"}]


def _answers(opened: Index, hits: Sequence[Hit], reasons: Mapping[str, Explanation]) -> list[Entry]:
    """Return answers as they are shown, with what they would be called where it is known why."""
    from modag_search.pages.entries import entries_of_hits

    return [
        dataclasses.replace(entry, why=said, proposed=said.label, confidence=said.confidence)
        if (said := reasons.get(entry.path))
        else entry
        for entry in entries_of_hits(opened.catalog, hits)
    ]


def _notes(hits: Hits) -> tuple[str, ...]:
    """Say that nothing was found, or nothing that is close."""
    from modag_search.wording import far_in_words

    words = far_in_words(hits) if hits else hits.why_none
    return () if words is None else (f"{words[:1].upper()}{words[1:]}.",)


def _asked(opened: Index, queries: Sequence[str], *, part: tuple[float | None, float | None]) -> Iterator[Entry]:
    """Return what was asked with, as far as it can be seen or heard."""
    from modag_search.pages.entries import Entry
    from modag_search.spelling import on_disk

    start_s, end_s = part
    for query in queries:
        path = os.path.abspath(on_disk(query))
        item = opened.item(query) if query.startswith("id:") else opened.catalog.items.at(path)
        if item is not None:
            yield Entry(path=item.path, kind=item.kind, start_s=start_s, end_s=end_s, is_query=True)
        elif os.path.isfile(path):
            yield Entry(path=path, kind=media.kind_of(path), start_s=start_s, end_s=end_s, is_query=True)


def reasons_for(opened: Index, ids: Mapping[str, int]) -> dict[str, Explanation]:
    """Say why items are called as they are, as far as there is anything to say."""
    reasons = {}
    for path, item_id in ids.items():
        try:
            reasons[path] = opened.explain(f"id:{item_id}")
        except NothingFoundError as error:
            if not opened.catalog.labels.class_names():
                raise NothingFoundError(f"nothing has a label, so there is no why: {error}") from error
    return reasons


def _heading(queries: Sequence[str]) -> str:
    names = [os.path.basename(one) or one for one in queries]
    joined = " ".join(names) if {"+", "-"} & set(queries) else ", ".join(names[:3])
    more = len(queries) - 3
    return f"What goes with {joined}{f' and {more} more' if more > 0 and ', ' in joined else ''}"


def tell(target: Path, written: Written, *, output_format: str | None, failed: int = 0, left_out: int = 0) -> None:
    """Print what was written; say what has no picture or sound there, and how many items were left out."""
    print_document(
        {
            "page": str(target),
            "items": written.items,
            "left_out": left_out,
            "failed": failed + len(written.failures),
            "files": written.files,
            "size_bytes": written.size_bytes,
        },
        output_format=output_format,
    )
    for failure in written.failures:
        say(f"failed: {failure}")
    if left_out:
        say(f"{counted(left_out, 'item')} left out; -n shows more")
    if failed or written.failures:
        sys.exit(3)
