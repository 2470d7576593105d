"""The encoders and the space that ship, on media made here and on a few real ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index, evaluate
from modag_search.errors import NothingFoundError
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, set_mtime, sound, video
from tests.shared_folder import shared

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTRUMENTS = ("trumpet", "violin", "drums")
PICTURES = "data/photo/imagenet5"
SOUNDS = {
    "trumpet": "data/sound/philharmonia/trumpet",
    "violin": "data/sound/philharmonia/violin",
    "drums": "data/sound/fluidr3_gm/drums",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    picture(folder / "red.png", RED)
    picture(folder / "blue.png", BLUE)
    sound(folder / "low.wav", (LOW_HZ, 1))
    sound(folder / "high.wav", (HIGH_HZ, 0.2))
    sound(folder / "long.wav", (LOW_HZ, 12))
    sound(folder / "silent.wav", (0, 1))
    video(folder / "clip.mp4")
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Iterator[Index]:
    with Index.open(tmp_path_factory.mktemp("index"), create=True) as opened:
        report = opened.add([made], workers=2)
        assert (report.added, report.failed) == (7, 0)
        yield opened


def test_every_item_is_found_but_silence(index: Index, made: Path) -> None:
    for query in ("red.png", "low.wav", "clip.mp4"):
        found = {os.path.basename(hit.path) for hit in index.search(made / query, n=50)}
        assert found == {"red.png", "blue.png", "low.wav", "high.wav", "long.wav", "clip.mp4"} - {query}
    with pytest.raises(NothingFoundError):
        index.search(made / "silent.wav")


def test_a_run_tells_where_its_time_went(made: Path, tmp_path: Path) -> None:
    with Index.open(tmp_path / "index", create=True) as index:
        stages = index.add([made / "red.png", made / "low.wav"]).stage_seconds
    assert sorted(stages) == ["decode", "hash", "network", "prepare", "store"]
    assert min(stages.values()) > 0


def test_a_file_asked_anew_answers_to_the_bit_as_its_item_does(index: Index, made: Path) -> None:
    for name in ("red.png", "long.wav"):
        stored = index.search(f"id:{index.item(made / name).id}")
        before = (made / name).stat().st_mtime_ns
        set_mtime(made / name, 1)  # so that it is decoded and encoded again
        try:
            assert index.search(made / name) == stored
        finally:
            set_mtime(made / name, before)


def test_a_copy_is_the_nearest_and_similarity_is_one(index: Index, made: Path, tmp_path: Path) -> None:
    for name in ("blue.png", "high.wav"):
        copy = tmp_path / name
        copy.write_bytes((made / name).read_bytes())
        (first, *_) = index.search(copy, modality="image" if name.endswith("png") else "sound")
        assert os.path.basename(first.path) == name
        assert first.similarity == pytest.approx(1, abs=1e-5)


def test_rebuilding_changes_nothing(index: Index, made: Path) -> None:
    before = index.search(made / "low.wav", n=50)
    index.rebuild()
    assert index.search(made / "low.wav", n=50) == before
    assert index.verify() == []


def test_labels_of_both_modalities_are_evaluated(tmp_path: Path) -> None:
    """Features of pictures and of sounds have different lengths here, as they never have with toys."""
    media = tmp_path / "media"
    for number in range(3):
        for label, colour, hz in (("red", RED, LOW_HZ), ("blue", BLUE, HIGH_HZ)):
            red, green, blue = (min(255, value + 8 * number) for value in colour)
            picture(media / label / f"{number}.png", (red, green, blue))
            sound(media / label / f"{number}.wav", (hz * (1 + 0.03 * number), 1))
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([media])
        for label in ("red", "blue"):
            index.label(sorted((media / label).iterdir()), label)
        found = evaluate(index, draws=20).classification
    assert {(one.voters, one.queries) for one in found} >= {("both", "image"), ("both", "sound")}
    assert {one.pooled.accuracy.estimate for one in found if one.queries == "image" and one.voters != "sound"} == {1.0}


def files(folder: str, *, n: int, ending: str) -> list[Path]:
    """Files of a shared folder, spread over it."""
    found = sorted(shared(folder).glob(f"*{ending}"))
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, min(n, len(found)))]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Three kinds of instruments: five photographs and three sounds each."""
    media = [
        path
        for name in INSTRUMENTS
        for path in [*files(f"{PICTURES}/{name}", n=5, ending=".jpg"), *files(SOUNDS[name], n=3, ending=".ogg")]
    ]
    with Index.open(tmp_path_factory.mktemp("real"), create=True) as opened:
        assert opened.add(media, workers=2).failed == 0
        yield opened


def nearness(index: Index, name: str, other: str, *, asked: str, answers: str) -> float:
    """Mean similarity of the answers of one kind to the sounds, or the photographs, of another."""
    similarities = []
    for item in index.catalog.items.all():
        if item.kind == asked and Path(item.path).parent.name == name:
            hits = index.search(f"id:{item.id}", modality=answers, n=100)  # type: ignore[arg-type]
            similarities += [hit.similarity for hit in hits if Path(hit.path).parent.name == other]
    return float(np.mean(similarities))


@pytest.mark.parametrize(("asked", "answers"), [("sound", "image"), ("image", "sound")])
def test_instruments_find_each_other_across_modalities(real: Index, asked: str, answers: str) -> None:
    for name in INSTRUMENTS:
        own = nearness(real, name, name, asked=asked, answers=answers)
        others = [nearness(real, name, other, asked=asked, answers=answers) for other in INSTRUMENTS if other != name]
        assert own > max(others), (name, own, others)


def test_labelled_photographs_name_sounds(real: Index) -> None:
    sounds = []
    for item in real.catalog.items.all():
        name = Path(item.path).parent.name
        if item.kind == "image":
            real.label([item.path], name)
        else:
            sounds.append((item.path, name))
    answers = real.classify([path for path, _ in sounds])
    right = [answer.label == name for answer, (_, name) in zip(answers, sounds, strict=True)]
    assert len(right) == 9
    assert sum(right) >= 7
    assert {neighbour.modality for answer in answers for neighbour in answer.neighbours} == {"image"}
