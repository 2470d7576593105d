"""From a manifest to a space file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.index.encoding import MediaEncoder
from modag_search.index.versions import library_versions
from modag_search.space import Space
from modag_search.training.collecting import collect, split
from modag_search.training.manifest import read_manifest
from modag_search.training.space import SpaceTrainingSettings, TrainedBranches, cross_modal_accuracy, train_branches
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from modag_search.errors import MediaError
    from modag_search.settings import IndexSettings


@dataclass(frozen=True, slots=True, eq=False)
class FittedSpace:
    """A space, and the files that could not be used for it."""

    space: Space
    failures: list[MediaError]


def fit_space(
    manifest: Path,
    *,
    name: str,
    encoders: IndexSettings,
    settings: SpaceTrainingSettings,
    held_out: float = 0.15,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> FittedSpace:
    """Train a space on the media of a manifest.

    Parameters
    ----------
    manifest : Path
        See `read_manifest`.
    name : str
    encoders : IndexSettings
        Names the encoders and how files are cut.
    settings : SpaceTrainingSettings
    held_out : float
        Share of files kept from training, which decide when to stop and are scored on the card.
    workers : int, optional
    progress : callable, optional
        Called with what is being done, how much of it is done, and how much there is.

    Returns
    -------
    FittedSpace

    Raises
    ------
    UsageError
        If the manifest cannot be used.
    """
    tell = progress or (lambda _what, _done, _all: None)
    entries = read_manifest(manifest)
    encoder = MediaEncoder(encoders)
    collected = collect(entries, encoder, workers=workers, progress=lambda n: tell("encoding", n, len(entries)))
    taught, validation = split(collected, share=held_out, seed=settings.seed)
    checks = validation if all(len(validation[modality].groups) for modality in MODALITIES) else None
    trained = train_branches(
        taught,
        validation=checks,
        settings=settings,
        progress=lambda step, _loss: tell("training", step, settings.steps),
    )
    groups = {modality: len(np.unique(taught[modality].groups)) for modality in MODALITIES}
    card: dict[str, Any] = {
        "manifest": manifest.name,
        "files": len(entries) - len(collected.failures),
        "groups": groups,
        "settings": dataclasses.asdict(settings),
        "best_step": trained.best_step,
        "versions": library_versions(),
    }
    if checks:
        accuracy = cross_modal_accuracy(trained.branches, taught, checks)
        card["held_out_accuracy"] = {
            "naming_by_the_other_modality": round(accuracy, 4),
            "chance": round(1 / min(groups.values()), 4),
            "segments": {modality: len(checks[modality].groups) for modality in MODALITIES},
        }
    return FittedSpace(make_space(trained, encoder=encoder, card={"name": name, **card}), collected.failures)


def make_space(trained: TrainedBranches, *, encoder: MediaEncoder, card: Mapping[str, Any]) -> Space:
    """Bind trained branches to the encoders whose features they take."""
    return Space(
        branches=trained.branches,
        encoders={
            modality: {"name": encoder.encoders[modality].name, "fingerprint": encoder.encoders[modality].fingerprint}
            for modality in MODALITIES
        },
        background=trained.background,
        card=card,
    )
