"""What people see and hear of an item: a small picture, a waveform, a spectrogram, an excerpt."""

from modag_search.previews.pictures import frame_thumbnail, picture_thumbnail, thumbnail
from modag_search.previews.sounds import Clip, Waveform, clip, excerpt, spectrogram, waveform

__all__ = [
    "Clip",
    "Waveform",
    "clip",
    "excerpt",
    "frame_thumbnail",
    "picture_thumbnail",
    "spectrogram",
    "thumbnail",
    "waveform",
]
