"""Features of the train and test sources, kept between runs; and how the shipped spaces are trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from general_sounds import PACKAGES, general_sounds
from naming import Media, examples
from safetensors.numpy import load_file

from modag_search.encoders import fingerprint_of
from modag_search.features.encoding import MediaEncoder
from modag_search.settings import IndexSettings
from modag_search.training.class_head import SharedClassHeadSettings
from modag_search.training.collecting import Collected, collect
from modag_search.training.fitting import make_space, with_class_heads
from modag_search.training.names import MeaningSettings, NameVectors, packaged_names
from modag_search.training.space import Examples, SpaceTrainingSettings, train_branches
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modag_search.space import Space
    from modag_search.training.manifest import ManifestEntry
    from modag_search.values import Float32Array

UNLABELLED = 1200
"""How many of the sounds of all kinds, spread evenly over the packages, hold a space to what its encoder hears."""

packages_option = click.option(
    "--packages",
    type=click.Path(path_type=Path),
    default=Path("build/packages"),
    show_default=True,
    help="Folder that general_sounds.py's Debian packages were unpacked in; read where --work lacks their features.",
)

names_option = click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What scripts/train_names made. [default: the names of the space that is in the package]",
)

SETTINGS = SpaceTrainingSettings(loss="supcon", steps=600, examples_a_group=12, dropout=0.5, dimension=126)
"""With the 321 numbers of what the encoders have in common, the 96 of names and a zero, 126 make vectors of 544, a
multiple of 32."""

CLASS_HEAD = SharedClassHeadSettings(share=0.86, rehearsals=20)
MEANING = MeaningSettings()
PAPER = SpaceTrainingSettings(
    loss="hinge", steps=1200, examples_a_group=12, learning_rate=1e-4, weight_decay=0.0, dropout=0.0, mixing=0.0
)
"""What the paper's code does: hinge loss, rate 1e-4, two layers of 256 and 128; features are standardised first."""


@dataclass(frozen=True, slots=True, eq=False)
class Packaged:
    """The encoders that ship, and what a space on them must go on hearing as they do.

    Attributes
    ----------
    encoder : MediaEncoder
    unlabelled : Mapping of modality to np.ndarray [shape=(n, d), float32]
        Features of sounds of all kinds.
    names : NameVectors
        What the encoders' classes are called, and words.
    """

    encoder: MediaEncoder
    unlabelled: Mapping[Modality, Float32Array]
    names: NameVectors


def packaged(*, packages: Path, work: Path, names: Path | None = None) -> Packaged:
    """Make the packaged encoders, and encode the sounds of `general_sounds.PACKAGES`, unpacked in a folder.

    Parameters
    ----------
    packages, work : Path
    names : Path, optional
        What scripts/train_names made; else the names are those of the packaged space.
    """
    encoder = MediaEncoder(IndexSettings())
    return Packaged(
        encoder,
        unlabelled_sounds(encoder, packages=packages, work=work),
        NameVectors.from_tensors(load_file(names)) if names else packaged_names(),
    )


def unlabelled_sounds(encoder: MediaEncoder, *, packages: Path, work: Path) -> dict[Modality, Float32Array]:
    """Encode the sounds of all kinds in Debian packages, or take the features that an earlier run left in `work`.

    Parameters
    ----------
    encoder : MediaEncoder
    packages : Path
        Folder that the packages of general_sounds.py were unpacked in.
    work : Path

    Returns
    -------
    dict
        Features of sounds, ``[shape=(n, 512), float32]``: what the space must go on hearing as the encoder does.
    """
    sound = encoder.encoders["sound"]
    kept = work / f"unlabelled-{fingerprint_of({'packages': list(PACKAGES), 'encoder': sound.fingerprint})}.npy"
    if not kept.is_file():
        clips = general_sounds(packages, sample_rate_hz=sound.sample_rate_hz)
        rows = [sound.encode([samples])[0] for _, samples in clips if np.ptp(samples) > 0]
        work.mkdir(parents=True, exist_ok=True)
        with kept.with_suffix(".partial").open("wb") as file:
            np.save(file, encoder.as_stored(np.stack(rows)))
        kept.with_suffix(".partial").replace(kept)
    features = np.load(kept)
    return {"sound": features[np.linspace(0, len(features) - 1, UNLABELLED).astype(int)]}


def train_space(
    arranged: Mapping[Modality, Media],
    packaged: Packaged,
    *,
    settings: SpaceTrainingSettings,
    class_heads: SharedClassHeadSettings,
    meaning: MeaningSettings | None = MEANING,
    card: Mapping[str, Any],
) -> Space:
    """Train branches and class heads on media of both modalities.

    Parameters
    ----------
    arranged : Mapping of modality to Media
    packaged : Packaged
    settings : SpaceTrainingSettings
        Their seed is that of the class_heads, too.
    class_heads : SharedClassHeadSettings
    meaning : MeaningSettings or None
        None leaves names out.
    card : Mapping
    """
    numbered, groups = examples(dict(arranged))
    trained = train_branches(numbered, validation=None, settings=settings)
    learned = make_space(trained, encoder=packaged.encoder, card=card)
    return with_class_heads(
        learned,
        packaged.encoder,
        numbered,
        groups,
        settings=class_heads,
        names=packaged.names if meaning else None,
        meaning=meaning,
        seed=settings.seed,
        unlabelled=packaged.unlabelled,
    )


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
