"""The values that travel between the floors: immutable, without behaviour of their own.

Nouns are those of the README: an *item* is a media file; a *segment* is what gets a vector (a whole
picture, a window of sound, a frame of a video); a *feature* is what an encoder makes of a segment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

Modality = Literal["image", "sound"]
"""What a segment is, and what an encoder takes."""

MediaKind = Literal["image", "sound", "video"]
"""What a file is; a video holds segments of both modalities."""

SegmentStatus = Literal["ok", "silent", "black", "flat"]
"""Only ``ok`` segments get a feature and can be found."""

RemarkKind = Literal["partly read", "unfinished", "misnamed", "chosen"]
"""What kind of thing was noticed while a file was read; see `Remark`."""

NoticeKind = Literal["silent", "black", "flat", "partly read", "unfinished", "misnamed", "chosen", "passed over"]
"""Why nothing finds a file, or what was noticed while it was read; see `Notice`."""

LabelKind = Literal["class", "tag"]
"""A class says what an item is; a tag (favourite, reviewed) is searched and listed alike, and never an answer."""

EvidenceKind = Literal["own", "other", "name", "features", "added"]
"""Who speaks for a label: examples of the item's own modality, those of the other, what it is called, a linear function
of features; and what is added for labels without an example of the own modality."""

MapMethod = Literal["pca", "umap"]
"""How items are laid out in two dimensions; see `ItemMap`."""

ConfirmedBy = Literal["content", "pixels", "waveform", "features"]
"""What tells that two items are the same: bytes, decoded pixels or samples, or what encoders made of them alone."""

MODALITIES: tuple[Modality, ...] = ("image", "sound")

CLOSE = 0.2
"""Relevance that the best answer has at least where something in an index is close to what was asked."""

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]
Uint8Array = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """How files are cut into segments.

    Attributes
    ----------
    window_s, hop_s : float
        Length of a window of sound and distance between the starts of two windows, in seconds.
    frame_interval_s : float
        Distance between two frames taken from a video, in seconds.
    """

    window_s: float = 10.0
    hop_s: float = 5.0
    frame_interval_s: float = 2.0


class ScannedFile(NamedTuple):
    """A file as the scan saw it, without having read it."""

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A file or folder that the scan could not enter, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedSegment:
    """One segment's media.

    Attributes
    ----------
    modality : {"image", "sound"}
    start_s, end_s : float or None
        Place in the file, in seconds; None for pictures.
    data : np.ndarray
        Sound: ``[shape=(n,), float32]``, its loudest channel, as recorded, at the rate asked for.
        Image: ``[shape=(height, width, 3), uint8]``, sRGB.
    status : {"ok", "silent", "black", "flat"}
        Of a sound, as far as it can be told before the end of the file; see `MediaFacts`.
    peak : float or None
        How far the samples of a sound go from their mean, where 1 is full scale; None for pictures.
    """

    modality: Modality
    start_s: float | None
    end_s: float | None
    data: Float32Array | Uint8Array
    status: SegmentStatus
    peak: float | None = None


class Remark(NamedTuple):
    """Something about a file that whoever reads it takes note of, so that nothing is hidden without a word.

    Attributes
    ----------
    kind : {"partly read", "unfinished", "misnamed", "chosen"}
        Less came out than the header promises; the header was never finished; the file is not what its name says;
        of several tracks, pages or frames, some were taken, or it is several recordings, which were read as one.
    text : str
        What is there and what is not, as the end of a sentence that begins with the file.
    """

    kind: RemarkKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What is known of a file once it has been decoded to its end.

    Attributes
    ----------
    kind : {"image", "sound", "video"}
    duration_s : float or None
    width_px, height_px : int or None
    silent_below : float or None
        Windows of sound with a lower `DecodedSegment.peak` are silent, whatever was told of them before the loudest
        had come; None where there is no sound.
    remarks : tuple of Remark
        What was noticed while it was read.
    """

    kind: MediaKind
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    silent_below: float | None = None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Everything that decides what feature a file gets: decoder, cutting, network and weights.

    Attributes
    ----------
    modality : {"image", "sound"}
    encoder : str
        Name of the encoder.
    dimension : int
        Length of a feature.
    dtype : {"<f4", "<f2"}
        How features are stored: little-endian float32 or float16.
    fingerprint : str
        Hash of `specification`; features with different fingerprints are not comparable.
    specification : Mapping
        All parts of the pipeline, by name, as JSON values.
    """

    modality: Modality
    encoder: str
    dimension: int
    dtype: Literal["<f4", "<f2"]
    fingerprint: str
    specification: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedSegment:
    """A segment with its feature, ready for the catalog; no feature unless its status is ``ok``."""

    modality: Modality
    start_s: float | None
    end_s: float | None
    status: SegmentStatus
    feature: Float32Array | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedItem:
    """A decoded and encoded file, ready for the catalog.

    Attributes
    ----------
    file : ScannedFile
    content_hash : str
        blake2b of the file's bytes, 32 hex digits.
    facts : MediaFacts
    segments : tuple of EncodedSegment
    """

    file: ScannedFile
    content_hash: str
    facts: MediaFacts
    segments: tuple[EncodedSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """An item as the catalog knows it; `updated_at` is when it last changed, ISO 8601, UTC."""

    id: int
    path: str
    content_hash: str
    size_bytes: int
    mtime_ns: int
    kind: MediaKind
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    status: Literal["ok", "failed"]
    updated_at: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecord:
    """A segment as the catalog knows it."""

    id: int
    item_id: int
    modality: Modality
    start_s: float | None
    end_s: float | None
    status: SegmentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be indexed, and why.

    Attributes
    ----------
    path : str
    reason : str
    error : str
        Name of the exception's class.
    size_bytes, mtime_ns : int or None
        The file as it was then, so that a change is noticed; None where the file is not at fault, or could not be seen:
        the next run tries it again.
    failed_at : str
        ISO 8601, UTC.
    """

    path: str
    reason: str
    error: str
    size_bytes: int | None
    mtime_ns: int | None
    failed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to know of a file that has not failed: nothing finds it, it was read other than whole, or not at all.

    Attributes
    ----------
    id : int or None
        Of its item; None for what is passed over.
    path : str
    kind : NoticeKind
        ``silent``, ``black``, ``flat``: no segment of it is anything else, so that nothing finds it; the kind of a
        `Remark`; ``passed over``: it is not taken in.
    text : str
        The end of a sentence that begins with the file.
    """

    id: int | None
    path: str
    kind: NoticeKind
    text: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """A file or folder that is not taken in, though it lies in a folder that is; of a folder, with all that is in it.

    Attributes
    ----------
    path : str
    pattern : str
        What covers it: a pattern as in .gitignore, ``symbolic link``, or ``special file`` for pipes, sockets and
        devices.
    """

    path: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that is not taken in, since its name says that it is of no kind that is read.

    Attributes
    ----------
    path : str
    extension : str
        In lower case, with its dot, where it is that of pictures, sounds or videos; empty for other files.
    """

    path: str
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPassage:
    """What became of labels whose file has gone, or has come back.

    Attributes
    ----------
    path : str
        The file that had them.
    labels : tuple of str
        Those given by hand or imported; ``not NAME`` for what was denied.
    fate : {"passed", "kept", "returned"}
        ``passed`` to a file of the same content, or with the same features; ``kept`` until that content comes back; or
        ``returned`` with it.
    to : str or None
        The file that has them now; None for those that are kept.
    opposed_by : tuple of str
        Labels for which they had to be kept: a file of the same content has these, and labels exclude each other.
    """

    path: str
    labels: tuple[str, ...]
    fate: Literal["passed", "kept", "returned"]
    to: str | None = None
    opposed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedFile:
    """A file that was replaced by other content under the labels that it has.

    Attributes
    ----------
    id : int
        Of the item.
    path : str
    kind : {"image", "sound", "video"}
    labels : tuple of str
        Those that were given to its former content, and not again since; ``not NAME`` for what was denied.
    """

    id: int
    path: str
    kind: MediaKind
    labels: tuple[str, ...]


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
        How many files were forgotten that could not be indexed.
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
class Place:
    """A segment of an item that a search found.

    Attributes
    ----------
    modality : {"image", "sound"}
    similarity : float
        As that of a `Hit`.
    start_s, end_s : float or None
        In seconds; None for pictures.
    """

    modality: Modality
    similarity: float
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An item that a search found, with its nearest segment.

    Attributes
    ----------
    id : int
        The item's id, never reused.
    path : str
    modality : {"image", "sound"}
        Of the segment.
    similarity : float
        Cosine in the shared space, in [-1, 1]; higher is nearer.
    start_s, end_s : float or None
        The segment's place in the item, in seconds; None for pictures.
    labels : tuple of str
    relevance : float
        In [0, 1], and the same for every pair of modalities: what similarity is worth, beside that of unlike things in
        this index. Where the best is below `CLOSE`, nothing in the index is close.
    duration_s : float or None
        Of the whole item, in seconds; None for pictures.
    exists : bool
        Whether there is a file at the path now.
    copies : tuple of str
        Paths of the other items with the same content, or the very same features, that would answer as well.
    places : tuple of Place
        The best first, where they were asked for; none overlaps another.
    """

    id: int
    path: str
    modality: Modality
    similarity: float
    start_s: float | None
    end_s: float | None
    labels: tuple[str, ...]
    relevance: float
    duration_s: float | None
    exists: bool
    copies: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()


class LabelScore(NamedTuple):
    """A label and how likely it holds, in [0, 1].

    A named tuple, since a large index has millions of them to list, and one is made in a third of the time.
    """

    label: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A labelled segment that voted.

    Attributes
    ----------
    id : int
        Of its item.
    path : str
    modality : {"image", "sound"}
    label : str
        What it voted for.
    similarity : float
        Cosine in the shared space.
    weight : float
        Its share of all that was said, in [0, 1].
    start_s, end_s : float or None
        The segment's place in the item, in seconds; None for pictures.
    """

    id: int
    path: str
    modality: Modality
    label: str
    similarity: float
    weight: float
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOf:
    """The labelled item that something is a copy of, and so has the labels of.

    Attributes
    ----------
    id : int
    path : str
        Its own where the item itself has labels.
    confirmed_by : {"content", "pixels", "waveform", "features"}
        What tells: the same bytes, decoded pixels or samples, or the very same features.
    """

    id: int
    path: str
    confirmed_by: ConfirmedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The label that a file gets, with the votes behind it.

    Attributes
    ----------
    path : str
    label : str or None
        None where the confidence is below the minimum asked for: unknown.
    confidence : float
        How likely the best label is right, in [0, 1].
    scores : tuple of LabelScore
        The likeliest first. Where labels exclude each other they add up to 1.
    neighbours : tuple of Neighbour
        Those that weighed most first; none where a head answered.
    copy_of : CopyOf or None
        What decided, where that was not the neighbours: labels that were given to it, or to what it is a copy of.
    """

    path: str
    label: str | None
    confidence: float
    scores: tuple[LabelScore, ...]
    neighbours: tuple[Neighbour, ...]
    copy_of: CopyOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLabel:
    """A label that an item has, and where it comes from.

    Attributes
    ----------
    label : str
    origin : {"hand", "import", "transfer"}
    source : str or None
        The file that it was imported from.
    confidence : float or None
        Of a transferred one.
    start_s, end_s : float or None
        The part of the item that it holds for, in seconds; None on both sides for all of it.
    run : int or None
        What takes it back.
    is_of_former : bool
        Whether it was given to what the file held before it was replaced, and not since: it then says nothing of this.
    """

    label: str
    origin: Literal["hand", "import", "transfer"]
    source: str | None
    confidence: float | None
    start_s: float | None
    end_s: float | None
    run: int | None
    is_of_former: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDescription:
    """All that an index knows of one file, or why it does not hold it.

    Attributes
    ----------
    path : str
    state : {"indexed", "failed", "not indexed"}
    reason : str or None
        Why it failed, or is not in the index, as the end of a sentence that begins with the file. Of an item that is
        found as before, why the last run could not read it anew.
    exists : bool
        Whether the file is within reach.
    is_unchanged : bool or None
        Whether it has the size and the time that it had when it was indexed; None without an item or a file. Where it
        has not, the item tells of what the file was then.
    is_given_up : bool
        Whether it failed as it is now, by a fault of its own: until it changes, only `retry_failed` reads it again.
    item : ItemRecord or None
        None where it is not in the index; what failed since it was indexed keeps its item, and loses its segments.
    is_outdated : bool
        Whether another encoder, or another version of one, made its features.
    encoders : tuple of str
        Those that made them.
    notices : tuple of Notice
        That nothing finds it, and what was noticed while it was read.
    segments : tuple of SegmentRecord
        In order of time, those that are silent, black or of one colour too.
    labels, denied : tuple of ItemLabel
        What it is, tags included, and what it is said not to be.
    copies : tuple of str
        Paths of other items of the same content.
    """

    path: str
    state: Literal["indexed", "failed", "not indexed"]
    reason: str | None = None
    exists: bool
    is_unchanged: bool | None = None
    is_given_up: bool = False
    item: ItemRecord | None = None
    is_outdated: bool = False
    encoders: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    segments: tuple[SegmentRecord, ...] = ()
    labels: tuple[ItemLabel, ...] = ()
    denied: tuple[ItemLabel, ...] = ()
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePart:
    """What one kind of evidence says for the first label of an explanation rather than the second.

    Attributes
    ----------
    kind : EvidenceKind, "none" or "denials"
        ``none``: where there is no second label, what one must outweigh to hold at all. ``denials``: what is like the
        item was said not to be one of the two.
    log_odds : float
        Negative where it speaks for the second.
    """

    kind: EvidenceKind | Literal["none", "denials"]
    log_odds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestExample:
    """A labelled segment that is among the nearest of its label and modality.

    Attributes
    ----------
    label : str
    id : int
        Of its item.
    path : str
    modality : {"image", "sound"}
    similarity : float
        Cosine in the shared space; of different modalities, such cannot be compared.
    deviations : float
        How far that is above the similarity of unlike things of the two modalities, in standard deviations: that can.
    start_s, end_s : float or None
        The segment's place in the item, in seconds; None for pictures.
    """

    label: str
    id: int
    path: str
    modality: Modality
    similarity: float
    deviations: float
    start_s: float | None
    end_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityEvidence:
    """What is said of an item's sound, or of its picture or frames.

    Attributes
    ----------
    modality : {"image", "sound"}
    log_odds : float
        How much likelier the first label is than the second, as a natural logarithm.
    above_none : float or None
        Likewise than that no label holds; None where labels do not exclude each other.
    parts : tuple of EvidencePart
        They add up to `log_odds`.
    examples : tuple of NearestExample
        Those of the first label first; of each label those of the item's own modality first, the nearest first.
    """

    modality: Modality
    log_odds: float
    above_none: float | None
    parts: tuple[EvidencePart, ...]
    examples: tuple[NearestExample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an item is called as it is.

    Attributes
    ----------
    path : str
    label : str
        The answer.
    confidence : float
    decided_by : {"evidence", "hierarchy", "copy"}
        ``hierarchy`` where the answer is what other labels are kinds of; ``copy`` where it has the label itself, or is
        a copy of what has.
    kinds : tuple of LabelScore
        The labels that the answer stands for, where the hierarchy decided; the likeliest first.
    first : str
        The likeliest label that the answer stands for.
    second : str or None
        The likeliest of all others; None where no other is possible.
    second_confidence : float
    none : float or None
        How likely no label holds; None where labels do not exclude each other.
    given : tuple of ItemLabel
        Labels that the item has. What is said here, others say: it has no voice on itself.
    denied : tuple of str
        What it, or what it is a copy of, is said not to be.
    heard : tuple of ModalityEvidence
        For `first` rather than `second`; of a video of its frames and of its sound, which count alike.
    copy_of : CopyOf or None
        What it is a copy of, where that decided; `first`, `second` and what was heard are what all others say then.
    by_head : LabelScore or None
        What the head of the index says, where there is one that can be asked, and it is asked among the same labels.
    """

    path: str
    label: str
    confidence: float
    decided_by: Literal["evidence", "hierarchy", "copy"]
    kinds: tuple[LabelScore, ...]
    first: str
    second: str | None
    second_confidence: float
    none: float | None
    given: tuple[ItemLabel, ...]
    denied: tuple[str, ...]
    heard: tuple[ModalityEvidence, ...]
    copy_of: CopyOf | None = None
    by_head: LabelScore | None = None


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
class Question:
    """Whether an item is what it would be called.

    Attributes
    ----------
    id : int
        Of the item.
    path : str
    label : str
    confidence : float
        How likely it is that.
    """

    id: int
    path: str
    label: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionEstimate:
    """How many of some names are right, estimated from answers to a few that were drawn at random.

    Attributes
    ----------
    names : int
        How many there are.
    confidence : float or None
        Their mean confidence: what share should be right. None where there are no names.
    answered, right : int
        How many were answered, and how many of these with yes.
    precision, low, high : float or None
        Estimated share of right ones among all, with its 95 % interval; None where too little was answered.
    """

    names: int
    confidence: float | None
    answered: int
    right: int
    precision: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPrecision:
    """What answers tell of a transfer.

    Attributes
    ----------
    of_given : PrecisionEstimate
        Of the names that would be given.
    of_all : PrecisionEstimate
        Of these and of the likeliest names of what would stay unknown.
    """

    of_given: PrecisionEstimate
    of_all: PrecisionEstimate


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
class Suggestion:
    """An item that is worth a label.

    Attributes
    ----------
    id : int
    path : str
    modality : {"image", "sound"}
    label : str or None
        What it would be called now, or what was asked about; None where nothing has a label yet.
    confidence : float
        How likely that is.
    covers : int or None
        How many unlabelled items it is the nearest to, of those labelled or suggested; None where it is suggested for
        its confidence.
    wanted : str or None
        The label that has no example of this modality yet, and of which it is the likeliest; None where it is suggested
        for what it covers.
    """

    id: int
    path: str
    modality: Modality
    label: str | None
    confidence: float
    covers: int | None
    wanted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIssue:
    """A label that its neighbours or its copies contradict, or under which the file was replaced by another.

    Attributes
    ----------
    id : int
    path : str
    modality : {"image", "sound"}
    label : str
        What it has.
    probability : float or None
        How likely that is, by all others; None where they do not contradict it.
    suggested : str or None
        What the others say.
    confidence : float or None
        How likely that is.
    reason : {"neighbours", "copies", "replaced"}
        ``replaced`` where the label was given to other content, whatever the others say.
    copy_of : CopyOf or None
        An item with the same content that is called as suggested, where copies contradict the label.
    """

    id: int
    path: str
    modality: Modality
    label: str
    probability: float | None
    suggested: str | None
    confidence: float | None
    reason: Literal["neighbours", "copies", "replaced"] = "neighbours"
    copy_of: CopyOf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairIssue:
    """A sound and a picture that stand together and do not fit each other.

    Attributes
    ----------
    sound, image : str
        Paths: the same for a video.
    similarity : float
        Cosine in the shared space.
    rank : float
        Share of other pictures that go better with the sound, and of other sounds that go better with the picture,
        averaged: 0 where none does, 0.5 by chance.
    """

    sound: str
    image: str
    similarity: float
    rank: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What came of giving labels.

    Attributes
    ----------
    run : int
        What takes it back.
    added : int
        How many labels items did not have before.
    """

    run: int
    added: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSummary:
    """A label and who has it.

    Attributes
    ----------
    label : str
    items : int
    image, sound, video : int
        Of the items, by kind.
    transferred : int
        Of the items, those that have it by transfer alone.
    parents : tuple of str
        What it is a kind of.
    audioset_id : str or None
    means : str or None
        Words that say what it means, where its name does not.
    denied : int
        How many items are said not to be it, on the whole or in part.
    is_tag : bool
        Whether it is a tag, which is never an answer.
    kept : int
        How many annotations wait for a content that no item has any more.
    """

    label: str
    items: int
    image: int
    sound: int
    video: int
    transferred: int
    parents: tuple[str, ...]
    audioset_id: str | None
    means: str | None
    denied: int
    is_tag: bool
    kept: int = 0


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
class LabelEstimate:
    """How many items are something.

    Attributes
    ----------
    label : str
    count, low, high : int
        Of all items, with the ends of a 95 % interval.
    labelled : int
        Those that have the label, or a kind of it, by hand or from files.
    undecided : int
        Items of which it is estimated how many are that.
    unheard : int
        Items that nothing can be said of, as they are silent, black, flat or outdated; none is counted.
    answers : int
        Answers of checks, about items that were drawn at random, that the estimate also goes by; without any it goes by
        confidence alone.
    to_halve : int or None
        About how many more answers would halve the interval; None where no reasonable number would.
    """

    label: str
    count: int
    low: int
    high: int
    labelled: int
    undecided: int
    unheard: int
    answers: int
    to_halve: int | None


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
    """

    labels: int
    files: int
    left_out: int = 0


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemMap:
    """Items of an index in two dimensions, in order of their ids.

    Two dimensions cannot hold what many say: who lies near is not always alike, and who is alike may lie apart.

    Attributes
    ----------
    method : {"pca", "umap"}
        By the directions in which items differ most, or so that neighbours stay neighbours.
    ids : np.ndarray [shape=(n,), int64]
    paths : tuple of str, length n
    kinds : tuple of {"image", "sound", "video"}, length n
    positions : np.ndarray [shape=(n, 2), float32]
        x, to the right, and y, upwards, in [-1, 1]; a video lies between what is seen and what is heard of it.
    explained : float or None
        Of a map by ``pca``, the share of the variance that both axes hold; None where nothing varies, too.
    unplaced : int
        How many more items there are, that nothing finds: silent, black, of one colour, or made by another encoder.
    """

    method: MapMethod
    ids: Int64Array
    paths: tuple[str, ...]
    kinds: tuple[MediaKind, ...]
    positions: Float32Array
    explained: float | None
    unplaced: int

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRoot:
    """A folder that machines may have in different places; paths below it are kept relative to it.

    Attributes
    ----------
    name : str
    folder : str or None
        Where this machine has it; None where nobody has said so.
    items : int
        How many items lie below it.
    machines : dict of str to str
        Where machines have it, by their names, as the index knows it.
    """

    name: str
    folder: str | None
    items: int
    machines: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A call of a verb.

    Attributes
    ----------
    id : int
    verb : str
    arguments, versions : dict
        What it was called with, and the versions of the packages that decide its results; JSON values.
    started_at : str
        ISO 8601, UTC.
    finished_at : str or None
        None where it has not come to its end.
    outcome : dict or None
    """

    id: int
    verb: str
    arguments: dict[str, Any]
    versions: dict[str, Any]
    started_at: str
    finished_at: str | None
    outcome: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """An item of a group of duplicates.

    Attributes
    ----------
    id : int
    path : str
    modality : {"image", "sound"}
        That of the group.
    similarity : float
        To the first item of the group, in [-1, 1]; 1 for itself. That of features, which `min_similarity` sets a limit
        to, of what waveforms or pixels confirm, too.
    is_exact : bool
        Whether the file was, byte for byte, that of the first item when it was indexed; true of the first itself.
    confirmed_by : {"content", "pixels", "waveform", "features"} or None
        What tells that it is the same as the first; ``features`` where no more was to be had or asked for, None for the
        first itself.
    labels : tuple of str
        Given by hand or from files, on the whole or on parts.
    size_bytes : int
    duration_s : float or None
    width_px, height_px : int or None
    part_start_s, part_end_s : float or None
        From where to where it lies in the first item, of which it is a part; None where it holds all of it.
    """

    id: int
    path: str
    modality: Modality
    similarity: float
    is_exact: bool
    confirmed_by: ConfirmedBy | None
    labels: tuple[str, ...]
    size_bytes: int
    duration_s: float | None
    width_px: int | None
    height_px: int | None
    part_start_s: float | None = None
    part_end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateGroup:
    """Items that are duplicates of the first of them.

    Attributes
    ----------
    modality : {"image", "sound"}
        What they were compared by. Videos count as images, unless their frames show nothing throughout.
    items : tuple of Duplicate
        Two at least. First the one to keep: with labels, else of the most pixels, else of a lossless format, else of
        the largest file. Then its exact copies, then the others, the most similar first, then what is a part of it.
    kept_because : str
        Why the first stands before all others: "has labels", "has more pixels", "is lossless", "is the larger file",
        "its path comes first" or, before parts of it alone, "holds the others".
    """

    modality: Modality
    items: tuple[Duplicate, ...]
    kept_because: str
