"""The head that learns from sums, on made classes of vectors whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modag_search.classify.arithmetic.lda import (
    Examples,
    LdaSettings,
    SufficientStatistics,
    choose_settings,
    discriminant,
)
from modag_search.values import MODALITIES

LABELS, DIMENSION = 4, 8
IMAGE, SOUND = range(2)
GAP = 3.0
"""How far apart pictures and sounds of one thing are, in each dimension."""


def made(n: int, *, seed: int = 0, noise: float = 0.3, gap: float = GAP) -> Examples:
    """Examples of classes that lie around the same points in both modalities, but for a constant offset."""
    points = np.random.default_rng(99).normal(0, 1, (LABELS, DIMENSION))
    random = np.random.default_rng(seed)
    labels, sources = random.integers(LABELS, size=n), random.integers(2, size=n)
    vectors = points[labels] + random.normal(0, noise, (n, DIMENSION)) + gap * sources[:, None]
    return Examples(vectors.astype(np.float32), labels, sources, np.arange(n), np.arange(n))


def share_right(taught: Examples, asked: Examples, settings: LdaSettings | None = None) -> list[float]:
    """Share of what is named right, of the pictures and of the sounds."""
    sums = SufficientStatistics.of(taught, n_labels=LABELS)
    shares = []
    for source, modality in enumerate(MODALITIES):
        own = asked.only(asked.sources == source)
        best = discriminant(sums, modality, settings or LdaSettings()).scores(own.vectors).argmax(axis=1)
        shares.append(float((best == own.labels).mean()))
    return shares


def test_classes_are_told_apart_in_both_modalities() -> None:
    assert min(share_right(made(100), made(300, seed=1))) > 0.97


def test_a_few_sounds_bridge_the_gap_for_labels_that_only_pictures_have() -> None:
    some = made(200)
    taught = some.only((some.sources == IMAGE) | (some.labels < 2))
    assert not np.isin([2, 3], taught.labels[taught.sources == SOUND]).any()
    assert min(share_right(taught, made(300, seed=1))) > 0.95


def test_each_modality_can_have_labels_that_the_other_lacks() -> None:
    some = made(300)
    lacks = ((some.sources == IMAGE) & (some.labels == 0)) | ((some.sources == SOUND) & (some.labels == 1))
    assert min(share_right(some.only(~lacks), made(300, seed=1))) > 0.95


def test_without_a_gap_pictures_alone_name_sounds() -> None:
    some = made(100, gap=0)
    assert min(share_right(some.only(some.sources == IMAGE), made(300, seed=1, gap=0))) > 0.97


def test_one_example_a_label_is_enough_where_classes_are_tight() -> None:
    some = made(200, noise=0.1)
    _, first = np.unique(some.labels + LABELS * some.sources, return_index=True)
    assert min(share_right(some.only(first), made(300, seed=1, noise=0.1))) > 0.97


def test_probabilities_of_labels_that_exclude_each_other_add_up_to_one() -> None:
    head = discriminant(SufficientStatistics.of(made(50), n_labels=LABELS), "image", LdaSettings())
    likely = head.probabilities(made(40, seed=1).vectors, exclusive=True)
    np.testing.assert_allclose(likely.sum(axis=1), 1)
    each = head.probabilities(made(40, seed=1).vectors, exclusive=False)
    assert ((each >= 0) & (each <= 1)).all()
    np.testing.assert_array_equal(each.argmax(axis=1), likely.argmax(axis=1))


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("slope", [1.0, 0.0])
def test_a_label_without_examples_cannot_be(exclusive: bool, slope: float) -> None:
    some = made(50)
    sums = SufficientStatistics.of(some.only(some.labels != 2), n_labels=LABELS)
    head = discriminant(sums, "sound", LdaSettings(multilabel=(slope, -1.0)))
    likely = head.probabilities(some.vectors, exclusive=exclusive)
    assert (likely[:, 2] == 0).all()
    assert (likely[:, [0, 1, 3]].max(axis=1) > 0.2).all()


def test_a_label_whose_examples_are_all_taken_off_cannot_be() -> None:
    some = made(60)
    gone = some.labels == 1
    sums = SufficientStatistics.of(some, n_labels=LABELS) - SufficientStatistics.of(some.only(gone), n_labels=LABELS)
    head = discriminant(sums, "image", LdaSettings())
    fresh = discriminant(SufficientStatistics.of(some.only(~gone), n_labels=LABELS), "image", LdaSettings())
    likely = [one.probabilities(some.vectors, exclusive=True) for one in (head, fresh)]
    np.testing.assert_allclose(likely[0], likely[1], atol=1e-6)
    assert (likely[0][:, 1] == 0).all()


def test_settings_are_the_same_for_the_same_seed() -> None:
    some = made(120, noise=1.0)
    chosen = choose_settings(some, n_labels=LABELS, seed=3)
    assert choose_settings(some, n_labels=LABELS, seed=3) == chosen
    assert list(chosen) == list(MODALITIES)


def test_chosen_settings_say_how_sure_to_be() -> None:
    asked = made(2000, seed=1, noise=1.2)
    for source, modality in enumerate(MODALITIES):
        taught = made(600, noise=1.2)
        settings = choose_settings(taught, n_labels=LABELS)[modality]
        own = asked.only(asked.sources == source)
        head = discriminant(SufficientStatistics.of(taught, n_labels=LABELS), modality, settings)
        likely = head.probabilities(own.vectors, exclusive=True)
        right = likely.argmax(axis=1) == own.labels
        assert 0.5 < right.mean() < 0.95
        assert likely.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.04)
        each = head.probabilities(own.vectors, exclusive=False)
        assert each.mean() == pytest.approx(1 / LABELS, abs=0.04)
        assert settings.confidence == pytest.approx(right.mean(), abs=0.04)
        assert settings.log_loss == pytest.approx(-np.log(likely[np.arange(len(own)), own.labels]).mean(), abs=0.1)


def test_an_example_that_all_others_contradict_makes_answers_hardly_less_sure() -> None:
    taught, asked = made(40), made(200, seed=1)
    mistaken = replace(taught, labels=np.where(np.arange(40) == 7, (taught.labels + 1) % LABELS, taught.labels))

    def sureness(given: Examples) -> float:
        sums, settings = SufficientStatistics.of(given, n_labels=LABELS), choose_settings(given, n_labels=LABELS)
        said = [
            discriminant(sums, modality, settings[modality])
            .probabilities(asked.vectors[asked.sources == source], exclusive=True)
            .max(axis=1)
            for source, modality in enumerate(MODALITIES)
        ]
        return float(np.concatenate(said).mean())

    assert sureness(mistaken) > sureness(taught) - 0.04


def test_what_one_modality_says_of_the_other_counts_as_far_as_they_agree() -> None:
    some = made(300, noise=1.0)
    crossed = np.where(some.sources == SOUND, (some.labels + 1) % LABELS, some.labels)
    agreeing = choose_settings(some, n_labels=LABELS)
    contradicting = choose_settings(
        Examples(some.vectors, crossed, some.sources, some.groups, some.queries), n_labels=LABELS
    )
    for modality in MODALITIES:
        assert agreeing[modality].own_share < 1
        assert contradicting[modality].own_share == 1


def test_copies_are_held_out_together() -> None:
    random = np.random.default_rng(0)
    n = 30
    vectors = np.repeat(random.normal(0, 1, (n, 20)).astype(np.float32), 2, axis=0)
    labels, sources = np.repeat(random.integers(2, size=n), 2), np.zeros(2 * n, dtype=np.int64)

    def loss(groups: np.ndarray) -> float:
        found = choose_settings(Examples(vectors, labels, sources, groups, np.arange(2 * n)), n_labels=2)[
            "image"
        ].log_loss
        assert found is not None
        return found

    assert loss(np.repeat(np.arange(n), 2)) > 0.6, "labels by lot cannot be told"
    assert loss(np.arange(2 * n)) < 0.5, "unless one has seen the copy"


def directions(random: np.random.Generator, n: int) -> np.ndarray:
    """Unit vectors in so many dimensions that none is like another."""
    drawn: np.ndarray = random.normal(0, 1, (n, 128))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn


def narrow(n_labels: int, *, sources: list[int]) -> Examples:
    """Twenty examples of each label and modality, close to each other."""
    random = np.random.default_rng(0)
    labels = np.tile(np.repeat(np.arange(n_labels), 20), len(sources))
    vectors = directions(random, n_labels)[labels] + 0.1 * directions(random, len(labels))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    one_each = np.arange(len(labels))
    return Examples(vectors.astype(np.float32), labels, np.repeat(sources, 20 * n_labels), one_each, one_each)


@pytest.mark.parametrize("taught", [IMAGE, SOUND])
@pytest.mark.parametrize("n_labels", [2, 5])
def test_what_is_unlike_all_examples_of_the_other_modality_is_named_unsurely(taught: int, n_labels: int) -> None:
    """However narrowly these scatter, and however surely they tell each other's labels."""
    examples = narrow(n_labels, sources=[taught])
    settings = choose_settings(examples, n_labels=n_labels)
    sums = SufficientStatistics.of(examples, n_labels=n_labels)
    heads = [discriminant(sums, modality, settings[modality]) for modality in MODALITIES]
    strangers = directions(np.random.default_rng(1), 500).astype(np.float32)
    assert heads[taught].probabilities(strangers, exclusive=True).max(axis=1).mean() > 0.95
    for exclusive in (True, False):
        assert heads[1 - taught].probabilities(strangers, exclusive=exclusive).max(axis=1).mean() < 0.8
    likely = heads[1 - taught].probabilities(examples.vectors, exclusive=True)
    assert (likely.argmax(axis=1) == examples.labels).all()
    assert likely.max(axis=1).min() > 0.9, "what is like examples is as sure as likeness may be"
    assert settings[MODALITIES[1 - taught]].log_loss is None


def test_one_label_alone_tells_nothing_of_how_sure_to_be() -> None:
    both = narrow(4, sources=[IMAGE, SOUND])
    sounds_of_one = both.only((both.sources == IMAGE) | (both.labels == 0))
    settings = choose_settings(sounds_of_one, n_labels=4)["sound"]
    assert settings.log_loss is None
    head = discriminant(SufficientStatistics.of(sounds_of_one, n_labels=4), "sound", settings)
    strangers = directions(np.random.default_rng(1), 500).astype(np.float32)
    assert head.probabilities(strangers, exclusive=True).max(axis=1).mean() < 0.7


def test_where_nothing_can_be_held_out_there_are_settings_all_the_same() -> None:
    some = made(60)
    _, first = np.unique(some.labels, return_index=True)
    for few in (some.only(first), some.only(first[:1])):
        chosen = choose_settings(few, n_labels=LABELS)
        assert [settings.log_loss for settings in chosen.values()] == [None, None]
        head = discriminant(SufficientStatistics.of(few, n_labels=LABELS), "image", chosen["image"])
        assert head.probabilities(few.vectors, exclusive=True).sum(axis=1) == pytest.approx(1)


def test_a_lower_temperature_is_less_sure_of_the_same_answer() -> None:
    head = discriminant(SufficientStatistics.of(made(60), n_labels=LABELS), "image", LdaSettings(temperature=0.1))
    cooler = replace(head, settings=replace(head.settings, temperature=0.02))
    asked = made(40, seed=1).vectors
    sure, less_sure = (one.probabilities(asked, exclusive=True) for one in (head, cooler))
    np.testing.assert_array_equal(sure.argmax(axis=1), less_sure.argmax(axis=1))
    assert (sure.max(axis=1) > less_sure.max(axis=1)).all()


def test_a_label_is_no_rival_of_another_of_the_same_item() -> None:
    some = made(300, noise=0.1)
    twice = Examples(
        np.concatenate([some.vectors, some.vectors]),
        np.concatenate([some.labels, some.labels + LABELS]),
        *(np.concatenate([field, field]) for field in (some.sources, some.groups, some.queries)),
    )
    once, settings = choose_settings(some, n_labels=LABELS), choose_settings(twice, n_labels=2 * LABELS)
    for source, modality in enumerate(MODALITIES):
        head = discriminant(SufficientStatistics.of(twice, n_labels=2 * LABELS), modality, settings[modality])
        assert settings[modality].log_loss == pytest.approx(once[modality].log_loss, abs=0.01), "no doubt comes of it"
        own = some.only(some.sources == source)
        likely = head.probabilities(own.vectors, exclusive=False)
        rows = np.arange(len(own))
        assert likely[rows, own.labels].mean() > 0.9
        assert likely[rows, own.labels + LABELS].mean() > 0.9
        assert likely[rows, (own.labels + 1) % LABELS].mean() < 0.1


def test_a_rare_modality_is_asked_too() -> None:
    some = made(600)
    rare = some.only(
        np.concatenate([np.flatnonzero(some.sources != SOUND), np.flatnonzero(some.sources == SOUND)[:20]])
    )
    assert choose_settings(rare, n_labels=LABELS, most=40)["sound"].log_loss is not None
