"""Which items the names in files of labels mean."""

from __future__ import annotations

import posixpath
import unicodedata
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from modag_search.labels.files import LabelEntry
from modag_search.labels.files.matches import match_entries
from tests.catalog_builders import image, new_catalog, put, sound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog

LABELS = "/data/meta/labels.csv"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with new_catalog(tmp_path / "catalog.sqlite") as catalog:
        yield catalog


def entry(written: str, *, also: str = "", of_sound: bool = False) -> LabelEntry:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(LABELS), written))
    return LabelEntry(path=path, label="x", source=LABELS, written=written, also=also, of_sound=of_sound)


def filled(catalog: Catalog, *paths: str) -> Catalog:
    put(catalog, *(sound(path, path) if path.endswith(".wav") else image(path, path) for path in paths))
    return catalog


def meant(catalog: Catalog, *written: str) -> list[str | None]:
    entries = [entry(name) for name in written]
    found = match_entries(catalog, entries)
    return [found[one.path].path for one in entries]


@pytest.mark.parametrize(
    ("written", "is_by_name"),
    [
        ("../audio/a.wav", False),
        ("/data/audio/a.wav", False),
        ("..\\audio\\a.wav", False),
        ("a.wav", True),
        ("audio/a.wav", True),
        ("C:\\Users\\me\\audio\\a.wav", True),
        ("D:\\a.wav", True),
        ("/old/disk/audio/a.wav", True),
        ("a", True),
        ("../audio/a", False),
    ],
)
def test_a_name_means_what_it_ends_like(catalog: Catalog, written: str, is_by_name: bool) -> None:
    filled(catalog, "/data/audio/a.wav", "/data/audio/b.wav", "/other/ba.wav")
    match = match_entries(catalog, [entry(written)])[entry(written).path]
    assert (match.path, match.is_by_name) == ("/data/audio/a.wav", is_by_name)


def test_the_longest_end_counts(catalog: Catalog) -> None:
    filled(catalog, "/x/cats/1.jpg", "/x/dogs/1.jpg", "/y/dogs/2.jpg")
    assert meant(catalog, "C:\\pets\\dogs\\1.jpg", "dogs/2.jpg") == ["/x/dogs/1.jpg", "/y/dogs/2.jpg"]


def test_several_that_could_be_meant_are_named(catalog: Catalog) -> None:
    filled(catalog, "/x/cats/1.jpg", "/x/dogs/1.jpg")
    match = match_entries(catalog, [entry("1.jpg")])[entry("1.jpg").path]
    assert (match.path, match.candidates) == (None, ("/x/cats/1.jpg", "/x/dogs/1.jpg"))


def test_of_several_one_below_the_file_is_meant(catalog: Catalog) -> None:
    filled(catalog, "/data/meta/deep/1.jpg", "/x/1.jpg")
    assert meant(catalog, "1.jpg") == ["/data/meta/deep/1.jpg"]


def test_an_item_is_meant_by_the_name_that_fits_it_best(catalog: Catalog) -> None:
    filled(catalog, "/x/dogs/1.jpg")
    assert meant(catalog, "cats/1.jpg", "dogs/1.jpg") == [None, "/x/dogs/1.jpg"]
    assert meant(catalog, "/x/dogs/1.jpg", "cats/1.jpg") == ["/x/dogs/1.jpg", None]
    assert meant(catalog, "1.jpg", "./1.jpg", "dogs/1.jpg") == ["/x/dogs/1.jpg"] * 3, "no part of these says otherwise"


def test_names_that_fit_an_item_equally_are_rivals(catalog: Catalog) -> None:
    filled(catalog, "/x/1.jpg")
    entries = [entry("cats/1.jpg"), entry("dogs/1.jpg")]
    found = match_entries(catalog, entries)
    assert [(found[one.path].path, found[one.path].rivals) for one in entries] == [
        (None, ("dogs/1.jpg",)),
        (None, ("cats/1.jpg",)),
    ]


def test_a_track_means_a_sound_and_not_the_picture_of_its_name(catalog: Catalog) -> None:
    filled(catalog, "/x/a.wav", "/x/a.png")
    track = entry("a", of_sound=True)
    assert match_entries(catalog, [track])[track.path].path == "/x/a.wav"
    assert meant(catalog, "a") == [None]


def test_the_name_before_an_upload_is_tried_second(catalog: Catalog) -> None:
    filled(catalog, "/x/b.jpg", "/x/8c3f-c.jpg", "/x/c.jpg")
    entries = [entry("u/8c3f-b.jpg", also="b.jpg"), entry("u/8c3f-c.jpg", also="c.jpg")]
    found = match_entries(catalog, entries)
    assert [found[one.path].path for one in entries] == ["/x/b.jpg", "/x/8c3f-c.jpg"]


def test_what_is_nowhere_means_nothing(catalog: Catalog) -> None:
    assert meant(catalog, "a.wav", "..", "") == [None, None, None]
    filled(catalog, "/x/a.wav")
    assert meant(catalog, "b.wav", "A.wav", "a.mp3") == [None, None, None]
    filled(catalog, "/x/c.wav.png")
    assert meant(catalog, "c.wav", "c.wav.png") == [None, "/x/c.wav.png"]


PARTS = st.text(st.sampled_from("ab\u00fc\u00e91 ."), min_size=1, max_size=3).filter(lambda part: part.strip(". "))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts) + ".wav")


@settings(deadline=None, max_examples=60)
@given(paths=st.lists(PATHS, min_size=1, max_size=5, unique=True), data=st.data())
def test_any_end_that_no_other_path_has_means_its_item(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(paths))
    parts = path.split("/")[1:]
    end = parts[-data.draw(st.integers(1, len(parts))) :]
    n_others = sum(other.split("/")[1:][-len(end) :] == end for other in paths if other != path)
    with new_catalog(tmp_path_factory.mktemp("matches") / "catalog.sqlite") as catalog:
        filled(catalog, *paths)
        for sign in ("/", "\\"):
            for form in ("NFC", "NFD"):
                written = unicodedata.normalize(form, sign.join(end))
                (found,) = match_entries(catalog, [entry(written)]).values()
                if n_others == 0:
                    assert found.path == path
                else:
                    assert path in found.candidates
