"""Copies and links in a folder, on disks that are full or do not know what others do."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from modag_search.export.delivery import deliver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files; a disk of Windows cannot hold the name of the second."""
    paths = [tmp_path / name for name in ("a.wav", "what?.wav", "z.wav")]
    for path in paths:
        path.write_text(path.name)
    return paths


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def contents(folder: Path) -> dict[str, str]:
    """What all files in a folder hold, hidden ones among them."""
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def refusing(
    real: Callable[..., None], number: int, *, where: Callable[[str], bool] = lambda _: True
) -> Callable[..., None]:
    """Return a call that the system refuses with an error, for targets that it is refused for."""

    def called(*arguments: str) -> None:
        if where(os.path.basename(str(arguments[-1]))):
            raise OSError(number, os.strerror(number), *arguments[:1])
        real(*arguments)

    return called


def test_nothing_comes_twice(files: list[Path], out: Path) -> None:
    a, *_ = files
    for link in (False, True):
        delivery = deliver([a, str(a), a.parent / "." / "a.wav"], out / str(link), link=link)
        assert (delivery.written, delivery.already, delivery.failures) == (1, 0, ())
        assert [path.name for path in (out / str(link)).iterdir()] == ["a.wav"]
    gone = a.parent / "gone.wav"
    assert deliver([gone, gone], out).failures == ((str(gone), "does not exist (any more)"),)


# What FAT says, what some network disks say, and what other systems say.
@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_hard_links_gets_copies(
    files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refusing(os.link, number))
    twin = files[0].parent / "other" / "a.wav"
    twin.parent.mkdir()
    twin.write_text("another")
    delivery = deliver([*files, twin], out)
    assert (delivery.written, delivery.failures) == (4, ())
    expected = {"a.wav": "a.wav", "a-2.wav": "another", "what?.wav": "what?.wav", "z.wav": "z.wav"}
    assert contents(out) == dict(sorted(expected.items()))
    assert deliver([*files, twin], out).already == 4
    assert contents(out).keys() == expected.keys()


def test_what_has_come_meanwhile_is_not_written_over(
    files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(partial: str, target: str) -> None:
        if not os.path.basename(target).startswith("a-"):
            (out / "a.wav").write_text("mine")
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), partial)

    monkeypatch.setattr(os, "link", late)
    assert deliver(files[:1], out).written == 1
    assert contents(out) == {"a-2.wav": "a.wav", "a.wav": "mine"}


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG])
@pytest.mark.parametrize("has_hard_links", [True, False])
def test_a_name_that_the_disk_refuses_becomes_a_plain_one(
    files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch, has_hard_links: bool, number: int
) -> None:
    if has_hard_links:
        monkeypatch.setattr(os, "link", refusing(os.link, number, where=lambda name: "?" in name))
    else:
        monkeypatch.setattr(os, "link", refusing(os.link, errno.EPERM))
        monkeypatch.setattr(os, "rename", refusing(os.rename, number, where=lambda name: "?" in name))
    delivery = deliver(files, out)
    assert (delivery.written, delivery.failures) == (3, ())
    assert contents(out) == {"a.wav": "a.wav", "what_.wav": "what?.wav", "z.wav": "z.wav"}


def test_links_get_plain_names_likewise(files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "symlink", refusing(os.symlink, errno.EINVAL, where=lambda name: "?" in name))
    assert deliver(files, out, link=True).written == 3
    assert os.readlink(out / "what_.wav") == str(files[1])


def test_a_plain_name_that_is_refused_is_a_failure(
    files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(os.link, errno.EINVAL, where=lambda name: name == "a.wav"))
    delivery = deliver(files, out)
    assert delivery.failures == ((str(files[0]), "cannot be copied: Invalid argument"),)
    assert contents(out).keys() == {"what?.wav", "z.wav"}


def test_a_full_disk_keeps_what_is_whole_and_nothing_else(
    files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    delivery = deliver(files, out)
    assert delivery.written == 1
    assert delivery.failures == tuple((str(path), "cannot be copied: No space left on device") for path in files[1:])
    assert contents(out) == {"a.wav": "a.wav"}
    monkeypatch.undo()
    assert (deliver(files, out).written, len(contents(out))) == (2, 3)


def test_a_disk_without_links_is_said_to_be(files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "symlink", refusing(os.symlink, errno.EPERM))
    delivery = deliver(files[:1], out, link=True)
    assert delivery.failures == ((str(files[0]), "cannot be linked: Operation not permitted"),)
    assert contents(out) == {}


def test_a_copy_that_cannot_be_opened_leaves_nothing(
    files: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def failing(path: str, *arguments: int) -> int:
        if os.path.basename(path).startswith(".modag-"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", failing)
    assert deliver(files[:1], out).failures == ((str(files[0]), "cannot be copied: Input/output error"),)
    assert contents(out) == {}
