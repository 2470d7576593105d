"""Small media whose meaning to the toy encoders is plain: colours and tones."""

from __future__ import annotations

import functools
import io
import os
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from PIL import Image

from tests.unit.broken_media import video_bytes

if TYPE_CHECKING:
    from pathlib import Path

RED, GREEN, BLUE, BLACK = (230, 20, 20), (20, 230, 20), (20, 20, 230), (0, 0, 0)
LOW_HZ, MIDDLE_HZ, HIGH_HZ = 200, 1000, 4000
RATE_HZ = 16_000


def picture(path: Path, colour: tuple[int, int, int], *, size: tuple[int, int] = (8, 6)) -> Path:
    """Write a PNG of a colour, as `shaded` makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shaded(colour, size)).save(path, format="PNG")
    return path


def shaded(colour: tuple[int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Return pixels with a colour for their mean, in lighter and darker stripes that stand otherwise for other colours.

    What is of one colour throughout is flat.
    """
    mean = np.array(colour)
    room = np.minimum(mean, 255 - mean)
    n_lighter, down = (4, 1) if room.max() >= 20 else (7, 7)  # of eight; what is nearly full has little room
    step = np.minimum(np.minimum(mean // down, 255 - mean), 20)
    are_lighter = np.random.default_rng(mean // 16).permutation(8) < n_lighter
    stripes = np.where(are_lighter[:, None], mean + step, mean - step * down).astype(np.uint8)
    row = stripes[np.arange(size[0]) * 8 // size[0]]
    return np.repeat(row[None], size[1], axis=0)


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def sound(path: Path, *parts: tuple[float, float]) -> Path:
    """Write a WAV of tones, each a frequency in Hz (0: silence) and a length in seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_wave_bytes(parts))
    return path


@functools.cache
def _wave_bytes(parts: tuple[tuple[float, float], ...]) -> bytes:
    made = io.BytesIO()  # to a file, soundfile would wait for the disk
    soundfile.write(made, np.concatenate([tone(hz, seconds) for hz, seconds in parts]), RATE_HZ, format="WAV")
    return made.getvalue()


def video(path: Path) -> Path:
    """Write a video of grey frames with a low tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video_bytes())
    return path


def set_mtime(path: Path, mtime_ns: int) -> None:
    os.utime(path, ns=(mtime_ns, mtime_ns))


def written(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    """Write samples as the name says."""
    soundfile.write(path, samples, rate_hz)
    return path


def melody(seed: int, seconds: float) -> np.ndarray:
    """Play a note every fifth of a second, at random, over a little noise."""
    random = np.random.default_rng(seed)
    note_s = 0.2
    time_s = np.arange(round(note_s * RATE_HZ)) / RATE_HZ
    notes = [
        random.uniform(0.2, 1) * np.exp(-6 * time_s) * np.sin(2 * np.pi * random.uniform(200, 2000) * time_s)
        for _ in range(round(seconds / note_s))
    ]
    samples = np.concatenate(notes)
    return np.asarray(0.5 * samples + 0.01 * random.standard_normal(len(samples)), np.float32)


def behind_silence(samples: np.ndarray, seconds: float = 1.0) -> np.ndarray:
    """Put silence before samples."""
    return np.concatenate([np.zeros(round(seconds * RATE_HZ), np.float32), samples])


def cut(samples: np.ndarray, start_s: float, end_s: float | None = None) -> np.ndarray:
    """Return a part of samples."""
    return samples[round(start_s * RATE_HZ) : None if end_s is None else round(end_s * RATE_HZ)]
