"""Training a space: what it learns, that it is repeatable, and what it cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from modag_search.errors import UsageError
from modag_search.space import Branch
from modag_search.training.losses import LOSSES
from modag_search.training.space import (
    Examples,
    SpaceTrainingSettings,
    TrainedBranches,
    cross_modal_accuracy,
    cross_modal_recall,
    train_branches,
    unrelated_similarities,
)
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.values import Modality

CENTRES = {
    "image": np.random.default_rng(1).standard_normal((4, 24)),
    "sound": np.random.default_rng(2).standard_normal((4, 12)),
}
QUICK = SpaceTrainingSettings(steps=60, hidden=32, dimension=16, groups_a_batch=4, examples_a_group=3)


def examples(n_each: int, *, seed: int, groups: tuple[int, ...] = (0, 1, 2, 3)) -> dict[Modality, Examples]:
    """Features that scatter about a centre for each group and modality."""
    random = np.random.default_rng(seed)
    made: dict[Modality, Examples] = {}
    for modality in MODALITIES:
        numbers = np.repeat(np.array(groups, dtype=np.int64), n_each)
        centres = CENTRES[modality][numbers]
        features = centres + 0.3 * random.standard_normal(centres.shape)
        made[modality] = Examples(features.astype(np.float32), numbers)
    return made


def tensors(trained: TrainedBranches) -> bytes:
    return b"".join(
        array.tobytes() for modality in MODALITIES for array in trained.branches[modality].tensors(modality).values()
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_it_learns_which_sounds_go_with_which_pictures(loss: str) -> None:
    taught, asked = examples(8, seed=1), examples(5, seed=2)
    settings = replace(QUICK, loss=loss)
    trained = train_branches(taught, validation=None, settings=settings)
    assert cross_modal_accuracy(trained.branches, taught, asked) > 0.95
    losses = [entry["loss"] for entry in trained.history]
    assert len(losses) == trained.best_step == 60
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_groups_that_one_modality_lacks_are_told_apart() -> None:
    both, sounds_alone = examples(8, seed=1, groups=(0, 1)), examples(8, seed=1)
    taught: dict[Modality, Examples] = {"image": both["image"], "sound": sounds_alone["sound"]}
    asked = examples(6, seed=2, groups=(2, 3))["sound"]

    def margin(within: float) -> float:
        """How much more alike sounds of one of these groups are than sounds of both."""
        trained = train_branches(taught, validation=None, settings=replace(QUICK, within=within))
        vectors = trained.branches["sound"](asked.features)
        alike = vectors @ vectors.T
        same = asked.groups[:, None] == asked.groups
        return float(alike[same].mean() - alike[~same].mean())

    assert margin(0.5) > margin(0) + 0.3


def test_pairs_have_nothing_to_tell_apart_within_a_modality() -> None:
    features = examples(6, seed=1)
    taught = {m: Examples(part.features, np.arange(len(part.groups))) for m, part in features.items()}
    with_it, without = (train_branches(taught, validation=None, settings=replace(QUICK, within=w)) for w in (0.5, 0))
    assert tensors(with_it) == tensors(without)


def test_the_same_seed_gives_the_same_branches() -> None:
    taught = examples(6, seed=1)
    first, second = (train_branches(taught, validation=None, settings=QUICK) for _ in range(2))
    other = train_branches(taught, validation=None, settings=replace(QUICK, seed=1))
    assert tensors(first) == tensors(second)
    assert first.history == second.history
    assert first.unrelated == second.unrelated
    assert tensors(first) != tensors(other)


def test_a_training_that_ends_before_its_time_went_like_the_whole() -> None:
    taught = examples(6, seed=1)
    whole = train_branches(taught, validation=None, settings=QUICK)
    part = train_branches(taught, validation=None, settings=QUICK, stop_after=20)
    assert part.history == whole.history[:20]


def test_training_stops_when_nothing_gets_better_and_keeps_the_best() -> None:
    taught, held_out = examples(6, seed=1), examples(4, seed=2)
    settings = replace(QUICK, steps=500, patience=2)
    trained = train_branches(taught, validation=held_out, settings=settings)
    checks = {
        entry["step"]: entry["validation_accuracy"] for entry in trained.history if "validation_accuracy" in entry
    }
    assert len(trained.history) < 500
    assert list(checks) == list(range(25, len(trained.history) + 1, 25))
    assert checks[trained.best_step] == max(checks.values())
    assert cross_modal_accuracy(trained.branches, taught, held_out) == pytest.approx(max(checks.values()))


def test_two_groups_with_both_modalities_are_needed() -> None:
    taught = {
        "sound": examples(3, seed=1, groups=(0, 1))["sound"],
        "image": examples(3, seed=1, groups=(1, 2))["image"],
    }
    with pytest.raises(UsageError, match="two groups at least that have both sounds and images; there are 1"):
        train_branches(taught, validation=None, settings=QUICK)  # type: ignore[arg-type]


def test_progress_is_told_each_step() -> None:
    heard: list[int] = []
    settings = replace(QUICK, steps=4)
    train_branches(
        examples(3, seed=1), validation=None, settings=settings, progress=lambda step, _loss: heard.append(step)
    )
    assert heard == [1, 2, 3, 4]


def test_settings_that_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="loss must be one of hinge, infonce, supcon, not 'luck'"):
        SpaceTrainingSettings(loss="luck")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("steps", 0, "1 at least"),
        ("examples_a_group", 0, "1 at least"),
        ("groups_a_batch", 1, "2 at least"),
        ("hidden", 0, "1 at least"),
        ("dimension", -1, "1 at least"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("temperature", 0.0, "above 0"),
        ("margin", float("inf"), "above 0"),
        ("weight_decay", -0.1, "0 or above"),
        ("patience", -1, "0 or above"),
        ("seed", -1, "0 or above"),
        ("dropout", 1.0, "0 or above, and below 1"),
        ("mixing", 1.5, "between 0 and 1"),
    ],
)
def test_values_that_cannot_be_meant(name: str, value: float, words: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be {words}.*, not {value}"):
        SpaceTrainingSettings(**{name: value})  # type: ignore[arg-type]


def test_pairs_that_training_did_not_see_are_found() -> None:
    random = np.random.default_rng(0)
    hidden = random.standard_normal((300, 6)).astype(np.float32)
    made: dict[Modality, Examples] = {
        modality: Examples(hidden @ random.standard_normal((6, d)).astype(np.float32), np.arange(300, dtype=np.int64))
        for modality, d in zip(MODALITIES, (24, 12), strict=True)
    }
    seen = np.arange(300) < 260
    taught = {modality: made[modality].only(seen) for modality in MODALITIES}
    held_out = {modality: made[modality].only(~seen) for modality in MODALITIES}
    settings = replace(QUICK, steps=200, groups_a_batch=16, examples_a_group=12)
    trained = train_branches(taught, validation=held_out, settings=settings)
    check = trained.history[trained.best_step - 1]
    assert "validation_accuracy" not in check
    assert check["recall_at_5"] > 0.8
    recalls = cross_modal_recall(trained.branches, held_out)
    assert recalls["recall_at_1"]["recall"] == pytest.approx(check["recall_at_1"])
    assert recalls["recall_at_5"]["chance"] == pytest.approx(5 / 40)


def test_recall_counts_what_stands_before_the_first_right_answer() -> None:
    same = np.eye(3, dtype=np.float32)
    nothing = np.zeros(3, dtype=np.float32)
    branches: dict[Modality, Branch] = dict.fromkeys(MODALITIES, Branch(same, nothing, same, nothing))
    features = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0.1]], dtype=np.float32)
    asked: dict[Modality, Examples] = {
        "sound": Examples(features[:2], np.array([7, 8])),
        "image": Examples(features, np.array([7, 9, 9, 8])),  # nearer to the second sound than its own: one of 9
    }
    recalls = cross_modal_recall(branches, asked, at=(1, 2))
    assert recalls["recall_at_1"]["recall"] == pytest.approx((1 / 2 + 1) / 2)
    assert recalls["recall_at_1"]["chance"] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert recalls["recall_at_2"] == {"recall": 1.0, "chance": pytest.approx((1 / 2 + 1) / 2)}


def test_the_similarity_of_unlike_things_is_measured_on_unlike_things() -> None:
    taught = examples(6, seed=1)
    trained = train_branches(taught, validation=None, settings=QUICK)
    sounds = trained.branches["sound"](taught["sound"].features)
    images = trained.branches["image"](taught["image"].features)
    unlike = [
        float(image @ sound)
        for image, first in zip(images, taught["image"].groups, strict=True)
        for sound, second in zip(sounds, taught["sound"].groups, strict=True)
        if first != second
    ]
    unrelated = unrelated_similarities(trained.branches, taught)
    assert unrelated["image-sound"] == pytest.approx((np.mean(unlike), np.std(unlike)), abs=1e-4)
    assert unrelated == trained.unrelated


@pytest.mark.parametrize("chosen", ["", "3"])
def test_one_thread_trains_whatever_the_environment_says(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    heard = set()
    try:
        train_branches(
            examples(8, seed=1),
            validation=None,
            settings=replace(QUICK, steps=2),
            progress=lambda _step, _loss: heard.add(torch.get_num_threads()),
        )
        assert heard == {1}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
