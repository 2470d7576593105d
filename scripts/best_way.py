"""Collections of all sorts, named by what a few labels teach in several ways."""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from collections_of import Named, Part, first_of_each, give, indexed, named, parts_of, split, take_all
from first_labels import FirstLabels, first_labels, summaries
from sources import TEST_PAIRS, TEST_PHOTOS, TEST_SOUNDS, TRAIN_PHOTOS, TRAIN_SOUNDS, test_sources, train_sources

from modag_search.classify.arithmetic.knn import vote_all
from modag_search.classify.arithmetic.logistic import softmax
from modag_search.classify.queries import mean_of_queries, stored_batches
from modag_search.features.encoding import MediaEncoder
from modag_search.features.vectors import SegmentVectors
from modag_search.metrics.accuracy import expected_calibration_error
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import modag_search as modag

Row = dict[str, Any]

COUNTS = (1, 2, 4, 5, 8, 10, 16, 20)
LEAST = 12
"""Recordings or photographs of a class, that it takes part: half of them may be labelled."""
SURE = 0.9
FIRST_CLASSES = (1, 3, 10)
REGRESSION_C = 30.0

GROUPS: dict[str, Sequence[int]] = {
    "fish": (*range(7), *range(389, 398)),
    "bird": (*range(7, 25), *range(80, 101), *range(127, 147)),
    "reptile or amphibian": range(25, 69),
    "insect or spider": (*range(70, 80), *range(300, 327)),
    "dog": range(151, 269),
    "cat": range(281, 294),
    "hoofed animal": range(339, 356),
    "monkey": range(365, 385),
    "food": range(923, 970),
    "landscape": range(970, 981),
    "road vehicle": (
        *(407, 408, 436, 468, 511, 555, 569, 573, 575, 581, 586, 609, 612, 627, 654, 656, 661),
        *(675, 705, 717, 734, 751, 757, 779, 802, 803, 817, 829, 847, 864, 866, 867, 870, 874),
    ),
    "vessel": (403, 472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 833, 871, 913, 914),
    "musical instrument": (
        *(401, 402, 420, 432, 486, 494, 513, 541, 546, 558, 566, 577, 579, 593, 594, 641, 642, 683, 684, 687, 699),
        *(776, 822, 875, 881, 889),
    ),
}
"""Of the photographs of `imagenet_sample`, one a class of ImageNet, those whose numbers are of one kind."""


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """What is labelled in part and named, in an index.

    Attributes
    ----------
    name : str
    index : Index
    modality : {"image", "sound"}
    part : Part
    vectors, features : np.ndarray [shape=(n, d), float32]
        Of each recording or photograph, means of its segments, of unit length.
    tail : bool
        Whether classes have fewer and fewer labels, from twice as many as others to one.
    """

    name: str
    index: modag.Index
    modality: Modality
    part: Part
    vectors: Float32Array
    features: Float32Array
    tail: bool = False

    def labelled(self, pool: Sequence[int], n: int) -> list[int]:
        """Return the places that are labelled with `n` labels a class, of those that may be, in order of classes."""
        counts: dict[str, int] = defaultdict(int)
        classes = self.part.classes[list(pool)]
        most = dict.fromkeys(np.unique(classes).tolist(), n)
        if self.tail:
            most = {name: max(1, round(2 * n * 0.8**place)) for place, name in enumerate(most)}
        chosen = []
        for place, name in zip(pool, classes.tolist(), strict=True):
            counts[name] += 1
            if counts[name] <= most[name]:
                chosen.append(place)
        return chosen


def collections(data: Path, work: Path, *, known: bool = True) -> Iterator[Collection]:
    """Open one collection after the other, without any labels; `known` ones too, which the space learnt from."""
    test = {"image": TEST_PHOTOS, "sound": (*TEST_SOUNDS, *TEST_PAIRS)}
    train = {"image": tuple(TRAIN_PHOTOS), "sound": tuple(TRAIN_SOUNDS)}
    for name, folder, sources, of in (
        ("test", "test", [data / source for source in test_sources()], test),
        ("everyday", "everyday", [data / "sound" / "esc10"], {"sound": ("esc10",), "image": ()}),
        ("train", "train", [data / source for source in train_sources()], train),
    ):
        if name == "train" and not known:
            continue
        with indexed(work / folder, sources) as index:
            take_all(index)
            parts = parts_of(index, of)  # type: ignore[arg-type]
            for modality in MODALITIES:
                part = parts[modality].of(parts[modality].counted(least=LEAST))
                if len(part):
                    yield _collection(f"{name} {WHAT[modality]}", index, modality, part)
                    if (name, modality) == ("test", "image"):
                        yield _collection("test photographs, a long tail", index, modality, part, tail=True)
            take_all(index)
    with indexed(work / "imagenet", [data / "photo" / "imagenet_sample"]) as index:
        take_all(index)
        yield _collection("groups of ImageNet", index, "image", _grouped(index))


WHAT: dict[Modality, str] = {"image": "photographs", "sound": "sounds"}


def _grouped(index: modag.Index) -> Part:
    group_of = {number: name for name, numbers in GROUPS.items() for number in numbers}
    numbered = [(item.id, int(item.path.rsplit("/", 1)[1][:4])) for item in index.catalog.items.all()]
    found = [(item, group_of[number]) for item, number in numbered if number in group_of]
    part = Part([[item] for item, _ in found], np.array([name for _, name in found]))
    return part.of(part.counted(least=LEAST))


def _collection(name: str, index: modag.Index, modality: Modality, part: Part, *, tail: bool = False) -> Collection:
    owner = {item: place for place, own in enumerate(part.items) for item in own}
    paths = {item.id: item.path for item in index.catalog.items.get_many(owner).values()}
    sums: list[Any] = [None, None]
    vectors = SegmentVectors(index.catalog, index.space, MediaEncoder(index.settings))
    for batch in stored_batches(index.catalog, vectors, [(item, paths[item]) for item in owner]):
        segments = batch.segments[modality]
        places = [owner[item] for item in batch.items[np.unique(segments.queries)].tolist()]
        for which, rows in enumerate((segments.vectors, segments.features)):
            if sums[which] is None:
                sums[which] = np.zeros((len(part), rows.shape[1]), dtype=np.float32)
            np.add.at(sums[which], places, mean_of_queries(rows, segments.queries))
    of_space, features = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in sums)
    return Collection(name, index, modality, part, of_space, features, tail)


# Ways of naming, given vectors, classes of what is labelled, vectors of what is asked, and the number of classes.


def nearest(labelled: Float32Array, classes: np.ndarray, asked: Float32Array, n: int) -> np.ndarray:
    """Let the 20 nearest vote."""
    return vote_all(asked @ labelled.T, classes, n_classes=n, k=20)


def prototypes(labelled: Float32Array, classes: np.ndarray, asked: Float32Array, n: int) -> np.ndarray:
    """Compare with the mean of each class (Snell, Swersky, Zemel 2017)."""
    means = np.stack([labelled[classes == number].mean(axis=0) for number in range(n)])
    return softmax((asked @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).astype(np.float64) / 0.07)


def regression(labelled: Float32Array, classes: np.ndarray, asked: Float32Array, n: int) -> np.ndarray:
    """Fit a logistic regression; all dimensions are brought to one size together."""
    from sklearn.linear_model import LogisticRegression

    centre = labelled.mean(axis=0)
    size = float(np.linalg.norm(labelled - centre, axis=1).mean()) or 1.0
    model = LogisticRegression(C=REGRESSION_C, max_iter=300)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")  # there are few examples of each
        model.fit((labelled - centre) / size, classes)
    shares = np.zeros((len(asked), n))
    shares[:, model.classes_] = model.predict_proba((asked - centre) / size)
    return shares


Way = "Callable[[Float32Array, np.ndarray, Float32Array, int], np.ndarray]"
OF_VECTORS: dict[str, Any] = {"nearest_20": nearest, "prototypes": prototypes}
OF_FEATURES: dict[str, Any] = {"features_regression": regression}


def by_arrays(collection: Collection, labelled: list[int], asked: list[int]) -> dict[str, Named]:
    """Name in the ways that need no index."""
    names, classes = np.unique(collection.part.classes[labelled], return_inverse=True)
    truth = collection.part.classes[asked]
    found = {}
    for ways, rows in ((OF_VECTORS, collection.vectors), (OF_FEATURES, collection.features)):
        for way, function in ways.items():
            shares = function(rows[labelled], classes, rows[asked], len(names))
            found[way] = Named(names[shares.argmax(axis=1)] == truth, shares.max(axis=1), truth)
    return found


def by_index(collection: Collection, labelled: list[int], asked: list[int]) -> dict[str, Named]:
    """Name by the program, as it does by default and by its head."""
    take_all(collection.index)
    give(collection.index, collection.part.only(labelled))
    part = collection.part.only(asked)
    return {"head": named(collection.index, part, by="head"), "ours": named(collection.index, part)}


def _dealt(collection: Collection, seed: int) -> tuple[list[int], list[int]]:
    """Deal places to what may be labelled and what is asked."""
    numbered = Part([[place] for place in range(len(collection.part))], collection.part.classes)
    pool, asked = split(numbered, labelled=2 * max(COUNTS) if collection.tail else max(COUNTS), seed=seed)
    return [own[0] for own in pool.items], [own[0] for own in asked.items]


def compared(collection: Collection, *, draws: int) -> list[Row]:
    """Name one collection in all ways, by a growing number of labels a class."""
    rows = []
    for n in COUNTS:
        found: dict[str, list[Named]] = defaultdict(list)
        for draw in range(draws):
            pool, asked = _dealt(collection, draw)
            labelled = collection.labelled(pool, n)
            for way, answers in (
                by_arrays(collection, labelled, asked) | by_index(collection, labelled, asked)
            ).items():
                found[way].append(answers)
        accuracy = {way: float(np.mean([one.accuracy for one in answers])) for way, answers in found.items()}
        others = max(value for way, value in accuracy.items() if way != "ours")
        rows.append(
            {
                "collection": collection.name,
                "labels_a_class": n,
                **accuracy,
                "less_best_other": accuracy["ours"] - others,
                "calibration_error": error_of(found["ours"]),
                "of_head": error_of(found["head"]),
                "chance": 1 / len(np.unique(collection.part.classes)),
            }
        )
    return rows


def error_of(found: Sequence[Named]) -> float:
    """Return the expected calibration error over all draws: of few answers it would be high by chance."""
    confidences, right = (np.concatenate([getattr(one, name) for one in found]) for name in ("confidences", "right"))
    return expected_calibration_error(confidences, right)


def strangers(collection: Collection, *, draws: int) -> list[Row]:
    """Label two thirds of the classes; tell how sure answers are to what is of the others."""
    rows = []
    for n in (2, 5, 10, 20):
        inside: dict[str, list[Named]] = defaultdict(list)
        outside: dict[str, list[np.ndarray]] = defaultdict(list)
        for draw in range(draws):
            classes = np.unique(collection.part.classes)
            known = np.random.default_rng(draw).permutation(classes)[: max(2, 2 * len(classes) // 3)]
            pool, asked = _dealt(collection, draw)
            labelled = [p for p in collection.labelled(pool, n) if collection.part.classes[p] in known]
            of_known = np.isin(collection.part.classes[asked], known)
            for way, answers in (
                by_arrays(collection, labelled, asked) | by_index(collection, labelled, asked)
            ).items():
                inside[way].append(
                    Named(answers.right[of_known], answers.confidences[of_known], answers.classes[of_known])
                )
                outside[way].append(answers.confidences[~of_known])
        for way in ("ours", "head", "features_regression", "nearest_20"):
            inside_sure = float((np.concatenate([one.confidences for one in inside[way]]) >= SURE).mean())
            outside_sure = float((np.concatenate(outside[way]) >= SURE).mean())
            rows.append(
                {
                    "collection": collection.name,
                    "labels_a_class": n,
                    "way": way,
                    "calibration_error_of_known": error_of(inside[way]),
                    "known_above_0.9": inside_sure,
                    "unknown_above_0.9": outside_sure,
                }
            )
    return rows


def first_named(collection: Collection, *, draws: int) -> list[Row]:
    """Label a few of a few classes, as one begins; tell what the rest, most of it strangers, is called."""
    part = collection.part

    def name(labelled: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        take_all(collection.index)
        give(collection.index, part.only(labelled.tolist()))
        found = named(collection.index, part.only(asked.tolist()))
        return found.right, found.confidences

    found: list[FirstLabels] = list(first_labels(part.classes, name, draws=draws, numbers=FIRST_CLASSES))
    return [{"collection": collection.name, **row} for row in summaries(found)]


def by_the_other_alone(data: Path, work: Path, *, draws: int) -> list[Row]:
    """Name the classes of both modalities by labels of the other modality alone."""
    of = {"image": TEST_PHOTOS, "sound": (*TEST_SOUNDS, *TEST_PAIRS)}
    rows = []
    with indexed(work / "test", [data / source for source in test_sources()]) as index:
        parts = parts_of(index, of)  # type: ignore[arg-type]
        common = sorted(set(parts["sound"].counted(least=25)) & set(parts["image"].counted(least=25)))
        for asking, voting in (("image", "sound"), ("sound", "image")):
            for n in (1, 2, 5, 10, 20):
                found = []
                for draw in range(draws):
                    pool, _ = split(parts[voting].of(common), labelled=20, seed=draw)  # type: ignore[index]
                    _, asked = split(parts[asking].of(common), labelled=20, seed=draw)  # type: ignore[index]
                    take_all(index)
                    give(index, first_of_each(pool, n))
                    found.append(named(index, asked))
                rows.append(
                    {
                        "named": WHAT[asking],  # type: ignore[index]
                        "by": WHAT[voting],  # type: ignore[index]
                        "labels_a_class": n,
                        "accuracy": float(np.mean([one.accuracy for one in found])),
                        "mean_confidence": float(np.mean([one.confidences.mean() for one in found])),
                        "calibration_error": error_of(found),
                        "chance": 1 / len(common),
                    }
                )
        take_all(index)
    return rows


def means_of_collections(rows: list[Row]) -> list[Row]:
    """Average what `compared` found over the numbers of labels."""
    figures = [key for key in rows[0] if key not in {"collection", "labels_a_class", "less_best_other"}]
    means = []
    for name in dict.fromkeys(row["collection"] for row in rows):
        own = [row for row in rows if row["collection"] == name]
        mean = {key: float(np.mean([row[key] for row in own])) for key in figures}
        ways = [key for key in figures if key not in {"calibration_error", "of_head", "chance", "ours"}]
        five_or_more = [row for row in own if row["labels_a_class"] >= 5]
        means.append(
            {
                "collection": name,
                **mean,
                "less_best_other": mean["ours"] - max(mean[way] for way in ways),
                "least_of_five_or_more": min(row["less_best_other"] for row in five_or_more),
                "worst_error_of_five_or_more": max(row["calibration_error"] for row in five_or_more),
            }
        )
    return means
