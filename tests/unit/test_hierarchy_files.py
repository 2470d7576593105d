"""Files of hierarchies: what they say, and what is wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from modag_search.errors import UsageError
from modag_search.labels.files.hierarchies import read_hierarchy_file

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_children_parents_and_ids(tmp_path: Path) -> None:
    hierarchy, ids, _ = read_hierarchy_file(
        written(
            tmp_path / "h.csv",
            "Parent,Child,note,AudioSet_id",
            "bowed, violin ,x,/m/07y_7",
            "string,bowed,,",
            '"strings, plucked",guitar,, /m/0342h ',
            ",drum,,/m/026t6",
        )
    )
    assert list(hierarchy.pairs()) == [("bowed", "string"), ("guitar", "strings, plucked"), ("violin", "bowed")]
    assert ids == {"violin": "/m/07y_7", "guitar": "/m/0342h", "drum": "/m/026t6"}
    assert hierarchy.ancestors("violin") == {"bowed", "string"}


def test_tabs_semicolons_and_json_lines_say_the_same(tmp_path: Path) -> None:
    rows = [("violin", "bowed", "/m/07y_7"), ("bowed", "string", None)]
    objects = [dict(zip(("child", "parent", "audioset_id"), row, strict=True)) for row in rows]
    files = [
        written(tmp_path / "h.jsonl", *(json.dumps(row) for row in objects), ""),
        *(
            written(
                tmp_path / f"{number}.csv",
                sign.join(("child", "parent", "audioset_id")),
                *(sign.join(cell or "" for cell in row) for row in rows),
            )
            for number, sign in enumerate(",;\t")
        ),
    ]
    read = [read_hierarchy_file(path) for path in files]
    assert [(list(hierarchy.pairs()), ids) for hierarchy, ids, _ in read] == [
        ([("bowed", "string"), ("violin", "bowed")], {"violin": "/m/07y_7"})
    ] * len(files)


def test_what_is_said_twice_counts_once(tmp_path: Path) -> None:
    lines = ["child,parent,audioset_id", "violin,bowed,/m/07y_7", "violin,wooden,/m/07y_7", "violin,bowed,"]
    hierarchy, ids, _ = read_hierarchy_file(written(tmp_path / "h.csv", *lines))
    assert hierarchy.parents == {"violin": {"bowed", "wooden"}}
    assert ids == {"violin": "/m/07y_7"}


def test_labels_at_the_top_alone_are_a_hierarchy_too(tmp_path: Path) -> None:
    hierarchy, ids, _ = read_hierarchy_file(written(tmp_path / "h.csv", "child,parent,audioset_id", "violin,,/m/07y_7"))
    assert not hierarchy
    assert ids == {"violin": "/m/07y_7"}


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        (
            "h.csv",
            ["label,parent", "a,b"],
            r"line 1: must name the columns child,parent\[,audioset_id\]\[,means\], not 'label,",
        ),
        ("h.csv", [""], "line 1: must name the columns child,parent"),
        ("h.csv", ["child,parent"], "holds no rows"),
        ("h.csv", ["child,parent", "a,b", " ,b"], "line 3: lacks child"),
        ("h.jsonl", ['{"parent": "b"}'], "line 1: lacks child"),
        ("h.jsonl", ['{"child": "a", "parent": "b"}', "{"], "line 2: is not JSON"),
        ("h.jsonl", ["[1]"], "line 1: must be an object with child,parent"),
        ("h.csv", ["child,parent", "a,b,c"], "line 2: has more cells than line 1 has columns"),
    ],
)
def test_lines_that_cannot_be_meant_are_named(tmp_path: Path, name: str, lines: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: {words}"):
        read_hierarchy_file(written(tmp_path / name, *lines))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"child": ["a"], "parent": "b"}, "child"),
        ({"child": "a", "parent": ["b", "c"]}, "parent"),
        ({"child": "a", "parent": 7}, "parent"),
        ({"child": "a", "parent": "b", "audioset_id": {"id": 1}}, "audioset_id"),
    ],
)
def test_names_are_text(tmp_path: Path, row: dict[str, object], column: str) -> None:
    with pytest.raises(UsageError, match=rf"h\.jsonl: line 1: .*{column}"):
        read_hierarchy_file(written(tmp_path / "h.jsonl", json.dumps(row)))


@pytest.mark.parametrize("column", ["child", "parent", "audioset_id"])
@pytest.mark.parametrize("name", ["x\ud800", "x\0"])
def test_names_that_no_catalog_can_keep(tmp_path: Path, column: str, name: str) -> None:
    row = {"child": "a", "parent": "b", column: name}
    with pytest.raises(UsageError, match=r"h\.jsonl: line 1: "):
        read_hierarchy_file(written(tmp_path / "h.jsonl", json.dumps(row)))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.csv: cannot be read: No such file or directory"):
        read_hierarchy_file(tmp_path / "nowhere.csv")
    path = tmp_path / "h.csv"
    path.write_bytes(b"child,parent\nf\xfcr\0,b\n")
    with pytest.raises(UsageError, match=r"h\.csv: is not a text file; a hierarchy is CSV or JSONL in UTF-8"):
        read_hierarchy_file(path)


@pytest.mark.parametrize(
    ("pairs", "line", "way"),
    [
        (["a,a"], 2, "a > a"),
        (["violin,bowed", "bowed,string", "drum,string", "string,violin", "x,y"], 5, "violin"),
        (["a,b", "b,a", "c,c"], 3, "a"),
    ],
)
def test_a_circle_is_named_with_the_line_that_closes_it(tmp_path: Path, pairs: list[str], line: int, way: str) -> None:
    with pytest.raises(UsageError, match=rf"h\.csv: line {line}: a label cannot be a kind of itself: .*{way}"):
        read_hierarchy_file(written(tmp_path / "h.csv", "child,parent", *pairs))


def test_a_long_circle_is_found_soon_and_told_shortly(tmp_path: Path) -> None:
    pairs = [f"{number},{(number + 1) % 8000}" for number in range(8000)]
    way = r"0 > 7999 > 7998 > 7997 > 7996 > 7995 > 7994 > 7993 > 7992 > \.\.\. \(7991 more\) \.\.\. > 0$"
    with pytest.raises(UsageError, match=rf"h\.csv: line 8001: a label cannot be a kind of itself: {way}"):
        read_hierarchy_file(written(tmp_path / "h.csv", "child,parent", *pairs))


def test_the_depth_of_a_long_way_down(tmp_path: Path) -> None:
    pairs = [f"{number},{number + 1}" for number in range(8000)]
    hierarchy, _, _ = read_hierarchy_file(written(tmp_path / "h.csv", "child,parent", *pairs))
    assert hierarchy.depth == 8000
    assert hierarchy.at_level("0", 7999) == {"1"}


def test_a_long_way_down_is_no_circle(tmp_path: Path) -> None:
    pairs = [f"{number},{number + 1}" for number in range(2000)]
    hierarchy, _, _ = read_hierarchy_file(written(tmp_path / "h.csv", "child,parent", *pairs))
    assert hierarchy.level("0") == 2000


def test_an_id_belongs_to_one_label_and_a_label_has_one_id(tmp_path: Path) -> None:
    head = "child,parent,audioset_id"
    two_labels = written(tmp_path / "h.csv", head, "violin,bowed,/m/1", "x,y,", "fiddle,bowed,/m/1")
    with pytest.raises(UsageError, match=r"h\.csv: line 4: /m/1 is the id of violin already, in line 2"):
        read_hierarchy_file(two_labels)
    two_ids = written(tmp_path / "h.csv", head, "violin,bowed,/m/1", "violin,wooden,/m/2")
    with pytest.raises(UsageError, match=r"h\.csv: line 3: violin has the id /m/1 already, from line 2"):
        read_hierarchy_file(two_ids)
