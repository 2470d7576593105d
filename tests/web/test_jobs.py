"""Indexing over REST: begun, watched, stopped; questions are answered meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from modag_search import Index
from modag_search.values import IndexReport
from modag_search.web import Access, Limits, serve
from modag_search.web.jobs import Job, Jobs
from tests.made_media import GREEN, RED, picture
from tests.toy_encoders import ToyImage
from tests.web.conftest import serving
from tests.web.test_access import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient

PURPLE = (120, 20, 120)


class Gate:
    """Where the encoder waits before each picture."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def feature(self, pixels: np.ndarray) -> np.ndarray:
        self.reached.set()
        assert self.open.wait(60)
        return np.asarray(pixels.reshape(-1, 3).mean(axis=0) / 255)


@pytest.fixture
def gate(filled: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """From now on pictures wait to be encoded."""
    gate = Gate()
    monkeypatch.setattr(ToyImage, "_feature", lambda _, pixels: gate.feature(pixels))
    yield gate
    gate.open.set()


def begin(client: TestClient, **asked: object) -> dict[str, Any]:
    answer = client.post("/jobs", json={"verb": "index", **asked})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    return job


def events(client: TestClient, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Watch a job until its end."""
    answer = client.get(f"/jobs/{job['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [json.loads(event.removeprefix("data: ")) for event in answer.text.split("\n\n") if event]


def test_new_files_are_taken_in(client: TestClient, filled: Index, media: Path) -> None:
    assert client.get("/roots").json() == {"roots": [str(media)]}
    picture(media / "d.png", PURPLE)
    (media / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    job = begin(client)
    assert (job["verb"], job["paths"], job["finished_at"]) == ("index", [str(media)], None)
    last = events(client, job)[-1]
    assert (last["state"], last["done"], last["found"]) == ("done", 8, 8)
    assert (last["report"]["added"], last["report"]["unchanged"], last["report"]["failed"]) == (1, 6, 1)
    assert client.get(f"/jobs/{job['id']}").json() == last
    assert client.get("/jobs").json() == {"jobs": [last]}
    assert filled.item(str(media / "d.png")).kind == "image"


def test_what_is_gone_is_taken_out(client: TestClient, media: Path) -> None:
    os.remove(media / "a.png")
    last = events(client, begin(client))[-1]
    assert last["report"]["missing"] == [str(media / "a.png")]
    [remark] = last["remarks"]
    assert remark == f"gone, but in the index: 1 file: {media}/a.png; `modag index FOLDER --prune` takes them out"
    last = events(client, begin(client, prune=True, paths=[str(media)]))[-1]
    assert (last["report"]["removed"], last["remarks"]) == (1, [])


def test_what_became_of_labels_is_said(client: TestClient, filled: Index, media: Path) -> None:
    filled.label([str(media / "a.png")], "red")
    shutil.copy(media / "a.png", media / "copy.png")
    events(client, begin(client))
    os.remove(media / "a.png")
    last = events(client, begin(client, prune=True))[-1]
    [said] = last["remarks"]
    assert said == f"labels of 1 file went to files that hold the same: {media}/a.png (red) to {media}/copy.png"
    assert client.get(f"/jobs/{last['id']}").json() == last


def test_folders_are_looked_at_as_they_were(index: Index, media: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for folder in (media, other):
        picture(folder / "a.png", RED)
        picture(folder / "drafts/b.png", GREEN)
    index.add([media], exclude=["drafts/"])
    index.add([other])
    index.add([other / "drafts", other / "a.png"])
    with serving(index) as client:
        assert client.get("/roots").json() == {"roots": [str(media), str(other)]}
        report = events(client, begin(client))[-1]["report"]
        assert (report["added"], report["unchanged"], report["passed_over"]) == (0, 3, {"drafts/": 1})
        shutil.rmtree(other)
        assert begin(client)["paths"] == [str(media)]


def test_no_folder_takes_out_what_another_takes_in(index: Index, media: Path) -> None:
    for name, colour in (("a.png", RED), ("raw/b.png", GREEN), ("raw/old/c.png", PURPLE)):
        picture(media / name, colour)
    index.add([media], exclude=["raw/"])
    index.add([media / "raw"], exclude=["old/"])
    index.add([media / "raw" / "old"])
    ids = {item.path: item.id for item in index.catalog.items.all()}
    assert len(ids) == 3
    with serving(index) as client:
        for paths in (None, [str(media)], [str(media / "raw")]):
            report = events(client, begin(client, prune=True, paths=paths))[-1]["report"]
            assert (report["removed"], report["added"], report["covered"]) == (0, 0, [])
            assert {item.path: item.id for item in index.catalog.items.all()} == ids
        os.remove(media / "raw" / "b.png")
        index.exclusions.add(f"{media}/raw/old/c.png")
        report = events(client, begin(client, prune=True))[-1]["report"]
        assert (report["removed"], report["added"]) == (2, 0)


def test_what_two_runs_tell_of_the_same_folder_is_told_once(
    index: Index, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    for folder in (media, other):
        picture(folder / "a.png", RED)
    index.add([media], exclude=["drafts/"])
    index.add([other])
    told = IndexReport(unchanged=1, known_as={"/link": "/folder"}, twice={"/folder": "/other"}, passed_over={"x/": 1})
    monkeypatch.setattr(Index, "add", lambda *_, **__: told)
    with serving(index) as client:
        report = events(client, begin(client))[-1]["report"]
    assert (report["unchanged"], report["passed_over"]) == (2, {"x/": 2})
    assert (report["known_as"], report["twice"]) == ({"/link": "/folder"}, {"/folder": "/other"})


def test_a_folder_is_meant_however_it_ends(client: TestClient, media: Path) -> None:
    answer = client.post("/jobs", json={"verb": "index", "paths": [f"{media}/", str(media), f"{media}/."]})
    assert (answer.status_code, answer.json()["paths"]) == (202, [str(media)])


@pytest.mark.parametrize("path", ["/", "/etc", "..", "", "{media}/..", "{media}/sub/../..", "{media}/sub"])
def test_no_other_folder_is_looked_at(client: TestClient, media: Path, path: str) -> None:
    (media / "sub").mkdir()
    answer = client.post("/jobs", json={"verb": "index", "paths": [path.format(media=media)]})
    assert (answer.status_code, kind_of(answer)) == (403, "no-such-root")
    assert client.get("/jobs").json() == {"jobs": []}


def test_where_nothing_was_indexed_nothing_begins(index: Index) -> None:
    with serving(index) as client:
        answer = client.post("/jobs", json={"verb": "index"})
    assert (answer.status_code, kind_of(answer)) == (409, "no-roots")


def test_a_job_that_cannot_be_done_says_why(client: TestClient, media: Path) -> None:
    shutil.rmtree(media)
    last = events(client, begin(client, paths=[str(media)]))[-1]
    assert last["state"] == "failed"
    assert last["problem"].startswith(f"{media}: does not exist")


def test_the_index_answers_while_a_job_goes_on(
    client: TestClient, filled: Index, media: Path, gate: Gate, ids: dict[str, int]
) -> None:
    picture(media / "d.png", PURPLE)
    job = begin(client)
    assert gate.reached.wait(60)
    assert client.get(f"/jobs/{job['id']}").json()["state"] == "running"
    found = client.post("/search", json={"query": f"id:{ids['a.wav']}", "modality": "image"}).json()["hits"]
    assert os.path.basename(found[0]["path"]) == "a.png"
    given = client.post("/labels/give", json={"ids": [ids["a.png"]], "label": "red"}).json()
    assert client.post("/classify", json={"ids": [ids["a.wav"]]}).json()["answers"][0]["label"] == "red"
    assert client.post(f"/runs/{given['run']}/undo").json()["undone"] == 1
    other = client.post("/jobs", json={"verb": "index"})
    assert (other.status_code, kind_of(other)) == (409, "job-running")
    gate.open.set()
    assert events(client, job)[-1]["report"]["added"] == 1
    found = client.post("/search", json={"query": f"id:{ids['a.png']}", "modality": "image"}).json()["hits"]
    assert "d.png" in {os.path.basename(hit["path"]) for hit in found}


def test_a_job_is_stopped_and_the_next_goes_on(client: TestClient, media: Path, gate: Gate) -> None:
    for number in range(40):
        picture(media / f"more{number}.png", (20 + number * 4, 100, 100))
    job = begin(client)
    assert gate.reached.wait(60)
    assert client.delete(f"/jobs/{job['id']}").json()["state"] == "stopping"
    gate.open.set()
    last = events(client, job)[-1]
    assert (last["state"], last["report"], last["problem"]) == ("stopped", None, None)
    assert client.delete(f"/jobs/{job['id']}").json()["state"] == "stopped"
    report = events(client, begin(client))[-1]["report"]
    assert report["added"] + report["unchanged"] == 46


def test_a_job_ends_with_the_server(filled: Index, media: Path, gate: Gate) -> None:
    picture(media / "d.png", PURPLE)
    with serving(filled) as client:
        begin(client)
        assert gate.reached.wait(60)
        gate.open.set()
        jobs = client.app.state.service.jobs  # type: ignore[attr-defined]
    assert [job.state for job in jobs.all()] in (["done"], ["stopped"])


def test_who_watches_a_job_does_not_keep_a_server_from_stopping(client: TestClient, media: Path, gate: Gate) -> None:
    picture(media / "d.png", PURPLE)
    job = begin(client)
    assert gate.reached.wait(60)
    client.app.state.service.is_leaving = True  # type: ignore[attr-defined]
    assert [one["state"] for one in events(client, job)] == ["running"]


def test_a_job_is_watched_to_its_end_while_a_server_drains(
    client: TestClient, media: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(media / "d.png", PURPLE)
    begun = begin(client)
    assert gate.reached.wait(60)
    service, row = client.app.state.service, Job.row  # type: ignore[attr-defined]
    service.is_stopping = True
    service.jobs.end()

    def opens_the_gate(job: Job) -> dict[str, Any]:
        told = row(job)
        gate.open.set()
        return told

    monkeypatch.setattr(Job, "row", opens_the_gate)
    told = events(client, begun)
    assert told[0]["state"] == "stopping"
    assert told[-1]["finished_at"] is not None


def test_a_job_is_waited_for_once(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is stuck, all that waits for it does so in vain."""
    waited: list[bool] = []
    monkeypatch.setattr(Jobs, "close", lambda _, *, waits=True: waited.append(waits))
    monkeypatch.setattr("modag_search.web.serving._Server.main_loop", no_loop)
    serve(filled, access=Access(), limits=Limits(), on_ready=lambda _: None)
    assert waited.count(True) == 1


async def no_loop(_: object) -> None:
    """Serve no longer than it takes to begin."""


def test_nothing_begins_where_nothing_may_be_changed(filled: Index) -> None:
    with serving(filled, is_read_only=True) as client:
        for answer in (client.post("/jobs", json={"verb": "index"}), client.delete("/jobs/1")):
            assert (answer.status_code, kind_of(answer)) == (403, "read-only")


def test_a_job_that_is_none_is_not_found(client: TestClient) -> None:
    for answer in (client.get("/jobs/1"), client.get("/jobs/1/events"), client.delete("/jobs/1")):
        assert (answer.status_code, kind_of(answer)) == (404, "no-such-job")
