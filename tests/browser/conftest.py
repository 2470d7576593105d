"""A real browser on a served index; where there is no browser, its tests say so."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import soundfile
import uvicorn

from modag_search import Index
from modag_search.web import Access, create_app
from tests.browser.naming_page import ask
from tests.browser.watching import WatchedPage
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RATE_HZ, RED, picture, sound, tone, video
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",
)
_LONGEST_WAIT_MS = 20_000


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser; its driver keeps an event loop in this thread, so that it goes before other tests come."""
    program = shutil.which("chromium")
    if program is None:
        words = "chromium is not installed, so the page is not tried in a browser"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_LONGEST_WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield browser
        browser.close()


@contextmanager
def served(index: Index, *, is_read_only: bool = False) -> Iterator[str]:
    """Serve an index from a thread; gives the address of its page."""
    app = create_app(index, access=Access(is_read_only=is_read_only))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def open_page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., WatchedPage]]:
    """Open the page of a server in a browser that nobody has used; what it logs as an error fails the test."""
    opened: list[WatchedPage] = []

    def open_it(address: str, search: str = "", **options: object) -> WatchedPage:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(_LONGEST_WAIT_MS)
        page = WatchedPage(context.new_page(), address=address, name=request.node.name)
        opened.append(page)
        page.open(search)
        return page

    yield open_it
    for one in opened:
        one.keep_screenshot()
        one.page.context.close()
    assert [one.faults for one in opened] == [[] for _ in opened]


def fill(index: Index, media: Path) -> None:
    """Add pictures and sounds of three kinds, a long sound, a video, a sound that browsers do not play,
    and a copy."""
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        for number in (1, 2):
            picture(media / "pictures" / f"{name}{number}.png", colour, size=(64 * number, 48))
            sound(media / "sounds" / f"{name}{number}.wav", (hz * (1 + number / 10), 2 + number))
    sound(media / "sounds" / "long.wav", (LOW_HZ, 20), (HIGH_HZ, 10), (LOW_HZ, 20))
    soundfile.write(media / "sounds" / "old.aiff", tone(MIDDLE_HZ, 3.0), RATE_HZ)
    video(media / "film.mp4")
    (media / "twice").mkdir()
    shutil.copy(media / "pictures" / "b1.png", media / "twice" / "again.png")
    index.add([media])


@pytest.fixture
def toy_server(tmp_path: Path, toys: None) -> Iterator[str]:
    """The address of a page over a new index of toys, that may be changed."""
    with toy_index(tmp_path / "toys") as index:
        fill(index, tmp_path / "media")
        with served(index) as address:
            yield address


@pytest.fixture
def ids(toy_server: str) -> dict[str, int]:
    """The ids of items by the names of their files."""
    return {one["path"].rpartition("/")[2]: one["id"] for one in ask(toy_server, "/items")["items"]}


@pytest.fixture
def named(toy_server: str, ids: dict[str, int]) -> str:
    """The server, with labels of two pictures and two sounds: red on more of them than blue."""
    ask(toy_server, "/labels/give", {"ids": [ids["a1.png"], ids["a1.wav"]], "label": "red"})
    ask(toy_server, "/labels/give", {"ids": [ids["c1.png"]], "label": "blue"})
    return toy_server


@pytest.fixture(scope="module")
def kept_server(tmp_path_factory: pytest.TempPathFactory, toys: None) -> Iterator[str]:
    """The address of a page over an index of toys, that tests of a module share and leave as it is."""
    folder = tmp_path_factory.mktemp("kept")
    with toy_index(folder / "toys") as index:
        fill(index, folder / "media")
        index.label([str(folder / "media" / "pictures" / "a1.png")], "red")
        with served(index) as address:
            yield address


@pytest.fixture(scope="module")
def real_server(everyday_folder: Path) -> Iterator[str]:
    """The address of a page over real sounds and photographs, with the encoders that ship."""
    with Index.open(everyday_folder) as index, served(index, is_read_only=True) as address:
        yield address
