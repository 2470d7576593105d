"""How much of a collection any label holds for, told by items drawn from all over it.

Who has labelled three classes of forty has a collection of strangers; who has labelled all has none. What looks like a
labelled thing is likelier to be one in the second collection. Labels do not tell which of the two it is: they were
chosen. Its items do. Given how much likelier each of them is of a labelled class than a stranger, were both as
frequent, the share that makes all of them likeliest is found by expectation and maximisation.

References
----------
Saerens, Latinne, Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities: a simple
procedure", Neural Computation 14(1), 2002.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.logistic import FloatArray, sigmoid
from modag_search.classify.arithmetic.pooling import EVEN_SHARE, log_odds_of
from modag_search.classify.queries import QueryBatch, QuerySegments
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.search.snapshot import Snapshot
    from modag_search.values import Modality

ITEMS = 256
"""Of each modality, drawn; the first answer after a change waits for them."""
LEAST_WEIGHT = 0.3
"""What a stranger weighs, for a known thing, where labels have many examples. With 1, confidence is right for all of a
collection, and too low for what is of a labelled class; with 0, the other way round."""
LEAST_SHARE = 0.2
"""What less counts as. Strangers that labels teach are the nearest kin of what is labelled; where hardly anything is
known, most strangers are like none of it, and the little that is known would be held back for their number."""
_WORTH = 4
"""As many items count as much as `EVEN_SHARE`, which holds for an empty index."""
_STEPS = 100
_STILL = 1e-5

Sample = dict["Modality", QueryBatch]
"""Items that stand for all of each modality, one segment of each."""


def draw_sample(snapshot: Snapshot) -> Sample:
    """Draw items from all over an index, always the same ones."""
    return {modality: _drawn(snapshot, modality) for modality in MODALITIES}


def _drawn(snapshot: Snapshot, modality: Modality) -> QueryBatch:
    items, segments = snapshot.catalog.segments.drawn(snapshot.encoder.fingerprints[modality], n=ITEMS)
    ids, vectors, features = snapshot.vectors.with_features(modality, segments.tolist())
    item_of = dict(zip(segments.tolist(), items.tolist(), strict=True))
    found = np.array([item_of[segment] for segment in ids.tolist()], dtype=np.int64)
    return QueryBatch(("",) * len(ids), found, {modality: QuerySegments(vectors, features, np.arange(len(ids)))})


def weighed(share: float, *, examples: float, labels: int) -> float:
    """Return the share of what is known, where strangers weigh the less the more is known of labels.

    Parameters
    ----------
    share : float
        In (0, 1).
    examples : float
        How many a label has, on average.
    labels : int
        How many have any. One alone has no other to tell what strangers are.

    Returns
    -------
    float
        Nearer to 1, but where labels have one example; with several labels, that of `LEAST_SHARE` at the least.

    Examples
    --------
    >>> [round(weighed(0.2, examples=n, labels=3), 2) for n in (1, 2, 20)]
    [0.2, 0.33, 0.45]
    """
    share = max(share, LEAST_SHARE) if labels > 1 else share
    weight = max(LEAST_WEIGHT, 1 / max(examples, 1.0))
    return share / (share + weight * (1 - share))


def share_of_known(log_odds: FloatArray) -> float:
    """Estimate for what share of a collection any label holds.

    Parameters
    ----------
    log_odds : np.ndarray [shape=(n,), float64]
        How much likelier that is for each of its items than that none holds, were both as frequent.

    Returns
    -------
    float
        In (0, 1); near `EVEN_SHARE` where there are few items.

    Examples
    --------
    >>> round(share_of_known(np.array([-6.0] * 90 + [6.0] * 10)), 2)
    0.11
    >>> share_of_known(np.zeros(0))
    0.5
    """
    share = EVEN_SHARE
    for _ in range(_STEPS):
        expected = float(sigmoid(log_odds + log_odds_of(share)).sum())
        before, share = share, (expected + _WORTH * EVEN_SHARE) / (len(log_odds) + _WORTH)
        if abs(share - before) < _STILL:
            break
    return round(share, 4)  # alike on every machine, whichever one asks
