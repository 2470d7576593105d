"""What a file of labels says, and how it is to be read."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from modag_search.errors import UsageError
from modag_search.labels.checks import check_part, checked_name
from modag_search.values import PassedOver

LABEL_COLUMNS = ("path", "label", "start_s", "end_s", "origin", "source", "confidence", "is_not", "is_tag")
"""Of the files that an index writes."""

MIN_CONFIDENCE = 0.5
"""Below it, what a program was not sure of is no label; BirdNET writes from 0.25 on, or less."""

MOMENT_S = 0.001
"""How long a part is that stands for a moment, in seconds: a label holds for what overlaps its part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """How a file of labels is read, where its looks do not say so.

    Attributes
    ----------
    path_column, label_column, start_column, end_column : str or None
        What columns are called, in upper or lower case; None for what is usual. An empty `start_column` or `end_column`
        is none: labels hold for the whole, or, where the other is named, from the beginning or to the end.
    separator : str or None
        What stands between several labels in a cell; empty where a cell is one label, whatever it looks like. None
        refuses cells that look like several.
    encoding : str or None
        Of text; by default what it shows to be.
    min_confidence : float
        Leaves out labels of which the program that gave them was less sure.
    """

    path_column: str | None = None
    label_column: str | None = None
    start_column: str | None = None
    end_column: str | None = None
    separator: str | None = None
    encoding: str | None = None
    min_confidence: float = MIN_CONFIDENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEntry:
    """A label on a media file; entries that say the same are equal, wherever they stand.

    Attributes
    ----------
    path : str
        Absolute: what the file calls the media file, from its own folder on.
    label : str
    start_s, end_s : float or None
        The part that it holds for, in seconds; None on both sides for all of it, on one side from the beginning or to
        the end.
    is_not : bool
        Whether it says that the label does not hold.
    is_tag : bool
        Whether the label is a tag.
    line : int
        Where it stands; 0 where the source has no lines.
    unit : str
        What is counted, where that is not lines.
    source : str
        The file, or the folder of folders.
    confidence : float or None
        How sure the program was that gave the label.
    written : str
        What the file calls the media file; empty where that is its path beyond doubt.
    also : str
        Another name of it, for where the first one is nowhere.
    of_sound : bool
        The media file is a sound or a video.
    is_answer : bool
        Whether a person answered a question of this index, and so speaks for themselves rather than for a file.
    """

    path: str
    label: str
    start_s: float | None = None
    end_s: float | None = None
    is_not: bool = False
    is_tag: bool = False
    line: int = field(default=0, compare=False)
    unit: str = field(default="line", compare=False)
    source: str = field(compare=False)
    confidence: float | None = field(default=None, compare=False)
    written: str = field(default="", compare=False)
    also: str = field(default="", compare=False)
    of_sound: bool = field(default=False, compare=False)
    is_answer: bool = field(default=False, compare=False)

    @property
    def where(self) -> str:
        """Where it stands, in words for errors."""
        return f"{self.source}: {self.unit} {self.line}" if self.line else self.source


@dataclass(kw_only=True)
class LabelFile:
    """What a file of labels says, as far as it has been read.

    Attributes
    ----------
    source : str
        The file, or the folder of folders; absolute.
    kind : str
        What it was recognised as.
    unit : str
        What `line` counts in it.
    entries : list of LabelEntry
    passed_over : list of PassedOver
        What it says that gives no label.
    remarks : list of str
        How it was understood, where that could be otherwise.
    """

    source: str
    kind: str = "CSV"
    unit: str = "line"
    entries: list[LabelEntry] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def take(
        self,
        name: str,
        label: str,
        *,
        line: int = 0,
        place: str = "",
        start_s: float | None = None,
        end_s: float | None = None,
        confidence: float | None = None,
        also: str = "",
        of_sound: bool = False,
        is_not: bool = False,
        is_tag: bool = False,
        is_answer: bool = False,
    ) -> None:
        """Add a label.

        Parameters
        ----------
        name : str
            What the file calls the media file.
        label : str
        line : int
        place : str
            Where it stands, where there are no lines: "annotation 3".
        start_s, end_s : float, optional
        confidence : float, optional
        also : str
        of_sound, is_not, is_tag, is_answer : bool
            See `LabelEntry`.

        Raises
        ------
        UsageError
            If it cannot be meant; says where it stands.
        """
        where = self.where(line, place)
        check_part(start_s, end_s, where=where)
        self.entries.append(
            LabelEntry(
                path=checked_path(name, folder=os.path.dirname(self.source), where=where),
                label=checked_name(label, where=where),
                start_s=start_s,
                end_s=end_s,
                line=line,
                unit=self.unit,
                source=self.source,
                confidence=confidence,
                written=name,
                also=also,
                of_sound=of_sound,
                is_not=is_not,
                is_tag=is_tag,
                is_answer=is_answer,
            )
        )

    def pass_over(self, name: str, reason: str, *, line: int = 0) -> None:
        """Note that what stands there gives no label."""
        self.passed_over.append(PassedOver(name=name, reason=reason, line=line))

    def remark(self, words: str) -> None:
        """Say, once, how something was understood."""
        if words not in self.remarks:
            self.remarks.append(words)

    def where(self, line: int, place: str = "") -> str:
        """Return where something stands, in words for errors."""
        if line:
            return f"{self.source}: {self.unit} {line}"
        return f"{self.source}: {place}" if place else self.source


def checked_path(name: str, *, folder: str | os.PathLike[str], where: str) -> str:
    """Return a path from a folder on as an absolute one; a UsageError says `where` there is one that none can be."""
    path = os.path.normpath(os.path.join(folder, name))
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise UsageError(f"{where}: {name!r} cannot be the name of a file") from error
    return path
