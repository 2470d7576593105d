"""Names in two Unicode forms, and names that were perhaps meant."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modag_search.spelling import bare, composed, did_you_mean, near, on_disk, printable, unescaped

if TYPE_CHECKING:
    from pathlib import Path

NFC, NFD = "Gr\u00fcn", "Gru\u0308n"


@given(st.text())
def test_forms_of_a_name_are_composed_to_one(name: str) -> None:
    assert composed(unicodedata.normalize("NFD", name)) == composed(name) == composed(composed(name))


@given(st.binary().filter(lambda name: b"\\" not in name))
def test_names_that_are_not_utf_8_can_be_written_and_read(name: bytes) -> None:
    text = name.decode(errors="surrogateescape")
    assert printable(text).encode().decode() == printable(text)
    assert unescaped(printable(text)) == text


@pytest.mark.parametrize("written", [NFC, NFD])
@pytest.mark.parametrize("asked", [NFC, NFD])
def test_a_path_is_as_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, asked: str
) -> None:
    (tmp_path / written).mkdir()
    (tmp_path / written / f"{written}.jpg").touch()
    assert on_disk(f"{tmp_path}/{asked}/{asked}.jpg") == f"{tmp_path}/{written}/{written}.jpg"
    monkeypatch.chdir(tmp_path)
    assert on_disk(f"{asked}/./{asked}.jpg") == (
        f"{asked}/./{asked}.jpg" if asked == written else f"{written}/./{written}.jpg"
    )


def test_a_path_that_is_nowhere_stays_as_it_is(tmp_path: Path) -> None:
    for path in (f"{tmp_path}/{NFC}/x.jpg", f"{NFC}\0", "", "x.jpg", f"/nowhere/{NFC}"):
        assert on_disk(path) == path


def test_of_two_that_look_the_same_none_is_chosen(tmp_path: Path) -> None:
    both = "\u1e69"  # s with a dot above and one below, in an order of its own
    for name in ("s\u0323\u0307", "\u1e63\u0307"):
        (tmp_path / name).touch()
    assert on_disk(f"{tmp_path}/{both}") == f"{tmp_path}/{both}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DOG", ["dog"]),
        ("sea waves", ["sea_waves"]),
        ("GRU\u0308N", ["gr\u00fcn"]),
        ("dgo", ["dog"]),
        ("violn", ["violin", "viola"]),
        ("piano", []),
    ],
)
def test_names_that_were_meant(name: str, expected: list[str]) -> None:
    assert near(name, ["dog", "sea_waves", "gr\u00fcn", "viola", "violin"]) == expected


def test_all_that_differ_in_case_alone_are_named() -> None:
    assert did_you_mean("DOG", ["dog", "Dog", "dogs"]) == "; did you mean Dog or dog?"
    assert did_you_mean("x", []) == ""


@given(st.text())
def test_case_and_signs_make_no_other_name(name: str) -> None:
    assert bare(name) == bare(name.replace("_", "-"))
