"""What scripts/bench compare rests on: right answers, and tables that say who is faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import compare
import compared_tables
import material
import numpy as np
import pytest
import scale

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Float32Array

N = 300


class SpaceOfUnitLength:
    """Takes features for vectors."""

    def project(self, modality: str, features: Float32Array) -> Float32Array:
        vectors: Float32Array = features / np.linalg.norm(features, axis=1, keepdims=True)
        return vectors


@pytest.fixture
def made(tmp_path: Path) -> material.Material:
    random = np.random.default_rng(0)
    features = random.standard_normal((20, 8)).astype(np.float32)
    seeds = {modality: scale.Seeds(features, ("",) * 20) for modality in ("image", "sound")}
    material.make(tmp_path, n=N, seeds=seeds, space=SpaceOfUnitLength())  # type: ignore[arg-type]
    return material.Material(tmp_path, n=N)


@pytest.mark.parametrize("label", [None, "half", "hundredth"])
def test_right_answers_are_the_nearest_of_those_with_a_label(made: material.Material, label: str | None) -> None:
    ids = np.arange(N) if label is None else made.with_label(label)
    near = made.vectors(0, N)[ids] @ made.asking[7]
    nearest = ids[np.argsort(-near)][: material.K].tolist()
    assert made.share_right(7, nearest, where=label) == 1
    assert made.share_right(7, nearest[len(nearest) // 2 :], where=label) < 1


def test_a_query_that_lies_among_what_is_stored_is_a_right_answer_where_it_is_near(made: material.Material) -> None:
    assert made.share_right(7, [N + 7]) == 1 / material.K
    farthest = int(np.argmin(made.asking @ made.asking[7]))
    assert made.share_right(7, [N + farthest]) == 0


def test_labels_are_as_rare_as_they_are_called() -> None:
    labels = material.labels_of(20_000)
    assert {label: float((labels == label).mean()) for label in scale.SHARES} == scale.SHARES


def test_times_are_told_beside_ours() -> None:
    measured: dict[str, Any] = {"n": 10, "dimension": 8, "k": 10, "machine": compare.machine()}
    rows = {name: _row(milliseconds) for name, milliseconds in (("modag-index", 2.0), ("chroma", 5.0))}
    rows["txtai"] = {"keeps_metadata": True, "commit": "abc", "failed": "insert: no room", "settings": ""}
    tables = compared_tables.tables({**measured, "rows": rows})
    assert "| chroma | 0.950 | 5 | 2.5 | 0.950 | 5 | 2.5 | 5 |" in tables
    assert "- txtai: insert: no room." in tables


def _row(milliseconds: float) -> dict[str, Any]:
    asked = {"ms": milliseconds, "p99_ms": milliseconds, "recall": 0.95}
    answers = dict.fromkeys(("all", *material.FILTERS), asked)
    times = ("open_s", "insert_s", "insert_cpu_s", "add_ms", "find_added_ms", "add_save_ms", "delete_s")
    sizes = ("delete_save_s", "insert_peak_mib", "disk_mib", "ask_peak_mib", "ask_anonymous_mib")
    row = {"keeps_metadata": True, "commit": "abc", "settings": "as it comes", "at_0.95": answers, "at_0.99": answers}
    return row | dict.fromkeys([*times, *sizes], milliseconds)
