"""Of several pages or frames, the first that shows something stands for the file."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from modag_search.errors import CorruptMediaError
from modag_search.media import pages, read_thumbnail
from modag_search.values import Remark
from tests.unit.test_media_cut_pictures import scene
from tests.unit.test_media_pictures import BLUE, GREEN, RED, WHITE, corners, decode, four_corners

if TYPE_CHECKING:
    from pathlib import Path

BLACK = Image.new("RGB", (40, 20))
BLANK = Image.new("RGB", (40, 20), "white")
SHOWING = four_corners()
OTHER = SHOWING.transpose(Image.Transpose.ROTATE_180)
ROWS_PER_STRIP, STRIP_OFFSETS, STRIP_LENGTHS = 278, 273, 279
OPTIONS: dict[str, dict[str, Any]] = {"webp": {"lossless": True}, "avif": {"quality": 95}}


def saved(path: Path, first: Image.Image, *others: Image.Image, **options: Any) -> Path:
    ending = path.suffix[1:]
    first.save(path, save_all=True, append_images=others, **OPTIONS.get(ending, {}), **options)
    return path


def blank() -> Image.Image:
    return Image.new("RGB", scene().size, "white")


def small_version() -> Image.Image:
    image = OTHER.resize((10, 5))
    image.encoderinfo = {"tiffinfo": {254: 1}}
    return image


def remarks(path: Path) -> tuple[Remark, ...]:
    return decode(path)[1].remarks


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "avif", "tiff"])
def test_the_first_where_it_shows_something(tmp_path: Path, ending: str) -> None:
    path = saved(tmp_path / f"a.{ending}", SHOWING, OTHER, BLACK)
    np.testing.assert_allclose(corners(decode(path)[0].data), [RED, GREEN, BLUE, WHITE], atol=25)
    assert remarks(path) == ()


@pytest.mark.parametrize(
    ("ending", "word"), [("gif", "frame"), ("webp", "frame"), ("png", "frame"), ("avif", "frame"), ("tiff", "page")]
)
@pytest.mark.parametrize("empty", [BLACK, BLANK])
def test_a_later_one_where_the_first_shows_nothing(tmp_path: Path, ending: str, word: str, empty: Image.Image) -> None:
    path = saved(tmp_path / f"a.{ending}", empty, empty.point(lambda value: value ^ 1), SHOWING, OTHER)
    segment = decode(path)[0]
    assert segment.status == "ok"
    np.testing.assert_allclose(corners(segment.data), [RED, GREEN, BLUE, WHITE], atol=25)
    text = f"is taken by its {word} 3 of 4: those before it show nothing, or little"
    assert remarks(path) == (Remark("chosen", text),)


def test_an_animation_that_begins_transparent(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGBA", (40, 20)), SHOWING.convert("RGBA"))
    assert corners(decode(path)[0].data) == [RED, GREEN, BLUE, WHITE]


def test_what_fades_in_is_taken_where_much_of_it_is_seen(tmp_path: Path) -> None:
    faded = [SHOWING.point(lambda value, share=share: round(value * share / 10)) for share in range(11)]
    data = decode(saved(tmp_path / "a.webp", *faded))[0].data
    assert data.max() > 255 / 2


def test_nothing_shows(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tiff", BLANK, BLACK)
    segment, facts = decode(path)
    assert (segment.status, facts.remarks) == ("flat", ())


def test_pages_are_looked_at_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.tiff", BLANK, BLACK, SHOWING)
    unseen = Remark("partly read", "shows next to nothing in the first 2 of its 3 pages; the others were not looked at")
    monkeypatch.setattr(pages, "MOST_PAGES", 2)
    segment, facts = decode(path)
    assert (segment.status, facts.remarks) == ("flat", (unseen,))
    monkeypatch.setattr(pages, "MOST_PAGES", 3)
    monkeypatch.setattr(pages, "MOST_PIXELS", 799)
    segment, facts = decode(path)
    assert (segment.status, facts.remarks) == ("flat", (unseen,))


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "avif"])
def test_what_comes_late_in_an_animation_is_not_called_nothing(tmp_path: Path, ending: str) -> None:
    blank = [Image.new("RGB", (40, 20), (n % 2, 0, n % 3)) for n in range(101)]
    path = saved(tmp_path / f"a.{ending}", *blank, SHOWING)
    segment, facts = decode(path)
    assert segment.status == "black"
    (remark,) = facts.remarks
    assert remark.kind == "partly read"
    assert remark.text.startswith("shows next to nothing in the first 100 of its 10")


def test_a_page_of_full_size_rather_than_a_small_version(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    small = OTHER.resize((10, 5))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    SHOWING.encoderinfo = {"tiffinfo": {254: 0}}
    small.save(path, save_all=True, append_images=[SHOWING], tiffinfo={254: 1})
    segment, facts = decode(path)
    assert (facts.width_px, facts.height_px) == (40, 20)
    assert corners(segment.data) == [RED, GREEN, BLUE, WHITE]
    assert facts.remarks == (Remark("chosen", "is taken by its page 2 of 2: those before it are smaller versions"),)


def test_the_largest_of_an_icon(tmp_path: Path) -> None:
    four_corners((64, 64)).save(tmp_path / "a.ico", sizes=[(16, 16), (64, 64), (32, 32)])
    assert decode(tmp_path / "a.ico")[1].width_px == 64


def test_the_first_of_a_stereo_pair(tmp_path: Path) -> None:
    size = (64, 32)
    BLANK.resize(size).save(tmp_path / "a.mpo", save_all=True, append_images=[four_corners(size)])
    segment, facts = decode(tmp_path / "a.mpo")
    assert (segment.status, facts.remarks) == ("flat", ())


def test_the_primary_of_several_heic_pictures(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    container = pillow_heif.from_pillow(BLANK.resize((64, 32)))
    container.add_from_pillow(four_corners((64, 32)))
    container.save(tmp_path / "a.heic", quality=95, primary_index=1)
    np.testing.assert_allclose(corners(decode(tmp_path / "a.heic")[0].data), [RED, GREEN, BLUE, WHITE], atol=12)


def test_copies_are_compared_by_the_same_page(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.webp", BLACK, SHOWING, OTHER)
    assert corners(read_thumbnail(str(path), side_px=32)[0]) == [RED, GREEN, BLUE, WHITE]


COMPRESSIONS = ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"]


def damaged(path: Path, place: int, share: float, *pages: Image.Image, compression: str = "tiff_lzw") -> Path:
    """Write a TIFF, and spoil all strips of a page but this share."""
    saved(path, *pages, compression=compression, tiffinfo={ROWS_PER_STRIP: 8})
    with TiffImageFile(path) as image:
        image.seek(place)
        offsets, lengths = image.tag_v2[STRIP_OFFSETS], image.tag_v2[STRIP_LENGTHS]
    data = bytearray(path.read_bytes())
    for start, n_bytes in list(zip(offsets, lengths, strict=True))[round(len(offsets) * share) :]:
        data[start : start + n_bytes] = b"\x80" * n_bytes
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_damaged_page_of_several_is_taken_as_far_as_it_decodes(tmp_path: Path, compression: str) -> None:
    pages = [scene(), scene().rotate(180)]
    path = damaged(tmp_path / "a.tiff", 0, 0.8, *pages, compression=compression)
    segment, facts = decode(path)
    n_rows = len(segment.data)
    assert (facts.width_px, facts.height_px, n_rows) == (200, 128, 128)
    np.testing.assert_allclose(segment.data, np.asarray(scene())[:n_rows], atol=25)
    assert facts.remarks == (Remark("partly read", "holds 80% of the rows of pixels that it promises"),)
    with pytest.raises(CorruptMediaError, match="only 40% of its rows of pixels decode"):
        decode(damaged(path, 0, 0.4, *pages, compression=compression))


def test_a_damaged_page_after_smaller_versions_is_taken_as_far_as_it_decodes(tmp_path: Path) -> None:
    path = damaged(tmp_path / "a.tiff", 1, 0.8, small_version(), scene())
    assert [remark.kind for remark in remarks(path)] == ["chosen", "partly read"]
    assert decode(path)[1].height_px == 128
    with pytest.raises(CorruptMediaError, match="only 40%"):
        decode(damaged(path, 1, 0.4, small_version(), scene()))


def test_a_damaged_page_after_blank_ones_is_taken_as_far_as_it_decodes(tmp_path: Path) -> None:
    path = damaged(tmp_path / "a.tiff", 1, 0.8, blank(), scene(), blank())
    segment, facts = decode(path)
    np.testing.assert_array_equal(segment.data, np.asarray(scene())[:128])
    assert facts.remarks == (
        Remark("chosen", "is taken by its page 2 of 3: those before it show nothing, or little"),
        Remark("partly read", "holds 80% of the rows of pixels that it promises"),
    )


def test_too_little_of_a_page_after_blank_ones_leaves_the_first_and_says_so(tmp_path: Path) -> None:
    path = damaged(tmp_path / "a.tiff", 1, 0.4, blank(), scene(), blank())
    segment, facts = decode(path)
    assert segment.status == "flat"
    assert facts.remarks == (Remark("partly read", "shows nothing as far as it decodes; its page 2 of 3 does not"),)


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_whole_page_rather_than_a_damaged_one(tmp_path: Path, share: float) -> None:
    path = damaged(tmp_path / "a.tiff", 1, share, blank(), scene().rotate(180), scene())
    segment, facts = decode(path)
    np.testing.assert_array_equal(segment.data, np.asarray(scene()))
    text = "is taken by its page 3 of 3: those before it show nothing, or little, or do not decode"
    assert facts.remarks == (Remark("chosen", text),)


def test_blank_pages_before_a_header_that_is_damaged(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tiff", blank(), blank(), scene())
    with TiffImageFile(path) as image:
        image.seek(2)
        header = image.tag_v2.offset
    path.write_bytes(path.read_bytes()[:header])
    segment, facts = decode(path)
    assert segment.status == "flat"
    assert facts.remarks == (Remark("partly read", "shows nothing as far as it decodes; its page 3 does not"),)


@pytest.mark.parametrize(("ending", "total"), [("gif", ""), ("png", " of 3")])
def test_a_blank_animation_that_breaks_off_says_so(tmp_path: Path, ending: str, total: str) -> None:
    path = saved(tmp_path / f"a.{ending}", blank(), scene(), scene().rotate(180))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 10])
    segment, facts = decode(path)
    assert segment.status == "flat"
    text = f"shows nothing as far as it decodes; its frame 2{total} does not"
    assert facts.remarks == (Remark("partly read", text),)


def test_an_animation_that_breaks_off_in_its_first_frame_that_shows_something(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", blank(), scene())
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 8 // 10])
    segment, facts = decode(path)
    np.testing.assert_array_equal(segment.data, np.asarray(scene())[: len(segment.data)])
    assert [remark.kind for remark in facts.remarks] == ["chosen", "partly read"]


def test_a_cut_frame_that_covers_a_part_only_is_not_taken(tmp_path: Path) -> None:
    covered = blank()
    covered.paste(scene().crop((0, 0, 190, 160)), (5, 0))
    path = saved(tmp_path / "a.png", blank(), covered)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 8 // 10])
    segment, facts = decode(path)
    assert (segment.status, [remark.kind for remark in facts.remarks]) == ("flat", ["partly read"])


def test_no_damaged_page_stays_in_memory(tmp_path: Path) -> None:
    paths = [
        damaged(tmp_path / "first.tiff", 0, 0.8, scene(), blank()),
        damaged(tmp_path / "second.tiff", 1, 0.8, blank(), scene()),
    ]
    gc.collect()
    gc.disable()  # it would come by in time, but not before the next large pictures
    try:
        before = n_pictures_in_memory()
        for path in paths:
            decode(path)
        assert n_pictures_in_memory() == before
    finally:
        gc.enable()


def n_pictures_in_memory() -> int:
    return sum(issubclass(type(thing), Image.Image) for thing in gc.get_objects())
