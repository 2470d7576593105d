"""``scripts/prove bits``: bits that change in each kind of file of an index, and what becomes of them."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click
from bits import KINDS, Trial, rows_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.bits_index import made_index
from tests.toy_encoders import install


@click.command()
@click.option("--flips", default=500, show_default=True, help="Of each kind of file; a tenth of them are cuts.")
@click.option("--seed", default=0, show_default=True)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="Of these alone; repeatable.")
@click.option("--table", is_flag=True, help="Print a table for a document.")
def bits(flips: int, seed: int, kinds: tuple[str, ...], table: bool) -> None:
    """Flip bits in, and cut, each kind of file of an index, one at a time.

    After each, the index is verified, asked for all that depends on its files, and repaired, each time as a copy of
    its own. Exit status 1 where an answer is another one without a word, or an error is none of ours.

    \b
    refused             by an error that names the file
    made anew           and the answers are the same
    other answer        which only `modag verify` tells: in the catalog alone
    noticed by verify   of all that were injected
    mended              by `modag verify --repair`: it is whole again, and its answers are as before
    harmless            the answers are the same, and nobody noticed: bits that mean nothing
    silent              another answer, and nobody noticed
    unexplained         an error that names no file, or is none of ours
    """  # noqa: D301  click reads the character
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        install(folder / "plugins")
        sys.path.insert(0, str(folder / "plugins"))
        trial = Trial(made_index(folder), folder)
        tallies = {kind: trial.run(kind, n=flips, seed=seed) for kind in kinds or KINDS}
    for number, row in enumerate(rows_of(tallies)):
        click.echo(f"| {' | '.join(row)} |" if table else "  ".join(f"{cell:>17}" for cell in row))
        if table and number == 0:
            click.echo("|---" * len(row) + "|")
    wrong = [line for tally in tallies.values() for line in tally.wrong]
    for line in wrong:
        click.echo(line, err=True)
    click.echo(f"{time.monotonic() - started:.0f} s, {len(wrong)} that must not be", err=True)
    sys.exit(1 if wrong else 0)
