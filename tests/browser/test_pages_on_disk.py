"""Pages that were handed on, opened from the disk in a real browser."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from tests.cli.command_line import CommandLine
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

LONGEST_WAIT_S = 20.0
LOOKS = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture
def modag(tmp_path: Path, toy_plugins: Path, toys: None) -> CommandLine:
    """``modag`` with an index of three pictures and three sounds, of which two pictures have labels."""
    command_line = CommandLine(tmp_path, plugins=toy_plugins)
    command_line.environment["MODAG_INDEX"] = str(tmp_path / "index")
    media = tmp_path / "media"
    media.mkdir()
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour, size=(80, 60))
        sound(media / f"{name}, of {name}.wav", (hz, 4))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
        index.label([media / "a.png"], "red")
        index.label([media / "c.png"], "blue")
    return command_line


@pytest.fixture
def opened(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open a page from the disk; what it logs, or asks of a network, fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_it(path: Path, *, width: int = 1280, **options: object) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            accept_downloads=True,
            **options,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda asked: faults.append(asked.url) if not asked.url.startswith(("file:", "data:", "blob:")) else None,
        )
        page.goto(path.as_uri())
        return page

    yield open_it
    for number, context in enumerate(contexts):
        if folder := os.environ.get("MODAG_SCREENSHOTS"):
            context.pages[0].screenshot(path=f"{folder}/{request.node.name}-{number}.png")
        context.close()
    assert faults == []


def until(page: Page, said: str) -> bool:
    """Wait until a JavaScript expression holds; the page's policy forbids the browser to look by itself."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not page.evaluate(said):
        assert time.monotonic() < deadline, said
    return True


def all_shown(page: Page) -> bool:
    """Wait until all pictures show."""
    page.evaluate("for (const one of document.images) one.loading = 'eager'")
    return until(page, "[...document.images].every((one) => one.complete && one.naturalWidth > 0)")


def plays(page: Page, place: int = 0) -> bool:
    """Play a sound, and wait until its time goes on."""
    page.evaluate("(place) => { document.querySelectorAll('audio')[place].play(); }", place)
    return until(page, f"document.querySelectorAll('audio')[{place}].currentTime > 0.2")


def test_pictures_show_and_sounds_play_without_the_files(
    modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]
) -> None:
    modag("report", tmp_path / "media" / "a.png", "--to", "page.html")
    for path in (tmp_path / "media").iterdir():
        path.unlink()
    page = opened(tmp_path / "page.html")
    assert all_shown(page)
    assert plays(page)


def test_a_folder_plays_from_what_lies_beside_its_page(
    modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]
) -> None:
    modag("gallery", "--to", "gallery")
    page = opened(tmp_path / "gallery" / "index.html")
    assert all_shown(page)
    assert plays(page)


def test_one_sound_plays_at_a_time_and_a_click_plays_from_there(
    modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]
) -> None:
    modag("gallery", "--kind", "sound", "--to", "page.html")
    page = opened(tmp_path / "page.html")
    assert plays(page, 0)
    look = page.locator(".look").nth(1)
    box = look.bounding_box()
    assert box is not None
    look.click(position={"x": box["width"] * 0.75, "y": 5})
    assert until(page, "document.querySelectorAll('audio')[1].currentTime > 2.5")
    assert page.evaluate("document.querySelectorAll('audio')[0].paused")
    assert page.locator(".head").nth(1).is_visible()


def test_what_is_answered_comes_back_as_labels(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    media = tmp_path / "media"
    modag("gallery", "--unsure", "--max-confidence", "1", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html")
    proposed = {
        os.path.basename(tile.get_attribute("data-path") or ""): tile.get_attribute("data-label")
        for tile in page.locator("article").all()
    }
    assert page.get_by_role("button", name="Save answers").is_disabled()

    of = {name: page.get_by_role("article", name=name) for name in proposed}
    of["a, of a.wav"].get_by_label("yes").check()
    of["c, of c.wav"].get_by_label("no", exact=True).check()
    of["b, of b.wav"].get_by_label("unsure").check()
    of["b.png"].get_by_role("combobox").fill('green, "the" colour')
    assert page.get_by_role("status").inner_text() == "4 of 4 answered"
    with page.expect_download() as download:
        page.get_by_role("button", name="Save answers").click()
    assert download.value.suggested_filename == "sheet-answers.csv"
    download.value.save_as(tmp_path / "answers.csv")
    assert page.get_by_role("status").inner_text() == "4 of 4 answered, saved"

    done = modag("label", "--from", "answers.csv")
    assert done.status == 0, done.stderr
    with Index.open(tmp_path / "index") as index:
        said = {name: index.describe(media / name) for name in proposed}
    assert [one.label for one in said["a, of a.wav"].labels] == [proposed["a, of a.wav"]]
    assert [one.label for one in said["c, of c.wav"].denied] == [proposed["c, of c.wav"]]
    assert said["c, of c.wav"].labels == said["b, of b.wav"].labels == said["b, of b.wav"].denied == ()
    assert [one.label for one in said["b.png"].labels] == ['green, "the" colour']


def test_answers_are_kept_until_they_are_saved(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    modag("gallery", "--unsure", "--max-confidence", "1", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html")
    status = page.get_by_role("status")
    page.locator("article").nth(1).get_by_label("no", exact=True).check()
    page.locator("article").nth(2).get_by_role("combobox").fill("teal")
    page.reload()
    assert status.inner_text() == "2 of 4 answered"
    assert page.locator("article").nth(1).get_by_label("no", exact=True).is_checked()
    assert page.locator("article").nth(2).get_by_role("combobox").input_value() == "teal"
    with page.expect_download():
        page.get_by_role("button", name="Save answers").click()
    page.reload()
    assert status.inner_text() == "0 of 4 answered"


def test_keys_answer(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    modag("gallery", "--unsure", "--max-confidence", "1", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html")
    tiles = page.locator("article")
    page.keyboard.press("j")
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.keyboard.press("?")
    page.keyboard.press("e")
    page.keyboard.type("jynk?")  # names are letters, too
    page.keyboard.press("Enter")
    assert tiles.nth(0).get_by_label("yes").is_checked()
    assert tiles.nth(1).get_by_label("no", exact=True).is_checked()
    assert tiles.nth(2).get_by_label("unsure").is_checked()
    assert tiles.nth(3).get_by_role("combobox").input_value() == "jynk?"
    page.keyboard.press("k")
    assert tiles.nth(2).evaluate("(tile) => tile.classList.contains('current')")
    page.get_by_label("Keys").uncheck()  # as people do who speak to their machine
    page.keyboard.press("n")
    assert tiles.nth(2).get_by_label("unsure").is_checked()


def test_space_plays_the_sound_that_is_asked_about(
    modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]
) -> None:
    modag("gallery", "--kind", "sound", "--review", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html")
    page.keyboard.press("j")
    page.keyboard.press("Space")
    assert until(page, "document.querySelectorAll('audio')[0].currentTime > 0.2")
    page.keyboard.press("Space")
    assert until(page, "document.querySelectorAll('audio')[0].paused")


def test_another_name_says_no_where_labels_exclude_each_other(
    modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]
) -> None:
    modag("label", "mode", "multi")
    modag("gallery", "--label", "red", "--review", "--to", "multi.html")
    modag("label", "mode", "single")
    modag("gallery", "--label", "red", "--review", "--to", "single.html")
    for name, says_no in (("multi.html", False), ("single.html", True)):
        page = opened(tmp_path / name)
        page.get_by_role("combobox").fill("teal")
        assert page.get_by_label("no", exact=True).is_checked() == says_no


def test_another_name_takes_the_place_of_yes(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    modag("gallery", "--unsure", "--max-confidence", "1", "-n", "1", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html")
    page.get_by_label("yes").check()
    page.get_by_role("combobox").fill("teal")
    assert not page.get_by_label("yes").is_checked()
    page.get_by_label("yes").check()
    assert page.get_by_role("combobox").input_value() == ""


@LOOKS
def test_pages_are_accessible(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page], scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    modag("gallery", "--unsure", "--max-confidence", "1", "--to", "sheet.html")
    modag("report", tmp_path / "media" / "a.png", tmp_path / "media" / "c.png", "--why", "--to", "page.html")
    for name in ("sheet.html", "page.html"):
        page = opened(tmp_path / name, color_scheme=scheme, bypass_csp=True)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
        assert results.violations_count == 0, results.generate_report()


def test_nothing_lies_beyond_a_small_screen(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    modag("gallery", "--unsure", "--max-confidence", "1", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html", width=360)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_paper_has_no_buttons(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    modag("gallery", "--unsure", "--max-confidence", "1", "--to", "sheet.html")
    page = opened(tmp_path / "sheet.html", color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.get_by_role("button").first.is_visible()
    assert not page.locator("audio").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_results_of_a_notebook_show_and_play(modag: CommandLine, tmp_path: Path, opened: Callable[..., Page]) -> None:
    with Index.open(tmp_path / "index") as index:
        html = index.search(tmp_path / "media" / "a.png")._repr_html_()
    (tmp_path / "cell.html").write_text(f'<!doctype html><meta charset="utf-8"><title>cell</title>{html}')
    page = opened(tmp_path / "cell.html")
    assert all_shown(page)
    assert plays(page)


@LOOKS
def test_an_evaluation_is_accessible_and_fits_a_small_screen(
    modag: CommandLine, tmp_path: Path, opened: Callable[..., Page], scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with Index.open(tmp_path / "index") as index:
        index.label([tmp_path / "media" / "a, of a.wav"], "red")
        index.label([tmp_path / "media" / "c, of c.wav"], "blue")
    assert modag("evaluate", "--report", "evaluation.html").status == 0
    page = opened(tmp_path / "evaluation.html", width=360, color_scheme=scheme, bypass_csp=True)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
