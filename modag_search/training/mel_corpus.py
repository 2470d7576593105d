"""A corpus of log-mel spectrograms on disk, from which training draws crops."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from modag_search.encoders.networks.spectrogram import MEL_BANDS, log_mel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SILENCE = float(np.log(1e-5))


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of the corpus: where it starts, how many frames it has, and which source it is from."""

    start: int
    frames: int
    source: str


class MelCorpus:
    """Log-mel frames of many sounds in one memory-mapped float16 file.

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
    def build(folder: Path, sounds: Iterable[tuple[str, npt.NDArray[np.float32]]]) -> MelCorpus:
        """Write a corpus from (source, samples at 32 kHz) pairs.

        The list of clips is written last, so a killed build is no corpus.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "frames.f2").open("wb") as file:
            clips = list(_written(file, sounds))
        (folder / "clips.json").write_text(json.dumps([[clip.start, clip.frames, clip.source] for clip in clips]))
        return MelCorpus(folder)

    @staticmethod
    def is_built(folder: Path) -> bool:
        """Tell whether `build` ran to its end in `folder`."""
        return (folder / "clips.json").is_file()

    def crop(self, clip: Clip, frames: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
        """Draw a stretch of a clip.

        Returns
        -------
        np.ndarray [shape=(128, frames), float32]
            A random part of a longer clip; a shorter one is repeated, as the encoder does with it, or stands at a
            random place in silence.
        """
        spare = clip.frames - frames
        if spare >= 0:
            start = clip.start + int(random.integers(spare + 1))
            return self.frames[start : start + frames].T.astype(np.float32)
        whole = self.frames[clip.start : clip.start + clip.frames].T.astype(np.float32)
        if random.random() < 0.5:
            return np.tile(whole, -(-frames // clip.frames))[:, :frames]
        crop = np.full((MEL_BANDS, frames), SILENCE, dtype=np.float32)
        offset = int(random.integers(-spare + 1))
        crop[:, offset : offset + clip.frames] = whole
        return crop


def _written(file: IO[bytes], sounds: Iterable[tuple[str, npt.NDArray[np.float32]]]) -> Iterator[Clip]:
    start = 0
    for source, samples in sounds:
        frames = log_mel(torch.from_numpy(samples)).numpy().T.astype("<f2")
        file.write(frames.tobytes())
        yield Clip(start, len(frames), source)
        start += len(frames)
