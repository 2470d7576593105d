"""The labelled set: read once, brought up to date from what it was, and never changed; answers that stream."""

from __future__ import annotations

import os
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from modag_search import Index
from modag_search.catalog.labels import Labels
from modag_search.catalog.segments import Segments
from modag_search.classify import ahead, leave_one_out, neighbours, queries
from modag_search.classify.labelled_set import LabelledSet, LabelledVectors, read_labelled_set
from modag_search.classify.neighbours import Neighbours
from modag_search.classify.queries import stored_batches
from modag_search.features.vectors import SegmentVectors
from modag_search.hierarchy import Hierarchy
from modag_search.values import MODALITIES
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound, video
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from modag_search.values import Float32Array, Int64Array, Modality

TONES = {"low": LOW_HZ, "middle": MIDDLE_HZ, "high": HIGH_HZ}
COLOURS = {"low": RED, "middle": GREEN, "high": BLUE}


@pytest.fixture
def windowed(tmp_path: Path, media: Path, toys: None) -> Iterator[Index]:
    """Pictures, long sounds and a video, some of which have labels; segments of sound last a second."""
    for number, (name, hz) in enumerate(TONES.items()):
        picture(media / f"{name}.png", COLOURS[name])
        sound(media / f"{name}.wav", (hz, 3 + number), (1.1 * hz, 4))
        sound(media / f"short {name}.wav", (1.2 * hz, 1))
    video(media / "clip.mp4")
    with toy_index(tmp_path / "index", window_s=1.0, hop_s=1.0) as opened:
        opened.add([media])
        for name in TONES:
            opened.label([media / f"{name}.png", media / f"{name}.wav"], name)
        yield opened


def read(index: Index, *, former: LabelledSet | None = None) -> LabelledSet:
    return read_labelled_set(index.catalog, vectors_of(index), former=former)


def vectors_of(index: Index) -> SegmentVectors:
    with index._rooms.snapshots.present() as snapshot:
        return snapshot.vectors


def array_fields(part: LabelledVectors) -> dict[str, np.ndarray]:
    return {field.name: getattr(part, field.name) for field in fields(part)}


def assert_same_set(first: LabelledSet, second: LabelledSet) -> None:
    assert (first.names, first.rivalry, first.moment) == (second.names, second.rivalry, second.moment)
    for modality in MODALITIES:
        pairs = zip(*(array_fields(one.by_modality[modality]).items() for one in (first, second)), strict=True)
        for (name, some), (_, same) in pairs:
            np.testing.assert_allclose(some, same, atol=1e-6, err_msg=name)


# Read, and brought up to date.


def test_each_labelled_segment_has_its_item_its_place_and_its_vector(windowed: Index, media: Path) -> None:
    windowed.label([media / "low.wav"], "begins low", end_s=1.0)
    labelled = read(windowed)
    assert labelled.names == ("begins low", "high", "low", "middle")
    part = labelled.by_modality["sound"]
    item = windowed.item(media / "low.wav").id
    own = part.items == item
    votes = [labelled.names[label] for label, row in zip(part.labels, part.rows, strict=True) if own[row]]
    assert votes == ["begins low", *["low"] * 7]
    spans = {tuple(span) for span in part.spans_s[own].tolist()}
    assert spans == {(float(start), start + 1.0) for start in range(7)}
    assert np.isnan(labelled.by_modality["image"].spans_s).all()
    ids, vectors = vectors_of(windowed).of("sound", part.segments.tolist())
    np.testing.assert_allclose(part.vectors[np.argsort(part.segments)], vectors, atol=1e-6)
    assert sorted(part.segments.tolist()) == ids.tolist()


def test_a_set_brought_up_to_date_is_the_one_read_anew(windowed: Index, media: Path) -> None:
    def relabel() -> None:
        windowed.unlabel([media / "high.wav"], "high")
        windowed.label([media / "high.wav", media / "short high.wav"], "shrill")

    def rename() -> None:
        windowed.labels.rename("low", "zz low")

    def change_files() -> None:
        sound(media / "middle.wav", (MIDDLE_HZ, 2))
        (media / "low.png").unlink()
        windowed.add([media], prune=True)

    def tell_kinds() -> None:
        windowed.label([media / "middle.png"], "tone")
        windowed.labels.set_hierarchy(Hierarchy.of([("middle", "tone"), ("shrill", "tone")]))

    def forget_all() -> None:
        for name in ["tone", *read(windowed).names]:
            windowed.labels.remove(name)

    changes: list[Callable[[], None]] = [relabel, rename, change_files, tell_kinds, forget_all]
    former = read(windowed)
    for change in changes:
        change()
        brought_up = read(windowed, former=former)
        assert_same_set(brought_up, read(windowed))
        former = brought_up
    assert former.names == ()


def test_a_new_label_costs_the_vectors_of_what_has_it_alone(
    windowed: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = read(windowed)
    windowed.label([media / "short low.wav"], "low")
    asked: set[int] = set()
    with_features = SegmentVectors.with_features

    def recorded(
        self: SegmentVectors, modality: Modality, segment_ids: Iterable[int]
    ) -> tuple[Int64Array, Float32Array, Float32Array]:
        ids = list(segment_ids)
        asked.update(ids)
        return with_features(self, modality, ids)

    monkeypatch.setattr(SegmentVectors, "with_features", recorded)
    read(windowed, former=former)
    (segment,) = windowed.catalog.segments.of_items([windowed.item(media / "short low.wav").id])
    assert asked == {segment.id}


def test_what_threads_share_cannot_be_changed(windowed: Index) -> None:
    labelled = read(windowed)
    for part in labelled.by_modality.values():
        for name, array in array_fields(part).items():
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
            assert name
    with pytest.raises(ValueError, match="read-only"):
        labelled.vectors[...] = 0


def test_a_second_question_reads_no_labels(windowed: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = windowed.classify([media / "short low.wav"])

    def never(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(Labels, "labelled_segments", never)
    monkeypatch.setattr(Segments, "features", never)
    assert windowed.classify([media / "short low.wav"]) == before
    monkeypatch.undo()
    windowed.label([media / "short low.wav"], "a new name")
    (answer,) = windowed.classify([media / "low.wav"])
    assert "a new name" in {neighbour.label for neighbour in answer.neighbours}


def test_who_voted_is_named_where_its_file_is_now(windowed: Index, media: Path) -> None:
    def voters() -> set[str]:
        (answer,) = windowed.classify([media / "short low.wav"])
        return {os.path.basename(neighbour.path) for neighbour in answer.neighbours}

    assert "low.png" in voters()
    (media / "low.png").rename(media / "moved.png")
    windowed.add([media])
    assert "low.png" not in voters()
    assert "moved.png" in voters()


# Streams, in bounded memory.


def test_answers_come_before_all_items_are_read(windowed: Index, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "ITEMS_AT_ONCE", 1)
    read_for: list[list[int]] = []
    count_by_item = Segments.count_by_item

    def counted(self: Segments, item_ids: Iterator[int]) -> dict[int, int]:
        read_for.append(list(item_ids))
        return count_by_item(self, read_for[-1])

    monkeypatch.setattr(Segments, "count_by_item", counted)
    answers = windowed.classify_each()
    assert [os.path.basename(answer.path) for answer in islice(answers, 1)] == ["clip.mp4"]
    assert len(read_for) <= 4
    assert len(list(answers)) == 9
    assert len(read_for) == 10


def test_a_batch_is_bounded_by_segments_too(windowed: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SEGMENTS_AT_ONCE", 8)
    items = [(item_id, path) for item_id, path, _ in windowed.catalog.items.found()]
    batches = list(stored_batches(windowed.catalog, vectors_of(windowed), items))
    assert [path for batch in batches for path in batch.paths] == [path for _, path in items]
    sizes = [sum(len(part.queries) for part in batch.segments.values()) for batch in batches]
    assert all(size <= 8 or len(batch) == 1 for size, batch in zip(sizes, batches, strict=True))
    assert max(sizes) == 9
    assert any(len(batch) > 1 for batch in batches)


def test_no_more_is_compared_at_once_however_long_a_sound_is(windowed: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = windowed.classify(), windowed.transfer(min_confidence=0.0, dry_run=True), windowed.audit()
    most_cells = 60
    monkeypatch.setattr(neighbours, "_CELLS_AT_ONCE", most_cells)
    above_unlike = Neighbours.above_unlike
    cells: list[int] = []

    def counted(
        self: neighbours.Neighbours, modality: Modality, similarities: Float32Array, *own: Any, **how: Any
    ) -> Any:
        cells.append(similarities.size)
        return above_unlike(self, modality, similarities, *own, **how)

    monkeypatch.setattr(Neighbours, "above_unlike", counted)
    with Index.open(windowed.folder) as again:
        answers = again.classify(), again.transfer(min_confidence=0.0, dry_run=True), again.audit()
    for some, same in zip(answers[0], expected[0], strict=True):
        assert (some.path, some.label) == (same.path, same.label)
        assert some.confidence == pytest.approx(same.confidence, abs=1e-5)
        weights = [[neighbour.weight for neighbour in one.neighbours] for one in (some, same)]
        assert weights[0] == pytest.approx(weights[1], abs=1e-5)
    assert [one.label for one in answers[1].given] == [one.label for one in expected[1].given]
    assert len(answers[2]) == len(expected[2])
    assert len(cells) > 30
    assert max(cells) <= most_cells


def test_answers_are_the_same_to_the_bit_however_many_threads_work(
    windowed: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ITEMS_AT_ONCE", 2)
    monkeypatch.setattr(leave_one_out, "_ITEMS_AT_ONCE", 2)
    outcomes = []
    for workers in (1, 2, 5):
        monkeypatch.setattr(ahead, "_WORKERS", workers)
        (windowed.folder / "calibration.safetensors").unlink(missing_ok=True)
        with Index.open(windowed.folder) as again:
            outcomes.append((again.classify(), again.transfer(dry_run=True), again.suggest(), again.audit()))
    assert outcomes[0] == outcomes[1] == outcomes[2]
