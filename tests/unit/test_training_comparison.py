"""Whether a space names better or worse than what was there before it, asked with what was left out of training."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.space import Branch
from modag_search.training.collecting import Collected
from modag_search.training.comparison import FOLDS, NamingComparison, compare_naming, deal, warn_of_losses
from modag_search.training.space import Examples, SpaceTrainingSettings, train_branches
from modag_search.values import MODALITIES
from tests.toy_encoders import toy_space

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.space import Space
    from modag_search.values import Modality

N_LABELS, N_EACH = 4, 6
SAME = toy_space()
ONES = np.ones((3, 3), dtype=np.float32)
TO_NOTHING = Branch(0 * ONES, ONES[0], ONES, ONES[0])
"""Carries whatever it is given to one point."""


def collected(
    features: np.ndarray, labels: np.ndarray, files: np.ndarray | None = None, *, pairs: tuple[int, ...] = ()
) -> Collected:
    """The same features for pictures and sounds, each of a file of its own unless told otherwise."""
    files = np.arange(len(labels)) if files is None else files
    examples = Examples(features.astype(np.float32), labels)
    return Collected(
        examples=dict.fromkeys(MODALITIES, examples),
        entries={"image": files, "sound": files + files.max() + 1},
        groups=[f"label {number}" for number in range(labels.max() + 1)],
        failures=[],
        pairs=frozenset(pairs),
    )


def clusters(*, noise: float = 0.2, dimension: int = 3) -> Collected:
    """A few files of each label, around a point for each."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(N_LABELS), N_EACH)
    points = np.concatenate([np.eye(3), -np.ones((1, 3))]) if dimension == 3 else np.zeros((N_LABELS, dimension))
    return collected(points[labels] + noise * random.normal(0, 1, (len(labels), dimension)), labels)


def losing(modality: Modality) -> Space:
    """The space of the toys, but one modality is carried to one point."""
    return replace(SAME, branches={**SAME.branches, modality: TO_NOTHING})


def test_a_space_that_keeps_what_features_tell_is_not_worse() -> None:
    found = compare_naming(clusters(), lambda _taught, _fold: SAME)
    assert set(found) == set(MODALITIES)
    for comparison in found.values():
        assert (comparison.files, comparison.labels) == (N_LABELS * N_EACH, N_LABELS)
        assert comparison.features == 1
        assert comparison.former is None
        assert comparison.worse_than == ()


def test_a_space_that_loses_one_modality_is_worse_for_that_alone() -> None:
    found = compare_naming(clusters(), lambda _taught, _fold: losing("image"), former=SAME)
    assert found["image"].worse_than == ("features", "former")
    assert found["image"].space == pytest.approx(1 / N_LABELS)
    assert found["sound"].worse_than == ()


def test_what_is_asked_was_left_out_of_the_training() -> None:
    some, taught_with = clusters(), []

    def fit(taught: Mapping[Modality, Examples], _fold: int) -> Space:
        taught_with.append({one.tobytes() for one in taught["image"].features})
        return SAME

    compare_naming(some, fit)
    everything = {one.tobytes() for one in some.examples["image"].features}
    left_out = [everything - taught for taught in taught_with]
    assert len(left_out) == FOLDS
    assert set().union(*left_out) == everything
    assert sum(map(len, left_out)) == len(everything)


def test_labels_by_lot_are_named_no_better_for_having_been_learnt_by_heart() -> None:
    """Among what it was trained on, such a space finds the label of each; that is what must not be asked."""
    some = clusters(noise=1.0, dimension=24)
    settings = SpaceTrainingSettings(steps=60, hidden=64, dimension=16, dropout=0, mixing=0, learning_rate=0.01)

    def fit(taught: Mapping[Modality, Examples], _fold: int) -> Space:
        return replace(SAME, branches=train_branches(taught, validation=None, settings=settings).branches)

    space, pictures = fit(some.examples, 0), some.examples["image"]
    vectors = space.project("image", pictures.features)
    similarities = vectors @ vectors.T - 2 * np.eye(len(vectors), dtype=np.float32)
    assert (pictures.groups[similarities.argmax(axis=1)] == pictures.groups).mean() > 0.9
    for comparison in compare_naming(some, fit).values():
        assert comparison.space < 0.5


def test_another_label_of_a_file_is_no_rival() -> None:
    some = clusters()
    twice = collected(
        np.concatenate([some.examples["image"].features] * 2),
        np.concatenate([some.examples["image"].groups, some.examples["image"].groups + N_LABELS]),
        np.tile(some.entries["image"], 2),
    )
    found = compare_naming(twice, lambda _taught, _fold: SAME)["image"]
    assert (found.files, found.labels, found.features) == (N_LABELS * N_EACH, 2 * N_LABELS, 1)


def test_copies_are_left_out_together() -> None:
    labels = np.repeat(np.arange(12), 2)
    by_lot = np.random.default_rng(1).normal(0, 1, (24, 3))
    copied = np.concatenate([by_lot, by_lot])
    found = compare_naming(collected(copied, np.tile(labels, 2)), lambda _taught, _fold: SAME)["image"]
    assert found.files == 48
    assert found.features < 0.5, "labels by lot cannot be told, unless one has seen the copy"


def test_pairs_and_lone_files_are_never_left_out() -> None:
    some = clusters()
    assert (deal(replace(some, pairs=frozenset({0})), seed=0)[:N_EACH] == -1).all()
    alone = collected(np.eye(3), np.arange(3))
    assert compare_naming(alone, lambda _taught, _fold: SAME) == {}


def test_pairs_have_no_vote() -> None:
    some = clusters()
    images = some.examples["image"]
    n = len(images.groups)
    paired = collected(
        np.concatenate([images.features] * 2),
        np.concatenate([images.groups, N_LABELS + np.arange(n)]),
        pairs=tuple(range(N_LABELS, N_LABELS + n)),
    )
    # Other files that look the same, so that these would be the nearest.
    paired.examples["image"].features[n:] += 1e-6
    found = compare_naming(paired, lambda _taught, _fold: SAME)["image"]
    assert (found.files, found.labels, found.features) == (n, N_LABELS, 1)


def compared(**values: object) -> NamingComparison:
    usual: dict[str, object] = {
        "files": 9,
        "labels": 3,
        "space": 0.49,
        "features": 0.5,
        "former": None,
        "loss_by_chance": {},
    }
    return NamingComparison(**(usual | values))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            compared(features=0.76, loss_by_chance={"features": 0.001}),
            "by their features alone (0.76): ",
        ),
        (
            compared(features=0.76, former=0.4, loss_by_chance={"features": 0.001, "former": 1.0}),
            "by their features alone (0.76): ",
        ),
        (
            compared(features=0.76, former=0.71, loss_by_chance={"features": 0.001, "former": 0.002}),
            "by their features alone (0.76) and in toy, the space in use (0.71): keep toy, or ",
        ),
        (compared(former=0.6, loss_by_chance={"features": 0.3, "former": 0.03}), None),
    ],
)
def test_a_loss_is_told_with_the_way_out(
    found: NamingComparison, words: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_losses({"image": found}, former=None if found.former is None else SAME)
    told = [(record.levelno, record.getMessage()) for record in caplog.records]
    start = "pictures are named worse in this space (0.49 right) than "
    way_out = "label more pictures and train again"
    assert told == ([] if words is None else [(logging.WARNING, start + words + way_out)])
