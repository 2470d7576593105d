"""Pages as a test reads them: elements and text, nothing run."""

from __future__ import annotations

from html.parser import HTMLParser


class HtmlPage(HTMLParser):
    """Takes note of what stands in a page.

    Attributes
    ----------
    elements : list of (str, dict)
        Names with their attributes, in order.
    text : str
        What people read; the text of scripts and styles stands in it, too.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        """Return what an attribute of elements holds, of those that have it."""
        return [attributes[attribute] for name, attributes in self.elements if name == tag and attribute in attributes]
