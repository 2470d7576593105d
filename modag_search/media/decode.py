"""One way to open any media file."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from modag_search.errors import UnreadableMediaError, UnsupportedMediaError
from modag_search.media.isolation import is_isolated
from modag_search.media.kinds import (
    SOUNDFILE_APPEARANCES,
    SOUNDFILE_EXTENSIONS,
    extension_of,
    kind_of,
    kind_of_appearance,
)
from modag_search.media.loudness import with_silence_told
from modag_search.media.names import remark_on_appearance, sure_appearance_in
from modag_search.media.opening import media_errors, open_not_empty
from modag_search.media.recordings import is_multiplexed
from modag_search.media.request import RESAMPLER_QUALITY, DecodeRequest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from modag_search.values import DecodedSegment, MediaFacts, MediaKind, Modality, Segmentation

# Raise one of these when the same bytes would decode to other samples or pixels, or be silent, black or flat by another
# rule: features made with another revision are not comparable.
DECODER_REVISIONS: Final[Mapping[Modality, str]] = {"image": "4", "sound": "4"}


class MediaStream:
    """A media file that decodes while it is read; see `open_media`."""

    def __init__(self, request: DecodeRequest, *, kind: MediaKind) -> None:
        self._request = request
        self._kind = kind
        self._facts: MediaFacts | None = None

    @property
    def facts(self) -> MediaFacts:
        """What is known of the file.

        Raises
        ------
        RuntimeError
            Before `segments` has come to its end.
        """
        if self._facts is None:
            raise RuntimeError("facts are known once segments() has come to its end")
        return self._facts

    def segments(self) -> Iterator[DecodedSegment]:
        """Decode the file and yield its segments one by one; the file is closed with the iterator.

        Inside `isolation.isolated`, another process decodes it.

        Yields
        ------
        DecodedSegment
            Of a sound: its windows. Of a picture: itself. Of a video: its frames, then the windows
            of its sound. A window is silent whose peak lies far below the loudest of the file, which is known at
            the end only: those that came before it are to be judged again, by `MediaFacts.silent_below`.

        Raises
        ------
        MediaError
            The file cannot be decoded. It may come after segments: these are then part of a damaged
            file, and to be dropped.
        UsageError
            The range starts behind the end of the file.
        """
        if is_isolated():
            from modag_search.media.children import decoded_apart

            self._facts = yield from decoded_apart(self._request, kind=self._kind)
        else:
            yield from self.decoded_here()

    def decoded_here(self) -> Generator[DecodedSegment, None, None]:
        """Decode the file in this process, whoever wants it to be isolated; see `segments`."""
        with media_errors(self._request.path), open_not_empty(self._request.path) as file:
            self._facts = yield from with_silence_told(self._decode(file))

    def _decode(self, file: BinaryIO) -> Generator[DecodedSegment, None, MediaFacts]:
        """Decode a file as what its first bytes say; where they say nothing, as what its name says."""
        path = self._request.path
        appearance = sure_appearance_in(file)
        kind = kind_of_appearance(appearance) or self._kind
        if kind == "image" and not self._request.is_whole:
            raise self._request.of_a_picture()
        if appearance == "an Ogg sound" and is_multiplexed(file):
            kind = "video"  # what comes first is none, what goes with it may be
        facts = yield from self._decode_as(kind, file, appearance)
        remark = remark_on_appearance(path, appearance, kind=facts.kind)
        return facts if remark is None else replace(facts, remarks=(remark, *facts.remarks))

    def _decode_as(
        self, kind: MediaKind, file: BinaryIO, appearance: str | None
    ) -> Generator[DecodedSegment, None, MediaFacts]:
        if kind == "image":
            from modag_search.media.pictures import decode_picture

            return (yield from decode_picture(file, self._request.path))
        if kind == "video" or (self._kind == "video" and appearance not in SOUNDFILE_APPEARANCES):
            from modag_search.media.videos import decode_video

            return (yield from decode_video(file, self._request))
        return (yield from self._decode_sound(file, appearance))

    def _decode_sound(self, file: BinaryIO, appearance: str | None) -> Generator[DecodedSegment, None, MediaFacts]:
        is_by_name = extension_of(self._request.path) in SOUNDFILE_EXTENSIONS
        if is_by_name if appearance is None else appearance in SOUNDFILE_APPEARANCES:
            from modag_search.media.soundfiles import NotASoundError, decode_sound

            try:
                return (yield from decode_sound(file, self._request))
            except NotASoundError:
                pass  # FFmpeg reads more codecs
        from modag_search.media.sound_streams import decode_sound_stream

        return (yield from decode_sound_stream(file, self._request, wanted="a sound"))


def open_media(
    path: str,
    *,
    sample_rate_hz: int | None,
    segmentation: Segmentation,
    start_s: float | None = None,
    end_s: float | None = None,
    all_channels: bool = False,
) -> MediaStream:
    """Prepare a media file for decoding; the file itself is opened by `MediaStream.segments`.

    Parameters
    ----------
    path : str
        The file; its extension says what it is.
    sample_rate_hz : int or None
        Rate at which sound is wanted; None for that which the file has.
    segmentation : Segmentation
        How sounds and videos are cut.
    start_s, end_s : float, optional
        The part of a sound or a video to decode, in seconds. Its windows are cut as though it were the whole
        file; their times still count from the file's start. An end behind the file's end means the latter.
    all_channels : bool
        Whether all channels of sound are wanted, rather than the loudest of each window.

    Returns
    -------
    MediaStream

    Raises
    ------
    UnsupportedMediaError
        The extension is not one that we read.
    UnreadableMediaError
        Likewise, and it is not a regular file.
    UsageError
        The range or the segmentation cannot be meant.

    Examples
    --------
    >>> media = open_media("trumpet.wav", sample_rate_hz=32_000, segmentation=Segmentation())
    >>> for segment in media.segments():  # doctest: +SKIP
    ...     print(segment.start_s, segment.end_s, segment.status)
    """
    kind = kind_of(path)
    if kind is None:
        if os.path.exists(path) and not os.path.isfile(path):
            raise UnreadableMediaError(path, "is not a regular file")
        extension = extension_of(path)
        reason = f"files ending in {extension!r} are not read" if extension else "has no extension to tell what it is"
        raise UnsupportedMediaError(path, reason)
    request = DecodeRequest(
        path=path,
        sample_rate_hz=sample_rate_hz,
        segmentation=segmentation,
        start_s=0.0 if start_s is None else start_s,
        end_s=math.inf if end_s is None else end_s,
        all_channels=all_channels,
    )
    if kind == "image" and not request.is_whole:
        raise request.of_a_picture()
    return MediaStream(request, kind=kind)


def decoder_specification(modality: Modality, segmentation: Segmentation, sample_rate_hz: int) -> dict[str, Any]:
    """List all that decides, in decoding, what feature a segment gets; as JSON values.

    Parameters
    ----------
    modality : {"image", "sound"}
    segmentation : Segmentation
    sample_rate_hz : int
        Rate at which sound is decoded; of no account for images.

    Returns
    -------
    dict
    """
    if modality == "sound":
        from modag_search.media import loudness

        return {
            "revision": DECODER_REVISIONS[modality],
            "sample_rate_hz": sample_rate_hz,
            "resampler": f"soxr {RESAMPLER_QUALITY}",
            "channels": "loudest",
            "most_channels": loudness.MOST_CHANNELS,
            "window_s": segmentation.window_s,
            "hop_s": segmentation.hop_s,
            "silence_db": loudness.SILENCE_DB,
            "dither_steps": loudness.DITHER_STEPS,
            "lossy_floor": loudness.LOSSY_FLOOR,
        }
    from modag_search.media import reducing, visibility

    return {
        "revision": DECODER_REVISIONS[modality],
        "shorter_side_px": reducing.SHORTER_SIDE_PX,
        "longer_side_px": reducing.LONGER_SIDE_PX,
        "filter": "mean",
        "orientation": "exif",
        "background": "white, or black",
        "fading_luma": visibility.FADING_LUMA,
        "fading_more": visibility.FADING_MORE,
        "black_mean_luma": visibility.BLACK_MEAN_LUMA,
        "black_high_luma": visibility.BLACK_HIGH_LUMA,
        "flat_apart": visibility.FLAT_APART,
        "flat_block_px": visibility.FLAT_BLOCK_PX,
        "frame_interval_s": segmentation.frame_interval_s,
    }
