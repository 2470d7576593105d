"""From a manifest, or the labels of an index, to a space file."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.catalog.versions import library_versions
from modag_search.errors import UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.features.stored import StoredFeatures
from modag_search.settings import IndexSettings
from modag_search.space import Space, packaged_spaces
from modag_search.training.class_head import SharedClassHeadSettings, fit_shared_class_head
from modag_search.training.collecting import Collected, collect, collect_labelled
from modag_search.training.comparison import (
    FOLDS,
    MADE_BY,
    NamingComparison,
    compare_naming,
    warn_of_losses,
    was_trained_elsewhere,
)
from modag_search.training.manifest import read_manifest
from modag_search.training.names import MeaningSettings, NameVectors, make_meaning, packaged_names, taught_names
from modag_search.training.space import (
    Examples,
    SpaceTrainingSettings,
    TrainedBranches,
    cross_modal_accuracy,
    cross_modal_recall,
    identity_of,
    train_branches,
    unrelated_similarities,
)
from modag_search.training.splitting import taught_and_checks
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from modag_search.errors import MediaError
    from modag_search.index import Index
    from modag_search.space import SharedClassHead
    from modag_search.training.checkpoint import Checkpoint
    from modag_search.values import Float32Array

    _Tell = Callable[[str, int, int], None]

_SHARES = (0.5, 0.8)
_LEAST_SHARE = 0.2
_UNCHECKED_SHARE = 0.5
_LENGTHS_MULTIPLE_OF = 32
"""Vector units and product quantisers take vectors by such parts."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedSpace:
    """A space, how its training went, and the files that could not be used for it.

    Attributes
    ----------
    space : Space
    failures : list of MediaError
    history : list of dict
        See `TrainedBranches`.
    naming : dict of modality to NamingComparison
        Whether it names better or worse than what was there before; see `compare_naming`.
    """

    space: Space
    failures: list[MediaError]
    history: list[dict[str, float]]
    naming: Mapping[Modality, NamingComparison]


def fit_space(
    manifest: Path | None = None,
    *,
    name: str,
    settings: SpaceTrainingSettings,
    encoders: IndexSettings | None = None,
    index: Index | None = None,
    class_heads: SharedClassHeadSettings | None = None,
    names: bool = True,
    videos: bool = False,
    held_out: float = 0.15,
    compare: bool = True,
    workers: int | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    on_failure: Callable[[MediaError], None] | None = None,
) -> FittedSpace:
    """Train a space on the media of a manifest, or on the labelled items of an index.

    Parameters
    ----------
    manifest : Path, optional
        See `read_manifest`. Without one, the labels of `index` say what belongs together.
    name : str
    settings : SpaceTrainingSettings
    encoders : IndexSettings, optional
        Names the encoders and how files are cut; those of `index`, where there is one.
    index : Index, optional
        Files that it holds unchanged are neither decoded nor encoded.
    class_heads : SharedClassHeadSettings, optional
        How much of the encoders' own classifiers the space draws on. Without it, what is held out decides.
    names : bool
        Let it draw on what the classes of these classifiers are called, too, and so understand words.
    videos : bool
        Take the frames and the sound of each moment of a video for a pair, whatever its label.
    held_out : float
        Share of files kept from training, which decide when to stop and are scored on the card.
    compare : bool
        Train four more, each without a quarter of the files, to see whether the space names a modality better or worse
        than its features, and than the space of `index`; where it is worse, a warning says so.
    workers : int, optional
    checkpoint : Checkpoint, optional
        Where the training notes its state, and goes on from; to be removed once the space is kept.
    progress : callable, optional
        Called with what is being done, how much of it is done, and how much there is.
    on_failure : callable, optional
        Called with each file that cannot be used, before training begins.

    Returns
    -------
    FittedSpace

    Raises
    ------
    UsageError
        If the manifest or the index cannot be used, or the checkpoint is of another training.
    """
    if manifest is None and index is None:
        raise UsageError("training needs a manifest or an index")
    if checkpoint:
        checkpoint.require(identity_of(settings))
    tell = progress or (lambda _what, _done, _all: None)
    encoder = MediaEncoder(index.settings if index else encoders or IndexSettings())
    former = index.space if compare and index and was_trained_elsewhere(index.space) else None
    collected = _collect(
        manifest, encoder, index=index, videos=videos, workers=workers, tell=tell, on_failure=on_failure
    )
    taught, checks = taught_and_checks(collected, share=held_out, seed=settings.seed)
    trained = train_branches(
        taught,
        validation=checks,
        settings=settings,
        progress=lambda step, _loss: tell("training", step, settings.steps),
        checkpoint=checkpoint,
    )
    source = {"manifest": manifest.name} if manifest else {"index": os.path.basename(index.name) if index else ""}
    card: dict[str, Any] = {"name": name, "made_by": MADE_BY, **source}
    learned = make_space(trained, encoder=encoder, card=card)
    recipe = _Recipe(
        encoder, collected.groups, collected.pairs, settings, class_heads, packaged_names() if names else None
    )
    space = recipe.with_best_class_heads(learned, taught, checks)
    card |= _account(collected, trained, taught, checks, space)
    naming: dict[Modality, NamingComparison] = {}
    if compare:
        again = partial(recipe.again, n_steps=trained.best_step, share=space.class_head_share, tell=tell)
        naming = compare_naming(collected, again, former=former, seed=settings.seed)
        warn_of_losses(naming, former=former)
    card["naming"] = {modality: found.card() for modality, found in naming.items()}
    card["former_space"] = former.name if former else None
    card["settings"] = {**dataclasses.asdict(settings), "held_out": held_out}
    card["knowledge"] = {"share": space.class_head_share, "names": len(space.names), "words": space.reads_words}
    card["versions"] = library_versions()
    return FittedSpace(dataclasses.replace(space, card=card), collected.failures, trained.history, naming)


def _collect(
    manifest: Path | None,
    encoder: MediaEncoder,
    *,
    index: Index | None,
    videos: bool,
    workers: int | None,
    tell: _Tell,
    on_failure: Callable[[MediaError], None] | None,
) -> Collected:
    """Take the examples of a manifest, or of the labels of an index."""
    stored = StoredFeatures(index.catalog, encoder.fingerprints) if index else None
    if manifest is None:
        assert index is not None
        assert stored is not None
        return collect_labelled(index.catalog, stored, videos=videos, on_failure=on_failure, name=f"index {index.name}")
    entries = read_manifest(manifest, videos=videos)
    n_files = len({entry.path for entry in entries})
    return collect(
        entries,
        encoder,
        stored=stored,
        workers=workers,
        progress=lambda n: tell("encoding", n, n_files),
        on_failure=on_failure,
        name=str(manifest),
    )


def make_space(trained: TrainedBranches, *, encoder: MediaEncoder, card: Mapping[str, Any]) -> Space:
    """Bind trained branches to the encoders whose features they take."""
    return Space(
        branches=trained.branches,
        encoders={
            modality: {"name": encoder.encoders[modality].name, "fingerprint": encoder.encoders[modality].fingerprint}
            for modality in MODALITIES
        },
        unrelated=trained.unrelated,
        card=card,
    ).padded_to(_LENGTHS_MULTIPLE_OF)


def with_class_heads(
    space: Space,
    encoder: MediaEncoder,
    examples: Mapping[Modality, Examples],
    groups: Sequence[str],
    *,
    settings: SharedClassHeadSettings,
    names: NameVectors | None = None,
    meaning: MeaningSettings | None = None,
    seed: int = 0,
    unlabelled: Mapping[Modality, Float32Array] | None = None,
    pairs: Collection[int] = (),
    taught: Mapping[Modality, SharedClassHead] | None = None,
) -> Space:
    """Let a space draw on what its encoders' own classifiers know.

    It stays as it is where an encoder has no classifier.

    Parameters
    ----------
    space : Space
    encoder : MediaEncoder
    examples : Mapping of modality to Examples
    groups : sequence of str
        Names of the groups of the examples, by number.
    settings : SharedClassHeadSettings
        See `fit_shared_class_head`.
    names : NameVectors, optional
        What the classes are called, and words; without them the space understands none.
    meaning : MeaningSettings, optional
        How names become part of the space.
    seed : int
    unlabelled : Mapping of modality to np.ndarray [shape=(n, d), float32], optional
        See `fit_shared_class_head`.
    pairs : collection of int
        Groups that no label names, but a pair of files, or a moment of a video.
    taught : Mapping of modality to SharedClassHead, optional
        See `fit_shared_class_head`.

    Returns
    -------
    Space
    """
    if settings.share == 0:
        return space
    heads = {modality: encoder.encoders[modality].class_head() for modality in MODALITIES}
    fitted = fit_shared_class_head(
        examples, groups, heads, settings=settings, seed=seed, unlabelled=unlabelled, taught=taught
    )
    if fitted is None:
        return space
    tree, class_heads = fitted
    knowing = dataclasses.replace(space, class_heads=class_heads, tree=tree, class_head_share=settings.share)
    if names:
        known = {modality: head for modality, head in heads.items() if head is not None}
        how = meaning or MeaningSettings()
        named = make_meaning(known, names, settings=how, share=settings.share)
        knowing = dataclasses.replace(knowing, meaning=named)
        named_so = taught_names(knowing, examples, groups, settings=how, unnamed=pairs)
        knowing = dataclasses.replace(knowing, taught=named_so)
    return _weighted(knowing.padded_to(_LENGTHS_MULTIPLE_OF), share=settings.share, examples=examples, groups=groups)


def _weighted(space: Space, *, share: float, examples: Mapping[Modality, Examples], groups: Sequence[str]) -> Space:
    """Set the share of all but the branches, and measure anew how similar unlike things are."""
    meaning = space.meaning
    if meaning and space.class_head_share:
        least_share = meaning.least_share / space.class_head_share * share
        meaning = dataclasses.replace(meaning, least_share=least_share)
    space = dataclasses.replace(space, class_head_share=share, meaning=meaning)
    unrelated = unrelated_similarities(_projections(space), examples)
    if meaning:
        unrelated |= unrelated_to_words(space, examples, groups)
    return dataclasses.replace(space, unrelated=unrelated)


def unrelated_to_words(
    space: Space, examples: Mapping[Modality, Examples], groups: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Measure mean and standard deviation of the similarity of common names and of what is called otherwise.

    As most texts ask: those that no label of the training is near to.

    Parameters
    ----------
    space : Space
        That understands words.
    examples : Mapping of modality to Examples
    groups : sequence of str
        Names of the groups of the examples, by number.

    Returns
    -------
    dict
        By pair, as `Space.unrelated` has them: ``"image-text"``, ``"sound-text"``.
    """
    texts = dataclasses.replace(space, taught=None).text_vectors(
        [f"a {name.replace('_', ' ')}" for name in space.names]
    )
    called = np.array(groups)
    unrelated = {}
    for modality in MODALITIES:
        unlike = np.array(space.names)[:, None] != called[examples[modality].groups][None, :]
        similarities = (texts @ space.project(modality, examples[modality].features).T)[unlike]
        unrelated[f"{modality}-text"] = (round(float(similarities.mean()), 5), round(float(similarities.std()), 5))
    return unrelated


def _projections(space: Space) -> dict[Modality, Callable[[Float32Array], Float32Array]]:
    return {modality: partial(space.project, modality) for modality in MODALITIES}


@dataclass(frozen=True, slots=True, eq=False)
class _Recipe:
    """What a space is made by beside its examples; `groups` are the names of theirs, but for `pairs`."""

    encoder: MediaEncoder
    groups: Sequence[str]
    pairs: Collection[int]
    settings: SpaceTrainingSettings
    class_heads: SharedClassHeadSettings | None
    names: NameVectors | None

    def with_best_class_heads(
        self, space: Space, taught: Mapping[Modality, Examples], checks: Mapping[Modality, Examples] | None
    ) -> Space:
        """Add class heads: as much as is wanted, or the share that names what was held out best.

        With names, some share is kept whatever is held out: a space without it would understand no words.
        """
        full = self._with_class_heads(space, taught)
        if self.class_heads or not full.names:
            return full
        weighted = partial(_weighted, full, examples=taught, groups=self.groups)
        if checks is None:
            return weighted(share=_UNCHECKED_SHARE)
        least = weighted(share=_LEAST_SHARE) if full.reads_words else space
        candidates = [least, *(weighted(share=share) for share in _SHARES)]
        return max(candidates, key=lambda candidate: cross_modal_accuracy(_projections(candidate), taught, checks))

    def again(
        self, taught: Mapping[Modality, Examples], fold: int, *, n_steps: int, share: float, tell: _Tell
    ) -> Space:
        """Make the space that these examples would have made, in as many steps and with the same share."""
        trained = train_branches(
            taught,
            validation=None,
            settings=self.settings,
            stop_after=n_steps,
            progress=lambda step, _loss: tell("comparing", fold * n_steps + step, FOLDS * n_steps),
        )
        space = make_space(trained, encoder=self.encoder, card={})
        if share == 0:
            return space
        return _weighted(self._with_class_heads(space, taught), share=share, examples=taught, groups=self.groups)

    def _with_class_heads(self, space: Space, taught: Mapping[Modality, Examples]) -> Space:
        chosen, seed = self.class_heads or SharedClassHeadSettings(), self.settings.seed
        return with_class_heads(
            space,
            self.encoder,
            taught,
            self.groups,
            settings=chosen,
            names=self.names,
            seed=seed,
            pairs=self.pairs,
            taught=_taught_before(self.encoder),
        )


def _taught_before(encoder: MediaEncoder) -> Mapping[Modality, SharedClassHead] | None:
    """Return what the packaged space was taught of common names; None where it is of other encoders.

    AudioSet has no class for an oboe. A space that began without would no longer know what one is.
    """
    packaged = Space.load(packaged_spaces()["default"])
    fits = all(packaged.encoders[m]["fingerprint"] == encoder.encoders[m].fingerprint for m in MODALITIES)
    return packaged.class_heads if fits else None


def _count_groups(examples: Mapping[Modality, Examples]) -> dict[str, int]:
    return {modality: len(np.unique(examples[modality].groups)) for modality in MODALITIES}


def _account(
    collected: Collected,
    trained: TrainedBranches,
    taught: Mapping[Modality, Examples],
    checks: Mapping[Modality, Examples] | None,
    space: Space,
) -> dict[str, Any]:
    """Say what a space was made from, how its training went and what it is worth."""
    return {
        "files": collected.n_files,
        "groups": _count_groups(taught),
        "segments": {modality: len(taught[modality].groups) for modality in MODALITIES},
        "steps": len(trained.history),
        "best_step": trained.best_step,
        "metrics": _metrics(trained, taught, checks, space) if checks else None,
    }


def _metrics(
    trained: TrainedBranches,
    taught: Mapping[Modality, Examples],
    checks: Mapping[Modality, Examples],
    space: Space,
) -> dict[str, Any]:
    """Score the space on what was held out, beside what chance would score."""
    metrics: dict[str, Any] = {"held_out_segments": {modality: len(checks[modality].groups) for modality in MODALITIES}}
    for measure, scores in cross_modal_recall(_projections(space), checks).items():
        metrics[measure] = {what: round(value, 4) for what, value in scores.items()}
    if "validation_accuracy" in trained.history[trained.best_step - 1]:
        metrics["naming_by_the_other_modality"] = {
            "accuracy": round(cross_modal_accuracy(_projections(space), taught, checks), 4),
            "chance": round(1 / min(_count_groups(taught).values()), 4),
        }
    return metrics
