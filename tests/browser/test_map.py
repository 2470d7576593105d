"""The map in a browser: seen, heard, pointed at, drawn around."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import served
from tests.browser.map_page import MapPage, around
from tests.made_media import picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.browser.watching import WatchedPage

COLOURS = {"red": (250, 0, 0), "brown": (180, 90, 0), "green": (0, 240, 0), "cyan": (0, 160, 160), "blue": (0, 0, 240)}
SOUNDS = {"low.wav": ((200, 3.0),), "both.wav": ((200, 2.0), (4000, 2.0)), "high.wav": ((4000, 3.0),)}
MANY = 100_000
NEAR = 60
"""Of 255, in each part of a colour: points are a little transparent."""


@pytest.fixture(scope="module")
def map_server(tmp_path_factory: pytest.TempPathFactory, toys: None) -> Iterator[str]:
    """The address of a page over five pictures, two of which have labels, and three sounds."""
    folder = tmp_path_factory.mktemp("mapped")
    with toy_index(folder / "toys") as index:
        for name, colour in COLOURS.items():
            picture(folder / "media" / f"{name}.png", colour, size=(64, 48))
        for name, parts in SOUNDS.items():
            sound(folder / "media" / name, *parts)
        index.add([folder / "media"])
        index.label([folder / "media" / "red.png"], "warm")
        index.label([folder / "media" / "blue.png"], "cold")
        with served(index) as address:
            yield address


@pytest.fixture
def show_map(map_server: str, open_page: Callable[..., WatchedPage]) -> Callable[..., MapPage]:
    """Show the map in a new browser."""

    def show(
        address: str = map_server, *, points: int = 8, browser: dict[str, object] | None = None, **options: object
    ) -> MapPage:
        shown = MapPage(open_page(address, **browser or {}), **{"usesWebGL": True, **options})
        if points:
            shown.wait_until_drawn(points)
        return shown

    return show


def test_pointing_shows_what_lies_there_and_leads_to_its_true_neighbours(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    shown.page.mouse.move(*shown.places()["red.png"])
    expect(shown.card).to_contain_text("red.png")
    expect(shown.card).to_contain_text("warm")
    expect(shown.card.locator("img")).to_have_js_property("complete", value=True)
    expect(shown.page.locator(".map-overlay line")).to_have_count(7)
    shown.page.mouse.move(*shown.places()["high.wav"])
    expect(shown.card).to_contain_text("high.wav")
    expect(shown.card.locator("path")).to_have_attribute("d", re.compile("M0 "))
    shown.page.mouse.move(5, 5)
    expect(shown.card).to_have_count(0)
    expect(shown.page.locator(".map-overlay line")).to_have_count(0)


def test_a_sound_that_is_pointed_at_plays_and_stops_when_it_no_longer_is(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    shown.button("Move").click()  # browsers play nothing before
    shown.page.mouse.move(*shown.places()["low.wav"])
    shown.wait_until("window.player.element.currentTime > 0.1")
    shown.page.mouse.move(*shown.places()["green.png"])
    shown.wait_until("!window.player.now().isPlaying")


def test_a_click_opens_and_a_drag_does_not(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    place = shown.places()["green.png"]
    shown.draw(place, (place[0] + 80, place[1]))
    assert shown.told("opened") == []
    shown.page.mouse.click(place[0] + 80, place[1])
    shown.wait_until("window.told.opened.length === 1")
    name = shown.page.evaluate("async () => (await (await fetch(`/api/v1/items/${told.opened[0]}`)).json()).path")
    assert name.endswith("green.png")


@pytest.mark.parametrize("by", ["its button", "Shift"])
def test_a_line_around_points_selects_them(show_map: Callable[..., MapPage], by: str) -> None:
    shown = show_map()
    places = shown.places()
    if by == "its button":
        shown.button("Lasso").click()
    shown.draw(*around(places["green.png"]), key="Shift" if by == "Shift" else None)
    assert len(shown.told("selected")[-1]) == 1
    expect(shown.page.get_by_text("1 selected")).to_be_visible()
    shown.draw(*around(*places.values()), key="Shift")
    assert len(shown.told("selected")[-1]) == 8
    shown.stage.focus()
    shown.stage.press("Escape")
    assert shown.told("selected")[-1] == []


def test_with_control_a_line_adds_and_a_click_takes_one_out(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    places = shown.places()
    shown.button("Lasso").click()
    shown.draw(*around(places["green.png"]))
    shown.draw(*around(places["red.png"]), key="Control")
    assert len(shown.told("selected")[-1]) == 2
    shown.page.keyboard.down("Control")
    shown.page.mouse.click(*places["red.png"])
    shown.page.keyboard.up("Control")
    assert len(shown.told("selected")[-1]) == 1


@pytest.mark.parametrize("uses_webgl", [True, False], ids=["webgl", "canvas"])
def test_points_have_the_colours_of_the_legend(show_map: Callable[..., MapPage], uses_webgl: bool) -> None:
    shown = show_map(usesWebGL=uses_webgl)
    expect(shown.canvas).to_have_attribute("data-by", "webgl" if uses_webgl else "canvas")
    places = shown.places()
    for name, group in (("red.png", "warm"), ("blue.png", "cold"), ("green.png", "no label")):
        assert shown.colour_at(places[name]) == pytest.approx(shown.colour_in_legend(group), abs=NEAR)
    assert shown.colour_at(places["red.png"]) != pytest.approx(shown.colour_at(places["blue.png"]), abs=NEAR)
    shown.button("Kind").click()
    shown.wait_for_a_frame_after(shown.frames - 1)
    assert shown.colour_at(places["red.png"]) == pytest.approx(shown.colour_in_legend("pictures"), abs=NEAR)
    assert shown.colour_at(places["low.wav"]) == pytest.approx(shown.colour_in_legend("sounds"), abs=NEAR)


def test_the_legend_lights_up_a_group_and_shows_one_kind_alone(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    places = shown.places()
    before = shown.colour_at(places["green.png"])
    shown.button("warm").click()
    expect(shown.button("warm")).to_have_attribute("aria-pressed", "true")
    shown.draw(*around(*places.values()), key="Shift")
    assert len(shown.told("selected")[-1]) == 1  # what is not lit up is not drawn around either
    assert shown.colour_at(places["green.png"]) != before
    shown.button("warm").click()
    shown.button("sounds").click()
    shown.draw(*around(*places.values()), key="Shift")
    assert len(shown.told("selected")[-1]) == 3


def test_by_confidence_what_was_given_by_hand_stands_apart(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    shown.button("Confidence").click()
    expect(shown.button("given by hand or from files")).to_contain_text("2")
    expect(shown.button("no label")).to_contain_text("6")


def test_keys_move_to_neighbours_open_select_and_zoom(show_map: Callable[..., MapPage]) -> None:
    shown = show_map()
    shown.stage.focus()
    shown.stage.press("ArrowRight")
    circle = shown.page.locator(".map-overlay circle")
    expect(shown.card).to_be_visible()
    seen = set()
    for key, axis, sign in (
        ("ArrowRight", "cx", 1),
        ("ArrowDown", "cy", 1),
        ("ArrowLeft", "cx", -1),
        ("ArrowUp", "cy", -1),
    ):
        for _ in range(3):
            before = float(circle.get_attribute(axis) or 0)
            shown.stage.press(key)
            assert (float(circle.get_attribute(axis) or 0) - before) * sign >= 0
            seen.add(circle.get_attribute("cx"))
    assert len(seen) > 3
    name = shown.card.locator(".map-name")
    expect(shown.page.locator(".map-room [role=status]")).to_contain_text(name.inner_text())
    shown.stage.press("Enter")
    shown.stage.press("x")
    assert shown.told("selected")[-1] == shown.told("opened")
    shown.stage.press("l")
    assert shown.told("asked") == shown.told("opened")
    lies = circle.get_attribute("cx")
    for key in ("+", "+", "-"):
        shown.stage.press(key)
    assert circle.get_attribute("cx") != lies
    shown.stage.press("0")
    assert circle.get_attribute("cx") == lies


@pytest.mark.parametrize("uses_webgl", [True, False], ids=["webgl", "canvas"])
def test_a_hundred_thousand_points_are_drawn_and_moved(show_map: Callable[..., MapPage], uses_webgl: bool) -> None:
    shown = show_map(points=MANY, usesWebGL=uses_webgl, answers={"points": MANY})
    box = shown.stage.bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown.page.mouse.move(*middle)
    for by in (-200, -200, 300):
        frames = shown.frames
        shown.page.mouse.wheel(0, by)
        shown.wait_for_a_frame_after(frames)
    frames = shown.frames
    shown.draw(middle, (middle[0] + 50, middle[1] + 30))
    shown.wait_for_a_frame_after(frames)
    shown.draw(*around(middle, by=60), key="Shift")
    assert 100 < len(shown.told("selected")[-1]) < MANY


def test_what_is_the_matter_stands_on_the_map(show_map: Callable[..., MapPage]) -> None:
    shown = show_map(points=0, answers={"problem": "the server does not answer"})
    expect(shown.page.get_by_role("alert")).to_have_text("the server does not answer")


def test_a_map_of_nothing_says_so(tmp_path: Path, toys: None, show_map: Callable[..., MapPage]) -> None:
    with toy_index(tmp_path / "toys") as index, served(index) as address:
        shown = show_map(address, points=0)
        expect(shown.page.get_by_text("No item has a place.")).to_be_visible()
        shown.stage.focus()
        for key in ("ArrowRight", "Enter", "x", "+", "0", "Escape"):
            shown.stage.press(key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_is_accessible_and_fits_a_narrow_screen(show_map: Callable[..., MapPage], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    shown = show_map(browser={"viewport": {"width": 360, "height": 640}, "color_scheme": scheme})
    shown.stage.focus()
    shown.stage.press("ArrowRight")
    expect(shown.card).to_be_visible()
    found = Axe().run(shown.page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert found.response["violations"] == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_a_touch_screen_a_tap_shows_and_another_opens(show_map: Callable[..., MapPage]) -> None:
    shown = show_map(browser={"has_touch": True})
    place = shown.places()["green.png"]
    shown.page.touchscreen.tap(*place)
    expect(shown.card).to_contain_text("green.png")
    assert shown.told("opened") == []
    shown.page.touchscreen.tap(*place)
    assert len(shown.told("opened")) == 1
    shown.button("What is like it?").click()
    assert shown.told("asked") == shown.told("opened")


def test_two_fingers_zoom(show_map: Callable[..., MapPage]) -> None:
    shown = show_map(browser={"has_touch": True})
    shown.stage.focus()
    shown.stage.press("ArrowRight")
    circle = shown.page.locator(".map-overlay circle")
    before = circle.get_attribute("cx")
    fingers = shown.page.context.new_cdp_session(shown.page)

    def touch(kind: str, *places: tuple[int, int]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (600, 400), (700, 400))
    touch("touchMove", (500, 400), (800, 400))
    touch("touchEnd")
    expect(circle).not_to_have_attribute("cx", before or "")
    assert shown.told("opened") == []


def test_in_the_page_what_is_drawn_around_gets_the_name_on_a_key(
    tmp_path: Path, toys: None, open_page: Callable[..., WatchedPage]
) -> None:
    with toy_index(tmp_path / "toys") as index:
        for name, colour in COLOURS.items():
            picture(tmp_path / "media" / f"{name}.png", colour)
        index.add([tmp_path / "media"])
        index.label([tmp_path / "media" / "red.png"], "warm")
        with served(index) as address:
            watched = open_page(address)
            watched.button("Map").click()
            shown = MapPage(watched)
            shown.wait_until_drawn(5)
            assert "view=map" in shown.page.url
            places = shown.places()
            shown.draw(*around(places["brown.png"]), key="Shift")
            expect(shown.page.get_by_text("1 item selected")).to_be_visible()
            shown.page.keyboard.press("1")
            legend = shown.page.get_by_role("group", name="Colours")
            expect(legend.get_by_role("button", name="warm")).to_contain_text("2")
            shown.page.keyboard.press("u")
            expect(legend.get_by_role("button", name="warm")).to_contain_text("1")


def test_in_the_page_a_click_opens_details_and_back_closes_them(
    map_server: str, open_page: Callable[..., WatchedPage]
) -> None:
    shown = MapPage(open_page(map_server, "?view=map"))
    shown.wait_until_drawn(8)
    shown.page.mouse.click(*shown.places()["green.png"])
    expect(shown.page.get_by_role("dialog")).to_contain_text("green.png")
    shown.page.go_back()
    expect(shown.page.get_by_role("dialog")).to_have_count(0)
    shown.page.mouse.move(*shown.places()["blue.png"])
    expect(shown.card).to_contain_text("blue.png")
