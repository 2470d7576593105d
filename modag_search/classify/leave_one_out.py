"""What all others say of each labelled item: how far to trust them is learnt, and kept for one labelled set."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search import tensor_files
from modag_search.classify.ahead import computed_ahead
from modag_search.classify.arithmetic.least_squares import LinearClassifier
from modag_search.classify.arithmetic.logistic import learn_sigmoid
from modag_search.classify.arithmetic.pooling import MULTILABEL_PRIOR, EvidenceWeights, learn_evidence_weights
from modag_search.classify.queries import QuerySegments
from modag_search.classify.rivals import LabelGroups
from modag_search.errors import StoreError
from modag_search.files import write_atomically
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.logistic import BoolArray
    from modag_search.classify.labelled_set import LabelledSet, LabelledVectors
    from modag_search.classify.neighbours import Likely, Neighbours

logger = logging.getLogger(__name__)

_FORMAT = "modag-calibration/8"
_FORMATS = {_FORMAT: True}
"""Known formats of files, and whether they have a checksum."""
_ITEMS = 2000
_CELLS = 4_000_000
_ITEMS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What labels taught of how to name by them, for queries of each modality.

    Attributes
    ----------
    evidence_weights : Mapping of modality to EvidenceWeights
    classifiers : Mapping of modality to LinearClassifier
    """

    evidence_weights: Mapping[Modality, EvidenceWeights]
    classifiers: Mapping[Modality, LinearClassifier]


def learn(neighbours: Neighbours) -> Learnt:
    """Learn from a labelled set."""
    classifiers = {modality: neighbours.linear[modality].classifier for modality in MODALITIES}
    return Learnt(learn_all_evidence_weights(neighbours), classifiers)


def kept_or_learnt(path: Path, neighbours: Neighbours, *, catalog: Catalog, space: str) -> Learnt:
    """Return what labels taught; it is learnt anew where what it depends on has changed.

    Parameters
    ----------
    path : Path
        Where it is kept; where the index cannot be written to, it is learnt each time.
    neighbours : Neighbours
    catalog : Catalog
        That the labelled set was read from.
    space : str
        Fingerprint of the space that made the vectors.

    Returns
    -------
    Learnt
    """
    labelled = neighbours.labelled
    wanted = {
        "k": neighbours.k,
        "temperature": neighbours.temperature,
        "labelled_set": labelled_set_fingerprint(labelled),
        "space": space,
    }
    try:
        described, learnt = _loaded(path)
        _require_fitting(learnt, labelled)
        number, token = described["generation"]
        # In a catalog that was put back, ids come again and mean other segments: the generation tells.
        if described["state"] == wanted and catalog.has_generation(int(number), str(token)):
            return learnt
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        logger.debug("%s: nothing that holds today: %s", path, error)
    learnt = learn(neighbours)
    if catalog.is_read_only:
        return learnt
    described = {"state": wanted, "generation": [labelled.moment.generation, labelled.moment.token]}
    try:
        write_atomically(path, [_as_file(learnt, described)], error=StoreError)
    except StoreError as error:
        logger.debug("%s; it is learnt again next time", error)
    return learnt


def check_kept(path: Path) -> None:
    """Read a file of what labels taught, whether it holds today or not; one of an earlier version never does.

    Raises
    ------
    StoreError
        If it is not as it was written.
    """
    try:
        tensor_files.read(path, formats=_FORMATS)
    except tensor_files.OtherFormatError:
        logger.debug("%s: an earlier version wrote it", path)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: {error}") from error


def _as_file(learnt: Learnt, described: dict[str, Any]) -> bytes:
    """Write what was learnt as a safetensors file."""
    arrays = {
        f"{modality}.{name}": getattr(learnt.classifiers[modality], name)
        for modality in MODALITIES
        for name in ("weight", "bias")
    }
    stored = {modality: dataclasses.asdict(weights) for modality, weights in learnt.evidence_weights.items()}
    return tensor_files.as_bytes(arrays, written=_FORMAT, described={**described, "evidence_weights": stored})


def _loaded(path: Path) -> tuple[dict[str, Any], Learnt]:
    file = tensor_files.read(path, formats=_FORMATS)
    arrays, stored = file.tensors, file.described["evidence_weights"]
    classifiers = {m: LinearClassifier(arrays[f"{m}.weight"], arrays[f"{m}.bias"]) for m in MODALITIES}
    return file.described, Learnt({m: EvidenceWeights.from_stored(stored[m]) for m in MODALITIES}, classifiers)


def _require_fitting(learnt: Learnt, labelled: LabelledSet) -> None:
    """Raise ValueError unless what was read can have been learnt from a labelled set."""
    for modality in MODALITIES:
        weight, bias = learnt.classifiers[modality].weight, learnt.classifiers[modality].bias
        shape = len(labelled.names), labelled.by_modality[modality].features.shape[1]
        if (weight.shape, bias.shape) != (shape, shape[:1]) or {weight.dtype, bias.dtype} != {np.dtype("f4")}:
            raise ValueError("its classifiers are of other labels or features")
        weights = np.concatenate([np.ravel(value) for value in dataclasses.astuple(learnt.evidence_weights[modality])])
        if not (np.isfinite(weight).all() and np.isfinite(weights).all()) or (np.isnan(bias) | (bias == np.inf)).any():
            raise ValueError("it holds values that are not finite")


def labelled_set_fingerprint(labelled: LabelledSet) -> str:
    """Hash what evidence weights depend on, but for vectors of segments: in one space, these never change.

    Parameters
    ----------
    labelled : LabelledSet

    Returns
    -------
    str
        32 hex digits (blake2b); the same for labelled sets of one catalog that teach the same.
    """
    parts = [labelled.by_modality[modality] for modality in MODALITIES]
    arrays = [array for part in parts for array in (part.segments, part.items, part.contents, part.rows, part.labels)]
    # The lengths tell where one array ends and the next begins.
    head = [
        labelled.names,
        labelled.texts,
        [*labelled.hierarchy.pairs()],
        labelled.rivalry.groups_of(labelled.names),
        labelled.rivalry.leading(labelled.names),
        [len(array) for array in arrays],
    ]
    digest = hashlib.blake2b(json.dumps(head).encode(), digest_size=16)
    for array in [*arrays, labelled.understood]:
        digest.update(array.astype("<i8").tobytes())
    # What words mean may change with a version of the space that makes the same of segments.
    of_texts = labelled.vectors[len(labelled.vectors) - len(labelled.understood) :]
    digest.update(of_texts.round(2).astype("<f4").tobytes())
    return digest.hexdigest()


def learn_all_evidence_weights(neighbours: Neighbours, *, seed: int = 0) -> dict[Modality, EvidenceWeights]:
    """Learn by leave-one-out: each labelled item asks the others, its copies left out too.

    With many labelled items some are drawn. A label whose last votes of the item's own modality are the item's itself
    tells nothing of how it will be named.

    Parameters
    ----------
    neighbours : Neighbours
    seed : int
        Of the draw.

    Returns
    -------
    dict of modality to EvidenceWeights
    """
    evidence_weights: dict[Modality, EvidenceWeights] = {}
    for modality in MODALITIES:
        evidence_weights[modality] = EvidenceWeights()
        if len(neighbours.labelled.by_modality[modality]):
            most = _items_at_most(neighbours.labelled)
            items = LeftOut.joined(left_out(neighbours, modality, most=most, seed=seed))
            evidence_weights[modality] = _learnt(neighbours, modality, items)
    return evidence_weights


def _learnt(neighbours: Neighbours, modality: Modality, items: LeftOut) -> EvidenceWeights:
    """Learn from the labels that answers are chosen from, so that those beside them change nothing of these answers.

    How likely the others are, each for itself, is learnt from them alone. Where labels exclude each other, the rare
    item that was given two of them tells nothing of how to choose one.
    """
    groups = LabelGroups.of(neighbours.labelled.rivalry, neighbours.labelled.names)
    leading = items if groups.leading.all() else items.of_labels(groups.leading)
    is_asked = leading.holds.any(axis=1)
    if groups.are_rivals:
        is_asked &= leading.given.sum(axis=1) == 1
    asked = np.flatnonzero(is_asked)
    evidence, holds, heard = leading.evidence[asked], leading.holds[asked], leading.heard[asked]
    unseen = neighbours.linear[modality].unseen(items.units[asked])[:, groups.leading]
    weights = learn_evidence_weights(evidence, holds & heard, also=holds, unseen=unseen)
    if leading is items:
        return weights
    beside = items.of_labels(~groups.leading)
    scores = weights.scores(beside.evidence)
    known = np.isfinite(scores)
    multilabel = learn_sigmoid(scores[known], beside.holds[known], MULTILABEL_PRIOR)
    return dataclasses.replace(weights, multilabel=multilabel)


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What all others say of labelled items; an item whose parts have different labels is one for each set of them.

    Attributes
    ----------
    units : np.ndarray [shape=(n,), int64]
        Places among the `LabelledUnits`.
    items : np.ndarray [shape=(n,), int64]
        Ids.
    evidence : np.ndarray [shape=(n, n_labels, 6), float32]
    given : np.ndarray [shape=(n, n_labels), bool]
        The labels that were given.
    holds : np.ndarray [shape=(n, n_labels), bool]
        These, and those that they are kinds of.
    heard : np.ndarray [shape=(n, n_labels), bool]
        Labels that another item of the modality has.
    """

    units: Int64Array
    items: Int64Array
    evidence: Float32Array
    given: BoolArray
    holds: BoolArray
    heard: BoolArray

    @classmethod
    def joined(cls, parts: Iterable[LeftOut]) -> LeftOut:
        """Put one after the other; there must be one at least."""
        columns = zip(*([getattr(part, name) for name in cls.__slots__] for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def of_labels(self, chosen: BoolArray) -> LeftOut:
        """Return what is said of some labels ``[shape=(n_labels,)]``."""
        return LeftOut(
            units=self.units,
            items=self.items,
            evidence=self.evidence[:, chosen],
            given=self.given[:, chosen],
            holds=self.holds[:, chosen],
            heard=self.heard[:, chosen],
        )


def left_out(
    neighbours: Neighbours,
    modality: Modality,
    *,
    most: int | None = None,
    seed: int = 0,
    likely: Likely | None = None,
) -> Iterator[LeftOut]:
    """Ask with each labelled item of a modality, its own votes and those of its copies left out.

    Parameters
    ----------
    neighbours : Neighbours
    modality : {"image", "sound"}
    most : int, optional
        How many ask, at the most; some are drawn then.
    seed : int
        Of the draw.
    likely : callable, optional
        Where there are very many votes, tells which labels are asked in full; see `neighbours.Block.likely_evidence`.

    Yields
    ------
    LeftOut
        Of some items after the other, in order of their ids; nothing where the modality has no votes.
    """
    labelled = neighbours.labelled
    part = labelled.by_modality[modality]
    if len(part) == 0:
        return
    units = neighbours.linear[modality].units
    asking = np.arange(len(units))
    if most is not None and len(units) > most:
        asking = np.sort(np.random.default_rng(seed).choice(len(units), most, replace=False))
    kinds = _kinds(labelled)
    n_contents = _count_contents(part, n_labels=len(labelled.names))

    def ask(chosen: Int64Array) -> LeftOut:
        given = units.holds(chosen)
        holds = given.copy()
        for label, ancestor in kinds:
            holds[:, ancestor] |= given[:, label]
        return LeftOut(
            units=chosen,
            items=units.items[chosen],
            evidence=_evidence(neighbours, modality, chosen, likely),
            given=given,
            holds=holds,
            heard=(n_contents > 1) | ((n_contents == 1) & ~given),
        )

    step = max(1, min(_ITEMS_AT_ONCE, _CELLS // (6 * len(labelled.names))))
    yield from computed_ahead(ask, (asking[start : start + step] for start in range(0, len(asking), step)))


def _evidence(neighbours: Neighbours, modality: Modality, chosen: Int64Array, likely: Likely | None) -> Float32Array:
    """Gather what all say of some labelled units, but they and their copies."""
    part, linear = neighbours.labelled.by_modality[modality], neighbours.linear[modality]
    places, queries = linear.units.segments(chosen)
    segments = QuerySegments(part.vectors[places], part.features[places].astype(np.float32), queries)
    in_full = likely is None or not neighbours.has_many_votes
    blocks = neighbours.blocks({modality: segments}, linear.units.contents[chosen], copies=True, in_full=in_full)
    said = (block.evidence() if likely is None or in_full else block.likely_evidence(likely) for block in blocks)
    evidence = np.concatenate([of_block[modality].evidence for of_block in said])
    # Of an item whose parts have different labels each part is a unit of its own.
    evidence[..., 5] = np.where(np.isfinite(evidence[..., 0]), linear.left_out(chosen), np.float32(-np.inf))
    return evidence


def _items_at_most(labelled: LabelledSet) -> int:
    return max(50, min(_ITEMS, _CELLS // max(1, 6 * len(labelled.names))))


def _kinds(labelled: LabelledSet) -> list[tuple[int, int]]:
    """List each label with each that it is a kind of, near and far, by number."""
    number = {name: place for place, name in enumerate(labelled.names)}
    return [
        (place, number[ancestor])
        for name, place in number.items()
        for ancestor in labelled.hierarchy.ancestors(name) & number.keys()
    ]


def _count_contents(part: LabelledVectors, *, n_labels: int) -> Int64Array:
    """Count the different contents that have each label ``[shape=(n_labels,)]``: an item and its copy are one."""
    pairs = np.unique(np.stack([part.labels, part.contents[part.rows]], axis=1), axis=0)
    return np.bincount(pairs[:, 0], minlength=n_labels)
