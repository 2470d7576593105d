"""Looking over a collection over REST."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, picture, sound
from tests.web.conftest import serving
from tests.web.test_access import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from modag_search import Index


def test_it_is_told_what_to_label_next(client: TestClient, filled: Index, ids: dict[str, int]) -> None:
    filled.label(f"id:{ids['a.png']}", "red")
    rows = client.get("/suggest", params={"n": 2}).json()["suggestions"]
    assert len(rows) == 2
    assert all(row["kind"] == row["modality"] and len(row["version"]) == 16 for row in rows)
    near = client.get("/suggest", params={"near": 0.5, "label": "red", "modality": "sound"}).json()["suggestions"]
    assert {row["id"] for row in near} == {ids[name] for name in ("a.wav", "b.wav", "c.wav")}
    assert kind_of(client.get("/suggest", params={"near": 0.5, "label": "nothing"})) == "nothing-found"
    assert kind_of(client.get("/suggest", params={"label": "red"})) == "usage"


def test_labels_that_others_contradict_are_listed(index: Index, media: Path) -> None:
    for number in range(6):
        sound(media / f"low{number}.wav", (LOW_HZ + 10 * number, 1 + number / 16))
        sound(media / f"high{number}.wav", (HIGH_HZ + 10 * number, 1 + number / 16))
    index.add([media])
    index.label([str(media / f"low{number}.wav") for number in range(6)], "low")
    index.label([str(media / f"high{number}.wav") for number in range(5)], "high")
    index.label(str(media / "high5.wav"), "low")
    with serving(index) as client:
        [issue, *_] = client.get("/audit", params={"max_probability": 0.5}).json()["issues"]
    assert os.path.basename(issue["path"]) == "high5.wav"
    assert (issue["kind"], issue["suggested"], issue["reason"]) == ("sound", "high", "neighbours")


def test_pairs_that_do_not_fit_are_listed(index: Index, media: Path) -> None:
    picture(media / "a.png", BLUE)
    sound(media / "a.wav", (LOW_HZ, 1))
    picture(media / "b.png", (230, 20, 20))
    sound(media / "b.wav", (HIGH_HZ, 1))
    index.add([media])
    with serving(index) as client:
        pairs = client.get("/audit/pairs", params={"min_rank": 0}).json()["pairs"]
    assert {os.path.basename(pair["sound"]) for pair in pairs} == {"a.wav", "b.wav"}
    assert all((pair["sound_item"]["kind"], pair["image_item"]["kind"]) == ("sound", "image") for pair in pairs)


def test_duplicates_come_in_groups(client: TestClient, filled: Index, media: Path) -> None:
    shutil.copy(media / "a.png", media / "z.png")
    filled.add([media])
    [group] = client.get("/duplicates", params={"modality": "image"}).json()["groups"]
    assert [os.path.basename(row["path"]) for row in group["items"]] == ["a.png", "z.png"]
    assert all(row["exact"] and row["kind"] == "image" and row["version"] for row in group["items"])
    assert group["items"][0]["kept_because"]
    assert client.get("/duplicates", params={"alike": True}).status_code == 200


def test_files_that_failed_are_listed(client: TestClient, filled: Index, media: Path) -> None:
    (media / "broken.wav").write_bytes(b"RIFF")
    sound(media / "silent.wav", (0, 1))
    filled.add([media])
    [failure] = client.get("/failures").json()["failures"]
    assert (os.path.basename(failure["path"]), failure["kind"], failure["id"]) == ("broken.wav", "failed", None)
    every = client.get("/failures", params={"all": True}).json()["failures"]
    assert [(os.path.basename(row["path"]), row["kind"]) for row in every] == [
        ("broken.wav", "failed"),
        ("silent.wav", "silent"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/suggest?n=0",
        "/suggest?n=99999999999999999999",
        "/suggest?near=nan",
        "/suggest?modality=smell",
        "/audit?max_probability=2",
        "/audit/pairs?min_rank=-1",
        "/duplicates?min_similarity=inf",
        "/failures?all=perhaps",
    ],
)
def test_what_cannot_be_meant_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, kind_of(answer)) == (422, "invalid-request")


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("/items?kid=image", "it takes n, after, kind, unlabelled, origin, ids"),
        ("/items?n=1&Kind=image", "it takes n, after, kind, unlabelled, origin, ids"),
        ("/suggest?max=3", "it takes n, modality, near, label, seed"),
        ("/failures?al=true", "it takes all"),
        ("/labels?n=3", "it takes none"),
        ("/map?methods=umap", "it takes method"),
        ("/jobs?verb=index", "it takes none"),
        ("/items/1?n=3", "it takes none"),
        ("/items/1/neighbours?m=3", "it takes n"),
        ("/items/2/excerpt?start=3", "it takes start_s, end_s, version"),
    ],
)
def test_a_parameter_that_is_misspelt_is_refused(client: TestClient, path: str, takes: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, kind_of(answer)) == (422, "invalid-request")
    assert answer.json()["detail"].endswith(f": is no parameter of this address; {takes}")
