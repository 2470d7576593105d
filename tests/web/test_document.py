"""What docs/serving.md shows is answered."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from modag_search.web import Limits
from modag_search.web.metrics import COUNTED_EVERY_S
from modag_search.web.patience import FOR_PROBES, HEADER_S, MOST_CONNECTIONS
from modag_search.web.readiness import ANSWER_S
from tests.documents import DOCS, blocks
from tests.made_media import LOW_HZ, sound
from tests.web.conftest import ADDRESS, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from httpx2 import Response
    from starlette.testclient import TestClient

    from modag_search import Index

PAGE = DOCS / "serving.md"


def examples() -> Iterator[list[str]]:
    """Return the arguments of each `curl` that the page shows."""
    for block in blocks(PAGE, "sh"):
        for line in block.splitlines():
            if line.startswith("curl "):
                yield shlex.split(line.replace("$M", f"{ADDRESS}/api/v1"), comments=True)[1:]


def run(client: TestClient, arguments: list[str], folder: Path) -> Response:
    """Do what `curl` would."""
    url, *options = arguments
    method, content, headers = "GET", None, {}
    while options:
        match options.pop(0):
            case "-X":
                method = options.pop(0)
            case "-H":
                name, _, value = options.pop(0).partition(": ")
                headers[name] = value
            case "--json":
                method, content = "POST", options.pop(0).encode()
                headers["content-type"] = "application/json"
            case "--data-binary":
                method, content = "POST", (folder / options.pop(0).removeprefix("@")).read_bytes()
            case "-N":
                pass
            case other:
                pytest.fail(f"{other}: is not expected")
    return client.request(method, url, content=content, headers=headers)


def test_what_is_shown_is_answered(filled: Index, media: Path, tmp_path: Path) -> None:
    sound(tmp_path / "trumpet.wav", (LOW_HZ + 20, 1))
    (media / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    filled.label(str(media / "c.wav"), "flute")
    sent = ""
    asked = []
    with serving(filled) as client:
        for arguments in examples():
            answer = run(client, [one.replace("ID", sent) for one in arguments], tmp_path)
            assert answer.status_code < 300, (arguments, answer.text)
            sent = str(answer.json()["id"]) if answer.status_code in {201, 202} else sent
            asked.append(arguments)
    assert len(asked) > 25


def test_everything_that_is_offered_is_shown(filled: Index) -> None:
    shown = "\n".join(blocks(PAGE, "sh"))
    with serving(filled) as client:
        for path in client.get("/openapi.json").json()["paths"]:
            start, *rest = path.removeprefix("/api/v1").split("/{")
            parts = [start, *(one.partition("}")[2] for one in rest)]
            assert all(part in shown for part in parts if part), path


def test_limits_are_as_the_page_says() -> None:
    text, limits = PAGE.read_text(encoding="utf-8"), Limits()
    for words in (
        f"{limits.upload_bytes // 1024**2} MiB (`--max-upload`), {limits.upload_s / 60:g} minutes",
        f"{limits.uploads_at_once} are sent at a time, and the latest {limits.uploads_bytes // 1024**3} GiB are kept",
        f"GiB are kept, {limits.most_uploads:,} files",
        f"| any other request | {limits.question_bytes // 1024**2} MiB, {limits.question_s:g} s |",
        f"| connections | {MOST_CONNECTIONS}, and {FOR_PROBES} that only a [probe](#behind-a-proxy) may use; who",
        f"one of the {FOR_PROBES} beyond these is free",
        f"who has sent no head of a request after {HEADER_S:g} s",
        f"{limits.at_once} at a time, {limits.waiting} more wait for up to {limits.wait_s:g} s",
        f"For\n`--drain` seconds ({limits.drain_s:g})",
        f"`--grace` seconds ({limits.grace_s:g})",
        f"does not answer in {ANSWER_S:g} s",
        f"every {COUNTED_EVERY_S:g} s at most",
        f"| previews in memory | {limits.previews_bytes // 1024**2} MiB |",
    ):
        assert words in text
