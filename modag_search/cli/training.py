"""Training: ``train space``, ``train names``, ``train head``."""

from __future__ import annotations

import dataclasses
import importlib.util
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.hints import index_given
from modag_search.cli.options import Command, PathNamed, format_option, index_option, progress_option
from modag_search.cli.output import counted, print_document, say
from modag_search.cli.writing import check_writable
from modag_search.encoders.torch_backend import require_torch
from modag_search.errors import MissingExtraError, ModagError, ModelError, UsageError
from modag_search.training.settings import LOSS_NAMES, SpaceTrainingSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.index import Index
    from modag_search.settings import IndexSettings
    from modag_search.training.checkpoint import Checkpoint
    from modag_search.training.fitting import FittedSpace
    from modag_search.values import Modality

_WHO = "modag train space"
_HELP = {
    "loss": "hinge is the paper's.",
    "steps": "At the most.",
    "groups_a_batch": "How many labels, or pairs, a batch holds.",
    "examples_a_group": "Of each as many sounds and as many pictures.",
    "learning_rate": "Of AdamW; it falls as a cosine.",
    "weight_decay": "Of AdamW.",
    "dropout": "Share of the input features left out.",
    "mixing": "Greatest share of another example of the same group mixed in.",
    "margin": "Of the hinge loss, in cosine.",
    "temperature": "Of supcon and infonce.",
    "within": "With supcon, weight of telling apart the labels of each modality, with or without the other.",
    "hidden": "Width of the hidden layer.",
    "dimension": "Length of the vectors.",
    "patience": "Checks (one every 25 steps) without progress before it stops; 0: never early.",
    "seed": "Decides the first weights and all draws.",
}
_PLURAL: Mapping[Modality, str] = {"image": "pictures", "sound": "sounds"}
_OPTION = {"groups_a_batch": "batch_groups"}


def _settings_options(command: Command) -> Command:
    """Add an option for each field of the settings."""
    for field in reversed(dataclasses.fields(SpaceTrainingSettings)):
        name = "--" + _OPTION.get(field.name, field.name).replace("_", "-")
        kind = click.Choice(sorted(LOSS_NAMES)) if field.name == "loss" else type(field.default)
        option = click.option(
            name, field.name, type=kind, default=field.default, show_default=True, help=_HELP[field.name]
        )
        command = option(command)
    return command


@click.group()
def train() -> None:
    """Train a space on media of your own or on names alone, or a head on the labels of an index."""


@train.command()
@click.argument("manifest", type=PathNamed(), required=False)
@click.option(
    "--index",
    "index_name",
    metavar="NAME_OR_DIR",
    callback=index_given,
    help="Learn from the labels of this index; with MANIFEST, take the features of the files that it holds unchanged. "
    "[default: none with MANIFEST, else $MODAG_INDEX or default]",
)
@click.option(
    "--videos", is_flag=True, help="Sound and frame of each moment of a video are a pair, whatever label the video has."
)
@click.option(
    "--output",
    type=PathNamed(),
    default=Path("space.safetensors"),
    show_default=True,
    help="The space file.",
)
@click.option("--name", default="custom", show_default=True, help="What the space calls itself.")
@click.option("--sound-encoder", help="See `modag models`. [default: that of the index, or modag-sound]")
@click.option("--image-encoder", help="[default: that of the index, or efficientnet-lite2]")
@_settings_options
@click.option(
    "--knowledge-share",
    type=click.FloatRange(0, 1),
    help="Weight, in a similarity, of what the encoders' own classes are called, from 0 to 1. "
    "[default: what names the held-out files best]",
)
@click.option("--no-names", is_flag=True, help="Leave out what classes are called: words then find nothing.")
@click.option(
    "--held-out",
    type=click.FloatRange(0, 0.5),
    default=0.15,
    show_default=True,
    help="Share of a label's files, or of the pairs, that decides when to stop; 0: never early.",
)
@click.option(
    "--no-comparison",
    is_flag=True,
    help="Do not see whether the space names files better or worse than they are named without it: that takes four "
    "trainings more.",
)
@click.option("--checkpoint", type=PathNamed(), help="[default: OUTPUT with the suffix .checkpoint]")
@click.option("--restart", is_flag=True, help="Begin anew, whatever a checkpoint holds.")
@click.option("--plot", type=PathNamed(), help="Loss and recall as a PNG. [default: OUTPUT with the suffix .png]")
@click.option("--no-plot", is_flag=True, help="Draw nothing.")
@click.option("--workers", type=click.IntRange(1), help="Files decoded and encoded at once. [default: one a processor]")
@format_option(choices=("table", "json"))
@progress_option
def space(
    manifest: Path | None,
    index_name: str | None,
    knowledge_share: float | None,
    no_names: bool,
    videos: bool,
    output: Path,
    name: str,
    sound_encoder: str | None,
    image_encoder: str | None,
    held_out: float,
    no_comparison: bool,
    checkpoint: Path | None,
    restart: bool,
    plot: Path | None,
    no_plot: bool,
    workers: int | None,
    output_format: str | None,
    no_progress: bool,
    **settings: Any,
) -> None:
    """Train a space from pairs, labelled media or videos.

    MANIFEST is a CSV or JSONL file with the columns sound,image (two paths that belong together); path,label; or video
    (what sounds and shows at one moment belongs together). Paths are relative to it. Without MANIFEST, the labels of
    an index say what belongs together, and nothing is decoded.

    A training that was killed goes on from its checkpoint when the same command is given again. `modag rebuild --space
    FILE` moves an index to the new space.
    """
    chosen = SpaceTrainingSettings(**settings)
    plot_path = _plot_path(output, plot, no_plot=no_plot)
    _require_extra(plots=plot_path is not None)
    from modag_search.cli.progress import count_progress
    from modag_search.files import write_atomically
    from modag_search.index import Index
    from modag_search.settings import index_named
    from modag_search.training.checkpoint import Checkpoint
    from modag_search.training.class_head import SharedClassHeadSettings
    from modag_search.training.fitting import fit_space

    notes = Checkpoint(
        checkpoint or output.with_suffix(".checkpoint"),
        restart=restart,
        on_resume=lambda step: say(f"{notes.path}: goes on from step {step}"),
    )
    _check_writable(output, notes.path, plot_path)
    with ExitStack() as stack:
        index = None
        if index_name or manifest is None:
            index = stack.enter_context(Index.open(index_named(index_name)))
        bar = stack.enter_context(count_progress(wanted=not no_progress))
        try:
            fitted = fit_space(
                manifest,
                name=name,
                settings=chosen,
                encoders=_encoders(index.settings if index else None, sound_encoder, image_encoder),
                index=index,
                class_heads=None if knowledge_share is None else SharedClassHeadSettings(share=knowledge_share),
                names=not no_names,
                videos=videos,
                held_out=held_out,
                compare=not no_comparison,
                workers=workers,
                checkpoint=notes,
                progress=bar,
                on_failure=lambda failure: say(f"failed: {failure}"),
            )
        except KeyboardInterrupt:
            raise _interrupted(notes) from None
    write_atomically(output, [fitted.space.to_bytes()], error=ModelError)
    notes.remove()
    if plot_path:
        from modag_search.training.plots import plot_history

        picture = plot_history(fitted.history, title=name, best_step=fitted.space.card["best_step"])
        write_atomically(plot_path, [picture], error=ModagError)
    if not no_comparison:
        _say_how_it_names(fitted, index)
    move = shlex.join(["modag", "rebuild", "--space", str(output)])
    say(f"{output}: written; `{move}` moves {'the' if index_name else 'an'} index to it")
    print_document(dict(fitted.space.card), output_format=output_format)
    if fitted.failures:
        sys.exit(3)


def _require_extra(*, plots: bool) -> None:
    """Refuse at once, before the modules below import torch, where a plain installation cannot train."""
    require_torch(_WHO)
    if plots and importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError(f"{_WHO} without --no-plot", "train")


def _encoders(kept: IndexSettings | None, sound: str | None, image: str | None) -> IndexSettings:
    """Choose the encoders: those of the index, where there is one."""
    from modag_search.settings import IndexSettings

    named = {key: value for key, value in (("sound_encoder", sound), ("image_encoder", image)) if value}
    if kept is None:
        return IndexSettings(**named)  # type: ignore[arg-type]
    for key, value in named.items():
        if getattr(kept, key) != value:
            raise UsageError(
                f"--{key.replace('_', '-')} {value}: the index has features of {getattr(kept, key)}; "
                f"leave the option out, or name a MANIFEST without --index"
            )
    return kept


def _plot_path(output: Path, plot: Path | None, *, no_plot: bool) -> Path | None:
    if no_plot and plot:
        raise UsageError("--plot and --no-plot exclude each other")
    if plot and plot.suffix.lower() != ".png":
        raise UsageError(f"{plot}: a plot is a PNG file; give it a name that ends in .png")
    return None if no_plot else plot or output.with_suffix(".png")


def _check_writable(output: Path, checkpoint: Path, plot: Path | None) -> None:
    """Refuse at once what could only be found out after hours of training."""
    paths = [path for path in (output, checkpoint, plot) if path]
    if len({path.absolute() for path in paths}) < len(paths):
        raise UsageError(f"{output}: space, checkpoint and plot need a file each; name others")
    check_writable(output, option="--output", replaces=b"modag-space/")
    from modag_search.training.checkpoint import MARK

    check_writable(checkpoint, option="--checkpoint", replaces=MARK)
    if plot:
        check_writable(plot, option="--plot", replaces=b"\x89PNG")


def _say_how_it_names(fitted: FittedSpace, index: Index | None) -> None:
    """Say of each modality how many files are named right in the space, and without it."""
    former = fitted.space.card["former_space"]
    for modality, plural in _PLURAL.items():
        found = fitted.naming.get(modality)
        if found is None:
            say(f"{plural}: no label has two of them, so that nothing tells how well they name each other")
            continue
        in_use = "" if found.former is None else f", {found.former:.2f} in {former}, the space in use"
        say(
            f"{plural} named by the others, {found.files} of {counted(found.labels, 'label')}, each left out of a "
            f"training: {found.space:.2f} right in this space, {found.features:.2f} by their features alone{in_use}"
        )
    if index and index.space.joins and not former:
        say(
            f"{index.space.name}, the space in use, is not compared: `{_WHO}` trained it as well, perhaps on the same "
            f"labels"
        )


def _interrupted(notes: Checkpoint) -> click.Abort:
    """Say what an interrupted training leaves."""
    if notes.path.exists():
        return click.Abort(f"interrupted; {notes.path} keeps how far it was, and the same command goes on from there")
    return click.Abort(
        "interrupted; nothing is kept: the same command begins anew. Where decoding takes long, `modag index` the "
        "media first, and train with --index"
    )


@train.command()
@click.option(
    "--output",
    type=PathNamed(),
    default=Path("names.safetensors"),
    show_default=True,
    help="The space file.",
)
@click.option("--name", default="names", show_default=True, help="What the space calls itself.")
@click.option("--sound-encoder", default="clap", show_default=True, help="One with a text tower; see `modag models`.")
@click.option("--image-encoder", default="clip", show_default=True, help="Likewise.")
@click.option(
    "--names",
    "list_of_names",
    type=PathNamed(),
    help="A file with names of things, one a line. [default: 3,596 that come with the program]",
)
@format_option(choices=("table", "json"))
@progress_option
def names(
    output: Path,
    name: str,
    sound_encoder: str,
    image_encoder: str,
    list_of_names: Path | None,
    output_format: str | None,
    no_progress: bool,
) -> None:
    """Make a space of what two encoders with text towers see in names.

    No sound and no picture is needed. Both text towers read the same names, and a linear map carries each encoder to
    where they agree; `modag index PATH --sound-encoder clap --image-encoder clip --space FILE` makes an index with it.
    Words ask there by way of both towers.
    """
    from modag_search import registry
    from modag_search.cli.progress import count_progress
    from modag_search.files import write_atomically
    from modag_search.training.joining import PACKAGED_NAMES, join_by_names, read_name_list

    check_writable(output, option="--output", replaces=b"modag-space/")
    listed = read_name_list(list_of_names or PACKAGED_NAMES)
    encoders = {"sound": registry.encoder_class(sound_encoder)(), "image": registry.encoder_class(image_encoder)()}
    for modality, encoder in encoders.items():
        if encoder.modality != modality:
            raise UsageError(f"--{modality}-encoder {encoder.name}: takes {encoder.modality}s")
    with count_progress(wanted=not no_progress) as bar:
        made = join_by_names(
            encoders,  # type: ignore[arg-type]
            listed,
            name=name,
            progress=(lambda done: bar("reading names", done, len(listed))) if bar else None,
        )
    write_atomically(output, [made.to_bytes()], error=ModelError)
    say(
        f"{output}: written; `modag index PATH --sound-encoder {sound_encoder} --image-encoder {image_encoder} "
        f"--space {output}` makes an index with it"
    )
    print_document(dict(made.card), output_format=output_format)


@train.command()
@index_option
@click.option("--update", is_flag=True, help="Take in what has changed since it was fitted; its settings stay.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Deals the folds.")
@format_option(choices=("table", "json"))
def head(index_name: str | None, update: bool, seed: int, output_format: str | None) -> None:
    """Fit a linear head to the labelled items, sounds and pictures alike.

    `modag classify --by head` asks it. Its settings are chosen, and its confidence learnt, by cross-validation. It is
    kept in the index and says so when labels have changed since.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        card = opened.train_head(update=update, seed=seed).card()
    print_document(card, output_format=output_format)
