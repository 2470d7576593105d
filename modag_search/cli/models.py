"""Networks: ``models``."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import PathNamed, format_option
from modag_search.cli.output import print_rows, say

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER = ("asked", "expected", "found", "right")


@click.group(invoke_without_command=True)
@format_option(choices=("table", "json", "jsonl", "csv"))
@click.pass_context
def models(context: click.Context, output_format: str | None) -> None:
    """List the installed encoders, and whether their weights are here.

    `modag models add NAME FILE` installs weights from a file; `modag models check NAME` tells whether an encoder
    answers as it must.
    """
    if context.invoked_subcommand is not None:
        return
    from modag_search import registry
    from modag_search.errors import PluginError

    rows = []
    for name in registry.encoder_names():
        try:
            encoder = registry.encoder_class(name)()
        except PluginError as error:
            say(f"failed: {error}")
            continue
        missing = encoder.missing_weights()
        rows.append(
            {
                "name": name,
                "modality": encoder.modality,
                "dimension": encoder.dimension,
                "licence": encoder.card.licence,
                "size_bytes": encoder.card.size_bytes,
                "here": missing is None,
                "source": encoder.card.source,
                "how_to_get": missing or "",
                "summary": encoder.card.summary,
            }
        )
    print_rows(
        rows,
        output_format=output_format,
        columns=("name", "modality", "dimension", "licence", "size_bytes", "here", "how_to_get"),
    )


@models.command()
@click.argument("name")
@click.argument("file", type=PathNamed())
def add(name: str, file: Path) -> None:
    """Install the weights of encoder NAME from FILE, after checking them."""
    from modag_search import registry
    from modag_search.encoders.weights import add_weights
    from modag_search.errors import UsageError

    files = registry.encoder_class(name)().weights_files()
    if not files:
        raise UsageError(f"{name}: its weights come with a package; there is nothing to add")
    say(f"{add_weights(files, file)}: installed")


@models.command()
@click.argument("name")
@format_option(choices=("table", "json", "jsonl", "csv"))
def check(name: str, output_format: str | None) -> None:
    """Ask encoder NAME about made sounds or pictures, and see whether it answers as it must.

    Weights that are not here are fetched. Exit: 0 all answers are right, 1 one is not.
    """
    from modag_search import registry
    from modag_search.encoders import checking

    answers = checking.check(registry.encoder_class(name)())
    print_rows([dataclasses.asdict(answer) for answer in answers], output_format=output_format, columns=_ANSWER)
    n_right = sum(answer.right for answer in answers)
    say(f"{name}: {n_right} of {len(answers)} answers are right")
    if n_right < len(answers):
        sys.exit(1)
