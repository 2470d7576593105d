"""Several servers at one index, as behind a proxy that asks any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from tests.web.conftest import ADDRESS, serving
from tests.web.test_access import TOKEN, UPLOAD, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient


@pytest.fixture
def second(filled: Index) -> Iterator[TestClient]:
    """A client of another server over the index of `client`, which has opened it for itself."""
    with Index.open(filled.folder) as opened, serving(opened) as client:
        yield client


def test_what_one_is_told_another_knows_at_once(client: TestClient, second: TestClient, ids: dict[str, int]) -> None:
    given = client.post("/labels/give", json={"ids": [ids["a.png"]], "label": "low"}).json()
    assert [one["label"] for one in second.get("/labels").json()["labels"]] == ["low"]
    assert second.post(f"/runs/{given['run']}/undo").status_code == 200
    assert client.get("/labels").json()["labels"] == []


def test_a_file_that_another_was_sent_is_to_be_sent_again(client: TestClient, second: TestClient) -> None:
    sent = client.post(UPLOAD, content=b"x").json()["id"]
    answer = second.post("/search", json={"query": f"upload:{sent}"})
    assert (answer.status_code, kind_of(answer)) == (404, "no-such-upload")
    assert answer.json()["detail"].endswith("; send it again")


def test_a_job_of_another_is_not_taken_for_an_own_one(client: TestClient, second: TestClient, media: Path) -> None:
    jobs = [one.post("/jobs", json={"verb": "index", "paths": [str(media)]}).json()["id"] for one in (client, second)]
    for asked in (second.get(f"/jobs/{jobs[0]}"), second.delete(f"/jobs/{jobs[0]}"), client.get(f"/jobs/{jobs[1]}")):
        assert (asked.status_code, kind_of(asked)) == (404, "no-such-job")
    assert [job["id"] for job in second.get("/jobs").json()["jobs"]] == [jobs[1]]


def test_a_browser_that_one_has_let_in_is_let_in_by_all(filled: Index) -> None:
    """Each listens on a port of its own, and is asked by the name and port of the proxy."""
    asked = {"host": "localhost:443"}
    with serving(filled, token=TOKEN) as client:
        cookie = (
            client.get(f"{ADDRESS}/", params={"token": TOKEN}, headers=asked).headers["set-cookie"].partition(";")[0]
        )
    with serving(filled, token=TOKEN) as second:
        answers = [
            second.get(f"http://127.0.0.1:{port}/api/v1/info", headers=asked | {"cookie": cookie}) for port in (1, 2)
        ]
        assert [one.status_code for one in answers] == [200, 200]
