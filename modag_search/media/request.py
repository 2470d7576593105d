"""What is wanted of a media file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from modag_search.values import Segmentation

RESAMPLER_QUALITY: Final = "HQ"
"""Of soxr; here, since who only names a pipeline needs none of the libraries that decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """A file, how to cut it, and which part of it to decode.

    Attributes
    ----------
    path : str
    sample_rate_hz : int or None
        Rate at which sound is wanted; None for that which it has.
    segmentation : Segmentation
    start_s, end_s : float
        The part, in seconds from the file's start; an end behind the file's end means the latter.
    all_channels : bool
        Whether all channels of sound are wanted, rather than the loudest of each window.

    Raises
    ------
    UsageError
        On creation, where a value cannot be meant.
    """

    path: str
    sample_rate_hz: int | None
    segmentation: Segmentation
    start_s: float = 0.0
    end_s: float = math.inf
    all_channels: bool = False

    def __post_init__(self) -> None:
        if self.sample_rate_hz is not None and self.sample_rate_hz < 1:
            raise UsageError(f"sample_rate_hz must be at least 1, not {self.sample_rate_hz}")
        for name in ("window_s", "hop_s", "frame_interval_s"):
            value = getattr(self.segmentation, name)
            if not 0 < value < math.inf:
                raise UsageError(f"{name} must be a positive number of seconds, not {value}")
        if not (0 <= self.start_s < math.inf and self.end_s > 0):
            raise UsageError(f"{self.path}: {self._range()} is not a part of any file")
        if self.start_s >= self.end_s:
            raise UsageError(f"{self.path}: {self._range()} is empty; the start must lie before the end")

    def sample_range(self, rate_hz: int, *, begins_s: float = 0.0) -> tuple[int, int | None]:
        """Return the part as counts of samples of a sound that begins at some time; None stands for its end."""
        start = max(round((self.start_s - begins_s) * rate_hz), 0)
        return start, None if math.isinf(self.end_s) else max(round((self.end_s - begins_s) * rate_hz), start + 1)

    @property
    def is_whole(self) -> bool:
        """Whether the part is all of the file."""
        return self.start_s == 0.0 and math.isinf(self.end_s)

    def of_a_picture(self) -> UsageError:
        """Word that a part was asked for of a picture."""
        return UsageError(f"{self.path}: a picture has no duration, so no part of it can be chosen by time")

    def outside(self, duration_s: float) -> UsageError:
        """Word that the part starts behind the end of the file."""
        return UsageError(f"{self.path}: {self._range()} lies outside the file, which lasts {duration_s:.3f} s")

    def before(self, begins_s: float) -> UsageError:
        """Word that the part ends before the sound of the file begins."""
        return UsageError(f"{self.path}: {self._range()} holds no sound, which begins at {begins_s:.3f} s")

    def _range(self) -> str:
        end = "the end" if math.isinf(self.end_s) else f"{self.end_s:g} s"
        return f"the range from {self.start_s:g} s to {end}"
