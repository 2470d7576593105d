"""Labels: ``label``."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from modag_search.cli.counting import count
from modag_search.cli.importing import import_all, import_options, refuse_import_options
from modag_search.cli.options import PathNamed, VerbsOrPaths, expand_stdin, format_option, index_option, paths_arguments
from modag_search.cli.output import chosen_format, counted, harmless, print_document, print_rows, put, say, shown
from modag_search.cli.relating import hierarchy, kind, leave_where_none_had, leave_without_labels, mode, with_index
from modag_search.cli.writing import folder_to_make, say_made
from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.catalog import Origin
    from modag_search.index import Index
    from modag_search.values import ItemRecord, Taken

_LIST = (
    "label",
    "items",
    "image",
    "sound",
    "video",
    "transferred",
    "parents",
    "audioset_id",
    "means",
    "denied",
    "is_tag",
    "kept",
)
_RUNS = ("run", "verb", "labels", "started_at", "arguments")
_EXPORT = ("path", "label", "start_s", "end_s", "origin", "source", "confidence", "is_not", "is_tag")
_EXPORT_SHOWN = ("path", "label", "start_s", "end_s", "origin", "source", "is_not", "is_tag")


@click.group(cls=VerbsOrPaths, default="give", elsewhere={"take": "modag label remove"})
def label() -> None:
    """Give labels, take them back, and keep them in order.

    \b
    modag label photo.jpg sound.wav --as oboe        name items of the index
    modag label talk.mp3 --as laughter --start 12 --end 15
    modag label trumpet.jpg --not tuba               say what it is not
    modag label --from labels.csv --dry-run          what would a file of labels give?
    modag label --from-folders ~/Samples             ROOT/CLASS/file: the folder is the label
    modag label undo 7                               take back what run 7 gave

    What follows without a verb is `modag label give`.
    """  # noqa: D301  click reads the character


label.add_command(count)


@label.command()
@paths_arguments(required=False)
@index_option
@click.option("--as", "names", multiple=True, metavar="NAME", help="The label, or AudioSet's id of it; repeatable.")
@click.option(
    "--not",
    "denied",
    multiple=True,
    metavar="NAME",
    help="What it is not, nor a kind of it: no answer and no transfer gives it that name; repeatable.",
)
@click.option("--tag", "are_tags", is_flag=True, help="What --as names are tags, as of `modag tag`.")
@click.option("--start", "start_s", type=click.FloatRange(0), metavar="SECONDS", help="Of the part that it holds for.")
@click.option("--end", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Of the part that it holds for.")
@import_options
@format_option(choices=("table", "json"))
def give(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    names: tuple[str, ...],
    denied: tuple[str, ...],
    are_tags: bool,
    start_s: float | None,
    end_s: float | None,
    sources: tuple[Path, ...],
    roots: tuple[Path, ...],
    output_format: str | None,
    **importing: Any,
) -> None:
    """Give items of the index labels.

    PATH is an indexed file or id:N; - reads paths from stdin. All or none are labelled. The run that is printed can be
    taken back with `modag label undo RUN`.

    A FILE of labels is told by its looks: columns path,label[,start_s,end_s] in CSV or JSONL, JAMS, tracks of Audacity,
    tables of Raven and BirdNET, the CSV of ESC-50, UrbanSound8K and FSD50K, and what VIA, Label Studio and COCO write.
    """
    from modag_search.cli.opening import open_index
    from modag_search.labels.items import find_items

    if (sources or roots) and (paths or names or denied or are_tags or start_s is not None or end_s is not None):
        raise UsageError("--from and --from-folders take paths, labels and parts from what they name; leave these out")
    if sources or roots:
        import_all(index_name, sources, roots, output_format=output_format, **importing)
        return
    refuse_import_options(importing)
    if not (names or denied):
        raise click.UsageError("name the label with --as NAME, or a file of labels with --from FILE")
    if are_tags and not names:
        raise click.UsageError("name the tag with --as NAME; --not says what items are not, which no tag says")
    items = expand_stdin(paths, nul_separated=nul_separated)
    with open_index(index_name) as opened:
        records = find_items(opened.catalog, items)
        given = opened.labels.give(records, names, denied=denied, are_tags=are_tags, start_s=start_s, end_s=end_s)
        called, not_called = (
            ", ".join(opened.labels.resolve(name.strip()) for name in some) or None for some in (names, denied)
        )
        ids = {record.id for record in records}
        unfindable = opened.catalog.notices.unfindable(ids)
    document = {"label": called, "items": len(ids), "added": given.added, "run": given.run if given.added else None}
    document |= {"not": not_called} if denied else {}
    if chosen_format(output_format) == "table":
        document = {key: value for key, value in document.items() if value is not None}
    print_document(document, output_format=output_format)
    if unfindable:
        named = shown([f"{notice.path} {notice.text}" for notice in unfindable])
        say(
            f"what these are called teaches nothing: {named}"
            if len(unfindable) > 1
            else f"{named}; its label teaches nothing"
        )


@label.command(name="list")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def list_labels(index_name: str | None, output_format: str | None) -> None:
    """List labels, with the number of pictures, sounds and videos that have each.

    kept counts those that wait for a file which is gone: they hold again when a file of that content comes back.
    """
    summaries = with_index(index_name, lambda opened: opened.labels.summaries())
    rows = [dataclasses.asdict(summary) for summary in summaries]
    print_rows(rows, output_format=output_format, columns=_LIST, fields=_LIST)
    if not rows:
        leave_without_labels()


@label.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--means", metavar="WORDS", help="What NAME means, in English, where it does not say so itself.")
@index_option
@format_option(choices=("table", "json"))
def add(names: tuple[str, ...], means: str | None, index_name: str | None, output_format: str | None) -> None:
    """Let labels count before any item has them: `modag classify` then goes by what they are called.

    Examples that come later count beside the name. `modag label remove NAME --all` takes NAME away again.
    """

    def added(opened: Index) -> tuple[int, list[str]]:
        return opened.labels.add(names, means=means), _not_understood(opened, names)

    count, silent = with_index(index_name, added)
    called = ", ".join(names)
    print_document({"label": called, "means": means, "added": count}, output_format=output_format)
    if silent:
        say(
            f"warning: not understood, so that examples alone will count: {', '.join(silent)}; --means WORDS says in "
            "English what a label means"
        )


def _not_understood(opened: Index, names: Sequence[str]) -> list[str]:
    """List labels whose names and words say nothing in the space of the index."""
    from modag_search.labels.vocabulary import vocabulary_of

    if opened.space.text_towers:
        return []  # these take any words
    texts = vocabulary_of(opened.catalog, names).texts
    understood, _ = opened.space.understood([*texts.values()])
    return [label for place, label in enumerate(texts) if place not in understood]


@label.command()
@click.argument("name")
@paths_arguments(required=False)
@click.option("--all", "everywhere", is_flag=True, help="Take it from all items, and what was denied, too.")
@click.option(
    "--not", "is_not", is_flag=True, help="Say too that they are not NAME, so that no transfer gives it again."
)
@click.option("--denied", "denials", is_flag=True, help="Take back that they are not NAME, instead.")
@index_option
@format_option(choices=("table", "json"))
def remove(
    name: str,
    paths: tuple[str, ...],
    nul_separated: bool,
    everywhere: bool,
    is_not: bool,
    denials: bool,
    index_name: str | None,
    output_format: str | None,
) -> None:
    """Take the label NAME back from items, or from all.

    PATH is an indexed file or id:N; - reads paths from stdin. What was transferred may come back with the next
    transfer: on a terminal it is asked whether the items are not NAME. The run that is printed can be taken back with
    `modag label undo RUN`; --all cannot. Exit status 4 where none of them had it.
    """
    from modag_search.cli.opening import open_index
    from modag_search.labels.items import find_items

    if bool(paths) == everywhere:
        raise click.UsageError(f"name the items to take {name} from, or --all to take it from all")
    if everywhere + is_not + denials > 1:
        raise click.UsageError("--all, --not and --denied exclude each other; name one")
    items = expand_stdin(paths, nul_separated=nul_separated) if paths else []
    with open_index(index_name) as opened:
        records = find_items(opened.catalog, items)
        if everywhere:
            was_added = opened.labels.resolve(name.strip()) in opened.catalog.labels.added()
            document: dict[str, Any] = {"label": name, "removed": opened.labels.remove(name)}
        elif denials:
            document = taken_document(name, opened.labels.take(records, name, denied=True))
        else:
            document = _remove(opened, records, name, is_not=is_not)
    print_document(document, output_format=output_format)
    if not document["removed"] and "not" not in document and not (everywhere and was_added):
        leave_where_none_had(f"a denial of {name}" if denials else f"the label {name}", n_items=len(records))


def _remove(opened: Index, records: Sequence[ItemRecord], name: str, *, is_not: bool) -> dict[str, Any]:
    """Take a label from items; say, or ask, what comes of those that have it by transfer alone."""
    transferred = opened.labels.count_transferred(records, name)
    if transferred and not is_not and sys.stdin.isatty() and sys.stderr.isatty():
        of_these = "This item was" if len(records) == 1 else f"{transferred} of these items were"
        question = f"{of_these} named {name} by a transfer. Not {name}, so that no transfer gives that name again?"
        is_not = click.confirm(harmless(question), default=False, err=True)
        transferred = 0  # it was asked, and need not be said
    if is_not:
        removed, denied = opened.labels.take_for_good(records, name)
        run = denied.run if removed or denied.added else None
        return {"label": name, "removed": removed, "not": name, "added": denied.added, "run": run}
    taken = opened.labels.take(records, name)
    if transferred:
        came = (
            "1 label came by transfer, and comes" if transferred == 1 else f"{transferred} came by transfer, and come"
        )
        say(
            f"{came} back with the next one, unless `modag label remove ... --not` says that these items are not {name}"
        )
    return taken_document(name, taken)


def taken_document(name: str, taken: Taken) -> dict[str, Any]:
    """Say how many labels were taken from items, and which run that was."""
    return {"label": name, "removed": taken.removed} | ({"run": taken.run} if taken.removed else {})


@label.command()
@click.argument("name")
@click.argument("new_name", metavar="NEW")
@index_option
@format_option(choices=("table", "json"))
def rename(name: str, new_name: str, index_name: str | None, output_format: str | None) -> None:
    """Give the label NAME the name NEW."""
    counts = with_index(index_name, lambda opened: (opened.labels.rename(name, new_name), opened.labels.kept(new_name)))
    _print_renamed(new_name, *counts, output_format=output_format)


@label.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--into", required=True, metavar="NAME", help="What they become.")
@index_option
@format_option(choices=("table", "json"))
def merge(names: tuple[str, ...], into: str, index_name: str | None, output_format: str | None) -> None:
    """Make several labels one."""
    counts = with_index(index_name, lambda opened: (opened.labels.merge(names, into), opened.labels.kept(into)))
    _print_renamed(into, *counts, output_format=output_format)


def _print_renamed(name: str, count: int, kept: int, *, output_format: str | None) -> None:
    """Print how many annotations a label has now, and how many of it wait for files that are gone."""
    print_document({"label": name, "annotations": count, "kept": kept}, output_format=output_format)


@label.command()
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def runs(index_name: str | None, output_format: str | None) -> None:
    """List the runs that gave or took labels, as far as `modag label undo RUN` can take one back."""
    found = with_index(index_name, lambda opened: opened.labels.runs())
    rows = [
        {
            "run": run.id,
            "verb": run.verb,
            "labels": count,
            "started_at": run.started_at,
            "arguments": {key: value for key, value in run.arguments.items() if value not in (None, [])},
        }
        for run, count in found
    ]
    print_rows(rows, output_format=output_format, columns=_RUNS, fields=_RUNS)
    if not rows:
        leave_without_labels()


@label.command()
@click.argument("run", type=int)
@index_option
@format_option(choices=("table", "json"))
def undo(run: int, index_name: str | None, output_format: str | None) -> None:
    """Take back all labels that RUN gave, and give back what it took or replaced; what others gave stays.

    `modag label runs` lists the runs.
    """
    undone = with_index(index_name, lambda opened: opened.labels.undo(run))
    document = {"run": run, "removed": undone.removed}
    document |= {"restored": undone.restored} if undone.restored else {}
    print_document(document, output_format=output_format)


@label.command()
@click.option(
    "--to",
    "target",
    type=PathNamed(),
    metavar="FILE_OR_DIR",
    help="A .csv or .jsonl file; a folder for jams and folders. [default: print rows]",
)
@click.option(
    "--kind",
    type=click.Choice(["csv", "jsonl", "jams", "folders"]),
    help="jams: a file an item; folders: DIR/LABEL/file, links to the media. [default: by the ending]",
)
@click.option("--copy", is_flag=True, help="With folders: copies instead of links.")
@click.option("--relative", is_flag=True, help="Paths from the file or folder on, so that all can move together.")
@click.option("--transferred", is_flag=True, help="Transferred labels too.")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def export(
    target: Path | None,
    kind: Literal["csv", "jsonl", "jams", "folders"] | None,
    copy: bool,
    relative: bool,
    transferred: bool,
    index_name: str | None,
    output_format: str | None,
) -> None:
    """Write the labels that were given, with where each comes from; --transferred, those that were transferred, too.

    What is written can be read again with `modag label --from` and `--from-folders`.
    """
    from modag_search.cli.opening import open_index
    from modag_search.labels.files import export_labels
    from modag_search.labels.vocabulary import some_of

    if target is None and (kind or copy or relative):
        raise click.UsageError("name the file or folder to write with --to")
    origins: tuple[Origin, ...] = ("hand", "import", "transfer") if transferred else ("hand", "import")
    with open_index(index_name) as opened:
        if target is None:
            _say_what_is_kept(opened.catalog.kept_labels.count(origins))
            _print_labels(opened, origins, output_format)
            return
        made = folder_to_make(target)
        written = export_labels(
            opened.catalog,
            target,
            output_format=kind or _kind_of(target),
            origins=origins,
            relative=relative,
            copy=copy,
        )
    say_made(made)
    left_out = f"; {written.left_out} left out: on parts of items, denied, or tags" if written.left_out else ""
    say(f"{target}: {counted(written.labels, 'label')} in {counted(written.files, 'file')}{left_out}")
    _say_what_is_kept(written.kept)
    if written.renamed:
        others = some_of([f"{label} ({folder})" for label, folder in written.renamed])
        say(f"folders that are called otherwise than their labels, and are read again as they are called: {others}")


def _say_what_is_kept(kept: int) -> None:
    if kept:
        what = f"{counted(kept, 'label')} of contents that no file has now, as `modag label list` counts them"
        say(f"left out: {what}; `modag backup` keeps those, too")


def _print_labels(opened: Index, origins: tuple[Origin, ...], output_format: str | None) -> None:
    """Print labels; csv and jsonl as they are read again."""
    from modag_search.labels.files import csv_lines, json_lines, label_rows

    rows = list(label_rows(opened.catalog, origins=origins))
    if output_format in ("csv", "jsonl"):
        lines = csv_lines(rows) if output_format == "csv" else json_lines(rows)
        for line in lines:
            put(line.removesuffix(b"\n"))
    else:
        print_rows(rows, output_format=output_format, columns=_EXPORT_SHOWN, fields=_EXPORT)
    if not rows:
        leave_without_labels()


def _kind_of(target: Path) -> Literal["csv", "jsonl"]:
    endings: dict[str, Literal["csv", "jsonl"]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if target.suffix.lower() not in endings:
        raise UsageError(f"{target}: a file of labels ends in .csv or .jsonl; for a folder name --kind jams or folders")
    return endings[target.suffix.lower()]


for command in (hierarchy, kind, mode):
    label.add_command(command)
