"""Names: ``classify``, ``transfer``."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import (
    PRESETS,
    Command,
    NumberOrWord,
    expand_stdin,
    format_option,
    index_option,
    paths_arguments,
)
from modag_search.cli.output import as_row, chosen_format, classification_row, counted, print_rows, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modag_search.classify.classify import By
    from modag_search.classify.decision import Level
    from modag_search.errors import ModagError
    from modag_search.labels.vocabulary import Vocabulary
    from modag_search.values import Classification, Transferred

_ANSWER = ("path", "label", "confidence")
_BANDS = ((0.95, "0.95 to 1"), (0.9, "0.9 to 0.95"), (0.8, "0.8 to 0.9"), (0.5, "0.5 to 0.8"), (0.0, "below 0.5"))


class _NamesType(click.ParamType[Any]):
    """Names of labels, with commas between them."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Divide at commas, as csv does: a name that has one stands in double quotes."""
        if isinstance(value, list):
            return value
        names = [name.strip() for row in csv.reader([str(value)], skipinitialspace=True) for name in row]
        return [name for name in names if name] or self.fail("names no label", param, ctx)


def _choice(listed: Sequence[list[str]], vocabulary: str | None) -> Vocabulary | list[str] | None:
    """Return what to choose among."""
    from modag_search.labels.presets import preset

    if listed and vocabulary:
        raise click.UsageError("--names and --preset exclude each other; name one")
    return preset(vocabulary) if vocabulary else [name for names in listed for name in names] or None


def _classifier_options(command: Command) -> Command:
    """Add what decides who names, and on which level."""
    options = (
        click.option(
            "--by",
            type=click.Choice(["knn", "head", "names"]),
            default="knn",
            show_default=True,
            help="knn: the nearest labelled neighbours, and what labels are called; head: what `modag train head` "
            "fitted; names: what labels are called, alone.",
        ),
        click.option(
            "--names",
            "listed",
            type=_NamesType(),
            multiple=True,
            metavar="NAME,...",
            help="Choose among these alone; a name in English needs no labelled item. [default: the labels of the "
            "index; with --by names, those of the hierarchy, too]",
        ),
        click.option(
            "--preset",
            "vocabulary",
            type=click.Choice(PRESETS),
            help="Choose among the labels of a vocabulary that is in the package; see `modag label hierarchy`.",
        ),
        click.option(
            "-k",
            type=click.IntRange(1),
            default=20,
            show_default=True,
            help="How many of the nearest of each label and modality weigh by nearness; as many are listed.",
        ),
        click.option(
            "--temperature",
            type=click.FloatRange(0, min_open=True),
            default=0.07,
            show_default=True,
            help="Of their weights, exp(similarity / temperature).",
        ),
        click.option(
            "--level",
            type=NumberOrWord("deepest"),
            metavar="N|deepest",
            help="Answer on this level of the hierarchy, from 0 at the top; deepest: with the lowest label that is "
            "sure enough. [default: with labels as they were given]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@paths_arguments(required=False)
@click.option("--all", "every", is_flag=True, help="All items of the index; nothing is decoded.")
@click.option("--unlabelled", is_flag=True, help="All items without a label.")
@index_option
@_classifier_options
@click.option("--min-confidence", type=click.FloatRange(0, 1), default=0.0, help="Below it, answer unknown.")
@click.option("--workers", type=click.IntRange(1), help="Threads that decode and encode. [default: one a processor]")
@format_option()
def classify(
    paths: tuple[str, ...],
    nul_separated: bool,
    every: bool,
    unlabelled: bool,
    index_name: str | None,
    by: By,
    listed: tuple[list[str], ...],
    vocabulary: str | None,
    k: int,
    temperature: float,
    level: Level,
    min_confidence: float,
    workers: int | None,
    output_format: str | None,
) -> None:
    """Name files by the labelled items of the index, sounds and pictures alike, and by what labels are called.

    PATH is a media file or a folder of them, in the index or not, or id:N; - reads paths from stdin. Labels of which
    no item is an example yet go by their names: `--names dog,cat,rain`, or `modag label add NAME`. Confidence is how
    likely the label is right, learnt from the labelled items whenever labels change. The json formats also list the
    neighbours that voted, those that weighed most first.
    """
    from modag_search.cli.opening import open_index

    if bool(paths) + every + unlabelled != 1:
        raise click.UsageError("name files to classify, or --all, or --unlabelled: one of the three")
    files = expand_stdin(paths, nul_separated=nul_separated) if paths else None
    failures: list[ModagError] = []
    labels: Counter[str | None] = Counter()
    with open_index(index_name) as opened:
        answers = opened.classify_each(
            files,
            by=by,
            names=_choice(listed, vocabulary),
            k=k,
            temperature=temperature,
            min_confidence=min_confidence,
            level=level,
            unlabelled=unlabelled,
            workers=workers,
            on_failure=failures.append,
        )
        rows = _rows(answers, chosen_format(output_format), labels)
        print_rows(rows, output_format=output_format, columns=_ANSWER)
    for failure in failures:
        say(f"failed: {failure}")
    if failures:
        sys.exit(3)
    if labels.total() == labels[None]:
        nothing = "no item is left without a label" if unlabelled else "nothing to classify"
        say("no label is sure enough" if labels else nothing)
        sys.exit(4)


def _rows(
    answers: Iterable[Classification], output_format: str, labels: Counter[str | None]
) -> Iterator[dict[str, Any]]:
    """Make rows of answers as they come, and count them by label."""
    for answer in answers:
        labels[answer.label] += 1
        if output_format in {"json", "jsonl"}:
            yield classification_row(answer)
        else:
            row = as_row(answer, fields=_ANSWER)
            yield row | {"label": "(unknown)"} if output_format == "table" and answer.label is None else row


@click.command()
@index_option
@_classifier_options
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="How likely a label must be right.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be given.")
@format_option()
def transfer(
    index_name: str | None,
    by: By,
    listed: tuple[list[str], ...],
    vocabulary: str | None,
    k: int,
    temperature: float,
    level: Level,
    min_confidence: float,
    dry_run: bool,
    output_format: str | None,
) -> None:
    """Give every unlabelled item the label that the labelled ones are sure of.

    A table counts what was given by label and confidence; the other formats list path, label and confidence. Nothing is
    decoded. Transferred labels are marked as such and never vote; `modag label undo RUN` takes them back.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        report = opened.transfer(
            min_confidence=min_confidence,
            by=by,
            names=_choice(listed, vocabulary),
            k=k,
            temperature=temperature,
            level=level,
            dry_run=dry_run,
        )
    if chosen_format(output_format) == "table":
        _print_counts(report.given)
    else:
        rows = (as_row(one, fields=_ANSWER) for one in report.given)
        print_rows(rows, output_format=output_format, columns=_ANSWER)
    done = f"run {report.run}" if report.run is not None else "nothing was written"
    given = f"{counted(len(report.given), 'label')} {'would be ' if dry_run else ''}given"
    say(f"{given}, {counted(report.unknown, 'item')} left unknown; {done}")
    if not report.given:
        sys.exit(4)


def _print_counts(given: tuple[Transferred, ...]) -> None:
    """Print how many labels there are of each name and band of confidence."""
    counts = Counter((one.label, next(band for least, band in _BANDS if one.confidence >= least)) for one in given)
    bands = [band for _, band in _BANDS if any(band == there for _, there in counts)]
    rows: list[dict[str, Any]] = [
        {"label": label, "items": sum(counts[label, band] for band in bands)}
        | {band: counts[label, band] for band in bands}
        for label in sorted({label for label, _ in counts})
    ]
    print_rows(rows, output_format="table", columns=("label", "items", *bands))
