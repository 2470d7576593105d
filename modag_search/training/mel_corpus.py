"""A corpus of mel spectrograms on disk, from which training draws crops: each sound as it is, and spoilt."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from modag_search.encoders.log_mel import LEVEL_DBFS, MEL_BANDS, emphasised, mel_power
from modag_search.errors import ModelError
from modag_search.files import write_atomically, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modag_search.values import Float32Array

_TEACHER_LEVEL_DBFS = -20.0
_SMALLEST_POWER = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaughtSound:
    """A sound to learn from.

    Attributes
    ----------
    source : str
        The collection that it is from.
    label : str
        What plays, such as ``"philharmonia/oboe"``; empty where nobody said.
    samples, spoilt : np.ndarray [shape=(n,), float32]
        At 32 kHz; as it is, and what a codec, a converter or a telephone left of it.
    """

    source: str
    label: str
    samples: Float32Array
    spoilt: Float32Array


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound of the corpus.

    Attributes
    ----------
    start, frames : int
        Where it starts and how many frames it has; as many follow of its spoilt version.
    source, label : str
    teacher_gain : float
        Factor from its power, at the level of `encoders.log_mel`, to that of a sound of the level that the starting
        network knows.
    """

    start: int
    frames: int
    source: str
    label: str
    teacher_gain: float


class MelCorpus:
    """Logarithms of mel power of many sounds in one memory-mapped float16 file.

    Attributes
    ----------
    clips : list of Clip
    frames : np.ndarray [shape=(total_frames, 128), float16]
    """

    def __init__(self, folder: Path) -> None:
        rows = json.loads((folder / "clips.json").read_text())
        self.clips = [Clip(*row) for row in rows]
        self.frames: npt.NDArray[np.float16] = np.memmap(folder / "frames.f2", dtype="<f2", mode="r").reshape(
            -1, MEL_BANDS
        )

    @staticmethod
    def build(folder: Path, sounds: Iterable[TaughtSound]) -> MelCorpus:
        """Write a corpus; the list of clips is written last, so a killed build is no corpus."""
        with writing(folder / "frames.f2", error=ModelError) as file:
            clips = list(_written(file, sounds))
        listed = json.dumps([astuple(clip) for clip in clips])
        write_atomically(folder / "clips.json", [listed.encode()], error=ModelError)
        return MelCorpus(folder)

    @staticmethod
    def is_built(folder: Path) -> bool:
        """Tell whether `build` ran to its end in `folder`."""
        return (folder / "clips.json").is_file()

    def crop(
        self, clip: Clip, frames: int, random: np.random.Generator, *, spoilt: bool
    ) -> tuple[Float32Array, Float32Array]:
        """Draw a stretch of a clip.

        Returns
        -------
        clean : np.ndarray [shape=(128, frames), float32]
            Power of a random stretch. A shorter clip is repeated, as the encoder does with it.
        heard : np.ndarray [shape=(128, frames), float32]
            The same stretch, spoilt where that is wanted.
        """
        start = int(random.integers(max(clip.frames - frames, 0) + 1))
        places = (start + np.arange(frames)) % clip.frames + clip.start
        clean = self._power(places)
        return clean, self._power(places + clip.frames) if spoilt else clean

    def _power(self, places: npt.NDArray[np.int64]) -> Float32Array:
        power: Float32Array = np.exp(self.frames[places].T.astype(np.float32)) - np.float32(_SMALLEST_POWER)
        return np.maximum(power, 0)


def _written(file: IO[bytes], sounds: Iterable[TaughtSound]) -> Iterator[Clip]:
    start = 0
    for sound in sounds:
        clean, spoilt = _log_power(sound.samples), _log_power(sound.spoilt)
        frames = min(len(clean), len(spoilt))
        for rows in (clean, spoilt):
            file.write(rows[:frames].tobytes())
        yield Clip(start, frames, sound.source, sound.label, _teacher_gain(sound.samples))
        start += 2 * frames


def _log_power(samples: Float32Array) -> npt.NDArray[np.float16]:
    power = mel_power(emphasised(samples))
    rows: npt.NDArray[np.float16] = np.log(power + np.float32(_SMALLEST_POWER)).T.astype("<f2")
    return rows


def _teacher_gain(samples: Float32Array) -> float:
    centred = samples - samples.mean()
    differences = np.square(np.diff(centred) + 0.03 * centred[:-1]).mean()
    level = np.square(centred).mean()
    return float(10 ** ((_TEACHER_LEVEL_DBFS - LEVEL_DBFS) / 10) * differences / max(level, 1e-20))
