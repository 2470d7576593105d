"""How spaces are scored on the test sources: what the scripts that print figures share."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from default_spaces import CLASS_HEAD, SETTINGS, Packaged, features, packaged, train_space
from naming import METHOD, METHODS, Decision, Media, Project, media, name_by, other, standardised, unseen_draws, without
from sources import TEST_PHOTOS, entries, test_sources, train_sources

from modag_search.metrics.accuracy import Interval, bootstrap_macro_accuracy
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


LEAST_RECORDINGS = 10
WHAT: dict[Modality, str] = {"image": "photographs", "sound": "sounds"}
Sources = dict[Modality, Media]


def classes_of(train: Sources, test: Sources, asked: Modality) -> list[str]:
    """List the classes that both train modalities have, and of which the test sources have enough."""
    both = {*train["sound"].names.tolist()} & {*train["image"].names.tolist()}
    queries = test[asked]
    least = LEAST_RECORDINGS if asked == "sound" else 1
    return sorted(name for name in both if len(np.unique(queries.recordings[queries.names == name])) >= least)


def answers(train: Sources, test: Sources, project: Project, asked: Modality, voting: Modality, **how: Any) -> Decision:
    """Name the test examples of one modality by train examples of either."""
    vectors = project(asked, test[asked].features), project(voting, train[voting].features)
    return name_by(test[asked], train[voting], projected=vectors, **how)


def together(of_seeds: Sequence[Decision]) -> Interval:
    """Average over seeds; a recording is drawn with its answers of all seeds."""
    return bootstrap_macro_accuracy(
        np.concatenate([a.expected for a in of_seeds]),
        np.concatenate([a.guessed for a in of_seeds]),
        groups=np.tile(np.arange(len(of_seeds[0].expected)), len(of_seeds)),
    )


def row(what: str, of_seeds: Sequence[Decision]) -> dict[str, Any]:
    """Sum up a trial."""
    interval = together(of_seeds)
    return {
        "what": what,
        "accuracy": round(interval.estimate, 3),
        "low": round(interval.low, 3),
        "high": round(interval.high, 3),
        "chance": round(of_seeds[0].chance, 3),
        "classes": len(np.unique(of_seeds[0].expected)),
        "n": len(of_seeds[0].expected),
    }


def seen_classes(train: Sources, test: Sources, spaces: Sequence[Project]) -> list[dict[str, Any]]:
    """Name the test sources by either modality, and compare."""
    rows = []
    raw = standardised(train)
    for asked in MODALITIES:
        voting, classes = other(asked), classes_of(train, test, asked)
        title = f"{WHAT[asked]} by labelled {WHAT[voting]}"
        for method in METHODS:
            scored = [answers(train, test, s, asked, voting, classes=classes, method=method) for s in spaces]
            rows.append(row(f"{title}, {method}", scored))
        same = {
            f"{where}, {method}": [answers(train, test, s, asked, asked, classes=classes, method=method) for s in among]
            for where, among in (("space", spaces), ("raw features", [raw]))
            for method in METHODS
        }
        best = max(same, key=lambda how: together(same[how]).estimate)
        rows.append(row(f"{WHAT[asked]} by labelled {WHAT[asked]}, best: {best}", same[best]))
        across = [answers(train, test, s, asked, voting, classes=classes) for s in spaces]
        ratio = together(across).estimate / together(same[best]).estimate
        rows.append({"what": f"{WHAT[asked]}: cross-modal ratio, {METHOD}", "ratio": round(ratio, 3)})
        every = sorted({*test[asked].names.tolist()} & {*train[voting].names.tolist()})
        scored = [answers(train, test, s, asked, voting, classes=every) for s in spaces]
        rows.append(row(f"{title}, all classes with labels, {METHOD}", scored))
    return rows


def unseen_classes(train: Sources, test: Sources, fit: Callable[[Sources, int], Project]) -> list[dict[str, Any]]:
    """Name classes that the space was not trained on, labelled after its training.

    `fit` trains a space on sources, with a seed.
    """
    from scipy.stats import t

    scores: dict[Modality, list[tuple[float, float]]] = {m: [] for m in MODALITIES}
    chances = []
    for number, drawn in enumerate(unseen_draws()):
        project = fit(without(train, drawn), number)
        for asked in MODALITIES:
            across, same = (
                answers(train, test, project, asked, voting, classes=drawn) for voting in (other(asked), asked)
            )
            scores[asked].append((across.accuracy, same.accuracy))
        chances.append(1 / len(drawn))
    rows = []
    for asked in MODALITIES:
        across, same = np.array(scores[asked]).T
        ratio = across.mean() / same.mean()
        # The ratio's spread by the residuals of its linearisation (Cochran, "Sampling techniques", 1977, section 6.4).
        error = (across - ratio * same).std(ddof=1) / same.mean() / np.sqrt(len(same))
        half = float(t.ppf(0.975, len(same) - 1)) * error
        rows.append(
            {
                "what": f"unseen classes: {WHAT[asked]} by {WHAT[other(asked)]}; by {WHAT[asked]}; ratio of means",
                "accuracy": round(float(across.mean()), 3),
                "same_modality": round(float(same.mean()), 3),
                "ratio": round(float(ratio), 3),
                "low": round(float(ratio - half), 3),
                "high": round(float(ratio + half), 3),
                "chance": round(float(np.mean(chances)), 3),
            }
        )
    return rows


def load_sources(*, data: Path, packages: Path, work: Path) -> tuple[Packaged, Sources, Sources]:
    """Return the packaged encoders, and the train and test sources as they encode them."""
    ours = packaged(packages=packages, work=work)
    train, test = (
        media(features(manifest, ours.encoder, work=work), manifest)
        for manifest in (entries(data, train_sources()), entries(data, test_sources()))
    )
    test["image"] = test["image"].only(np.isin(test["image"].sources, TEST_PHOTOS))
    return ours, train, test


def packaged_kind(train: Sources, ours: Packaged, *, seed: int) -> Project:
    """Train a space as the one that ships is; seed 0 gives that one."""
    settings = dataclasses.replace(SETTINGS, seed=seed)
    return train_space(train, ours, settings=settings, class_heads=CLASS_HEAD, card={}).project
