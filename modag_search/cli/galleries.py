"""Pages to hand on: ``gallery``."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import PathNamed, index_option
from modag_search.cli.output import counted
from modag_search.cli.reporting import page_options, reasons_for, tell
from modag_search.cli.writing import check_room
from modag_search.errors import NothingFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modag_search.index import Index
    from modag_search.pages.choosing import Choice, Picked


@click.command()
@index_option
@click.option(
    "--to",
    "target",
    required=True,
    type=PathNamed(),
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
@page_options
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
    from modag_search.pages.choosing import Choice, entries_of, picked_answers
    from modag_search.pages.writing import Look, Section, check_target, write_pages

    check_target(target)
    check_room(target)
    if unsure and choosing["run"] is not None:
        raise click.UsageError("--unsure and --run exclude each other; name one")
    asks = unsure or choosing["run"] is not None if asks is None else asks
    choice = Choice(**choosing | {"unlabelled": choosing["unlabelled"] and not unsure})
    with open_index(index_name) as opened:
        if unsure:
            answers = opened.classify_each(unlabelled=True, sort="confidence", max_confidence=max_confidence)
            chosen, left_out = picked_answers(opened.catalog, answers, choice, n=n)
        else:
            chosen, left_out = _picked(opened, choice, n=n, asks=asks)
        if not chosen:
            raise NothingFoundError(_why_none(opened, choosing, max_confidence if unsure else None))
        reasons = reasons_for(opened, {one.path: one.id for one in chosen}) if unsure else {}
        entries = entries_of(opened.catalog, chosen, reasons)
        look = Look(
            title=title or _title(choosing, unsure=unsure),
            lead=_lead(len(entries), asks=asks),
            asks=asks,
            names=tuple(sorted(opened.catalog.labels.class_names())),
            exclude_each_other=opened.labels.exclude_each_other,
        )
        section = Section(entries=entries, notes=(f"{left_out} more are not shown.",) if left_out else ())
        with count_progress(wanted=not no_progress) as bar:
            written = write_pages(target, [section], look, workers=workers, progress=bar)
    tell(target, written, output_format=output_format, left_out=left_out)


def _picked(opened: Index, choice: Choice, *, n: int, asks: bool) -> tuple[list[Picked], int]:
    """Return the first items that are chosen, with what is asked of them, and how many more there are."""
    from modag_search.pages.choosing import picked

    tags = opened.catalog.labels.tags() if asks else set()  # of which nothing can be said not to be it
    if choice.label is not None and opened.labels.resolve(choice.label) in tags:
        raise UsageError(f"{choice.label}: is a tag, and says nothing of what items are; --no-review shows them")
    every = [one for one in picked(opened.catalog, choice) if one.proposed not in tags]
    chosen = every[:n]
    return _with_proposals(opened, chosen) if asks else chosen, len(every) - len(chosen)


def _with_proposals(opened: Index, chosen: Sequence[Picked]) -> list[Picked]:
    """Ask of items without a label whether they are what they would be called, where anything can be told."""
    bare = [one for one in chosen if one.proposed is None]
    if not bare or not opened.catalog.labels.class_names():
        return list(chosen)
    answers = opened.classify([f"id:{one.id}" for one in bare], on_failure=lambda *_: None)
    by_path = {answer.path: answer for answer in answers}
    return [
        dataclasses.replace(one, proposed=answer.label, confidence=round(answer.confidence, 6))
        if one.proposed is None and (answer := by_path.get(one.path))
        else one
        for one in chosen
    ]


def _title(choosing: Mapping[str, Any], *, unsure: bool) -> str:
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


def _why_none(opened: Index, choosing: Mapping[str, Any], max_confidence: float | None) -> str:
    from modag_search.search.emptiness import filtered_out
    from modag_search.search.filters import Filters

    filters = Filters(**{name: choosing[name] for name in ("label", "under", "kind")})
    if why := filtered_out(opened.catalog, filters):
        return why
    if max_confidence is not None:
        return f"nothing found: no item without a label has an answer with a confidence of {max_confidence:g} or less"
    return "nothing found: all that is left has a label" if choosing["unlabelled"] else "nothing found"
