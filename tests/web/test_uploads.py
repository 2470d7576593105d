"""Files that are sent to ask with: hostile ones, too."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest

from modag_search.media import children
from modag_search.web import Limits
from modag_search.web.problems import ProblemError
from modag_search.web.uploads import Uploads
from tests import hostile_decoders
from tests.made_media import LOW_HZ, picture, sound
from tests.web.conftest import serving
from tests.web.test_access import kind_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from httpx2 import Response
    from starlette.testclient import TestClient
    from starlette.types import Message

    from modag_search import Index


def send(client: TestClient, content: bytes, *, name: str = "asked.wav") -> Response:
    return client.post("/uploads", params={"name": name}, content=content)


def ask_with(client: TestClient, upload: Response, **more: object) -> Response:
    return client.post("/search", json={"query": f"upload:{upload.json()['id']}", **more})


def folder_of(client: TestClient) -> str:
    """Return where the server keeps what is sent."""
    return client.app.state.service.uploads._folder  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def low(tmp_path: Path) -> bytes:
    """A low sound, which the red picture goes with."""
    return sound(tmp_path / "asked.wav", (LOW_HZ + 20, 1)).read_bytes()


def test_a_file_that_was_sent_asks(client: TestClient, low: bytes) -> None:
    upload = send(client, low, name="my dög.wav")
    assert upload.status_code == 201
    assert upload.json() | {"id": ""} == {"id": "", "name": "my dög.wav", "size_bytes": len(low), "kind": "sound"}
    hits = ask_with(client, upload, modality="image").json()["hits"]
    assert hits[0]["path"].endswith("a.png")
    both = client.post("/search", json={"query": f"upload:{upload.json()['id']}", "plus": ["id:1"]})
    assert both.status_code == 200


@pytest.mark.parametrize(
    ("name", "content", "status", "kind"),
    [
        ("broken.wav", b"RIFF\xff\xff\xff\xffWAVEfmt ", 422, "corrupt-media"),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, 422, "corrupt-media"),
        ("notes.txt", b"no media at all", 415, "unsupported-media"),
        ("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, None),
        ("noise.mp4", bytes(range(256)) * 40, 422, None),
    ],
)
def test_what_is_no_media_is_said_to_be_none(
    client: TestClient, name: str, content: bytes, status: int, kind: str | None
) -> None:
    answer = ask_with(client, send(client, content, name=name))
    assert answer.status_code == status, answer.text
    assert kind is None or kind_of(answer) == kind
    assert answer.json()["detail"].startswith(f"{name}: ")
    assert folder_of(client) not in answer.text


def test_silence_finds_nothing(client: TestClient, tmp_path: Path) -> None:
    silence = sound(tmp_path / "silence.wav", (0, 1)).read_bytes()
    answer = ask_with(client, send(client, silence, name="silence.wav"))
    assert (answer.status_code, kind_of(answer)) == (404, "nothing-found")
    assert answer.json()["detail"] == "silence.wav: is silent throughout, so nothing is like it"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/", "file"),
        ("..", "file"),
        ("a\0b\n.wav", "a_b_.wav"),
        ("<b>.wav", "_b_.wav"),
        ("\U0001d49c" * 250 + ".wav", "\U0001d49c" * 40 + ".wav"),
        ("a." + "x" * 250, "a." + "x" * 11),
    ],
)
def test_a_name_leads_nowhere(client: TestClient, name: str, kept: str) -> None:
    upload = send(client, b"x", name=name)
    assert upload.json()["name"] == kept
    assert os.listdir(os.path.join(folder_of(client), upload.json()["id"])) == [kept]


def test_what_was_never_sent_is_not_asked_with(client: TestClient) -> None:
    for name in ("nothing", "../../etc/passwd", "", "/"):
        answer = client.post("/search", json={"query": f"upload:{name}"})
        assert (answer.status_code, kind_of(answer)) == (404, "no-such-upload")


def test_an_empty_file_is_refused(client: TestClient) -> None:
    answer = send(client, b"", name="hiss.wav")
    assert (answer.status_code, kind_of(answer)) == (400, "empty-upload")
    assert answer.json()["detail"] == "hiss.wav: is empty"
    assert os.listdir(folder_of(client)) == []


def test_what_is_too_large_leaves_nothing(filled: Index) -> None:
    with serving(filled, limits=Limits(upload_bytes=1000)) as client:
        answer = client.post("/uploads?name=a.wav", content=iter([b"x" * 600, b"x" * 600]))
        assert kind_of(answer) == "too-large"
        assert os.listdir(folder_of(client)) == []


def test_the_oldest_make_room(filled: Index) -> None:
    with serving(filled, limits=Limits(uploads_bytes=2500)) as client:
        first, second, third = (send(client, b"x" * 1000) for _ in range(3))
        assert kind_of(ask_with(client, first)) == "no-such-upload"
        assert sorted(os.listdir(folder_of(client))) == sorted([second.json()["id"], third.json()["id"]])


def test_files_go_with_the_server(filled: Index) -> None:
    with serving(filled) as client:
        send(client, b"x")
        folder = folder_of(client)
        assert os.path.isdir(folder)
    assert not os.path.exists(folder)


def test_a_folder_that_was_tidied_away_is_made_anew(client: TestClient, low: bytes) -> None:
    first = send(client, low)
    shutil.rmtree(folder_of(client))
    answer = ask_with(client, first)
    assert (answer.status_code, kind_of(answer)) == (404, "no-such-upload")
    again = send(client, low)
    assert again.status_code == 201, again.text
    assert ask_with(client, again).json()["hits"]
    assert client.app.state.service.uploads.totals() == (0, 1, len(low))  # type: ignore[attr-defined]


def test_a_file_that_was_tidied_away_is_to_be_sent_again(client: TestClient, low: bytes) -> None:
    first, other = send(client, low), send(client, low)
    os.remove(os.path.join(folder_of(client), first.json()["id"], "asked.wav"))
    for path, body in (
        ("/search", {"query": f"upload:{first.json()['id']}"}),
        ("/search", {"query": "id:1", "plus": [f"upload:{first.json()['id']}"]}),
        ("/classify", {"uploads": [first.json()["id"]]}),
    ):
        answer = client.post(path, json=body)
        assert (answer.status_code, kind_of(answer)) == (404, "no-such-upload")
    assert ask_with(client, other).status_code == 200


async def _never() -> AsyncIterator[bytes]:
    yield b"x"
    await asyncio.Event().wait()


def test_who_sends_too_slowly_is_told_so() -> None:
    uploads = Uploads(Limits(upload_s=0))
    try:
        with pytest.raises(ProblemError, match="did not come within 0 s") as slow:
            asyncio.run(uploads.receive(_never(), name="a.wav"))
        assert slow.value.status == 408
        assert uploads._folder is None or os.listdir(uploads._folder) == []
    finally:
        uploads.close()


def test_so_many_files_are_sent_at_once() -> None:
    uploads = Uploads(Limits(uploads_at_once=1))

    async def two() -> None:
        first = asyncio.ensure_future(uploads.receive(_never(), name="a.wav"))
        await asyncio.sleep(0)
        with pytest.raises(ProblemError, match="other files are being sent"):
            await uploads.receive(_never(), name="b.wav")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first

    try:
        asyncio.run(two())
    finally:
        uploads.close()


def test_a_picture_asks_too(client: TestClient, tmp_path: Path) -> None:
    red = picture(tmp_path / "red.png", (229, 21, 21)).read_bytes()
    hits = ask_with(client, send(client, red, name="red.png"), modality="sound").json()["hits"]
    assert hits[0]["path"].endswith("a.wav")


def test_who_breaks_off_leaves_nothing(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    begun: Message = {"type": "http.request", "body": b"x", "more_body": True}
    messages = iter([begun, {"type": "http.disconnect"}])
    sent: list[Message] = []

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/api/v1/uploads",
        "raw_path": b"/api/v1/uploads",
        "query_string": b"name=a.wav",
        "headers": [(b"host", b"localhost")],
    }
    asyncio.run(client.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 400
    assert os.listdir(folder_of(client)) == []
    assert caplog.records == []


def test_only_so_many_files_are_kept(filled: Index, low: bytes) -> None:
    with serving(filled, limits=Limits(most_uploads=2)) as client:
        sent = [send(client, low) for _ in range(3)]
        assert [ask_with(client, one).status_code for one in sent] == [404, 200, 200]
        assert len(os.listdir(folder_of(client))) == 2


def test_a_file_stays_while_it_is_asked_with(filled: Index, low: bytes) -> None:
    with serving(filled, limits=Limits(most_uploads=1)) as client:
        uploads = client.app.state.service.uploads  # type: ignore[attr-defined]
        first = send(client, low).json()["id"]
        with uploads.lent([first]) as (lent,):
            send(client, low)
            assert os.path.exists(lent.path)
        assert not os.path.exists(lent.path)
        with pytest.raises(ProblemError), uploads.lent([first]):
            pass


def test_what_killed_servers_left_goes_with_the_next_file(
    filled: Index, low: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, running = tmp_path / "modag-uploads-4194305-abc", tmp_path / f"modag-uploads-{os.getpid()}-abc"
    for folder in (left, running, tmp_path / "modag-uploads-mine"):
        folder.mkdir()
    with serving(filled) as client:
        assert not list(tmp_path.glob("modag-uploads-*-*[!c]")), "none is made before it is needed"
        send(client, low)
        assert not left.exists()
        assert running.exists()
        own = folder_of(client)
    assert not os.path.exists(own)


@pytest.mark.parametrize(("name", "words"), [("crash", "crashes its decoder"), ("killed", "its decoder was killed")])
def test_a_file_that_ends_its_decoder_ends_no_server(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, low: bytes, name: str, words: str
) -> None:
    content = picture(tmp_path / "a.png", (1, 2, 3)).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(children, "_PROGRAM", hostile_decoders.PROGRAM)
        children.CHILDREN.close()
        answer = ask_with(client, send(client, content, name=f"{name}.png"))
    children.CHILDREN.close()
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert ask_with(client, send(client, low)).status_code == 200
