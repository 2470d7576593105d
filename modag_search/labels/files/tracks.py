"""Label tracks of Audacity: start, end and label in each line, with tabs between them, for the sound of that name.

https://manual.audacityteam.org/man/importing_and_exporting_labels.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.labels.files.cells import common_name, confidence_in, labels_in, seconds_in
from modag_search.labels.files.entries import MOMENT_S
from modag_search.labels.files.layouts import named_by

if TYPE_CHECKING:
    from collections.abc import Collection

    from modag_search.labels.files.entries import LabelFile, ReadingOptions

_NUMBER = r"-?\d+(?:[.,]\d+)?"
_LINE = re.compile(rf"({_NUMBER})\t({_NUMBER})(?:\t(.*))?")
_SURE = re.compile(r"\t.*\t.*\t[01]\.\d+\s*$")
"""BirdNET writes how sure it is behind the species."""

_FREQUENCIES = "\\\t"
"""How a line begins that tells the frequencies of the label above it."""


def is_track(text: str) -> bool:
    """Tell whether the first line that is not empty is one of a label track."""
    first = next((line for line in _lines(text) if line.strip()), "")
    return _LINE.fullmatch(first.rstrip()) is not None


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)


def read_track(text: str, file: LabelFile, options: ReadingOptions, *, known: Collection[str]) -> None:
    """Take the labels of a track; one at a moment holds for the thousandth of a second that begins there.

    Parameters
    ----------
    text : str
    file : LabelFile
        What they are added to.
    options : ReadingOptions
    known : collection of str
        Labels of the index.

    Raises
    ------
    UsageError
        If a line cannot be meant; the message names it.
    """
    lines = [(number, line) for number, line in enumerate(_lines(text), start=1) if line.strip()]
    rows = [(number, line) for number, line in lines if not line.startswith(_FREQUENCIES)]
    is_birdnet = all(_SURE.search(line) for _, line in rows)
    file.kind = "BirdNET label track" if is_birdnet else "Audacity label track"
    name = named_by(file.source)
    for number, line in rows:
        _take_line(line, name, file, options, line_number=number, is_birdnet=is_birdnet, known=known)


def _take_line(
    line: str,
    name: str,
    file: LabelFile,
    options: ReadingOptions,
    *,
    line_number: int,
    is_birdnet: bool,
    known: Collection[str],
) -> None:
    where = file.where(line_number)
    parts = _LINE.fullmatch(line.rstrip())
    if parts is None:
        raise UsageError(f"{where}: is no line of a label track: start, end and label, with tabs between them")
    start_s, end_s = (seconds_in(parts[place], side, where=where) for place, side in ((1, "start"), (2, "end")))
    if start_s == end_s and start_s is not None:
        end_s = start_s + MOMENT_S
        file.remark("labels at a moment hold for the thousandth of a second that begins there")
    text, _, sure = (parts[3] or "").partition("\t") if is_birdnet else (parts[3] or "", "", "")
    confidence = confidence_in(sure) if is_birdnet else None
    if confidence is not None and confidence < options.min_confidence:
        file.pass_over(name, f"below a confidence of {options.min_confidence:g}", line=line_number)
        return
    separator = "" if is_birdnet else options.separator
    labels = labels_in(text, separator=separator, known=known, where=where)
    for label in labels:
        file.take(
            name,
            common_name(label) if is_birdnet else label,
            line=line_number,
            start_s=start_s,
            end_s=end_s,
            confidence=confidence,
            of_sound=True,
        )
    if not labels:
        file.pass_over(name, "without a label", line=line_number)
