"""Sounds and videos are heard and seen: time goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]


HEARD = """async () => {
  const {listen} = await import('/static/js/player.js');
  window.heard = [];
  listen(({isPlaying, time_s}) => isPlaying && window.heard.push(time_s));
}"""
GOES_ON = """async (longest_ms) => {
  const until = performance.now() + longest_ms;
  const goesOn = () => window.heard.some((time_s, n) => n > 0 && time_s > window.heard[n - 1]);
  while (performance.now() < until && !goesOn()) await new Promise(requestAnimationFrame);
  return goesOn() ? window.heard[0] : null;
}"""


def hear(page: WatchedPage) -> None:
    """Note from now on where sounds play: short ones may have ended when it is looked at."""
    page.page.evaluate(HEARD)


def plays_at(page: WatchedPage) -> float:
    """Tell where in its file a sound began to play since `hear`; fails where time does not go on."""
    began_s = page.page.evaluate(GOES_ON, 20_000)
    assert began_s is not None, "nothing plays"
    return float(began_s)


def test_space_plays_and_pauses(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?show=sound")
    hear(page)
    page.tile("long.wav").focus()
    page.page.keyboard.press("Space")
    assert plays_at(page) < 1
    page.page.keyboard.press("Space")
    expect(page.find(".playhead[data-playing=true]")).to_have_count(0)


@pytest.mark.parametrize("name", ["long.wav", "old.aiff"])
def test_a_click_on_a_waveform_plays_from_there(kept_server: str, open_page: OpenPage, name: str) -> None:
    page = open_page(kept_server, "?show=sound")
    stage = page.tile(name).locator(".stage")
    box = stage.bounding_box()
    assert box
    hear(page)
    stage.click(position={"x": box["width"] / 2, "y": 20})
    middle_s = 25 if name == "long.wav" else 1.5
    assert plays_at(page) == pytest.approx(middle_s, abs=0.4)


def test_a_video_shows_its_frames_while_it_plays(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    hear(page)
    page.tile("film.mp4").locator(".stage").click()
    plays_at(page)
    expect(page.tile("film.mp4").locator("video")).to_be_visible()


def test_the_mouse_over_a_tile_plays_it(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?show=sound")
    page.find(".told").click()  # browsers let a page sound after a click
    hear(page)
    page.tile("b1.wav").locator(".stage").hover()
    plays_at(page)
    page.find(".told").hover()
    expect(page.find(".playhead:not([hidden])")).to_have_count(0)


def test_nothing_plays_by_itself_under_reduced_motion(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?show=sound", reduced_motion="reduce")
    page.find(".told").click()
    page.tile("b1.wav").locator(".stage").hover()
    expect(page.tile("b1.wav").locator(".acts")).to_be_visible()
    assert not page.page.evaluate("() => import('/static/js/player.js').then(({now}) => now().isPlaying)")


def test_space_plays_what_is_open(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?q=label:red")
    page.find(".tile[data-kind=sound]").first.locator(".title").click()
    expect(page.page.get_by_role("dialog")).to_be_visible()
    hear(page)
    page.page.keyboard.press("Space")
    plays_at(page)
    expect(page.page.get_by_role("dialog")).to_be_visible()


def test_a_part_that_was_heard_is_played_on_from(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?item=14")
    page.button("Choose a part").click()
    for name, time_s in (("Part from", "2"), ("Part to", "2.2")):
        page.page.get_by_label(name).fill(time_s)
        page.page.keyboard.press("Tab")
    hear(page)
    page.button("Play part").click()
    assert 1.9 < plays_at(page) < 2.3
    page.page.wait_for_function("() => import('/static/js/player.js').then(({now}) => !now().isPlaying)")
    page.button(re.compile("^Play( Space)?$")).click()
    page.page.wait_for_function("() => window.heard.some((time_s) => time_s > 3.5)")


def test_why_something_does_not_play_is_told(toy_server: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(toy_server)
    page.expected = {410}
    expect(page.tile("c1.wav")).to_be_visible()
    (tmp_path / "media" / "sounds" / "c1.wav").unlink()
    page.tile("c1.wav").get_by_role("button", name="Play c1.wav").click(force=True)
    expect(page.find(".message")).to_contain_text("is not there, or out of reach")
