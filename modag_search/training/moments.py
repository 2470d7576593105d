"""What sounds and shows at one moment of a video belongs together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modag_search.values import EncodedSegment, Float32Array, Modality


def moments_of(
    path: str, segments: Sequence[EncodedSegment]
) -> Iterator[tuple[str, tuple[tuple[Modality, Float32Array], ...]]]:
    """Group the frames of a video with the windows of its sound.

    A frame goes to the window that holds its moment, of several to the one whose middle is nearest. Windows without a
    frame, and frames without a sound, are left out, as is what is silent, black or flat.

    Parameters
    ----------
    path : str
    segments : sequence of EncodedSegment
        Of one video.

    Yields
    ------
    group : str
        ``path@start`` with the start of the window, in seconds.
    features : tuple of (modality, np.ndarray [shape=(d,), float32])
        Of the window, then of its frames.

    Raises
    ------
    MediaError
        If no moment has both; the message says what is missing.
    """
    windows = _placed(segments, "sound")
    frames = _placed(segments, "image")
    of_window: dict[int, list[Float32Array]] = {}
    for start_s, _, feature in frames:
        holding = [i for i, (begin_s, end_s, _) in enumerate(windows) if begin_s <= start_s < end_s]
        if holding:
            nearest = min(holding, key=lambda i: abs(windows[i][0] + windows[i][1] - 2 * start_s))
            of_window.setdefault(nearest, []).append(feature)
    if not of_window:
        raise MediaError(path, _missing(segments, has_windows=bool(windows), has_frames=bool(frames)))
    for i, features in sorted(of_window.items()):
        begin_s, _, sound = windows[i]
        yield f"{path}@{begin_s:.10g}", (("sound", sound), *(("image", feature) for feature in features))


def _placed(segments: Sequence[EncodedSegment], modality: Modality) -> list[tuple[float, float, Float32Array]]:
    return [
        (segment.start_s, segment.end_s, segment.feature)
        for segment in segments
        if segment.modality == modality
        and segment.feature is not None
        and segment.start_s is not None
        and segment.end_s is not None
    ]


def _missing(segments: Sequence[EncodedSegment], *, has_windows: bool, has_frames: bool) -> str:
    there = {segment.modality for segment in segments}
    if not has_windows:
        lack = "is silent throughout" if "sound" in there else "has no sound"
    elif not has_frames:
        lack = "shows nothing throughout: it is black or flat" if "image" in there else "has no pictures"
    else:
        lack = "has no moment with both sound and picture"
    return f"{lack}: without both it teaches nothing; leave it out, or give it a label beside other media"
