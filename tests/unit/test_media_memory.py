"""Media in little memory: what is bounded whatever a file claims, and a shortage, which is never taken for damage."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import av
import pytest
from PIL import Image

from modag_search.errors import MediaError, UnreadableMediaError
from modag_search.media import containers, open_media, pictures
from modag_search.media.allowance import DECODING_BYTES, memory_is_short
from modag_search.media.containers import open_container
from modag_search.values import Segmentation
from tests.made_media import RED, picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def decoded(path: Path) -> int:
    """Decode a file, and count its segments."""
    stream = open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation())
    return sum(1 for _ in stream.segments())


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")], ids=repr)
def test_a_picture_that_there_is_no_memory_for_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path = picture(tmp_path / "a.png", RED)
    monkeypatch.setattr(Image.Image, "load", raising(error))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", raising(error))
    with pytest.raises(UnreadableMediaError, match="needs more memory than this machine has free"):
        decoded(path)


def test_a_page_that_there_is_no_memory_for_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [Image.new("RGB", (40, 30), colour) for colour in ("white", "white", "red")]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:])
    monkeypatch.setattr(pictures, "_contrast_of_decoded", raising(MemoryError()))
    with pytest.raises(UnreadableMediaError, match="needs more memory"):
        decoded(tmp_path / "a.gif")


@pytest.mark.parametrize("is_short", [True, False])
def test_of_what_ffmpeg_has_no_memory_for_it_matters_whether_memory_is_short(
    monkeypatch: pytest.MonkeyPatch, *, is_short: bool
) -> None:
    """It says so of damage, too, that claims to be large."""
    monkeypatch.setattr(containers, "memory_is_short", lambda _: is_short)
    packet = Mock(decode=raising(av.error.MemoryError(12, "Cannot allocate memory")))
    frames = containers.DecodedFrames(Mock(demux=lambda _: iter([packet])), Mock())
    with pytest.raises(MemoryError) if is_short else nullcontext():
        assert list(frames) == []
    assert frames.damaged == (not is_short)


def test_whether_memory_is_short() -> None:
    assert not memory_is_short(1 << 20)
    assert memory_is_short(1 << 60)


def test_all_that_lies_between_two_frames_is_not_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_MOST_UNFRAMED_BYTES", 1 << 20)
    monkeypatch.setattr(containers, "_FEW_UNFRAMED_BYTES", 1 << 17)
    path = tmp_path / "junk.mp3"
    path.write_bytes((b"\xff\xfb\x90\x00" + bytes(413)) * 8)
    os.truncate(path, 64 << 20)

    with open(path, "rb", buffering=0) as file, open_container(file, str(path), wanted="a sound") as container:
        frames = list(containers.DecodedFrames(container, container.streams.audio[0]))
        assert file.tell() < 8 << 20

    assert len(frames) >= 7
    with suppress(MediaError):
        decoded(path)
    with DECODING_BYTES.take(DECODING_BYTES.total):
        pass  # nothing is held
