"""Answers: filters, a cut-off, ten thousand tiles, details."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]

MANY = 10_000
ALL_ARE_THERE = """(n) => {
  const grid = document.querySelector('[role=grid]');
  return grid.ariaRowCount * grid.ariaColCount >= n;
}"""


def test_filters_narrow_and_count(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.page.get_by_role("checkbox", name="Sounds 8").check()
    expect(page.find(".told")).to_have_text("8 of 16 items")
    page.page.get_by_role("checkbox", name="5 to 30 s").or_(
        page.page.get_by_role("checkbox", name="1 to 5 s")
    ).first.check()
    expect(page.find(".told")).to_have_text("7 of 16 items")
    assert "kind=sound" in page.page.url
    assert "lasts=5" in page.page.url
    page.button("Clear filters").click()
    page.page.get_by_role("checkbox", name="red 1").check()
    expect(page.find(".told")).to_have_text("1 of 16 items")
    page.page.get_by_role("checkbox", name="red 1").uncheck()
    page.page.get_by_role("checkbox", name="No label 15").check()
    expect(page.find(".told")).to_have_text("15 of 16 items")
    page.button("Clear filters").click()
    page.button("pictures 6").click()
    expect(page.find(".told")).to_have_text("6 of 16 items")
    page.page.go_back()
    expect(page.find(".told")).to_have_text("16 items")


def test_of_one_modality_what_is_shown_is_counted(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?show=image")
    expect(page.find(".told")).to_have_text("7 items")
    page.button("Sounds").click()
    expect(page.find(".told")).to_have_text("9 items")
    page.button("All").click()
    expect(page.find(".told")).to_have_text("16 items")


def test_the_cut_off_counts_at_once(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=label:red")
    expect(page.find(".told")).to_have_text(re.compile(r"^\d+ answers$"))
    slider = page.page.get_by_role("slider", name="Relevance")
    slider.fill("0.5")
    expect(page.find(".told")).to_have_text(re.compile(r"^\d+ of \d+ answers$"))
    assert "cut=0.5" in page.page.url
    slider.fill("1")
    expect(page.find(".empty")).to_contain_text("The filters let nothing through.")


def answer_with_many(route: Route) -> None:
    """Answer with as many items as a page shows."""
    items: list[dict[str, Any]] = [
        {
            "id": n,
            "path": f"/many/{n:05}.png",
            "kind": "image",
            "duration_s": None,
            "labels": [],
            "version": "x",
            "given": [],
        }
        for n in range(1, MANY + 1)
    ]
    after = int(re.search(r"after=(\d+)", route.request.url)[1]) if "after=" in route.request.url else 0  # type: ignore[index]
    n = int(re.search(r"n=(\d+)", route.request.url)[1])  # type: ignore[index]
    route.fulfill(content_type="application/json", body=json.dumps({"items": items[after : after + n]}))


def test_of_ten_thousand_only_what_is_seen_is_in_the_document(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.page.route("**/api/v1/items?*", answer_with_many)
    page.page.route(
        "**/thumbnail?*",
        lambda route: route.fulfill(
            content_type="image/svg+xml", body='<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>'
        ),
    )
    page.open()
    grid = page.page.get_by_role("grid", name="Items")
    expect(page.tile("00001.png")).to_be_visible()
    page.page.wait_for_function(ALL_ARE_THERE, arg=MANY)
    page.tile("00001.png").focus()
    page.page.keyboard.press("End")
    expect(page.tile("10000.png")).to_be_focused()
    assert page.find(".tile").count() < 100
    rows, columns = (int(grid.get_attribute(name) or 0) for name in ("aria-rowcount", "aria-colcount"))
    assert (rows - 1) * columns < MANY <= rows * columns
    page.page.keyboard.press("Home")
    expect(page.tile("00001.png")).to_be_focused()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("ArrowRight")
    expect(page.tile(f"{columns + 2:05}.png")).to_be_focused()
    page.page.evaluate("document.querySelector('.scroller').scrollTop = 100000")
    expect(page.tile("00001.png")).to_have_count(0)
    expect(page.find(".tile[tabindex='0']")).to_have_count(1)


def test_details_tell_all_and_lead_on(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.tile("a1.png").focus()
    page.page.keyboard.press("Enter")
    sheet = page.page.get_by_role("dialog", name="a1.png")
    expect(sheet.locator(".given")).to_contain_text("red")
    expect(sheet.locator(".given")).to_contain_text("given by hand")
    expect(sheet.locator(".why")).to_contain_text("red")
    expect(sheet.locator(".facts-list")).to_contain_text(re.compile("64 . 48"))
    expect(sheet.get_by_role("button", name=re.compile("^Open a2.png"))).to_be_visible()
    page.page.keyboard.press("ArrowRight")
    expect(page.page.get_by_role("dialog", name="a2.png")).to_be_visible()
    page.button(re.compile("^Open ")).first.click()
    page.page.go_back()
    expect(page.page.get_by_role("dialog", name="a2.png")).to_be_visible()
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("dialog")).to_have_count(0)


def test_paths_are_copied(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, permissions=["clipboard-read", "clipboard-write"])
    page.tile("b1.wav").focus()
    page.page.keyboard.press("c")
    expect(page.find(".message")).to_contain_text("Copied: ")
    assert page.page.evaluate("navigator.clipboard.readText()").endswith("/sounds/b1.wav")


def test_segments_of_a_sound_play(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?item=14")
    page.find(".segments summary").click()
    page.find(".segments li button").nth(2).click()
    expect(page.find(".scope .playhead[data-playing=true]")).to_be_visible()


def test_views_and_tiles_are_found_by_name(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    tile = page.tile("long.wav")
    expect(tile).to_have_accessible_name("long.wav, sound, 50.0 s, no label")
    expect(page.tile("a1.png")).to_have_accessible_name("a1.png, picture, called red")
    for view in ("Review", "Suggestions", "Audit", "Duplicates", "Map", "Items"):
        page.button(view).first.click()
        expect(page.find(".tab[aria-current=page]")).to_have_text(view)


def answer_of_a_large_collection(route: Route) -> None:
    info = route.fetch().json()
    route.fulfill(json=info | {"items": {"image": 25_000}, "outdated_items": 3})


def test_what_cannot_be_found_and_what_is_not_shown_is_told(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.page.route("**/api/v1/info", answer_of_a_large_collection)
    page.open()
    told = page.page.get_by_role("status")
    expect(told.filter(has_text="3 items cannot be found")).to_contain_text("modag rebuild")
    expect(told.filter(has_text="Only the first 16 of 25,000 items")).to_be_visible()
    page.open("?q=label:red")
    expect(told.filter(has_text="cannot be found")).to_be_visible()
    expect(told.filter(has_text="Only the first")).to_have_count(0)
    page.open("?view=map")
    expect(told.filter(has_text="cannot be found")).to_be_visible()
