"""What there is to know of items that did not fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from modag_search.values import MediaFacts, Remark
from tests.catalog_builders import failure, image, put, sound, video

if TYPE_CHECKING:
    from modag_search.catalog import Catalog
    from modag_search.values import EncodedItem, SegmentStatus


def unseen(item: EncodedItem, *statuses: SegmentStatus) -> EncodedItem:
    """Take the features from the segments of an item."""
    segments = tuple(
        replace(segment, status=status, feature=None) for segment, status in zip(item.segments, statuses, strict=True)
    )
    return replace(item, segments=segments)


@pytest.mark.parametrize(
    ("item", "kind", "words"),
    [
        (unseen(sound("/a.wav"), "silent", "silent"), "silent", "silent throughout"),
        (unseen(image("/a.png"), "flat"), "flat", "as good as of one colour"),
        (
            unseen(video("/a.mp4"), "silent", "silent", "black", "black"),
            "black",
            "as good as black in the 2 frames that were looked at, and silent throughout",
        ),
        (
            unseen(video("/a.mp4"), "silent", "silent", "black", "flat"),
            "flat",
            "as good as black and as good as of one colour in the 2 frames that were looked at, and silent throughout",
        ),
    ],
)
def test_what_nothing_finds(catalog: Catalog, item: EncodedItem, kind: str, words: str) -> None:
    (item_id,) = put(catalog, item)
    (notice,) = catalog.notices.all()
    assert (notice.id, notice.path, notice.kind) == (item_id, item.file.path, kind)
    assert notice.text == f"is {words}, so nothing finds it"
    assert catalog.notices.unfindable([item_id]) == catalog.notices.at([item.file.path]) == [notice]
    assert catalog.notices.unfindable([]) == catalog.notices.at(["/other"]) == []


def test_what_can_be_found_in_part_is_none_of_these(catalog: Catalog) -> None:
    put(catalog, sound("/a.wav", statuses=("silent", "ok")), image("/a.png"))
    assert catalog.notices.all() == []


def test_remarks_come_in_order_of_path_and_go_with_a_failure(catalog: Catalog) -> None:
    remarks = (Remark("misnamed", "is a PNG picture, although its name ends in .jpg"), Remark("chosen", "has 3 pages"))
    facts = MediaFacts(kind="image", width_px=2, height_px=2, remarks=remarks)
    second, first = put(catalog, replace(image("/b.jpg"), facts=facts), unseen(image("/a.png"), "black"))
    told = [(one.id, one.kind, one.text) for one in catalog.notices.all()]
    assert told == [
        (first, "black", "is as good as black, so nothing finds it"),
        *((second, remark.kind, remark.text) for remark in remarks),
    ]
    catalog.fail([failure("/b.jpg")], keep_items=False)
    assert [one.path for one in catalog.notices.all()] == ["/a.png"]
