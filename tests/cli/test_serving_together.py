"""``modag serve`` as those run it who put a proxy before it: real processes, that are told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.made_media import picture
from tests.toy_encoders import GATE, GATE_COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.command_line import CommandLine

WAIT_S = 60


@dataclass
class Server:
    """A process that serves, and its address."""

    process: subprocess.Popen[bytes]
    address: str

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """Return the status and what the answer holds."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", sent, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def wait(self) -> tuple[int, str]:
        """Wait for its end, and return the status and what it said."""
        _, said = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, said.decode()


@contextmanager
def served(modag: CommandLine, *options: str, program: str | None = None, **environment: str) -> Iterator[Server]:
    """Serve the index in a process of its own; `program` is what to run in the place of ours."""
    command = (
        modag.command("serve", *options) if program is None else [sys.executable, "-c", program, "serve", *options]
    )
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=modag.folder,
        env=modag.environment | environment,
    ) as process:
        assert process.stdout is not None
        try:
            yield Server(process, process.stdout.readline().decode().strip())
        finally:
            process.kill()


@contextmanager
def half_sent(server: Server) -> Iterator[socket.socket]:
    """Send a file that is long in coming, until the server waits for the rest: ``est``."""
    at = urlsplit(server.address)
    assert at.port is not None
    with socket.create_connection((at.hostname or "", at.port), timeout=WAIT_S) as connection:
        connection.sendall(
            b"POST /api/v1/uploads?name=a.wav HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n"
        )
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"r")
        yield connection


def received(connection: socket.socket) -> tuple[int, Any]:
    """Return the status of what comes until the connection is closed, and what it holds."""
    head, _, body = b"".join(iter(lambda: connection.recv(1 << 16), b"")).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def takes_what_is_new(server: Server) -> bool:
    at = urlsplit(server.address)
    try:
        socket.create_connection((at.hostname or "", at.port or 0), timeout=WAIT_S).close()
    except (ConnectionRefusedError, ConnectionResetError):  # the latter in the midst of its closing
        return False
    return True


def test_two_serve_one_index(filled: CommandLine) -> None:
    with served(filled) as one, served(filled, "--log-format", "text") as other:
        assert [server.ask("ready") for server in (one, other)] == [(200, {"status": "ready"})] * 2
        given = one.ask("api/v1/labels/give", {"ids": [1], "label": "low"})[1]
        assert [label["label"] for label in other.ask("api/v1/labels")[1]["labels"]] == ["low"]
        assert other.ask(f"api/v1/runs/{given['run']}/undo", {})[0] == 200
        assert one.ask("api/v1/labels")[1]["labels"] == []
        for server in (one, other):
            server.process.terminate()
        assert one.wait() == (0, "Ctrl-C stops it.\n")
        status, said = other.wait()
    assert status == 0
    assert " info: GET /api/v1/labels 200, " in said


def test_a_proxy_is_answered_as_the_page_says(filled: CommandLine) -> None:
    """What docs/serving.md has HAProxy send: its probe is HTTP/1.0, and brings no name."""
    with served(filled, "--name", "studio.example") as server:
        assert asked_by_bytes(server, b"GET /ready HTTP/1.0\r\n\r\n")[0] == 200
        page = (
            b"GET /api/v1/roots HTTP/1.1\r\nConnection: close\r\nHost: studio.example\r\n"
            b"Origin: https://studio.example\r\nSec-Fetch-Site: same-origin\r\n"
        )
        assert asked_by_bytes(server, page + b"X-Forwarded-Proto: https\r\n\r\n")[0] == 200
        status, problem = asked_by_bytes(server, page + b"\r\n")
        assert (status, problem["type"]) == (403, "urn:modag:problem:wrong-origin")


def asked_by_bytes(server: Server, request: bytes) -> tuple[int, Any]:
    at = urlsplit(server.address)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=WAIT_S) as connection:
        connection.sendall(request)
        return received(connection)


def test_what_is_under_way_comes_to_its_end(filled: CommandLine) -> None:
    with served(filled) as server, half_sent(server) as sending:
        server.process.terminate()
        while takes_what_is_new(server):
            pass
        sending.sendall(b"est")
        assert received(sending)[0] == 201
        assert server.wait() == (0, "Ctrl-C stops it.\n")


def test_what_takes_too_long_is_told_to_come_again(filled: CommandLine) -> None:
    with served(filled, "--grace", "0") as server, half_sent(server) as sending:
        server.process.terminate()
        status, problem = received(sending)
        assert (status, problem["type"]) == (503, "urn:modag:problem:stopping")
        status, said = server.wait()
    assert status == 0
    assert "Traceback" not in said


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_server_drains_until_it_is_told_to_stop_once_more(filled: CommandLine, second: signal.Signals) -> None:
    with served(filled, "--drain", "600") as server, half_sent(server):
        assert server.ask("ready")[0] == 200
        server.process.terminate()
        while (answer := server.ask("ready"))[0] == 200:
            pass
        assert (answer[0], answer[1]["type"]) == (503, "urn:modag:problem:stopping")
        assert server.ask("health")[0] == 200
        assert server.ask("api/v1/info")[0] == 200
        server.process.send_signal(second)
        status, said = server.wait()
    assert (status, said) == (-second, "Ctrl-C stops it.\n")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_waits_for_a_job_is_told_to_stop_once_more(
    filled: CommandLine, tmp_path: Path, second: signal.Signals
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with served(filled, **{GATE: str(gate)}) as server:
        (root,) = server.ask("api/v1/roots")[1]["roots"]
        picture(Path(root) / "slow.png", GATE_COLOUR)
        assert server.ask("api/v1/jobs", {"verb": "index"})[0] == 202
        with gate.open("rb") as pipe:
            pipe.read(1)  # the job has come to what never ends
        server.process.terminate()
        while takes_what_is_new(server):
            pass
        server.process.send_signal(second)
        status, said = server.wait()
    assert (status, said) == (-second, "Ctrl-C stops it.\n")


@pytest.mark.parametrize(
    "last", ["web.service.Service.close", "index.Index.close", "cli.serving._leave_threads_behind"]
)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_whatever_it_is_at(
    filled: CommandLine, last: str, second: signal.Signals
) -> None:
    """At whatever it does once nothing is answered any more."""
    program = (
        "import signal\nfrom unittest import mock\nimport modag_search.web.serving\nfrom modag_search import cli\n"
        "from modag_search.cli import serving\n"
        "def run(server, **_):\n    server.handle_exit(signal.SIGTERM, None)\n"
        f"def last(*_, **__):\n    signal.raise_signal({int(second)})\n"
        f"with mock.patch('uvicorn.Server.run', run), mock.patch('modag_search.{last}', last):\n    cli.main()\n"
    )
    with served(filled, program=program) as server:
        assert server.wait() == (-second, "Ctrl-C stops it.\n")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_in_the_midst_of_a_request_is_no_fault_of_that(
    filled: CommandLine, second: signal.Signals
) -> None:
    program = (
        "import signal\nfrom unittest import mock\nimport modag_search.web.observation\nfrom modag_search import cli\n"
        f"def told_twice(_):\n    signal.raise_signal(signal.SIGTERM)\n    signal.raise_signal({int(second)})\n"
        "    return 'asked'\n"
        "with mock.patch('modag_search.web.observation.request_id_of', told_twice):\n    cli.main()\n"
    )
    with served(filled, "--drain", "600", program=program) as server:
        at = urlsplit(server.address)
        with socket.create_connection((at.hostname or "", at.port or 0), timeout=WAIT_S) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert server.wait() == (-second, "Ctrl-C stops it.\n")


def test_a_log_for_programs_is_json_throughout_and_tells_no_token(filled: CommandLine) -> None:
    token = "a-token-of-ours"
    with served(filled, "--log-format", "json", "--token", token) as server:
        assert "token" not in server.address
        assert server.ask(f"?token={token[:-1]}")[0] == 401
        at = urlsplit(server.address)
        assert at.port is not None
        with socket.create_connection((at.hostname or "", at.port), timeout=WAIT_S) as connection:
            connection.sendall(b"GET /\x1b[31m HTTP/1.1\r\n\r\n")
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400 ")
        server.process.terminate()
        status, said = server.wait()
    lines = [json.loads(line) for line in said.splitlines()]
    assert (status, token[:-1] in said) == (0, False)
    assert [line["message"].split(",")[0] for line in lines] == [
        f"listening on {server.address.rstrip('/')}",
        "GET unmatched 401",
        "Invalid HTTP request received.",
        "stopped",
    ]
    asked = lines[1]
    assert (asked["method"], asked["route"], asked["status"], asked["level"]) == ("GET", "unmatched", 401, "info")
    assert asked.keys() >= {"time", "request_id", "duration_ms", "bytes"}


@pytest.mark.filterwarnings("always")
def test_warnings_of_libraries_are_lines_of_the_log(filled: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: warnings.warn("is\nold", UserWarning, stacklevel=1))
    shown_by = warnings.showwarning
    said = filled("serve", "--log-format", "json").stderr
    lines = [json.loads(line) for line in said.splitlines()]
    (told,) = [line for line in lines if line["logger"] == "py.warnings"]
    assert told["level"] == "warning"
    assert "UserWarning: is\nold" in told["message"]
    assert warnings.showwarning is shown_by


def test_a_thread_that_never_ends_does_not_keep_the_process(filled: CommandLine) -> None:
    program = (
        "import threading\nfrom modag_search.cli import serving\nbefore = frozenset(threading.enumerate())\n"
        "threading.Thread(target=threading.Event().wait).start()\nprint('said', end='')\n"
        "serving._ENDED_S = 0.01\nserving._leave_threads_behind(beside=before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=filled.environment, capture_output=True, timeout=WAIT_S, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"said", b"")
