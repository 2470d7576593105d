"""How far an index trusts its voters: learnt by leave-one-out whenever labels change, and kept until they do."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.classify.arithmetic.pooling import EvidenceWeights, learn_evidence_weights
from modag_search.classify.labelled_set import spread
from modag_search.errors import StoreError
from modag_search.files import write_atomically
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.classify.arithmetic.pooling import BoolArray
    from modag_search.classify.neighbours import LabelledVectors, Voters

logger = logging.getLogger(__name__)

_FORMAT = 2
_ITEMS = 2000
_CELLS = 4_000_000


def kept_evidence_weights(path: Path, voters: Voters, *, state: Mapping[str, Any]) -> dict[Modality, EvidenceWeights]:
    """Return the evidence weights of an index; they are learnt anew where what they depend on has changed.

    Parameters
    ----------
    path : Path
        Where they are kept; where that cannot be written, they are learnt each time.
    voters : Voters
    state : Mapping
        JSON values that tell whether anything has changed: generations and fingerprints.

    Returns
    -------
    dict of modality to EvidenceWeights
        For queries of each modality.
    """
    wanted = {"format": _FORMAT, "k": voters.k, "temperature": voters.temperature, **state}
    try:
        content = json.loads(path.read_text())
        if content["state"] == wanted:
            return {modality: _pool(content["evidence_weights"][modality]) for modality in MODALITIES}
    except (OSError, ValueError, KeyError, TypeError):
        logger.debug("%s: nothing that holds today", path)
    evidence_weights = learn_all_evidence_weights(voters)
    stored = {modality: dataclasses.astuple(weights) for modality, weights in evidence_weights.items()}
    try:
        content = json.dumps({"state": wanted, "evidence_weights": stored}, indent=2)
        write_atomically(path, [content.encode()], error=StoreError)
    except StoreError as error:
        logger.debug("%s; it is learnt again next time", error)
    return evidence_weights


def learn_all_evidence_weights(voters: Voters, *, seed: int = 0) -> dict[Modality, EvidenceWeights]:
    """Learn by leave-one-out: each labelled item asks the others, its copies left out too.

    With many labelled items some are drawn. A label whose last voter of the item's own modality is the item itself
    tells nothing of how it will be named.

    Parameters
    ----------
    voters : Voters
    seed : int
        Of the draw.

    Returns
    -------
    dict of modality to EvidenceWeights
    """
    evidence_weights: dict[Modality, EvidenceWeights] = {}
    for modality in MODALITIES:
        bench = voters.benches[modality]
        if len(bench) == 0:
            evidence_weights[modality] = EvidenceWeights()
            continue
        asked = left_out(voters, modality, most=_items_at_most(voters), seed=seed)
        told = asked.holds & asked.heard
        there = told.any(axis=1)
        evidence_weights[modality] = learn_evidence_weights(asked.evidence[there], told[there], also=asked.holds[there])
    return evidence_weights


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What all others say of labelled items; an item whose parts have different labels is one for each set of them.

    Attributes
    ----------
    items : np.ndarray [shape=(n,), int64]
        Ids.
    evidence : np.ndarray [shape=(n, n_labels, 4), float32]
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


def left_out(voters: Voters, modality: Modality, *, most: int | None = None, seed: int = 0) -> LeftOut:
    """Ask with each labelled item of a modality, its own votes and those of its copies left out.

    Parameters
    ----------
    voters : Voters
    modality : {"image", "sound"}
    most : int, optional
        How many ask, at the most; some are drawn then.
    seed : int
        Of the draw.

    Returns
    -------
    LeftOut
        In order of the items' ids.
    """
    bench = voters.benches[modality]
    given = np.zeros((len(bench), len(voters.names)), dtype=bool)
    given[bench.voters, bench.labels] = True
    packed = np.packbits(given, axis=1)
    keys = np.concatenate([bench.items[:, None].view(np.uint8).reshape(len(bench), -1), packed], axis=1)
    _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    number = number.reshape(-1)
    asking = np.argsort(bench.items[first], kind="stable")
    if most is not None and len(asking) > most:
        asking = np.sort(np.random.default_rng(seed).choice(len(asking), most, replace=False))
        asking = asking[np.argsort(bench.items[first[asking]], kind="stable")]
    order = np.argsort(number, kind="stable")
    of_query = np.split(order, np.cumsum(np.bincount(number, minlength=len(first)))[:-1])
    chosen = [spread(of_query[query]) for query in asking.tolist()]
    places = np.concatenate(chosen)
    said = voters.evidence(modality, bench.vectors[places], items=bench.contents[places], copies=True)
    owner = np.repeat(np.arange(len(chosen)), [len(own) for own in chosen])
    own = given[first[asking]]
    return LeftOut(
        items=bench.items[first[asking]],
        evidence=mean_of_groups(said, owner, n_groups=len(chosen)),
        given=own,
        holds=_with_ancestors(voters, own),
        heard=_heard_by_others(bench, own),
    )


def mean_of_groups(values: Float32Array, group: Int64Array, *, n_groups: int) -> Float32Array:
    """Average over the segments of each query.

    Parameters
    ----------
    values : np.ndarray [shape=(n, ...), float32]
        -inf stays -inf.
    group : np.ndarray [shape=(n,), int64]
        Ascending; every number below `n_groups` stands there.
    n_groups : int

    Returns
    -------
    np.ndarray [shape=(n_groups, ...), float32]
    """
    firsts = np.searchsorted(group, np.arange(n_groups))
    counts = np.diff(np.append(firsts, len(group)))
    sums = np.add.reduceat(values, firsts, axis=0) if n_groups else values
    shape = (-1, *([1] * (values.ndim - 1)))
    means: Float32Array = (sums / counts.reshape(shape)).astype(np.float32)
    return means


def _items_at_most(voters: Voters) -> int:
    return max(50, min(_ITEMS, _CELLS // max(1, 4 * len(voters.names))))


def _with_ancestors(voters: Voters, holds: BoolArray) -> BoolArray:
    number = {name: place for place, name in enumerate(voters.names)}
    wider = holds.copy()
    for name, place in number.items():
        for ancestor in voters.hierarchy.ancestors(name) & number.keys():
            wider[:, number[ancestor]] |= holds[:, place]
    return wider


def _heard_by_others(bench: LabelledVectors, own: BoolArray) -> BoolArray:
    """Tell which labels have a voter of the modality that is neither the item itself nor its copy."""
    n_contents = np.array(
        [len(np.unique(bench.contents[bench.voters[bench.labels == n]])) for n in range(own.shape[1])]
    )
    heard: BoolArray = (n_contents > 1) | ((n_contents == 1) & ~own)
    return heard


def _pool(stored: Any) -> EvidenceWeights:
    weights, cross_only, imputation, multilabel, learnt_from = stored
    first, second, third, fourth = map(float, weights)
    mean, kernel, added = map(float, cross_only)
    slope, offset = map(float, multilabel)
    return EvidenceWeights(
        (first, second, third, fourth), (mean, kernel, added), float(imputation), (slope, offset), int(learnt_from)
    )
