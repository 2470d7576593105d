"""How far an index trusts its voters: learnt by leave-one-out whenever labels change, and kept until they do."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.errors import StoreError
from modag_search.index.given import spread
from modag_search.pooling import Pool, learn_pool
from modag_search.stores.atomic import write_atomically
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modag_search.index.voting import Bench, Voters
    from modag_search.pooling import BoolArray

logger = logging.getLogger(__name__)

_FORMAT = 2
_ITEMS = 2000
_CELLS = 4_000_000


def kept_pools(path: Path, voters: Voters, *, state: Mapping[str, Any]) -> dict[Modality, Pool]:
    """Return the pools of an index; they are learnt anew where what they depend on has changed.

    Parameters
    ----------
    path : Path
        Where they are kept; where that cannot be written, they are learnt each time.
    voters : Voters
    state : Mapping
        JSON values that tell whether anything has changed: generations and fingerprints.

    Returns
    -------
    dict of modality to Pool
        For queries of each modality.
    """
    wanted = {"format": _FORMAT, "k": voters.k, "temperature": voters.temperature, **state}
    try:
        content = json.loads(path.read_text())
        if content["state"] == wanted:
            return {modality: _pool(content["pools"][modality]) for modality in MODALITIES}
    except (OSError, ValueError, KeyError, TypeError):
        logger.debug("%s: nothing that holds today", path)
    pools = learn_pools(voters)
    stored = {modality: dataclasses.astuple(pool) for modality, pool in pools.items()}
    try:
        write_atomically(path, [json.dumps({"state": wanted, "pools": stored}, indent=2).encode()])
    except StoreError as error:
        logger.debug("%s; it is learnt again next time", error)
    return pools


def learn_pools(voters: Voters, *, seed: int = 0) -> dict[Modality, Pool]:
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
    dict of modality to Pool
    """
    pools: dict[Modality, Pool] = {}
    for modality in MODALITIES:
        bench = voters.benches[modality]
        if len(bench) == 0:
            pools[modality] = Pool()
            continue
        evidence, holds = left_out_evidence(voters, modality, most=_items_at_most(voters), seed=seed)
        there = holds.any(axis=1)
        pools[modality] = learn_pool(evidence[there], holds[there])
    return pools


def left_out_evidence(
    voters: Voters, modality: Modality, *, most: int | None = None, seed: int = 0
) -> tuple[Float32Array, BoolArray]:
    """Ask with each labelled item of a modality, its own votes left out.

    Returns
    -------
    evidence : np.ndarray [shape=(n, n_labels, 4), float32]
        Items in order of their ids.
    holds : np.ndarray [shape=(n, n_labels), bool]
        The item's labels, and those that these are kinds of; only labels that another item of the modality has.
    """
    bench = voters.benches[modality]
    order = np.argsort(bench.items, kind="stable")
    items, firsts = np.unique(bench.items[order], return_index=True)
    of_item = np.split(order, firsts[1:])
    if most is not None and len(items) > most:
        drawn = np.sort(np.random.default_rng(seed).choice(len(items), most, replace=False))
        items, of_item = items[drawn], [of_item[place] for place in drawn.tolist()]
    places = np.concatenate([spread(own) for own in of_item])
    said = voters.evidence(modality, bench.vectors[places], items=bench.contents[places], copies=True)
    owner = np.searchsorted(items, bench.items[places])
    evidence = mean_of_groups(said, owner, n_groups=len(items))
    holds = np.zeros((len(items), len(voters.names)), dtype=bool)
    labelled = np.isin(bench.items[bench.voters], items)
    holds[np.searchsorted(items, bench.items[bench.voters][labelled]), bench.labels[labelled]] = True
    return evidence, _with_ancestors(voters, holds) & _heard_by_others(bench, holds)


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


def _heard_by_others(bench: Bench, own: BoolArray) -> BoolArray:
    """Tell which labels have a voter of the modality that is neither the item itself nor its copy."""
    n_contents = np.array(
        [len(np.unique(bench.contents[bench.voters[bench.labels == n]])) for n in range(own.shape[1])]
    )
    heard: BoolArray = (n_contents > 1) | ((n_contents == 1) & ~own)
    return heard


def _pool(stored: Any) -> Pool:
    weights, stranger, stand_in, independent, learnt_from = stored
    first, second, third, fourth = map(float, weights)
    mean, kernel, added = map(float, stranger)
    slope, offset = map(float, independent)
    return Pool(
        (first, second, third, fourth), (mean, kernel, added), float(stand_in), (slope, offset), int(learnt_from)
    )
