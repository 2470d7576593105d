"""Every verb as a user runs it, in a process of its own; the other tests run most verbs in theirs."""

from __future__ import annotations

import gc
import logging
import os
import re
import shutil
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, cli, registry
from tests.cli.command_line import CommandLine, Outcome
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

CALLS: dict[str, tuple[str, str]] = {
    "demo": ("--index indexes/demo", "Which pictures go with this sound (dog)?"),
    "index": ("new.png", '"added": 1'),
    "failures": ("--format paths", "{here}/media/bad.png\n"),
    "exclude": ("add drafts/", '"added": 1'),
    "export": ("hits.txt indexes/out --format json", '"copied": 1'),
    "report": ("media/a.png --to indexes/page.html", '"items": 5'),
    "gallery": ("--kind image --to indexes/page.html", '"items": 3'),
    "forget": ("media/c.* --format paths", "{here}/media/c.png\n"),
    "search": ("media/a.wav --modality image -n 1 --format paths", "{here}/media/a.png\n"),
    "label": ("media/c.png --as high", '"added": 1'),
    "tag": ("media/a.png --as favourite", '"added": 1'),
    "classify": ("media/a.wav --format csv", "media/a.wav,low,"),
    "transfer": ("--min-confidence 0 --format paths", "{here}/media/a.wav\n"),
    "explain": ("media/a.wav --format table", "low"),
    "suggest": ("-n 1 --modality image --format paths", "{here}/media/c.png\n"),
    "audit": ("--pairs --min-rank 0 --format csv", "{here}/media/a.png\n"),
    "duplicates": ("--format paths", "{here}/media/c.wav\n{here}/media/d.wav\n"),
    "evaluate": ("", '"space": "toy"'),
    "rebuild": ("", '"vectors": 7'),
    "verify": ("", "[]\n"),
    "info": ("", '"sound_encoder": "toy-sound"'),
    "map": ("--format csv", "{here}/media/a.png"),
    "backup": ("indexes/one.modag", '"items": 7'),
    "restore": ("kept.modag --index indexes/again", '"items": 7'),
    "copy": ("--from ./index --to ./indexes/copied", '"items": 7'),
    "roots": ("add NAS media", '"items": 7'),
    "migrate": ("", ""),
    "models": ("--format table", "modag-sound"),
    "train": ("head", '"labels": 2'),
}
"""Of each verb, arguments and what stdout tells."""


FOLDERS = ("index", "indexes")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, toys: None, toy_plugins: Path) -> CommandLine:
    """``modag`` in a folder whose indexes, in ``untouched``, give every verb something to do; one is the demo's."""
    folder = tmp_path_factory.mktemp("prepared")
    media, collection = folder / "media", folder / "untouched" / "indexes" / "demo-media"
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1))
    shutil.copy(media / "c.wav", media / "d.wav")
    (media / "bad.png").write_bytes(b"no picture")
    picture(folder / "new.png", RED)
    (folder / "hits.txt").write_text("new.png\n")
    with toy_index(folder / "untouched" / "index") as index:
        index.add([media])
        index.label([media / "a.png", media / "b.wav"], "low")
        index.label([media / "b.png", media / "c.wav"], "high")
        index.back_up(folder / "kept.modag")
    for thing, colour, hz in (("dog", RED, LOW_HZ), ("violin", BLUE, HIGH_HZ)):
        picture(collection / "pictures" / "animals" / f"{thing}.png", colour)
        sound(collection / "sounds" / "animals" / f"{thing}.wav", (hz, 1))
    (collection / "SOURCES.md").write_text("# The demo's sounds and pictures: pypi\n")
    toy_index(folder / "untouched" / "indexes" / "demo").close()
    modag = CommandLine(folder, plugins=toy_plugins)
    modag.environment["MODAG_INDEX"] = str(folder / "index")
    return modag


@pytest.fixture
def workplace(prepared: CommandLine) -> CommandLine:
    """``modag`` where nothing has been done yet."""
    restore(prepared.folder)
    return prepared


def restore(folder: Path) -> None:
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(folder / "untouched" / name, folder / name)


def untimed(outcome: Outcome) -> Outcome:
    """Leave out how long it took, and the last digits, which depend on where in memory numbers happen to lie."""
    stdout = re.sub(rb'"seconds": [0-9.]+', b"", outcome.stdout)
    stdout = re.sub(rb"(\.\d{6})\d+", rb"\1", stdout)
    return Outcome(outcome.status, stdout, re.sub(r"\b[0-9.]+ s\b", "", outcome.stderr))


def test_every_verb_is_called() -> None:
    assert {*CALLS, "serve"} == cli._VERBS.keys()  # which runs until it is stopped: see test_serving.py


@pytest.mark.parametrize("verb", CALLS)
def test_a_verb_does_the_same_in_a_process_of_its_own(workplace: CommandLine, verb: str) -> None:
    arguments, told = CALLS[verb]
    outcome = workplace.process(verb, *arguments.split())
    assert outcome.status == 0, outcome.stderr
    assert told.format(here=workplace.folder) in outcome.stdout.decode()
    restore(workplace.folder)
    assert untimed(workplace(verb, *arguments.split())) == untimed(outcome)


def state() -> dict[str, object]:
    """What a command could change in the process that it runs in."""
    return {
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "arguments": sys.argv,
        "module path": list(sys.path),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "files": [os.fstat(number).st_ino for number in range(3)],
        "loggers": (list(logging.getLogger().handlers), logging.getLevelName(logging.WARNING)),
        "warnings": list(warnings.filters),
        "garbage": gc.get_threshold(),
    }


def test_a_command_leaves_the_process_of_the_tests_as_it_was(workplace: CommandLine) -> None:
    before = state()
    assert workplace("search", "id:1").status == 0
    assert workplace("search", "id:99").status == 2
    assert state() == before


def test_what_no_user_may_see_fails_a_test(workplace: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    before = state()
    monkeypatch.setattr(Index, "search", broken)
    with pytest.raises(ZeroDivisionError):
        workplace("search", "id:1")
    assert state() == before


def test_what_libraries_write_past_python_shows(modag: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def noisy() -> list[str]:
        os.write(1, b"out\n")
        os.write(2, b"err\n")
        return []

    monkeypatch.setattr(registry, "encoder_names", noisy)
    assert modag("models") == Outcome(0, b"out\n[]\n", "err\n")
