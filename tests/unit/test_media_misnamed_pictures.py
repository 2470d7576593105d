"""What a picture is, is told by its first bytes; a name that says otherwise is remarked on."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.errors import CorruptMediaError, MediaError, UnreadableMediaError, UnsupportedMediaError
from modag_search.media import open_media
from modag_search.values import Remark, Segmentation
from tests.unit.broken_media import sound_bytes, sound_container_bytes, tone, video_bytes
from tests.unit.test_media_pictures import BLUE, GREEN, RED, WHITE, corners, decode, four_corners

if TYPE_CHECKING:
    from pathlib import Path


def encoded(form: str) -> bytes:
    buffer = io.BytesIO()
    four_corners((64, 32)).save(buffer, form)
    return buffer.getvalue()


def refusal(path: Path, data: bytes) -> MediaError:
    path.write_bytes(data)
    with pytest.raises(MediaError) as raised:
        decode(path)
    return raised.value


@pytest.mark.parametrize(
    ("form", "ending", "text"),
    [
        ("PNG", "jpg", "is a PNG picture, although its name ends in .jpg"),
        ("JPEG", "PNG", "is a JPEG picture, although its name ends in .png"),
        ("JPEG", "heic", "is a JPEG picture, although its name ends in .heic"),
        ("WEBP", "jpeg", "is a WebP picture, although its name ends in .jpeg"),
        ("AVIF", "gif", "is an AVIF picture, although its name ends in .gif"),
        ("TIFF", "bmp", "is a TIFF picture, although its name ends in .bmp"),
    ],
)
def test_a_name_that_lies_is_remarked_on(tmp_path: Path, form: str, ending: str, text: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(encoded(form))
    segment, facts = decode(path)
    assert (segment.status, facts.remarks) == ("ok", (Remark("misnamed", text),))


@pytest.mark.parametrize(
    ("form", "ending"),
    [("JPEG", "jfif"), ("MPO", "jpg"), ("PNG", "apng"), ("TIFF", "tif"), ("BMP", "dib"), ("AVIF", "heif")],
)
def test_names_that_are_usual_are_not(tmp_path: Path, form: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(encoded(form))
    assert decode(path)[1].remarks == ()


def test_heic_by_any_name(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    for name, n_remarks in (("a.heic", 0), ("b.HIF", 0), ("c.jpg", 1), ("d.png", 1)):
        pillow_heif.from_pillow(four_corners((64, 32))).save(tmp_path / "made.heic", quality=95)
        (tmp_path / "made.heic").rename(tmp_path / name)
        segment, facts = decode(tmp_path / name)
        assert (facts.kind, facts.width_px, facts.height_px, len(facts.remarks)) == ("image", 64, 32, n_remarks)
        np.testing.assert_allclose(corners(segment.data), [RED, GREEN, BLUE, WHITE], atol=12)


@pytest.mark.parametrize("name", ["a.heic", "a.jpg", "a.png"])
@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_heic_names_the_extra_that_it_needs_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, brand: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    error = refusal(tmp_path / name, b"\x00\x00\x00\x18ftyp" + brand + bytes(100))
    assert isinstance(error, UnreadableMediaError)
    assert error.reason == 'is a HEIC picture, which needs an extra: pip install "modag-search[heic]"'


def test_other_pictures_need_no_extra_whatever_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for form in ("JPEG", "AVIF"):
        (tmp_path / "a.heic").write_bytes(encoded(form))
        assert decode(tmp_path / "a.heic")[0].status == "ok"
    assert refusal(tmp_path / "b.heic", b"Dear diary, " * 20).reason.startswith("is not a picture that can be read")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (video_bytes(), "an MPEG-4 video"),
        (video_bytes(file_format="webm"), "a Matroska or WebM video"),
        (video_bytes(file_format="mov"), "a QuickTime video"),
        (sound_bytes(tone()), "a WAVE sound"),
        (sound_bytes(tone(), file_format="MP3"), "an MP3 sound"),
        (sound_bytes(tone(), file_format="OGG"), "an Ogg sound"),
        (sound_container_bytes(file_format="ipod"), "an MPEG-4 sound"),
    ],
)
def test_what_is_a_sound_or_a_video_is_read_as_one(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    media = open_media(str(tmp_path / "a.jpg"), sample_rate_hz=16_000, segmentation=Segmentation())
    assert {segment.status for segment in media.segments()} == {"ok"}
    what, kind = words.rsplit(maxsplit=1)
    assert media.facts.kind == kind
    assert media.facts.remarks[0] == ("misnamed", f"is {what} {kind}, although its name ends in .jpg")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7" + bytes(100), "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, whose file was not fetched"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    error = refusal(tmp_path / "a.jpg", data)
    assert isinstance(error, CorruptMediaError)
    assert error.reason == f"is not a picture; it looks like {words}"


def test_pictures_that_are_not_read_are_not_called_damaged(tmp_path: Path) -> None:
    float_rgb = bytearray(encoded("TIFF"))
    bits = float_rgb.index(b"\x08\x00\x08\x00\x08\x00")
    float_rgb[bits : bits + 6] = b"\x05\x00\x05\x00\x05\x00"
    for data in (bytes(float_rgb), b"\xff\x0a" + bytes(60), b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(60)):
        error = refusal(tmp_path / "a.jpg", data)
        assert isinstance(error, UnsupportedMediaError)
        assert re.match(r"is a (TIFF|JPEG XL) picture.* not read", error.reason)


def test_a_picture_that_is_cut_off_within_its_header_is_said_to_be(tmp_path: Path) -> None:
    for form, ending in (("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("BMP", "bmp"), ("GIF", "gif")):
        error = refusal(tmp_path / f"a.{ending}", encoded(form)[:12])
        assert isinstance(error, CorruptMediaError)
        assert "header is damaged or cut off" in error.reason


def test_a_damaged_signature_is_not_said_to_be_of_a_format_that_is_not_read(tmp_path: Path) -> None:
    webp, gif = bytearray(encoded("WEBP")), bytearray(encoded("GIF"))
    webp[12:16], gif[4:6] = b"VPX9", b"0z"
    for name, data in {"a.webp": webp, "a.gif": gif}.items():
        error = refusal(tmp_path / name, bytes(data))
        assert isinstance(error, CorruptMediaError)
        assert "header is damaged" in error.reason
