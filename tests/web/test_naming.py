"""Names over REST: what things are called, why, and spreading that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.made_media import HIGH_HZ, LOW_HZ, picture, sound
from tests.web.conftest import serving
from tests.web.test_access import kind_of
from tests.web.test_uploads import folder_of, send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

    from modag_search import Index


@pytest.fixture
def client(filled: Index, ids: dict[str, int]) -> Iterator[TestClient]:
    """A client of a server over an index whose pictures are labelled, and whose sounds are not."""
    for name, label in (("a.png", "low"), ("b.png", "middle"), ("c.png", "high")):
        filled.label(f"id:{ids[name]}", label)
    with serving(filled) as client:
        yield client


def classify(client: TestClient, **asked: object) -> dict[str, Any]:
    answer = client.post("/classify", json=asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_items_are_named(client: TestClient, ids: dict[str, int]) -> None:
    [first, second] = classify(client, ids=[ids["c.wav"], ids["a.wav"]])["answers"]
    assert (first["id"], first["label"], first["kind"], first["upload"]) == (ids["c.wav"], "high", "sound", None)
    assert (second["id"], second["label"]) == (ids["a.wav"], "low")
    assert len(first["version"]) == 16
    assert first["neighbours"][0]["label"] == "high"
    assert {score["label"] for score in first["scores"]} == {"low", "middle", "high"}


def test_what_has_no_label_is_named_the_least_sure_first(client: TestClient, ids: dict[str, int]) -> None:
    answers = classify(client, unlabelled=True, sort="confidence")["answers"]
    assert {one["id"] for one in answers} == {ids[name] for name in ("a.wav", "b.wav", "c.wav")}
    confidences = [one["confidence"] for one in answers]
    assert confidences == sorted(confidences)
    assert len(classify(client, n=2)["answers"]) == 2


def test_what_is_unknown_does_not_count_among_what_is_wanted(client: TestClient, filled: Index, media: Path) -> None:
    picture(media / "grey.png", (120, 110, 100))
    filled.add([media])
    least, *_, surest = classify(client, unlabelled=True, sort="confidence")["answers"]
    assert least["confidence"] < surest["confidence"]
    asked = {"unlabelled": True, "sort": "confidence", "n": 1, "min_confidence": surest["confidence"]}
    [unknown] = classify(client, **asked)["answers"]
    assert (unknown["id"], unknown["label"]) == (least["id"], None)
    [known] = classify(client, **asked, known=True)["answers"]
    assert known["confidence"] == surest["confidence"]
    assert known["label"] is not None


def test_files_that_were_sent_are_named(client: TestClient, tmp_path: Path) -> None:
    high = send(client, sound(tmp_path / "x.wav", (HIGH_HZ + 30, 1)).read_bytes(), name="mine.wav").json()
    broken = send(client, b"RIFF....", name="broken.wav").json()
    silent = send(client, sound(tmp_path / "s.wav", (0, 1)).read_bytes(), name="silent.wav").json()
    answer = client.post("/classify", json={"uploads": [one["id"] for one in (high, broken, silent)]})
    [named] = answer.json()["answers"]
    assert (named["path"], named["upload"], named["id"], named["label"]) == ("mine.wav", high["id"], None, "high")
    assert [(one["path"], one["id"], one["upload"], one["type"]) for one in answer.json()["failed"]] == [
        ("broken.wav", None, broken["id"], "urn:modag:problem:corrupt-media"),
        ("silent.wav", None, silent["id"], "urn:modag:problem:nothing-found"),
    ]
    assert [one["detail"].partition(":")[0] for one in answer.json()["failed"]] == ["broken.wav", "silent.wav"]
    assert folder_of(client) not in answer.text


def test_names_are_explained(client: TestClient, ids: dict[str, int], tmp_path: Path) -> None:
    why = client.post("/explain", json={"id": ids["a.wav"]}).json()
    assert why["words"]["answer"].startswith(f"a.wav: {why['label']} ")
    assert [one[-1]["because"].partition(":")[0] for one in why["words"]["heard"]] == ["together"]
    assert (why["label"], os.path.basename(why["path"])) == ("low", "a.wav")
    assert why["heard"][0]["examples"][0]["label"] == "low"
    upload = send(client, sound(tmp_path / "x.wav", (LOW_HZ + 30, 1)).read_bytes(), name="mine.wav").json()
    answer = client.post("/explain", json={"upload": upload["id"]})
    assert (answer.json()["label"], answer.json()["path"]) == ("low", "mine.wav")
    assert folder_of(client) not in answer.text


def test_names_are_spread_and_taken_back(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    foreseen = client.post("/transfer", json={"min_confidence": 0}).json()
    assert foreseen["run"] is None
    assert {(one["id"], one["label"]) for one in foreseen["given"]} == {
        (ids["a.wav"], "low"),
        (ids["b.wav"], "middle"),
        (ids["c.wav"], "high"),
    }
    assert foreseen["given"][0]["kind"] == "sound"
    assert filled.item(f"id:{ids['a.wav']}").labels == ()
    done = client.post("/transfer", json={"min_confidence": 0, "dry_run": False}).json()
    assert [one["id"] for one in done["given"]] == [one["id"] for one in foreseen["given"]]
    assert filled.item(f"id:{ids['a.wav']}").labels == ("low",)
    assert client.post(f"/runs/{done['run']}/undo").json()["undone"] == 3


def test_what_is_only_asked_is_answered_where_nothing_may_be_changed(
    client: TestClient, filled: Index, ids: dict[str, int]
) -> None:
    with serving(filled, is_read_only=True) as reader:
        for path, body in (
            ("/classify", {"ids": [ids["a.wav"]]}),
            ("/explain", {"id": ids["a.wav"]}),
            ("/transfer", {"min_confidence": 0}),
        ):
            assert reader.post(path, json=body).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/classify", {"ids": [99]}, 404),
        ("/classify", {"uploads": ["../../etc/passwd"]}, 404),
        ("/classify", {"ids": [1], "unlabelled": True}, 422),
        ("/classify", {"by": "head"}, 409),
        ("/classify", {"by": "magic"}, 422),
        ("/classify", {"names": []}, 422),
        ("/classify", {"names": [""]}, 400),
        ("/classify", {"level": -1}, 422),
        ("/classify", {"min_confidence": 2}, 422),
        ("/explain", {}, 422),
        ("/explain", {"id": 1, "upload": "x"}, 422),
        ("/explain", {"id": 99}, 404),
        ("/transfer", {"min_confidence": -1}, 422),
    ],
)
def test_what_cannot_be_meant_is_a_problem(client: TestClient, path: str, body: object, status: int) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_is_named_where_nothing_has_a_name(filled: Index) -> None:
    with serving(filled) as client:
        answer = client.post("/classify", json={})
    assert (answer.status_code, kind_of(answer)) == (404, "nothing-found")
