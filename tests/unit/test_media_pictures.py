"""Decoding pictures: modes, orientation, transparency, sizes."""

from __future__ import annotations

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from modag_search.errors import UsageError
from modag_search.media import open_media, reducing
from modag_search.media.allowance import Allowance
from modag_search.values import DecodedSegment, MediaFacts, Segmentation

if TYPE_CHECKING:
    from pathlib import Path
from typing import Any

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def decode(path: Path) -> tuple[DecodedSegment, MediaFacts]:
    media = open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation())
    (segment,) = media.segments()
    return segment, media.facts


def corners(pixels: np.ndarray) -> list[tuple[int, ...]]:
    """Top left, top right, bottom left, bottom right."""
    return [tuple(int(value) for value in pixels[y, x]) for y in (0, -1) for x in (0, -1)]


def four_corners(size: tuple[int, int] = (40, 20)) -> Image.Image:
    image = Image.new("RGB", size, WHITE)
    width, height = size
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


@pytest.mark.parametrize("ending", ["png", "gif", "bmp", "tiff", "ppm", "tga", "webp", "jp2", "ico", "pcx"])
def test_lossless_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    options: dict[str, Any] = {"lossless": True} if ending == "webp" else {}
    four_corners((32, 32)).save(path, **options)
    segment, facts = decode(path)
    assert (facts.kind, facts.width_px, facts.height_px, facts.duration_s) == ("image", 32, 32, None)
    assert (segment.modality, segment.start_s, segment.end_s, segment.status) == ("image", None, None, "ok")
    assert segment.data.dtype == np.uint8
    assert corners(segment.data) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("ending", ["jpg", "avif"])
def test_lossy_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    four_corners((64, 64)).save(path, quality=95)
    segment, _ = decode(path)
    np.testing.assert_allclose(corners(segment.data), [RED, GREEN, BLUE, WHITE], atol=12)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
        (99, [RED, GREEN, BLUE, WHITE]),
    ],
)
@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_orientation_is_applied(
    tmp_path: Path, ending: str, orientation: int, expected: list[tuple[int, int, int]]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{ending}"
    four_corners().save(path, exif=exif)
    segment, facts = decode(path)
    assert corners(segment.data) == expected
    size = (20, 40) if orientation in (5, 6, 7, 8) else (40, 20)
    assert (facts.width_px, facts.height_px) == size
    assert segment.data.shape == (size[1], size[0], 3)


def test_damaged_metadata_do_not_make_a_picture_unfit(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    four_corners((64, 64)).save(path, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert decode(path)[0].data.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("a.png", np.array([[0, 65535, 32768]], np.uint16), [0, 255, 128]),
        ("a.tiff", np.array([[0, 65535, 32768]], np.uint16), [0, 255, 128]),
        ("b.tiff", np.array([[0, 65535, 32768]], np.int32), [0, 255, 128]),
        ("c.tiff", np.array([[-100_000, 100_000, 0]], np.int32), [0, 255, 128]),
        ("d.tiff", np.array([[0.0, 1.0, 0.5]], np.float32), [0, 255, 128]),
        ("e.tiff", np.array([[0.0, 200.0, 100.0]], np.float32), [0, 200, 100]),
        ("f.tiff", np.array([[7000.5, 7100.5, 7050.5]], np.float32), [0, 255, 128]),
        ("8 of 16 bits.png", np.array([[0, 255, 128]], np.uint16), [0, 255, 128]),
        ("10 of 16 bits.png", np.array([[0, 1023, 512]], np.uint16), [0, 255, 128]),
        ("12 of 16 bits.tiff", np.array([[0, 4095, 2048]], np.uint16), [0, 255, 128]),
        ("12 of 16 bits, the other way round.tiff", np.array([[0, 4095, 2048]], ">u2"), [0, 255, 128]),
        ("14 of 32 bits.tiff", np.array([[0, 16383, 8192]], np.int32), [0, 255, 128]),
        ("dim.png", np.array([[0, 20_000, 10_000]], np.uint16), [0, 78, 39]),
        ("of one value.tiff", np.array([[70_000, 70_000, 70_000]], np.int32), [0, 0, 0]),
    ],
)
def test_deep_gray_keeps_its_brightness(tmp_path: Path, name: str, values: np.ndarray, expected: list[int]) -> None:
    path = tmp_path / name
    Image.fromarray(values).save(path)
    gray = decode(path)[0].data[0]
    np.testing.assert_allclose(gray, np.repeat(np.array(expected)[:, None], 3, axis=1), atol=1)


def test_gray_bits_and_print_colours(tmp_path: Path) -> None:
    files = {"a.png": "1", "b.png": "L", "c.tiff": "CMYK", "d.jpg": "CMYK", "e.tiff": "YCbCr"}
    for name, mode in files.items():
        four_corners((64, 64)).convert(mode).save(tmp_path / name)
        data = decode(tmp_path / name)[0].data
        assert data.shape == (64, 64, 3)
        np.testing.assert_allclose(data[-1, -1], WHITE, atol=6)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2000, 1000), (1000, 500)),
        ((3000, 4001), (750, 1001)),
        ((6143, 6150), (768, 769)),
        ((6144, 6150), (384, 385)),
        ((600, 3000), (600, 3000)),
        ((767, 767), (767, 767)),
        ((768, 768), (384, 384)),
        ((10, 10), (10, 10)),
        ((1, 10_000), (1, 5000)),
        ((20_000, 600), (5000, 150)),
    ],
)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_large_pictures_are_reduced_by_a_power_of_two_and_others_kept(
    tmp_path: Path, ending: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", size, RED).save(path, compress_level=1)
    segment, facts = decode(path)
    assert segment.data.shape == (expected[1], expected[0], 3)
    assert (facts.width_px, facts.height_px) == size


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_reducing_gives_the_mean_of_blocks(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    blocks = np.random.default_rng(0).integers(0, 256, (400, 400), dtype=np.uint8)
    Image.fromarray(np.kron(blocks, np.ones((2, 2), np.uint8))).convert("RGB").save(path, quality=100)
    np.testing.assert_allclose(decode(path)[0].data[:, :, 0].astype(int), blocks, atol=0 if ending == "png" else 2)


@pytest.mark.parametrize(("ending", "form"), [("jpg", "JPEG"), ("jpg", "PNG"), ("png", "GIF"), ("gif", "BMP")])
def test_common_formats_are_opened_without_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, form: str
) -> None:
    monkeypatch.setattr(Image, "init", lambda: pytest.fail("loads all of Pillow's formats"))
    Image.new("RGB", (20, 10), RED).save(tmp_path / f"a.{ending}", form)
    assert decode(tmp_path / f"a.{ending}")[0].data.shape == (10, 20, 3)


@pytest.mark.parametrize("form", ["TIFF", "WEBP", "ICO", "DIB"])
def test_other_formats_are_known_by_their_content_too(tmp_path: Path, form: str) -> None:
    Image.new("RGB", (32, 32), RED).save(tmp_path / "a.jpg", form)
    assert decode(tmp_path / "a.jpg")[0].data.shape == (32, 32, 3)


@pytest.mark.parametrize(("gray", "status"), [(0, "black"), (3, "black"), (20, "flat")])
def test_black_is_told_by_brightness(tmp_path: Path, gray: int, status: str) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (50, 50), (gray, gray, gray)).save(path)
    assert decode(path)[0].status == status


@pytest.mark.parametrize("colour", [WHITE, (250, 244, 230), RED, (128, 128, 128), (20, 24, 80)])
@pytest.mark.parametrize(
    ("ending", "size"), [("png", (1, 1)), ("png", (7, 5)), ("jpg", (200, 90)), ("gif", (1500, 900))]
)
def test_a_picture_of_one_colour_is_flat(
    tmp_path: Path, ending: str, size: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", size, colour).save(path)
    assert decode(path)[0].status == "flat"


def blank_paper() -> np.ndarray:
    """A scanned sheet: light that falls off by 8 %, and grain ``[shape=(900, 700), float]``."""
    shade = 240 - 20 * np.linspace(0, 1, 900)[:, None] * np.linspace(0.5, 1, 700)
    return np.asarray(shade + np.random.default_rng(0).normal(0, 6, (900, 700)))


def saved_gray(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path)
    return path


def test_blank_paper_is_flat_and_a_word_on_it_is_not(tmp_path: Path) -> None:
    paper = blank_paper()
    assert decode(saved_gray(tmp_path / "blank.jpg", paper))[0].status == "flat"
    for number in range(5):
        paper[400:420, 300 + 16 * number : 308 + 16 * number] = 30
    assert decode(saved_gray(tmp_path / "word.jpg", paper))[0].status == "ok"


@pytest.mark.parametrize("dots_an_inch", [72, 100, 150, 200, 300])
@pytest.mark.parametrize(
    ("text", "points", "status"),
    [("Hello", 12, "flat"), ("Hello", 20, "ok"), ("The quick brown", 12, "ok")],
)
def test_how_much_print_on_a_page_of_a4_shows_something(
    tmp_path: Path, dots_an_inch: int, text: str, points: int, status: str
) -> None:
    page = Image.new("L", (round(8.27 * dots_an_inch), round(11.69 * dots_an_inch)), "white")
    font = ImageFont.load_default(points * dots_an_inch / 72)
    ImageDraw.Draw(page).text((dots_an_inch, 2 * dots_an_inch), text, fill="black", font=font)
    page.save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png")[0].status == status


def test_gradients_textures_and_two_colours_are_not_flat(tmp_path: Path) -> None:
    gradient = np.broadcast_to(np.linspace(90, 160, 300), (200, 300))
    noise = np.random.default_rng(0).integers(0, 256, (200, 300))
    halves = np.repeat([[100.0, 140.0]], 150, axis=1).repeat(200, axis=0)
    for name, values in {"gradient": gradient, "noise": noise, "halves": halves}.items():
        assert decode(saved_gray(tmp_path / f"{name}.png", values))[0].status == "ok", name


def test_a_star_in_the_night_is_not_black(tmp_path: Path) -> None:
    image = Image.new("RGB", (50, 50))
    image.paste(WHITE, (0, 0, 3, 3))
    path = tmp_path / "a.png"
    image.save(path)
    assert decode(path)[0].status == "ok"


def test_a_picture_has_no_part_in_time() -> None:
    with pytest.raises(UsageError, match="no duration"):
        open_media("a.png", sample_rate_hz=1, segmentation=Segmentation(), start_s=1.0)


LARGE_MODES = ("L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I", "F")


def large_picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """A smooth picture, half transparent where the mode knows that."""
    x, y = (np.linspace(0, 6, length, dtype=np.float32) for length in size)
    values = 0.5 + 0.5 * np.outer(np.cos(y), np.sin(x))
    if mode in ("I;16", "I", "F"):
        scale, dtype = {"I;16": (65535, "uint16"), "I": (-99999, "int32"), "F": (1, "float32")}[mode]
        return Image.fromarray((values * scale).astype(dtype))
    channels = [values, 1 - values, values**2, 1 - values**2]
    rgba = Image.fromarray((np.stack(channels, axis=2) * 255).astype(np.uint8))
    return rgba.convert("LA").convert("PA") if mode == "PA" else rgba.convert(mode)


@pytest.mark.parametrize("size", [(1301, 1203), (3505, 3301), (17_011, 90), (90, 17_011), (60_001, 2)])
@pytest.mark.parametrize("mode", LARGE_MODES)
def test_reducing_tile_by_tile_gives_the_pixels_of_reducing_the_whole(
    mode: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = large_picture(mode, size)
    monkeypatch.setattr(reducing, "TILE_PIXELS", 1 << 62)
    factor = reducing.reducing_factor(size)
    whole = np.asarray(reducing.reduced_rgb(image, "a", factor=factor))
    monkeypatch.setattr(reducing, "TILE_PIXELS", 50_000)
    tiles = np.asarray(reducing.reduced_rgb(image, "a", factor=factor))
    np.testing.assert_array_equal(tiles, whole)


PEAK_MEMORY = """
import pathlib, sys
from modag_search.values import Segmentation
from modag_search.media import open_media
(segment,) = open_media(sys.argv[1], sample_rate_hz=16_000, segmentation=Segmentation()).segments()
(peak,) = (line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(*segment.data.shape, *segment.data[0, 0], int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize(
    ("mode", "colour", "gray"), [("RGBA", (0, 0, 0, 51), 204), ("LA", (0, 51), 204), ("I;16", 257 * 64, 64)]
)
def test_a_large_picture_is_never_in_memory_twice(
    tmp_path: Path, mode: str, colour: tuple[int, ...] | int, gray: int
) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (6000, 6000), colour).save(path, compress_level=1)
    done = subprocess.run([sys.executable, "-c", PEAK_MEMORY, path], check=True, capture_output=True, text=True)
    *pixels, peak_mib = map(int, done.stdout.split())
    assert pixels == [750, 750, 3, gray, gray, gray]
    assert peak_mib < 360, "137 MiB as decoded, the same again for tiles and what Python takes"


def test_threads_together_stay_within_the_allowance() -> None:
    allowance, inside, most = Allowance(100), [0], [0]

    def take(amount: int) -> None:
        with allowance.take(amount):
            inside[0] += amount
            most[0] = max(most[0], inside[0])
            inside[0] -= amount

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, [10, 100, 60, 50, 1, 99] * 50))
    assert 60 <= most[0] <= 100
    with allowance.take(100):
        pass


def test_warnings_stay_inside_even_with_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3_000)  # Pillow warns of what is larger
    paths = [tmp_path / f"{number}.png" for number in range(40)]
    for path in paths:
        four_corners((64, 64)).save(path)
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        assert all(segment.status == "ok" for segment, _ in pool.map(decode, paths))
    assert list(warnings.filters) == before
