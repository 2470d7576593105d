"""One encoder for all threads and all runs of an index."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from modag_search.features.encoding import MediaEncoder, StageClock
from tests.made_media import HIGH_HZ, LOW_HZ, picture, sound
from tests.toy_encoders import ToySound

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from modag_search import Index


@pytest.fixture
def loadings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that the sound encoder was tried out, as it is when it is loaded."""
    tried = []
    real = ToySound._feature

    def counted(self: ToySound, samples: np.ndarray) -> np.ndarray:
        if len(samples) == 8000:
            tried.append("sound")
        return real(self, samples)

    monkeypatch.setattr(ToySound, "_feature", counted)
    return tried


def test_an_index_loads_its_networks_once(index: Index, media: Path, loadings: list[str]) -> None:
    for number in range(3):
        sound(media / f"{number}.wav", (LOW_HZ + number, 1))
        picture(media / f"{number}.png", (9, 9, 200 + number))
        index.add([media])
        index.search(sound(media.parent / "query.wav", (HIGH_HZ, 1)))

    assert loadings == ["sound"]


def test_of_threads_that_first_use_an_encoder_at_once_one_loads_it(
    index: Index, media: Path, loadings: list[str]
) -> None:
    files = [str(sound(media / f"{number}.wav", (HIGH_HZ, 1))) for number in range(8)]
    together = threading.Barrier(8, timeout=60)
    encoder = MediaEncoder(index.settings)

    def encode(path: str) -> object:
        together.wait()
        encoder.warm("sound")
        return encoder.encode_file(path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(encode, files))

    assert loadings == ["sound"]


def test_each_run_has_a_clock_of_its_own(index: Index, media: Path) -> None:
    path = str(sound(media / "a.wav", (HIGH_HZ, 1)))
    encoder = MediaEncoder(index.settings)
    clocks = StageClock(), StageClock()

    encoder.encode_file(path, clock=clocks[0])
    encoder.encode_file(path)

    assert set(clocks[0].seconds) == {"decode", "encode"}
    assert clocks[1].seconds == {}
