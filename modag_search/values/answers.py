"""What an index answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from modag_search.values.arrays import Float32Array, Int64Array
from modag_search.values.kinds import ConfirmedBy, EvidenceKind, MapMethod, MediaKind, Modality
from modag_search.values.records import ItemLabel


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
class EvidencePart:
    """What one kind of evidence says for the first label of an explanation rather than the second.

    Attributes
    ----------
    kind : EvidenceKind, "none", "share" or "denials"
        Where there is no second label, ``none``: what one must outweigh to hold at all; ``share``: for how many items
        of the index any does. ``denials``: what is like the item was said not to be one of the two.
    log_odds : float
        Negative where it speaks for the second.
    """

    kind: EvidenceKind | Literal["none", "share", "denials"]
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
        How much likelier the first label is than the second, as a natural logarithm; where labels do not exclude each
        other, if any label holds.
    above_none : float or None
        Likewise than that no label holds; None where labels do not exclude each other.
    known_share : float or None
        For what share of the index's items of the modality any label holds, by a sample; None where labels do not
        exclude each other, and none has an example. The less it is, the likelier is none.
    parts : tuple of EvidencePart
        They add up to `log_odds`.
    examples : tuple of NearestExample
        Those of the first label first; of each label those of the item's own modality first, the nearest first.
    """

    modality: Modality
    log_odds: float
    above_none: float | None
    known_share: float | None
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
        How likely no label holds; None where labels do not exclude each other, and none has an example.
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
