"""Training: ``train space``."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from modag_search.cli.options import format_option, progress_option
from modag_search.cli.output import print_document, say
from modag_search.errors import UsageError


@click.group()
def train() -> None:
    """Train a space on media of your own."""


@train.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("space.safetensors"),
    show_default=True,
    help="The space file.",
)
@click.option("--name", default="custom", show_default=True, help="What the space calls itself.")
@click.option("--sound-encoder", default="modag-sound", show_default=True, help="See `modag models`.")
@click.option("--image-encoder", default="efficientnet-lite0", show_default=True)
@click.option(
    "--loss",
    type=click.Choice(["supcon", "infonce", "hinge"]),
    default="supcon",
    show_default=True,
    help="hinge is the paper's.",
)
@click.option("--steps", type=click.IntRange(1), default=600, show_default=True, help="At the most.")
@click.option(
    "--held-out",
    type=click.FloatRange(0, 0.5),
    default=0.15,
    show_default=True,
    help="Share of files that decides when to stop; 0: never early.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Threads that decode and encode. [default: one a processor]")
@format_option(choices=("table", "json"))
@progress_option
def space(
    manifest: Path,
    output: Path,
    name: str,
    sound_encoder: str,
    image_encoder: str,
    loss: str,
    steps: int,
    held_out: float,
    seed: int,
    workers: int | None,
    output_format: str | None,
    no_progress: bool,
) -> None:
    """Train a space from pairs or labelled media.

    MANIFEST is a CSV or JSONL file with the columns sound,image (two paths that belong together) or path,label; paths
    are relative to it. `modag rebuild --space FILE` moves an index to the new space.
    """
    from modag_search.cli.progress import count_progress
    from modag_search.settings import IndexSettings
    from modag_search.stores.atomic import write_atomically
    from modag_search.training.fitting import fit_space
    from modag_search.training.space import SpaceTrainingSettings

    _check_writable(output)
    with count_progress(wanted=not no_progress) as bar:
        fitted = fit_space(
            manifest,
            name=name,
            encoders=IndexSettings(sound_encoder=sound_encoder, image_encoder=image_encoder),
            settings=SpaceTrainingSettings(loss=loss, steps=steps, seed=seed),
            held_out=held_out,
            workers=workers,
            progress=bar,
        )
    for failure in fitted.failures:
        say(f"failed: {failure}")
    write_atomically(output, [fitted.space.to_bytes()])
    say(f"{output}: written; `modag rebuild --space {output}` moves an index to it")
    print_document(dict(fitted.space.card), output_format=output_format)
    if fitted.failures:
        sys.exit(3)


def _check_writable(output: Path) -> None:
    """Refuse at once what could only be found out after hours of training."""
    probe = output.with_name(f".{output.name}-{secrets.token_hex(4)}")
    if output.is_dir():
        raise UsageError(f"{output}: is a folder; name a file by --output")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from error
