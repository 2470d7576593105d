"""`modag index` killed in the middle: what is finished is kept, and the next run does the rest."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, IndexSettings
from modag_search.errors import IndexFolderError, IndexLockedError
from modag_search.stores import kinds
from tests.cli.command_line import CommandLine
from tests.made_media import LOW_HZ, picture, sound
from tests.toy_encoders import GATE, GATE_COLOUR, toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = 60
GATE_AT = 47
"""By then, a batch of 32 is in the catalog."""


@pytest.fixture
def folder(media: Path) -> Path:
    """Pictures, one of which holds up whoever encodes it."""
    for number in range(FILES):
        picture(media / f"{number:02}.png", GATE_COLOUR if number == GATE_AT else (200, 3 * number, 9))
    return media


@pytest.fixture
def at_the_gate(tmp_path: Path, folder: Path, toys: None, toy_plugins: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that indexes the folder, and has come to the middle of it."""
    toy_index(tmp_path / "index").close()
    with waiting(tmp_path, toy_plugins, "index", folder) as process:
        yield process


@contextmanager
def waiting(tmp_path: Path, plugins: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command on the index that has come to the gate; it is killed in the end."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    told = os.open(gate, os.O_RDONLY | os.O_NONBLOCK)
    modag = CommandLine(tmp_path, plugins=plugins)
    command = modag.command(*arguments, "--index", tmp_path / "index", "--workers", "1")
    environment = modag.environment | {GATE: str(gate)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        try:
            ready, _, _ = select.select([told], [], [], 60)
            assert ready, "the process never came to the gate"
            assert os.read(told, 1) == b"."
            yield process
        finally:
            process.kill()
            os.close(told)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    assert process.wait(30) == -signal.SIGKILL


def test_the_next_run_finishes_what_a_killed_one_began(
    tmp_path: Path, folder: Path, at_the_gate: subprocess.Popen[bytes]
) -> None:
    kill(at_the_gate)
    with Index.open(tmp_path / "index") as index:
        kept = {item.path: item.id for item in index.catalog.items.all()}
        assert 0 < len(kept) < FILES
        assert index.verify() == []
        assert len(index.search("id:1", n=100)) == len(kept) - 1
        report = index.add([folder])
        assert (report.unchanged, report.added, report.failed) == (len(kept), FILES - len(kept), 0)
        items = {item.path: item.id for item in index.catalog.items.all()}
        assert items.keys() == {str(path) for path in folder.iterdir()}
        assert kept.items() <= items.items()
        assert len(index.catalog.segments.of_items(items.values())) == FILES
        assert {hit.path for hit in index.search("id:1", n=100)} == items.keys() - {index.item("id:1").path}
        assert index.verify() == []
        assert index.add([folder]).unchanged == FILES


def test_a_change_of_encoders_that_was_killed_goes_on(
    tmp_path: Path, folder: Path, toys: None, toy_plugins: Path
) -> None:
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="efficientnet-lite2")
    with Index.open(tmp_path / "index", create=True, settings=settings) as index:
        index.add([folder])
        index.label([folder / "03.png", folder / "50.png"], "green")
        ids = {item.path: item.id for item in index.catalog.items.all()}
    with waiting(tmp_path, toy_plugins, "rebuild", "--image-encoder", "toy-image") as process:
        kill(process)
    with Index.open(tmp_path / "index") as index:
        assert index.settings.image_encoder == "toy-image"
        assert 0 < index.outdated() < FILES
        assert len(index.search(folder / "03.png", n=100)) == FILES - index.outdated() - 1
        assert index.rebuild() == FILES
        assert index.outdated() == 0
        assert {item.path: item.id for item in index.catalog.items.all()} == ids
        assert index.item(folder / "50.png").labels == ("green",)
        assert index.verify() == []


def test_while_one_writes_others_read_and_no_second_one_writes(
    tmp_path: Path, folder: Path, at_the_gate: subprocess.Popen[bytes]
) -> None:
    with Index.open(tmp_path / "index", wait_s=0.2) as index:
        n_items = sum(index.catalog.count().items.values())
        assert 0 < n_items < FILES
        assert len(index.search("id:1", n=100)) == n_items - 1
        assert index.label(["id:1"], "meanwhile") == 1
        with pytest.raises(IndexLockedError):
            index.add([folder])
        kill(at_the_gate)
        assert index.add([folder]).added == FILES - n_items
        assert index.item("id:1").labels == ("meanwhile",)


def test_ctrl_c_keeps_what_is_finished_and_says_so(tmp_path: Path, folder: Path, toys: None, toy_plugins: Path) -> None:
    modag = CommandLine(tmp_path, plugins=toy_plugins)
    toy_index(tmp_path / "index").close()
    program = (
        "import os, signal, sys\n"
        "from tests.toy_encoders import ToyImage\n"
        "from modag_search.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "real, seen = ToyImage._feature, []\n"
        "def counting(self, pixels):\n"
        "    seen.append(1)\n"
        "    if len(seen) == 50: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(self, pixels)\n"
        "ToyImage._feature = counting\n"
        "sys.argv = ['modag', 'index', sys.argv[2], '--index', sys.argv[1], '--workers', '1']\n"
        "main()\n"
    )
    done = subprocess.run(
        [modag.command()[0], "-c", program, tmp_path / "index", folder],
        env=modag.environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 130
    assert (
        done.stderr.decode().strip()
        == "interrupted; what was finished is kept, and the same command goes on from there"
    )
    with Index.open(tmp_path / "index") as index:
        kept = sum(index.catalog.count().items.values())
        assert kept > 0
        report = index.add([folder])
        assert (report.unchanged, report.added) == (kept, FILES - kept)
        assert index.verify() == []


def test_a_store_whose_writing_was_broken_off_does_no_harm(tmp_path: Path, toys: None, media: Path) -> None:
    picture(media / "a.png", (230, 20, 20))
    sound(media / "a.wav", (LOW_HZ, 1))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
        stores = index.folder / "stores"
        old = {path.name: path.read_bytes() for path in stores.iterdir()}
        picture(media / "b.png", (230, 40, 20))
        index.add([media])
        before = index.search(media / "a.wav")
    assert len(before) == 2
    # The catalog knows of b.png; of the stores, there are the former ones and half of the next.
    for name, content in old.items():
        (stores / f".{name}-k1ll3d").write_bytes((stores / name).read_bytes()[:100])
        (stores / name).write_bytes(content)
    with Index.open(tmp_path / "index") as index:
        assert index.search(media / "a.wav") == before
        assert index.verify() == []
        assert index.rebuild() == 3


def test_an_index_whose_making_was_broken_off_can_be_made_again(tmp_path: Path, toys: None, media: Path) -> None:
    picture(media / "a.png", (230, 20, 20))
    folder = tmp_path / "index"
    toy_index(folder).close()
    (folder / "settings.json").unlink()  # it is written last
    with toy_index(folder) as index:
        assert index.add([media]).added == 1
        assert index.verify() == []


def test_an_index_that_lost_its_catalog_says_so(tmp_path: Path, toys: None) -> None:
    toy_index(tmp_path / "index").close()
    (tmp_path / "index" / "catalog.sqlite").unlink()
    with pytest.raises(IndexFolderError, match=r"catalog.sqlite is gone"):
        toy_index(tmp_path / "index")


def test_what_killed_writers_left_beside_stores_goes(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_COMPARED", 0)
    filled.rebuild()
    stores = filled.folder / "stores"
    (mapped,) = (path.name for path in stores.glob("image.*.mapped"))
    left = [".image.faiss-flat.changes-4194305-0123456789abcdef", f".{mapped}-4194305-0123456789abcdef"]
    orphans = ["image.faiss-ivf.0123456789abcdef.mapped", "image.faiss-flat.0123456789abcdef.mapped"]
    for name in (*left, *orphans):
        (stores / name).write_bytes(b"half")

    filled.add(picture(media / "later.png", (9, 99, 9)))

    assert not {*left, *orphans} & {path.name for path in stores.iterdir()}
    assert (stores / mapped).exists()
    assert filled.verify() == []
