"""Which of several copies to keep: the one that holds the most; and what decided."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from modag_search.copies.ranks import is_lossless, loses
from modag_search.copies.substance import bandwidths_hz
from modag_search.features.stored import is_as_indexed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from modag_search.copies.pixels import Pixels
    from modag_search.copies.substance import Substance, Substances
    from modag_search.values import ItemRecord

SHARE_OF_BANDWIDTH: Final = 0.95
"""Sounds are as good that reach so far up as the best of them: slopes end somewhere."""

MUCH_OF_BANDWIDTH: Final = 0.6
"""What does not reach so far up lacks more than a channel or an end: half the rate does so, lossy codecs do not."""

SHARE_OF_RATE: Final = 0.7
"""Rates are as good that are so high: 44.1 and 48 kHz hold the same."""

FILLED: Final = 0.6
"""A sound that reaches so far up to half its rate was made at that, and one of a much higher rate that holds nothing
above was made of it. Chosen on copies of train sources: with more, what was upsampled is seldom seen to be, with less,
dull sounds at half their rate pass for originals."""

FILLED_WHOLLY: Final = 0.93
"""Likewise, whatever the higher rate."""

SHORTER_S: Final = 0.1
"""Sounds are as long that end so much earlier: encoders shift and pad."""

SHORTER_VIDEO_S: Final = 0.5
OLDER_NS: Final = 2_000_000_000
"""Some file systems keep times to two seconds."""


@dataclass(eq=False)
class _Contender:
    """An item that may be kept, with all items of its content, by which it can be read."""

    item: ItemRecord
    copies: Sequence[ItemRecord]
    has_labels: bool
    pixels: Pixels | None
    substances: Substances | None
    are_the_same: bool

    @cached_property
    def is_grey(self) -> bool | None:
        return None if self.pixels is None else self.pixels.is_grey(self.copies)

    @cached_property
    def substance(self) -> Substance | None:
        if self.substances is None or self.item.kind != "sound":
            return None
        return self.substances.of(self.copies)

    @property
    def was_read(self) -> bool:
        return "substance" in vars(self)

    @property
    def is_lossless(self) -> bool:
        return is_lossless(self.item.path) if self.substance is None else self.substance.bits is not None

    def was_made_of(self, lossy: _Contender) -> bool:
        """Tell whether it holds just what a lossy one does when that is decoded."""
        if self.item.kind == "sound":
            if self.substances is None or self.substance is None or lossy.substance is None:
                return False
            return self.substances.are_decoded_from(self.copies, lossy.copies)
        if not loses(lossy.item.path):
            return False
        return self.are_the_same or bool(self.pixels and self.pixels.have_the_same(self.copies, lossy.copies))


_Verdict = tuple[list[bool], str]
"""Which of several are kept, and why these."""


class Keeper:
    """Chooses which of several copies to keep.

    Copies are put out one test after the other, until one is left: what lacks what another one has goes. Small
    differences put out none, as those that encoders make; and what is not known of a file does not, either. A file that
    is gone or has changed is not kept before one that is as it was indexed.

    Parameters
    ----------
    pixels : Pixels, optional
        Tells which pictures and videos have colours. Without it, that is not known.
    substances : Substances, optional
        Tells what sounds hold. Without it, that is not known.
    have_same_features : bool
        Whether all that is compared has the very same features, so that pictures have the same pixels.
    are_gone : bool
        Whether no file is there, which is then not looked for.
    """

    def __init__(
        self,
        pixels: Pixels | None = None,
        substances: Substances | None = None,
        *,
        have_same_features: bool = False,
        are_gone: bool = False,
    ) -> None:
        self._pixels = pixels
        self._have_same_features = have_same_features
        self._substances = substances
        self._are_gone = are_gone

    def choose(self, items: Sequence[ItemRecord], *, labelled: Collection[int]) -> tuple[ItemRecord, tuple[str, ...]]:
        """Choose the item to keep.

        Parameters
        ----------
        items : sequence of ItemRecord
            At least one, all of one kind.
        labelled : collection of int
            Ids of those that have labels, given by hand or from files.

        Returns
        -------
        item : ItemRecord
        reasons : tuple of str
            What put out the others, one after the other; of one item, none.
        """
        chosen, reasons = self._choose(items, labelled=labelled)
        if self._are_gone or is_as_indexed(chosen):
            return chosen, reasons
        there = [item for item in items if item is not chosen and is_as_indexed(item)]
        if not there:
            return chosen, reasons
        chosen, reasons = self._choose(there, labelled=labelled)
        return chosen, ("is still there", *reasons)

    def _choose(self, items: Sequence[ItemRecord], *, labelled: Collection[int]) -> tuple[ItemRecord, tuple[str, ...]]:
        contents: dict[str, list[ItemRecord]] = {}
        for item in items:
            contents.setdefault(item.content_hash, []).append(item)
        left = [
            _Contender(
                item,
                contents[item.content_hash],
                item.id in labelled,
                self._pixels,
                self._substances,
                self._have_same_features,
            )
            for item in sorted(items, key=lambda item: item.path)
        ]
        reasons = []
        for test, needs_contents in _TESTS[items[0].kind]:
            if needs_contents and len({one.item.content_hash for one in left}) == 1:
                continue
            are_kept, reason = test(left)
            if not all(are_kept):
                reasons.append(reason)
                left = [one for one, is_kept in zip(left, are_kept, strict=True) if is_kept]
        return left[0].item, (*reasons, *(("its path comes first",) if len(left) > 1 else ()))


def _with_labels(left: Sequence[_Contender]) -> _Verdict:
    return _best([float(one.has_labels) for one in left]), "has labels"


def _in_colour(left: Sequence[_Contender]) -> _Verdict:
    return _best([None if one.is_grey is None else float(not one.is_grey) for one in left]), "is in colour"


def _with_most_pixels(left: Sequence[_Contender]) -> _Verdict:
    return _best([float((one.item.width_px or 0) * (one.item.height_px or 0)) for one in left]), "has more pixels"


def _of_longest_video(left: Sequence[_Contender]) -> _Verdict:
    return _best([one.item.duration_s for one in left], within=SHORTER_VIDEO_S), "lasts longer"


def _of_much_higher_frequencies(left: Sequence[_Contender]) -> _Verdict:
    return _of_highest_frequencies(left, share=MUCH_OF_BANDWIDTH)


def _of_highest_frequencies(left: Sequence[_Contender], *, share: float = SHARE_OF_BANDWIDTH) -> _Verdict:
    """Keep what reaches the highest up; what does not for its rate is said to have a lower one."""
    _read(left)
    known = [one.substance for one in left if one.substance is not None]
    bandwidths = iter(bandwidths_hz(known) if known else ())
    reached = [None if one.substance is None else next(bandwidths) for one in left]
    are_kept = _best(reached, share=share)
    lowest_hz = min(
        (_rate(one) for one, is_kept in zip(left, are_kept, strict=True) if is_kept and _rate(one)), default=0
    )
    are_lower = [
        _rate(one) < SHARE_OF_RATE * lowest_hz for one, is_kept in zip(left, are_kept, strict=True) if not is_kept
    ]
    return are_kept, "has a higher rate" if all(are_lower) else "holds higher frequencies"


def _of_own_rate(left: Sequence[_Contender]) -> _Verdict:
    """Put out what was brought to a higher rate than what it was made of has; of lossy codecs that is not known."""
    known = [one.substance for one in left if one.substance is not None and one.substance.bits is not None]
    lowest_hz = min((one.rate_hz for one in known), default=0)
    filled = max(bandwidths_hz(known), default=0.0) / (lowest_hz / 2) if known else 0.0
    least_hz = lowest_hz if filled >= FILLED_WHOLLY else lowest_hz / SHARE_OF_RATE
    are_upsampled = [
        filled >= FILLED
        and one.substance in known
        and one.substance.rate_hz > least_hz
        and not one.substance.holds_above(lowest_hz / 2)
        for one in left
    ]
    return [not is_upsampled for is_upsampled in are_upsampled], "is not upsampled"


def _of_highest_rate(left: Sequence[_Contender]) -> _Verdict:
    known = [one.substance for one in left if one.substance is not None]
    lowest_hz = min((one.rate_hz for one in known), default=0)
    if known and max(bandwidths_hz(known)) >= FILLED * lowest_hz / 2:
        return [True] * len(left), ""
    return _best([_rate(one) or None for one in left], share=SHARE_OF_RATE), "has a higher rate"


def _with_most_channels(left: Sequence[_Contender]) -> _Verdict:
    return _best([None if one.substance is None else one.substance.channels for one in left]), "has more channels"


def _of_longest_sound(left: Sequence[_Contender]) -> _Verdict:
    lengths_s = [None if one.substance is None else one.substance.sounds_s for one in left]
    return _best(lengths_s, within=SHORTER_S), "lasts longer"


def _not_decoded(left: Sequence[_Contender]) -> _Verdict:
    """Put out what holds no more than a lossy one, of which it was made."""
    lossy = [one for one in left if not one.is_lossless]
    are_decoded = [one.is_lossless and any(one.was_made_of(other) for other in lossy) for one in left]
    return [not is_decoded for is_decoded in are_decoded], "was not made of a lossy copy"


def _lossless(left: Sequence[_Contender]) -> _Verdict:
    return _best([float(one.is_lossless) for one in left]), "is lossless"


def _with_most_bits(left: Sequence[_Contender]) -> _Verdict:
    return _best([None if one.substance is None else one.substance.bits for one in left]), "has more bits"


def _of_slightly_higher_rate(left: Sequence[_Contender]) -> _Verdict:
    """Of lossless codecs; lossy ones may say any rate."""
    rates = [float(one.substance.rate_hz) if one.substance and one.substance.bits else None for one in left]
    return _best(rates), "has a higher rate"


def _largest_by_quality(left: Sequence[_Contender]) -> _Verdict:
    """Keep the largest, unless nothing is lost in formats of several names: then size tells nothing."""
    endings = {os.path.splitext(one.item.path)[1].lower() for one in left}
    if len(endings) > 1 and all(one.is_lossless for one in left):
        return [True] * len(left), ""
    return _largest(left)


def _largest(left: Sequence[_Contender]) -> _Verdict:
    return _best([float(one.item.size_bytes) for one in left]), "is the larger file"


def _oldest(left: Sequence[_Contender]) -> _Verdict:
    return _best([-one.item.mtime_ns for one in left], within=OLDER_NS), "is older"


_AT_LAST: Final = ((_largest_by_quality, True), (_oldest, False), (_largest, True))
_TESTS: Final = {
    "image": (
        (_with_labels, False),
        (_in_colour, True),
        (_with_most_pixels, True),
        (_not_decoded, True),
        (_lossless, True),
        *_AT_LAST,
    ),
    "sound": (
        (_with_labels, False),
        (_of_much_higher_frequencies, True),
        (_with_most_channels, True),
        (_of_longest_sound, True),
        (_of_highest_frequencies, True),
        (_of_own_rate, True),
        (_of_highest_rate, True),
        (_not_decoded, True),
        (_lossless, True),
        (_with_most_bits, True),
        (_of_slightly_higher_rate, True),
        *_AT_LAST,
    ),
    "video": (
        (_with_labels, False),
        (_in_colour, True),
        (_with_most_pixels, True),
        (_of_longest_video, True),
        *_AT_LAST,
    ),
}
"""By kind, tests in their order, and whether they tell nothing of items with the same content."""


def _best(values: Sequence[float | None], *, within: float = 0.0, share: float = 1.0) -> list[bool]:
    """Keep what has the highest value, or nearly so; and what has none that is known."""
    highest = max((value for value in values if value is not None), default=0.0)
    least = share * highest - within
    return [value is None or value >= least for value in values]


def _rate(one: _Contender) -> int:
    return 0 if one.substance is None else one.substance.rate_hz


def _read(left: Sequence[_Contender]) -> None:
    """Read what each holds, several at once where several can be read: to start threads takes longer than to see."""
    unread = {
        one.item.content_hash: one
        for one in left
        if one.substances is not None and not one.was_read and any(map(is_as_indexed, one.copies))
    }
    if len(unread) > 1:
        with ThreadPoolExecutor(min(os.cpu_count() or 1, len(unread)), thread_name_prefix="modag") as pool:
            list(pool.map(lambda one: one.substance, unread.values()))
