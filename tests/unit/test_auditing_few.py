"""Real photographs and sounds of which few have labels: what can be checked is, and what cannot is said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from tests.as_it_was import opened_as_it_was
from tests.shared_folder import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CLASSES = (
    *("banjo", "castanets", "clarinet", "flute", "guiro", "saxophone"),
    *("tambourine", "trombone", "trumpet", "tuba", "violin", "xylophone"),
)
MANY = 5


def photographs(name: str) -> list[Path]:
    return sorted(shared(f"data/photo/kaggle30/{name}").glob("*.jpg"))[:MANY]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of photographs of instruments, and of three sounds of each, which have their labels."""
    folder = tmp_path_factory.mktemp("few") / "index"
    with Index.open(folder, create=True) as index:
        for name in CLASSES:
            sounds = sorted(shared(f"data/sound/fluidr3_gm/{name}").glob("*.ogg"))[:3]
            index.add([*photographs(name), *sounds])
            index.label(sounds, name)
    return folder


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    """The index, which is afterwards as it was."""
    with opened_as_it_was(folder) as opened:
        yield opened


def label(index: Index, named: Mapping[Path, str]) -> None:
    for path, name in named.items():
        index.label(path, name)


def doubted(index: Index) -> set[str]:
    return {os.path.basename(issue.path) for issue in index.audit() if issue.modality == "image"}


def test_right_labels_of_single_photographs_are_not_accused(index: Index, caplog: pytest.LogCaptureFixture) -> None:
    label(index, {photographs(name)[0]: name for name in CLASSES})
    assert doubted(index) == set()
    assert "could not be checked, since no other item of the same modality has them: " in caplog.text
    assert "(picture)" in caplog.text
    assert "(sound)" not in caplog.text, "others confirm these"


def test_a_wrong_label_of_a_single_photograph_is_told_by_those_of_what_it_shows(index: Index) -> None:
    many, single = CLASSES[:6], CLASSES[6:]
    label(index, {path: name for name in many for path in photographs(name)[1:]})
    wrong = {photographs(name)[0]: other for name, other in zip(many, single, strict=True)}
    label(index, wrong)
    found = doubted(index) & {path.name for path in wrong}
    assert len(found) >= len(wrong) / 2
