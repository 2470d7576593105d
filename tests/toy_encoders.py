"""Encoders without networks, and the space that joins them: red goes with low tones, green with middle, blue with high.

`install` makes plugins of them in the way that any package would.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from modag_search import Index, IndexSettings, Space
from modag_search.encoders import Encoder, EncoderCard
from modag_search.space import Branch
from tests.catalog_builders import empty_catalog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.values import Float32Array, Modality, Uint8Array

GATE = "MODAG_TOY_GATE"
"""Environment variable: a named pipe, told when a picture of the mean `GATE_COLOUR` is met; the encoder then waits for
ever."""

GATE_COLOUR = (1, 2, 230)
_BANDS_HZ = ((0, 500), (500, 2000), (2000, 8000))


class ToyImage(Encoder):
    """Mean red, green and blue."""

    name = "toy-image"
    modality = "image"
    dimension = 3
    card = EncoderCard(summary="mean colour", licence="none needed", source="the tests", size_bytes=0)

    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        return _rows([self._feature(np.asarray(pixels)) for pixels in batch])

    def _feature(self, pixels: np.ndarray) -> np.ndarray:
        if GATE in os.environ and (pixels.reshape(-1, 3).mean(axis=0) == GATE_COLOUR).all():
            _wait_at(os.environ[GATE])
        return np.asarray(pixels.reshape(-1, 3).mean(axis=0) / 255)


class ToySound(Encoder):
    """Shares of the energy in three bands."""

    name = "toy-sound"
    modality = "sound"
    dimension = 3
    sample_rate_hz = 16_000
    card = EncoderCard(summary="low, middle, high", licence="none needed", source="the tests", size_bytes=0)

    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        return _rows([self._feature(np.asarray(samples)) for samples in batch])

    def _feature(self, samples: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
        frequency_hz = np.fft.rfftfreq(len(samples), 1 / self.sample_rate_hz)
        energies = np.array([power[(low <= frequency_hz) & (frequency_hz < high)].sum() for low, high in _BANDS_HZ])
        return np.asarray(energies / max(energies.sum(), 1e-12))


def _rows(features: list[np.ndarray]) -> Float32Array:
    return np.array(features, dtype=np.float32).reshape(len(features), 3)


def _wait_at(gate: str) -> None:
    with open(gate, "wb") as pipe:
        pipe.write(b".")
        pipe.flush()
        threading.Event().wait()


def install(folder: Path) -> None:
    """Make a folder that, on the module search path, brings the toys as an installed package does."""
    package = folder / "modag_search_toys-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: modag-search-toys\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[modag_search.encoders]\ntoy-image = tests.toy_encoders:ToyImage\ntoy-sound = tests.toy_encoders:ToySound\n"
    )


def toy_space(*, turned: bool = False) -> Space:
    """Return the space of the toys; where `turned`, red goes with high tones and blue with low ones."""
    same = np.eye(3, dtype=np.float32)
    nothing = np.zeros(3, dtype=np.float32)
    encoders: dict[Modality, Encoder] = {"image": ToyImage(), "sound": ToySound()}
    return Space(
        branches={
            "image": Branch(same, nothing, same, nothing),
            "sound": Branch(same[::-1] if turned else same, nothing, same, nothing),
        },
        encoders={
            modality: {"name": encoder.name, "fingerprint": encoder.fingerprint}
            for modality, encoder in encoders.items()
        },
        unrelated=dict.fromkeys(("image-image", "image-sound", "sound-sound"), (0.0, 1.0)),
        card={"name": "turned" if turned else "toy"},
    )


def toy_settings(folder: Path) -> IndexSettings:
    """Name these encoders and their space, which is put into a folder."""
    space = folder / "toys.safetensors"
    space.write_bytes(toy_space().to_bytes())
    return IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image", space=str(space))


def toy_index(folder: Path, **settings: float) -> Index:
    """Make an index that uses the toys, or open it where it is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    space = folder / "space.safetensors"
    if not space.exists():
        space.write_bytes(toy_space().to_bytes())
        (folder / "catalog.sqlite").write_bytes(empty_catalog())
    chosen = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image", space="own", **settings)  # type: ignore[arg-type]
    return Index.open(folder, create=True, settings=chosen)
