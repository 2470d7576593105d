"""Tags: ``tag``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from modag_search.cli.labelling import runs, taken_document, undo
from modag_search.cli.options import VerbsOrPaths, expand_stdin, format_option, index_option, paths_arguments
from modag_search.cli.output import print_document, print_rows, say
from modag_search.cli.relating import leave_where_none_had
from modag_search.rows import as_row

if TYPE_CHECKING:
    from modag_search.index import Index

_LIST = ("label", "items", "image", "sound", "video")


_ELSEWHERE = {"remove": "modag tag take"} | {
    verb: f"modag label {verb}" for verb in ("export", "kind", "merge", "rename")
}


@click.group(cls=VerbsOrPaths, default="give", elsewhere=_ELSEWHERE)
def tag() -> None:
    """Give tags, which are no classes: favourite, project, reviewed.

    \b
    modag tag photo.jpg sound.wav --as favourite     tag items of the index
    modag tag take favourite photo.jpg               take the tag back
    modag tag undo 7                                 take back what run 7 gave
    modag search sea.wav --label favourite           tags are searched as labels are

    A tag says nothing of what an item is. It is never an answer, and changes none. `modag label` renames, merges
    and exports tags, too; `modag label kind` makes a class a tag. What follows without a verb is `modag tag
    give`.
    """  # noqa: D301  click reads the character


@tag.command()
@paths_arguments()
@index_option
@click.option("--as", "names", multiple=True, required=True, metavar="NAME", help="The tag; repeatable.")
@click.option("--start", "start_s", type=click.FloatRange(0), metavar="SECONDS", help="Of the part that it is for.")
@click.option("--end", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Of the part that it is for.")
@format_option(choices=("table", "json"))
def give(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    names: tuple[str, ...],
    start_s: float | None,
    end_s: float | None,
    output_format: str | None,
) -> None:
    """Give items of the index tags.

    PATH is an indexed file or id:N; - reads paths from stdin. All or none are tagged. The run that is printed can be
    taken back with `modag label undo RUN`.
    """
    from modag_search.cli.opening import open_index
    from modag_search.labels.items import find_items

    items = expand_stdin(paths, nul_separated=nul_separated)
    with open_index(index_name) as opened:
        records = find_items(opened.catalog, items)
        given = opened.labels.give(records, names, are_tags=True, start_s=start_s, end_s=end_s)
    document = {
        "label": ", ".join(name.strip() for name in names),
        "items": len({record.id for record in records}),
        "added": given.added,
        "run": given.run if given.added else None,
    }
    print_document(document, output_format=output_format)


@tag.command()
@click.argument("name")
@paths_arguments(required=False)
@click.option("--all", "everywhere", is_flag=True, help="Take it from all items.")
@index_option
@format_option(choices=("table", "json"))
def take(
    name: str,
    paths: tuple[str, ...],
    nul_separated: bool,
    everywhere: bool,
    index_name: str | None,
    output_format: str | None,
) -> None:
    """Take the tag NAME back from items, or from all.

    PATH is an indexed file or id:N; - reads paths from stdin. The run that is printed can be taken back with
    `modag label undo RUN`; --all cannot. Exit status 4 where none of them had it.
    """
    from modag_search.cli.opening import open_index
    from modag_search.labels.items import find_items

    if bool(paths) == everywhere:
        raise click.UsageError(f"name the items to take {name} from, or --all to take it from all")
    items = expand_stdin(paths, nul_separated=nul_separated) if paths else []
    with open_index(index_name) as opened:
        _require_tag(opened, name)
        if everywhere:
            document: dict[str, Any] = {"label": name, "removed": opened.labels.remove(name)}
        else:
            document = taken_document(name, opened.labels.take(find_items(opened.catalog, items), name))
    print_document(document, output_format=output_format)
    if not document["removed"]:
        leave_where_none_had(f"the tag {name}", n_items=len(items))


@tag.command(name="list")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def list_tags(index_name: str | None, output_format: str | None) -> None:
    """List tags, with the number of pictures, sounds and videos that have each."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        tags = [summary for summary in opened.labels.summaries() if summary.is_tag]
    print_rows([as_row(one, fields=_LIST) for one in tags], output_format=output_format, columns=_LIST)
    if not tags:
        say("no item has a tag; `modag tag PATH... --as NAME` gives one")
        sys.exit(4)


for command in (runs, undo):
    tag.add_command(command)


def _require_tag(opened: Index, name: str) -> None:
    if opened.labels.kind(name) != "tag":
        raise click.UsageError(f"{name} is no tag, but a label; `modag label remove` takes it back")
