"""Templates to pages: each whole in itself, and allowed to load nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modag_search.catalog.versions import library_versions

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE_MARK = b'<meta name="generator" content="modag-search'
"""What stands near the beginning of pages, which may be written over by others."""

_TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, *, title: str, styles: tuple[str, ...], scripts: tuple[str, ...] = (), **shown: Any) -> bytes:
    """Write a page.

    Parameters
    ----------
    template : str
        Extends ``page.html``.
    title : str
    styles, scripts : tuple of str
        Files that stand in the page; nothing else may style it, or run in it.
    **shown : dict
        What the template shows. All of it is escaped, but for what is `markupsafe.Markup`.

    Returns
    -------
    bytes
        HTML, in UTF-8; the same input gives the same page.
    """
    from markupsafe import Markup

    style, script = ("\n".join(_text_of(name) for name in names) for names in (styles, scripts))
    written = (
        _environment()
        .get_template(template)
        .render(
            title=title,
            style=Markup(style),  # noqa: S704  ours
            script=Markup(script),  # noqa: S704
            policy=_policy(style, script),
            version=library_versions()["modag-search"],
            **shown,
        )
    )
    return written.encode(errors="backslashreplace")


def fragment(template: str, *, styles: tuple[str, ...], **shown: Any) -> str:
    """Write part of another's page, with its style; see `page`."""
    from markupsafe import Markup

    style = Markup("\n".join(_text_of(name) for name in styles))  # noqa: S704  ours
    return _environment().get_template(template).render(style=style, **shown)


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy: what stands in the page and beside it, and no word to anywhere."""
    rules = {
        "default-src": "'none'",
        "img-src": "'self' file: data:",
        "media-src": "'self' file: data:",
        "style-src": _hash(style),
        "script-src": _hash(script) if script else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _text_of(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
