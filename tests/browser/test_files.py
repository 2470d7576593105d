"""What is new in folders of the index is taken in from the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.naming_page import ask
from tests.made_media import BLUE, GREEN, picture

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


def test_what_is_gone_and_what_was_replaced_is_said(
    toy_server: str, ids: dict[str, int], open_page: Callable[..., WatchedPage], tmp_path: Path
) -> None:
    media = tmp_path / "media"
    ask(toy_server, "/labels/give", {"ids": [ids["c1.png"]], "label": "blue"})
    for name in ("a1.png", "a2.png", "b1.png", "b2.png"):
        (media / "pictures" / name).unlink()
    for name in ("a1.wav", "a2.wav"):
        (media / "sounds" / name).unlink()
    picture(media / "pictures" / "c1.png", GREEN, size=(31, 17))
    page = open_page(toy_server, "?view=audit")  # which shows nothing of what is gone
    page.button("Files").click()
    page.button("Take in what is new").click()
    remarks = page.find(".job .remarks li")
    expect(remarks).to_have_count(2)
    expect(remarks.first).to_have_text(
        f"gone, but in the index: 6 files: {media}/pictures/a1.png, {media}/pictures/a2.png, "
        f"{media}/pictures/b1.png, {media}/pictures/b2.png, {media}/sounds/a1.wav and 1 more; "
        "`modag index FOLDER --prune` takes them out"
    )
    expect(remarks.last).to_have_text(
        f"1 updated; 1 of them has labels that were given to its former content: {media}/pictures/c1.png (blue); "
        "`modag audit` lists them"
    )
    page.keep_screenshot("gone")
    page.page.keyboard.press("Escape")
    page.button("Files").click()
    expect(remarks).to_have_count(2)  # as long as the server knows of the job


def test_labels_that_come_back_are_said(
    toy_server: str, ids: dict[str, int], open_page: Callable[..., WatchedPage], tmp_path: Path
) -> None:
    sound = tmp_path / "media" / "sounds" / "c1.wav"
    ask(toy_server, "/labels/give", {"ids": [ids["c1.wav"]], "label": "high"})
    content = sound.read_bytes()
    sound.unlink()
    page = open_page(toy_server, "?view=audit")
    begun = ask(toy_server, "/jobs", {"verb": "index", "prune": True})
    page.button("Files").click()
    remarks = page.find(".job .remarks li")
    expect(remarks).to_have_text([f"labels of 1 file are kept until their content comes back: {sound} (high)"])
    assert begun["remarks"] == []
    sound.write_bytes(content)
    page.button("Take in what is new").click()
    expect(remarks).to_have_text([f"labels of 1 file came back with their content: {sound} (high)"])


def test_what_there_is_to_say_beyond_a_few_lines_is_opened(
    toy_server: str, open_page: Callable[..., WatchedPage]
) -> None:
    told = [f"remark {number}" for number in range(7)]
    job = {"id": 1, "verb": "index", "paths": [], "state": "done", "done": 0, "found": 0, "report": {}, "problem": None}
    times = {"started_at": "2026-01-01T00:00:00+00:00", "finished_at": "2026-01-01T00:00:01+00:00"}
    page = open_page(toy_server)
    page.page.route("**/api/v1/jobs", lambda route: route.fulfill(json={"jobs": [job | times | {"remarks": told}]}))
    page.button("Files").click()
    expect(page.page.get_by_text("remark 3")).to_be_visible()
    expect(page.page.get_by_text("remark 4")).to_be_hidden()
    page.page.get_by_text("and 3 more").click()
    expect(page.page.get_by_text("remark 6")).to_be_visible()
