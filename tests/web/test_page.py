"""The page as it is served: one document, and what it is made of."""

from __future__ import annotations

import re
import socket
from importlib.resources import files
from pathlib import Path, PurePosixPath

from modag_search.web import serving

STATIC = Path(str(files("modag_search.web").joinpath("static")))
IMPORT = re.compile(r'^(?:import|export)\b[^;]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"', re.MULTILINE)


def imported(first: str) -> set[str]:
    """Return what a module imports at once, and what that does."""
    found: set[str] = set()
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            text = (STATIC / name).read_text("utf-8")
            for one, other in IMPORT.findall(text):
                target = (STATIC / PurePosixPath(name).parent / (one or other)).resolve()
                waiting.append(target.relative_to(STATIC.resolve()).as_posix())
    return found


def test_all_modules_are_fetched_at_once_rather_than_one_after_the_other() -> None:
    document = (STATIC / "index.html").read_text("utf-8")
    named = re.findall(r'rel="modulepreload" href="/static/([^"]+)"', document)
    assert sorted(named) == sorted(imported("js/main.js"))


def test_the_page_names_nothing_that_is_elsewhere_or_not_there() -> None:
    document = (STATIC / "index.html").read_text("utf-8")
    for name in re.findall(r'(?:href|src)="([^"]+)"', document):
        assert (STATIC / name.removeprefix("/static/")).is_file(), name


def test_small_answers_do_not_wait_for_an_acknowledgement() -> None:
    with serving.listening("127.0.0.1", 0) as listener:
        # asyncio sets TCP_NODELAY where the protocol is named.
        assert listener.proto == socket.IPPROTO_TCP
