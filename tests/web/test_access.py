"""Who is answered: by name, origin, token; and what keeps a browser from harm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.testclient import TestClient

from modag_search.errors import UsageError
from modag_search.web import Access, Limits, create_app
from modag_search.web.api import collection
from modag_search.web.bodies import BodyLimit
from tests.web.conftest import ADDRESS, serving

if TYPE_CHECKING:
    from httpx2 import Response
    from starlette.types import Message, Receive, Scope, Send

    from modag_search import Index

TOKEN = "a+token&with=signs;in it"
UPLOAD = "/uploads?name=a.wav"


def kind_of(answer: Response) -> str:
    """Return what programs tell a problem by."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    return str(document["type"]).removeprefix("urn:modag:problem:")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_a_server_answers_to_names_of_this_machine(client: TestClient, host: str) -> None:
    assert client.get("/info", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_name_that_leads_here_by_rebinding_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/info", headers={"host": host})
    assert (answer.status_code, kind_of(answer)) == (421, "wrong-host")


def test_a_server_answers_to_names_that_it_was_given(filled: Index) -> None:
    with serving(filled, names=frozenset({"Studio.Local"})) as client:
        assert client.get("/info", headers={"host": "studio.local:9"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_what_other_pages_send_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    asked = client.get("/info", headers=headers)
    sent = client.post(UPLOAD, content=b"x", headers=headers)
    assert (asked.status_code, kind_of(asked)) == (403, "wrong-origin")
    assert (sent.status_code, kind_of(sent)) == (403, "wrong-origin")


def test_the_own_page_and_programs_may_ask(client: TestClient) -> None:
    own = {"origin": ADDRESS, "sec-fetch-site": "same-origin"}
    assert client.post(UPLOAD, content=b"x", headers=own).status_code == 201
    assert client.post(UPLOAD, content=b"x").status_code == 201


def test_other_pages_may_link_to_the_page(client: TestClient) -> None:
    assert client.get(f"{ADDRESS}/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_a_token_is_needed_where_there_is_one(filled: Index) -> None:
    with serving(filled, token=TOKEN) as client:
        answers = [
            client.get("/info"),
            client.get("/info", headers={"authorization": "Bearer wrong-token"}),
            client.get("/info", headers={"authorization": "Bearer "}),
            client.get("/info", headers={"cookie": "modag_token=wrong-token"}),
            client.get("/info", params={"token": TOKEN}),
            client.get(f"{ADDRESS}/static/index.html"),
            client.get(f"{ADDRESS}/?token=wrong-token"),
        ]
        assert [(one.status_code, kind_of(one)) for one in answers] == [(401, "no-token")] * len(answers)
        assert {one.headers["www-authenticate"] for one in answers} == {"Bearer"}
        assert client.get("/info", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_address_with_the_token_leaves_it_as_a_cookie(filled: Index) -> None:
    with serving(filled, token=TOKEN) as client:
        answer = client.get(f"{ADDRESS}/", params={"q": "dog", "token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/?q=dog")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/info").status_code == 200


@pytest.mark.parametrize(("scheme", "is_secure"), [("http", False), ("https", True)])
def test_the_cookie_goes_over_tls_alone_where_it_came_so(filled: Index, scheme: str, is_secure: bool) -> None:
    with serving(filled, token=TOKEN) as client:
        address = ADDRESS.replace("http", scheme)
        cookie = client.get(f"{address}/", params={"token": TOKEN}).headers["set-cookie"].lower()
        assert ("; secure" in cookie) is is_secure
        assert client.get(f"{address}/api/v1/info").status_code == 200


def test_an_application_inside_another_is_guarded_alike(filled: Index) -> None:
    app = Starlette(routes=[Mount("/x", create_app(filled, access=Access(token=TOKEN)))])
    with TestClient(app, base_url=f"{ADDRESS}/x", follow_redirects=False) as client:
        for probe in ("/health", "/ready"):
            assert client.get(probe, headers={"host": "10.0.0.7"}).status_code == 200
        assert kind_of(client.get("/health/more", headers={"host": "10.0.0.7"})) == "wrong-host"
        for path in ("/metrics", "/api/v1/info"):
            assert kind_of(client.get(path)) == "no-token"
            assert kind_of(client.get(path, headers={"sec-fetch-site": "cross-site"})) == "wrong-origin"
        answer = client.get("/", params={"q": "dog", "token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/x/?q=dog")


def test_an_address_that_others_reach_needs_a_token() -> None:
    with pytest.raises(UsageError, match="a token is needed"):
        Access(host="0.0.0.0")
    with pytest.raises(UsageError, match="eight printable ASCII"):
        Access(host="0.0.0.0", token="short")


def test_every_answer_keeps_browsers_from_harm(client: TestClient, ids: dict[str, int]) -> None:
    paths = (f"{ADDRESS}/", f"{ADDRESS}/nowhere", "/info", f"/items/{ids['a.png']}/thumbnail", "/items/0")
    for path in paths:
        headers = client.get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        assert "cache-control" in headers


def test_nothing_is_written_where_nothing_may_be_changed(filled: Index) -> None:
    with serving(filled, is_read_only=True) as client:
        upload = client.post(UPLOAD, content=b"x")
        assert upload.status_code == 201
        assert client.post("/search", json={"query": "id:1"}).status_code == 200
        assert client.get("/info").json()["is_read_only"] is True


def test_a_question_may_not_be_longer_than_is_allowed(filled: Index) -> None:
    with serving(filled, limits=Limits(question_bytes=100, upload_bytes=1000)) as client:
        announced = client.post("/search", json={"query": "x" * 100})
        by_and_by = client.post("/search", content=iter([b'{"query": "', b"x" * 100, b'"}']))
        file = client.post(UPLOAD, content=b"x" * 1001)
        files = client.post(UPLOAD, content=iter([b"x" * 600, b"x" * 600]))
        assert client.post(UPLOAD, content=b"x" * 1000).status_code == 201
        answers = (announced, by_and_by, file, files)
        assert [(one.status_code, kind_of(one)) for one in answers] == [(413, "too-large")] * 4


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../access.py",
        "/static/%2e%2e/%2e%2e/access.py",
        "/static/..%2f..%2faccess.py",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/etc/passwd",
        "/..%2f..%2fetc/passwd",
    ],
)
def test_no_path_of_a_request_leads_to_a_file(client: TestClient, path: str) -> None:
    answer = client.get(f"{ADDRESS}{path}")
    assert (answer.status_code, kind_of(answer)) == (404, "not-found")


def test_what_is_not_offered_is_a_problem(client: TestClient) -> None:
    assert kind_of(client.get("/nothing")) == "not-found"
    assert kind_of(client.delete("/info")) == "method-not-allowed"


def test_a_fault_of_the_server_keeps_browsers_from_harm_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(collection, "reply", lambda _: 1 / 0)
    answer = client.get("/info")
    assert (answer.status_code, kind_of(answer)) == (500, "fault")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in answer.headers
    assert "ZeroDivisionError" in caplog.text


def test_on_all_addresses_any_of_them_is_a_name(filled: Index) -> None:
    with serving(filled, host="0.0.0.0", token=TOKEN) as client:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        for host, status in (("192.168.1.5:8000", 200), ("[fe80::1]:80", 200), ("evil.example", 421)):
            assert client.get("/info", headers={**bearer, "host": host}).status_code == status
    with serving(filled, host="192.168.1.5", token=TOKEN) as client:
        assert client.get("/info", headers={**bearer, "host": "192.168.1.6"}).status_code == 421


def test_a_question_may_not_take_for_ever_to_come() -> None:
    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    async def come() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    limited = BodyLimit(ask, limits=Limits(question_s=0))
    with pytest.raises(HTTPException) as late:
        asyncio.run(limited({"type": "http", "path": "/search", "headers": []}, come, come))  # type: ignore[arg-type]
    assert late.value.status_code == 408
