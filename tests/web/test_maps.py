"""``GET /api/v1/map``: the items in two dimensions, and what they are coloured by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from modag_search.search import layout
from modag_search.web import Limits, create_app
from modag_search.web.api.answers import MapColumns
from tests.made_media import BLACK, picture
from tests.web.conftest import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search import Index

MAP = "http://127.0.0.1:8000/api/v1/map"


@pytest.fixture
def asking(filled: Index) -> Iterator[TestClient]:
    """A program that asks a server over three pictures and three sounds."""
    with TestClient(create_app(filled), raise_server_exceptions=False) as client:
        yield client


def item_at(document: dict[str, Any], index: Index, name: str) -> dict[str, Any]:
    """Return what a map says of a file."""
    ids = {record.path.rpartition("/")[2]: record.id for record in index.catalog.items.all()}
    row = document["ids"].index(ids[name])
    named = {"kind": "kinds", "label": "labels", "origin": "origins"}
    said = {key: document[key][row] for key in ("x", "y", "confidence", *named)}
    return said | {key: document[among][said[key]] if said[key] >= 0 else None for key, among in named.items()}


def test_all_columns_are_of_one_length_and_as_the_index_says(asking: TestClient, filled: Index) -> None:
    document = asking.get(MAP).json()
    found = filled.map()
    assert document["ids"] == found.ids.tolist()
    assert document["x"] == pytest.approx(found.positions[:, 0].tolist(), abs=1e-5)
    assert document["y"] == pytest.approx(found.positions[:, 1].tolist(), abs=1e-5)
    assert [document["kinds"][number] for number in document["kind"]] == list(found.kinds)
    assert {len(document[key]) for key in ("label", "origin", "confidence")} == {6}
    assert (document["method"], document["unplaced"]) == ("pca", 0)
    assert document["methods"] == ["pca", *["umap"] * layout.is_there()]
    assert MapColumns(**document).model_dump() == document  # as the OpenAPI document says


def test_labels_say_who_gave_them_and_how_sure_they_are(asking: TestClient, filled: Index, media: Path) -> None:
    filled.label([media / "a.png"], "low")
    filled.label([media / "c.png"], "high")
    filled.tag([media / "b.png"], "favourite")
    filled.deny([media / "b.wav"], "low")
    filled.transfer(min_confidence=0)
    document = asking.get(MAP).json()
    by_hand = item_at(document, filled, "a.png")
    assert (by_hand["label"], by_hand["origin"], by_hand["confidence"]) == ("low", "hand", None)
    transferred = item_at(document, filled, "a.wav")
    assert (transferred["label"], transferred["origin"]) == ("low", "transfer")
    assert 0 < transferred["confidence"] <= 1
    assert "favourite" not in document["labels"]


def test_tags_denials_and_nothing_are_no_label(asking: TestClient, filled: Index, media: Path) -> None:
    filled.tag([media / "b.png"], "favourite")
    filled.deny([media / "b.wav"], "low")
    document = asking.get(MAP).json()
    for name in ("a.png", "b.png", "b.wav"):
        said = item_at(document, filled, name)
        assert (said["label"], said["origin"], said["confidence"]) == (None, None, None)


def test_what_a_browser_has_is_not_sent_again_until_it_changes(asking: TestClient, filled: Index, media: Path) -> None:
    first = asking.get(MAP)
    again = {"if-none-match": first.headers["etag"]}
    assert asking.get(MAP, headers=again).status_code == 304
    filled.label([media / "a.png"], "low")
    labelled = asking.get(MAP, headers=again)
    assert labelled.json()["labels"] == ["low"]
    picture(media / "d.png", (200, 200, 20))
    filled.add([media])
    assert len(asking.get(MAP, headers={"if-none-match": labelled.headers["etag"]}).json()["ids"]) == 7


def test_what_has_no_place_is_counted(asking: TestClient, filled: Index, media: Path) -> None:
    picture(media / "black.png", BLACK)
    filled.add([media])
    document = asking.get(MAP).json()
    assert (len(document["ids"]), document["unplaced"]) == (6, 1)


def test_an_index_without_items_has_an_empty_map(index: Index) -> None:
    with TestClient(create_app(index)) as client:
        document = client.get(MAP).json()
    assert (document["ids"], document["x"], document["labels"], document["explained"]) == ([], [], [], None)


def test_other_methods_and_one_that_is_not_installed_are_problems(
    asking: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asking.get(MAP, params={"method": "tsne"}).status_code == 422
    monkeypatch.setattr(layout, "is_there", lambda: False)
    missing = asking.get(MAP, params={"method": "umap"})
    assert (missing.status_code, missing.json()["type"]) == (501, "urn:modag:problem:missing-extra")
    assert "modag-search[map]" in missing.json()["detail"]


def test_who_waits_for_a_map_keeps_nobody_from_asking(filled: Index) -> None:
    with serving(filled, limits=Limits(at_once=1, wait_s=0)) as client:
        with client.app.state.service.map_turns.taken():  # type: ignore[attr-defined]
            assert client.get("/map").status_code == 503
            assert client.post("/search", json={"query": "id:1"}).status_code == 200
        assert client.get("/map").status_code == 200


def test_maps_by_different_methods_are_told_apart(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(filled) as client:
        tag = client.get("/map").headers["etag"]
        assert client.get("/map", headers={"if-none-match": f'W/{tag}, "other"'}).status_code == 304
        known = filled.map("pca")
        monkeypatch.setattr(filled, "map", lambda _: known)
        assert client.get("/map?method=umap", headers={"if-none-match": tag}).status_code == 200
