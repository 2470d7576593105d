"""``scripts/prove crash``: kill every verb that writes, again and again, and look at what is left."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
import crashing

_COLUMNS = ("verb", "trials", "killed", "acknowledged", "wrong")


@click.command()
@click.option("--kills", default=2000, show_default=True, help="Over all verbs together.")
@click.option("--verb", "verbs", type=click.Choice(list(crashing.VERBS)), multiple=True, help="Only these.")
@click.option("--seed", default=0, show_default=True)
@click.option("--table", is_flag=True, help="A table for docs/benchmarks/trust.md instead of JSON.")
def crash(kills: int, verbs: tuple[str, ...], seed: int, table: bool) -> None:
    """Kill processes by SIGKILL at random moments; exit status 1 where anything is lost, halved or left behind.

    All is by --seed but for what the clock decides: `killed` are the trials whose process had not come to its end.
    """
    chosen = verbs or tuple(crashing.VERBS)
    rows = []
    with tempfile.TemporaryDirectory() as work:
        prover = crashing.Prover(Path(work))
        for name in chosen:
            outcome = prover.prove(name, -(-kills // len(chosen)), seed=seed)
            for wrong in outcome.wrong:
                click.echo(wrong, err=True)
            rows.append({**asdict(outcome), "wrong": len(outcome.wrong)})
    if table:
        lines = [_COLUMNS, ("---",) * len(_COLUMNS), *([row[name] for name in _COLUMNS] for row in rows)]
        click.echo("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))
    else:
        click.echo(json.dumps(rows, indent=2))
    if any(row["wrong"] for row in rows):
        sys.exit(1)


def prove_apart(verb: str, *, kills: int, seed: int) -> dict[str, object]:
    """Kill a verb from a process of its own, which may be forked; return the row, with words on what was wrong."""
    command = [sys.executable, str(Path(__file__).with_name("prove")), "crash", "--verb", verb]
    ended = subprocess.run(
        [*command, "--kills", str(kills), "--seed", str(seed)], capture_output=True, text=True, check=False
    )
    (row,) = json.loads(ended.stdout or '[{"wrong": "no answer"}]')
    return {**row, "words": ended.stderr}
