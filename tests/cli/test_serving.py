"""``modag serve``: the address that is printed, and who can reach it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

WAIT_S = 60


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers stop as soon as they have begun."""
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)


def test_a_page_is_served_until_it_is_stopped(filled: CommandLine) -> None:
    with subprocess.Popen(
        filled.command("serve"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=filled.folder,
        env=filled.environment,
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().decode().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(address, timeout=WAIT_S) as page:
            assert page.headers["content-type"].startswith("text/html")
        with urllib.request.urlopen(f"{address}api/v1/info", timeout=WAIT_S) as answer:
            assert json.load(answer)["items"] == {"image": 3, "sound": 3}
        server.send_signal(signal.SIGINT)
        rest, said = server.communicate(timeout=WAIT_S)
    assert (server.returncode, rest) == (0, b"")
    assert said.decode() == "Ctrl-C stops it.\n"


def test_a_server_that_is_told_to_stop_ends_well_and_leaves_nothing(filled: CommandLine, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with subprocess.Popen(
        filled.command("serve"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=filled.folder,
        env=filled.environment | {"TMPDIR": str(temporary)},
    ) as server:
        assert server.stdout is not None
        api = f"{server.stdout.readline().decode().strip()}api/v1"
        sent = urllib.request.Request(
            f"{api}/uploads?name=a.wav", b"some bytes", {"Content-Type": "application/octet-stream"}
        )
        with urllib.request.urlopen(sent, timeout=WAIT_S):
            assert list(temporary.iterdir()) != []
        server.terminate()
        _, said = server.communicate(timeout=WAIT_S)
    assert server.returncode == 0
    assert list(temporary.iterdir()) == []
    assert said.decode() == "Ctrl-C stops it.\n"


@pytest.mark.usefixtures("stopped")
def test_an_address_that_others_reach_comes_with_a_token(filled: CommandLine) -> None:
    first, second = (filled("serve", "--host", "0.0.0.0").stdout.decode().strip() for _ in range(2))
    name = re.escape(socket.gethostname())
    assert re.fullmatch(rf"http://{name}:\d+/\?token=[\w-]{{20,}}", first)
    assert urlsplit(first).query != urlsplit(second).query


@pytest.mark.usefixtures("stopped")
def test_a_token_may_be_chosen(filled: CommandLine) -> None:
    token = "my token&more=#+%"
    for outcome in (filled("serve", "--token", token), filled("serve", MODAG_TOKEN=token)):
        assert parse_qs(urlsplit(outcome.stdout.decode().strip()).query) == {"token": [token]}
    refused = filled("serve", "--token", "short")
    assert (refused.status, refused.error) == (2, "error: a token is eight printable ASCII characters at least")


@pytest.mark.usefixtures("stopped")
def test_the_page_is_opened(filled: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    address = filled("serve", "--open").stdout.decode().strip()
    assert opened == [address]


@pytest.mark.usefixtures("stopped")
def test_the_longest_address_is_written_with_brackets(filled: CommandLine) -> None:
    outcome = filled("serve", "--host", "::1")
    assert (
        re.fullmatch(r"http://\[::1\]:\d+/", outcome.stdout.decode().strip())
        or "cannot be listened on" in outcome.error
    )


def test_a_port_that_is_taken_is_said_to_be(filled: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = filled("serve", "--port", port)
    assert outcome.status == 2
    assert outcome.error.startswith(f"error: 127.0.0.1:{port}: cannot be listened on (")
    assert outcome.error.endswith("); --port 0 takes a free port")


@pytest.mark.parametrize("host", ["256.1.1.1", "a b", "a..b", "\u00fc" * 300])
def test_an_address_that_is_none_is_said_to_be(filled: CommandLine, host: str) -> None:
    outcome = filled("serve", "--host", host)
    assert outcome.status == 2
    assert "cannot be listened on" in outcome.error


def test_an_empty_address_is_none(filled: CommandLine) -> None:
    outcome = filled("serve", "--host", "")
    assert outcome.status == 2
    assert outcome.error.startswith("error: an address to listen on is wanted")


def test_without_an_index_nothing_is_served(toy: CommandLine) -> None:
    outcome = toy("serve", "--index", "nowhere")
    assert outcome.status == 1
    assert "nowhere" in outcome.error


def test_what_a_plain_installation_lacks_is_named(filled: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("modag_search.web", "modag_search.web.access"):
        monkeypatch.setitem(sys.modules, name, None)
    outcome = filled("serve")
    assert outcome.status == 1
    assert outcome.error == (
        'error: modag serve needs more than a plain installation has: pip install "modag-search[web]"'
    )
