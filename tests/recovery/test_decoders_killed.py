"""`modag index` where decoders crash, hang, fill the memory or are killed: each costs one file, and the run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import Index
from modag_search.errors import MediaError
from modag_search.media import children, waiting
from modag_search.pages.entries import entry_of_hit
from modag_search.pages.looks import all_looks
from tests import hostile_decoders
from tests.cli.command_line import CommandLine
from tests.decoders import PATIENCE_S, decoders_of, own_decoders, seen_to_end
from tests.hostile_decoders import GATE, await_the_gate
from tests.made_media import BLUE, LOW_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


INTERRUPTED = "interrupted; what was finished is kept, and the same command goes on from there"
HOSTILE_MODAG = (
    # A shell's background jobs ignore SIGINT.
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from modag_search.media import children; from tests.hostile_decoders import PROGRAM; "
    "children._PROGRAM = PROGRAM; from modag_search.cli import main; sys.exit(main())"
)
"""`modag` with decoders that come to grief over some files."""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Decoders come to grief over some files, as long as this is not undone."""
    children.CHILDREN.close()
    with monkeypatch.context() as patch:
        patch.setattr(children, "_PROGRAM", hostile_decoders.PROGRAM)
        yield patch
    children.CHILDREN.close()


def named(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        picture(folder / f"{name}.png", (200, number, 9))


@pytest.mark.parametrize("workers", [1, 3])
def test_each_file_that_ends_its_decoder_costs_itself_alone(
    index: Index, media: Path, hostile: pytest.MonkeyPatch, workers: int
) -> None:
    named(media, "a", "crash", "crash-too", "d", "greedy", "killed", "z")
    sound(media / "a.wav", (LOW_HZ, 1))

    report = index.add([media], workers=workers)

    assert (report.added, report.failed) == (4, 4)
    reasons = {os.path.basename(failure.path): failure.reason for failure in report.failures}
    assert reasons == {
        "crash.png": "crashes its decoder (SIGSEGV)",
        "crash-too.png": "crashes its decoder (SIGSEGV)",
        "greedy.png": "needs more than 4 GiB of memory to be decoded",
        "killed.png": "its decoder was killed (SIGKILL), as where memory runs out; the next run tries it again",
    }
    assert index.verify() == []


def test_what_was_no_fault_of_a_file_is_tried_again_by_the_next_run(
    index: Index, media: Path, hostile: pytest.MonkeyPatch
) -> None:
    named(media, "crash", "killed", "z")
    index.add([media])

    hostile.undo()
    children.CHILDREN.close()
    report = index.add([media])

    assert (report.added, report.unchanged, report.failed) == (1, 1, 1)
    assert [os.path.basename(one.path) for one in report.failures] == ["crash.png"]
    assert index.add([media], retry_failed=True).added == 1


def test_a_file_that_its_decoder_is_killed_for_keeps_what_is_known_of_it(
    index: Index, media: Path, hostile: pytest.MonkeyPatch
) -> None:
    hostile.undo()
    path = picture(media / "killed.png", RED)
    index.add([media])
    index.label([path], "flag")
    picture(path, BLUE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_PROGRAM", hostile_decoders.PROGRAM)
        children.CHILDREN.close()
        assert index.add([media]).failed == 1
    children.CHILDREN.close()

    assert (index.item(path).status, index.item(path).labels) == ("ok", ("flag",))
    assert index.add([media]).updated == 1


def test_what_is_in_an_index_ends_no_verb_that_looks_at_it_again(
    index: Index, media: Path, hostile: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after an upgrade of a decoder, which may be worse than the former one."""
    hostile.undo()
    children.CHILDREN.close()
    for name, seconds in (("a", 1.02), ("b", 1.01), ("crash", 1.0)):
        sound(media / f"{name}.wav", (LOW_HZ, seconds))
    index.add([media])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_PROGRAM", hostile_decoders.PROGRAM)
        children.CHILDREN.close()
        groups = index.duplicates()
        looks = list(all_looks([entry_of_hit(hit) for hit in index.search("id:1")]))
    children.CHILDREN.close()

    found = {os.path.basename(one.path): one.confirmed_by for group in groups for one in group.items}
    assert {found["a.wav"], found["b.wav"]} == {None, "waveform"}
    assert found["crash.wav"] == "features", "it was not read"
    assert [str(one.problem).partition(": ")[2] for one in looks if one.problem] == ["crashes its decoder (SIGSEGV)"]


def test_a_large_file_that_asks_ends_nothing_but_its_question(
    filled: Index, hostile: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = sound(tmp_path / "crash.wav", (LOW_HZ, 1))
    assert filled.search(path), "a small one is decoded in this process"
    os.truncate(path, 64 * 2**20)
    with pytest.raises(MediaError, match=r"crash\.wav: crashes its decoder \(SIGSEGV\)"):
        filled.search(path)


def test_a_decoder_that_hangs_is_ended(index: Index, media: Path, hostile: pytest.MonkeyPatch) -> None:
    named(media, "hang")
    hostile.setattr(waiting, "QUIET_S", 0.2)
    report = index.add([media])
    assert [failure.reason for failure in report.failures] == [
        "does not decode: nothing came of it within 0 s, and its decoder was ended"
    ]
    hostile.undo()
    children.CHILDREN.close()
    assert index.add([media]).failed == 1, "it is not waited for again"


def test_features_do_not_depend_on_where_media_are_decoded(
    tmp_path: Path, toys: None, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(media, "a", "b")
    sound(media / "long.wav", (LOW_HZ, 42))
    features = []
    for folder, is_apart in (("apart", True), ("here", False)):
        with toy_index(tmp_path / folder) as index, monkeypatch.context() as patch:
            if not is_apart:
                patch.setattr("modag_search.media.decode.is_isolated", lambda: False)
            before = own_decoders()
            index.add([media])
            assert is_apart or own_decoders() == before
            pipelines = index.catalog.segments
            items = [item.id for item in index.catalog.items.all()]
            ids = [segment.id for segment in pipelines.of_items(items)]
            features.append(
                {
                    modality: {one: row.tobytes() for one, row in pipelines.features_of(ids, fingerprint=mark).items()}
                    for modality, mark in index._rooms.workings.encoder.fingerprints.items()
                }
            )
    assert features[0] == features[1]
    assert all(features[0].values())


def test_a_passing_shortage_of_memory_is_no_fault_of_a_file(
    tmp_path: Path, media: Path, toys: None, toy_plugins: Path
) -> None:
    """A picture that takes 480 MB, where a process may take 400."""
    toy_index(tmp_path / "index").close()
    (media / "large.ppm").write_bytes(b"P6 12000 10000 255 ")
    os.truncate(media / "large.ppm", 19 + 12000 * 10_000 * 3)
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    command = modag.command("index", media, "--index", tmp_path / "index", "--workers", "1")

    limited = subprocess.run(
        ["sh", "-c", 'ulimit -d 400000; exec "$@"', "sh", *command],
        env=modag.environment,
        capture_output=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert limited.returncode == 3, limited.stderr
    with Index.open(tmp_path / "index") as index:
        assert [one.reason for one in index.failures()] == ["needs more memory than this machine has free"]
        assert index.add([media]).added == 1


@contextmanager
def hostile_modag(tmp_path: Path, plugins: Path, *arguments: object) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a verb whose decoders come to grief over some files; yield what is told when one hangs, too."""
    os.mkfifo(tmp_path / "gate")
    told = os.open(tmp_path / "gate", os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-c", HOSTILE_MODAG, *map(str, arguments), "--index", str(tmp_path / "index")]
    environment = CommandLine(tmp_path, plugins=plugins).environment | {GATE: str(tmp_path / "gate")}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process, told
        finally:
            process.kill()
            os.close(told)


@pytest.fixture
def hanging(
    tmp_path: Path, media: Path, toys: None, toy_plugins: Path
) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """`modag index` whose one decoder hangs, and the ids of its decoders."""
    toy_index(tmp_path / "index").close()
    named(media, "a", "b", "c", "hang")
    with hostile_modag(tmp_path, toy_plugins, "index", media) as (process, told):
        await_the_gate(told)
        yield process, decoders_of(process.pid)


def test_no_decoder_outlives_a_process_that_is_killed(hanging: tuple[subprocess.Popen[bytes], list[int]]) -> None:
    process, decoders = hanging
    assert decoders != []
    with seen_to_end(decoders):
        process.kill()
        process.wait(PATIENCE_S)


def test_who_interrupts_a_run_waits_for_no_decoder(
    hanging: tuple[subprocess.Popen[bytes], list[int]], tmp_path: Path, media: Path
) -> None:
    process, decoders = hanging
    with seen_to_end(decoders):
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert stderr.decode().strip() == INTERRUPTED
    with Index.open(tmp_path / "index") as index:
        report = index.add([media])
        assert (report.added + report.unchanged, report.failed) == (4, 0)
        assert index.verify() == []


def test_who_stops_a_server_waits_for_no_decoder(tmp_path: Path, media: Path, toys: None, toy_plugins: Path) -> None:
    toy_index(tmp_path / "index").close()
    named(media, "hang")
    with hostile_modag(tmp_path, toy_plugins, "serve", "--port", "0") as (server, told):
        assert server.stdout is not None
        api = f"{server.stdout.readline().decode().strip()}api/v1"
        sent = post(f"{api}/uploads?name=hang.png", (media / "hang.png").read_bytes())
        asking = threading.Thread(target=partial(post, f"{api}/search", {"query": f"upload:{sent['id']}"}))
        asking.start()
        await_the_gate(told)
        with seen_to_end(decoders_of(server.pid)):
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=PATIENCE_S)
        asking.join()
    assert server.returncode == 0


def post(address: str, content: bytes | dict[str, str]) -> Any:
    """Send bytes or JSON, and return the answer; None where there is none."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
    request = urllib.request.Request(address, data, {"Content-Type": kind})
    with suppress(OSError), urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)
    return None
