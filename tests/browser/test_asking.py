"""The box: questions of every kind; the address bar holds them, and back leads to the one before."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.made_media import BLUE, HIGH_HZ, picture, sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Route

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]

BRING = """([way, name, type, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type}));
  const bubbles = {bubbles: true, cancelable: true};
  const event = way === 'paste' ? new ClipboardEvent(way, {clipboardData: transfer, ...bubbles})
                                : new DragEvent(way, {dataTransfer: transfer, ...bubbles});
  document.body.dispatchEvent(event);
}"""


def bring(page: WatchedPage, path: Path, *, way: str, media_type: str, name: str | None = None) -> None:
    """Drop a file on the page, or paste it."""
    content = base64.b64encode(path.read_bytes()).decode()
    page.page.evaluate(BRING, [way, path.name if name is None else name, media_type, content])


def box(page: WatchedPage) -> Locator:
    return page.page.get_by_role("combobox", name="Ask with")


def ask_by_key(page: WatchedPage, key: str) -> None:
    """Press a key that asks, and wait until its answers are drawn: a key goes to what stands where the last one was."""
    with page.page.expect_response(re.compile(r"/search\b")):
        page.page.keyboard.press(key)
    expect(page.find(".asking")).not_to_have_attribute("data-on", "true")


def chips(page: WatchedPage) -> Locator:
    return page.find(".chip .says")


def test_without_a_question_all_items_are_shown(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    expect(page.find(".told")).to_have_text("16 items")
    expect(page.tile("a1.png")).to_be_visible()
    expect(page.tile("film.mp4")).to_be_visible()


def test_what_an_item_asks_for_comes_first(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=id:1&show=image")
    expect(page.find(".told")).to_have_text("3 answers")
    expect(chips(page)).to_have_text(["film.mp4"])


def test_words_find_sounds_and_pictures(real_server: str, open_page: OpenPage) -> None:
    page = open_page(real_server)
    box(page).fill("a dog")
    page.page.keyboard.press("Enter")
    expect(page.find(".told")).to_have_text("12 answers")
    assert {name.split("-")[0] for name in page.names()[:4]} == {"dog"}
    assert "q=a+dog" in page.page.url


@pytest.mark.parametrize("remarks", [[], ["nothing found: no item has the label rd; did you mean red?"]])
def test_that_nothing_is_found_is_said_once(kept_server: str, open_page: OpenPage, remarks: list[str]) -> None:
    found = {"hits": [], "is_close": False, "best_relevance": 0.0, "remarks": remarks, "seconds": 0.1}
    page = open_page(kept_server)
    page.page.route("**/api/v1/search", lambda route: route.fulfill(json=found))
    page.open("?plus=id:2")
    expect(page.page.get_by_text(re.compile("^nothing found", re.IGNORECASE))).to_have_text(
        remarks or ["Nothing found."]
    )


def test_the_place_of_a_hit_is_marked(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=id:15&show=sound")
    expect(page.tile("long.wav").locator(".place")).to_be_visible()
    expect(page.tile("a1.wav").locator(".place")).to_have_count(0)


def test_labels_are_completed_and_ask(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    box(page).fill("label:r")
    expect(page.page.get_by_role("option", name="red")).to_be_visible()
    page.page.keyboard.press("ArrowDown")
    page.page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["red"])
    expect(page.find(".tile").first).to_have_accessible_name(re.compile(r"^a\d\."))
    assert "plus=label%3Ared" in page.page.url


def test_ids_and_what_is_subtracted_are_typed(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=id:2")
    box(page).fill("-id:3")
    page.page.keyboard.press("Enter")
    expect(page.find(".chip[data-sign=minus]")).to_be_visible()
    assert page.page.url.endswith("?plus=id%3A2&minus=id%3A3")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_file_that_comes_to_the_page_asks(kept_server: str, open_page: OpenPage, tmp_path: Path, way: str) -> None:
    page = open_page(kept_server)
    expect(page.find(".told")).to_have_text("16 items")
    bring(page, picture(tmp_path / "mine.png", BLUE), way=way, media_type="image/png")
    expect(chips(page)).to_have_text(["mine.png"])
    expect(page.find(".tile").first).to_have_accessible_name(re.compile(r"^c\d\."))
    expect(page.find(".chip img")).to_be_visible()


def test_a_file_is_chosen(kept_server: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(kept_server)
    with page.page.expect_file_chooser() as chooser:
        page.button("Choose a sound, picture or video to ask with").click()
    chooser.value.set_files(sound(tmp_path / "mine.wav", (HIGH_HZ, 1)))
    expect(chips(page)).to_have_text(["mine.wav"])
    expect(page.find(".tile").first).to_have_accessible_name(re.compile(r"^c\d\."))


def test_what_the_microphone_hears_asks(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, permissions=["microphone"])
    page.button("Record a sound and ask with it").click()
    stop = page.button("Stop, and ask with what was recorded")
    expect(stop).to_contain_text(re.compile(r"[1-9]\.\d s"))
    stop.click()
    expect(chips(page)).to_have_text(["recording.wav"])
    expect(page.find(".tile").first).to_be_visible()


def test_a_file_that_cannot_be_read_is_told_of_in_place(kept_server: str, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(kept_server)
    page.expected |= {415, 422}
    (tmp_path / "talk.wav").write_text("no sound")
    bring(page, tmp_path / "talk.wav", way="drop", media_type="audio/wav")
    expect(page.page.get_by_role("alert")).to_contain_text("talk.wav")
    expect(page.page.get_by_role("alert")).not_to_contain_text("/tmp")


def test_words_that_a_space_does_not_read_are_told_of_in_place(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.expected |= {400, 404, 501, 409}
    box(page).fill("red")
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("alert")).to_be_visible()


def test_that_nothing_is_close_is_said(real_server: str, open_page: OpenPage) -> None:
    page = open_page(real_server, "?q=income+tax+declaration+form")
    expect(page.find(".note")).to_contain_text("Nothing here is close (best ")


def test_hits_are_added_and_subtracted_and_taken_out(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.tile("a1.png").hover()
    page.button("Like a1.png").click()
    expect(chips(page)).to_have_text(["a1.png"])
    page.tile("c1.wav").hover()
    page.button("Add c1.wav to the question").click()
    expect(chips(page)).to_have_text(["a1.png", "c1.wav"])
    page.tile("film.mp4").focus()
    ask_by_key(page, "-")
    expect(page.find(".chip[data-sign=minus] .says")).to_have_text(["film.mp4"])
    page.keep_screenshot("combined")
    page.button("Remove c1.wav from the question").click()
    expect(chips(page)).to_have_text(["a1.png", "film.mp4"])
    page.button(re.compile("^Subtracted: film.mp4")).click()
    expect(page.find(".chip[data-sign=minus]")).to_have_count(0)


def test_a_label_in_the_place_of_words_asks_in_their_place_and_one_with_a_sign_beside_them(
    real_server: str, open_page: OpenPage
) -> None:
    page = open_page(real_server)
    page.page.route("**/api/v1/search", lambda route: route.fulfill(json={"hits": [], "remarks": [], "is_close": True}))
    for written in ("red", "-label:violin"):
        box(page).fill(written)
        box(page).press("Enter")
    expect(page.find(".chip[data-sign=minus] .says")).to_have_text(["violin"])
    expect(box(page)).to_have_value("red")
    box(page).fill("label:cello")
    box(page).press("Enter")
    expect(page.find(".chip[data-sign=plus] .says")).to_have_text(["cello"])
    expect(box(page)).to_have_value("")


@pytest.fixture
def held(kept_server: str, open_page: OpenPage) -> tuple[WatchedPage, Callable[[str], None]]:
    """A page that waits for the answers to a1.png, asked with its key; what shows those that it is to get."""
    page = open_page(kept_server)
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.page.route("**/api/v1/search", hold, times=1)
    page.tile("a1.png").focus()
    with page.page.expect_request("**/api/v1/search"):
        page.page.keyboard.press("l")
    expect(page.find(".asking")).to_have_attribute("data-on", "true")

    def release(without: str) -> None:
        (route,) = waiting
        answer = route.fetch().json()
        hits = [hit for hit in answer["hits"] if not hit["path"].endswith(without)]
        route.fulfill(json={**answer, "hits": hits})
        expect(page.find(".asking")).not_to_have_attribute("data-on", "true")

    return page, release


def test_while_answers_are_awaited_keys_act_on_what_has_the_focus(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.tile("c1.wav").focus()
    page.page.route("**/api/v1/search", lambda _: None, times=1)
    with page.page.expect_request("**/api/v1/search"):
        page.page.keyboard.press("l")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_role("heading", name="c1.wav")).to_be_visible()


def test_keys_do_not_act_on_what_has_come_in_the_place_of_what_was_pointed_at(
    held: tuple[WatchedPage, Callable[[str], None]],
) -> None:
    """Somebody points at a sound, and the answers come, without it, before the key does."""
    page, release = held
    page.tile("c1.wav").focus()
    release("c1.wav")
    expect(page.tile("c1.wav")).to_have_count(0)
    page.page.keyboard.press("x")
    expect(page.find(".tile[aria-selected=true]")).to_have_count(0)
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("x")
    expect(page.find('.tile[aria-selected=true][data-index="0"]')).to_have_count(1)


def test_where_nobody_points_elsewhere_keys_act_on_the_first_answer(
    held: tuple[WatchedPage, Callable[[str], None]],
) -> None:
    page, release = held
    release("film.mp4")
    expect(page.tile("film.mp4")).to_have_count(0)
    page.page.keyboard.press("x")
    expect(page.find('.tile[aria-selected=true][data-index="0"]')).to_have_count(1)


def test_a_key_that_selects_finds_the_last_of_fewer_items(kept_server: str, open_page: OpenPage) -> None:
    """Filters leave fewer than there were before what was pointed at."""
    page = open_page(kept_server)
    expect(page.find(".told")).to_have_text("16 items")
    page.page.keyboard.press("End")
    expect(page.find('.tile[data-index="15"]')).to_be_focused()
    page.button("Pictures").click()
    last = page.find(".tile").count() - 1
    page.page.keyboard.press("x")
    expect(page.find(f'.tile[aria-selected=true][data-index="{last}"]')).to_have_count(1)


def test_back_and_forward_lead_through_questions(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.tile("a1.png").focus()
    ask_by_key(page, "l")
    expect(chips(page)).to_have_text(["a1.png"])
    page.tile("c1.wav").focus()
    ask_by_key(page, "+")
    expect(chips(page)).to_have_count(2)
    page.page.go_back()
    expect(chips(page)).to_have_text(["a1.png"])
    page.page.go_back()
    expect(page.find(".told")).to_have_text("16 items")
    page.page.go_forward()
    expect(page.find(".told")).to_have_text(re.compile("answers"))
    page.page.reload()
    expect(chips(page)).to_have_text(["a1.png"])


def test_questions_asked_before_are_offered(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=label:red")
    expect(page.find(".told")).to_have_text(re.compile("answers"))
    page.button("Clear the question").click()
    expect(page.find(".told")).to_have_text("16 items")
    page.page.keyboard.press("ArrowDown")
    page.page.get_by_role("option", name="+ red").click()
    expect(chips(page)).to_have_text(["red"])


def test_a_region_of_a_waveform_asks(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?item=14")
    wave = page.find(".scope-wave")
    expect(wave.locator("canvas").first).to_be_visible()
    area = wave.bounding_box()
    assert area
    page.page.mouse.move(area["x"] + area["width"] * 0.45, area["y"] + 40)
    page.page.mouse.down()
    page.page.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + 40, steps=4)
    page.page.mouse.move(area["x"] + area["width"] * 0.55, area["y"] + 40, steps=4)
    page.page.mouse.up()
    expect(page.page.get_by_label("Part from")).to_have_value(re.compile(r"^2[2-3]"))
    page.keep_screenshot("region")
    page.button("Ask with this part").click()
    expect(page.find(".chip")).to_contain_text("long.wav")
    assert "part=2" in page.page.url
    expect(page.find(".told")).to_have_text(re.compile("answers"))
    names = page.names()
    assert names.index("c1.wav") < names.index("a1.wav"), "the middle of the long sound is high"


def test_more_is_added_to_a_region_and_taken_away(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?plus=id%3A14&part=22-28")
    for key, sign, name in (("+", "plus", "a1.wav"), ("-", "minus", "a1.png")):
        page.tile(name).focus()
        ask_by_key(page, key)
        expect(page.find(f".chip[data-sign={sign}]").filter(has_text=name)).to_be_visible()
        expect(page.find(".told")).to_have_text(re.compile("answers"))
        expect(page.find(".problem")).to_have_count(0)
        expect(page.find(".chip").filter(has_text="long.wav")).to_contain_text(re.compile(r"22\.0 s.28\.0 s"))
    page.find(".chip").filter(has_text="long.wav").get_by_role("button", name="Added").click()
    expect(page.find(".chip[data-sign=minus]").filter(has_text="long.wav")).to_be_visible()
    assert "part=" not in page.page.url


def test_a_region_is_chosen_without_a_mouse(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?item=14")
    page.button("Choose a part").press("Enter")
    page.page.get_by_label("Part from").fill("21")
    page.page.get_by_label("Part to").fill("29")
    page.button("Ask with this part").press("Enter")
    expect(page.find(".chip")).to_contain_text(re.compile(r"21\.0 s.29\.0 s"))


def test_what_is_typed_stays_though_the_page_is_drawn_anew(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?item=14")
    page.button("Choose a part").press("Enter")
    start = page.page.get_by_label("Part from")
    start.fill("21")
    expect(page.button("Name part")).to_be_visible()
    page.page.evaluate(
        "import('/static/js/state.js').then(({set, get}) => set({info: {...get().info, is_read_only: true}}))"
    )
    expect(page.button("Name part")).to_have_count(0)
    expect(start).to_have_value("21")


def test_a_part_that_ends_before_it_starts_is_told(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server, "?item=14")
    page.button("Choose a part").press("Enter")
    page.page.get_by_label("Part from").fill("40")
    page.page.get_by_label("Part from").press("Tab")
    expect(page.find(".part-line")).to_contain_text("A part ends after it starts.")
    expect(page.button("Ask with this part")).to_be_disabled()
    page.page.get_by_label("Part to").fill("45")
    page.page.get_by_label("Part to").press("Tab")
    page.button("Ask with this part").press("Enter")
    expect(page.find(".chip")).to_contain_text(re.compile(r"40\.0 s.45\.0 s"))


def test_a_crop_of_a_picture_asks(real_server: str, open_page: OpenPage) -> None:
    page = open_page(real_server, "?q=dog&show=image")
    page.find(".tile .title").first.click()
    image = page.find(".croppable img")
    expect(image).to_be_visible()
    page.page.wait_for_function("document.querySelector('.croppable').style.width")
    area = image.bounding_box()
    assert area
    page.page.mouse.move(area["x"] + area["width"] * 0.2, area["y"] + area["height"] * 0.2)
    page.page.mouse.down()
    page.page.mouse.move(area["x"] + area["width"] * 0.8, area["y"] + area["height"] * 0.8, steps=5)
    page.page.mouse.up()
    expect(page.find(".crop")).to_be_visible()
    page.keep_screenshot("crop")
    page.button("Ask with this part").click()
    expect(page.find(".chip")).to_contain_text("part of dog-")
    assert page.names()[0].startswith("dog-")


def test_a_crop_is_moved_with_keys(kept_server: str, open_page: OpenPage) -> None:
    page = open_page(kept_server)
    page.tile("a2.png").focus()
    page.page.keyboard.press("Enter")
    page.button("Choose a part").press("Enter")
    crop = page.page.get_by_role("slider", name="The part to ask with")
    crop.focus()
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Shift+ArrowDown")
    expect(crop).to_have_attribute("aria-valuetext", "27 % from the left, 25 % from the top, 50 by 52 %")
    page.button("Ask with this part").click()
    expect(page.find(".chip")).to_contain_text("part of a2.png")
