"""What a run found to be gone or replaced, and what became of labels, in words: for the command line and the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.labels.vocabulary import some_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.values import IndexReport, LabelPassage

_PASSAGES = (
    ("passed", "went to files that hold the same", "would go to files that hold the same"),
    ("returned", "came back with their content", "would come back with their content"),
    ("kept", "are kept until their content comes back", "would be kept until their content comes back"),
    (
        "opposed",
        "are kept apart, since labels exclude each other and files of the same content have others",
        "would be kept apart, since labels exclude each other and files of the same content have others",
    ),
)
"""By what became of labels: what did, and what would."""


def gone_in_words(report: IndexReport, *, prune: bool, way_out: str = "--prune") -> Iterator[str]:
    """Say what the index holds, or lists as a failure, and a run did not find, or passed over.

    Parameters
    ----------
    report : IndexReport
    prune : bool
        Whether the run took out what it could.
    way_out : str, optional
        What does where it did not.
    """
    more = "" if prune else f"; {way_out} takes them out"
    if report.covered:
        state = "and taken out" if prune and not report.dry_run else "but in the index"
        yield f"passed over, {state}: {_named(report.covered)}{more}"
    if report.missing and not prune:
        yield f"gone, but in the index: {_named(report.missing)}{more}"
    if report.gone_failures:
        state = ", and no longer listed as failures" if prune and not report.dry_run else ", but listed as failures"
        yield f"gone{state}: {_files(report.gone_failures)}{more}"
    if report.out_of_reach:
        yield (
            f"out of reach, as where a drive is not mounted: {_files(report.out_of_reach)} of the index; if they are "
            "gone for good, `modag forget` takes them out"
        )


def replaced_in_words(report: IndexReport) -> Iterator[str]:
    """Say which files were replaced under the labels that they have."""
    if files := report.replaced:
        whose = "has labels that were given to its" if len(files) == 1 else "have labels that were given to their"
        named = some_of([f"{file.path} ({', '.join(file.labels)})" for file in files])
        of_them = f"{len(files)} of them {whose} former content: {named}"
        yield f"{report.updated} updated; {of_them}; `modag audit` lists them"


def passages_in_words(passages: Sequence[LabelPassage], *, foreseen: bool) -> Iterator[str]:
    """Say what became, or would become, of labels whose files went or came back."""
    for fate, done, would in _PASSAGES:
        some = [one for one in passages if ("opposed" if one.opposed_by else one.fate) == fate]
        if some:
            yield f"labels of {_files(len(some))} {would if foreseen else done}: {some_of([*map(_passage, some)])}"


def _passage(passage: LabelPassage) -> str:
    words = ", ".join(passage.labels)
    if passage.opposed_by:
        words = f"{words} against {', '.join(passage.opposed_by)}"
    to = f" to {passage.to}" if passage.to not in (None, passage.path) else ""
    return f"{passage.path} ({words}){to}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _named(paths: Sequence[str]) -> str:
    return f"{_files(len(paths))}: {some_of(paths)}"
