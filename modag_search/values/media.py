"""Files as they are found and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from modag_search.values.arrays import Float32Array, Uint8Array
from modag_search.values.kinds import MediaKind, Modality, RemarkKind, SegmentStatus


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
        Sound: ``[shape=(n,), float32]``, its loudest channel, as recorded, at the rate asked for;
        ``[shape=(n, channels), float32]`` where all channels were.
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


class SoundForm(NamedTuple):
    """How a sound is stored.

    Attributes
    ----------
    rate_hz : int
    channels : int
    bits : int or None
        Of a sample, 24 at most; None where a lossy codec holds it.
    """

    rate_hz: int
    channels: int
    bits: int | None


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
    sound_form : SoundForm or None
        Of what is a sound alone, how its first part is stored.
    """

    kind: MediaKind
    duration_s: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    silent_below: float | None = None
    remarks: tuple[Remark, ...] = ()
    sound_form: SoundForm | None = None


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
