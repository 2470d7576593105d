"""Features of the train and test sources, kept between runs; and the spaces that ship."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np

from modag_search.encoders import fingerprint_of
from modag_search.index.encoding import MediaEncoder
from modag_search.settings import IndexSettings
from modag_search.training.collecting import Collected, collect
from modag_search.training.space import Examples
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.training.manifest import ManifestEntry

SOUND_ENCODERS = {"default": "modag-sound", "mn04": "efficientat-mn04"}
"""The packaged spaces, and the sound encoder that each was trained on; pictures are efficientnet-lite0's."""


def encoder_of(space: str) -> MediaEncoder:
    """Make the encoders that a packaged space is for."""
    return MediaEncoder(IndexSettings(sound_encoder=SOUND_ENCODERS[space]))


def features(manifest: Sequence[ManifestEntry], encoder: MediaEncoder, *, work: Path) -> Collected:
    """Encode files, or take the features that an earlier run left in `work`."""
    paths = [entry.path for entry in manifest]
    kept = work / f"{fingerprint_of({'paths': paths, 'pipelines': encoder.fingerprints})}.npz"
    if kept.is_file():
        return _loaded(kept, manifest)
    with click.progressbar(length=len(paths), label=f"encoding {len(paths)} files") as bar:
        collected = collect(manifest, encoder, progress=lambda _: bar.update(1))
    for failure in collected.failures:
        click.echo(f"left out: {failure}", err=True)
    work.mkdir(parents=True, exist_ok=True)
    arrays = {f"{modality}_features": collected.examples[modality].features for modality in MODALITIES}
    arrays |= {f"{modality}_entries": collected.entries[modality] for modality in MODALITIES}
    partial = kept.with_suffix(".partial")
    with partial.open("wb") as file:  # savez would add its own ending to a path
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(kept)
    return collected


def _loaded(kept: Path, manifest: Sequence[ManifestEntry]) -> Collected:
    groups = sorted({entry.group for entry in manifest})
    number = {group: i for i, group in enumerate(groups)}
    with np.load(kept) as arrays:
        entries = {modality: arrays[f"{modality}_entries"] for modality in MODALITIES}
        examples = {
            modality: Examples(
                arrays[f"{modality}_features"],
                np.array([number[manifest[entry].group] for entry in entries[modality]], dtype=np.int64),
            )
            for modality in MODALITIES
        }
    return Collected(examples, entries, groups, [])
