"""What a similarity is worth: beside that of unlike things, alike for every pair of modalities."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from modag_search import CLOSE, Index
from modag_search.errors import UsageError
from modag_search.search.probes import ADDED, Term, alone, together
from modag_search.search.query import Query
from modag_search.search.relevance import RelevanceScale, relevance_of
from modag_search.values import MODALITIES
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound, video
from tests.toy_encoders import toy_space

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Float32Array

SIMILARITIES = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=20).map(
    lambda values: np.array(sorted(values), dtype=np.float32)
)


@given(SIMILARITIES, st.floats(-0.5, 0.9), st.floats(0.0, 1.0))
def test_relevance_is_in_0_to_1_and_never_turns_the_order_round(
    similarities: Float32Array, unlike: float, deviation: float
) -> None:
    found = relevance_of(RelevanceScale(unlike=unlike, deviation=deviation).log_odds(similarities))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


@given(st.floats(-0.5, 0.8), st.floats(0.02, 1.0))
def test_what_is_as_similar_as_unlike_things_is_not_close(unlike: float, deviation: float) -> None:
    scale = RelevanceScale(unlike=unlike, deviation=deviation)
    (of_unlike, of_same) = relevance_of(scale.log_odds(np.array([unlike, 1.0], dtype=np.float32)))
    assert of_unlike < CLOSE / 2
    assert of_same > CLOSE


def test_a_thing_twice_is_as_relevant_as_once() -> None:
    space = replace(toy_space(), unrelated=dict.fromkeys(("image-image", "image-sound", "sound-sound"), (0.3, 0.2)))
    term = Term(name="x", query=Query(vectors={"image": np.eye(1, 3, dtype=np.float32)}), weight=ADDED)
    (once,) = alone(term, space, ["sound"]).probes["sound"]
    (twice,) = together([term, term], space, ["sound"]).probes["sound"]
    assert twice.relevance.unlike == pytest.approx(once.relevance.unlike)
    assert twice.relevance.deviation == pytest.approx(once.relevance.deviation)
    assert twice.relevance.same == pytest.approx(once.relevance.same)


def test_every_hit_tells_its_relevance_its_duration_and_whether_it_is_there(filled: Index, media: Path) -> None:
    os.remove(media / "b.wav")
    hits = {os.path.basename(hit.path): hit for hit in filled.search(media / "a.wav", n=10)}
    assert {name: hit.exists for name, hit in hits.items() if hit.path.endswith("wav")} == {
        "b.wav": False,
        "c.wav": True,
    }
    assert hits["a.png"].duration_s is None
    assert hits["b.wav"].duration_s == filled.item(media / "b.wav").duration_s
    assert hits["b.wav"].duration_s is not None
    assert all(0 <= hit.relevance <= 1 for hit in hits.values())
    assert hits["a.png"].relevance == max(hit.relevance for hit in hits.values()) > CLOSE


def test_within_a_modality_relevance_falls_with_similarity(filled: Index, media: Path, tmp_path: Path) -> None:
    video(media / "film.mp4")
    filled.add([media])
    for query in (media / "a.wav", picture(tmp_path / "q.png", (200, 100, 50)), media / "film.mp4"):
        for modality in MODALITIES:
            hits = filled.search(query, modality=modality, n=10)
            assert [hit.relevance for hit in hits] == sorted((hit.relevance for hit in hits), reverse=True)


def test_min_relevance_leaves_out_what_is_less_relevant(filled: Index, media: Path) -> None:
    every = filled.search(media / "a.wav", n=10)
    limit = sorted(hit.relevance for hit in every)[-2]
    kept = filled.search(media / "a.wav", n=10, min_relevance=limit - 1e-4)
    assert kept == [hit for hit in every if hit.relevance >= limit]
    assert 0 < len(kept) < len(every)
    assert filled.search(media / "a.wav", min_relevance=1) == []
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError, match=r"min_relevance must (lie from 0 to 1|be a number), not"):
            filled.search(media / "a.wav", min_relevance=wrong)


def test_what_unlike_things_have_is_kept_and_follows_the_index(filled: Index, media: Path) -> None:
    kept = filled.folder / "relevance"
    before = filled.search(media / "a.wav")
    first = kept.read_bytes()
    with Index.open(filled.folder) as again:
        assert again.search(media / "a.wav") == before
    assert kept.read_bytes() == first, "nothing has changed"
    kept.write_bytes(first[:-20])
    with Index.open(filled.folder) as again:
        assert again.search(media / "a.wav") == before, "damaged: made anew"
    assert kept.read_bytes() == first
    kept.unlink()
    with Index.open(filled.folder) as again:
        assert again.search(media / "a.wav") == before
    assert kept.read_bytes() == first, "the same for the same index"
    picture(media / "d.png", RED)
    filled.add([media])
    filled.search(media / "a.wav")
    assert kept.read_bytes() != first


def test_an_index_of_one_kind_does_not_make_its_kind_far(index: Index, media: Path, tmp_path: Path) -> None:
    for number in range(40):
        sound(media / f"{number}.wav", (LOW_HZ + number, 1))
    index.add([media])
    alike = index.search(sound(tmp_path / "low.wav", (LOW_HZ + 99, 1)), n=1)[0]
    unlike = index.search(sound(tmp_path / "high.wav", (HIGH_HZ, 1)), n=1)[0]
    assert alike.relevance > CLOSE > unlike.relevance


def test_an_empty_index_and_one_of_one_modality_answer(index: Index, media: Path, tmp_path: Path) -> None:
    query = picture(tmp_path / "q.png", BLUE)
    assert index.search(query) == []
    picture(media / "a.png", BLUE)
    index.add([media])
    (hit,) = index.search(query)
    assert hit.relevance > CLOSE
