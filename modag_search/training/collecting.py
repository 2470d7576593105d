"""From media files to the features that a space is trained on."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modag_search.errors import MediaError, UsageError
from modag_search.training.space import Examples
from modag_search.values import MODALITIES, Float32Array, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modag_search.index.encoding import MediaEncoder
    from modag_search.training.manifest import ManifestEntry


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """Examples of both modalities.

    Attributes
    ----------
    examples : dict of modality to Examples
    entries : dict of modality to list of int
        For each example, the number of the manifest entry that it comes from.
    groups : list of str
        Names of the groups, by number.
    failures : list of MediaError
        Files that could not be read; they are left out.
    """

    examples: dict[Modality, Examples]
    entries: dict[Modality, np.ndarray]
    groups: list[str]
    failures: list[MediaError]


def collect(
    manifest: Sequence[ManifestEntry],
    encoder: MediaEncoder,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Collected:
    """Decode and encode the files of a manifest.

    Parameters
    ----------
    manifest : sequence of ManifestEntry
    encoder : MediaEncoder
    workers : int, optional
        Default one a processor.
    progress : callable, optional
        Called with the number of files done.

    Returns
    -------
    Collected

    Raises
    ------
    UsageError
        If a modality has no example.
    """
    for modality in MODALITIES:
        encoder.warm(modality)

    def encoded(entry: ManifestEntry) -> list[tuple[Modality, Float32Array]] | MediaError:
        try:
            _, segments = encoder.encode_file(entry.path)
        except MediaError as error:
            return error
        return [(segment.modality, segment.feature) for segment in segments if segment.feature is not None]

    groups = sorted({entry.group for entry in manifest})
    number = {group: i for i, group in enumerate(groups)}
    rows: dict[Modality, list[tuple[Float32Array, int]]] = {modality: [] for modality in MODALITIES}
    failures = []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        for i, outcome in enumerate(pool.map(encoded, manifest)):
            if isinstance(outcome, MediaError):
                failures.append(outcome)
            else:
                for modality, feature in outcome:
                    rows[modality].append((encoder.as_stored(feature), i))
            if progress:
                progress(i + 1)
    for modality in MODALITIES:
        if not rows[modality]:
            cause = f"; {failures[0]}" if failures else ""
            raise UsageError(f"the manifest holds no {modality} that can be read{cause}")
    entries = {modality: np.array([entry for _, entry in rows[modality]]) for modality in MODALITIES}
    examples = {
        modality: Examples(
            np.stack([feature for feature, _ in rows[modality]]),
            np.array([number[manifest[entry].group] for entry in entries[modality]], dtype=np.int64),
        )
        for modality in MODALITIES
    }
    return Collected(examples, entries, groups, failures)


def split(
    collected: Collected, *, share: float, seed: int
) -> tuple[dict[Modality, Examples], dict[Modality, Examples]]:
    """Hold out files of each group that has at least four of a modality, all segments of a file together.

    Returns
    -------
    taught : dict of modality to Examples
    held_out : dict of modality to Examples
    """
    random = np.random.default_rng(seed)
    taught, held_out = {}, {}
    for modality in MODALITIES:
        examples, entries = collected.examples[modality], collected.entries[modality]
        held = np.zeros(len(entries), dtype=bool)
        for group in np.unique(examples.groups):
            files = np.unique(entries[examples.groups == group])
            n = round(share * len(files)) if len(files) >= 4 else 0
            held |= np.isin(entries, random.permutation(files)[:n])
        taught[modality], held_out[modality] = examples.only(~held), examples.only(held)
    return taught, held_out
