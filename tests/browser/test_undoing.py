"""What was done is taken back, in whichever view, as far as there is anything of it to be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.naming_page import ask, fail_once, given, name_red, names_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]


def test_an_undo_that_failed_is_tried_again(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named)
    name_red(page, "a2.png", "b2.png")
    fail_once(page, "**/api/v1/runs/*/undo")
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("red: b2.png\nnot undone: too many ask; try again")
    page.page.keyboard.press("u")
    expect(names_on(page, "b2.png")).to_have_count(0)
    assert (given(named, ids["a2.png"]), given(named, ids["b2.png"])) == ({("red", True)}, set())


def test_what_was_undone_elsewhere_does_not_keep_the_rest_from_it(
    named: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    page = open_page(named)
    name_red(page, "a2.png", "b2.png")
    run = ask(named, "/runs")["runs"][0]["id"]
    ask(named, f"/runs/{run}/undo", {})
    page.expected.add(404)
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text(f"run {run} gave no labels that are still there")
    page.page.keyboard.press("u")
    expect(names_on(page, "a2.png")).to_have_count(0)
    assert (given(named, ids["a2.png"]), given(named, ids["b2.png"])) == (set(), set())


def test_what_another_run_took_is_undone_once_that_is(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named)
    name_red(page, "a2.png")
    run = ask(named, "/runs")["runs"][0]["id"]
    later = ask(named, "/labels/take", {"ids": [ids["a2.png"]], "label": "red"})["run"]
    page.expected.add(404)
    page.page.keyboard.press("u")
    message = page.find(".message")
    expect(message).to_contain_text(f"red: a2.png\nnothing was undone: run {run} gave no labels that are still there")
    expect(names_on(page, "a2.png")).to_have_count(0)
    ask(named, f"/runs/{later}/undo", {})
    page.page.keyboard.press("u")
    expect(message).to_have_text("Undone: red: a2.png")
    assert given(named, ids["a2.png"]) == set()


def test_what_does_not_come_back_is_no_undo(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, f"?item={ids['c1.png']}")
    page.button("Take back blue").click()
    message = page.find(".message")
    expect(message).to_contain_text("taken back: blue")
    opposed = ask(named, "/labels/give", {"ids": [ids["c1.png"]], "label": "blue", "denied": True})["run"]
    page.page.keyboard.press("u")
    expect(message).to_contain_text("nothing was undone: 1 label does not come back: what was said since opposes it")
    ask(named, f"/runs/{opposed}/undo", {})
    message.get_by_role("button", name="Undo").click()
    expect(message).to_have_text("Undone: taken back: blue, c1.png")
    assert given(named, ids["c1.png"]) == {("blue", True)}


def test_the_message_names_the_key_where_it_undoes_that(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    """The key passes over what there is nothing of, and comes back to it."""
    page = open_page(named)
    name_red(page, "a2.png", "b2.png")
    undo = page.find(".message").get_by_role("button", name="Undo")
    expect(undo).to_have_text("Undo U")
    ask(named, "/labels/take", {"ids": [ids["b2.png"]], "label": "red"})
    page.expected.add(404)
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("nothing was undone")
    expect(undo).to_have_text("Undo")


@pytest.fixture
def doubted(named: str, ids: dict[str, int]) -> str:
    """The server, with a picture that is labelled red and that others call blue: c2.png."""
    ask(named, "/labels/give", {"ids": [ids["a2.wav"], ids["a2.png"]], "label": "red"})
    ask(named, "/labels/give", {"ids": [ids["c1.wav"], ids["c2.wav"]], "label": "blue"})
    ask(named, "/labels/give", {"ids": [ids["c2.png"]], "label": "red"})
    return named


def decided(page: WatchedPage, name: str) -> Locator:
    """Decide on the doubtful name of c2.png by a button, and return its case."""
    page.page.get_by_role("slider", name="At most as likely as").fill("0.5")
    case = page.find(".case").filter(has_text="c2.png")
    case.get_by_role("button", name=name).click()
    expect(case).to_have_attribute("data-decided", "true")
    expect(case.get_by_role("button", name=name)).to_have_count(0)
    return case


@pytest.mark.parametrize("name", ["It is blue", "Take back red"])
@pytest.mark.parametrize("way", ["key", "message", "sheet"])
def test_what_was_decided_is_open_again_once_it_is_undone(
    doubted: str, ids: dict[str, int], open_page: OpenPage, way: str, name: str
) -> None:
    page = open_page(doubted, "?view=audit")
    case = decided(page, name)
    if way == "key":
        page.page.keyboard.press("u")
    elif way == "message":
        page.find(".message").get_by_role("button", name="Undo").click()
    else:
        page.button("What was done").click()
        for left in range(1 if name == "Take back red" else 2, 0, -1):
            expect(case).to_have_attribute("data-decided", "true")
            undo = page.button(f"Undo run {ask(doubted, '/runs')['runs'][0]['id']}")
            undo.click()
            expect(undo).to_have_count(0)
            expect(page.find(".message")).to_contain_text("undone in part" if left > 1 else "Undone")
        page.page.keyboard.press("Escape")
    expect(case.get_by_role("button")).to_contain_text(["c2.png", "Leave red", "It is blue", "Take back red"])
    expect(page.find(".message")).to_contain_text("Undone")
    assert given(doubted, ids["c2.png"]) == {("red", True)}
    decided(page, name)


def test_what_was_decided_stays_so_where_that_is_not_undone(
    doubted: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    page = open_page(doubted, "?view=audit")
    case = decided(page, "Take back red")
    fail_once(page, "**/api/v1/runs/*/undo")
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("not undone: too many ask")
    expect(case).to_contain_text("Taken back: red.")
    assert given(doubted, ids["c2.png"]) == set()


def test_what_was_undone_in_part_is_undone_to_its_end(doubted: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(doubted, "?view=audit")
    case = decided(page, "It is blue")
    page.button("What was done").click()
    page.find(".runs li").first.get_by_role("button").click()
    expect(case).to_contain_text("Now blue. Undone in part.")
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("Undone: blue in the place of red")
    expect(case.get_by_role("button", name="It is blue")).to_be_visible()
    assert given(doubted, ids["c2.png"]) == {("red", True)}


def test_several_runs_are_undone_though_one_is_already(doubted: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(doubted, "?view=audit")
    decided(page, "It is blue")
    later = ask(doubted, "/runs")["runs"][0]["id"]
    ask(doubted, f"/runs/{later}/undo", {})
    page.expected.add(404)
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text(f"run {later} gave no labels that are still there")
    expect(page.find(".message")).to_contain_text("Undone: blue in the place of red")
    assert given(doubted, ids["c2.png"]) == {("red", True)}


def test_the_key_undoes_what_was_said_of_duplicates(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    ask(named, "/labels/give", {"ids": [ids["b1.png"]], "label": "green"})
    page = open_page(named, "?view=duplicates")
    page.button("All are green").click()
    expect(page.find(".message")).to_contain_text("green: 2 items")
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("Undone: green: 2 items")
    expect(page.button("All are green")).to_be_visible()
    assert given(named, ids["again.png"]) == set()


def test_a_review_steps_back_over_what_was_undone_elsewhere(
    named: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    page = open_page(named, "?view=review")
    left = page.find(".progress p").first
    expect(left).to_contain_text("0 of ")
    page.page.keyboard.press("y")
    expect(left).to_contain_text("1 of ")
    run = ask(named, "/runs")["runs"][0]["id"]
    ask(named, f"/runs/{run}/undo", {})
    page.expected.add(404)
    page.page.keyboard.press("u")
    expect(left).to_contain_text("0 of ")
    expect(page.find(".message")).to_contain_text("nothing was undone")
