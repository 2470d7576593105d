"""Verbs that run no network import none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from modag_search import Index, IndexNotFoundError, cli
from tests.made_media import GREEN, HIGH_HZ, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

PROGRAM = """
import json, sys
from modag_search.cli import main

heavy_ones = set(sys.argv[1:])
for arguments in json.loads(sys.stdin.read()):
    sys.argv = ["modag", *arguments]
    status = 0
    try:
        main()
    except SystemExit as left:
        status = left.code or 0
    heavy = sorted(set(sys.modules) & heavy_ones)
    assert not heavy, f"{arguments} imported {heavy}"
    assert status == 0, f"{arguments} left with {status}"
"""


NETWORKS = ("matplotlib", "sklearn", "tokenizers", "torch", "torchaudio", "torchvision", "transformers")
ALL_HEAVY = (*NETWORKS, "PIL", "av", "faiss", "scipy", "soundfile", "soxr")


def run(modag: CommandLine, *verbs: tuple[object, ...], heavy: tuple[str, ...] = NETWORKS) -> None:
    """Run verbs one after the other in one process, which fails at the first that imports one of some libraries."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *heavy],
        input=json.dumps([[str(argument) for argument in verb] for verb in verbs]).encode(),
        check=False,
        capture_output=True,
        cwd=modag.folder,
        env=modag.environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_numpy_comes_after_it_is_known_how_many_threads_it_may_have(modag: CommandLine) -> None:
    run(modag, ("--version",), heavy=("numpy",))


def test_few_files_are_named_on_one_thread_and_many_are_not(
    filled: CommandLine, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []
    monkeypatch.setattr("modag_search.cli.classifying.keep_to_one_thread", lambda: kept.append(True))
    filled("label", media / "a.png", "--as", "low")
    for asked, expected in (
        (("id:1",), 1),
        ((media / "a.png", media / "a.wav"), 1),
        ((media,), 0),
        (["id:1"] * 8, 0),
        (("--all",), 0),
    ):
        kept.clear()
        filled("classify", *asked)
        assert len(kept) == expected, asked


def test_verbs_on_an_index(filled: CommandLine, media: Path, tmp_path: Path) -> None:
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
        ("exclude", "add", "drafts/"),
        ("exclude", "list"),
        ("roots", "list"),
        ("forget", media / "a.png"),
        ("forget", "--undo"),
        ("rebuild",),
        ("verify",),
        ("index", media, picture(tmp_path / "new" / "d.png", GREEN), sound(tmp_path / "new" / "d.wav", (HIGH_HZ, 2))),
    )


def test_verbs_on_an_index_of_the_default_encoders(modag: CommandLine, media: Path, tmp_path: Path) -> None:
    sound(media / "silent.wav", (0, 1))
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([media])
    run(modag, ("info",), ("index", media), ("label", "id:1", "--as", "silence"), ("rebuild",), ("verify",))


@pytest.fixture
def default(modag: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with an index of the default encoders that holds a picture and a sound."""
    picture(media / "a.jpg", GREEN)
    sound(media / "a.wav", (HIGH_HZ, 1))
    modag.environment["MODAG_INDEX"] = str(tmp_path / "index")
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([media])
    return modag


DECODERS = ("PIL", "av", "soundfile", "soxr")
NETWORK_RUNNERS = ("onnxruntime", "torch")
WORKINGS = ("modag_search.encoders", "modag_search.index.workings", "modag_search.space", "modag_search.stores")
FINDING = ("modag_search.search.finder", "modag_search.values.answers")
NAMING = (
    *("modag_search.classify.namer", "modag_search.copies.pixels"),
    *("modag_search.values.curation", "modag_search.values.reports"),
)
INDEXING = ("modag_search.features.cluster", "modag_search.ingest.run")


@pytest.mark.parametrize(
    ("verb", "needless"),
    [
        (("models",), (*DECODERS, *NETWORK_RUNNERS, "faiss")),
        (("info",), (*DECODERS, *NETWORK_RUNNERS, "faiss", *FINDING, *NAMING, *INDEXING)),
        (
            ("label", "id:1", "--as", "green"),
            (*DECODERS, *NETWORK_RUNNERS, "faiss", *WORKINGS, *FINDING, *NAMING, *INDEXING),
        ),
        (
            ("exclude", "add", "drafts/"),
            (*DECODERS, *NETWORK_RUNNERS, "faiss", *WORKINGS, *FINDING, *NAMING, *INDEXING),
        ),
        (("search", "id:1"), (*DECODERS, *NETWORK_RUNNERS, *NAMING, *INDEXING)),
        (("search", "new.jpg"), ("av", "soundfile", "soxr", "torch", *NAMING, *INDEXING)),
        (("search", "new.wav"), ("PIL", "av", "torch", *NAMING, *INDEXING)),
        (
            ("classify", "new.jpg", "--names", "cat,dog"),
            ("av", "soundfile", "soxr", "torch", "modag_search.labels.files", *INDEXING),
        ),
    ],
)
def test_a_verb_imports_what_it_needs_alone(
    default: CommandLine, tmp_path: Path, verb: tuple[str, ...], needless: tuple[str, ...]
) -> None:
    picture(tmp_path / "new.jpg", GREEN)
    sound(tmp_path / "new.wav", (HIGH_HZ, 2))
    run(default, verb, heavy=(*needless, "alembic", "matplotlib", "scipy", "sqlalchemy.orm"))


@pytest.mark.parametrize(("verb", "told", "threads"), [("search", "", "1"), ("search", "3", "3"), ("index", "", None)])
def test_verbs_that_answer_at_once_start_no_threads(
    monkeypatch: pytest.MonkeyPatch, verb: str, told: str, threads: str | None
) -> None:
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(variable, told)  # what it is afterwards is put back
        if not told:
            monkeypatch.delenv(variable)
        cli.modag.get_command(click.Context(cli.modag), verb)
        assert os.environ.get(variable) == threads


@pytest.mark.parametrize(("asked", "threads"), [(("a.png",), "1"), (("--all",), None), (("--unlabelled",), None)])
def test_who_names_single_files_starts_no_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: tuple[str, ...], threads: str | None
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")
    with pytest.raises(IndexNotFoundError):
        cli.modag.main(["classify", *asked, "--index", str(tmp_path / "none")], standalone_mode=False)
    assert os.environ.get("OMP_NUM_THREADS") == threads


def test_verbs_that_only_look_at_labels(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\nmedia/b.png,middle\n")
    (tmp_path / "tree.csv").write_text("child,parent\nlow,tone\n")
    run(
        filled,
        ("label", "give", media / "a.png", "--as", "low"),
        ("label", "--from", "labels.csv"),
        ("label", "list"),
        ("label", "runs"),
        ("label", "hierarchy", "tree.csv"),
        ("label", "mode", "multi"),
        ("label", "export"),
        ("label", "export", "--to", "exported.jsonl"),
        ("label", "rename", "low", "deep"),
        ("label", "merge", "deep", "--into", "middle"),
        ("label", "undo", "2"),
        ("label", "remove", "middle", "--all"),
        heavy=ALL_HEAVY,
    )


def test_verbs_that_name_items_by_their_features(filled: CommandLine, media: Path) -> None:
    # The copy with another label gives `audit` something to list.
    named = [("a.png", "low"), ("again.png", "high"), ("b.png", "high"), ("a.wav", "high"), ("b.wav", "low")]
    shutil.copy(media / "a.png", media / "again.png")
    run(
        filled,
        ("index", media),
        *(("label", media / name, "--as", label) for name, label in named),
        ("suggest",),
        ("audit", "--max-probability", "1"),
        ("audit", "--pairs", "--min-rank", "0"),
        ("transfer", "--dry-run", "--min-confidence", "0"),
        ("transfer", "--min-confidence", "0"),
        ("train", "head"),
        ("classify", "--all", "--by", "head"),
        ("duplicates",),
        ("evaluate",),
    )
