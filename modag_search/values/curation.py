"""What is worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modag_search.values.answers import CopyOf
from modag_search.values.kinds import ConfirmedBy, Modality


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
        Two at least. First the one to keep: with labels, else the one that holds the most, see `keeping.Keeper`. Then
        its exact copies, then the others, the most similar first, then what is a part of it.
    kept_because : str
        Why the first stands before all others: all that put out some of them, with commas between. Of "is still
        there", "has labels", "is in colour", "has more pixels", "has a higher rate", "has more channels", "lasts
        longer", "holds higher frequencies", "is not upsampled", "was not made of a lossy copy", "is lossless", "has
        more bits", "is the larger file", "is older" and "its path comes first"; before parts of it alone, "holds the
        others".
    """

    modality: Modality
    items: tuple[Duplicate, ...]
    kept_because: str
