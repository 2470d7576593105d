"""Questions over REST: what they may hold, and what is made of what they should not."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from modag_search.web import Limits
from tests.made_media import HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.web.conftest import serving
from tests.web.test_access import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from httpx2 import Response
    from starlette.testclient import TestClient

    from modag_search import Index


def ask(client: TestClient, query: str, **more: object) -> Response:
    return client.post("/search", json={"query": query, **more})


def paths(answer: Response) -> list[str]:
    return [os.path.basename(hit["path"]) for hit in answer.json()["hits"]]


def test_an_item_asks(client: TestClient, ids: dict[str, int]) -> None:
    answer = ask(client, f"id:{ids['a.wav']}", modality="image", n=2)
    assert paths(answer)[0] == "a.png"
    document = answer.json()
    assert document["is_close"] is True
    assert document["best_relevance"] == document["hits"][0]["relevance"]
    assert document["hits"][0] | {"kind": "image", "given": [], "exists": True} == document["hits"][0]


def test_a_label_asks_and_answers_say_who_gave_it(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    filled.label(f"id:{ids['a.wav']}", "low")
    filled.label(f"id:{ids['a.png']}", "red")
    filled.tag(f"id:{ids['a.png']}", "favourite")
    [hit] = ask(client, "label:low", modality="image", n=1).json()["hits"]
    assert hit["labels"] == ["favourite", "red"]
    assert [(one["label"], one["origin"], one["is_tag"], one["is_not"]) for one in hit["given"]] == [
        ("red", "hand", False, False),
        ("favourite", "hand", True, False),
    ]


def test_a_question_is_combined_and_narrowed(client: TestClient, ids: dict[str, int], media: Path) -> None:
    combined = ask(
        client, f"id:{ids['a.wav']}", plus=[f"id:{ids['b.wav']}"], minus=[f"id:{ids['c.wav']}"], kind="image"
    )
    assert paths(combined)[-1] == "c.png"
    assert ask(client, f"id:{ids['a.wav']}", under=[str(media / "nowhere")]).json()["hits"] == []
    assert paths(ask(client, f"id:{ids['a.wav']}", kind="sound", max_duration_s=0.5)) == []


def test_a_part_stays_one_where_more_is_asked_with(client: TestClient, filled: Index, media: Path) -> None:
    both = sound(media / "ab.wav", (LOW_HZ, 10), (HIGH_HZ, 10))
    filled.add([both])
    other = f"id:{filled.item(media / 'b.png').id}"
    for part, first in (({"start_s": 0, "end_s": 10}, "a.png"), ({"start_s": 10, "end_s": 20}, "c.png")):
        answer = ask(client, f"id:{filled.item(both).id}", minus=[other], modality="image", **part)
        assert answer.status_code == 200, answer.text
        assert paths(answer)[0] == first


@pytest.mark.parametrize(
    "query", ["/etc/passwd", "~/x.wav", "../a.wav", "text:/etc/passwd", "  /etc/passwd", "C:\\x.wav"]
)
def test_a_path_is_never_read(client: TestClient, media: Path, query: str) -> None:
    for asked in (query, str(media / "a.png"), f"text:{media / 'a.png'}"):
        answer = ask(client, asked)
        assert answer.status_code == 400
        assert "understands no words" in answer.json()["detail"]


@pytest.mark.parametrize("query", ["", "   ", "text:", "text:  "])
def test_an_empty_question_is_refused(client: TestClient, query: str) -> None:
    assert kind_of(ask(client, query)) == "empty-query"


def test_why_nothing_is_found_is_said(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    filled.label(f"id:{ids['a.png']}", "red")
    asked = f"id:{ids['a.wav']}"
    document = ask(client, asked, label="redd").json()
    assert (document["hits"], document["is_close"], document["best_relevance"]) == ([], False, 0.0)
    assert document["remarks"] == ["nothing found: no item has the label redd; did you mean red?"]
    [words] = ask(client, asked, min_similarity=1).json()["remarks"]
    assert "the best has" in words
    assert ask(client, asked).json()["remarks"] == []


def test_what_is_not_said_to_be_json_is_refused_with_the_header_that_says_so(client: TestClient) -> None:
    answer = client.post("/search", content=b'{"query": "id:1"}', headers={"content-type": "text/plain"})
    assert (answer.status_code, kind_of(answer)) == (422, "invalid-request")
    assert answer.json()["detail"].endswith("must be JSON, and say so: Content-Type: application/json")
    assert "Content-Type" not in ask(client, "id:1", n="many").json()["detail"]


@pytest.mark.parametrize("query", ["id:0", "id:99", "id:99999999999999999999999"])
def test_an_item_that_is_not_there_is_not_found(client: TestClient, query: str) -> None:
    answer = ask(client, query)
    assert (answer.status_code, kind_of(answer)) == (404, "no-such-item")


@pytest.mark.parametrize("query", ["id:-1", "id:x", "id:", "id:1\0"])
def test_what_is_no_id_is_refused(client: TestClient, query: str) -> None:
    answer = ask(client, query)
    assert (answer.status_code, kind_of(answer)) == (400, "usage")


def test_a_label_that_nothing_has_is_not_found(client: TestClient) -> None:
    answer = ask(client, "label:nothing")
    assert (answer.status_code, kind_of(answer)) == (404, "nothing-found")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"id:1"',
        b"\xff\xfe",
        b'{"query": "id:1", "n": 0}',
        b'{"query": "id:1", "n": 10001}',
        b'{"query": "id:1", "n": 1e999}',
        b'{"query": "id:1", "n": ' + b"9" * 5000 + b"}",
        b'{"query": "id:1", "min_similarity": NaN}',
        b'{"query": "id:1", "min_relevance": Infinity}',
        b'{"query": "id:1", "min_duration_s": Infinity}',
        b'{"query": "id:1", "start_s": NaN}',
        b'{"query": "id:1", "nonsense": 1}',
        b'{"query": "id:1", "modality": "smell"}',
        b'{"query": "\\ud800"}',
        b'{"query": "id:1", "under": ["\\udcff"]}',
        b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_what_cannot_be_meant_is_a_problem(client: TestClient, body: bytes) -> None:
    answer = client.post("/search", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}, answer.text
    assert kind_of(answer) in {"invalid-request", "http"}


@pytest.mark.parametrize("where", ["query", "label"])
def test_any_character_may_be_asked_for(client: TestClient, where: str) -> None:
    for text in ("\0", "a\0b", "\x1b[31m", "\u202e", "💥", "'; DROP TABLE item; --", "%00"):
        body = {"query": "id:1", where: f"label:{text}" if where == "query" else text}
        assert client.post("/search", json=body).status_code in {200, 400, 404}
        assert client.post("/search", json={"query": "id:1", "under": [text]}).status_code in {200, 400}


def test_a_part_that_is_none_is_refused(client: TestClient, ids: dict[str, int]) -> None:
    assert kind_of(ask(client, f"id:{ids['a.wav']}", start_s=2, end_s=1)) == "usage"
    assert kind_of(ask(client, f"id:{ids['a.png']}", start_s=0.5)) == "usage"


def test_names_that_are_not_utf8_are_answered(index: Index, media: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    picture(media / name, RED)
    picture(media / "b.png", (220, 30, 30))
    index.add([media])
    with serving(index) as client:
        listed = json.loads(client.get("/items").content)["items"]
        assert {os.path.basename(one["path"]) for one in listed} == {name, "b.png"}
        [named] = [one["id"] for one in listed if one["path"].endswith(name)]
        assert client.get(f"/items/{named}/media").status_code == 200
        assert json.loads(client.get(f"/items/{named}").content)["path"].endswith(name)
        assert client.get("/folders").status_code == 200
        os.remove(media / name)
        gone = client.get(f"/items/{named}/media")
        assert (gone.status_code, kind_of(gone)) == (410, "gone")


def test_who_asks_when_too_many_wait_is_told_to_come_again(filled: Index) -> None:
    with serving(filled, limits=Limits(at_once=1, wait_s=0.01)) as client:
        with client.app.state.service.turns.taken():  # type: ignore[attr-defined]
            answer = ask(client, "id:1")
            assert client.get("/info").status_code == 200
        assert (answer.status_code, kind_of(answer), answer.headers["retry-after"]) == (503, "busy", "1")
        assert ask(client, "id:1").status_code == 200


def test_items_come_a_page_at_a_time(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    seen: list[int] = []
    while page := client.get("/items", params={"n": 4, "after": seen[-1] if seen else 0}).json()["items"]:
        seen += [one["id"] for one in page]
    assert seen == sorted(ids.values())
    filled.label(f"id:{ids['a.png']}", "red")
    left = client.get("/items", params={"unlabelled": True, "kind": "image"}).json()["items"]
    assert [os.path.basename(one["path"]) for one in left] == ["b.png", "c.png"]


def test_items_are_listed_by_how_their_labels_came(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    filled.label(f"id:{ids['a.png']}", "red")
    filled.label(f"id:{ids['b.png']}", "green")
    filled.deny(f"id:{ids['c.png']}", "red")
    filled.transfer(min_confidence=0.0)
    by_origin = {
        origin: {one["id"] for one in client.get("/items", params={"origin": origin}).json()["items"]}
        for origin in ("hand", "import", "transfer")
    }
    assert by_origin["hand"] == {ids["a.png"], ids["b.png"]}
    assert by_origin["import"] == set()
    assert by_origin["transfer"] >= {ids["a.wav"], ids["b.wav"]}
    last = max(by_origin["transfer"])
    assert client.get("/items", params={"origin": "transfer", "after": last}).json()["items"] == []


def test_the_index_is_described(client: TestClient, media: Path) -> None:
    document = client.get("/info").json()
    assert document["items"] == {"image": 3, "sound": 3}
    assert document["is_read_only"] is False
    assert client.get("/folders").json() == {"folders": [{"path": str(media), "items": 6}]}
