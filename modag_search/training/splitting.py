"""Which examples are kept from training, to see what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modag_search.training.manifest import joined
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from modag_search.training.collecting import Collected
    from modag_search.training.space import Examples
    from modag_search.values import Int64Array, Modality

_LEAST_FILES = 4
_MOST_CHECKED = 2000
"""Held-out segments of a modality that the checks ask with: enough to tell two checks apart."""


def split(
    collected: Collected, *, share: float, seed: int
) -> tuple[dict[Modality, Examples], dict[Modality, Examples]]:
    """Hold out files of each label that has at least four of a modality, all segments of a file together.

    Of pairs, and of the moments of videos, some are held out whole, together with all that share a file with them.

    Parameters
    ----------
    collected : Collected
    share : float
        Of a label's files, or of the pairs, that is held out.
    seed : int

    Returns
    -------
    taught : dict of modality to Examples
    held_out : dict of modality to Examples
    """
    random = np.random.default_rng(seed)
    held = {modality: np.zeros(len(collected.entries[modality]), dtype=bool) for modality in MODALITIES}
    for modality in MODALITIES:
        for group, files in _files_by_group(collected, modality).items():
            if group not in collected.pairs and len(files) >= _LEAST_FILES:
                chosen = random.permutation(files)[: round(share * len(files))]
                held[modality] |= np.isin(collected.entries[modality], chosen)
    out = _pairs_held_out(collected, share=share, random=random)
    taught, held_out = {}, {}
    for modality in MODALITIES:
        examples = collected.examples[modality]
        held[modality] |= np.isin(examples.groups, out)
        taught[modality], held_out[modality] = examples.only(~held[modality]), examples.only(held[modality])
    return taught, held_out


def taught_and_checks(
    collected: Collected, *, share: float, seed: int
) -> tuple[dict[Modality, Examples], dict[Modality, Examples] | None]:
    """Divide what was collected into what is taught, and what checks are made with.

    Parameters
    ----------
    collected : Collected
    share : float
    seed : int
        As for `split`.

    Returns
    -------
    taught : dict of modality to Examples
    checks : dict of modality to Examples, or None
        Not too many; None where a modality has nothing to check with, and all is taught.
    """
    taught, held_out = split(collected, share=share, seed=seed)
    if not all(len(held_out[modality].groups) for modality in MODALITIES):
        return collected.examples, None
    random = np.random.default_rng(seed)
    for modality, examples in held_out.items():
        chosen = np.zeros(len(examples.groups), dtype=bool)
        chosen[random.permutation(len(chosen))[:_MOST_CHECKED]] = True
        held_out[modality] = examples.only(chosen)
    return taught, held_out


def _files_by_group(collected: Collected, modality: Modality) -> dict[int, Int64Array]:
    pairs = np.unique(np.stack([collected.examples[modality].groups, collected.entries[modality]], axis=1), axis=0)
    groups, starts = np.unique(pairs[:, 0], return_index=True)
    return dict(zip(groups.tolist(), np.split(pairs[:, 1], starts[1:]), strict=True))


def _pairs_held_out(collected: Collected, *, share: float, random: np.random.Generator) -> list[int]:
    """Choose among the pairs that are there in both modalities; those that share a file go together."""
    files_of = [_files_by_group(collected, modality) for modality in MODALITIES]
    whole = sorted(files_of[0].keys() & files_of[1].keys() & collected.pairs)
    # Groups and files are numbers both: those of groups are made negative.
    leaders = joined(
        (-1 - group, file) for by_group in files_of for group in whole for file in by_group[group].tolist()
    )
    bundles: dict[int, list[int]] = {}
    for group in whole:
        bundles.setdefault(leaders[-1 - group], []).append(group)
    if len(bundles) < _LEAST_FILES:
        return []
    chosen = random.permutation(sorted(bundles))[: round(share * len(bundles))]
    return [group for leader in chosen.tolist() for group in bundles[leader]]
