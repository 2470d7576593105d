"""Upkeep: ``rebuild``, ``verify``, ``info``, ``migrate``."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import click

from modag_search.cli.describing import print_descriptions
from modag_search.cli.options import (
    expand_stdin,
    format_option,
    index_option,
    paths_arguments,
    progress_option,
    wait_option,
    workers_option,
)
from modag_search.cli.output import chosen_format, counted, print_document, print_rows, say, say_failures, show

if TYPE_CHECKING:
    from modag_search.cli.output import Row
    from modag_search.values import Failure


@click.command()
@index_option
@click.option("--space", metavar="NAME_OR_FILE", help="Move to another space: a packaged one, a file, or auto.")
@click.option("--store", metavar="NAME_OR_URL", help="Move to another kind of store, or a server's.")
@click.option("--sound-encoder", metavar="NAME", help="Move to another encoder: sounds are decoded and encoded anew.")
@click.option("--image-encoder", metavar="NAME", help="Likewise for pictures; see `modag models`.")
@workers_option
@wait_option
@format_option(choices=("table", "json"))
@progress_option
def rebuild(
    index_name: str | None,
    space: str | None,
    store: str | None,
    sound_encoder: str | None,
    image_encoder: str | None,
    workers: int | str | None,
    wait_s: float,
    output_format: str | None,
    no_progress: bool,
) -> None:
    """Make the vector stores anew, and what other encoders than today's made.

    Nothing is decoded but files whose features another encoder, or another version of one, made; labels stay. Broken
    off, `modag rebuild` goes on where it was.

    --store postgresql://USER@HOST/DATABASE keeps the vectors on PostgreSQL with pgvector, --store
    milvus://HOST[:PORT][/DATABASE] on Milvus, --store auto in files of the index.
    """
    from modag_search.cli.opening import open_index
    from modag_search.cli.progress import file_progress

    failures: list[Failure] = []
    with open_index(index_name, wait_s=wait_s) as opened, file_progress(wanted=not no_progress) as bar:
        vectors = opened.rebuild(
            space=space,
            store=store,
            sound_encoder=sound_encoder,
            image_encoder=image_encoder,
            workers=workers,
            progress=bar,
            on_failure=failures.append,
        )
        outdated = opened.outdated()
        document = {
            "vectors": vectors,
            "space": opened.space.name,
            "store": opened.settings.store,
            "sound_encoder": opened.settings.sound_encoder,
            "image_encoder": opened.settings.image_encoder,
            "outdated_items": outdated,
            "failed": len(failures),
        }
    say_failures(failures)
    print_document(document, output_format=output_format)
    if outdated or failures:
        sys.exit(3)


@click.command()
@index_option
@click.option("--repair", is_flag=True, help="Mend what can be made anew; lists what is mended, discarded, and left.")
@wait_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def verify(index_name: str | None, repair: bool, wait_s: float, output_format: str | None) -> None:
    """Check every bit of an index; exit status 1 where something is wrong.

    Files are compared with their checksums, rows of the catalog with its indexes, vectors with what the space makes of
    features, and what belongs together with each other.

    Labels, paths and a space of your own cannot be made anew: `modag backup` keeps them, `modag restore` brings them
    back.
    """
    from modag_search.cli.opening import open_index
    from modag_search.index import Index
    from modag_search.settings import index_named

    if not repair:
        with open_index(index_name) as opened:
            problems = opened.verify()
        print_rows([{"problem": problem} for problem in problems], output_format=output_format, columns=("problem",))
        if problems:
            say(f"{counted(len(problems), 'problem')}; `modag verify --repair` mends what can be made anew")
            sys.exit(1)
        say("all is well")
        return
    report = Index.repair(index_named(index_name), wait_s=wait_s)
    rows = [{"state": "mended", "problem": line} for line in report.mended]
    rows += [{"state": "discarded", "problem": line} for line in report.discarded]
    rows += [{"state": "left", "problem": line} for line in report.left]
    print_rows(rows, output_format=output_format, columns=("state", "problem"))
    discarded = f"{len(report.discarded)} discarded, " if report.discarded else ""
    rest = "; `modag restore FILE --index NEW` brings back what a backup has" if report.left else ""
    say(f"{len(report.mended)} mended, {discarded}{len(report.left)} left{rest}")
    if report.left:
        sys.exit(1)


@click.command()
@paths_arguments(required=False)
@index_option
@format_option(choices=("table", "json"))
def info(paths: tuple[str, ...], nul_separated: bool, index_name: str | None, output_format: str | None) -> None:
    """Tell what an index holds and what it is made with; with PATH, all about a file, or why the index lacks it.

    PATH is a file, in the index or not, or id:N; - reads paths from stdin. Exit status 4 where the index knows none of
    them.
    """
    from modag_search.cli.opening import open_index

    if paths:
        names = expand_stdin(paths, nul_separated=nul_separated)
        with open_index(index_name) as opened:
            described = [opened.describe(name) for name in names]
        print_descriptions(described, output_format=output_format)
        if all(one.state == "not indexed" for one in described):
            sys.exit(4)
        return
    with open_index(index_name) as opened:
        counts = opened.catalog.count()
        outdated = opened.outdated()
        document = {
            "folder": opened.name,
            "is_read_only": opened.is_read_only,
            "items": dict(counts.items),
            "failures": counts.failures,
            "failed_items": counts.failed_items,
            "segments": {f"{modality} {status}": n for (modality, status), n in counts.segments.items()},
            "labels": counts.labels,
            "annotations": counts.annotations,
            "kept_annotations": counts.kept_annotations,
            "outdated_items": outdated,
            "feature_bytes": counts.feature_bytes,
            **dataclasses.asdict(opened.settings),
            "space": opened.space.name,
            "stores": opened.stores(),
            "space_from": opened.settings.space,
            "space_fingerprint": opened.space.fingerprint,
        }
    if chosen_format(output_format) == "table":
        document |= _counts_in_words(document)
    print_document(document, output_format=output_format)
    if outdated:
        say(
            f"{outdated} items were made by another encoder, or another version of one, and are not searched; "
            f"`modag rebuild`, or `modag index` on their folders, renews them"
        )


def _counts_in_words(document: Row) -> Row:
    """Say that there is nothing where a list would be empty, and which failures are of items, for people."""
    return {
        "items": document["items"] or 0,
        "failed_items": f"{document['failed_items']} of these failures",
        "segments": document["segments"] or 0,
    }


@click.command()
@index_option
@click.option("--check", is_flag=True, help="Only say what would run; exit status 1 where something would.")
def migrate(index_name: str | None, check: bool) -> None:
    """Bring the tables of an older index to this version; opening an index does it too."""
    from modag_search.catalog import migrations
    from modag_search.index.opening import catalog_at
    from modag_search.settings import index_named

    catalog = catalog_at(index_named(index_name))
    pending = migrations.pending(catalog)
    for step in pending:
        show(step)
    if not pending:
        say("nothing to do")
    elif check:
        sys.exit(1)
    else:
        migrations.upgrade(catalog)
        say(f"{len(pending)} steps done")
