"""Joining two encoders by names: what is the same thing to both text towers is near, and nothing else need be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Encoder, EncoderCard, Space, UsageError
from modag_search.space import Branch
from modag_search.training.joining import (
    PACKAGED_NAMES,
    JoiningSettings,
    join_by_names,
    joined,
    read_name_list,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.values import Float32Array, Modality, Uint8Array

NAMES = [f"thing {number}" for number in range(400)]
N_TRAITS = 12
GAP = 0.5


def unit(vectors: np.ndarray) -> Float32Array:
    units: Float32Array = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return units


def traits(name: str) -> np.ndarray:
    """What a thing is like, which both towers see, each in its own way."""
    return np.random.default_rng([*name.encode()]).standard_normal(N_TRAITS)


class Seeing(Encoder):
    """Sees traits of things by a random map, and much else; media lie apart from texts, as they do in such networks."""

    seed = 0
    card = EncoderCard(summary="sees traits", licence="none needed", source="the tests", size_bytes=0)

    def encode(self, batch: Sequence[Float32Array | Uint8Array]) -> Float32Array:
        raise NotImplementedError

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        return self.seen([text.removeprefix(self.caption.format("a ")) for text in texts], apart=0.0)

    def seen(self, names: Sequence[str], *, apart: float) -> Float32Array:
        if not names:
            return np.empty((0, self.dimension), dtype=np.float32)
        random = np.random.default_rng(self.seed)
        mixing = random.standard_normal((N_TRAITS, self.dimension))
        common, gap = random.standard_normal((2, self.dimension))
        own = np.stack([np.random.default_rng([self.seed, *name.encode()]).standard_normal(8) for name in names])
        rows = np.stack([traits(name) for name in names]) @ mixing
        return unit(rows + 10 * common + apart * gap + 0.3 * own @ random.standard_normal((8, self.dimension)))


class SeeingSound(Seeing):
    name = "seeing-sound"
    modality = "sound"
    dimension = 40
    seed = 1


class SeeingImage(Seeing):
    name = "seeing-image"
    modality = "image"
    dimension = 60
    seed = 2


ENCODERS: dict[Modality, Encoder] = {"sound": SeeingSound(), "image": SeeingImage()}


@pytest.fixture(scope="module")
def space() -> Space:
    return join_by_names(ENCODERS, NAMES, name="by names", settings=JoiningSettings(dimension=10))


def test_things_that_no_name_was_of_find_each_other(space: Space) -> None:
    new = [f"news {number}" for number in range(100)]
    sounds = space.project("sound", SeeingSound().seen(new, apart=GAP))
    pictures = space.project("image", SeeingImage().seen(new, apart=GAP))
    similarities = sounds @ pictures.T
    assert (similarities.argmax(axis=1) == np.arange(100)).mean() > 0.8
    assert (similarities.argmax(axis=0) == np.arange(100)).mean() > 0.8


def test_words_find_sounds_and_pictures(space: Space) -> None:
    new = [f"news {number}" for number in range(100)]
    asked = space.tower_vectors(
        {m: encoder.encode_texts([f"a {name}" for name in new]) for m, encoder in ENCODERS.items()}
    )
    np.testing.assert_allclose(np.linalg.norm(asked, axis=1), 1, atol=1e-5)
    for modality, encoder in ENCODERS.items():
        assert isinstance(encoder, Seeing)
        found = (asked @ space.project(modality, encoder.seen(new, apart=GAP)).T).argmax(axis=1)
        assert (found == np.arange(100)).mean() > 0.8


def test_the_card_says_how_well_names_left_out_find_themselves(space: Space) -> None:
    recalls = space.card["metrics"]["names_held_out"]
    assert recalls["recall_at_1"]["recall"] > 0.8
    assert recalls["recall_at_1"]["chance"] == 1 / 40
    assert space.card["names"] == 400
    strangers = {m: unit(np.random.default_rng(len(m)).standard_normal((400, 30))) for m in ENCODERS}
    branches = joined(strangers, settings=JoiningSettings(dimension=10))
    assert set(branches) == set(ENCODERS)


def test_unlike_names_are_the_background(space: Space) -> None:
    assert set(space.unrelated) == {"image-image", "image-sound", "sound-sound", "image-text", "sound-text"}
    for mean, spread in space.unrelated.values():
        assert abs(mean) < 0.1
        assert 0.1 < spread < 0.6


def test_the_file_keeps_all_of_it(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "names.safetensors"
    path.write_bytes(space.to_bytes())
    loaded = Space.load(path)
    assert loaded.text_towers
    assert loaded.reads_words
    assert loaded.joins
    assert (loaded.fingerprint, loaded.unrelated, loaded.card) == (space.fingerprint, space.unrelated, space.card)
    assert loaded.to_bytes() == space.to_bytes()
    again = join_by_names(ENCODERS, NAMES, name="by names", settings=JoiningSettings(dimension=10))
    assert again.to_bytes() == space.to_bytes()


def test_a_space_by_names_says_who_understands_words(space: Space) -> None:
    with pytest.raises(UsageError, match="its encoders' text towers do"):
        space.text_vectors(["a dog"])
    with pytest.raises(UsageError, match="'none' was not made of what text towers see"):
        Space.apart({}, {"image": 1, "sound": 1}).tower_vectors({})


def test_a_linear_branch_is_the_linear_map() -> None:
    random = np.random.default_rng(0)
    weight, bias = random.standard_normal((5, 30)), random.standard_normal(5)
    features = unit(random.standard_normal((200, 30))) * np.float32(1.004)  # as half precision may leave them
    found = Branch.linear(weight, bias=bias)(features)
    np.testing.assert_allclose(found, unit(features @ weight.T + bias), atol=2e-5)


def test_an_encoder_without_a_text_tower_is_refused_before_anything_is_read() -> None:
    class Mute(SeeingImage):
        name = "mute"

        def encode_texts(self, texts: Sequence[str]) -> Float32Array:
            return Encoder.encode_texts(self, texts)

    read: list[int] = []
    with pytest.raises(UsageError, match="'mute' has no text tower"):
        join_by_names({"sound": SeeingSound(), "image": Mute()}, NAMES, name="x", progress=read.append)
    assert read == []


def test_names_come_one_a_line(tmp_path: Path) -> None:
    packaged = read_name_list()
    assert len(packaged) == len(set(packaged)) > 3000
    assert {"dog", "trumpet", "white noise"} <= {name.split(",")[0] for name in packaged} | {"trumpet"}
    path = tmp_path / "few.txt"
    path.write_text("dog\n\n  cat \ndog\n")
    with pytest.raises(UsageError, match=r"few\.txt: 2 names, one a line; 50 are needed"):
        read_name_list(path)
    path.write_text("\n".join(NAMES[:60]))
    assert read_name_list(path) == NAMES[:60]
    with pytest.raises(UsageError, match="nowhere: cannot be read"):
        read_name_list(tmp_path / "nowhere")
    assert PACKAGED_NAMES.stat().st_size < 100_000
