"""Labels that go to a file and come back are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from modag_search.catalog import Annotation
from modag_search.labels.files import export_labels, import_labels
from modag_search.spelling import composed
from tests.made_media import LOW_HZ, sound

if TYPE_CHECKING:
    from modag_search import Index
    from modag_search.labels.files import LabelFormat

AWKWARD = st.text(st.sampled_from(",;\"'\\ /{}[]\u200b\u00e9\u4e2d\U0001f3bba"), min_size=1)
ANY = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)
NAMES = (AWKWARD | ANY).map(composed).map(str.strip).filter(bool)  # names are kept in this form
STARTS = st.none() | st.floats(0, 0.5)
ENDS = st.none() | st.floats(0.5, 1, exclude_min=True)
LABELS = st.lists(st.tuples(NAMES, STARTS, ENDS), min_size=1, unique=True)

pytestmark = pytest.mark.usefixtures("toys")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(labels=LABELS, output_format=st.sampled_from(["csv", "jsonl"]))
def test_labels_come_back_as_they_were(
    index: Index, media: Path, labels: list[tuple[str, float | None, float | None]], output_format: LabelFormat
) -> None:
    path = media / "a.wav"
    if not path.exists():
        index.add([sound(path, (LOW_HZ, 1))])
    item_id = index.item(path).id
    annotations = [
        Annotation(item_id=item_id, label=name, start_s=start_s, end_s=end_s, origin="hand")
        for name, start_s, end_s in labels
    ]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, f"labels.{output_format}")
        clear(index)
        index.catalog.labels.annotate(annotations)
        assert export_labels(index.catalog, target, output_format=output_format).labels == len(labels)
        clear(index)
        assert import_labels(index.catalog, target).added == len(labels)
    assert {(a.label, a.start_s, a.end_s) for a in index.catalog.labels.annotations()} == set(labels)


def clear(index: Index) -> None:
    for annotation in list(index.catalog.labels.annotations()):
        index.catalog.labels.delete(annotation.label)
