"""Labels: ``label``."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import click
from click_default_group import DefaultGroup

from modag_search.cli.counting import count
from modag_search.cli.importing import import_all, import_options, refuse_import_options
from modag_search.cli.options import PRESETS, expand_stdin, format_option, index_option, paths_arguments
from modag_search.cli.output import chosen_format, counted, print_document, print_rows, say, show
from modag_search.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.catalog import LabelMode, Origin
    from modag_search.hierarchy import Hierarchy
    from modag_search.index import Index
    from modag_search.values import LabelSummary

Result = TypeVar("Result")

_LIST = ("label", "items", "image", "sound", "video", "transferred", "parents", "audioset_id", "means")
_RUNS = ("run", "verb", "labels", "started_at", "arguments")
_EXPORT = ("path", "label", "start_s", "end_s", "origin", "source", "confidence")
_TREE = ("label", "level", "parents", "audioset_id", "items")
_RESPELT_SHOWN = 3


@click.group(cls=DefaultGroup, default="give", default_if_no_args=False)
def label() -> None:
    """Give labels, take them back, and keep them in order.

    \b
    modag label photo.jpg sound.wav --as oboe        name items of the index
    modag label talk.mp3 --as laughter --start 12 --end 15
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
@click.option("--start", "start_s", type=click.FloatRange(0), metavar="SECONDS", help="Of the part that it holds for.")
@click.option("--end", "end_s", type=click.FloatRange(0), metavar="SECONDS", help="Of the part that it holds for.")
@import_options
@format_option(choices=("table", "json"))
def give(
    paths: tuple[str, ...],
    nul_separated: bool,
    index_name: str | None,
    names: tuple[str, ...],
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

    if (sources or roots) and (paths or names or start_s is not None or end_s is not None):
        raise UsageError("--from and --from-folders take paths, labels and parts from what they name; leave these out")
    if sources or roots:
        import_all(index_name, sources, roots, output_format=output_format, **importing)
        return
    refuse_import_options(importing)
    if not names:
        raise click.UsageError("name the label with --as NAME, or a file of labels with --from FILE")
    items = expand_stdin(paths, nul_separated=nul_separated)
    with open_index(index_name) as opened:
        records = find_items(opened.catalog, items)
        given = opened.labels.give(records, names, start_s=start_s, end_s=end_s)
        called = [opened.labels.resolve(name.strip()) for name in names]
    print_document(
        {
            "label": ", ".join(called),
            "items": len(records),
            "added": given.added,
            "run": given.run if given.added else None,
        },
        output_format=output_format,
    )


@label.command(name="list")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def list_labels(index_name: str | None, output_format: str | None) -> None:
    """List labels, with the number of pictures, sounds and videos that have each."""
    summaries = _with_index(index_name, lambda opened: opened.labels.summaries())
    rows = [dataclasses.asdict(summary) for summary in summaries]
    print_rows(rows, output_format=output_format, columns=_LIST, fields=_LIST)
    if not rows:
        _leave_without_labels()


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

    count, silent = _with_index(index_name, added)
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
@click.option("--all", "everywhere", is_flag=True, help="Take it from all items.")
@index_option
@format_option(choices=("table", "json"))
def remove(
    name: str,
    paths: tuple[str, ...],
    nul_separated: bool,
    everywhere: bool,
    index_name: str | None,
    output_format: str | None,
) -> None:
    """Take the label NAME back from items, or from all.

    PATH is an indexed file or id:N; - reads paths from stdin.
    """
    if bool(paths) == everywhere:
        raise click.UsageError(f"name the items to take {name} from, or --all to take it from all")
    items = expand_stdin(paths, nul_separated=nul_separated) if paths else []

    def taken(opened: Index) -> int:
        return opened.labels.remove(name) if everywhere else opened.unlabel(items, name)

    removed = _with_index(index_name, taken)
    print_document({"label": name, "removed": removed}, output_format=output_format)


@label.command()
@click.argument("name")
@click.argument("new_name", metavar="NEW")
@index_option
@format_option(choices=("table", "json"))
def rename(name: str, new_name: str, index_name: str | None, output_format: str | None) -> None:
    """Give the label NAME the name NEW."""
    count = _with_index(index_name, lambda opened: opened.labels.rename(name, new_name))
    print_document({"label": new_name, "annotations": count}, output_format=output_format)


@label.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--into", required=True, metavar="NAME", help="What they become.")
@index_option
@format_option(choices=("table", "json"))
def merge(names: tuple[str, ...], into: str, index_name: str | None, output_format: str | None) -> None:
    """Make several labels one."""
    count = _with_index(index_name, lambda opened: opened.labels.merge(names, into))
    print_document({"label": into, "annotations": count}, output_format=output_format)


@label.command()
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def runs(index_name: str | None, output_format: str | None) -> None:
    """List the runs that gave labels which are still there; `modag label undo RUN` takes one back."""
    found = _with_index(index_name, lambda opened: opened.labels.runs())
    rows = [
        {
            "run": run.id,
            "verb": run.verb,
            "labels": count,
            "started_at": run.started_at,
            "arguments": {key: value for key, value in run.arguments.items() if value is not None},
        }
        for run, count in found
    ]
    print_rows(rows, output_format=output_format, columns=_RUNS, fields=_RUNS)
    if not rows:
        _leave_without_labels()


@label.command()
@click.argument("run", type=int)
@index_option
@format_option(choices=("table", "json"))
def undo(run: int, index_name: str | None, output_format: str | None) -> None:
    """Take back all labels that RUN gave; what others gave stays.

    `modag label runs` lists the runs.
    """
    removed = _with_index(index_name, lambda opened: opened.labels.undo(run))
    print_document({"run": run, "removed": removed}, output_format=output_format)


@label.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
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
        summaries = opened.labels.summaries()
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
        _leave_without_labels()


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


@label.command()
@click.argument("mode", metavar="[auto|single|multi]", type=click.Choice(["auto", "single", "multi"]), required=False)
@index_option
@format_option(choices=("table", "json"))
def mode(mode: LabelMode | None, index_name: str | None, output_format: str | None) -> None:
    """Say whether labels exclude each other, or show it.

    single: an item, or a part of one, has one label, beside those that it is a kind of, and transferred labels give way
    to given ones; multi: any number, each judged for itself; auto: any number, and labels exclude each other as long as
    no item has two at one place.
    """

    def settled(opened: Index) -> dict[str, Any]:
        if mode is not None:
            opened.labels.set_mode(mode)
        return {"mode": opened.labels.mode, "exclude_each_other": opened.labels.exclude_each_other}

    print_document(_with_index(index_name, settled), output_format=output_format)


@label.command()
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
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
    """Write all labels, with where each comes from.

    What is written can be read again with `modag label --from` and `--from-folders`.
    """
    from modag_search.cli.opening import open_index
    from modag_search.labels.files import export_labels

    if target is None and (kind or copy or relative):
        raise click.UsageError("name the file or folder to write with --to")
    origins: tuple[Origin, ...] = ("hand", "import", "transfer") if transferred else ("hand", "import")
    with open_index(index_name) as opened:
        if target is None:
            _print_labels(opened, origins, output_format)
            return
        written = export_labels(
            opened.catalog,
            target,
            output_format=kind or _kind_of(target),
            origins=origins,
            relative=relative,
            copy=copy,
        )
    left_out = f"; {written.left_out} on parts of items left out" if written.left_out else ""
    say(f"{target}: {counted(written.labels, 'label')} in {counted(written.files, 'file')}{left_out}")


def _print_labels(opened: Index, origins: tuple[Origin, ...], output_format: str | None) -> None:
    """Print labels; csv and jsonl as they are read again."""
    from modag_search.labels.files import csv_lines, json_lines, label_rows

    rows = list(label_rows(opened.catalog, origins=origins))
    if output_format in ("csv", "jsonl"):
        lines = csv_lines(rows) if output_format == "csv" else json_lines(rows)
        click.echo(b"".join(lines), nl=False)
    else:
        print_rows(rows, output_format=output_format, columns=_EXPORT[:6], fields=_EXPORT)
    if not rows:
        _leave_without_labels()


def _kind_of(target: Path) -> Literal["csv", "jsonl"]:
    endings: dict[str, Literal["csv", "jsonl"]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if target.suffix.lower() not in endings:
        raise UsageError(f"{target}: a file of labels ends in .csv or .jsonl; for a folder name --kind jams or folders")
    return endings[target.suffix.lower()]


def _with_index(index_name: str | None, call: Callable[[Index], Result]) -> Result:
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        return call(opened)


def _leave_without_labels() -> NoReturn:
    say("no item has been given a label yet; `modag label PATH... --as NAME` gives one")
    sys.exit(4)
