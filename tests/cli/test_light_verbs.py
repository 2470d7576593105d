"""Verbs that run no network import none."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from modag_search import Index
from tests.made_media import sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

PROGRAM = """
import json, sys
from modag_search.cli import main

for arguments in json.loads(sys.stdin.read()):
    sys.argv = ["modag", *arguments]
    status = 0
    try:
        main()
    except SystemExit as left:
        status = left.code or 0
    heavy = sorted(set(sys.modules) & {"torch", "torchaudio", "torchvision", "sklearn"})
    assert not heavy, f"{arguments} imported {heavy}"
    assert status == 0, f"{arguments} left with {status}"
"""


def run(modag: CommandLine, *verbs: tuple[object, ...]) -> None:
    """Run verbs one after the other in one process, which fails at the first that imports a network's library."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps([[str(argument) for argument in verb] for verb in verbs]).encode(),
        check=False,
        capture_output=True,
        cwd=modag.folder,
        env=modag.environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_verbs_on_an_index(filled: CommandLine, media: Path) -> None:
    run(
        filled,
        ("--help",),
        ("models",),
        ("migrate",),
        ("info",),
        ("label", media / "a.png", "--as", "low"),
        ("search", "id:1"),
        ("search", "label:low"),
        ("search", media / "a.wav"),
        ("classify", "id:2"),
        ("failures",),
        ("rebuild",),
        ("verify",),
        ("index", media),
    )


def test_verbs_on_an_index_of_the_default_encoders(modag: CommandLine, media: Path, tmp_path: Path) -> None:
    sound(media / "silent.wav", (0, 1))
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([media])
    run(modag, ("info",), ("index", media), ("label", "id:1", "--as", "silence"), ("rebuild",), ("verify",))
