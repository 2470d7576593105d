"""Labels over REST: given, denied, taken back, undone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import Index
from tests.web.conftest import serving
from tests.web.test_access import kind_of

if TYPE_CHECKING:
    from starlette.testclient import TestClient

WRITES = [
    ("/labels/give", {"ids": [1], "label": "x"}),
    ("/labels/take", {"ids": [1], "label": "x"}),
    ("/runs/1/undo", None),
    ("/transfer", {"dry_run": False}),
]


def give(client: TestClient, *ids: int, **said: object) -> dict[str, Any]:
    answer = client.post("/labels/give", json={"ids": ids, **said})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_labels_are_given_and_undone(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    given = give(client, ids["a.png"], ids["a.wav"], label=" red ")
    assert given == {"run": given["run"], "changed": 2, "label": "red", "remarks": []}
    assert give(client, ids["a.png"], label="red") == {"run": None, "changed": 0, "label": "red", "remarks": []}
    [label] = client.get("/labels").json()["labels"]
    assert (label["label"], label["items"], label["image"], label["sound"]) == ("red", 2, 1, 1)
    [run] = client.get("/runs").json()["runs"]
    assert run | {"started_at": ""} == {
        "id": given["run"],
        "verb": "label",
        "started_at": "",
        "changes": 2,
        "arguments": {"labels": ["red"], "items": 2},
    }
    assert client.post(f"/runs/{given['run']}/undo").json() == {"undone": 2, "remarks": []}
    assert filled.labels.runs() == []
    again = client.post(f"/runs/{given['run']}/undo")
    assert (again.status_code, kind_of(again)) == (404, "no-such-run")


def test_labels_hold_for_a_part(client: TestClient, ids: dict[str, int]) -> None:
    give(client, ids["a.wav"], label="low", start_s=0.25, end_s=0.5)
    [label] = client.get(f"/items/{ids['a.wav']}").json()["labels"]
    assert (label["start_s"], label["end_s"]) == (0.25, 0.5)


def test_items_are_said_not_to_be_something(client: TestClient, ids: dict[str, int]) -> None:
    assert give(client, ids["a.png"], label="blue", denied=True)["changed"] == 1
    [row] = [one for one in client.get("/items").json()["items"] if one["id"] == ids["a.png"]]
    assert [(one["label"], one["is_not"]) for one in row["given"]] == [("blue", True)]
    taken = client.post("/labels/take", json={"ids": [ids["a.png"]], "label": "blue", "denied": True})
    assert taken.json() == {"run": taken.json()["run"], "taken": 1}


def test_tags_are_given(client: TestClient, ids: dict[str, int]) -> None:
    give(client, ids["a.png"], label="favourite", is_tag=True)
    [label] = client.get("/labels").json()["labels"]
    assert label["is_tag"] is True


def test_labels_are_taken_back(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    give(client, ids["a.png"], ids["a.wav"], label="red")
    taken = client.post("/labels/take", json={"ids": [ids["a.png"], ids["b.png"]], "label": "red"})
    assert taken.json() == {"run": taken.json()["run"], "taken": 1}
    assert filled.item(f"id:{ids['a.wav']}").labels == ("red",)


def said_of(client: TestClient, item_id: int) -> list[dict[str, Any]]:
    """All that is said of an item, with where it comes from; with its run, as far as the answer tells it."""
    [row] = client.get("/items", params={"ids": [item_id]}).json()["items"]
    given: list[dict[str, Any]] = row["given"]
    return given


def transferred(client: TestClient, ids: dict[str, int]) -> dict[str, Any]:
    """Name the sounds by pictures, and return what came of it."""
    give(client, ids["a.png"], label="red")
    give(client, ids["b.png"], label="green")
    report: dict[str, Any] = client.post("/transfer", json={"min_confidence": 0, "dry_run": False}).json()
    return report


def undo(client: TestClient, run: int) -> dict[str, Any]:
    answer = client.post(f"/runs/{run}/undo")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_transferred_label_that_was_taken_back_comes_back_as_one(client: TestClient, ids: dict[str, int]) -> None:
    report, sound = transferred(client, ids), ids["a.wav"]
    [before] = said_of(client, sound)
    assert before["origin"] == "transfer"
    taken = client.post("/labels/take", json={"ids": [sound], "label": before["label"]}).json()
    assert said_of(client, sound) == []
    assert undo(client, taken["run"]) == {"undone": 1, "remarks": []}
    assert said_of(client, sound) == [before]
    undo(client, report["run"])
    assert said_of(client, sound) == [], "the transfer that gave it still takes it back"


def test_a_label_of_a_part_that_was_taken_back_comes_back_on_that_part(client: TestClient, ids: dict[str, int]) -> None:
    sound = ids["a.wav"]
    give(client, sound, label="hum", start_s=0, end_s=0.5)
    give(client, sound, label="hum", start_s=0.75, end_s=1)
    before = said_of(client, sound)
    taken = client.post("/labels/take", json={"ids": [sound], "label": "hum"}).json()
    assert taken["taken"] == 2
    [last, *_] = client.get("/runs").json()["runs"]
    assert (last["id"], last["verb"], last["changes"]) == (taken["run"], "unlabel", 2)
    assert last["arguments"] == {"labels": ["hum"], "items": 1}
    undo(client, taken["run"])
    assert said_of(client, sound) == before
    again = client.post(f"/runs/{taken['run']}/undo")
    assert (again.status_code, kind_of(again)) == (404, "no-such-run")


def test_where_nothing_is_taken_nothing_is_undone(client: TestClient, ids: dict[str, int]) -> None:
    give(client, ids["a.png"], label="red")
    taken = client.post("/labels/take", json={"ids": [ids["b.png"]], "label": "red"})
    assert taken.json() == {"run": None, "taken": 0}
    [only] = client.get("/runs").json()["runs"]
    assert only["verb"] == "label"


def test_undoing_a_denial_gives_back_what_it_replaced(client: TestClient, ids: dict[str, int]) -> None:
    transferred(client, ids)
    for item in (ids["a.wav"], ids["a.png"]):
        before = said_of(client, item)
        denied = give(client, item, label=before[0]["label"], denied=True)
        assert [(one["label"], one["is_not"]) for one in said_of(client, item)] == [(before[0]["label"], True)]
        assert undo(client, denied["run"]) == {"undone": 2, "remarks": []}
        assert said_of(client, item) == before


def test_undoing_a_label_gives_back_the_transferred_one_that_gave_way(client: TestClient, ids: dict[str, int]) -> None:
    transferred(client, ids)
    before = said_of(client, ids["a.wav"])
    other = {"red": "green", "green": "red"}[before[0]["label"]]
    given = give(client, ids["a.wav"], label=other)
    assert [one["label"] for one in said_of(client, ids["a.wav"])] == [other]
    undo(client, given["run"])
    assert said_of(client, ids["a.wav"]) == before


def test_a_denial_and_a_tag_that_were_taken_back_come_back_as_such(client: TestClient, ids: dict[str, int]) -> None:
    item = ids["a.png"]
    give(client, item, label="blue", denied=True)
    give(client, item, label="favourite", is_tag=True)
    before = said_of(client, item)
    runs = [
        client.post("/labels/take", json={"ids": [item], "label": label, "denied": denied}).json()["run"]
        for label, denied in (("blue", True), ("favourite", False))
    ]
    assert said_of(client, item) == []
    for run in reversed(runs):
        undo(client, run)
    assert sorted(one["label"] for one in said_of(client, item)) == sorted(one["label"] for one in before)
    kinds = {one["label"]: one["is_tag"] for one in client.get("/labels").json()["labels"]}
    assert kinds == {"blue": False, "favourite": True}


def test_what_something_said_since_opposes_does_not_come_back_until_that_is_undone(
    client: TestClient, ids: dict[str, int]
) -> None:
    item = ids["a.png"]
    give(client, item, label="red")
    before = said_of(client, item)
    taken = client.post("/labels/take", json={"ids": [item], "label": "red"}).json()["run"]
    denied = give(client, item, label="red", denied=True)["run"]
    answer = undo(client, taken)
    assert answer["undone"] == 0
    [remark] = answer["remarks"]
    assert "1 label does not come back" in remark
    undo(client, denied)
    assert undo(client, taken) == {"undone": 1, "remarks": []}
    assert said_of(client, item) == before


def test_all_are_labelled_or_none(client: TestClient, ids: dict[str, int]) -> None:
    answer = client.post("/labels/give", json={"ids": [ids["a.png"], 99], "label": "red"})
    assert (answer.status_code, kind_of(answer)) == (404, "no-such-item")
    assert client.get("/labels").json() == {"labels": [], "mode": "auto"}


def test_what_excludes_each_other_is_a_conflict(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    filled.labels.set_mode("single")
    give(client, ids["a.png"], label="red")
    answer = client.post("/labels/give", json={"ids": [ids["a.png"]], "label": "blue"})
    assert (answer.status_code, kind_of(answer)) == (409, "label-conflict")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/labels/give", {"ids": [], "label": "x"}, 422),
        ("/labels/give", {"ids": [0], "label": "x"}, 422),
        ("/labels/give", {"ids": ["/etc/passwd"], "label": "x"}, 422),
        ("/labels/give", {"ids": [1], "label": "x", "denied": True, "is_tag": True}, 422),
        ("/labels/give", {"ids": [1], "label": ""}, 400),
        ("/labels/give", {"ids": [1], "label": "\0"}, 400),
        ("/labels/give", {"ids": [1], "label": "x", "start_s": 0.5}, 400),
        ("/labels/give", {"ids": [2], "label": "x", "start_s": 1e300, "end_s": 2e300}, 400),
        ("/labels/give", {"ids": [2], "label": "x", "start_s": 0.5, "end_s": 0.1}, 400),
        ("/labels/take", {"ids": [1], "label": "nothing"}, 404),
        ("/runs/99/undo", None, 404),
        ("/runs/0/undo", None, 422),
        ("/runs/99999999999999999999/undo", None, 422),
    ],
)
def test_what_cannot_be_meant_changes_nothing(
    client: TestClient, filled: Index, path: str, body: object, status: int
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert filled.catalog.count().annotations == 0


@pytest.mark.parametrize(("path", "body"), WRITES)
def test_nothing_is_written_where_nothing_may_be_changed(filled: Index, path: str, body: object) -> None:
    filled.label("id:1", "red")
    with serving(filled, is_read_only=True) as client:
        answer = client.post(path, json=body)
        assert (answer.status_code, kind_of(answer)) == (403, "read-only")
    assert filled.item("id:1").labels == ("red",)


def test_nothing_is_written_to_an_index_that_is_read_only_where_it_is(
    filled: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with Index.open(filled.folder) as index, serving(index) as client:
        assert client.get("/info").json()["is_read_only"]
        for path, body in WRITES:
            answer = client.post(path, json=body)
            assert (answer.status_code, kind_of(answer)) == (403, "read-only-index")
            assert "the index is read-only here (its folder does not allow writing)" in answer.json()["detail"]
        assert client.post("/search", json={"query": "id:1"}).status_code == 200
    assert filled.catalog.count().annotations == 0


def test_what_the_command_line_warns_of_is_said(client: TestClient, ids: dict[str, int]) -> None:
    give(client, ids["a.png"], label="trumpet")
    [remark] = give(client, ids["b.png"], label="Trumpet")["remarks"]
    assert remark.startswith("label 'Trumpet' is new beside 'trumpet'")
    assert give(client, ids["c.png"], label="violin")["remarks"] == []
