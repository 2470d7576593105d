"""What people see and hear of an item: a small picture, a waveform, a spectrogram, an excerpt."""

from modag_search.previews.pictures import frame_thumbnail, picture_thumbnail, thumbnail
from modag_search.previews.sounds import Waveform, excerpt, spectrogram, waveform

__all__ = [
    "Waveform",
    "excerpt",
    "frame_thumbnail",
    "picture_thumbnail",
    "spectrogram",
    "thumbnail",
    "waveform",
]
