"""Names are given by keys, one item or many at a time, looked over, and taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.naming_page import ask, fail_once, given, names_on, said_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Route

    from tests.browser.watching import WatchedPage

    OpenPage = Callable[..., WatchedPage]

NO_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>'
PAIR = {"c1.wav": "sound", "a1.png": "image"}


def test_a_digit_names_what_is_pointed_at(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named)
    expect(page.find(".digit").first).to_contain_text("red")
    page.tile("a2.png").focus()
    page.page.keyboard.press("1")
    expect(names_on(page, "a2.png")).to_have_text(["red"])
    expect(page.find(".message")).to_contain_text("red: a2.png")
    assert given(named, ids["a2.png"]) == {("red", True)}
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("Undone: red: a2.png")
    expect(names_on(page, "a2.png")).to_have_count(0)
    assert given(named, ids["a2.png"]) == set()


def test_shift_and_a_digit_say_what_it_is_not(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named)
    expect(page.find(".digit").first).to_contain_text("red")
    page.tile("b1.png").focus()
    page.page.keyboard.press("Shift+Digit1")
    expect(page.tile("b1.png").locator(".name.not")).to_be_visible()
    assert given(named, ids["b1.png"]) == {("red", False)}
    page.find(".message").get_by_role("button", name="Undo").click()
    expect(names_on(page, "b1.png")).to_have_count(0)


def test_what_is_selected_is_named_together(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, "?kind=sound")
    expect(page.find(".naming")).to_be_visible()
    page.tile("b1.wav").focus()
    page.page.keyboard.press("x")
    page.page.keyboard.press("ArrowRight")
    page.page.keyboard.press("Shift+X")
    expect(page.find(".target")).to_have_text("2 items selected")
    page.tile("old.aiff").locator(".stage").click(modifiers=["ControlOrMeta"])
    expect(page.find(".target")).to_have_text("3 items selected")
    page.page.keyboard.press("n")
    page.page.keyboard.type("middle")
    page.page.keyboard.press("Enter")
    for name in ("b1.wav", "b2.wav", "old.aiff"):
        expect(names_on(page, name)).to_have_text(["middle"])
    expect(page.find(".message")).to_contain_text("middle: 3 items")
    expect(page.find(".digit")).to_have_text(["1red", "2blue", "3middle", "NOther…"])  # keys keep what they mean
    page.keep_screenshot("selected")
    page.page.keyboard.press("Escape")
    expect(page.find(".tile[aria-selected=true]")).to_have_count(0)
    page.page.keyboard.press("u")
    expect(names_on(page, "b1.wav")).to_have_count(0)


def test_a_click_with_shift_selects_all_between(named: str, open_page: OpenPage) -> None:
    page = open_page(named)
    page.tile("a1.png").locator(".stage").click(modifiers=["ControlOrMeta"])
    page.tile("b2.png").locator(".stage").click(modifiers=["Shift"])
    expect(page.find(".target")).to_have_text("4 items selected")


def test_names_on_keys_are_edited_and_kept(named: str, open_page: OpenPage) -> None:
    page = open_page(named)
    page.button("Edit keys").click()
    page.page.get_by_role("combobox", name="Name on key 3").fill("green")
    page.page.keyboard.press("Enter")
    expect(page.find(".digit").nth(2)).to_contain_text("green")
    page.page.reload()
    expect(page.find(".digit").nth(2)).to_contain_text("green")
    page.tile("b1.png").focus()
    page.page.keyboard.press("3")
    expect(names_on(page, "b1.png")).to_have_text(["green"])


def test_tags_and_names_of_a_part_are_given(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, f"?item={ids['long.wav']}")
    page.button("Choose a part").click()
    page.button("Name part").click()
    page.page.get_by_role("combobox", name="Name", exact=True).fill("hum")
    page.button("Give").click()
    expect(page.find(".given")).to_contain_text("12.5 s to 37.5 s")
    page.page.keyboard.press("n")
    page.button(
        "Tag",
    ).click()
    page.page.get_by_role("combobox", name="Name", exact=True).fill("to keep")
    page.page.keyboard.press("Enter")
    expect(page.find(".given .tag")).to_have_text("to keep")
    page.button("Take back hum").click()
    expect(page.find(".given")).not_to_contain_text("hum")
    page.page.keyboard.press("u")
    expect(page.find(".given")).to_contain_text("12.5 s to 37.5 s")


def test_a_transferred_name_that_was_taken_back_comes_back_as_one(
    named: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    ask(named, "/transfer", {"min_confidence": 0, "dry_run": False})
    [before] = said_of(named, ids["c2.wav"])
    page = open_page(named, f"?item={ids['c2.wav']}")
    page.button(f"Take back {before['label']}").click()
    expect(page.find(".given")).to_have_count(0)
    page.page.keyboard.press("u")
    expect(page.find(".given")).to_contain_text("transferred")
    assert said_of(named, ids["c2.wav"]) == [before]


def test_saying_what_it_is_not_and_taking_that_back_leaves_the_name(
    named: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    page = open_page(named)
    expect(page.find(".digit").first).to_contain_text("red")
    page.tile("a1.png").focus()
    page.page.keyboard.press("Shift+Digit1")
    expect(page.tile("a1.png").locator(".name.not")).to_be_visible()
    page.page.keyboard.press("u")
    expect(page.tile("a1.png").locator(".name.not")).to_have_count(0)
    assert given(named, ids["a1.png"]) == {("red", True)}


def test_what_cannot_be_shown_anew_can_be_undone(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named)
    expect(page.find(".digit").first).to_contain_text("red")
    page.tile("a2.png").focus()
    fail_once(page, "**/api/v1/items?ids=*")
    page.page.keyboard.press("1")
    expect(page.find(".message")).to_contain_text("red: a2.png\nwhat is shown is as before: too many ask")
    assert given(named, ids["a2.png"]) == {("red", True)}
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("Undone: red: a2.png")
    assert given(named, ids["a2.png"]) == set()


def test_a_review_steps_back_once_what_was_said_is_undone(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, "?view=review")
    left = page.find(".progress p").first
    expect(left).to_contain_text(re.compile(r"^0 of \d+"))
    file = page.find(".review-name p").first.inner_text().rpartition("/ ")[2]
    page.page.keyboard.press("y")
    expect(left).to_contain_text("1 of ")
    fail_once(page, "**/api/v1/runs/*/undo")
    page.page.keyboard.press("u")
    expect(page.find(".message")).to_contain_text("not undone")
    expect(left).to_contain_text("1 of ")
    page.page.keyboard.press("u")
    expect(left).to_contain_text("0 of ")
    assert given(named, ids[file]) == set()


@pytest.mark.parametrize("second", ["2", "y", "r"])
def test_keys_that_come_while_a_name_is_given_skip_no_item(
    named: str, ids: dict[str, int], open_page: OpenPage, second: str
) -> None:
    page = open_page(named, "?view=review")
    left = page.find(".progress p").first
    expect(left).to_contain_text(re.compile(r"^0 of \d+"))
    file = page.find(".review-name p").first.inner_text().rpartition("/ ")[2]
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.page.route("**/api/v1/labels/give", hold)
    with page.page.expect_request("**/api/v1/labels/give"):
        page.page.keyboard.press("1")
    page.page.keyboard.press(second)
    page.page.evaluate("null")  # the page has done what the key asks for
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(left).to_contain_text("1 of ")
    assert len(given(named, ids[file])) == 1
    assert len(held) == 1


def test_a_server_that_only_reads_offers_no_names(real_server: str, open_page: OpenPage) -> None:
    page = open_page(real_server)
    expect(page.find(".tile").first).to_be_visible()
    expect(page.find(".naming")).to_have_count(0)
    page.find(".tile").first.focus()
    page.page.keyboard.press("n")
    expect(page.page.get_by_role("dialog")).to_have_count(0)


def test_names_are_reviewed_one_by_one(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, "?view=review")
    left = page.find(".progress p").first
    expect(left).to_contain_text(re.compile(r"^0 of \d+"))
    said: dict[str, str] = {}
    for key in "yn":
        file = page.find(".review-name p").first.inner_text().rpartition("/ ")[2]
        said[file] = page.find(".proposed").inner_text().split(" ")[0]
        page.page.keyboard.press(key)
        expect(left).to_contain_text(f"{len(said)} of ")
    expect(page.find(".precision")).to_contain_text("50 % right so far (95 %: 9 % to 91 %)")
    page.keep_screenshot("halfway")
    (first, first_label), (second, second_label) = said.items()
    assert (first_label, True) in given(named, ids[first])
    assert (second_label, False) in given(named, ids[second])
    page.page.keyboard.press("?")
    expect(left).to_contain_text("3 of ")
    page.page.keyboard.press("u")
    page.page.keyboard.press("u")
    expect(left).to_contain_text("1 of ")
    assert given(named, ids[second]) == set()


def test_another_name_is_given_in_a_review(named: str, open_page: OpenPage) -> None:
    page = open_page(named, "?view=review")
    expect(page.find(".proposed")).to_be_visible()
    page.page.keyboard.press("r")
    page.page.get_by_role("combobox", name="Name", exact=True).fill("something else")
    page.page.keyboard.press("Enter")
    expect(page.find(".progress p").first).to_contain_text("1 of ")
    expect(page.find(".message")).to_contain_text("something else: ")


def test_transferred_names_are_reviewed(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    ask(named, "/transfer", {"min_confidence": 0.5, "dry_run": False})
    page = open_page(named, "?view=review")
    page.button("Transferred").click()
    expect(page.find(".progress p").first).to_contain_text(re.compile(r"^0 of [1-9]"))
    page.button(re.compile("^Yes")).click()
    expect(page.find(".progress p").first).to_contain_text("1 of ")


def test_what_was_looked_over_of_a_transfer_does_not_come_again(
    named: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    ask(named, "/transfer", {"min_confidence": 0, "dry_run": False})
    page = open_page(named, "?view=review")
    page.button("Transferred").click()
    left = page.find(".progress p").first
    expect(left).to_contain_text(re.compile(r"^0 of [1-9]"))
    n = int(left.inner_text().split()[2])
    page.button(re.compile("^Yes")).click()
    expect(left).to_contain_text("1 of ")
    page.button("Surest").click()
    page.button("Transferred").click()
    expect(left).to_contain_text(f"0 of {n - 1}")


def test_a_review_reaches_what_lies_far_behind(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    """However many items were looked over, and however many are less sure than any name that is proposed."""
    said = {"label": "red", "confidence": 0.9, "is_tag": False, "is_not": False, "start_s": None, "end_s": None}
    by_transfer = said | {"origin": "transfer"}
    row = {"kind": "image", "version": "x", "labels": ["red"], "duration_s": None}

    def page_of_items(route: Route) -> None:
        after = int(re.search(r"after=(\d+)", route.request.url)[1])  # type: ignore[index]
        n = int(re.search(r"n=(\d+)", route.request.url)[1])  # type: ignore[index]
        numbers = range(after + 1, min(after + n, 12_000) + 1)
        given = {number: [by_transfer, *([said | {"origin": "hand"}] if number < 11_400 else [])] for number in numbers}
        items = [row | {"id": one, "path": f"/m/{one}.png", "given": given[one]} for one in numbers]
        route.fulfill(json={"items": items})

    page = open_page(named, "?view=review")
    page.page.route("**/api/v1/items?*", page_of_items)
    page.page.route("**/thumbnail?*", lambda route: route.fulfill(content_type="image/svg+xml", body=NO_PICTURE))
    page.expected.add(404)  # why they are called so, nobody knows
    page.button("Transferred").click()
    expect(page.find(".progress p").first).to_contain_text("0 of 500")
    expect(page.find(".says").first).to_contain_text("11400.png")


def test_why_there_is_nothing_to_review_is_told(toy_server: str, open_page: OpenPage) -> None:
    page = open_page(toy_server, "?view=review")
    expect(page.find(".empty")).to_contain_text("No label is given yet")
    item = ask(toy_server, "/items")["items"][0]["id"]
    ask(toy_server, "/labels/give", {"ids": [item], "label": "red"})
    page.open("?view=review")
    page.button("Transferred").click()
    expect(page.find(".empty")).to_contain_text("No transferred name is left to look over.")


def test_what_an_undone_run_gave_goes_from_all_tiles(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    """Also where there are more of them than are asked for at once."""
    row = {"kind": "image", "version": "x", "duration_s": None}
    is_undone: list[bool] = []

    def answer(route: Route) -> None:
        numbers = [int(one) for one in re.findall(r"ids=(\d+)", route.request.url)]
        is_by_id = bool(numbers)
        after = re.search(r"after=(\d+)", route.request.url)
        numbers = numbers or ([] if after else [*range(1, 1501)])
        given = {"label": "blue", "origin": "hand", "confidence": None, "is_tag": False, "is_not": False}
        said = [] if is_undone and is_by_id else [given | {"start_s": None, "end_s": None}]
        route.fulfill(
            json={"items": [row | {"id": n, "path": f"/m/{n}.png", "labels": [], "given": said} for n in numbers]}
        )

    page = open_page(named)
    page.page.route("**/api/v1/items?*", answer)
    page.page.route("**/thumbnail?*", lambda route: route.fulfill(content_type="image/svg+xml", body=NO_PICTURE))
    page.open()
    expect(page.page.get_by_role("checkbox", name="blue 1,500")).to_be_visible()
    page.button("What was done").click()
    is_undone.append(True)
    page.find(".runs li").filter(has_text="blue").get_by_role("button").click()
    expect(page.find(".runs li")).to_have_count(1)
    page.page.keyboard.press("Escape")
    expect(page.page.get_by_role("checkbox", name=re.compile("^blue"))).to_have_count(0)


def test_suggestions_are_a_queue(named: str, open_page: OpenPage) -> None:
    page = open_page(named, "?view=suggestions")
    expect(page.button(re.compile("^Yes"))).to_be_visible()
    expect(page.find(".review-name")).to_contain_text(re.compile("nearest to|likeliest"))
    page.page.keyboard.press("1")
    expect(page.find(".progress p").first).to_contain_text("1 of ")


def test_doubtful_names_are_decided_on(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    ask(named, "/labels/give", {"ids": [ids["a2.wav"], ids["a2.png"]], "label": "red"})
    ask(named, "/labels/give", {"ids": [ids["c1.wav"], ids["c2.wav"]], "label": "blue"})
    ask(named, "/labels/give", {"ids": [ids["c2.png"]], "label": "red"})
    page = open_page(named, "?view=audit")
    page.page.get_by_role("slider", name="At most as likely as").fill("0.5")
    case = page.find(".case").filter(has_text="c2.png")
    case.get_by_role("button", name="It is blue").click()
    expect(case).to_contain_text("Now blue.")
    assert given(named, ids["c2.png"]) == {("blue", True)}


def test_pairs_that_do_not_fit_are_looked_over(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, "?view=audit")
    sound, image = ({"id": ids[name], "kind": kind, "version": "x"} for name, kind in PAIR.items())
    pair = {"sound": "/m/c1.wav", "image": "/m/a1.png", "similarity": 0.12, "rank": 0.83, "path": "/m/c1.wav"}
    pairs = [pair | {"sound_item": sound, "image_item": image}]
    page.page.route("**/api/v1/audit/pairs", lambda route: route.fulfill(json={"pairs": pairs}))
    page.button("Pairs").click()
    expect(page.find(".group")).to_contain_text("83 % of all others fit it better")
    expect(page.find(".group").get_by_role("button", name="c1.wav", exact=True)).to_be_visible()
    page.find(".group").get_by_role("button", name="a1.png", exact=True).click()
    expect(page.page.get_by_role("dialog")).to_contain_text("a1.png")


def test_groups_of_duplicates_are_decided_on(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    ask(named, "/labels/give", {"ids": [ids["b1.png"]], "label": "green"})
    page = open_page(named, "?view=duplicates", permissions=["clipboard-read", "clipboard-write"])
    expect(page.find(".group")).to_contain_text("again.png")
    page.button("All are green").click()
    expect(page.find(".message")).to_contain_text("green: 2 items")
    assert ("green", True) in given(named, ids["again.png"])
    expect(page.button("All are green")).to_have_count(0)
    page.find(".group").get_by_role("button", name="Copy paths of the rest").click()
    expect(page.find(".message").first).to_contain_text("Copied: ")


def test_what_is_drawn_around_on_the_map_is_named(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named, "?view=map")
    page.button("Lasso").click()
    area = page.find(".map-stage").bounding_box()
    assert area
    corners = ((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))
    places = [(area["x"] + area["width"] * x, area["y"] + area["height"] * y) for x, y in corners]
    page.page.mouse.move(*places[0])
    page.page.mouse.down()
    for place in places[1:]:
        page.page.mouse.move(*place, steps=4)
    page.page.mouse.up()
    expect(page.find(".target")).to_have_text(re.compile(r"^\d+ items selected$"))
    page.page.keyboard.press("n")
    page.button("Tag").click()
    page.page.get_by_role("combobox", name="Name", exact=True).fill("seen")
    page.page.keyboard.press("Enter")
    expect(page.find(".message")).to_contain_text("seen: ")
    assert ("seen", True) in given(named, ids["long.wav"])


def test_runs_are_listed_and_taken_back(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    ask(named, "/labels/give", {"ids": [ids["long.wav"]], "label": "red", "denied": True, "start_s": 5, "end_s": 10})
    page = open_page(named)
    page.button("What was done").click()
    runs = page.find(".runs li")
    expect(runs).to_have_count(3)
    expect(runs.filter(has_text="red on 2 items")).to_have_count(1)
    said_not = runs.filter(has_text="not red on 1 item from 5.0 s to 10")
    expect(said_not).to_have_count(1)
    said_not.get_by_role("button").click()
    expect(runs).to_have_count(2)
    runs.filter(has_text="blue").get_by_role("button").click()
    expect(runs).to_have_count(1)
    assert given(named, ids["c1.png"]) == set()


def test_keys_name_what_the_mouse_points_at(named: str, ids: dict[str, int], open_page: OpenPage) -> None:
    page = open_page(named)
    tile = page.tile("b2.png")
    tile.hover()
    page.page.mouse.move(*middle_of(tile), steps=3)
    expect(tile).to_have_attribute("data-at", "true")
    expect(page.find(".digit").first).to_contain_text("red")
    page.page.keyboard.press("1")
    expect(page.find(".message")).to_contain_text("red: b2.png")
    assert given(named, ids["b2.png"]) == {("red", True)}


def test_keys_go_on_naming_what_the_mouse_points_at_while_something_else_has_the_focus(
    named: str, ids: dict[str, int], open_page: OpenPage
) -> None:
    page = open_page(named)
    page.tile("a1.png").focus()
    tile = page.tile("b2.png")
    tile.hover()
    page.page.mouse.move(*middle_of(tile), steps=3)
    expect(tile).to_have_attribute("data-at", "true")
    expect(page.find(".digit").nth(1)).to_contain_text("blue")
    page.page.keyboard.press("1")
    expect(tile.locator(".name")).to_have_text(["red"])  # drawn anew with its label
    page.page.keyboard.press("2")
    expect(page.find(".message")).to_contain_text("blue: b2.png")
    assert {("red", True), ("blue", True)} >= given(named, ids["b2.png"])
    assert ("blue", True) not in given(named, ids["a1.png"])


def test_arrows_find_the_tiles_right_after_loading(named: str, open_page: OpenPage) -> None:
    page = open_page(named)
    first = page.find(".tile").first
    expect(first).to_have_attribute("data-at", "true")
    page.page.keyboard.press("ArrowRight")
    expect(page.find(".tile").nth(1)).to_be_focused()


def middle_of(tile: Locator) -> tuple[float, float]:
    box = tile.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
