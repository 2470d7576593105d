"""How labels relate: ``label hierarchy``, ``label mode``, ``label kind``."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from modag_search.cli.options import PRESETS, PathNamed, format_option, index_option
from modag_search.cli.output import chosen_format, counted, print_document, print_rows, say, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from modag_search.catalog import LabelMode
    from modag_search.hierarchy import Hierarchy
    from modag_search.index import Index
    from modag_search.values import LabelKind, LabelSummary

Result = TypeVar("Result")

_TREE = ("label", "level", "parents", "audioset_id", "items")
_RESPELT_SHOWN = 3


@click.command()
@click.argument("file", type=PathNamed(dir_okay=False), required=False)
@click.option(
    "--preset",
    "vocabulary",
    type=click.Choice(PRESETS),
    help="A vocabulary that is in the package: AudioSet's sounds, musical instruments by Hornbostel and Sachs, or the "
    "sound effects of the Universal Category System.",
)
@click.option("--clear", is_flag=True, help="Let no label be a kind of another.")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def hierarchy(
    file: Path | None, vocabulary: str | None, clear: bool, index_name: str | None, output_format: str | None
) -> None:
    """Say which labels are kinds of which, or show it.

    FILE is CSV or JSONL with the columns child,parent: string > bowed > violin. A column audioset_id names the child as
    AudioSet does, a column means says in English what it means. It takes the place of the hierarchy that is there, as
    --preset does. Labels that items have stay; those that the new hierarchy names fall into their places.
    """
    from modag_search.cli.opening import open_index

    if sum((file is not None, vocabulary is not None, clear)) > 1:
        raise click.UsageError("FILE, --preset and --clear exclude each other; name one")
    is_new = bool(file or vocabulary or clear)
    relations, audioset_ids, means = _relations(file, vocabulary)
    with open_index(index_name) as opened:
        if is_new:
            opened.labels.set_hierarchy(relations, audioset_ids=audioset_ids, means=means)
        summaries = [summary for summary in opened.labels.summaries() if not summary.is_tag]
        rows = _tree(summaries, opened.labels.hierarchy)
    if vocabulary:
        _warn_of_spelling(vocabulary, [summary.label for summary in summaries if summary.items])
    if chosen_format(output_format) == "table":
        for row in rows:
            identifier = f"  {row['audioset_id']}" if row["audioset_id"] else ""
            show(f"{'  ' * row['depth']}{row['label']}  ({row['items']}){identifier}")
    else:
        print_rows([{key: row[key] for key in _TREE} for row in rows], output_format=output_format, columns=_TREE)
    if not rows and not is_new:
        leave_without_labels()


def _relations(file: Path | None, vocabulary: str | None) -> tuple[Hierarchy, Mapping[str, str], Mapping[str, str]]:
    """Read a hierarchy with AudioSet's ids and words; one that is empty where neither is named."""
    from modag_search.hierarchy import Hierarchy
    from modag_search.labels.files.hierarchies import read_hierarchy_file
    from modag_search.labels.presets import preset

    if vocabulary:
        read = preset(vocabulary)
        return read.hierarchy, read.audioset_ids, read.means
    return read_hierarchy_file(file) if file else (Hierarchy(), {}, {})


def _warn_of_spelling(vocabulary: str, labels: list[str]) -> None:
    """Name a few labels that found no place for their spelling alone."""
    from modag_search.labels.presets import preset

    respelt = list(preset(vocabulary).respelt(labels).items())
    if not respelt:
        return
    shown = ", ".join(f"{label} ({name})" for label, name in respelt[:_RESPELT_SHOWN])
    more = f" and {len(respelt) - _RESPELT_SHOWN} more" if len(respelt) > _RESPELT_SHOWN else ""
    merge = shlex.join(["modag", "label", "merge", respelt[0][0], "--into", respelt[0][1]])
    say(
        f"warning: {vocabulary} spells {counted(len(respelt), 'label')} of this index otherwise: {shown}{more}; "
        f"`{merge}` makes the two one"
    )


def _tree(summaries: list[LabelSummary], hierarchy: Any) -> list[dict[str, Any]]:
    """List labels, each below what it is a kind of; what is a kind of several stands below each, its kinds once."""
    by_name = {summary.label: summary for summary in summaries}
    children: dict[str, list[str]] = {}
    for child, parent in hierarchy.pairs():
        children.setdefault(parent, []).append(child)
    rows: list[dict[str, Any]] = []
    pending = [(summary.label, 0) for summary in reversed(summaries) if not summary.parents]
    shown: set[str] = set()
    while pending:
        name, depth = pending.pop()
        summary = by_name[name]
        rows.append(
            {
                "label": name,
                "level": hierarchy.level(name),
                "depth": depth,
                "parents": summary.parents,
                "audioset_id": summary.audioset_id,
                "items": summary.items,
            }
        )
        if name not in shown:
            pending += [(child, depth + 1) for child in reversed(children.get(name, []))]
        shown.add(name)
    return rows


@click.command()
@click.argument("mode", metavar="[auto|single|multi]", type=click.Choice(["auto", "single", "multi"]), required=False)
@index_option
@format_option(choices=("table", "json"))
def mode(mode: LabelMode | None, index_name: str | None, output_format: str | None) -> None:
    """Say whether labels exclude each other, or show it.

    single: an item, or a part of one, has one label, beside those that it is a kind of; multi: any number, each judged
    for itself; auto: any number, and labels exclude each other but for those that often stand beside others. Groups of
    labels that exclude each other are listed, those beside the rest last. Transferred labels give way to given ones
    that exclude them.
    """

    def settled(opened: Index) -> dict[str, Any]:
        if mode is not None:
            opened.labels.set_mode(mode)
        labels = opened.labels
        return {"mode": labels.mode, "exclude_each_other": labels.exclude_each_other, "groups": labels.groups}

    document = with_index(index_name, settled)
    if chosen_format(output_format) == "table":
        groups = document.pop("groups")
        document |= {f"group_{number}": names for number, names in enumerate(groups, start=1) if mode != "multi"}
    print_document(document, output_format=output_format)


@click.command()
@click.argument("name")
@click.argument("kind", metavar="[class|tag]", type=click.Choice(["class", "tag"]), required=False)
@index_option
@format_option(choices=("table", "json"))
def kind(name: str, kind: LabelKind | None, index_name: str | None, output_format: str | None) -> None:
    """Make the label NAME a tag, which is never an answer, or a class; or show which it is.

    A tag keeps the items that people and files gave it to. What a transfer gave waits until it is a class again.
    """

    def turned(opened: Index) -> dict[str, Any]:
        turned = opened.labels.set_kind(name, kind) if kind else 0
        if turned and kind == "tag":
            until = "until it is a class again, since nobody gave these items the tag"
            say(f"{counted(turned, 'transferred label')} {'waits' if turned == 1 else 'wait'} {until}")
        elif turned:
            say(f"{counted(turned, 'transferred label')} {'holds' if turned == 1 else 'hold'} again")
        return {"label": name, "kind": opened.labels.kind(name)}

    print_document(with_index(index_name, turned), output_format=output_format)


def with_index(index_name: str | None, call: Callable[[Index], Result]) -> Result:
    """Open an index for one call."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        return call(opened)


def leave_where_none_had(what: str, *, n_items: int) -> NoReturn:
    """Say that none of some items, or of all for 0, had what was to be taken from it, and leave."""
    none = {0: "no item has", 1: "this item does not have"}.get(n_items, "none of these items has")
    say(f"nothing was removed: {none} {what}")
    sys.exit(4)


def leave_without_labels() -> NoReturn:
    """Say that nothing has a label, and leave."""
    say("no item has been given a label yet; `modag label PATH... --as NAME` gives one")
    sys.exit(4)
