"""Files and folders are wholly old or wholly new."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from modag_search import files
from modag_search.errors import IndexFolderError, ModelError, UsageError
from modag_search.files import check_replaceable, replacing, write_atomically, writing
from modag_search.settings import IndexSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_is_replaced_by_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a"

    assert write_atomically(path, (part for part in (b"one ", memoryview(b"two"))), error=ModelError) == 2
    assert path.read_bytes() == b"one two"
    write_atomically(path, [b"three"], error=ModelError)
    assert path.read_bytes() == b"three"
    assert names(tmp_path) == ["a", "new"]


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def parts() -> Iterator[bytes]:
        yield b"new"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(path, parts(), error=ModelError)
    with suppress(KeyboardInterrupt), writing(path, error=ModelError) as file:
        file.write(b"new")
        raise KeyboardInterrupt

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_what_the_system_refuses_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"/file/a: cannot be written: Not a directory|File exists"):
        write_atomically(tmp_path / "file" / "a", [b"x"], error=ModelError)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match=r"/a: cannot be written: No space left on device$"):
        write_atomically(tmp_path / "a", [b"x"], error=ModelError)
    with pytest.raises(IndexFolderError, match=r"/settings.json: cannot be written: No space left on device$"):
        IndexSettings().save(tmp_path)
    assert names(tmp_path) == ["file"]


def test_an_error_of_another_file_names_that_too(tmp_path: Path) -> None:
    with (
        pytest.raises(ModelError, match=r"/a: cannot be written: No such file or directory \(.*/gone\)"),
        writing(tmp_path / "a", error=ModelError) as file,
    ):
        file.write((tmp_path / "gone").read_bytes())


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".a-{'0' * 16}").write_bytes(b"half")
    (tmp_path / f".a-999999999-{'0' * 16}-journal").write_bytes(b"of what SQLite wrote")
    (tmp_path / f".b-{'0' * 16}").write_bytes(b"of another")

    write_atomically(tmp_path / "a", [b"whole"], error=ModelError)

    assert names(tmp_path) == [f".b-{'0' * 16}", "a"]


def test_what_a_killed_writer_left_goes_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys; from modag_search.errors import ModelError; from modag_search.files import writing\n"
        "with writing(pathlib.Path(sys.argv[1]), error=ModelError) as file:\n"
        "    print('begun', flush=True); sys.stdin.readline(); file.write(b'of another process')"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a")]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living,
    ):
        assert killed.stdout
        assert living.stdout
        assert killed.stdout.readline() == living.stdout.readline() == "begun\n"
        killed.kill()
        killed.wait()
        assert len(names(tmp_path)) == 2
        write_atomically(tmp_path / "a", [b"ours"], error=ModelError)
        assert len(names(tmp_path)) == 2, "the living one's is still there"
        assert living.communicate("\n", timeout=60)[0] == ""
    assert living.returncode == 0
    assert (tmp_path / "a").read_bytes() == b"of another process"
    assert names(tmp_path) == ["a"]


def test_what_a_killed_process_of_our_own_number_left_goes(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), writing(tmp_path / "a", error=ModelError):
        (begun,) = names(tmp_path)
        raise ZeroDivisionError
    (tmp_path / begun).write_bytes(b"half")  # in a container each writer may be process 1

    write_atomically(tmp_path / "a", [b"whole"], error=ModelError)

    assert names(tmp_path) == ["a"]


def test_who_writes_one_path_at_once_takes_nothing_from_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with ExitStack() as writers:
        opened = [writers.enter_context(writing(path, error=ModelError)) for _ in range(3)]
        for number, file in enumerate(opened):
            file.write(b"%d" % number)
    assert path.read_bytes() == b"0", "the first one is done last"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write_atomically(path, [b"%d" % number] * 9, error=ModelError), range(80)))
    assert path.read_bytes() in {b"%d" % number * 9 for number in range(80)}
    assert names(tmp_path) == ["a"]


def test_a_folder_comes_wholly_or_not_at_all(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), replacing(tmp_path / "folder", error=UsageError) as partial:
        partial.mkdir()
        (partial / "file").touch()
        raise ZeroDivisionError
    assert names(tmp_path) == []

    with replacing(tmp_path / "folder", error=UsageError) as partial:
        partial.mkdir()
        (partial / "file").touch()

    assert names(tmp_path) == ["file", "folder"]
    with pytest.raises(UsageError, match="not empty"), replacing(tmp_path / "folder", error=UsageError) as partial:
        partial.mkdir()
    assert names(tmp_path) == ["file", "folder"]


def test_each_new_folder_is_seen_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(files, "see_on_disk", lambda path: seen.append(os.path.relpath(path, tmp_path)))
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert sorted(seen) == [".", "a", "a/b"]
    seen.clear()
    files.make_folder(tmp_path / "a" / "b" / "c")
    assert seen == []
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", tmp_path / "file" / "a"):
        with pytest.raises(OSError, match="file"):
            files.make_folder(wrong)


def test_only_files_of_a_kind_are_written_over(tmp_path: Path) -> None:
    (tmp_path / "ours").write_bytes(b"modag-space/1")
    (tmp_path / "empty").touch()
    (tmp_path / "theirs").write_bytes(b"a novel")

    for name in ("ours", "empty", "new"):
        check_replaceable(tmp_path / name, mark=b"modag-space/")
    check_replaceable(tmp_path / "theirs", mark=None)
    with pytest.raises(UsageError, match=r"theirs: is a file of another kind, and would be lost; name another by --x$"):
        check_replaceable(tmp_path / "theirs", mark=b"modag-space/", option="--x")
    with pytest.raises(UsageError, match=r"is a folder; name a file$"):
        check_replaceable(tmp_path, mark=None)
