"""How many items are something: ``label count``."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import format_option, index_option
from modag_search.cli.output import counted, print_document, say
from modag_search.cli.reviewing import answers_to, check_can_ask, check_options

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import LabelEstimate


@click.command()
@click.argument("name")
@index_option
@check_options("half of them of any likelihood, half where most is uncertain.")
@format_option(choices=("table", "json"))
def count(
    name: str, index_name: str | None, n_questions: int | None, sheet: Path | None, output_format: str | None
) -> None:
    """Estimate how many items of the index are NAME, labelled or not.

    Those that have the label, or a kind of it, by hand or from files are counted. The others are estimated by how
    likely NAME is for each, which may be off: so the 95 % interval is wide. --check asks about items that are drawn at
    random, and narrows it; what is answered with y becomes a label by hand. Labels that were given to teach are no
    random sample, and tell nothing of the others.
    """
    from modag_search.cli.opening import open_index

    if n_questions is None and sheet is not None:
        raise click.UsageError("--answers goes with --check N")
    if n_questions is not None:
        check_can_ask(sheet)
    with open_index(index_name) as opened:
        if n_questions is not None:
            check = opened.check_count(name, n_questions)
            answers = answers_to(check.questions, sheet=sheet)
            if answers is None:
                return
            if any(answer is not None for answer in answers):
                kept = check.keep(answers)
                say(f"{counted(kept.added, 'answer')} kept as labels, or as what items are not; run {kept.run}")
        estimate = opened.count(name)
    print_document(dataclasses.asdict(estimate), output_format=output_format)
    for line in _words(estimate):
        say(line)


def _words(estimate: LabelEstimate) -> list[str]:
    """Say what the estimate goes by, and what would narrow it."""
    basis = "confidence alone"
    if estimate.answers:
        basis = f"confidence and {counted(estimate.answers, 'answer')} about items drawn at random"
    of_others = f"{estimate.count - estimate.labelled} of {counted(estimate.undecided, 'other')}"
    lines = [f"{estimate.labelled} labelled by hand or from files; {of_others}, estimated by {basis}"]
    if estimate.unheard:
        lines.append(f"nothing can be said of {counted(estimate.unheard, 'item')}: silent, black, flat or outdated")
    if estimate.to_halve is not None:
        check = shlex.join(["modag", "label", "count", estimate.label, "--check", str(estimate.to_halve)])
        lines.append(f"about {counted(estimate.to_halve, 'more answer')} would halve the interval: `{check}`")
    return lines
