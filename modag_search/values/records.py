"""What an index knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from modag_search.values.arrays import Float32Array
from modag_search.values.kinds import MediaKind, Modality, NoticeKind, SegmentStatus
from modag_search.values.media import MediaFacts, ScannedFile

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        Or ``id:N``, where no item has that.
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
class Taken:
    """What came of taking labels back.

    Attributes
    ----------
    run : int
        What gives them back.
    removed : int
        How many labels items had.
    """

    run: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What came of undoing a run.

    Attributes
    ----------
    removed : int
        How many labels that it gave went.
    restored : int
        How many that it took, or that gave way to it, items have again.
    left : int
        How many of these did not come back: something said since opposes them, or their item is gone. They may yet,
        once what opposes them is undone and then this again.
    """

    removed: int
    restored: int
    left: int

    @property
    def changed(self) -> int:
        """How many labels went or came back."""
        return self.removed + self.restored


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


class IndexedFolder(NamedTuple):
    """A folder that was indexed, and how its latest run looked at it.

    Attributes
    ----------
    path : str
    exclude : tuple of str
        Patterns of what the run passed over, besides those that are kept with the index.
    follow_symlinks : bool
    """

    path: str
    exclude: tuple[str, ...] = ()
    follow_symlinks: bool = False


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
