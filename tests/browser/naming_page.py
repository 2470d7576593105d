"""What tests of names do in the page, and ask of its server."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.watching import WatchedPage


def ask(address: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the server as a program does."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{address}api/v1{path}", data, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def given(address: str, item: int) -> set[tuple[str, bool]]:
    """Return what people say of an item: each label, and whether it is that."""
    [row] = ask(address, f"/items?ids={item}")["items"]
    return {(one["label"], not one["is_not"]) for one in row["given"]}


def said_of(address: str, item: int) -> list[dict[str, Any]]:
    """Return all that is said of an item, with where it comes from."""
    [row] = ask(address, f"/items?ids={item}")["items"]
    found: list[dict[str, Any]] = row["given"]
    return found


def names_on(page: WatchedPage, file: str) -> Locator:
    return page.tile(file).locator(".name")


def fail_once(page: WatchedPage, path: str) -> None:
    """Let the server seem too busy for the next request to addresses of a pattern."""
    page.expected.add(503)
    problem = {"type": "urn:modag:busy", "title": "busy", "status": 503, "detail": "too many ask; try again"}
    page.page.route(path, lambda route: route.fulfill(status=503, json=problem), times=1)


def name_red(page: WatchedPage, *names: str) -> None:
    """Give items their name by its key, one after the other."""
    expect(page.find(".digit").first).to_contain_text("red")
    for name in names:
        page.tile(name).focus()
        page.page.keyboard.press("1")
        expect(names_on(page, name)).to_have_text(["red"])
