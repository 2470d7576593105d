"""Looking over a collection: ``suggest``, ``audit``, ``duplicates``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import format_option, index_option
from modag_search.cli.output import NUL_PATHS, chosen_format, print_groups, print_rows, say
from modag_search.rows import DUPLICATE, SUGGESTION, duplicate_rows, issue_row, pair_row, suggestion_row
from modag_search.wording import NOUNS

if TYPE_CHECKING:
    from modag_search.values import Modality

_ISSUE = ("path", "modality", "label", "reason", "probability", "suggested", "confidence", "id")
_PAIR = ("rank", "similarity", "sound", "image")
_DUPLICATE_COLUMNS = ("group", "path", "labels", "similarity", "exact", "confirmed_by", "kept_because")
_PART_COLUMNS = ("part_start_s", "part_end_s")
_ALIKE_COLUMNS = ("group", "path", "labels", "similarity")


@click.command()
@index_option
@click.option("-n", type=click.IntRange(1), default=20, show_default=True, help="How many items.")
@click.option("--modality", type=click.Choice(["image", "sound"]), help="Of the items. [default: both]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of draws from a large collection.")
@click.option(
    "--near",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="Items instead whose confidence is nearest to X: what lies at a border, such as that of a transfer.",
)
@click.option(
    "--label", "label", metavar="NAME", help="With --near: how likely NAME is, or a kind of it, whatever is likelier."
)
@format_option()
def suggest(
    index_name: str | None,
    n: int,
    modality: Modality | None,
    seed: int,
    near: float | None,
    label: str | None,
    output_format: str | None,
) -> None:
    """List what to label next, so that few labels name much.

    The items stand for many others that are unsure as yet, differ from each other, and from what is labelled. label and
    confidence say what each would be called now; covers, how many items it is the nearest to. wanted names the label
    that has no example of that modality yet, so that what is called so is called so by hearsay.

    With --near, all unlabelled items are looked at, and those come first whose confidence is nearest to X.
    """
    from modag_search.cli.opening import open_index

    if label is not None and near is None:
        raise click.UsageError("--label goes with --near X: it says whose likelihood is to be near X")
    with open_index(index_name) as opened:
        found = opened.suggest(n=n, modality=modality, seed=seed, near=near, label=label)
    print_rows(map(suggestion_row, found), output_format=output_format, columns=SUGGESTION, fields=SUGGESTION)


@click.command()
@index_option
@click.option("--pairs", is_flag=True, help="Sounds and pictures that do not fit each other, instead of labels.")
@click.option(
    "--max-probability",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="How likely a label may be, by all others, to be listed.",
)
@click.option(
    "--min-rank",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="With --pairs: share of others that fit better; 0.5 is chance.",
)
@format_option()
def audit(
    index_name: str | None, pairs: bool, max_probability: float, min_rank: float, output_format: str | None
) -> None:
    """List labels that are contradicted or that a file's former content was given, or pairs that do not fit.

    reason says which: neighbours; copies, where items with the same content, or the very same features, have labels
    that exclude each other, and copy_of names one of them in the json formats; or replaced, until the label is given
    again or taken back. A pair is the sound and the frames of a video, or a sound and a picture of one name in one
    folder. What nothing can confirm, since no other item has its label, is named on stderr. Nothing is changed. Exit
    status 4 where there is nothing to list.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        if pairs:
            rows = [pair_row(pair) for pair in opened.audit_pairs(min_rank=min_rank)]
        else:
            rows = [issue_row(issue) for issue in opened.audit(max_probability=max_probability)]
    columns = _PAIR if pairs else _ISSUE
    print_rows(rows, output_format=output_format, columns=columns, fields=columns)
    if not rows:
        say("nothing to look at again")
        sys.exit(4)


@click.command()
@index_option
@click.option("--modality", type=click.Choice(["image", "sound"]), help="Of the items. [default: both]")
@click.option(
    "--min-similarity",
    type=click.FloatRange(0, 1),
    help="Of what counts as the same. [default: chosen for each modality]",
)
@click.option("--alike", is_flag=True, help="What is merely alike instead: by its features, but not confirmed.")
@format_option()
def duplicates(
    index_name: str | None,
    modality: Modality | None,
    min_similarity: float | None,
    alike: bool,
    output_format: str | None,
) -> None:
    """List groups of near-duplicates within a modality: the same sound or picture at another size, rate or quality.

    Whole items are compared, by what the encoders made of them; what is alike is read again, and confirmed by pixels or
    waveforms. confirmed_by says what told: content, pixels, waveform, or features alone, where a file is gone or has
    changed. In each group the one to keep comes first, and kept_because says why: it has labels, given by hand or from
    files, or else holds the most, as colours, pixels, high frequencies, channels. With --format paths -0, an empty
    record stands between groups. Nothing is deleted. Exit status 4 where there are none.

    A sound that lies in a longer one, cut at its ends, faded or behind silence, is in the group of that. part_start_s
    and part_end_s say from where to where; they are empty where the longer one holds nothing more.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        groups = opened.duplicates(modality=modality, min_similarity=min_similarity, alike=alike)
    rows = duplicate_rows(groups, alike=alike)
    parts = [row for row in rows if row["part_start_s"] is not None]
    columns = (*_DUPLICATE_COLUMNS, *_PART_COLUMNS) if parts else _DUPLICATE_COLUMNS
    if chosen_format(output_format) == NUL_PATHS:
        print_groups([[item.path for item in group.items] for group in groups])
    else:
        print_rows(rows, output_format=output_format, columns=_ALIKE_COLUMNS if alike else columns, fields=DUPLICATE)
    if not rows:
        what = "nothing is merely alike" if alike else "no duplicates"
        among = f" among the {NOUNS[modality][1]}" if modality else ""
        floor = "" if min_similarity is None else f" with --min-similarity {min_similarity:g}; a lower one finds more"
        say(f"{what}{among}{floor}")
        sys.exit(4)
    if not alike:
        _say_what_to_heed(rows, len(parts))


def _say_what_to_heed(rows: list[dict[str, Any]], n_parts: int) -> None:
    """Say what in a list of duplicates should not go unseen."""
    by_features = sum(row["confirmed_by"] == "features" for row in rows)
    if by_features:
        say(
            f"{by_features} {'is' if by_features == 1 else 'are'} told by features alone, which may be wrong: files "
            "are gone, have changed, or hold nothing to compare"
        )
    if n_parts:
        say(
            f"{n_parts} {'is a part' if n_parts == 1 else 'are parts'} of a longer sound, the first of the group, "
            "which holds more"
        )
