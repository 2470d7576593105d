"""Rows of CSV and JSONL files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search import tables
from modag_search.errors import UsageError
from modag_search.tables import read_rows, text_in

if TYPE_CHECKING:
    from collections.abc import Iterable


def names_a(columns: Iterable[str]) -> bool:
    return "a" in set(columns)


def rows(path: Path, content: str | bytes) -> list[tuple[int, dict[str, object]]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    read = read_rows(path, columns="a", suffice=names_a, noun="a list")
    return [(line, dict(cells)) for line, cells in read]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_columns_are_told_apart_by_what_the_first_line_has(tmp_path: Path, sign: str) -> None:
    assert rows(tmp_path / "r.csv", f'A{sign}"b"\n1{sign}2\n\n"x{sign}y"{sign}\n') == [
        (2, {"a": "1", "b": "2"}),
        (4, {"a": f"x{sign}y", "b": ""}),
    ]


def test_a_column_without_a_name_is_a_column(tmp_path: Path) -> None:
    """pandas writes its index so."""
    assert rows(tmp_path / "r.csv", ",a\n0,x\n1,y\n") == [(2, {"": "0", "a": "x"}), (3, {"": "1", "a": "y"})]
    assert rows(tmp_path / "r.csv", "a,\nx\n") == [(2, {"a": "x", "": None})]
    with pytest.raises(UsageError, match="line 2: has more cells"):
        rows(tmp_path / "r.csv", ",a\n0,x,y\n")


def test_what_spreadsheets_write(tmp_path: Path) -> None:
    assert rows(tmp_path / "r.csv", b"\xef\xbb\xbfa,b\r\n1,\r\n2\r\n") == [
        (2, {"a": "1", "b": ""}),
        (3, {"a": "2", "b": None}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_that_show(tmp_path: Path, encoding: str) -> None:
    assert rows(tmp_path / "r.csv", "a;b\r\nFl\u00f6te;1\r\n".encode(encoding)) == [(2, {"a": "Fl\u00f6te", "b": "1"})]


def test_an_encoding_that_does_not_show_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert rows(tmp_path / "r.csv", "a\nFl\u00f6te \u2013 d'amore\n".encode("cp1252")) == [
        (2, {"a": "Fl\u00f6te \u2013 d'amore"})
    ]
    assert caplog.messages == [f"{tmp_path}/r.csv: is not in UTF-8, and was read as Windows-1252"]


def test_what_excel_says_of_separators(tmp_path: Path) -> None:
    assert rows(tmp_path / "r.csv", "sep=;\r\na;b, free\r\n1;2\r\n") == [(3, {"a": "1", "b, free": "2"})]
    assert rows(tmp_path / "r.csv", "b, free;a\n1;2\n") == [(2, {"b, free": "1", "a": "2"})]
    assert rows(tmp_path / "r.csv", "a\rx\ry\r") == [(2, {"a": "x"}), (3, {"a": "y"})]


def test_a_cell_of_any_length_is_read(tmp_path: Path) -> None:
    assert rows(tmp_path / "r.csv", f"a,b\n1,{'x' * 200_000}\n") == [(2, {"a": "1", "b": "x" * 200_000})]


def test_what_has_no_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_BYTES", 2**20)
    with pytest.raises(UsageError, match=r"/dev/zero: has more than 1 MiB, and a list has less"):
        tables.read_text(Path("/dev/zero"), noun="a list")


def test_json_lines(tmp_path: Path) -> None:
    expected = [(1, {"a": 1}), (3, {"b": [2]})]
    for name in ("r.jsonl", "r.NDJSON"):
        assert rows(tmp_path / name, '{"a": 1}\n\n{"b": [2]}\n') == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("r.csv", "", "line 1: must name the columns a, not ''"),
        ("r.csv", "a\n", "holds no rows"),
        ("r.jsonl", "\n", "holds no rows"),
        ("r.csv", "b\n1\n", "line 1: must name the columns a, not 'b'"),
        ("r.csv", "a\n1\n2,3\n", "line 3: has more cells than line 1 has columns"),
        ("r.jsonl", '{"a": 1}\n{', "line 2: is not JSON"),
        ("r.jsonl", "[" * 100_000, "line 1: is not JSON"),
        ("r.jsonl", "3\n", "line 1: must be an object with a"),
        ("r.csv", b"a\n\xff\0\n", "is not a text file; a list is CSV or JSONL in UTF-8"),
        ("r.csv", b"PK\3\4\x14", "is a workbook or an archive; save what it holds as CSV in UTF-8"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: {words}"):
        rows(tmp_path / name, content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: cannot be read: No such file"):
        list(read_rows(tmp_path / "none.csv", columns="a", suffice=names_a, noun="a list"))


@pytest.mark.parametrize("cells", [{}, {"a": None}, {"a": " "}, {"a": 3}])
def test_cells_without_text(cells: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="there: lacks a"):
        text_in(cells, "a", where="there")
    assert text_in({"a": " x "}, "a", where="there") == "x"
