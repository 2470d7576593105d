"""Why an item is called as it is: the answer beside the next one, who spoke for which, and what is nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.classify.arithmetic.pooling import EVIDENCE_KINDS, log_odds_of
from modag_search.classify.neighbours import own_first
from modag_search.errors import NothingFoundError
from modag_search.labels.items import labels_of
from modag_search.values import EvidencePart, Explanation, LabelScore, ModalityEvidence, NearestExample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.catalog import Catalog
    from modag_search.classify.arithmetic.logistic import FloatArray
    from modag_search.classify.arithmetic.pooling import EvidenceWeights
    from modag_search.classify.classifiers import NeighbourClassifier
    from modag_search.classify.copied_labels import CopyJudge
    from modag_search.classify.decision import Decision, Level
    from modag_search.classify.labelled_set import LabelledVectors
    from modag_search.classify.neighbours import Block, QueryEvidence
    from modag_search.classify.queries import QueryBatch
    from modag_search.values import Float32Array, Modality

_LEAST_LEFT = 1e-9
_EXAMPLES = 3
"""As many are listed of a label and modality, at the most."""


@dataclass(frozen=True, slots=True)
class _Rivals:
    """Places of the likeliest label that the answer stands for, and of the likeliest other one, where there is any."""

    first: int
    second: int | None


def explain(
    catalog: Catalog,
    classifier: NeighbourClassifier,
    decision: Decision,
    batch: QueryBatch,
    *,
    copies: CopyJudge,
    level: Level,
) -> Explanation:
    """Say why something is called as it is; see `Index.explain`.

    Parameters
    ----------
    catalog : Catalog
    classifier : NeighbourClassifier
    decision : Decision
        On the level; with no confidence asked for.
    batch : QueryBatch
        Of one query.
    copies : CopyJudge
    level : int, "deepest" or None

    Returns
    -------
    Explanation

    Raises
    ------
    NothingFoundError
        If nothing can be said of it.
    """
    (block,) = classifier.neighbours.blocks(batch.segments, batch.items)
    answer = classifier.answer(batch).probabilities
    settled, copied = copies.settled(batch, answer)
    ((label, confidence),) = decision.best(decision.scores(settled))
    if label is None:
        raise NothingFoundError(f"{batch.paths[0]}: no label is possible, so that there is nothing to explain")
    # What decided may be a copy; all that follows is what the others say, though nobody may.
    (probabilities,) = answer if copied and answer.any() else settled
    ((called, _),) = decision.best(decision.scores(probabilities[None]))
    assert called is not None
    names = classifier.names
    likely = _likeliest_first(np.where(classifier.groups.leading, probabilities, 0.0), names)
    stands_for = {called} if level is None else classifier.hierarchy.with_descendants(called)
    kinds = [place for place in likely if names[place] in stands_for]
    others = [place for place in likely if names[place] not in stands_for]
    rivals = _Rivals(kinds[0], others[0] if others else None)
    evidence = block.evidence()
    is_kind = [names[place] for place in kinds] != [called] and not copied
    return Explanation(
        path=batch.paths[0],
        label=label,
        confidence=confidence,
        decided_by="copy" if copied else "hierarchy" if is_kind else "evidence",
        copy_of=copied.get(0),
        kinds=tuple(LabelScore(names[place], float(probabilities[place])) for place in kinds) if is_kind else (),
        first=names[rivals.first],
        second=None if rivals.second is None else names[rivals.second],
        second_confidence=0.0 if rivals.second is None else float(probabilities[rivals.second]),
        none=_none(classifier, probabilities, evidence),
        given=labels_of(catalog, int(batch.items[0])),
        denied=_denied(classifier, batch),
        heard=tuple(
            _heard(catalog, classifier, block, rivals, said=said, modality=modality)
            for modality, said in evidence.items()
            if answer.any()
        ),
    )


def _likeliest_first(probabilities: FloatArray, names: Sequence[str]) -> list[int]:
    """Return the places of labels that are possible; of equally likely ones by name, as answers go."""
    possible = np.flatnonzero(probabilities > 0).tolist()
    return sorted(possible, key=lambda place: (-round(float(probabilities[place]), 6), names[place]))


def _none(
    classifier: NeighbourClassifier, probabilities: FloatArray, evidence: Mapping[Modality, QueryEvidence]
) -> float | None:
    """Tell how likely none of the labels is that answers are chosen from; None where that was not asked."""
    if classifier.has_rivals:
        return max(0.0, 1.0 - float(probabilities[classifier.groups.leading].sum()))
    if classifier.goes_by_names_alone or not evidence:
        return None
    return 1.0 - float(np.mean([classifier.any_holds(modality, said.evidence) for modality, said in evidence.items()]))


def _denied(classifier: NeighbourClassifier, batch: QueryBatch) -> tuple[str, ...]:
    """List what something, or what it is a copy of, is said not to be."""
    if not classifier.doubts:
        return ()
    (outright,) = classifier.doubts.outright(batch.segments, batch.items)
    return tuple(classifier.names[place] for place in np.flatnonzero(outright).tolist())


def _heard(
    catalog: Catalog,
    classifier: NeighbourClassifier,
    block: Block,
    rivals: _Rivals,
    *,
    modality: Modality,
    said: QueryEvidence,
) -> ModalityEvidence:
    """Say what is said of the segments of one modality."""
    weights = classifier.evidence_weights[modality]
    left = _left_of(classifier, block, modality)
    share = classifier.shares[modality]
    parts = (*_parts(classifier, weights, said.evidence, rivals, share=share), *_denials(left, rivals))
    above_none, is_by_name = None, classifier.goes_by_names_alone
    if classifier.has_rivals:
        above_none = _above_none(classifier, weights, said.evidence, rivals, share=share) + float(left[rivals.first])
    return ModalityEvidence(
        modality=modality,
        log_odds=sum(part.log_odds for part in parts),
        above_none=above_none,
        known_share=classifier.known_shares[modality] if above_none is not None or not is_by_name else None,
        parts=parts,
        examples=tuple(_examples(catalog, classifier, block, rivals, modality)),
    )


def _above_none(
    classifier: NeighbourClassifier, weights: EvidenceWeights, evidence: Float32Array, rivals: _Rivals, *, share: float
) -> float:
    """Return the log-odds of the first label against none."""
    (scores,) = weights.scores(evidence)
    if not np.isfinite(scores[rivals.first]):
        return 0.0  # one modality of a video heard nothing of what the other did
    leading = classifier.groups.leading
    (of_any,) = weights.log_odds_of_any(
        evidence[:, leading], by_name_alone=classifier.goes_by_names_alone, share=share
    ).tolist()
    return float(scores[rivals.first] - np.logaddexp.reduce(scores[leading]) + of_any)


def _parts(
    classifier: NeighbourClassifier, weights: EvidenceWeights, evidence: Float32Array, rivals: _Rivals, *, share: float
) -> tuple[EvidencePart, ...]:
    """Divide the log-odds of the first label against the second among those who speak; without a second, its own."""
    (contributions,) = weights.contributions(evidence)
    is_alone = rivals.second is None
    # Of what has no rival, log-odds are a slope times the score, and an offset.
    slope, offset = _of_one(classifier, weights, evidence) if is_alone or not classifier.has_rivals else (1.0, 0.0)
    of_second = 0.0 if rivals.second is None else contributions[rivals.second]
    by_kind = slope * (contributions[rivals.first] - of_second)
    parts = [EvidencePart(kind=kind, log_odds=float(by)) for kind, by in zip(EVIDENCE_KINDS, by_kind, strict=True)]
    if is_alone:
        parts.append(EvidencePart(kind="none", log_odds=offset))
    if is_alone and classifier.has_rivals:
        parts.append(EvidencePart(kind="share", log_odds=log_odds_of(share)))
    return tuple(parts)


def _of_one(classifier: NeighbourClassifier, weights: EvidenceWeights, evidence: Float32Array) -> tuple[float, float]:
    """Return slope and offset of the log-odds that a label holds which is judged for itself, or the only one."""
    if not classifier.has_rivals:
        return weights.multilabel
    slopes, offsets = weights.odds_of_any(
        evidence[:, classifier.groups.leading], by_name_alone=classifier.goes_by_names_alone
    )
    return float(slopes[0]), float(offsets[0])


def _left_of(classifier: NeighbourClassifier, block: Block, modality: Modality) -> FloatArray:
    """Return the logarithm of what denials of its like leave of the odds of each label ``[shape=(n_labels,)]``."""
    if not classifier.doubts:
        return np.zeros(len(classifier.names))
    (lost,) = classifier.doubts.lost({modality: block.segments[modality]}, block.own)
    left: FloatArray = np.log(np.maximum(1.0 - lost, _LEAST_LEFT))
    return left


def _denials(left: FloatArray, rivals: _Rivals) -> list[EvidencePart]:
    against_second = 0.0 if rivals.second is None else float(left[rivals.second])
    log_odds = float(left[rivals.first]) - against_second
    return [EvidencePart(kind="denials", log_odds=log_odds)] if log_odds else []


def _examples(
    catalog: Catalog, classifier: NeighbourClassifier, block: Block, rivals: _Rivals, modality: Modality
) -> list[NearestExample]:
    """List the nearest examples of both labels to the segments of one modality."""
    neighbours, names = classifier.neighbours, classifier.names
    found = []
    above = _above_unlike(block, modality)
    for label in (rivals.first, *([] if rivals.second is None else [rivals.second])):
        for voting in own_first(modality):
            part = neighbours.labelled.by_modality[voting]
            unlike, deviation = neighbours.unrelated_similarity(modality, voting)
            nearest = _nearest_votes(part, above[voting], label)
            rows, far_above = part.rows[nearest], above[voting][nearest]
            paths = catalog.items.paths(part.items[rows].tolist())
            found += [
                NearestExample(
                    label=names[label],
                    id=item,
                    path=paths[item],
                    modality=voting,
                    similarity=far + unlike,
                    deviations=far / max(deviation, 1e-12),
                    start_s=None if np.isnan(start_s) else start_s,
                    end_s=None if np.isnan(end_s) else end_s,
                )
                for item, far, (start_s, end_s) in zip(
                    part.items[rows].tolist(), far_above.tolist(), part.spans_s[rows].tolist(), strict=True
                )
                if item in paths
            ]
    return found


def _above_unlike(block: Block, modality: Modality) -> dict[Modality, Float32Array]:
    """Return how far above unlike things the nearest segment of a query is to each vote, by the modality that votes."""
    above: dict[Modality, Float32Array] = {}
    for piece in block.pieces():
        if piece.modality == modality:
            for voting, rows in piece.above.items():
                nearest = rows.max(axis=0, initial=-np.inf)
                above[voting] = np.maximum(above[voting], nearest) if voting in above else nearest
    return above


def _nearest_votes(part: LabelledVectors, above: Float32Array, label: int) -> list[int]:
    """Return the votes for a label that are nearest, of different items."""
    votes = np.flatnonzero((part.labels == label) & np.isfinite(above))
    of_items: dict[int, int] = {}
    for vote in votes[np.argsort(-above[votes], kind="stable")].tolist():
        of_items.setdefault(int(part.items[part.rows[vote]]), vote)
    return [*of_items.values()][:_EXAMPLES]
