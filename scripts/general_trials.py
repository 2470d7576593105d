"""Trials on media that are no instruments: everyday sounds, photographs of all kinds, stamps of animals.

Every figure is an average over classes with the 95 % interval of a bootstrap over recordings or pictures.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from modag_search.encoders import fingerprint_of
from modag_search.errors import NothingFoundError, UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.index import Index
from modag_search.metrics.ranking import chance_of_ndcg_at, chance_of_recall_at, discounted_gains
from modag_search.settings import IndexSettings
from modag_search.space import Space, packaged_spaces

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modag_search.values import Float32Array, Modality

NEIGHBOURS = 5
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
MTEB_FOLDS = 5
MTEB_EXAMPLES = 8
MTEB_SEED = 42
FIRST = 10
DRAWS = 1000
EVERY_CLASS = "mean of classes"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A score beside chance.

    Attributes
    ----------
    estimate, chance : float
    low, high : float or None
        Ends of the 95 % interval; None where all that was asked is of one recording or picture.
    """

    estimate: float
    low: float | None
    high: float | None
    chance: float

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.estimate:.3f}{interval} (chance {self.chance:.3f})"


@dataclass(frozen=True, slots=True, eq=False)
class Clips:
    """Sounds of ESC-10.

    Attributes
    ----------
    features : np.ndarray [shape=(n, d), float32]
        Mean over the windows of each.
    classes, recordings : np.ndarray [shape=(n,), str]
    folds : np.ndarray [shape=(n,), int64]
        Those that the collection is published with.
    """

    features: Float32Array
    classes: np.ndarray
    recordings: np.ndarray
    folds: np.ndarray

    def only(self, chosen: np.ndarray) -> Clips:
        """Return some of the clips."""
        return Clips(self.features[chosen], self.classes[chosen], self.recordings[chosen], self.folds[chosen])


def space_of(name: str) -> Space:
    """Load a packaged space by its name, or a space file."""
    return Space.load(packaged_spaces().get(name) or Path(name))


def indexed(work: Path, paths: Sequence[str], *, space: str) -> Index:
    """Open an index of files, with the encoders that a space was trained on; a rerun encodes nothing again."""
    loaded = space_of(space)
    sound, image = (loaded.encoders[modality]["name"] for modality in ("sound", "image"))
    settings = IndexSettings(sound_encoder=sound, image_encoder=image, space=space)
    folder = work / f"general-{fingerprint_of({'paths': list(paths), 'space': loaded.fingerprint})}"
    index = Index.open(folder, create=True, settings=settings)
    click.echo(f"indexing {len(paths)} files", err=True)
    for failure in index.add(paths).failures:
        click.echo(f"left out: {failure.path}: {failure.reason}", err=True)
    return index


def clips_of(index: Index) -> Clips:
    """Read the features of all sounds of an index, in order of their paths."""
    path_of = {item.id: item.path for item in index.catalog.items.all(kind="sound")}
    segments = {segment.id: segment.item_id for segment in index.catalog.segments.of_items(path_of)}
    fingerprint = MediaEncoder(index.settings).fingerprints["sound"]
    windows: dict[str, list[Float32Array]] = {}
    for segment, feature in index.catalog.segments.features_of(segments, fingerprint=fingerprint).items():
        windows.setdefault(path_of[segments[segment]], []).append(feature)
    paths = sorted(windows)
    return Clips(
        np.stack([np.mean(windows[path], axis=0) for path in paths]),
        np.array([os.path.basename(os.path.dirname(path)) for path in paths]),
        np.array([recording(path) for path in paths]),
        np.array([int(os.path.basename(path)[0]) for path in paths]),
    )


def recording(path: str) -> str:
    """Name what a file is an excerpt of: ESC-10 calls its clips FOLD-RECORDING-TAKE.ogg."""
    return re.sub(r"-[A-Z]\.ogg$", "", os.path.basename(path))


def figure(values: np.ndarray, chances: np.ndarray, *, classes: np.ndarray, recordings: np.ndarray) -> Figure:
    """Average scores over classes.

    Parameters
    ----------
    values, chances : np.ndarray [shape=(n,)]
        What each query scored, and what chance would.
    classes, recordings : np.ndarray [shape=(n,), str]
        Within each class, recordings are drawn anew, each with all its queries.
    """
    random = np.random.default_rng(0)
    names = np.unique(classes)
    drawn = np.zeros(DRAWS)
    for name in names:
        _, member = np.unique(recordings[classes == name], return_inverse=True)
        sums, sizes = np.bincount(member, weights=values[classes == name]), np.bincount(member)
        chosen = random.integers(len(sums), size=(DRAWS, len(sums)))
        drawn += sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1) / len(names)
    estimate, chance = (
        float(np.mean([scores[classes == name].mean() for name in names])) for scores in (values, chances)
    )
    if len(np.unique(recordings)) == 1:
        return Figure(estimate, None, None, chance)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Figure(estimate, float(low), float(high), chance)


# Sounds named by sounds.


def by_linear(train: Clips, asked: Float32Array) -> np.ndarray:
    """Fit a logistic regression to standardised features; its C is what names left-out training folds best."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    search = GridSearchCV(head, {"logisticregression__C": list(STRENGTHS)}, cv=LeaveOneGroupOut())
    guessed: np.ndarray = search.fit(train.features, train.classes, groups=train.folds).predict(asked)
    return guessed


def by_neighbours(train: Clips, asked: Float32Array) -> np.ndarray:
    """Let the nearest by cosine vote; features are as the encoder gives them."""
    from sklearn.neighbors import KNeighborsClassifier

    head = KNeighborsClassifier(n_neighbors=NEIGHBOURS, metric="cosine").fit(train.features, train.classes)
    guessed: np.ndarray = head.predict(asked)
    return guessed


def official_folds(clips: Clips) -> list[Row]:
    """Name each official fold by the other four."""
    rows = []
    ways = {
        f"logistic regression, C of {', '.join(f'{c:g}' for c in STRENGTHS)}": by_linear,
        f"{NEIGHBOURS}-NN, cosine": by_neighbours,
    }
    for what, name_by in ways.items():
        guessed = np.empty_like(clips.classes)
        for fold in np.unique(clips.folds):
            asked = clips.folds == fold
            guessed[asked] = name_by(clips.only(~asked), clips.features[asked])
        rows.append({"what": f"ours: {what}", "accuracy": accuracy(clips, guessed)})
    return rows


def mteb_folds(clips: Clips) -> Row:
    """Name each of five random folds by eight examples a class of the other four, as mteb's `ESC50` does."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    random = np.random.default_rng(MTEB_SEED)
    guessed = np.empty_like(clips.classes)
    for others, asked in KFold(MTEB_FOLDS, shuffle=True, random_state=MTEB_SEED).split(clips.features):
        order = random.permutation(others)
        chosen = np.concatenate(
            [order[clips.classes[order] == name][:MTEB_EXAMPLES] for name in np.unique(clips.classes)]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # mteb stops after so many steps, too
            head = LogisticRegression(max_iter=100).fit(clips.features[chosen], clips.classes[chosen])
        guessed[asked] = head.predict(clips.features[asked])
    return {"what": "ours: ESC-10", "accuracy": accuracy(clips, guessed)}


def accuracy(clips: Clips, guessed: np.ndarray) -> Figure:
    """Share of clips that are named right; each was asked once."""
    right = (guessed == clips.classes).astype(float)
    chances = np.full(len(right), 1 / len(np.unique(clips.classes)))
    return figure(right, chances, classes=clips.classes, recordings=clips.recordings)


# Sounds found by pictures, and pictures by sounds.


def rankings(index: Index, queries: Sequence[str], *, modality: Modality) -> tuple[list[str], np.ndarray]:
    """Ask an index with files that it holds.

    Parameters
    ----------
    index : Index
    queries : sequence of str
    modality : {"image", "sound"}
        Of the answers: the one that the queries do not have.

    Returns
    -------
    queries : list of str
        Those that could be asked with.
    answers : np.ndarray [shape=(n_queries, n_items), str]
        Paths of all items of the modality, best first.
    """
    n_items = sum(1 for _ in index.catalog.items.all(kind=modality))
    answers = {}
    for query in queries:
        try:
            hits = index.search(f"id:{index.item(query).id}", modality=modality, n=n_items)
        except (NothingFoundError, UsageError) as error:
            click.echo(f"left out: {error}", err=True)
            continue
        answers[query] = [hit.path for hit in hits]
    return list(answers), np.array(list(answers.values()))


def across(
    index: Index, queries: Mapping[str, Sequence[str]], right: Mapping[str, Collection[str]], *, modality: Modality
) -> list[Row]:
    """Find what is of the query's class among all items of the other modality.

    Parameters
    ----------
    index : Index
    queries, right : Mapping of str to sequence of str
        Paths by class: what asks, and what is a right answer.
    modality : {"image", "sound"}
        Of the answers.

    Returns
    -------
    list of Row
        One a class, and one for all. Where fewer than ten answers are right, precision is of as many as there are.
    """
    class_of = {path: name for name, paths in queries.items() for path in paths}
    asked, answers = rankings(index, list(class_of), modality=modality)
    classes = np.array([class_of[path] for path in asked])
    relevant = np.stack([np.isin(row, list(right[name])) for row, name in zip(answers, classes, strict=True)])
    n_right, n_items = relevant.sum(axis=1), relevant.shape[1]
    precisions = np.array([row[: min(FIRST, n)].mean() for row, n in zip(relevant, n_right, strict=True)])
    scores = {
        f"precision at {FIRST}": (precisions, n_right / n_items),
        f"nDCG at {FIRST}": (discounted_gains(relevant, FIRST), _chances_of_ndcg(n_right, n_items)),
    }
    recordings = np.array([recording(path) for path in asked])
    rows = []
    for name in (*queries, EVERY_CLASS):
        own = np.full(len(classes), True) if name == EVERY_CLASS else classes == name
        counts = {
            "class": name,
            "queries": int(own.sum()),
            "right ones": None if name == EVERY_CLASS else int(n_right[own][0]),
            "among": n_items,
        }
        figures = {
            what: figure(values[own], chances[own], classes=classes[own], recordings=recordings[own])
            for what, (values, chances) in scores.items()
        }
        rows.append(counts | figures)
    return rows


def _chances_of_ndcg(n_right: np.ndarray, n_items: int) -> np.ndarray:
    candidates = np.array([n_items])
    return np.array([chance_of_ndcg_at(candidates, np.array([n]), FIRST) for n in n_right])


def animals_across(index: Index, animals: str, queries: Sequence[str], *, modality: Modality) -> list[Row]:
    """Ask with the sounds, or pictures, of animals: how many of the nearest are animals, and is the query's own there.

    Parameters
    ----------
    index : Index
    animals : str
        The folder that holds all of them.
    queries : sequence of str
        Of one modality, in that folder.
    modality : {"image", "sound"}
        Of the answers; a query's own has the same path but for its ending.
    """
    asked, answers = rankings(index, queries, modality=modality)
    n_items = answers.shape[1]
    is_animal = np.char.startswith(answers, animals + os.sep)
    stems = np.array([[os.path.splitext(path)[0] for path in row] for row in answers])
    is_own = stems == np.array([os.path.splitext(path)[0] for path in asked])[:, None]
    has_own = is_own.any(axis=1)
    what = "pictures" if modality == "image" else "sounds"
    rows = [_share(f"of the five nearest {what}, those of animals", is_animal[:, :5].mean(axis=1), is_animal.mean())]
    for k in (5, 10):
        chance = chance_of_recall_at(np.array([n_items]), np.array([1]), k)
        rows.append(_share(f"queries with their own among the {k} nearest", is_own[has_own, :k].any(axis=1), chance))
    return [row | {"among": n_items} for row in rows]


def _share(what: str, values: np.ndarray, chance: float) -> Row:
    queries = np.arange(len(values)).astype(str)
    share = figure(
        values.astype(float),
        np.full(len(values), chance),
        classes=np.full(len(values), what),
        recordings=queries,
    )
    return {"what": what, "share": share, "queries": len(values)}
