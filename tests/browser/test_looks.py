"""Everyone can use the page: contrast, names for screen readers, keys, small and large screens, less motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]

AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}
SHOWS = {
    "": ".tile img",
    "?plus=label:red&minus=id:3&cut=0.1": ".chip",
    "?item=2": ".croppable img",
    "?item=14": ".scope canvas",
    "?item=1": ".video img",
    "?view=review": ".proposed",
    "?view=suggestions": ".proposed",
    "?view=audit": ".view > *",
    "?view=duplicates": ".case",
    "?view=map": ".map-legend",
}
"""Addresses, and what is there once their page is."""

IS_MARKED = """() => {
  const node = document.activeElement;
  const marks = ({outlineStyle, outlineWidth, boxShadow}) =>
    (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
  const shows = [node, node.closest('.box') ?? node].some((one) => marks(getComputedStyle(one)));
  return [node.className + node.tagName, shows];
}"""
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll("header h1, header button, header input")]
    .map((node) => [node, node.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && box.height > 1);
  const named = (node) => node.getAttribute("aria-label") ?? node.innerText;
  const isApart = (one, other) => one.right <= other.left + 0.5 || other.right <= one.left + 0.5 ||
    one.bottom <= other.top + 0.5 || other.bottom <= one.top + 0.5;
  return boxes.flatMap(([one, a], place) => boxes.slice(place + 1)
    .filter(([, b]) => !isApart(a, b)).map(([other]) => `${named(one)} and ${named(other)}`));
}"""
IS_TOO_WIDE = "(of) => [...document.querySelectorAll(of)].some((one) => one.scrollWidth > one.clientWidth + 1)"


def violations(page: WatchedPage) -> list[str]:
    """Return what axe finds, in words."""
    found = Axe().run(page.page, options=AXE).response["violations"]
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(kept_server: str, open_page: OpenPage, colours: str) -> None:
    page = open_page(kept_server, color_scheme=colours)
    for search, selector in SHOWS.items():
        page.open(search)
        expect(page.find(selector).first).to_be_visible()
        assert violations(page) == [], search
        page.keep_screenshot(search.strip("?").replace("=", "-").replace("&", "-").replace(":", "-") or "items")


@pytest.mark.parametrize("name", ["Keys", "Settings", "Files", "What was done", "Edit keys"])
def test_axe_finds_nothing_in_dialogs(kept_server: str, open_page: OpenPage, name: str) -> None:
    page = open_page(kept_server)
    page.button(name).click()
    expect(page.page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    expect(page.button(name)).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(360, 740), (3840, 2160)])
def test_nothing_sticks_out_on_small_and_large_screens(
    kept_server: str, open_page: OpenPage, width: int, height: int
) -> None:
    page = open_page(kept_server, viewport={"width": width, "height": height})
    for search, selector in SHOWS.items():
        page.open(search)
        expect(page.find(selector).first).to_be_visible()
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), search
        for scroller in (".view", ".view-room", ".sheet-room", ".scroller"):
            wide = page.page.evaluate(
                "(s) => [...document.querySelectorAll(s)].some((n) => n.scrollWidth > n.clientWidth + 1)", scroller
            )
            assert not wide, (search, scroller)
        page.keep_screenshot(search.strip("?").replace("=", "-").replace("&", "-").replace(":", "-") or "items")


@pytest.mark.parametrize("name", ["toys", "Recordings and photographs of the museum"])
def test_no_controls_of_the_header_overlap(kept_server: str, open_page: OpenPage, name: str) -> None:
    page = open_page(kept_server)

    def with_name(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"name": name})

    page.page.route("**/api/v1/info", with_name)
    for search in ("", "?plus=label:red&minus=id:3"):
        page.open(search)
        expect(page.find("h1")).to_have_text(name)
        expect(page.find(".chip")).to_have_count(2 if search else 0)
        for width in (320, 360, 480, 768, 1024, 1099, 1100, 1140, 1180, 1220, 1280, 1340, 1366, 1440, 1600, 1920):
            page.page.set_viewport_size({"width": width, "height": 800})
            assert page.page.evaluate(OVERLAPS) == [], (search, width)
            assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (search, width)


def test_the_focus_is_seen(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    expect(page.tile("a1.png")).to_be_visible()
    seen = set()
    for _ in range(40):
        page.page.keyboard.press("Tab")
        name, is_marked = page.page.evaluate(IS_MARKED)
        seen.add(name)
        assert is_marked or name == "BODY", name
    assert any(name.startswith("tile") for name in seen)


def test_keys_can_be_switched_off(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    expect(page.find(".tile").first).to_be_visible()
    page.page.keyboard.press("?")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.page.keyboard.press("Escape")
    page.button("Settings").click()
    page.page.get_by_role("switch", name="Single letters").uncheck()
    page.page.keyboard.press("Escape")
    page.tile("a1.png").focus()
    page.page.keyboard.press("x")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("dialog", name="a1.png")).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(page.find(".tile[aria-selected=true]")).to_have_count(0)


def test_colours_are_chosen_and_kept(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, color_scheme="light")
    page.button("Dark colours").click()
    expect(page.find("html")).to_have_attribute("data-theme", "dark")
    page.page.reload()
    expect(page.find("html")).to_have_attribute("data-theme", "dark")


def test_less_motion_means_none(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, reduced_motion="reduce")
    page.button("Settings").click()
    expect(page.page.get_by_role("switch", name="Play what the mouse rests on")).not_to_be_checked()
    assert page.page.evaluate("document.getAnimations().length") == 0
