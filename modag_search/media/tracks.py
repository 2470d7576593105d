"""Which of the sound tracks of a file is read: the first that sounds, beginning with what a player would choose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from modag_search.media.containers import DecodedFrames, SoundParts, open_container, sound_streams
from modag_search.media.loudness import loudest_channel, peak_about_mean
from modag_search.values import Remark

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from modag_search.media.request import DecodeRequest


class Track(NamedTuple):
    """A sound track.

    Attributes
    ----------
    position : int
        Among the sound tracks of the file, from 0.
    remarks : tuple of Remark
        Which it is; empty where it is the only one.
    """

    position: int
    remarks: tuple[Remark, ...] = ()


def choose_track(file: BinaryIO, request: DecodeRequest, *, wanted: str) -> Track | None:
    """Choose the sound track to read; of several, each is read until something sounds.

    Parameters
    ----------
    file : BinaryIO
    request : DecodeRequest
        The choice is that for the whole file, whatever part is asked for.
    wanted : str
        As in `containers.open_container`.

    Returns
    -------
    Track or None
        The one that a player would choose where none sounds; None where there is no track.

    Raises
    ------
    CorruptMediaError
        FFmpeg does not take the file for any container that we read.
    """
    with open_container(file, request.path, wanted=wanted) as container:
        positions = [list(container.streams.audio).index(stream) for stream in sound_streams(container)]
        names = [_name(stream, number) for number, stream in enumerate(container.streams.audio, start=1)]
    if len(positions) < 2:
        return Track(positions[0]) if positions else None
    whole = replace(request, start_s=0.0, end_s=float("inf"))
    silent: list[int] = []
    for position in positions:
        with open_container(file, request.path, wanted=wanted) as container:
            if _sounds(container, position, whole):
                return Track(position, (_choice(names, position, silent),))
        silent.append(position)
    return Track(positions[0], (Remark("chosen", f"has {len(names)} sound tracks, none of which sounds"),))


def _sounds(container: InputContainer, position: int, request: DecodeRequest) -> bool:
    stream = container.streams.audio[position]
    parts = SoundParts(DecodedFrames(container, stream), request, is_lossless=stream.codec_context.codec.lossless)
    with np.errstate(over="ignore", invalid="ignore"):
        return any(peak_about_mean(loudest_channel(block)) > part.floor for part in parts for block in part.blocks)


def _choice(names: list[str], position: int, silent: list[int]) -> Remark:
    text = f"has {len(names)} sound tracks, of which {names[position]} is read"
    if silent:
        text += f", since nothing sounds on {', '.join(names[place] for place in sorted(silent))}"
    return Remark("chosen", text)


def _name(stream: AudioStream, number: int) -> str:
    """Name a track by its number, as players count, and by what the file calls it."""
    called = stream.metadata.get("title") or stream.metadata.get("language", "und")
    return f"track {number}" + ("" if called == "und" else f" ({called})")
