"""What became of a verb's work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modag_search.values.answers import CopyOf
from modag_search.values.records import Failure, Given, LabelPassage, ReplacedFile

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What a run of ``index`` did.

    Attributes
    ----------
    added, updated, unchanged, moved, removed, failed : int
        Files; each counts once.
    seconds : float
    failures : tuple of Failure
    dry_run : bool
        True where nothing was written.
    stage_seconds : Mapping[str, float]
        Time spent by all workers together in each stage.
    missing : tuple of str
        Files that the index holds and that have been removed: taken out with ``prune``, and counted in `removed` then.
    out_of_reach : int
        Files that the index holds and that are not there, though nothing says that they were removed.
    gone_failures : int
        Files that could not be indexed and that have been removed: taken off the list of failures with ``prune``.
    covered : tuple of str
        Files that the index holds and that are passed over now: taken out with ``prune``, and counted in `removed`.
    passed_over : Mapping[str, int]
        How many files and folders were not taken in, by what covers them (`Excluded`): patterns, ``symbolic link``,
        ``special file``.
    unread : Mapping[str, int]
        How many pictures, sounds and videos are of a kind that is not read, by extension.
    other_files : int
        How many files are no pictures, sounds or videos by their names.
    known_as : Mapping[str, str]
        By what was given, the names by which the index knows these folders, and files in them, where links lead to them
        or they are mounted in two places: they were taken in under these names alone.
    twice : Mapping[str, str]
        Folders that the index holds under a name that does not lie below what was given, by this name, and where they
        lie below: their files are in the index a second time.
    noticed : Mapping[str, int]
        Of the files that were added or updated, how many nothing finds, or were read other than whole, by the kind of
        their `Notice`; ``modag failures --all`` lists those of the index.
    rehashed : int
        Files that were read again though their size and time are as they were, with ``rehash``.
    altered : tuple of str
        Those of them that hold something else than they did.
    replaced : tuple of ReplacedFile
        Of those that were updated, the files with labels that were given to their former content.
    passages : tuple of LabelPassage
        What became of labels of files that went, or came back.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()
    dry_run: bool = False
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    out_of_reach: int = 0
    gone_failures: int = 0
    covered: tuple[str, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    other_files: int = 0
    known_as: Mapping[str, str] = field(default_factory=dict)
    twice: Mapping[str, str] = field(default_factory=dict)
    noticed: Mapping[str, int] = field(default_factory=dict)
    rehashed: int = 0
    altered: tuple[str, ...] = ()
    replaced: tuple[ReplacedFile, ...] = ()
    passages: tuple[LabelPassage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """A backup that was made.

    Attributes
    ----------
    path : str
        Of the file.
    items : int
    size_bytes : int
    problems : tuple of str
        What is wrong with catalog, settings, own space or head, and so with the copies, a line each; see
        `Index.verify`.
    """

    path: str
    items: int
    size_bytes: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReport:
    """What was wrong with an index.

    Attributes
    ----------
    mended : tuple of str
        What was mended or made anew, and how, a line each.
    left : tuple of str
        What is still wrong, a line each; see `Index.verify`.
    discarded : tuple of str
        What was beyond mending and is gone, and what makes it anew, a line each.
    """

    mended: tuple[str, ...]
    left: tuple[str, ...]
    discarded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """An index that was made of a backup.

    Attributes
    ----------
    folder : str
    items : int
    missing : int
        How many of their files are not where the index has them.
    missing_roots : tuple of str
        Folders that were indexed, where most of their files are not now.
    found_roots : mapping of str to str
        Folders where most of their files are not, and where these were found: where they lay seen from the backup.
    problems : tuple of str
        What was wrong with the index when it was backed up, and so is with this one, a line each.
    """

    folder: str
    items: int
    missing: int
    missing_roots: tuple[str, ...] = ()
    found_roots: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexCopyReport:
    """An index that was copied, or would be.

    Attributes
    ----------
    source, target : str
        Folders, or URLs without their passwords.
    items : int
    rows : int
        Of the catalog.
    copied : int
        How many rows were copied now; of a copy that was broken off, the others were there.
    files : tuple of str
        What was copied beside the catalog.
    """

    source: str
    target: str
    items: int
    rows: int
    copied: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetReport:
    """What was forgotten, or taken back.

    Attributes
    ----------
    paths : tuple of str
        Of the items, in order.
    failures : int
        How many other files, which could not be indexed, were forgotten, or are known again.
    unknown : tuple of str
        Names that nothing in the index goes by; or paths that the index holds anew, and that were not taken back.
    still_there : tuple of str
        Of what was forgotten, the files that the next `Index.add` of their folder takes in again.
    passages : tuple of LabelPassage
        What became of the labels.
    dry_run : bool
        True where nothing was written.
    """

    paths: tuple[str, ...]
    failures: int = 0
    unknown: tuple[str, ...] = ()
    still_there: tuple[str, ...] = ()
    passages: tuple[LabelPassage, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """A label that a transfer gave, or would give.

    Attributes
    ----------
    path : str
    label : str
    confidence : float
    copy_of : CopyOf or None
        The labelled item that it has the label from, as a copy of it.
    """

    path: str
    label: str
    confidence: float
    copy_of: CopyOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReport:
    """What a transfer did.

    Attributes
    ----------
    run : int or None
        What takes it back; None where nothing was written.
    given : tuple of Transferred
        In order of path.
    unknown : int
        Items that no label was sure enough for.
    surer : int
        Labels that were left out, as they are surer than was asked for.
    checked : Given or None
        What came of answers to a check; they are not among `given`.
    """

    run: int | None
    given: tuple[Transferred, ...]
    unknown: int
    surer: int = 0
    checked: Given | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """What a file of labels says that gave no label.

    Attributes
    ----------
    name : str
        The media file: its path, where an item was looked for, else as the file calls it.
    reason : str
        In words: "is not in the index, or failed", "without a label", ...
    line : int
        Where it stands; 0 where the file has no lines.
    """

    name: str
    reason: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLabel:
    """A label that was taken in, or would be.

    Attributes
    ----------
    label : str
    items, denied : int
        How many items the file gives it to, and of how many it says that they are not that.
    parts : int
        How many parts of items are meant.
    example : str
        The path of one of them.
    """

    label: str
    items: int
    denied: int
    parts: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What came of taking labels in.

    Attributes
    ----------
    run : int or None
        What takes them back; None where there was nothing to give, or nothing was to be written.
    added : int
        How many labels are new; or would be.
    entries : int
        How many the source has, each once.
    unchanged : int
        How many were there already.
    skipped : tuple of str
        Paths that are not in the index, or failed.
    without_class : int
        How many items lie in no folder that could name them.
    kind : str
        What the source was recognised as: "CSV", "Raven selection table", "folders", ...
    labels : tuple of ImportedLabel
        In order of name.
    by_name : tuple of (str, str)
        Names of media files that were found by how they end, for they lie elsewhere, and the paths that these have.
    passed_over : tuple of PassedOver
        Whatever of the source gave no label, with `skipped`.
    remarks : tuple of str
        How the source was understood, where that could be otherwise.
    """

    run: int | None
    added: int
    entries: int
    unchanged: int
    skipped: tuple[str, ...] = ()
    without_class: int = 0
    kind: str = "CSV"
    labels: tuple[ImportedLabel, ...] = ()
    by_name: tuple[tuple[str, str], ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    labels : int
        Rows, tags, or links and copies.
    files : int
        Files and links.
    left_out : int
        Labels on parts of items, denials and tags, where folders say what items are as a whole.
    kept : int
        Labels that were left out, since they wait for contents that no file has now.
    renamed : tuple of (str, str)
        Labels whose folders have other names, and these: of two that differ in case alone, some file systems would make
        one, and no folder can be called ``R/B``.
    """

    labels: int
    files: int
    left_out: int = 0
    kept: int = 0
    renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Files that were put into a folder.

    Attributes
    ----------
    folder : str
    written : int
        Copies or links that are new there.
    already : int
        Those that were there.
    failures : tuple of (str, str)
        Paths of files that were not put there, and why.
    """

    folder: str
    written: int
    already: int
    failures: tuple[tuple[str, str], ...] = ()
