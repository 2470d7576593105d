"""What those see who run servers: probes, metrics, ids of requests, lines of the log."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from modag_search.web import create_app, metrics, readiness
from modag_search.web.api import collection
from modag_search.web.request_ids import WithRequestId
from tests.web.conftest import ADDRESS, serving
from tests.web.test_access import TOKEN, UPLOAD, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from starlette.testclient import TestClient

    from modag_search import Index
    from modag_search.catalog import Catalog, CatalogTotals

HEALTH, READY, METRICS = (f"{ADDRESS}/{name}" for name in ("health", "ready", "metrics"))
LOG = "modag_search.web.observation"


def measured(client: TestClient, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Ask for metrics, and return their values by name and labels."""
    answer = client.get(METRICS, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


class Kept(logging.Handler):
    """Keeps what the log is told."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.addFilter(WithRequestId())

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    """What the server logs from now on."""
    logger, kept = logging.getLogger("modag_search.web"), Kept()
    logger.addHandler(kept)
    with caplog.at_level(logging.INFO, logger="modag_search.web"):
        yield kept.records
    logger.removeHandler(kept)


# Probes.


@pytest.mark.parametrize(("probe", "status"), [(HEALTH, "ok"), (READY, "ready")])
def test_a_probe_needs_neither_a_name_nor_a_token(filled: Index, probe: str, status: str) -> None:
    with serving(filled, token=TOKEN, host="192.168.1.5") as client:
        for host in ("10.0.0.7:8000", "evil.example", ""):
            assert client.get(probe, headers={"host": host}).json() == {"status": status}
            assert client.head(probe, headers={"host": host}).status_code == 200
        assert kind_of(client.get(f"{probe}/more", headers={"host": "10.0.0.7"})) == "wrong-host"
        assert client.post(probe, headers={"host": "10.0.0.7"}).status_code == 421


def test_a_server_whose_index_is_gone_lives_and_is_not_ready(
    client: TestClient, filled: Index, lines: list[logging.LogRecord]
) -> None:
    os.rename(filled.folder, f"{filled.folder}-elsewhere")
    answers = [client.get(READY) for _ in range(2)]
    assert [(one.status_code, kind_of(one)) for one in answers] == [(503, "not-ready")] * 2
    assert str(filled.folder.parent) not in answers[0].text
    (reason,) = [one.getMessage() for one in lines if one.levelno == logging.WARNING]
    assert reason.startswith(f"not ready: {filled.folder}")
    assert client.get(HEALTH).status_code == 200
    os.rename(f"{filled.folder}-elsewhere", filled.folder)
    assert client.get(READY).status_code == 200


def test_an_index_that_does_not_answer_in_time_is_not_ready(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "ANSWER_S", 0)
    assert kind_of(client.get(READY)) == "not-ready"


def test_a_server_that_stops_is_not_ready_and_begins_nothing_that_takes_long(client: TestClient) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    service.is_stopping = True
    service.jobs.end()
    assert (client.get(READY).status_code, kind_of(client.get(READY))) == (503, "stopping")
    assert kind_of(client.post("/jobs", json={"verb": "index"})) == "stopping"
    answer = client.get("/info")
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")


# Metrics.


def test_requests_are_counted_by_their_route(client: TestClient) -> None:
    for path in ("/items/1", "/items/2", "/items/99", f"{ADDRESS}/", f"{ADDRESS}/static/icon.svg", "/nothing/1"):
        client.get(path)
    client.request("BREW", "/items/1")
    found = measured(client)
    counts = {
        (labels["method"], labels["route"], labels["status"]): value
        for (name, pairs), value in found.items()
        if name == "modag_http_requests_total" and (labels := dict(pairs))
    }
    assert counts == {
        ("GET", "/api/v1/items/{item_id}", "200"): 2,
        ("GET", "/api/v1/items/{item_id}", "404"): 1,
        ("GET", "/", "200"): 1,
        ("GET", "/static", "200"): 1,
        ("GET", "unmatched", "404"): 1,
        ("other", "/api/v1/items/{item_id}", "405"): 1,
    }
    assert found[labelled("modag_http_request_duration_seconds_count", method="GET", route="/")] == 1
    assert found[labelled("modag_http_requests_in_progress")] == 1


def test_what_the_index_holds_is_measured(
    client: TestClient, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = measured(client)
    assert before[labelled("modag_index_items", kind="sound")] == 3
    assert before[labelled("modag_index_segments", modality="image")] == 3
    assert before[labelled("modag_index_labels")] == 0
    client.post("/labels/give", json={"ids": [ids["a.png"]], "label": "low"})
    monkeypatch.setattr(metrics, "COUNTED_EVERY_S", 0)
    after = measured(client)
    assert after[labelled("modag_index_labels")] == 1
    changes = labelled("modag_index_label_generation")
    assert after[changes] == before[changes] + 1


def test_a_count_that_takes_long_holds_who_asked_first_alone(
    client: TestClient, filled: Index, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, is_up = labelled("modag_index_labels"), labelled("modag_index_up")
    with counted_slowly(client, filled, monkeypatch):
        others = [measured(client) for _ in range(3)]
        assert [labels in found or is_up in found for found in others] == [False] * 3
        assert client.get("/info").status_code == 200
    assert measured(client)[labels] == 0
    client.post("/labels/give", json={"ids": [ids["a.png"]], "label": "low"})
    monkeypatch.setattr(metrics, "COUNTED_EVERY_S", 0)
    with counted_slowly(client, filled, monkeypatch) as first:
        assert [measured(client)[labels] for _ in range(3)] == [0] * 3
    assert first.result()[labels] == 1


@contextmanager
def counted_slowly(client: TestClient, index: Index, monkeypatch: pytest.MonkeyPatch) -> Iterator[Future[Any]]:
    """Ask for metrics, which are counted until the block is left; gives what they will be."""
    begun, may_end, totals = threading.Event(), threading.Event(), type(index.catalog).totals

    def slowly(catalog: Catalog) -> CatalogTotals:
        begun.set()
        assert may_end.wait(60)
        return totals(catalog)

    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patched:
        patched.setattr(type(index.catalog), "totals", slowly)
        first = pool.submit(measured, client)
        assert begun.wait(60)
        try:
            yield first
        finally:
            may_end.set()
            first.result()


def test_what_goes_on_is_measured(client: TestClient) -> None:
    client.post(UPLOAD, content=b"four")
    found = measured(client)
    names = ("uploads", "uploads_bytes", "uploads_in_progress", "jobs_in_progress", "requests_waiting")
    assert [found[labelled(f"modag_{name}")] for name in names] == [1, 4, 0, 0, 0]
    assert found[labelled("process_open_fds")] > 0


def test_metrics_need_the_token_and_a_name(filled: Index) -> None:
    with serving(filled, token=TOKEN) as client:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert kind_of(client.get(METRICS)) == "no-token"
        assert kind_of(client.get(METRICS, headers=bearer | {"host": "evil.example"})) == "wrong-host"
        assert kind_of(client.get(METRICS, headers=bearer | {"sec-fetch-site": "cross-site"})) == "wrong-origin"
        assert measured(client, **bearer)[labelled("modag_index_up")] == 1


def test_metrics_tell_that_the_index_cannot_be_read(filled: Index) -> None:
    with serving(filled) as client:
        filled.close()
        found = measured(client)
    assert found[labelled("modag_index_up")] == 0
    assert labelled("modag_index_labels") not in found


def test_applications_of_one_process_measure_apart(filled: Index) -> None:
    with serving(filled) as one, serving(filled) as other:
        one.get("/info")
        asked = labelled("modag_http_requests_total", method="GET", route="/api/v1/info", status="200")
        assert measured(one)[asked] == 1
        assert asked not in measured(other)


# Ids, and the log.


def test_a_request_keeps_the_id_that_it_comes_with(client: TestClient, lines: list[logging.LogRecord]) -> None:
    asked = {"x-request-id": "Root=1-67891233-abcdef012345678912345678"}
    answer = client.get("/items/99", headers=asked)
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == asked["x-request-id"]
    assert [fields(one)["request_id"] for one in lines if one.name == LOG] == [asked["x-request-id"]]


@pytest.mark.parametrize("given", ["", " ", "a b", 'a"b', "a\x1b[31m", "\x85", "x" * 129, "\xe4"])
def test_an_id_that_may_harm_is_replaced(client: TestClient, lines: list[logging.LogRecord], given: str) -> None:
    answers = [client.get("/info", headers={b"x-request-id": given.encode("latin-1")}) for _ in range(2)]
    made = [one.headers["x-request-id"] for one in answers]
    assert all(len(one) == 32 and one.isalnum() for one in made)
    assert made[0] != made[1]
    assert [fields(one)["request_id"] for one in lines if one.name == LOG] == made


def test_a_fault_can_be_found_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, lines: list[logging.LogRecord]
) -> None:
    monkeypatch.setattr(collection, "reply", lambda _: 1 / 0)
    answer = client.get("/info", headers={"x-request-id": "the-one"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "the-one")
    told = [(one.levelname, fields(one)["request_id"]) for one in lines if one.name.startswith("modag_search")]
    assert told == [("ERROR", "the-one"), ("INFO", "the-one")]


def test_a_request_is_a_line_that_tells_no_secret(filled: Index, lines: list[logging.LogRecord]) -> None:
    with serving(filled, token=TOKEN) as client:
        client.get(f"{ADDRESS}/", params={"token": TOKEN, "q": "private"})
        client.get("/items/1", params={"x": "private"}, headers={"authorization": f"Bearer {TOKEN}"})
    told = [fields(one) for one in lines if one.name == LOG]
    assert [(one["method"], one["route"], one["status"]) for one in told] == [
        ("GET", "unmatched", 303),
        ("GET", "/api/v1/items/{item_id}", 422),
    ]
    assert told[1]["bytes"] > 100
    assert told[1]["duration_ms"] > 0
    assert not any(secret in json.dumps([one.getMessage() for one in lines]) for secret in (TOKEN, "private"))


def test_probes_that_are_well_are_no_news(client: TestClient, lines: list[logging.LogRecord]) -> None:
    client.get(HEALTH)
    client.get(READY)
    assert [one for one in lines if one.name == LOG] == []


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what is kept of a record."""
    return vars(record)


def test_a_request_whose_time_is_over_is_told_to_come_again(filled: Index) -> None:
    """As when a server cancels what is not done in time."""
    app = create_app(filled)
    app.state.service.is_stopping = True
    sent: list[Any] = []
    scope = {"type": "http", "method": "POST", "path": "/api/v1/search", "raw_path": b"", "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost")], "scheme": "http", "server": ("localhost", 80), "root_path": ""}

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        async def cancelled_when_it_reads() -> Any:
            task.cancel()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(app(scope, cancelled_when_it_reads, send))
        await task

    asyncio.run(ask())
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["type"] == "urn:modag:problem:stopping"
