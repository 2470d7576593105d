"""The box: questions of every kind, and the answers' tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]


def test_without_a_question_all_items_are_shown(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    expect(page.find(".told")).to_have_text("15 items")
    expect(page.tile("a1.png")).to_be_visible()
    expect(page.tile("film.mp4")).to_be_visible()


def test_what_an_item_asks_for_comes_first(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=id:1&show=image")
    expect(page.find(".told")).to_have_text("3 answers")
    assert page.names()[0][0] == "a"


def test_words_find_sounds_and_pictures(real_server: str, open_page: OpenPage) -> None:
    page = open_page(real_server)
    page.page.get_by_role("combobox", name="Ask with words").fill("a dog")
    page.page.keyboard.press("Enter")
    expect(page.find(".told")).to_have_text("12 answers")
    assert {name.split("-")[0] for name in page.names()[:4]} == {"dog"}
    assert "q=a+dog" in page.page.url
