"""What decides who names, and among which labels: options of the verbs that name."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.options import PRESETS, Command, NumberOrWord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modag_search.labels.vocabulary import Vocabulary


class _NamesType(click.ParamType[Any]):
    """Names of labels, with commas between them."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Divide at commas, as csv does: a name that has one stands in double quotes."""
        if isinstance(value, list):
            return value
        try:
            names = [name.strip() for row in csv.reader([str(value)], skipinitialspace=True) for name in row]
        except csv.Error:  # a line break, which no label has: it is refused as one
            names = [str(value)]
        return [name for name in names if name] or self.fail("names no label", param, ctx)


def choice(listed: Sequence[list[str]], vocabulary: str | None) -> Vocabulary | list[str] | None:
    """Return what to choose among."""
    if listed and vocabulary:
        raise click.UsageError("--names and --preset exclude each other; name one")
    if not vocabulary:
        return [name for names in listed for name in names] or None
    from modag_search.labels.presets import preset

    return preset(vocabulary)


def by_option(command: Command) -> Command:
    """Add ``--by``."""
    return click.option(
        "--by",
        type=click.Choice(["knn", "head", "names"]),
        default="knn",
        show_default=True,
        help="knn: the nearest labelled neighbours, and what labels are called; head: what `modag train head` "
        "fitted; names: what labels are called, alone.",
    )(command)


def names_options(command: Command) -> Command:
    """Add ``--names`` and ``--preset``."""
    named = click.option(
        "--names",
        "listed",
        type=_NamesType(),
        multiple=True,
        metavar="NAME,...",
        help="Choose among these alone; a name in English needs no labelled item. [default: the labels of the "
        "index; with --by names, those of the hierarchy, too]",
    )
    ready = click.option(
        "--preset",
        "vocabulary",
        type=click.Choice(PRESETS),
        help="Choose among the labels of a vocabulary that is in the package; see `modag label hierarchy`.",
    )
    return named(ready(command))


def neighbour_options(command: Command) -> Command:
    """Add ``-k`` and ``--temperature``."""
    nearest = click.option(
        "-k",
        type=click.IntRange(1),
        default=20,
        show_default=True,
        help="How many of the nearest of each label and modality weigh by nearness; as many are listed.",
    )
    temperature = click.option(
        "--temperature",
        type=click.FloatRange(0, min_open=True),
        default=0.07,
        show_default=True,
        help="Of their weights, exp(similarity / temperature).",
    )
    return nearest(temperature(command))


def level_option(command: Command) -> Command:
    """Add ``--level``."""
    return click.option(
        "--level",
        type=NumberOrWord("deepest"),
        metavar="N|deepest",
        help="Answer on this level of the hierarchy, from 0 at the top; deepest: with the lowest label that is "
        "sure enough. [default: with labels as they were given]",
    )(command)


def classifier_options(command: Command) -> Command:
    """Add what decides who names, among which labels, and on which level."""
    return by_option(names_options(neighbour_options(level_option(command))))


def max_confidence_option(help_text: str) -> Callable[[Command], Command]:
    """Add ``--max-confidence``."""
    return click.option("--max-confidence", type=click.FloatRange(0, 1), default=1.0, show_default=True, help=help_text)


def sort_option(help_text: str) -> Callable[[Command], Command]:
    """Add ``--sort``."""
    return click.option("--sort", type=click.Choice(["confidence"]), help=help_text)
