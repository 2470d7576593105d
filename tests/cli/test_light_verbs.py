"""Verbs that run no network import none."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

PROGRAM = """
import sys
from modag_search.cli import main

sys.argv = ["modag", *sys.argv[1:]]
status = 0
try:
    main()
except SystemExit as left:
    status = left.code or 0
heavy = sorted(set(sys.modules) & {"torch", "torchaudio", "torchvision", "sklearn"})
sys.exit(f"imported {heavy}" if heavy else status)
"""


def run(modag: CommandLine, *arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        check=False,
        capture_output=True,
        cwd=modag.folder,
        env=modag.environment,
        timeout=60,
    )


def test_verbs_on_an_index(filled: CommandLine, media: Path) -> None:
    verbs: list[tuple[object, ...]] = [
        ("--help",),
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
        ("migrate",),
        ("models",),
    ]
    for verb in verbs:
        done = run(filled, *verb)
        assert done.returncode == 0, (verb, done.stderr.decode())


@pytest.mark.parametrize("verb", [("info",), ("search", "id:1")])
def test_verbs_on_an_index_of_the_default_encoders(modag: CommandLine, tmp_path: Path, verb: tuple[str, ...]) -> None:
    from modag_search import Index

    Index.open(tmp_path / "index", create=True).close()
    done = run(modag, *verb, "--index", tmp_path / "index")
    assert done.returncode == (0 if verb == ("info",) else 2), done.stderr.decode()
