"""Asking: ``search``."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from modag_search import media
from modag_search.cli.options import (
    Command,
    NumberOrWord,
    PathNamed,
    expand_stdin,
    format_option,
    index_option,
    nul_option,
)
from modag_search.cli.output import print_answers, say, say_delivery, say_if_far, shown, warn_of_root
from modag_search.errors import UsageError
from modag_search.spelling import on_disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from modag_search.errors import ModagError
    from modag_search.index import Index
    from modag_search.pages.results import Hits
    from modag_search.values import Hit

_SIGNS = ("+", "-")
_KINDS = ("id:", "label:", "text:")


class _Notes:
    """What is to be said and done of answers once all have been printed.

    Attributes
    ----------
    paths : dict of str to None
        Of all that was found, each once.
    best : list of (str, Hit)
        Queries with their most relevant answer.
    without : list of (str, str)
        Queries without any, and why there is none.
    """

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.best: list[tuple[str, Hit]] = []
        self.without: list[tuple[str, str]] = []

    def taken(self, answers: Iterable[tuple[str, Hits]]) -> Iterator[tuple[str, Hits]]:
        """Take note of answers while they go by."""
        for query, hits in answers:
            self.paths.update(dict.fromkeys(hit.path for hit in hits))
            if hits:
                self.best.append((query, max(hits, key=lambda hit: hit.relevance)))
            else:
                self.without.append((query, hits.why_none))
            yield query, hits


def answer_options(command: Command) -> Command:
    """Add what says which items may be answers, and how many."""
    options = (
        click.option(
            "--modality",
            type=click.Choice(["image", "sound", "any"]),
            default="any",
            show_default=True,
            help="Of the answers.",
        ),
        click.option("-n", type=click.IntRange(1), default=10, show_default=True, help="How many items at the most."),
        click.option(
            "--min-similarity", type=click.FloatRange(-1, 1), default=-1.0, help="Leave out what is less similar."
        ),
        click.option(
            "--min-relevance", type=click.FloatRange(0, 1), default=0.0, help="Leave out what is less relevant."
        ),
        click.option("--label", help="Only items with this label."),
        click.option("--under", multiple=True, metavar="FOLDER", help="Only items in this folder; may be repeated."),
        click.option("--kind", type=click.Choice(["image", "sound", "video"]), help="Only files of this kind."),
        click.option(
            "--min-duration",
            "min_duration_s",
            type=click.FloatRange(0),
            metavar="SECONDS",
            help="Only what lasts so long.",
        ),
        click.option(
            "--max-duration",
            "max_duration_s",
            type=click.FloatRange(0),
            metavar="SECONDS",
            help="Only what lasts no longer.",
        ),
        click.option("--copies", is_flag=True, help="Copies of each other are answers of their own."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("queries", metavar="QUERY [+ QUERY]... [- QUERY]...", nargs=-1, required=True)
@nul_option(
    "Names end with NUL rather than with a newline: queries on stdin, and paths that are printed.", exposed=True
)
@index_option
@answer_options
@click.option(
    "--places",
    type=NumberOrWord("all"),
    default=0,
    metavar="N|all",
    help="List so many places of each answer, the best first, where it is long.",
)
@click.option(
    "--from",
    "start_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Ask with the part of the first QUERY from here.",
)
@click.option(
    "--to",
    "end_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="Ask with the part of the first QUERY up to here.",
)
@click.option(
    "--copy-to", type=PathNamed(), metavar="DIR", help="Copy what is found into this folder, under names of its own."
)
@click.option(
    "--link-to", type=PathNamed(), metavar="DIR", help="Put symbolic links to what is found into this folder."
)
@format_option(with_nul=False)
def search(
    queries: Sequence[str],
    nul_separated: bool,
    index_name: str | None,
    label: str | None,
    places: int | Literal["all"],
    under: tuple[str, ...],
    copy_to: Path | None,
    link_to: Path | None,
    output_format: str | None,
    **asking: Any,
) -> None:
    """Find what goes with a sound or a picture.

    QUERY is a media file, in the index or not; id:N, an item of the index; label:NAME, what the items with a label
    have in common; or words in English (text:WORDS, where they might be taken for a path). Similarity is the cosine in
    the shared space: 1 is the same, 0 unrelated. Where answers of both modalities are mixed, they are ranked by how far
    each rises above unlike things of its kind. Relevance, from 0 to 1, means the same for sounds, pictures and words:
    what a similarity is worth in this index, where unlike things have a similarity, too. Items that hold the same, or
    have the very same features, are one answer, which lists the others as its copies.

    Several QUERYs of whatever kinds are combined: what stands behind a + is added, what stands behind a - taken away
    with half the weight. The signs are arguments of their own, and words stand in quotes:

    \b
    modag search dog.jpg + "in the snow" - "puppy"

    Several files, id:N, label:NAME or text:WORDS side by side are answered each for itself, and so is - alone: queries
    from stdin, one a line. Answers then name their query.
    """  # noqa: D301  click reads the character
    from modag_search.cli.opening import open_index
    from modag_search.search.filters import Filters

    if copy_to is not None and link_to is not None:
        raise click.UsageError("--copy-to and --link-to exclude each other; name one")
    each = each_for_itself(queries, nul_separated=nul_separated)
    combined = combination(queries) if each is None else None
    failures: list[str] = []
    notes = _Notes()
    with open_index(index_name) as opened:
        answers = _answers(opened, each or (), combined, failures, label=label, places=places, under=under, **asking)
        print_answers(
            notes.taken(answers),
            with_query=each is not None,
            with_places=places != 0,
            output_format=output_format,
        )
        empty = Filters(under=under).empty_folders(opened.catalog)
        folder = link_to if copy_to is None else copy_to
        n_failed = 0 if folder is None else _delivered(opened, notes.paths, folder, link=copy_to is None)
    if empty and len(empty) < len(under):
        say(f"warning: no item lies below {shown(empty)}")
    for asked, best in notes.best:
        say_if_far([best], query=None if each is None else asked)
    say_why_none(notes.without, n_queries=1 if each is None else len(each))
    for failure in failures:
        say(f"failed: {failure}")
    if failures or n_failed:
        sys.exit(3)
    if not notes.paths:
        sys.exit(4)


def _answers(
    opened: Index,
    each: Sequence[str],
    combined: tuple[str, list[str], list[str]] | None,
    failures: list[str],
    **options: Any,
) -> Iterable[tuple[str, Hits]]:
    """Answer a combination of queries, or queries one by one, and note those that fail."""
    if combined is not None:
        query, plus, minus = combined
        return [(query, opened.search(query, plus=plus, minus=minus, **options))]
    return opened.search_many(
        each, on_failure=lambda query, error: failures.append(failure_in_words(query, error)), **options
    )


def say_why_none(without: Sequence[tuple[str, str]], *, n_queries: int) -> None:
    """Say on stderr which of some queries found nothing, and why: once, where that is the same for all there are."""
    reasons = {why for _, why in without}
    if len(reasons) == 1 and len(without) == n_queries:
        say(*reasons)
        return
    for query, why in without:
        say(f"{query}: {why}")


def each_for_itself(arguments: Sequence[str], *, nul_separated: bool) -> list[str] | None:
    """Return queries that are answered one by one; None where arguments are one query, or a combination."""
    if list(arguments) == ["-"]:
        return expand_stdin(arguments, nul_separated=nul_separated, what="queries")
    return list(arguments) if len(arguments) > 1 and all(map(_is_no_word, arguments)) else None


def _is_no_word(argument: str) -> bool:
    """Tell whether an argument names what asks, though it may not be there, and is no word of a phrase or sign."""
    is_path = os.sep in argument or media.kind_of(argument) is not None or os.path.lexists(on_disk(argument))
    return argument not in _SIGNS and (is_path or argument.startswith(_KINDS))


def failure_in_words(query: str, error: ModagError) -> str:
    """Word why a query was not answered; most errors name it themselves."""
    return str(error) if query in str(error) else f"{query}: {error}"


def _delivered(opened: Index, paths: Iterable[str], folder: Path, *, link: bool) -> int:
    """Put what was found into a folder, and return how many files failed."""
    from modag_search.export.delivery import deliver, indexed_root

    warn_of_root(indexed_root(opened.catalog, folder), folder)
    delivery = deliver(paths, folder, link=link)
    say_delivery(delivery, link=link)
    return len(delivery.failures)


def combination(arguments: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Divide arguments into a query, what is added to it and what is taken away.

    Raises
    ------
    UsageError
        If queries and signs do not take turns.
    """
    terms: dict[str, list[str]] = {sign: [] for sign in _SIGNS}
    sign: str | None = "+"
    for place, argument in enumerate(arguments):
        if argument in _SIGNS:
            if sign is not None:
                raise _sign_without_query(argument if place == 0 else sign)
            sign = argument
        elif sign is None:
            raise _side_by_side(arguments, place)
        else:
            terms[sign].append(argument)
            sign = None
    if sign is not None:
        raise _sign_without_query(sign)
    query, *plus = terms["+"]
    return query, plus, terms["-"]


def _sign_without_query(sign: str) -> UsageError:
    return UsageError(
        f"{sign}: a QUERY must stand on either side of this sign, as in `modag search dog.jpg {sign} cat.jpg`; "
        f"the file of that name is asked with as ./{sign}"
    )


def _side_by_side(arguments: Sequence[str], place: int) -> UsageError:
    """Word that two queries stand side by side, and how the words around them look in quotes."""
    first, last = place - 1, place
    if arguments[place].startswith("+"):
        return UsageError(f"{arguments[place]!r}: a sign is an argument of its own; put a blank behind the +")
    while last < len(arguments) and arguments[last] not in _SIGNS:
        last += 1
    named = [one for one in arguments[first:last] if not _is_no_word(one)]
    if 0 < len(named) < last - first:
        return UsageError(
            f"{arguments[first]!r} and {arguments[place]!r}: there is no + or - between them; to ask with each for "
            f"itself, put text: before words, as in {shlex.quote(f'text:{named[0]}')}"
        )
    words = " ".join(arguments[first:last])
    return UsageError(
        f"{arguments[first]!r} and {arguments[place]!r}: there is no + or - between them; put words in quotes, as in "
        f"{shlex.quote(words)}"
    )
