"""Names: ``classify``, ``transfer``."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.choosing import choice, classifier_options, max_confidence_option, sort_option
from modag_search.cli.options import expand_stdin, format_option, index_option, paths_arguments
from modag_search.cli.output import chosen_format, counted, print_rows, say
from modag_search.cli.reviewing import answers_to, check_can_ask, check_options, confirmed, on_terminal, say_precision
from modag_search.cli.threads import keep_to_one_thread
from modag_search.rows import ANSWER, answer_row, classification_row, transferred_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modag_search.classify.classify import By
    from modag_search.classify.decision import Level
    from modag_search.classify.sorting import Sort
    from modag_search.curate.checking import TransferCheck
    from modag_search.errors import ModagError
    from modag_search.values import Classification, Transferred, TransferReport

_MANY = 8
_BANDS = ((0.95, "0.95 to 1"), (0.9, "0.9 to 0.95"), (0.8, "0.8 to 0.9"), (0.5, "0.5 to 0.8"), (0.0, "below 0.5"))


@click.command()
@paths_arguments(required=False)
@click.option("--all", "every", is_flag=True, help="All items of the index, by their stored features.")
@click.option("--unlabelled", is_flag=True, help="All items without a label.")
@index_option
@classifier_options
@click.option("--min-confidence", type=click.FloatRange(0, 1), default=0.0, help="Below it, answer unknown.")
@max_confidence_option("Leave out answers that are surer.")
@sort_option("The least sure answers first, when all are there. [default: as they come]")
@click.option("--workers", type=click.IntRange(1), help="Files decoded and encoded at once. [default: one a processor]")
@format_option(with_nul=False)
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
    max_confidence: float,
    sort: Sort,
    workers: int | None,
    output_format: str | None,
) -> None:
    """Name files by the labelled items of the index, sounds and pictures alike, and by what labels are called.

    PATH is a media file or a folder of them, in the index or not, or id:N; - reads paths from stdin. Labels of which
    no item is an example yet go by their names: `--names dog,cat,rain`, or `modag label add NAME`. Confidence is how
    likely the label is right, learnt from the labelled items whenever labels change. What has labels, or is a copy of
    what has, is called so: what is much like a labelled item is compared with it as `modag duplicates` does. The json
    formats also list the neighbours that voted, those that weighed most first, and copy_of, what it is a copy of.
    """
    if bool(paths) + every + unlabelled != 1:
        raise click.UsageError("name files to classify, or --all, or --unlabelled: one of the three")
    if _are_few_files(paths):
        keep_to_one_thread()

    from modag_search.cli.opening import open_index

    files = expand_stdin(paths, nul_separated=nul_separated) if paths else None
    failures: list[ModagError] = []
    labels: Counter[str | None] = Counter()
    with open_index(index_name) as opened:
        answers = opened.classify_each(
            files,
            by=by,
            names=choice(listed, vocabulary),
            k=k,
            temperature=temperature,
            min_confidence=min_confidence,
            max_confidence=max_confidence,
            level=level,
            unlabelled=unlabelled,
            sort=sort,
            workers=workers,
            on_failure=lambda _, error: failures.append(error),
        )
        rows = _rows(answers, chosen_format(output_format), labels)
        print_rows(rows, output_format=output_format, columns=ANSWER)
    for failure in failures:
        say(f"failed: {failure}")
    if failures:
        sys.exit(3)
    if labels.total() == labels[None]:
        nothing = "no item is left without a label" if unlabelled else "nothing to classify"
        if max_confidence < 1:
            nothing = f"no answer has a confidence of {max_confidence:g} or less"
        floor = f" for --min-confidence {min_confidence:g}" if min_confidence else ""
        say(f"no label is sure enough{floor}" if labels else nothing)
        sys.exit(4)


def _are_few_files(paths: tuple[str, ...]) -> bool:
    """Tell whether so little is asked that threads for products of matrices would only wait for each other."""
    return 0 < len(paths) < _MANY and not any(path == "-" or Path(path).is_dir() for path in paths)


def _rows(
    answers: Iterable[Classification], output_format: str, labels: Counter[str | None]
) -> Iterator[dict[str, Any]]:
    """Make rows of answers as they come, and count them by label."""
    for answer in answers:
        labels[answer.label] += 1
        if output_format in {"json", "jsonl"}:
            yield classification_row(answer)
        else:
            row = answer_row(answer)
            yield row | {"label": "(unknown)"} if output_format == "table" and answer.label is None else row


@click.command()
@index_option
@classifier_options
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="How likely a label must be right.",
)
@max_confidence_option("Leave out labels that are surer: with --dry-run, to look at the least sure ones.")
@sort_option("List labels, the least sure first, in a table too. [default: by path, and a table of counts]")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would be given.")
@check_options("half of what would be given, half of what stays unknown. Say how much is right; then ask to go on.")
@click.option("--yes", is_flag=True, help="With --check: go on without asking.")
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
    max_confidence: float,
    sort: Sort,
    dry_run: bool,
    n_questions: int | None,
    sheet: Path | None,
    yes: bool,
    output_format: str | None,
) -> None:
    """Give every unlabelled item the label that the labelled ones are sure of.

    A table counts what was given by label and confidence; the other formats list path, label and confidence. Nothing is
    decoded but what is much like a labelled item, and may be a copy of it: copies get its label. Transferred labels are
    marked as such and never vote; `modag label undo RUN` takes them back.

    With --check, a person is asked about a few names, spread over the range of confidence, and is told how many of all
    are right, with a 95 % interval, before anything is written. What is answered with y becomes a label by hand, and
    what is answered with n is said not to be that, as by `modag label --not`.
    """
    from modag_search.cli.opening import open_index

    if n_questions is None and (sheet is not None or yes):
        raise click.UsageError("--answers and --yes go with --check N")
    if n_questions is not None:
        check_can_ask(sheet)
    with open_index(index_name) as opened:
        naming: dict[str, Any] = {
            "min_confidence": min_confidence,
            "max_confidence": max_confidence,
            "by": by,
            "names": choice(listed, vocabulary),
            "k": k,
            "temperature": temperature,
            "level": level,
        }
        if n_questions is None:
            report = opened.transfer(**naming, dry_run=dry_run)
            way_out = ""
        else:
            check = opened.check_transfer(n_questions, **naming)
            answers = answers_to(check.questions, sheet=sheet)
            if answers is None:
                return
            report, way_out = _checked(check, answers, sheet=sheet, dry_run=dry_run, yes=yes)
    _print_given(report.given, sort=sort, output_format=output_format)
    _say_what_was_given(report, way_out)
    if not report.given and not report.checked:
        sys.exit(4)


def _checked(
    check: TransferCheck, answers: list[bool | None], *, sheet: Path | None, dry_run: bool, yes: bool
) -> tuple[TransferReport, str]:
    """Say how much is right, and give labels if that is wanted then; else say what else there is to do."""
    precision = check.precision(answers)
    say_precision("names that would be given", precision.of_given)
    say_precision("names, with those of what would stay unknown", precision.of_all)
    if dry_run or yes:
        return check.transfer(answers, dry_run=dry_run), ""
    foreseen = check.transfer(answers, dry_run=True)
    if not on_terminal():
        return foreseen, "; --yes goes on"
    if foreseen.given and confirmed(f"Give {counted(len(foreseen.given), 'label')}?", default=False):
        return check.transfer(answers), ""
    # A sheet can be read again, but what was answered on a terminal would be gone.
    was_asked = sheet is None and any(answer is not None for answer in answers)
    if was_asked and confirmed("Keep your answers, and make labels by hand of those with y?", default=True):
        return replace(foreseen, checked=check.keep(answers)), ""
    return foreseen, ""


def _say_what_was_given(report: TransferReport, way_out: str) -> None:
    if report.checked is not None:
        kept = counted(report.checked.added, "answer")
        say(f"{kept} kept as labels, or as what items are not; run {report.checked.run}")
    was_written = report.run is not None
    given = f"{counted(len(report.given), 'label')} {'' if was_written or not report.given else 'would be '}given"
    surer = f", {counted(report.surer, 'label')} left out as surer" if report.surer else ""
    done = f"run {report.run}" if was_written else f"nothing was {'given' if report.checked else 'written'}{way_out}"
    say(f"{given}, {counted(report.unknown, 'item')} left unknown{surer}; {done}")


def _print_given(given: tuple[Transferred, ...], *, sort: Sort, output_format: str | None) -> None:
    if chosen_format(output_format) == "table" and sort is None:
        _print_counts(given)
        return
    ordered = sorted(given, key=lambda one: round(one.confidence, 6)) if sort == "confidence" else given
    print_rows(map(transferred_row, ordered), output_format=output_format, columns=ANSWER)


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
