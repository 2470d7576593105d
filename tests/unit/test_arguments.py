"""What callers give to an index: numbers of numpy are as good as Python's, and what cannot be meant is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from modag_search.errors import NoSuchRunError, NothingFoundError, UsageError
from tests.made_media import sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search.errors import ModagError
    from modag_search.index import Index


@pytest.fixture
def named(filled: Index, media: Path) -> Index:
    for name in "ab":
        filled.label([media / f"{name}.png"], name)
    return filled


def test_numbers_of_numpy_are_numbers(named: Index, media: Path) -> None:
    low = media / "a.wav"
    for n in (np.int64(1), np.int32(1), np.uint8(1)):
        assert len(named.search(low, n=n, places=n, min_similarity=np.float32(-1))) == 1  # type: ignore[arg-type]
    assert named.search(low, start_s=np.float32(0), end_s=np.float32(0.5)) != []  # type: ignore[arg-type]
    (one,) = named.classify([low], k=np.int32(5), min_confidence=np.float32(0))  # type: ignore[arg-type]
    assert one.label == "a"
    assert len(named.suggest(n=np.int16(1))) == 1  # type: ignore[arg-type]
    assert named.transfer(min_confidence=np.float32(0.0), dry_run=True).given  # type: ignore[arg-type]
    named.label([low], "hum", start_s=np.float32(0), end_s=np.float64(0.5))  # type: ignore[arg-type]
    run = named.labels.runs()[-1][0].id
    assert named.labels.undo(np.int64(run)).removed == 1  # type: ignore[arg-type]
    assert named.item(low).labels == ()


CALLS: list[tuple[Callable[[Any, str], Any], str]] = [
    (lambda index, _: index.search("id:1", n="3"), "n must be a whole number, not '3'"),
    (lambda index, _: index.search("id:1", n=2.5), "n must be a whole number, not 2.5"),
    (lambda index, _: index.search("id:1", n=float("nan")), "n must be a whole number, not nan"),
    (lambda index, _: index.search("id:1", n=0), "n must be 1 at least, not 0"),
    (lambda index, _: index.search("id:1", min_similarity="a"), "min_similarity must be a number, not 'a'"),
    (lambda index, _: index.search("id:1", min_similarity=float("nan")), "min_similarity must be a number, not nan"),
    (lambda index, _: index.search("id:1", min_relevance=2), "min_relevance must lie from 0 to 1, not 2"),
    (lambda index, _: index.search("id:1", min_duration_s="1"), "min_duration_s must be a number, not '1'"),
    (lambda index, _: index.search("id:1", places="some"), "places must be a whole number, not 'some'"),
    (lambda index, _: index.search("id:1", places=-1), "places must be 0 at least, not -1"),
    (lambda index, _: index.search("id:1", label=" "), r"label must be the name of one, not ' '"),
    (lambda index, _: index.search("id:1", label=["a"]), r"label must be the name of one, not \['a'\]"),
    (lambda index, path: index.search(path, start_s="1"), "start_s must be a number, not '1'"),
    (lambda index, _: list(index.search_many(["id:1"], workers=0)), "workers must be 1 at least, not 0"),
    (lambda index, path: index.classify(path, workers=-3), "workers must be 1 at least, not -3"),
    (lambda index, path: index.classify(path, k=0), "k must be 1 at least, not 0"),
    (lambda index, path: index.classify(path, level=-1), "level must be 0 at least, not -1"),
    (lambda index, path: index.explain(path, temperature=0), "temperature must be a finite number above 0, not 0"),
    (lambda index, _: index.transfer(min_confidence=float("nan")), "min_confidence must be a number, not nan"),
    (lambda index, _: index.suggest(n=2.5), "n must be a whole number, not 2.5"),
    (lambda index, _: index.suggest(modality="any"), "modality must be image or sound, not 'any'"),
    (lambda index, _: index.suggest(near=7), "near must lie from 0 to 1, not 7"),
    (lambda index, _: index.audit(max_probability=3), "max_probability must lie from 0 to 1, not 3"),
    (lambda index, _: index.audit_pairs(min_rank=-4), "min_rank must lie from 0 to 1, not -4"),
    (lambda index, path: index.unlabel(path, ["a", "b"]), r"\['a', 'b'\]: the name of a label is text"),
    (lambda index, _: index.count(["a"]), r"\['a'\]: the name of a label is text"),
    (lambda index, path: index.tag(path, 3), "3: the name of a label is text"),
    (lambda index, _: index.check_count("a", seed="x"), "seed must be a whole number, not 'x'"),
    (lambda index, _: index.train_head(seed=1.5), "seed must be a whole number, not 1.5"),
    (
        lambda index, _: index.search("id:1", min_similarity=10**400),
        "min_similarity must be a number that is not so large",
    ),
    (lambda index, _: index.search("id:2", start_s=-3, end_s=-1), "id:2: -3.0 s to -1.0 s is not a part of any file"),
    (lambda index, path: index.add(path, workers=0), "workers must be 1 at least, not 0"),
    (lambda index, path: index.label(path, []), "no label is named, so that there is nothing to give"),
    (lambda index, path: index.label(path, [3]), "3: the name of a label is text"),
    (lambda index, path: index.label(path, "x", start_s="0"), "start_s must be a number, not '0'"),
    (lambda index, _: index.item(None), "a path is wanted, not None"),
    (lambda index, _: index.describe(None), "a path is wanted, not None"),
    (lambda index, _: index.explain(3), "a path is wanted, not 3"),
    (lambda index, _: index.label([None], "a"), "a path is wanted, not None"),
    (lambda index, _: index.labels.undo("1"), "run must be a whole number, not '1'"),
]


@pytest.mark.parametrize(("call", "said"), CALLS, ids=[said for _, said in CALLS])
def test_what_cannot_be_meant_is_a_usage_error(
    named: Index, media: Path, call: Callable[[Any, str], Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        call(named, str(media / "a.png"))


def test_a_run_that_is_not_there_cannot_be_undone(named: Index) -> None:
    with pytest.raises(NoSuchRunError, match="there is no run 99"):
        named.labels.undo(99)


def test_what_cannot_be_named_is_given_with_its_path(named: Index, media: Path, tmp_path: Path) -> None:
    silent = sound(tmp_path / "s.wav", (0, 1))
    failed: list[tuple[str, ModagError]] = []
    answers = named.classify([silent, media / "a.wav"], on_failure=lambda path, error: failed.append((path, error)))
    assert [one.label for one in answers] == ["a"]
    [(path, error)] = failed
    assert (path, type(error)) == (str(silent), NothingFoundError)


def test_a_single_query_is_one_of_many(named: Index, media: Path) -> None:
    for query in (str(media / "a.wav"), media / "a.wav", Image.open(media / "a.png")):
        assert [asked for asked, _ in named.search_many(query)] == [query]
