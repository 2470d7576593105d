"""Why an item has its name, in words: ``explain``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from modag_search.cli.choosing import choice, level_option, names_options, neighbour_options
from modag_search.cli.hints import completed
from modag_search.cli.options import format_option, index_option
from modag_search.cli.output import chosen_format, print_document, print_rows, shortened, show
from modag_search.rows import explanation_document
from modag_search.wording import NOUNS, against, answer_in_words, evidence_in_words, rules_in_words, signed

if TYPE_CHECKING:
    from modag_search.classify.decision import Level
    from modag_search.values import Explanation

_EXAMPLE = ("label", "modality", "deviations", "similarity", "path", "start_s", "end_s")


@click.command()
@click.argument("item")
@index_option
@names_options
@neighbour_options
@level_option
@format_option(choices=("table", "json"))
def explain(
    item: str,
    index_name: str | None,
    listed: tuple[list[str], ...],
    vocabulary: str | None,
    k: int,
    temperature: float,
    level: Level,
    output_format: str | None,
) -> None:
    """Say why ITEM is called as it is: what speaks for its name rather than the next one, and what is nearest to it.

    ITEM is a media file, in the index or not, or id:N. What each kind of evidence says is given in log-odds, which add
    up: 0.7 makes the first label twice as likely, 2.3 ten times. Similarities of different modalities cannot be
    compared; deviations can: how far each is above that of unlike things, in standard deviations.
    """
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        why = opened.explain(item, names=choice(listed, vocabulary), k=k, temperature=temperature, level=level)
    if chosen_format(output_format) == "json":
        print_document(explanation_document(why), output_format="json")
    else:
        _print(why)


def _print(why: Explanation) -> None:
    show(answer_in_words(why, named=shortened))
    for line in rules_in_words(why, named=shortened):
        show(completed(line))
    for said in why.heard:
        show()
        show(f"What its {NOUNS[said.modality][0]} says for {against(why)}:")
        rows = [{"log_odds": signed(odds), "because": because} for odds, because in evidence_in_words(why, said)]
        print_rows(rows, output_format="table", columns=("log_odds", "because"))
        if said.examples:
            show()
            examples = [dataclasses.asdict(example) for example in said.examples]
            print_rows(examples, output_format="table", columns=_EXAMPLE)
