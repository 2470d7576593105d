"""What is transparent is laid on a ground that it differs from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.unit.test_media_pictures import BLUE, GREEN, RED, WHITE, corners, decode, four_corners

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import DecodedSegment

BLACK = (0, 0, 0)
SIZE = (160, 120)


def logo(*inks: tuple[int, int, int], shape: str = "bar") -> Image.Image:
    """One part for each ink, side by side, on transparency."""
    image = Image.new("RGBA", SIZE, (*inks[0], 0))
    width = 120 // len(inks)
    for number, ink in enumerate(inks):
        box = (20 + number * width, 30, 20 + (number + 1) * width - 1, 90)
        draw = ImageDraw.Draw(image)
        (draw.rectangle if shape == "bar" else draw.ellipse)(box, fill=(*ink, 255))
    return image


def saved(path: Path, image: Image.Image, **options: object) -> DecodedSegment:
    image.save(path, **options)  # type: ignore[arg-type]
    return decode(path)[0]


@pytest.mark.parametrize(
    ("inks", "ground"),
    [
        ((BLACK,), WHITE),
        ((RED,), WHITE),
        (((128, 128, 128),), WHITE),
        (((190, 190, 190),), WHITE),
        ((WHITE,), BLACK),
        (((235, 235, 235),), BLACK),
        (((255, 250, 200),), BLACK),
        ((WHITE, RED), BLACK),
        ((WHITE, WHITE, WHITE, BLACK), BLACK),
        ((WHITE, BLACK), WHITE),
        ((BLACK, BLACK, BLACK, WHITE), WHITE),
        ((WHITE, RED, GREEN, BLUE, RED, GREEN), WHITE),
    ],
)
def test_white_unless_more_would_be_lost_on_it_than_on_black(
    tmp_path: Path, inks: tuple[tuple[int, int, int], ...], ground: tuple[int, int, int]
) -> None:
    segment = saved(tmp_path / "a.png", logo(*inks))
    assert corners(segment.data) == [ground] * 4
    assert segment.status == "ok"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_every_mode_with_transparency(tmp_path: Path, mode: str) -> None:
    for ink, ground in ((BLACK, WHITE), (WHITE, BLACK)):
        image = Image.new("RGBA", (8, 8), (*ground, 0))
        image.paste((*ink, 255), (4, 0, 8, 8))
        segment = saved(tmp_path / "a.png", image.convert("LA" if mode == "PA" else mode))
        assert corners(segment.data)[:2] == [ground, ink]


@pytest.mark.parametrize("ending", ["png", "gif", "webp", "tiff", "ico", "avif"])
def test_white_logos_of_every_format_are_seen_and_unlike(tmp_path: Path, ending: str) -> None:
    for shape in ("bar", "disc"):
        image = logo(WHITE, shape=shape)
        image = image.resize((96, 96)) if ending == "ico" else image
        segment = saved(tmp_path / f"{shape}.{ending}", image)
        assert segment.status == "ok"
        assert max(corners(segment.data)) < (12, 12, 12)
    bar, disc = (decode(tmp_path / f"{shape}.{ending}")[0].data for shape in ("bar", "disc"))
    assert np.abs(bar.astype(int) - disc).mean() > 5


def test_heic_with_transparency(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(logo(WHITE)).save(tmp_path / "a.heic", quality=95)
    assert max(corners(decode(tmp_path / "a.heic")[0].data)) < (12, 12, 12)


def test_a_transparent_colour_lies_on_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    four_corners().save(path, transparency=RED)
    assert corners(decode(path)[0].data) == [WHITE, GREEN, BLUE, WHITE]


def test_small_changes_leave_the_ground_as_it_is(tmp_path: Path) -> None:
    for inks in ((WHITE,), (WHITE, RED), (BLACK,), (BLACK, WHITE)):
        image = logo(*inks)
        grounds = {
            corners(saved(tmp_path / "a.png", image.resize(size)).data)[0] for size in (SIZE, (80, 60), (320, 90))
        }
        lossy = corners(saved(tmp_path / "a.webp", image, quality=40).data)[0]
        assert len(grounds) == 1
        np.testing.assert_allclose(lossy, grounds.pop(), atol=8)


def test_what_is_transparent_throughout_is_flat(tmp_path: Path) -> None:
    assert saved(tmp_path / "a.png", Image.new("RGBA", SIZE, (255, 0, 0, 0))).status == "flat"
    assert saved(tmp_path / "b.png", Image.new("RGBA", SIZE, (0, 0, 0, 3))).status == "flat"


def test_an_opaque_picture_is_the_same_with_and_without_a_channel_for_transparency(tmp_path: Path) -> None:
    for name, image in {"light": Image.new("RGB", SIZE, (240, 240, 240)), "four": four_corners(SIZE)}.items():
        plain = saved(tmp_path / f"{name}.png", image).data
        np.testing.assert_array_equal(saved(tmp_path / f"{name}-alpha.png", image.convert("RGBA")).data, plain)
