"""Whether an encoder gives what it must: made sounds and pictures, and the answers that are known for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modag_search.encoders.base import Encoder
    from modag_search.values import Float32Array, Uint8Array

_FILE = "expected.json"
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What an encoder made of a sound, a picture or a text.

    Attributes
    ----------
    asked : str
        What it was given.
    expected, found : str
    right : bool
    """

    asked: str
    expected: str
    found: str
    right: bool


def expectations() -> dict[str, Any]:
    """Read the answers that are known, by encoder.

    ``features`` and ``texts`` give a few values of features, the places at which they stand (without these, the first
    ones), and how far they may be off; ``nearest`` which of some texts a sound must be nearest to.
    """
    known: dict[str, Any] = json.loads((resources.files(__package__) / _FILE).read_text(encoding="utf-8"))
    return known


def check(encoder: Encoder) -> list[Answer]:
    """Ask an encoder what is known of it.

    Raises
    ------
    UsageError
        If nothing is known.
    WeightsMissingError, WeightsDamagedError, MissingExtraError
        If it cannot be run.
    """
    known = expectations()
    if encoder.name not in known:
        raise UsageError(
            f"{encoder.name}: it is not known what it must answer; known are the answers of {', '.join(sorted(known))}"
        )
    return [*_answers(encoder, known[encoder.name])]


def _answers(encoder: Encoder, known: Mapping[str, Any]) -> Iterator[Answer]:
    for expected in known.get("features", ()):
        feature = encoder.encode([made(expected["of"], encoder)])[0]
        yield _compared(f"{encoder.modality} {expected['of']}", feature, expected)
    for expected in known.get("texts", ()):
        yield _compared(f"text {expected['of']!r}", encoder.encode_texts([expected["of"]])[0], expected)
    for expected in known.get("nearest", ()):
        texts = expected["among"]
        similarities = encoder.encode_texts(texts) @ encoder.encode([made(expected["of"], encoder)])[0]
        nearest = texts[int(similarities.argmax())]
        yield Answer(f"{encoder.modality} {expected['of']}", expected["text"], nearest, nearest == expected["text"])


def _compared(asked: str, feature: Float32Array, expected: Mapping[str, Any]) -> Answer:
    values, tolerance = np.array(expected["values"], dtype=np.float32), expected["tolerance"]
    off = float(np.abs(feature[expected.get("at", range(len(values)))] - values).max())
    # Not "off > tolerance": what is not a number is off.
    return Answer(asked, f"the known feature within {tolerance:g}", f"{off:.2g} off", off <= tolerance)


def made(name: str, encoder: Encoder) -> Float32Array | Uint8Array:
    """Make a sound or a picture of `SOUNDS` or `PICTURES`, the same everywhere."""
    if encoder.modality == "image":
        return _slopes(*PICTURES[name])
    time_s = np.arange(_SECONDS * encoder.sample_rate_hz) / encoder.sample_rate_hz
    return SOUNDS[name](time_s).astype(np.float32)


def _slopes(height: int, width: int, seed: int) -> Uint8Array:
    """Make a picture whose colours rise and begin anew: the formula of the measurements that clip is held to."""
    y, x = np.indices((height, width))
    channels = (x + 17 * seed, 3 * y + 29 * seed, x + 2 * y + 43 * seed)
    return (np.stack(channels, axis=-1) % 256).astype(np.uint8)


def _tone(time_s: np.ndarray) -> np.ndarray:
    return np.asarray(0.4 * np.sin(2 * np.pi * 1000 * time_s))


def _siren(time_s: np.ndarray) -> np.ndarray:
    """Make a tone that rises and falls between 500 and 1500 Hz every 4 s."""
    phase = 1000 * time_s - 500 * np.sin(2 * np.pi * time_s / 4) * 4 / (2 * np.pi)
    return np.asarray(0.4 * np.sin(2 * np.pi * phase))


def _noise(time_s: np.ndarray) -> np.ndarray:
    """Make white noise, of raw numbers, which are the same in every version of numpy."""
    return np.asarray(np.random.PCG64(0).random_raw(len(time_s)) / 2.0**64 - 0.5) * 0.4


PICTURES = {"landscape": (240, 320, 0), "portrait": (320, 240, 1), "square": (256, 256, 2)}
"""Height, width and seed of each made picture."""

SOUNDS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"tone": _tone, "siren": _siren, "noise": _noise}
"""What makes each sound, given the time of its samples in seconds; all last 10 s."""
