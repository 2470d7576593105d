"""A browser's page, watched: what it logs, and whom it asks."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page, Request

_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


class WatchedPage:
    """A page of a served index.

    Parameters
    ----------
    page : Page
    address : str
        Of the server.
    name : str
        Of the test, for its screenshots.
    """

    def __init__(self, page: Page, *, address: str, name: str) -> None:
        self.page = page
        self.address = address
        self.expected: set[int] = set()
        """Statuses that the server is to answer with: the browser logs each as an error."""
        self.faults: list[str] = []
        self._name = name
        page.on("console", self._logged)
        page.on("pageerror", lambda error: self.faults.append(f"{error}\n{error.stack}"))
        page.on("request", self._asked)

    def open(self, search: str = "") -> None:
        """Go to the page, with a question in its address or without."""
        self.page.goto(self.address + search)

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def tile(self, name: str) -> Locator:
        """Find the tile of a file by its name."""
        return self.page.get_by_role("gridcell", name=re.compile(rf"^{re.escape(name)},"))

    def names(self) -> list[str]:
        """Return the names of files whose tiles are in the document, in order."""
        return self.page.locator(".tile .title").all_inner_texts()

    def keep_screenshot(self, of: str = "") -> None:
        """Keep a picture of the page, where pictures are wanted."""
        folder = os.environ.get("MODAG_SCREENSHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.page.screenshot(path=os.path.join(folder, f"{self._name}{of and f'-{of}'}.png"))

    def _logged(self, message: ConsoleMessage) -> None:
        status = _STATUS.match(message.text)
        if message.type not in {"error", "warning"} or (status and int(status[1]) in self.expected):
            return
        if "GL Driver Message" in message.text:  # of drawing without a graphics card, when the page is looked at
            return
        self.faults.append(f"{message.type}: {message.text} ({message.location})")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.faults.append(f"asked for {request.url}")
