"""Pictures that end early: half of what they promise is taken and said, less is refused; nothing is made up."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from modag_search.errors import CorruptMediaError
from modag_search.media import read_thumbnail
from tests.unit.test_media_pictures import decode

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT = 200, 160
ORIENTATION = 274


def scene() -> Image.Image:
    """Shades and waves: no row is like another."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 128 + 100 * np.sin(x / 9) * np.cos(y / 13)
    return Image.fromarray(np.stack([x * 255 / WIDTH, y * 255 / HEIGHT, waves], axis=2).clip(0, 255).astype(np.uint8))


def encoded(form: str, mode: str = "RGB", **options: Any) -> bytes:
    image = scene()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "RGBA":
        alpha = Image.new("L", image.size)
        ImageDraw.Draw(alpha).ellipse((10, 10, WIDTH - 10, HEIGHT - 10), fill=255)
        image.putalpha(alpha)
    else:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


ROW_BY_ROW: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpg": ("JPEG", "RGB", {"quality": 90}),
    "cmyk.jpg": ("JPEG", "CMYK", {}),
    "gray.jpg": ("JPEG", "L", {}),
    "restarts.jpg": ("JPEG", "RGB", {"restart_marker_rows": 1}),
    "png": ("PNG", "RGB", {}),
    "palette.png": ("PNG", "P", {}),
    "bits.png": ("PNG", "1", {}),
    "deep.png": ("PNG", "I;16", {}),
    "alpha.png": ("PNG", "RGBA", {}),
    "gif": ("GIF", "P", {"interlace": 0}),
    "transparent.gif": ("GIF", "P", {"interlace": 0, "transparency": 3}),
    "tif": ("TIFF", "RGB", {}),
    "float.tif": ("TIFF", "F", {}),
    "webp": ("WEBP", "RGB", {}),
    "lossless.webp": ("WEBP", "RGB", {"lossless": True}),
    "alpha.webp": ("WEBP", "RGBA", {}),
    "ppm": ("PPM", "RGB", {}),
    "pcx": ("PCX", "RGB", {}),
    "qoi": ("QOI", "RGB", {}),
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_the_rows_that_are_there_are_taken(tmp_path: Path, name: str) -> None:
    form, mode, options = ROW_BY_ROW[name]
    data = encoded(form, mode, **options)
    whole = decode(write(tmp_path / f"whole.{name}", data))[0].data
    segment, facts = decode(write(tmp_path / f"cut.{name}", data[: len(data) * 8 // 10]))
    n_rows = len(segment.data)
    assert HEIGHT / 2 <= n_rows < HEIGHT
    assert (facts.width_px, facts.height_px) == (WIDTH, n_rows)
    np.testing.assert_allclose(segment.data.astype(int), whole[:n_rows], atol=12)
    (remark,) = facts.remarks
    assert remark.kind == "partly read"
    assert remark.text == f"holds {round(100 * n_rows / HEIGHT)}% of the rows of pixels that it promises"


@pytest.mark.parametrize("name", ["bmp", "tga"])
def test_what_is_stored_from_below_lacks_its_top(tmp_path: Path, name: str) -> None:
    data = encoded(name.upper())
    segment, _ = decode(write(tmp_path / f"cut.{name}", data[: len(data) * 7 // 10]))
    np.testing.assert_array_equal(segment.data, np.asarray(scene())[-len(segment.data) :])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_tiff_that_is_stored_turned_lacks_a_side(tmp_path: Path, mode: str, orientation: int) -> None:
    data = encoded("TIFF", mode, tiffinfo={ORIENTATION: orientation})
    whole, _ = decode(write(tmp_path / "whole.tif", data))
    segment, facts = decode(write(tmp_path / "cut.tif", data[: len(data) * 9 // 10]))
    height, width = segment.data.shape[:2]
    assert (facts.width_px, facts.height_px) == (width, height)
    assert {width, height} == {WIDTH, 143}
    left = whole.data.shape[1] - width if orientation in (6, 7) else 0
    top = whole.data.shape[0] - height if orientation in (3, 4) else 0
    np.testing.assert_array_equal(segment.data, whole.data[top : top + height, left : left + width])
    assert [remark.text for remark in facts.remarks] == ["holds 89% of the rows of pixels that it promises"]
    with pytest.raises(CorruptMediaError, match="only 39% of its rows of pixels decode"):
        decode(write(tmp_path / "cut.tif", data[: len(data) * 4 // 10]))


@pytest.mark.parametrize("name", sorted(ROW_BY_ROW.keys() - {"alpha.webp"}))
def test_less_than_half_is_refused(tmp_path: Path, name: str) -> None:
    form, mode, options = ROW_BY_ROW[name]
    data = encoded(form, mode, **options)
    with pytest.raises(CorruptMediaError, match=r"only \d+% of its rows of pixels decode"):
        decode(write(tmp_path / f"cut.{name}", data[: len(data) * 4 // 10]))


@pytest.mark.parametrize("n_bytes", [1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_without_its_end_marker_is_whole(tmp_path: Path, options: dict[str, Any], n_bytes: int) -> None:
    data = encoded("JPEG", **options)
    whole = decode(write(tmp_path / "whole.jpg", data))[0].data
    segment, facts = decode(write(tmp_path / "cut.jpg", data[:-n_bytes]))
    np.testing.assert_array_equal(segment.data, whole)
    assert facts.remarks == ()


def test_a_progressive_jpeg_is_taken_as_sharp_as_it_is(tmp_path: Path) -> None:
    data = encoded("JPEG", progressive=True, quality=90)
    segment, facts = decode(write(tmp_path / "cut.jpg", data[: len(data) * 6 // 10]))
    assert segment.data.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(segment.data.astype(int) - np.asarray(scene())).mean() < 8
    assert re.fullmatch(r"is cut off after \d passes, so it is less sharp than it promises", facts.remarks[0].text)
    header = data.index(b"\xff\xda")
    with pytest.raises(CorruptMediaError, match="within the first of the passes"):
        decode(write(tmp_path / "early.jpg", data[: header + 100]))


@pytest.mark.parametrize("options", [{"interlace": 1}, {"interlace": 1, "transparency": 3}])
def test_missing_rows_of_what_is_interlaced_are_as_those_above(tmp_path: Path, options: dict[str, Any]) -> None:
    data = encoded("GIF", "P", **options)
    whole = decode(write(tmp_path / "whole.gif", data))[0].data
    segment, facts = decode(write(tmp_path / "a.gif", data[: len(data) * 7 // 10]))
    assert len(segment.data) > HEIGHT - 8
    assert np.abs(segment.data.astype(int) - whole[: len(segment.data)]).mean() < 12
    assert facts.remarks[0].kind == "partly read"


def test_a_large_jpeg_is_reduced_as_it_is_decoded_also_where_it_is_cut(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    scene().resize((1600, 1280)).save(buffer, "JPEG")
    data = buffer.getvalue()
    segment, facts = decode(write(tmp_path / "a.jpg", data[: len(data) * 8 // 10]))
    assert segment.data.shape[1] == 800
    assert 640 < (facts.height_px or 0) < 1280
    assert abs((facts.height_px or 0) - 2 * len(segment.data)) <= 2


@pytest.mark.parametrize("form", ["WEBP", "GIF", "PNG"])
def test_an_animation_whose_first_frame_is_whole(tmp_path: Path, form: str) -> None:
    others = [scene().rotate(90), scene().rotate(180)]
    data = encoded(form, "P" if form == "GIF" else "RGB", save_all=True, append_images=others)
    path = write(tmp_path / f"a.{form.lower()}", data[: len(data) * 2 // 3])
    segment, _ = decode(path)
    assert segment.data.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(segment.data[::40, ::40], np.asarray(scene())[::40, ::40], atol=70)


def test_a_cut_webp_animation_tells_how_many_frames_it_has(tmp_path: Path) -> None:
    others = [scene(), scene().rotate(90), scene().rotate(180)]
    for name, first, texts in (
        ("showing", scene().rotate(270), ["is cut off after 3 frames"]),
        (
            "blank",
            Image.new("RGB", scene().size, "white"),
            ["is taken by its frame 2: those before it show nothing, or little", "is cut off after 3 frames"],
        ),
    ):
        buffer = io.BytesIO()
        first.save(buffer, "WEBP", save_all=True, append_images=others)
        _, facts = decode(write(tmp_path / f"{name}.webp", buffer.getvalue()[:-100]))
        assert [remark.text for remark in facts.remarks] == texts


def test_a_cut_webp_animation_of_which_only_blank_frames_are_there(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", scene().size, "white").save(buffer, "WEBP", save_all=True, append_images=[scene()])
    segment, facts = decode(write(tmp_path / "a.webp", buffer.getvalue()[:-100]))
    assert (segment.status, [remark.text for remark in facts.remarks]) == ("flat", ["is cut off after 1 frame"])


def test_a_webp_animation_that_lacks_its_metadata_has_all_frames(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    scene().save(buffer, "WEBP", save_all=True, append_images=[scene().rotate(90)], xmp=b"<x/>" * 20)
    _, facts = decode(write(tmp_path / "a.webp", buffer.getvalue()[:-10]))
    assert facts.remarks == ()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_a_name_that_lies_is_remarked_on_also_where_the_picture_is_cut(tmp_path: Path, form: str) -> None:
    data = encoded(form)
    _, facts = decode(write(tmp_path / "a.jpg", data[: len(data) * 8 // 10]))
    assert [remark.kind for remark in facts.remarks] == ["misnamed", "partly read"]


@pytest.mark.parametrize("form", ["AVIF", "HEIF"])
def test_what_decodes_wholly_or_not_at_all_is_called_cut_off(tmp_path: Path, form: str) -> None:
    kind = "an AVIF picture" if form == "AVIF" else "a HEIC picture"
    if form == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    data = encoded(form)
    path = tmp_path / f"a.{form.lower()}"
    for share in (0.5, 0.999):
        n_bytes = int(len(data) * share)
        with pytest.raises(CorruptMediaError) as caught:
            decode(write(path, data[:n_bytes]))
        promise = f"{n_bytes:,} of the {len(data):,} bytes that its header promises"
        assert caught.value.reason == f"is cut off: holds {promise}, and {kind} decodes wholly or not at all"
    with pytest.raises(CorruptMediaError, match=f"is cut off within the header of {kind}"):
        decode(write(path, data[:100]))


@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
@pytest.mark.parametrize("order", ["LRCP", "RLCP", "RPCL"])
@pytest.mark.parametrize("is_lossy", [True, False])
def test_a_cut_jpeg_2000_is_less_sharp(tmp_path: Path, name: str, order: str, is_lossy: bool) -> None:
    options: dict[str, Any] = {"irreversible": True, "quality_layers": [20, 10, 5]} if is_lossy else {}
    data = encoded("JPEG2000", progression=order, no_jp2=name == "a.j2k", **options)
    segment, facts = decode(write(tmp_path / name, data[: len(data) * 7 // 10]))
    assert segment.data.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(segment.data.astype(int) - np.asarray(scene())).mean() < (4 if is_lossy else 1)
    (remark,) = facts.remarks
    assert remark.kind == "partly read"
    assert re.fullmatch(r"holds (69|70)% of the bytes that it promises, so it is less sharp .*", remark.text)
    without_mark, facts = decode(write(tmp_path / name, data[:-2]))
    whole, _ = decode(write(tmp_path / name, data))
    np.testing.assert_array_equal(without_mark.data, whole.data)
    assert facts.remarks == ()
    with pytest.raises(CorruptMediaError, match=r"is cut off: only [\d,]+ of its [\d,]+ bytes are there"):
        decode(write(tmp_path / name, data[: len(data) * 4 // 10]))


def test_a_cut_jpeg_2000_of_tiles_lacks_rows(tmp_path: Path) -> None:
    data = encoded("JPEG2000", tile_size=(64, 32))
    segment, facts = decode(write(tmp_path / "a.jp2", data[: len(data) * 8 // 10]))
    np.testing.assert_array_equal(segment.data, np.asarray(scene())[:96])
    assert [remark.kind for remark in facts.remarks] == ["partly read"]


def test_a_cut_jpeg_2000_that_goes_by_place_is_refused(tmp_path: Path) -> None:
    data = encoded("JPEG2000", progression="PCRL", precinct_size=(32, 32), codeblock_size=(16, 16))
    with pytest.raises(CorruptMediaError, match="is cut off"):
        decode(write(tmp_path / "a.jp2", data[: len(data) * 8 // 10]))


def test_a_cut_picture_can_be_compared(tmp_path: Path) -> None:
    data = encoded("JPEG")
    path = write(tmp_path / "a.jpg", data[: len(data) * 8 // 10])
    assert read_thumbnail(str(path), side_px=32).shape == (1, 32, 32, 3)


def test_blank_lines_before_a_picture_are_passed_over(tmp_path: Path) -> None:
    data = encoded("JPEG")
    whole = decode(write(tmp_path / "whole.jpg", data))[0].data
    for number, before in enumerate((b"\r\n", b"\n\n\n", b"\xef\xbb\xbf")):
        segment, facts = decode(write(tmp_path / f"{number}.jpg", before + data))
        np.testing.assert_array_equal(segment.data, whole)
        assert facts.remarks == ()


@pytest.mark.parametrize("name", ["tif", "float.tif"])
def test_a_tiff_that_is_cut_within_its_tags_is_of_no_unknown_kind(tmp_path: Path, name: str) -> None:
    data = encoded(*ROW_BY_ROW[name][:2])
    for n_bytes in range(8, 200, 3):
        with pytest.raises(CorruptMediaError, match="cut off"):
            decode(write(tmp_path / f"a.{name}", data[:n_bytes]))


@given(st.sampled_from(sorted(ROW_BY_ROW)), st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_nothing_is_made_up_wherever_a_picture_is_cut(
    tmp_path_factory: pytest.TempPathFactory, name: str, share: float
) -> None:
    form, mode, options = ROW_BY_ROW[name]
    data = encoded(form, mode, **options)
    folder = tmp_path_factory.mktemp("cut")
    whole = decode(write(folder / f"whole.{name}", data))[0].data
    path = write(folder / f"cut.{name}", data[: max(round(share * len(data)), 1)])
    try:
        segment, facts = decode(path)
    except CorruptMediaError:
        return
    assert len(segment.data) >= HEIGHT / 2
    assert (len(segment.data) < HEIGHT) == bool(facts.remarks)
    if mode != "RGBA":  # what is transparent is laid on a ground, for which the rows that lack count
        np.testing.assert_allclose(segment.data.astype(int), whole[: len(segment.data)], atol=12)
