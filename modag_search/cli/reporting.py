"""Pages to hand on: ``report``, ``gallery``."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modag_search import media
from modag_search.cli.options import Command, format_option, index_option, nul_option, progress_option
from modag_search.cli.output import counted, print_document, say, say_if_far, shown
from modag_search.cli.searching import (
    answer_options,
    combination,
    each_for_itself,
    failure_in_words,
    why_nothing,
)
from modag_search.cli.writing import check_room
from modag_search.errors import NothingFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modag_search.index import Index
    from modag_search.pages.choosing import Picked
    from modag_search.pages.entries import Entry
    from modag_search.pages.writing import Section, Written
    from modag_search.values import Explanation, Hit

_MEANING = (
    "Similarity is the cosine in the shared space: 1 is the same. Relevance, from 0 to 1, is what a similarity is "
    "worth beside that of unlike things."
)


def _page_options(command: Command) -> Command:
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
    type=click.Path(path_type=Path),
    metavar="FILE.html|FOLDER",
    help="The page, which holds all that it shows; or a folder, where that lies beside the page.",
)
@answer_options
@click.option("--start", "start_s", type=click.FloatRange(0), metavar="SECONDS", help="Ask with the part from here.")
@click.option("--end", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Ask with the part up to here.")
@click.option("--why", is_flag=True, help="Say what each answer would be called, and why, as by `modag explain`.")
@_page_options
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
    from modag_search.pages.writing import Look, check_target, write_pages

    check_target(target)
    check_room(target)
    each = each_for_itself(queries, nul_separated=nul_separated)
    failures: list[str] = []
    with open_index(index_name) as opened:
        found = list(_found(opened, each, queries, failures, asking))
        for query, hits in found:
            say_if_far(hits, query=None if each is None else query)
        hits_of_all = [hit for _, hits in found for hit in hits]
        for failure in failures:
            say(f"failed: {failure}")
        if not hits_of_all:
            if failures:
                sys.exit(3)
            under, label = asking["under"], asking["label"]
            raise NothingFoundError(why_nothing(opened, label=label, under=under, empty=_empty(opened, under)))
        reasons = _reasons(opened, {hit.path: hit.id for hit in hits_of_all}) if why else {}
        sections = [_section(opened, query, hits, reasons, each is None, queries, asking) for query, hits in found]
        look = Look(title=title or _heading(queries if each is None else each), lead=_MEANING)
        with count_progress(wanted=not no_progress) as bar:
            written = write_pages(target, sections, look, workers=workers, progress=bar)
    _tell(target, written, output_format=output_format, failed=len(failures))


@click.command()
@index_option
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.html|FOLDER",
    help="A page that holds all it shows; or a folder of pages, with pictures and sounds beside them.",
)
@click.option("--label", help="Only items with this label, or a kind of it.")
@click.option("--under", multiple=True, metavar="FOLDER", help="Only items in this folder; may be repeated.")
@click.option("--kind", type=click.Choice(["image", "sound", "video"]), help="Only files of this kind.")
@click.option("--unlabelled", is_flag=True, help="Only items without a label.")
@click.option(
    "--unsure",
    is_flag=True,
    help="Unlabelled items with what they would be called, the least sure first, and why; a review sheet.",
)
@click.option(
    "--max-confidence",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="With --unsure: leave out answers that are surer.",
)
@click.option("--run", type=int, metavar="RUN", help="What this run labelled (`modag label runs`); a review sheet.")
@click.option(
    "--review/--no-review",
    "asks",
    default=None,
    help="Whether each item is asked about. [default: with --unsure and --run]",
)
@click.option("-n", type=click.IntRange(1), default=200, show_default=True, help="How many items at the most.")
@_page_options
def gallery(
    index_name: str | None,
    target: Path,
    unsure: bool,
    max_confidence: float,
    asks: bool | None,
    n: int,
    title: str | None,
    workers: int | None,
    output_format: str | None,
    no_progress: bool,
    **choosing: Any,
) -> None:
    """Write a page of items of the index, to hand on.

    It is seen and heard in any browser, from the disk, without this program and without a network. On a review sheet,
    each item is answered with y, n or ?, or with another name; what is saved there comes back by
    `modag label --from FILE`: y gives the label, n says that it is not that.

    \b
    modag gallery --label guitar --to guitars.html
    modag gallery --unsure -n 50 --to sheet.html      ask a colleague about the least sure ones
    modag label --from sheet-answers.csv              take the answers in
    modag gallery --under ~/Samples -n 5000 --to gallery/
    """  # noqa: D301  click reads the character
    from modag_search.cli.opening import open_index
    from modag_search.cli.progress import count_progress
    from modag_search.pages.choosing import Choice, entries_of, picked, picked_answers
    from modag_search.pages.writing import Look, Section, check_target, write_pages

    check_target(target)
    check_room(target)
    if unsure and choosing["run"] is not None:
        raise click.UsageError("--unsure and --run exclude each other; name one")
    asks = unsure or choosing["run"] is not None if asks is None else asks
    choice = Choice(**choosing | {"under": tuple(choosing["under"])} | ({"unlabelled": False} if unsure else {}))
    with open_index(index_name) as opened:
        tags = opened.catalog.labels.tags() if asks else set()  # of which nothing can be said not to be it
        if choice.label is not None and opened.labels.resolve(choice.label) in tags:
            raise UsageError(f"{choice.label}: is a tag, and says nothing of what items are; --no-review shows them")
        if unsure:
            answers = opened.classify_each(unlabelled=True, sort="confidence", max_confidence=max_confidence)
            chosen, left_out = picked_answers(opened.catalog, answers, choice, n=n)
        else:
            every = [one for one in picked(opened.catalog, choice) if one.proposed not in tags]
            chosen, left_out = every[:n], len(every) - len(every[:n])
        if not chosen:
            raise NothingFoundError(_why_none(opened, choosing, unsure=unsure, max_confidence=max_confidence))
        if asks and not unsure:
            chosen = _with_proposals(opened, chosen)
        reasons = _reasons(opened, {one.path: one.id for one in chosen}) if unsure else {}
        entries = entries_of(opened.catalog, chosen, reasons)
        notes = (f"{left_out} more are not shown.",) if left_out else ()
        look = Look(
            title=title or _title(choosing, unsure=unsure),
            lead=_lead(len(entries), asks=asks),
            asks=asks,
            names=tuple(sorted(opened.catalog.labels.class_names())),
            exclude_each_other=opened.labels.exclude_each_other,
        )
        with count_progress(wanted=not no_progress) as bar:
            section = Section(entries=entries, notes=notes)
            written = write_pages(target, [section], look, workers=workers, progress=bar)
    _tell(target, written, output_format=output_format, left_out=left_out)


def _found(
    opened: Index, each: list[str] | None, queries: Sequence[str], failures: list[str], asking: dict[str, Any]
) -> Iterable[tuple[str, Sequence[Hit]]]:
    if each is None:
        query, plus, minus = combination(queries)
        return [(" ".join(queries), opened.search(query, plus=plus, minus=minus, **asking))]
    return opened.search_many(
        each, on_failure=lambda query, error: failures.append(failure_in_words(query, error)), **asking
    )


def _section(
    opened: Index,
    query: str,
    hits: Sequence[Hit],
    reasons: dict[str, Explanation],
    is_combined: bool,
    queries: Sequence[str],
    asking: dict[str, Any],
) -> Section:
    from modag_search.pages.entries import entries_of_hits
    from modag_search.pages.writing import Section
    from modag_search.wording import far_in_words

    asked = [one for one in queries if one not in {"+", "-"}] if is_combined else [query]
    far = far_in_words(hits)
    answers = [
        dataclasses.replace(entry, why=said, proposed=said.label, confidence=said.confidence)
        if (said := reasons.get(entry.path))
        else entry
        for entry in entries_of_hits(opened.catalog, hits)
    ]
    return Section(
        heading="" if is_combined else os.path.basename(query) or query,
        entries=[*_asked(opened, asked, start_s=asking["start_s"], end_s=asking["end_s"]), *answers],
        notes=() if hits and far is None else (f"{(far or 'nothing found').capitalize()}.",),
    )


def _asked(opened: Index, queries: Sequence[str], *, start_s: float | None, end_s: float | None) -> Iterator[Entry]:
    """Return what was asked with, as far as it can be seen or heard."""
    from modag_search.pages.entries import Entry
    from modag_search.spelling import on_disk

    for query in queries:
        if query.startswith("id:"):
            item = opened.item(query)
            yield Entry(path=item.path, kind=item.kind, start_s=start_s, end_s=end_s, is_query=True)
        elif os.path.isfile(path := os.path.abspath(on_disk(query))):
            item_there = opened.catalog.items.at(path)
            kind = media.kind_of(path) if item_there is None else item_there.kind
            yield Entry(path=path, kind=kind, start_s=start_s, end_s=end_s, is_query=True)


def _reasons(opened: Index, ids: dict[str, int]) -> dict[str, Explanation]:
    """Say why items are called as they are, as far as there is anything to say."""
    reasons = {}
    for path, item_id in ids.items():
        try:
            reasons[path] = opened.explain(f"id:{item_id}")
        except NothingFoundError as error:
            if not opened.catalog.labels.class_names():
                raise NothingFoundError(f"nothing has a label, so there is no why: {error}") from error
    return reasons


def _with_proposals(opened: Index, chosen: Sequence[Picked]) -> list[Picked]:
    """Ask of items without a label whether they are what they would be called, where anything can be told."""
    bare = [one for one in chosen if one.proposed is None]
    if not bare or not opened.catalog.labels.class_names():
        return list(chosen)
    answers = opened.classify([f"id:{one.id}" for one in bare], on_failure=lambda _: None)
    by_path = {answer.path: answer for answer in answers}
    return [
        dataclasses.replace(one, proposed=answer.label, confidence=round(answer.confidence, 6))
        if one.proposed is None and (answer := by_path.get(one.path))
        else one
        for one in chosen
    ]


def _heading(queries: Sequence[str]) -> str:
    names = [os.path.basename(one) or one for one in queries]
    joined = " ".join(names) if {"+", "-"} & set(queries) else ", ".join(names[:3])
    more = len(queries) - 3
    return f"What goes with {joined}{f' and {more} more' if more > 0 and ', ' in joined else ''}"


def _title(choosing: dict[str, Any], *, unsure: bool) -> str:
    """Say which items a gallery shows."""
    nouns = {"image": "Pictures", "sound": "Sounds", "video": "Videos", None: "Items"}
    words = [nouns[choosing["kind"]]]
    if unsure:
        words.append("of which it is least sure what they are")
    elif choosing["unlabelled"]:
        words.append("without a label")
    if choosing["run"] is not None:
        words.append(f"labelled by run {choosing['run']}")
    if choosing["label"] is not None:
        words.append(f"{'perhaps' if unsure else 'labelled'} {choosing['label']}")
    if choosing["under"]:
        words.append(f"in {', '.join(os.path.basename(os.path.abspath(one)) for one in choosing['under'])}")
    return " ".join(words)


def _lead(n: int, *, asks: bool) -> str:
    what = counted(n, "item")
    return f"{what}. Answer what you can; Save answers writes a file to send back." if asks else f"{what}."


def _empty(opened: Index, under: Sequence[str]) -> list[str]:
    from modag_search.search.filters import Filters

    return Filters(under=tuple(under)).empty_folders(opened.catalog)


def _why_none(opened: Index, choosing: dict[str, Any], *, unsure: bool, max_confidence: float) -> str:
    empty = _empty(opened, choosing["under"])
    if empty and len(empty) == len(choosing["under"]):
        return f"nothing found: no item lies below {shown(empty)}"
    if unsure:
        return f"nothing found: no item without a label has an answer with a confidence of {max_confidence:g} or less"
    return why_nothing(opened, label=choosing["label"], under=(), empty=())


def _tell(target: Path, written: Written, *, output_format: str | None, failed: int = 0, left_out: int = 0) -> None:
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
