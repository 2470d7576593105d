"""Features of the train and test sources, kept between runs; and how the shipped spaces are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np
from naming import Media, examples

from modag_search.encoders import fingerprint_of
from modag_search.index.encoding import MediaEncoder
from modag_search.settings import IndexSettings
from modag_search.training.collecting import Collected, collect
from modag_search.training.fitting import make_space, with_knowledge
from modag_search.training.knowledge import KnowledgeSettings
from modag_search.training.space import Examples, SpaceTrainingSettings, train_branches
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modag_search.space import Space
    from modag_search.training.manifest import ManifestEntry

SETTINGS = SpaceTrainingSettings(loss="supcon", steps=600, examples_a_group=12, dropout=0.5, dimension=126)
"""With the 322 numbers of what the encoders know, 126 make vectors of 448, a multiple of 32."""

KNOWLEDGE = KnowledgeSettings()
PAPER = SpaceTrainingSettings(
    loss="hinge", steps=1200, examples_a_group=12, learning_rate=1e-4, weight_decay=0.0, dropout=0.0, mixing=0.0
)
"""What the paper's code does: hinge loss, rate 1e-4, two layers of 256 and 128; features are standardised first."""


def packaged_encoders() -> MediaEncoder:
    """Make the encoders that the packaged space is for."""
    return MediaEncoder(IndexSettings())


def train_space(
    arranged: Mapping[Modality, Media],
    encoder: MediaEncoder,
    *,
    settings: SpaceTrainingSettings,
    knowledge: KnowledgeSettings,
    card: Mapping[str, Any],
) -> Space:
    """Train branches and knowledge on media of both modalities.

    Parameters
    ----------
    arranged : Mapping of modality to Media
    encoder : MediaEncoder
    settings : SpaceTrainingSettings
        Their seed is that of the knowledge, too.
    knowledge : KnowledgeSettings
    card : Mapping
    """
    numbered, groups = examples(dict(arranged))
    trained = train_branches(numbered, validation=None, settings=settings)
    learned = make_space(trained, encoder=encoder, card=card)
    return with_knowledge(learned, encoder, numbered, groups, settings=knowledge, seed=settings.seed)


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
    partial_file = kept.with_suffix(".partial")
    with partial_file.open("wb") as file:  # savez would add its own ending to a path
        np.savez(file, allow_pickle=False, **arrays)
    partial_file.replace(kept)
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
