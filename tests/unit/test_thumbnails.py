"""Two pictures are one whatever was done to the file, and two are two however alike they are to an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from modag_search.copies.thumbnails import (
    MIN_LIKENESS,
    SIDE_PX,
    SMALL_PX,
    Thumbnail,
    likeness,
    may_be_copies,
)
from modag_search.media import read_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (360, 270)


def scene(seed: int = 0) -> Image.Image:
    """Shapes of many colours on a shaded ground."""
    random = np.random.default_rng(seed)
    shades = np.linspace(60, 200, SIZE[0])[None, :, None] + np.linspace(-40, 40, SIZE[1])[:, None, None]
    image = Image.fromarray(np.broadcast_to(shades, (SIZE[1], SIZE[0], 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y, width, height = random.integers((0, 0, 10, 10), (*SIZE, 90, 90)).tolist()
        draw.ellipse((x, y, x + width, y + height), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def on_white(*shapes: tuple[float, float, float, float], colour: tuple[int, int, int] = (150, 90, 30)) -> Image.Image:
    """Ellipses on white, each by left, top, right and bottom as shares of the sides."""
    image = Image.new("RGB", SIZE, "white")
    for left, top, right, bottom in shapes:
        box = (left * SIZE[0], top * SIZE[1], right * SIZE[0], bottom * SIZE[1])
        ImageDraw.Draw(image).ellipse(box, fill=colour)
    return image


def light(lit: tuple[int, int, int]) -> Image.Image:
    """A lamp in a dark housing, on white."""
    image = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(image).rectangle((120, 20, 240, 250), fill=(40, 40, 40))
    ImageDraw.Draw(image).ellipse((140, 100, 220, 180), fill=lit)
    return image


def logo(draw: Callable[[ImageDraw.ImageDraw], None], *, ink: tuple[int, ...] = (255, 255, 255, 255)) -> Image.Image:
    """A shape on transparency: drawn in ink where `draw` drew in white."""
    mask = Image.new("L", SIZE, 0)
    draw(ImageDraw.Draw(mask))
    image = Image.new("RGBA", SIZE, (*ink[:3], 0))
    image.putalpha(mask)
    return image


def star(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(180, 20), (220, 240), (40, 100), (320, 100), (140, 240)], fill=255)


def ring(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((80, 35, 280, 235), outline=255, width=30)


def thumbnail(path: Path) -> Thumbnail:
    with Image.open(path) as image:
        return Thumbnail(read_thumbnail(str(path), side_px=SIDE_PX), min(image.size) < SMALL_PX)


def saved(folder: Path, image: Image.Image, ending: str = ".png", **options: int) -> Thumbnail:
    path = folder / f"{len(list(folder.iterdir()))}{ending}"
    image.save(path, **options)  # type: ignore[arg-type]
    return thumbnail(path)


def are_one(one: Thumbnail, other: Thumbnail) -> bool:
    """Compare two pictures both ways round, by sketches as by blocks; all must say the same."""
    closely = {likeness(one, other) >= MIN_LIKENESS, likeness(other, one) >= MIN_LIKENESS}
    assert len(closely) == 1
    if closely == {True}:
        assert may_be_copies(one.sketch, [other.sketch]).all()
        assert may_be_copies(other.sketch, [one.sketch]).all()
    return closely == {True}


def scaled(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(SIZE[0] * share), round(SIZE[1] * share)), Image.Resampling.LANCZOS)


def cropped(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop(
        (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
    )


def of_another_profile(image: Image.Image) -> Image.Image:
    """Values less saturated by a quarter, as of a wider gamut."""
    return ImageEnhance.Color(image).enhance(0.75)


COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], str, dict[str, int]]] = {
    "quality 90": (lambda image: image, ".jpg", {"quality": 90}),
    "quality 30": (lambda image: image, ".jpg", {"quality": 30}),
    "webp": (lambda image: image, ".webp", {"quality": 60}),
    "gif": (lambda image: image, ".gif", {}),
    "half": (lambda image: scaled(image, 1 / 2), ".jpg", {"quality": 80}),
    "a third": (lambda image: scaled(image, 1 / 3), ".jpg", {"quality": 80}),
    "a quarter": (lambda image: scaled(image, 1 / 4), ".jpg", {"quality": 80}),
    "twice": (lambda image: scaled(image, 2), ".jpg", {"quality": 80}),
    "3 % cut off": (lambda image: cropped(image, 0.03, 0.03, 0.03, 0.03), ".jpg", {"quality": 80}),
    "5 % cut off at the left": (lambda image: cropped(image, 0.05, 0, 0, 0), ".jpg", {"quality": 80}),
    "brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.1), ".jpg", {"quality": 80}),
    "darker": (lambda image: ImageEnhance.Brightness(image).enhance(0.85), ".jpg", {"quality": 80}),
    "less contrast": (lambda image: ImageEnhance.Contrast(image).enhance(0.8), ".jpg", {"quality": 80}),
    "another profile": (of_another_profile, ".jpg", {"quality": 80}),
    "grey": (lambda image: image.convert("L"), ".jpg", {"quality": 80}),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_one_with_its_original(tmp_path: Path, kind: str) -> None:
    change, ending, options = COPIES[kind]
    for seed in range(3):
        image = scene(seed)
        assert are_one(saved(tmp_path, image), saved(tmp_path, change(image), ending, **options))


@pytest.mark.parametrize("kind", [kind for kind in COPIES if kind not in ("grey", "brighter")])
def test_so_is_a_copy_of_one_thing_on_white(tmp_path: Path, kind: str) -> None:
    """Without its colours it might be another one; and white grows no brighter."""
    change, ending, options = COPIES[kind]
    image = on_white((0.3, 0.2, 0.7, 0.6), (0.45, 0.5, 0.55, 0.9))
    assert are_one(saved(tmp_path, image), saved(tmp_path, change(image), ending, **options))


def test_different_things_are_two(tmp_path: Path) -> None:
    scenes = [saved(tmp_path, scene(seed)) for seed in range(6)]
    assert not any(are_one(scenes[one], scenes[other]) for one in range(6) for other in range(one))


def test_things_of_one_kind_on_a_plain_ground_are_two(tmp_path: Path) -> None:
    upright = saved(tmp_path, on_white((0.4, 0.1, 0.6, 0.9), (0.35, 0.6, 0.65, 0.9)))
    for other in (
        on_white((0.4, 0.1, 0.6, 0.9), (0.35, 0.45, 0.65, 0.75)),
        on_white((0.4, 0.1, 0.6, 0.9)),
        on_white((0.42, 0.1, 0.58, 0.9), (0.3, 0.6, 0.7, 0.9)),
        on_white((0.4, 0.1, 0.6, 0.9), (0.35, 0.6, 0.65, 0.9), (0.8, 0.8, 0.85, 0.87)),  # and something beside it
    ):
        assert not are_one(upright, saved(tmp_path, other))


def test_a_picture_turned_or_mirrored_is_another(tmp_path: Path) -> None:
    image = scene()
    for method in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180):
        assert not are_one(saved(tmp_path, image), saved(tmp_path, image.transpose(method)))


def test_what_has_another_detail_in_one_place_is_another(tmp_path: Path) -> None:
    image, other = scene(), scene()
    ImageDraw.Draw(other).rectangle((250, 40, 300, 80), fill=(250, 250, 250), outline=(0, 0, 0), width=6)
    assert not are_one(saved(tmp_path, image), saved(tmp_path, other, ".jpg", quality=90))


def test_lights_of_different_colours_are_different(tmp_path: Path) -> None:
    lights = [saved(tmp_path, light(lit)) for lit in ((220, 30, 30), (230, 200, 40), (30, 190, 60), (200, 200, 200))]
    assert not any(are_one(lights[one], lights[other]) for one in range(4) for other in range(one))
    assert are_one(lights[0], saved(tmp_path, scaled(light((220, 30, 30)), 1 / 3), ".jpg", quality=70))


def test_white_shapes_on_transparency_are_compared_by_their_shapes(tmp_path: Path) -> None:
    stars, rings = saved(tmp_path, logo(star)), saved(tmp_path, logo(ring))
    assert not are_one(stars, rings)
    assert are_one(stars, saved(tmp_path, scaled(logo(star), 1 / 2)))
    assert are_one(rings, saved(tmp_path, logo(ring), ".webp", quality=80))
    assert not are_one(stars, saved(tmp_path, Image.new("RGB", SIZE, "white")))
    assert not are_one(stars, saved(tmp_path, logo(star, ink=(0, 0, 0, 255))))


def test_an_opaque_copy_may_have_been_laid_on_either_ground(tmp_path: Path) -> None:
    red = logo(star, ink=(200, 30, 30, 255))
    for ground in ("white", "black"):
        laid = Image.new("RGB", SIZE, ground)
        laid.paste(red, mask=red.getchannel("A"))
        assert are_one(saved(tmp_path, red), saved(tmp_path, laid, ".jpg", quality=80))


def test_flat_pictures_are_compared_by_their_colours(tmp_path: Path) -> None:
    red, like_red, green = (saved(tmp_path, Image.new("RGB", SIZE, c)) for c in ((220, 20, 20), (218, 22, 21), "green"))
    assert are_one(red, like_red)
    assert not are_one(red, green)
    assert not are_one(red, saved(tmp_path, scene()))


def test_a_picture_is_like_itself_whatever_its_size(tmp_path: Path) -> None:
    for size in ((1, 1), (2, 300), (31, 47), (300, 2), (1000, 700)):
        image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
        one = saved(tmp_path, image)
        assert likeness(one, one) == pytest.approx(1)
        assert may_be_copies(one.sketch, [one.sketch]).all()


def test_of_many_at_once_each_is_judged_by_itself(tmp_path: Path) -> None:
    sketches = [saved(tmp_path, scene(seed)).sketch for seed in range(5)]
    sketches += [saved(tmp_path, logo(star)).sketch, saved(tmp_path, Image.new("RGB", SIZE, "white")).sketch]
    for number, sketch in enumerate(sketches):
        together = may_be_copies(sketch, sketches)
        assert together.tolist() == [bool(may_be_copies(sketch, [other])[0]) for other in sketches]
        assert together[number]
