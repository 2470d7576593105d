"""What a review asks is what is true now: names that were proposed before something was said may be none any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.naming_page import ask, given

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Route

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]

COPIES = ("b1.png", "again.png")


@pytest.fixture
def greens(named: str, ids: dict[str, int]) -> str:
    """The server, with labels by which two pictures that are copies of each other are called green."""
    ask(named, "/labels/give", {"ids": [ids["b2.png"]], "label": "green"})
    return named


def review_copies(page: WatchedPage) -> None:
    """Review the names of the copies alone, the first file first."""

    def of_copies(route: Route) -> None:
        answer = route.fetch().json()
        rows = [one for one in answer["given"] if one["path"].endswith(COPIES)]
        route.fulfill(json=answer | {"given": sorted(rows, key=lambda one: one["path"])})

    page.page.route("**/api/v1/transfer", of_copies)
    page.open("?view=review")
    expect(page.find(".progress p").first).to_contain_text("0 of 2")


def head(page: WatchedPage) -> Locator:
    return page.find(".review-name")


def press(page: WatchedPage, key: str, *, answers: int) -> None:
    """Answer by a key, which makes so many answers."""
    page.page.keyboard.press(key)
    expect(page.find(".progress p").first).to_contain_text(f"{answers} of ")


def to_item(page: WatchedPage, name: str) -> None:
    """Answer that one is not sure until an item comes."""
    of_all = page.find(".progress p").first
    expect(of_all).to_contain_text("0 of ")
    for answers in range(1, int(of_all.inner_text().split()[2])):
        if name in head(page).locator("p").first.inner_text():
            break
        press(page, "?", answers=answers)
    expect(head(page)).to_contain_text(name)


def test_a_name_that_was_denied_to_a_copy_is_not_proposed_any_more(
    greens: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    page = open_page(greens)
    review_copies(page)
    expect(page.find(".proposed")).to_contain_text("green 100 %")
    expect(page.find(".since")).to_have_count(0)
    press(page, "n", answers=1)
    now = ask(greens, "/explain", {"id": ids["again.png"]})
    called = f"{now['label']} {round(100 * now['confidence'])} %"
    assert now["label"] in {"red", "blue"}
    expect(page.find(".proposed")).to_have_text(called)
    expect(page.find(".since")).to_have_text(f"Proposed before: green 100 %, which it is said not to be; now {called}.")
    page.keep_screenshot("since")
    press(page, "y", answers=2)
    assert given(greens, ids["again.png"]) == {(now["label"], True)}


def test_no_denies_the_name_that_is_shown(greens: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(greens)
    review_copies(page)
    press(page, "n", answers=1)
    expect(page.find(".since")).to_be_visible()
    now = ask(greens, "/explain", {"id": ids["again.png"]})["label"]
    press(page, "n", answers=2)
    assert given(greens, ids["again.png"]) == {(now, False)}


def test_keys_do_not_wait_for_the_reasons(greens: str, ids: dict[str, int], open_page: OpenPage) -> None:
    """As long as it is not known what an item is called now, the name that was proposed is asked about, and given."""
    page = open_page(greens)
    page.page.route("**/api/v1/explain", lambda _: None)
    review_copies(page)
    expect(page.find(".proposed")).to_contain_text("green 100 %")
    press(page, "n", answers=1)
    expect(page.find(".proposed")).to_contain_text("green 100 %")
    expect(head(page)).to_contain_text("again.png")
    assert given(greens, ids["b1.png"]) == {("green", False)}
    press(page, "y", answers=2)
    assert given(greens, ids["again.png"]) == {("green", True)}


def test_where_no_name_is_possible_any_more_none_is_given(
    toy_server: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    ask(toy_server, "/labels/give", {"ids": [ids["b2.png"]], "label": "green"})
    page = open_page(toy_server)
    page.expected.add(404)
    review_copies(page)
    press(page, "n", answers=1)
    expect(page.find(".proposed")).to_have_text("no name")
    expect(page.find(".since")).to_contain_text("Proposed before: green")
    expect(page.find(".since")).to_contain_text("now no name is possible.")
    expect(page.button("Yes Y")).to_be_disabled()
    page.page.keyboard.press("y")
    press(page, "?", answers=2)
    assert given(toy_server, ids["again.png"]) == set()


def test_a_transferred_name_stays_the_question(greens: str, ids: dict[str, int], open_page: OpenPage) -> None:
    """The item has it, whatever else it would be called now."""
    ask(greens, "/transfer", {"min_confidence": 0.9, "dry_run": False})
    ask(greens, "/labels/take", {"ids": [ids["b2.png"]], "label": "green"})
    ask(greens, "/labels/give", {"ids": [ids["b2.png"]], "label": "violet"})
    page = open_page(greens, "?view=review")
    page.button("Transferred").click()
    to_item(page, "again.png")
    expect(page.find(".proposed")).to_contain_text("green 100 %")
    expect(page.find(".since")).to_have_text("Transferred before: green 100 %; now violet 100 %.")
    page.page.keyboard.press("y")
    expect(page.find(".message")).to_contain_text("green: again.png")
    assert ("green", True) in given(greens, ids["again.png"])


def test_a_transferred_name_that_was_denied_since_does_not(
    greens: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    ask(greens, "/transfer", {"min_confidence": 0.9, "dry_run": False})
    page = open_page(greens, "?view=review")
    page.button("Transferred").click()
    expect(page.find(".progress p").first).to_contain_text("0 of ")
    ask(greens, "/labels/give", {"ids": [ids["b1.png"]], "label": "green", "denied": True})
    to_item(page, "again.png")
    expect(page.find(".since")).to_contain_text("Transferred before: green 100 %, which it is said not to be; now ")
    expect(page.find(".proposed")).not_to_contain_text("green")
