"""A space: from features to unit vectors, and the file that holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Space, tensor_files
from modag_search.errors import ModelError, SpaceMismatchError
from modag_search.registry import encoder_class
from modag_search.space import Branch, packaged_spaces
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.space.branches import Apart
    from modag_search.values import Float32Array, Modality

SIZES: dict[Modality, tuple[int, int, int]] = {"image": (7, 6, 5), "sound": (4, 6, 5)}


@pytest.fixture
def space() -> Space:
    random = np.random.default_rng(3)

    def drawn(*shape: int) -> Float32Array:
        return random.standard_normal(shape).astype(np.float32)

    return Space(
        branches={
            modality: Branch(drawn(hidden, d), drawn(hidden), drawn(out, hidden), drawn(out))
            for modality, (d, hidden, out) in SIZES.items()
        },
        encoders={modality: {"name": f"{modality}-net", "fingerprint": modality * 3} for modality in MODALITIES},
        unrelated={"image-image": (0.1, 0.2), "image-sound": (-0.3, 0.4), "sound-sound": (0.5, 0.6)},
        card={"name": "test", "data": ["ünïcode"]},
    )


def branch_of(space: Space, modality: Modality) -> Branch:
    branch = space.branches[modality]
    assert isinstance(branch, Branch)
    return branch


def slow_projection(branch: Branch, feature: Float32Array) -> list[float]:
    hidden = [sum(w * x for w, x in zip(row, feature, strict=True)) for row in branch.weight_in.tolist()]
    shifted = [value + bias for value, bias in zip(hidden, branch.bias_in.tolist(), strict=True)]
    activated = [value if value > 0 else np.expm1(value) for value in shifted]
    out = [
        sum(w * x for w, x in zip(row, activated, strict=True)) + bias
        for row, bias in zip(branch.weight_out.tolist(), branch.bias_out.tolist(), strict=True)
    ]
    length = sum(value * value for value in out) ** 0.5
    return [value / length for value in out]


@pytest.mark.parametrize("modality", MODALITIES)
def test_projection_is_linear_elu_linear_unit(space: Space, modality: Modality) -> None:
    features = np.random.default_rng(4).standard_normal((9, SIZES[modality][0])).astype(np.float32)
    vectors = space.project(modality, features)
    assert vectors.shape == (9, 5) == (9, space.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    branch = branch_of(space, modality)
    for feature, vector in zip(features, vectors, strict=True):
        np.testing.assert_allclose(vector, slow_projection(branch, feature), atol=1e-5)
    assert space.project(modality, features[:0]).shape == (0, 5)


def test_large_features_do_not_overflow(space: Space) -> None:
    vectors = space.project("sound", np.full((1, 4), 65504, dtype=np.float32))
    assert np.isfinite(vectors).all()


def test_features_of_another_length_are_refused(space: Space) -> None:
    with pytest.raises(
        SpaceMismatchError, match=r"'test' takes image features of length 7 \(image-net\), not .*\(2, 6\)"
    ):
        space.project("image", np.zeros((2, 6), dtype=np.float32))
    with pytest.raises(SpaceMismatchError):
        space.project("image", np.zeros(7, dtype=np.float32))


def test_a_space_comes_back_from_its_file(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(space.to_bytes())
    again = Space.load(path)
    assert (again.name, again.card, again.encoders) == (space.name, space.card, space.encoders)
    assert again.unrelated == space.unrelated
    assert again.fingerprint == space.fingerprint
    features = np.ones((2, 7), dtype=np.float32)
    assert (again.project("image", features) == space.project("image", features)).all()


def test_the_fingerprint_is_of_all_that_decides_a_vector(space: Space) -> None:
    others = [
        replace(space, encoders={**space.encoders, "image": {"name": "image-net", "fingerprint": "other"}}),
        *(
            replace(space, branches={**space.branches, "sound": replace(branch_of(space, "sound"), **{name: changed})})
            for name, changed in (
                ("weight_in", branch_of(space, "sound").weight_in + 1),
                ("bias_out", branch_of(space, "sound").bias_out * 2),
            )
        ),
    ]
    assert len({space.fingerprint, *(other.fingerprint for other in others)}) == 4
    assert replace(space, card={"name": "renamed"}).fingerprint == space.fingerprint


def test_the_similarity_of_unlike_things_is_that_of_a_pair_in_either_order(space: Space) -> None:
    assert space.unrelated_similarity("image", "sound") == space.unrelated_similarity("sound", "image") == (-0.3, 0.4)
    assert space.unrelated_similarity("sound", "sound") == (0.5, 0.6)


def test_files_that_hold_no_space(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(ModelError, match=r"a\.safetensors: no such space file"):
        Space.load(path)
    content = space.to_bytes()
    for damaged in (b"", b"hello", content[:-8], content[:20]):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"a\.safetensors: (not a space file|is not as it was written)"):
            Space.load(path)
    path.write_bytes(content)
    file = tensor_files.read(path, formats={"modag-space/5": True})
    path.write_bytes(tensor_files.as_bytes(file.tensors, written="modag-space/9", described=file.described))
    with pytest.raises(ModelError, match="not a space file: is of none of the formats modag-space/5"):
        Space.load(path)
    with pytest.raises(ModelError):
        Space.load(tmp_path)


@pytest.mark.parametrize(
    ("filled", "words"),
    [
        (dict.fromkeys(("weight_in", "bias_in", "weight_out", "bias_out"), 0.0), "no vectors of unit length"),
        (dict.fromkeys(("weight_in", "bias_in", "weight_out", "bias_out"), 3e38), "no vectors of unit length"),
        ({"weight_in": 0.0, "bias_in": 0.0, "bias_out": 1.0}, "the same vector of all sound features"),
        ({"bias_out": np.nan}, "not finite"),
    ],
)
def test_numbers_that_make_no_vectors_are_refused(
    space: Space, tmp_path: Path, filled: dict[str, float], words: str
) -> None:
    former = branch_of(space, "sound")
    branch = replace(former, **{name: np.full_like(getattr(former, name), value) for name, value in filled.items()})
    path = tmp_path / "a.safetensors"
    path.write_bytes(replace(space, branches={**space.branches, "sound": branch}).to_bytes())
    with pytest.raises(ModelError, match=rf"a\.safetensors: not a space file: .*{words}"):
        Space.load(path)


def test_on_a_line_there_are_two_vectors_and_features_may_share_one(space: Space, tmp_path: Path) -> None:
    branches: dict[Modality, Branch | Apart] = {}
    for modality in MODALITIES:
        branch = branch_of(space, modality)
        weight_out = np.zeros_like(branch.weight_out[:1])
        branches[modality] = replace(branch, weight_out=weight_out, bias_out=np.ones(1, dtype=np.float32))
    line = replace(space, branches=branches)
    for written in (line, line.padded_to(32)):
        path = tmp_path / "a.safetensors"
        path.write_bytes(written.to_bytes())
        assert Space.load(path).fingerprint == written.fingerprint


def test_layers_that_do_not_fit(space: Space, tmp_path: Path) -> None:
    branch = replace(branch_of(space, "sound"), bias_out=np.zeros(3, dtype=np.float32))
    path = tmp_path / "a.safetensors"
    path.write_bytes(replace(space, branches={**space.branches, "sound": branch}).to_bytes())
    with pytest.raises(ModelError, match="sound branch has layers that do not fit each other"):
        Space.load(path)


def changed(space: Space, **arrays: Float32Array) -> Space:
    """The space with other arrays in its sound branch."""
    return replace(space, branches={**space.branches, "sound": replace(branch_of(space, "sound"), **arrays)})


def test_spaces_that_cannot_be_used_name_their_file(space: Space, tmp_path: Path) -> None:
    sound = branch_of(space, "sound")
    nan = sound.bias_in.copy()
    nan[0] = np.nan
    unusable = {
        "finite 32-bit floats": [
            changed(space, bias_in=nan),
            changed(space, bias_out=sound.bias_out.astype(np.float64)),
        ],
        "do not fit each other": [changed(space, weight_in=sound.weight_in[0])],
        "different lengths": [changed(space, weight_out=sound.weight_out[:3], bias_out=sound.bias_out[:3])],
        "lacks 'sound-sound'": [replace(space, unrelated={"image-image": (0.0, 1.0), "image-sound": (0.0, 1.0)})],
        "not of finite numbers": [replace(space, unrelated={**space.unrelated, "image-image": (np.inf, 1.0)})],
        "lacks 'image'": [replace(space, encoders={"sound": space.encoders["sound"]})],
        "not a space file": [replace(space, unrelated=[1, 2]), replace(space, card=None)],  # type: ignore[arg-type]
    }
    path = tmp_path / "a.safetensors"
    for words, spaces in unusable.items():
        for other in spaces:
            path.write_bytes(other.to_bytes())
            with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
                Space.load(path)


def test_packaged_spaces_fit_the_encoders_that_they_name() -> None:
    assert next(iter(packaged_spaces())) == "default"
    for name, path in packaged_spaces().items():
        space = Space.load(path)
        assert space.name == name
        for modality in MODALITIES:
            encoder = encoder_class(space.encoders[modality]["name"])()
            assert encoder.modality == modality
            assert encoder.fingerprint == space.encoders[modality]["fingerprint"]
            assert space.branches[modality].takes == encoder.dimension
        assert all(deviation > 0 for _, deviation in space.unrelated.values())
        with_text = {"image-text", "sound-text"} if space.reads_words else set()
        assert set(space.unrelated) == {"image-image", "image-sound", "sound-sound"} | with_text
