"""What is new in folders of the index is taken in from the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.made_media import BLUE, picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.watching import WatchedPage


def test_new_files_are_taken_in(toy_server: str, open_page: Callable[..., WatchedPage], tmp_path: Path) -> None:
    page = open_page(toy_server)
    expect(page.find(".told")).to_have_text("16 items")
    picture(tmp_path / "media" / "new.png", BLUE, size=(33, 22))
    (tmp_path / "media" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    page.button("Files").click()
    expect(page.find(".root")).to_have_text(str(tmp_path / "media"))
    page.button("Take in what is new").click()
    expect(page.find(".job")).to_contain_text("1 added")
    expect(page.find(".failures")).to_contain_text("broken.png")
    page.keep_screenshot("files")
    page.page.keyboard.press("Escape")
    expect(page.tile("new.png")).to_be_visible()
    expect(page.find(".told")).to_have_text("17 items")
