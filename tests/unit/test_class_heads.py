"""What the encoders know already, as part of a space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modag_search import Space
from modag_search.encoders.base import ClassHead
from modag_search.errors import ModelError, UsageError
from modag_search.space import Branch, NameTree, SharedClassHead, packaged_spaces
from modag_search.space.class_head import REST, named_vectors
from modag_search.training.class_head import SharedClassHeadSettings, fit_shared_class_head
from modag_search.training.space import Examples
from modag_search.values import MODALITIES
from tests.earlier_files import without_checksum

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Float32Array, Modality

D = 24
NAMES = NameTree(("bell", "dog", "harp"))


def drawn(seed: int, *shape: int) -> Float32Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture
def class_heads() -> SharedClassHead:
    weight = drawn(0, 5, D).astype(np.float16).astype(np.float32)
    return SharedClassHead(weight, drawn(1, 5), np.array([0, 1, 1, 2, 0]))


@pytest.fixture
def space(class_heads: SharedClassHead) -> Space:
    return Space(
        branches={m: Branch(drawn(2, 6, D), drawn(3, 6), drawn(4, 4, 6), drawn(5, 4)) for m in MODALITIES},
        encoders={m: {"name": f"{m}-net", "fingerprint": m} for m in MODALITIES},
        unrelated={"image-image": (0.1, 0.2), "image-sound": (0.0, 0.4), "sound-sound": (0.5, 0.6)},
        card={"name": "knowing"},
        class_heads=dict.fromkeys(MODALITIES, class_heads),
        tree=NAMES,
        class_head_share=0.8,
    )


def test_shares_are_those_of_a_softmax_summed_by_name(class_heads: SharedClassHead) -> None:
    feature = drawn(6, 1, D)
    logits = class_heads.weight.astype(np.float64) @ feature[0] + class_heads.bias
    likelihoods = np.exp(logits) / np.exp(logits).sum()
    expected = [likelihoods[[0, 4]].sum(), likelihoods[[1, 2]].sum(), likelihoods[3]]
    np.testing.assert_allclose(class_heads.shares(class_heads.logits(feature), n_names=3)[0], [*expected, 0], rtol=1e-4)


def test_what_has_no_name_has_a_dimension_of_its_own(class_heads: SharedClassHead) -> None:
    tree = NameTree(("bell", "dog", "harp"), (("thing", "animal", "thing"),), (0.6, 0.4))
    unnamed = replace(class_heads, name_of=np.array([0, 1, REST, 2, REST]))
    known: dict[Modality, SharedClassHead] = {"image": unnamed, "sound": class_heads}
    features = drawn(7, 9, D)
    pictures, sounds = (named_vectors(tree, known, modality, features) for modality in MODALITIES)
    for vectors in (pictures, sounds):
        assert vectors.shape == (9, 3 + 2 + 1)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    shares = unnamed.shares(unnamed.logits(features), n_names=3)
    np.testing.assert_allclose(pictures[:, -1] ** 2, shares[:, -1], rtol=1e-4)
    assert (sounds[:, -1] == 0).all()


def test_kin_are_nearer_than_strangers() -> None:
    names, kinds = ("dog", "wolf", "cat", "car"), ("canine", "canine", "feline", "car")
    groups = ("animal", "animal", "animal", "vehicle")
    tree = NameTree(names, (kinds, groups), (0.5, 0.3, 0.2))
    dog, wolf, cat, car = tree.roots(np.eye(4, dtype=np.float32))
    np.testing.assert_allclose([dog @ dog, dog @ wolf, dog @ cat, dog @ car], [1, 0.5, 0.2, 0], atol=1e-6)


def test_what_one_modality_knows_is_lent_to_its_kin_that_both_know() -> None:
    names, kinds = ("clarinet", "flute", "oboe", "elephant"), ("woodwind", "woodwind", "woodwind", "wild")
    tree = NameTree(names, (kinds,), (0.6, 0.4))
    shares = np.array([[0.6, 0.3, 0.1, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]], dtype=np.float32)
    lent = tree.lent(shares, shared=np.array([False, True, True, False]))
    np.testing.assert_allclose(lent[0], [0, 0.75, 0.25, 0], atol=1e-6)
    np.testing.assert_array_equal(lent[1], shares[1])
    np.testing.assert_allclose(lent[2], [0, 0.5, 0.5, 0], atol=1e-6)
    np.testing.assert_array_equal(NameTree(names).lent(shares, shared=np.array([False, True, True, False])), shares)


@given(st.integers(0, 2**32 - 1))
def test_lending_keeps_what_each_kind_has(seed: int) -> None:
    random = np.random.default_rng(seed)
    kinds = tuple(f"kind {number}" for number in random.integers(4, size=9))
    tree = NameTree(tuple(f"name {number}" for number in range(9)), (kinds,), (0.5, 0.5))
    shares = (random.random((6, 9)) ** 8 + 1e-30).astype(np.float32)
    lent = tree.lent(shares, shared=random.random(9) < 0.5)
    for kind in set(kinds):
        of_kind = [one == kind for one in kinds]
        np.testing.assert_allclose(lent[:, of_kind].sum(axis=1), shares[:, of_kind].sum(axis=1), rtol=1e-4)
    assert (lent >= 0).all()


@pytest.mark.parametrize(
    ("levels", "weights", "words"),
    [
        ((("canine",),), (0.5, 0.5), "of every name"),
        ((("canine", "feline"),), (1.0,), "add up to 1"),
        ((("canine", "feline"),), (1.5, -0.5), "add up to 1"),
        ((), (0.9,), "add up to 1"),
    ],
)
def test_trees_that_cannot_be_meant(
    levels: tuple[tuple[str, ...], ...], weights: tuple[float, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        NameTree(("dog", "cat"), levels, weights)


def test_similarities_are_the_weighted_mean_of_both_parts(space: Space, class_heads: SharedClassHead) -> None:
    first, second = drawn(8, 3, D), drawn(9, 3, D)
    vectors = space.project("sound", first), space.project("image", second)
    assert vectors[0].shape == (3, 7) == (3, space.dimension)
    learned = (space.branches["sound"](first) * space.branches["image"](second)).sum(axis=1)
    shares = [class_heads.shares(class_heads.logits(features), n_names=3) for features in (first, second)]
    named = np.sqrt(shares[0] * shares[1]).sum(axis=1)
    np.testing.assert_allclose((vectors[0] * vectors[1]).sum(axis=1), 0.2 * learned + 0.8 * named, atol=1e-5)


def test_a_saved_space_knows_the_same(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(space.to_bytes())
    loaded = Space.load(path)
    assert (loaded.tree, loaded.class_head_share, loaded.fingerprint) == (space.tree, 0.8, space.fingerprint)
    features = drawn(10, 5, D)
    for modality in MODALITIES:
        np.testing.assert_array_equal(loaded.project(modality, features), space.project(modality, features))


def test_zeros_bring_vectors_to_a_length_and_change_no_similarity(space: Space, tmp_path: Path) -> None:
    padded = space.padded_to(32)
    path = tmp_path / "a.safetensors"
    path.write_bytes(padded.to_bytes())
    loaded = Space.load(path)
    assert (loaded.dimension, padded.dimension) == (32, 32)
    features = drawn(10, 5, D)
    np.testing.assert_array_equal(loaded.project("sound", features)[:, :7], space.project("sound", features))
    assert not loaded.project("sound", features)[:, 7:].any()
    assert loaded.fingerprint == padded.fingerprint != space.fingerprint


def test_a_file_of_the_format_before_is_read(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(space.to_bytes())
    without_checksum(path, "modag-space/2")
    loaded = Space.load(path)
    assert not loaded.is_checked
    assert loaded.fingerprint == space.fingerprint
    np.testing.assert_array_equal(loaded.project("image", drawn(10, 5, D)), space.project("image", drawn(10, 5, D)))


def test_what_it_knows_and_its_share_are_in_the_fingerprint(space: Space, class_heads: SharedClassHead) -> None:
    other = replace(class_heads, bias=class_heads.bias + 1)
    levels = replace(NAMES, levels=(("thing", "animal", "thing"),), weights=(0.6, 0.4))
    spaces = [
        space,
        replace(space, class_head_share=0.5),
        replace(space, class_heads=dict.fromkeys(MODALITIES, other)),
        replace(space, tree=levels),
        replace(space, tree=replace(levels, weights=(0.5, 0.5))),
    ]
    assert len({made.fingerprint for made in spaces}) == 5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tree": NameTree(("bell", "dog"))}, "mean names which are not there"),
        ({"class_head_share": 1.5}, "a share from 0 to 1"),
        ({"padding": -5}, "padding must be from 0 to 1024, not -5"),
    ],
)
def test_class_heads_that_cannot_be_used_name_their_file(
    space: Space, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(replace(space, **changes).to_bytes())  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
        Space.load(path)


def heads() -> dict[Modality, ClassHead]:
    return {
        "sound": ClassHead(taxonomy="audioset", weight=0.1 * drawn(11, 527, D), bias=np.zeros(527, np.float32)),
        "image": ClassHead(taxonomy="imagenet", weight=0.1 * drawn(12, 1000, D), bias=np.zeros(1000, np.float32)),
    }


def examples_of(groups: list[int], seed: int) -> Examples:
    """Examples that stand apart, but not where the encoder's own classes would have them."""
    centres = 4 * drawn(seed, 3, D)
    noise = np.random.default_rng(seed + 1).standard_normal((len(groups), D))
    return Examples((centres[groups] + noise).astype(np.float32), np.array(groups, dtype=np.int64))


def test_examples_teach_the_sounds_and_leave_the_pictures_as_they_are() -> None:
    groups = ["oboe", "dog", "something else"]
    examples = {"sound": examples_of([0, 1, 2] * 8, 13), "image": examples_of([0, 1, 2] * 8, 14)}
    fitted = fit_shared_class_head(examples, groups, heads(), settings=SharedClassHeadSettings(rehearsals=0))  # type: ignore[arg-type]
    assert fitted is not None
    names, class_heads = fitted[0].names, fitted[1]
    known = {names[number] for number in class_heads["sound"].name_of}
    assert "oboe" in known  # AudioSet has none
    assert "ocarina" not in known  # nor of this, and nobody taught it
    logits = class_heads["sound"].logits(examples["sound"].features)
    taught = class_heads["sound"].shares(logits, n_names=len(names))
    told = [names[i] for i in taught.argmax(axis=1)]
    assert [name for name, g in zip(told, examples["sound"].groups, strict=True) if g < 2] == ["oboe", "dog"] * 8
    own = heads()["image"].weight
    assert all((np.abs(own - row).max(axis=1) < 0.01).any() for row in class_heads["image"].weight)


def test_without_a_classifier_there_is_no_knowledge() -> None:
    examples = {"sound": examples_of([0, 1], 13), "image": examples_of([0, 1], 14)}
    lacking = {**heads(), "image": None}
    assert fit_shared_class_head(examples, ["a", "b"], lacking, settings=SharedClassHeadSettings()) is None  # type: ignore[arg-type]
    none = SharedClassHeadSettings(share=0)
    assert fit_shared_class_head(examples, ["a", "b"], heads(), settings=none) is None  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="share of knowledge"):
        SharedClassHeadSettings(share=2)


def test_the_packaged_spaces_know_names() -> None:
    spaces = packaged_spaces()
    assert spaces
    for path in spaces.values():
        space = Space.load(path)
        assert {"violin", "dog", "oboe"} <= set(space.names)
        assert space.dimension % 32 == 0
        assert path.stat().st_size < 10_500_000
