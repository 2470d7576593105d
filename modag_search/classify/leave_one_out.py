"""What all others say of each labelled item: how far to trust them is learnt, and kept for one labelled set."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.classify.ahead import computed_ahead
from modag_search.classify.arithmetic.pooling import (
    MULTILABEL_PRIOR,
    EvidenceWeights,
    learn_evidence_weights,
    learn_sigmoid,
)
from modag_search.classify.labelled_set import spread
from modag_search.classify.queries import QuerySegments
from modag_search.classify.rivals import LabelGroups
from modag_search.errors import StoreError
from modag_search.files import write_atomically
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.pooling import BoolArray
    from modag_search.classify.labelled_set import LabelledSet, LabelledVectors
    from modag_search.classify.neighbours import Neighbours

logger = logging.getLogger(__name__)

_FORMAT = 4
_ITEMS = 2000
_CELLS = 4_000_000
_ITEMS_AT_ONCE = 512


def kept_evidence_weights(
    path: Path, neighbours: Neighbours, *, catalog: Catalog, space: str
) -> dict[Modality, EvidenceWeights]:
    """Return the evidence weights of an index; they are learnt anew where what they depend on has changed.

    Parameters
    ----------
    path : Path
        Where they are kept; where that cannot be written, they are learnt each time.
    neighbours : Neighbours
    catalog : Catalog
        That the labelled set was read from.
    space : str
        Fingerprint of the space that made the vectors.

    Returns
    -------
    dict of modality to EvidenceWeights
        For queries of each modality.
    """
    labelled = neighbours.labelled
    wanted = {
        "format": _FORMAT,
        "k": neighbours.k,
        "temperature": neighbours.temperature,
        "labelled_set": labelled_set_fingerprint(labelled),
        "space": space,
    }
    try:
        content = json.loads(path.read_text())
        number, token = content["generation"]
        # In a catalog that was put back, ids come again and mean other segments: the generation tells.
        if content["state"] == wanted and catalog.has_generation(int(number), str(token)):
            return {modality: _from_stored(content["evidence_weights"][modality]) for modality in MODALITIES}
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        logger.debug("%s: nothing that holds today", path)
    evidence_weights = learn_all_evidence_weights(neighbours)
    stored = {modality: dataclasses.astuple(weights) for modality, weights in evidence_weights.items()}
    try:
        generation = [labelled.moment.generation, labelled.moment.token]
        kept = json.dumps({"state": wanted, "generation": generation, "evidence_weights": stored}, indent=2)
        write_atomically(path, [kept.encode()], error=StoreError)
    except StoreError as error:
        logger.debug("%s; it is learnt again next time", error)
    return evidence_weights


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
    names = neighbours.labelled.names
    for modality in MODALITIES:
        evidence_weights[modality] = EvidenceWeights()
        if len(neighbours.labelled.by_modality[modality]):
            most = _items_at_most(neighbours.labelled)
            items = LeftOut.joined(left_out(neighbours, modality, most=most, seed=seed))
            evidence_weights[modality] = _learnt(items, LabelGroups.of(neighbours.labelled.rivalry, names))
    return evidence_weights


def _learnt(items: LeftOut, groups: LabelGroups) -> EvidenceWeights:
    """Learn from the labels that answers are chosen from, so that those beside them change nothing of these answers.

    How likely the others are, each for itself, is learnt from them alone. Where labels exclude each other, the rare
    item that was given two of them tells nothing of how to choose one.
    """
    leading = items if groups.leading.all() else items.of_labels(groups.leading)
    told = leading.holds & leading.heard
    there = told.any(axis=1)
    if groups.rivalry.rest_exclude and groups.rivalry.rest_leads:
        there &= leading.given.sum(axis=1) == 1
    weights = learn_evidence_weights(leading.evidence[there], told[there], also=leading.holds[there])
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
    items : np.ndarray [shape=(n,), int64]
        Ids.
    evidence : np.ndarray [shape=(n, n_labels, 5), float32]
    given : np.ndarray [shape=(n, n_labels), bool]
        The labels that were given.
    holds : np.ndarray [shape=(n, n_labels), bool]
        These, and those that they are kinds of.
    heard : np.ndarray [shape=(n, n_labels), bool]
        Labels that another item of the modality has.
    """

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
            items=self.items,
            evidence=self.evidence[:, chosen],
            given=self.given[:, chosen],
            holds=self.holds[:, chosen],
            heard=self.heard[:, chosen],
        )


def left_out(
    neighbours: Neighbours, modality: Modality, *, most: int | None = None, seed: int = 0
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

    Yields
    ------
    LeftOut
        Of some items after the other, in order of their ids; nothing where the modality has no votes.
    """
    labelled = neighbours.labelled
    part = labelled.by_modality[modality]
    if len(part) == 0:
        return
    packed = _packed_labels(part, n_labels=len(labelled.names))
    asking = _asking(part, packed, most=most, seed=seed)
    kinds = _kinds(labelled)
    n_contents = _count_contents(part, n_labels=len(labelled.names))

    def ask(segments: list[Int64Array]) -> LeftOut:
        first = np.array([own[0] for own in segments])
        given = np.unpackbits(packed[first], axis=1, count=len(labelled.names)).astype(bool)
        holds = given.copy()
        for label, ancestor in kinds:
            holds[:, ancestor] |= given[:, label]
        return LeftOut(
            items=part.items[first],
            evidence=_evidence(neighbours, modality, [spread(own) for own in segments]),
            given=given,
            holds=holds,
            heard=(n_contents > 1) | ((n_contents == 1) & ~given),
        )

    step = max(1, min(_ITEMS_AT_ONCE, _CELLS // (5 * len(labelled.names))))
    yield from computed_ahead(ask, (asking[start : start + step] for start in range(0, len(asking), step)))


def _packed_labels(part: LabelledVectors, *, n_labels: int) -> np.ndarray:
    """Labels of each segment as bits, ``[shape=(n, n_labels / 8), uint8]``: a table of bools may not fit in memory."""
    packed = np.zeros((len(part), -(-n_labels // 8)), dtype=np.uint8)
    np.bitwise_or.at(packed, (part.rows, part.labels // 8), (128 >> (part.labels % 8)).astype(np.uint8))
    return packed


def _asking(part: LabelledVectors, packed: np.ndarray, *, most: int | None, seed: int) -> list[Int64Array]:
    """Return the places of the segments of each that asks, by id: those of an item that have the same labels."""
    by_id = np.argsort(part.segments)
    items = np.ascontiguousarray(part.items[by_id])
    keys = np.concatenate([items[:, None].view(np.uint8).reshape(len(part), -1), packed[by_id]], axis=1)
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    number = number.reshape(-1)
    drawn = np.arange(len(first))
    if most is not None and len(first) > most:
        drawn = np.sort(np.random.default_rng(seed).choice(len(first), most, replace=False))
    drawn = drawn[np.argsort(items[first[drawn]], kind="stable")]
    order = np.argsort(number, kind="stable")
    of_number = np.split(by_id[order], np.cumsum(np.bincount(number))[:-1])
    return [of_number[one] for one in drawn.tolist()]


def _evidence(neighbours: Neighbours, modality: Modality, segments: list[Int64Array]) -> Float32Array:
    """Gather what all say of queries, each of which has some labelled segments, but they and their copies."""
    part = neighbours.labelled.by_modality[modality]
    places = np.concatenate(segments)
    queries = np.repeat(np.arange(len(segments)), [len(own) for own in segments])
    own = part.contents[[places_of_query[0] for places_of_query in segments]]
    blocks = neighbours.blocks({modality: QuerySegments(part.vectors[places], queries)}, own, copies=True)
    return np.concatenate([block.evidence()[modality].evidence for block in blocks])


def _items_at_most(labelled: LabelledSet) -> int:
    return max(50, min(_ITEMS, _CELLS // max(1, 5 * len(labelled.names))))


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


def _from_stored(stored: Any) -> EvidenceWeights:
    own_and_other, cross_only, name, name_only, imputation, name_imputation, multilabel, learnt_from = stored
    first, second, third, fourth = map(float, own_and_other)
    mean, kernel, added, name_of_cross = map(float, cross_only)
    slope, offset = map(float, name_only)
    of_score, constant = map(float, multilabel)
    return EvidenceWeights(
        own_and_other=(first, second, third, fourth),
        cross_only=(mean, kernel, added, name_of_cross),
        name=float(name),
        name_only=(slope, offset),
        imputation=float(imputation),
        name_imputation=float(name_imputation),
        multilabel=(of_score, constant),
        learnt_from=int(learnt_from),
    )
