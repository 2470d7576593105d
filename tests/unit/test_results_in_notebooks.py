"""Results in notebooks: lists everywhere, tiles where they are displayed."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from modag_search import Classifications, Hits, previews
from tests.html_pages import HtmlPage
from tests.made_media import HIGH_HZ, RED, picture, set_mtime, sound, video

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


def addresses(html: str, tag: str) -> list[str]:
    return HtmlPage(html).values(tag, "src")


def test_hits_are_a_list(filled: Index, media: Path) -> None:
    hits = filled.search(media / "a.png")
    plain = list(hits)
    assert isinstance(hits, Hits)
    assert hits == plain
    assert repr(hits) == repr(plain)
    assert isinstance(hits[:2], Hits)
    assert hits[:2] == plain[:2]
    assert hits[0] is plain[0]
    assert isinstance(hits.copy(), Hits)
    assert pickle.loads(pickle.dumps(hits)) == plain


def test_a_search_decodes_nothing_for_show_until_it_is_displayed(filled: Index, media: Path) -> None:
    with mock.patch.object(previews, "thumbnail", side_effect=AssertionError), \
         mock.patch.object(previews, "clip", side_effect=AssertionError):  # fmt: skip
        hits = filled.search(media / "a.png")
        assert "Hit(" in repr(hits)


def test_what_is_found_is_seen_and_heard_without_the_files(filled: Index, media: Path) -> None:
    hits = filled.search(media / "a.png")
    html = hits._repr_html_()
    for path in media.iterdir():
        path.unlink()
    assert len(addresses(html, "img")) == 5
    assert len(addresses(html, "audio")) == 3
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses(html, "img"))
    assert all(address.startswith("data:audio/mpeg;base64,") for address in addresses(html, "audio"))
    for hit in hits:
        assert f"{hit.relevance:.3f}" in html
    assert "<script" not in html


def test_a_video_shows_its_frame_and_plays(index: Index, media: Path) -> None:
    video(media / "v.mp4")
    picture(media / "red.png", RED)
    index.add([media])
    html = index.search(media / "red.png")._repr_html_()
    assert 'class="tile video"' in html
    assert len(addresses(html, "img")) == 1


def test_few_are_shown_and_the_others_counted(index: Index, media: Path) -> None:
    for number in range(15):
        picture(media / f"{number:02}.png", (10 * number, 100, 200))
    index.add([media])
    html = index.search(media / "00.png", n=50, copies=True)._repr_html_()
    assert len(addresses(html, "img")) == 12
    assert "… and 2 more." in HtmlPage(html).text


def test_names_and_labels_cannot_become_markup(index: Index, media: Path) -> None:
    asked = picture(media / "asked.png", RED)
    name = '<img src=x onerror="alert(1)">&.png'
    picture(media / name, RED, size=(16, 12))
    index.add([media])
    index.label([str(media / name)], "<b>bold</b>")
    html = index.search(asked, copies=True)._repr_html_()
    assert name in HtmlPage(html).text
    assert "<b>bold</b>" in HtmlPage(html).text
    assert addresses(html, "img") != ["x"]
    assert "<b>" not in html


def test_a_file_that_is_gone_is_said_to_be(filled: Index, media: Path) -> None:
    hits = filled.search(media / "a.png", modality="sound")
    (media / "b.wav").unlink()
    html = hits._repr_html_()
    assert re.search(r'class="problem">[^<]*b\.wav', html)
    assert len(addresses(html, "audio")) == 2


def test_a_name_that_is_not_utf_8_is_shown(index: Index, media: Path) -> None:
    asked = picture(media / "asked.png", RED)
    picture(media / "\udce9t\udce9.png", RED, size=(16, 12))
    index.add([media])
    html = index.search(asked, copies=True)._repr_html_()
    html.encode()
    assert r"\xe9t\xe9.png" in html


def test_nothing_found_is_said(index: Index) -> None:
    assert "Nothing was found." in Hits()._repr_html_()


def test_names_are_shown_with_how_sure_they_are(filled: Index, media: Path) -> None:
    filled.label([str(media / "a.png")], "red")
    filled.label([str(media / "c.png")], "blue")
    answers = filled.classify([str(media / "c.wav")])
    html = answers._repr_html_()
    assert isinstance(answers, Classifications)
    assert f'blue <span class="number">{answers[0].confidence:.3f}' in html
    assert len(addresses(html, "audio")) == 1


@pytest.mark.parametrize("seconds", [3.0, 30.0])
def test_a_sound_plays_where_it_was_found(index: Index, media: Path, seconds: float) -> None:
    asked = sound(media / "asked.wav", (HIGH_HZ, 1))
    long = sound(media / "long.wav", (300, seconds), (HIGH_HZ, 10))
    set_mtime(long, 1)
    index.add([media])
    hits = index.search(asked)
    start_s = hits[0].start_s
    assert start_s is not None
    assert f"{start_s:.1f} s to {start_s + 6:.1f} s" in hits._repr_html_()
