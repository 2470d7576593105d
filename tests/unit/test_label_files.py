"""Files of labels: what they say, and what is wrong with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from modag_search.errors import UsageError
from modag_search.labels.files import LabelEntry, ReadingOptions, read_label_file

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read(path: Path) -> list[LabelEntry]:
    return read_label_file(path).entries


def jams(path: Path, *annotations: dict[str, Any], duration: Any = 4.0, about: str | None = "media/a.wav") -> Path:
    document = {
        "file_metadata": {"duration": duration, "title": "a"},
        "annotations": list(annotations),
        "sandbox": {} if about is None else {"modag": {"path": about}},
    }
    path.write_text(json.dumps(document))
    return path


def tags(*observations: tuple[Any, Any, Any], namespace: str = "tag_open") -> dict[str, Any]:
    data = [
        {"time": time, "duration": duration, "value": value, "confidence": None}
        for time, duration, value in observations
    ]
    return {"namespace": namespace, "annotation_metadata": {}, "data": data}


def said(entries: list[LabelEntry]) -> list[tuple[str, float | None, float | None]]:
    return [(entry.label, entry.start_s, entry.end_s) for entry in entries]


def test_rows_with_and_without_parts(tmp_path: Path) -> None:
    lines = [
        "label,path,end_s,start_s,origin",
        "harp,a.wav,,,hand",
        f"lute,{tmp_path}/x/../b.wav, 2.5 ,1",
        "x,a.wav,2,,",
    ]
    path = written(tmp_path / "l.csv", *lines)
    entries = read(path)
    assert [(entry.path, entry.line, entry.source) for entry in entries] == [
        (str(tmp_path / "a.wav"), 2, str(path)),
        (str(tmp_path / "b.wav"), 3, str(path)),
        (str(tmp_path / "a.wav"), 4, str(path)),
    ]
    assert said(entries) == [("harp", None, None), ("lute", 1.0, 2.5), ("x", None, 2.0)]


def test_tabs_and_json_lines_say_the_same(tmp_path: Path) -> None:
    csv = read(written(tmp_path / "l.csv", "path,label,start_s", "a.wav,harp,0.5"))
    tsv = read(written(tmp_path / "l.TSV", "path\tlabel\tstart_s", "a.wav\tharp\t0.5"))
    row = {"path": "a.wav", "label": "harp", "start_s": 0.5, "end_s": None, "more": [1]}
    assert csv == tsv == read(written(tmp_path / "l.jsonl", json.dumps(row)))


def test_what_is_said_twice_counts_once(tmp_path: Path) -> None:
    path = written(tmp_path / "l.csv", "path,label,start_s", "a.wav,harp,", "./a.wav, harp ,", "a.wav,harp,1")
    assert [(entry.line, entry.start_s) for entry in read(path)] == [(2, None), (4, 1.0)]


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        (
            "l.csv",
            ["path,what", "a,b"],
            "line 1: must name the columns path,label, .* --label-column name, not 'path', 'what'",
        ),
        ("l.csv", ["path,label"], "holds no rows"),
        ("l.csv", ["path,label", "a.wav,x", ",y"], "line 3: lacks path"),
        ("l.jsonl", ['{"path": "a.wav", "label": 3}'], "line 1: lacks label"),
        ("l.jsonl", ['{"label": "x"}'], "line 1: must name the columns path,label, .* not 'label'"),
        ("l.jsonl", ['{"path": "a", "label": "x"}', '{"label": "x"}'], "line 2: lacks path"),
        ("l.csv", ["path,label,start_s", "a.wav,x,soon"], "line 2: start_s must be a number of seconds, not 'soon'"),
        ("l.jsonl", ['{"path": "a", "label": "x", "end_s": true}'], "line 1: end_s must be a number .* not True"),
        ("l.csv", ["path,label,start_s", "a.wav,x,-1"], "line 2: -1.0 is no time"),
        ("l.csv", ["path,label,start_s", "a.wav,x,nan"], "line 2: nan is no time"),
        ("l.csv", ["path,label,start_s,end_s", "a.wav,x,2,2"], "line 2: 2.0 s to 2.0 s is empty; the start must lie"),
        ("l.csv", ["path,label,end_s", "a.wav,x,0"], "line 2: 0.0 s to 0.0 s is empty"),
        (
            "l.jsonl",
            [r'{"path": "a", "label": "x\ud800"}'],
            r"line 1: 'x\\ud800': a label must be text in UTF-8",
        ),
        (
            "l.jsonl",
            [r'{"path": "a", "label": "x\u0000y"}'],
            r"line 1: 'x\\x00y': a label must be text in UTF-8",
        ),
        ("l.jsonl", [r'{"path": "\ud800", "label": "x"}'], "line 1: .* cannot be the name of a file"),
        ("l.txt", ["Notes", "a,b"], "is of no kind that labels are read from: CSV and JSONL with path and label, JAMS"),
    ],
)
def test_lines_that_cannot_be_meant_are_named(tmp_path: Path, name: str, lines: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: {words}"):
        read(written(tmp_path / name, *lines))


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    (entry,) = read(written(tmp_path / "l.jsonl", r'{"path": "\udcff.wav", "label": "x"}'))
    assert entry.path == f"{tmp_path}/\udcff.wav"
    (tmp_path / "l.csv").write_bytes(b"path,label\n\xff\0.wav,x\n")
    with pytest.raises(UsageError, match=r"l\.csv: is not a text file; a file of labels is CSV or JSONL in UTF-8"):
        read(tmp_path / "l.csv")


def test_tags_of_a_recording_and_of_its_parts(tmp_path: Path) -> None:
    beats = {"namespace": "beat", "data": {"time": [0.0], "duration": [0.0], "value": [1], "confidence": [None]}}
    whole = tags((0, 4.0, "harp"), (0.0, 0, "plucked"), (0, None, "string"), namespace="tag_audioset")
    path = jams(tmp_path / "l.jams", whole, beats, tags((0, 1.5, "start"), (1, 2, "middle"), (2, None, "rest")))
    entries = read(path)
    assert {(entry.path, entry.source, entry.line) for entry in entries} == {
        (str(tmp_path / "media" / "a.wav"), str(path), 0)
    }
    assert said(entries) == [
        ("harp", None, None),
        ("plucked", None, None),
        ("string", None, None),
        ("start", 0.0, 1.5),
        ("middle", 1.0, 3.0),
        ("rest", 2.0, None),
    ]


def test_tags_as_lists(tmp_path: Path) -> None:
    data = {"time": [0, 1], "duration": [4, 1], "value": ["x", "y"], "confidence": [1, 1]}
    path = jams(tmp_path / "l.jams", {"namespace": "tag_open", "data": data})
    assert said(read(path)) == [("x", None, None), ("y", 1.0, 2.0)]


def test_how_sure_a_program_was_of_its_tags(tmp_path: Path) -> None:
    sure = {"time": [0, 0, 0], "duration": [4, 4, 4], "value": ["x", "y", "z"], "confidence": [0.9, 0.03, None]}
    rows = [dict(zip(sure, cells, strict=True)) for cells in zip(*sure.values(), strict=True)]
    for data in (sure, rows):
        path = jams(tmp_path / "l.jams", {"namespace": "tag_open", "data": data})
        file = read_label_file(path)
        assert [(entry.label, entry.confidence) for entry in file.entries] == [("x", 0.9), ("z", None)]
        (passed_over,) = file.passed_over
        assert (passed_over.name, passed_over.reason) == (f"{tmp_path}/media/a.wav", "below a confidence of 0.5")
        assert len(read_label_file(path, ReadingOptions(min_confidence=0.01)).entries) == 3
        assert [entry.label for entry in read_label_file(path, ReadingOptions(min_confidence=0.95)).entries] == ["z"]
    ours = {"annotation_tools": "modag-search", "data_source": "import from birds.csv"}
    path = jams(path, {"namespace": "tag_open", "data": rows, "annotation_metadata": ours})
    assert [entry.label for entry in read(path)] == ["x", "y", "z"], "they were given, as in our CSV"


def test_the_media_file_beside_a_jams_file(tmp_path: Path) -> None:
    path = jams(tmp_path / "a.b.jams", tags((0, 0, "x")), about=None)
    with pytest.raises(UsageError, match=r"a\.b\.jams: no media file of that name lies beside it"):
        read(path)
    for name in ("a.b.txt", "a.wav", "a.b.wav"):
        (tmp_path / name).touch()
    assert [entry.path for entry in read(path)] == [str(tmp_path / "a.b.wav")]
    (tmp_path / "a.b.png").touch()
    with pytest.raises(UsageError, match=r"speaks of a\.b\.png or a\.b\.wav; name one in it, as sandbox\.modag\.path"):
        read(path)


def test_a_folder_of_jams_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no \.jams files; `--from-folders` takes the names of folders"):
        read(tmp_path)
    (tmp_path / "deep").mkdir()
    jams(tmp_path / "2.jams", tags((0, 0, "two")))
    jams(tmp_path / "deep" / "1.jams", tags((0, 0, "one")), about="../a.wav")
    entries = read(tmp_path)
    assert [(entry.label, entry.path) for entry in entries] == [
        ("two", str(tmp_path / "media" / "a.wav")),
        ("one", str(tmp_path / "a.wav")),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON, and so not JAMS"),
        ("[]", "is not JAMS: it has no list of annotations"),
        ('{"annotations": []}', r"holds no tags, which are the annotations of tag_\.\.\.; it holds nothing"),
        ('{"annotations": [{"namespace": "chord"}, {"namespace": "beat"}]}', "it holds beat, chord"),
        ('{"annotations": [{"namespace": "tag_open", "data": 3}]}', r"annotation 1 \(tag_open\): its data are neither"),
        (
            '{"annotations": [{"namespace": "tag_open", "data": {"time": [1], "duration": [], "value": []}}]}',
            "annotation 1 .* of one length",
        ),
    ],
)
def test_files_that_hold_no_tags(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"l.jams: .*{words}"):
        read(written(tmp_path / "l.jams", content))
    with pytest.raises(UsageError, match=r"none\.jams: cannot be read"):
        read(tmp_path / "none.jams")


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        ((0, 4, 3), "its value must be text, not 3"),
        ((0, 4, " "), "a label must have a name"),
        (("0", 4, "x"), "its time must be a number of seconds, not '0'"),
        ((0, -1, "x"), "its duration must be a number of seconds, not -1"),
        ((1, 0, "x"), "1.0 s to 1.0 s is empty"),
    ],
)
def test_tags_that_cannot_be_meant_are_named(tmp_path: Path, observation: tuple[Any, Any, Any], words: str) -> None:
    path = jams(tmp_path / "l.jams", tags((0, 4, "x")), tags((0, 4, "x"), observation))
    with pytest.raises(UsageError, match=rf"l\.jams: annotation 2 \(tag_open\), observation 2: {words}"):
        read(path)
    with pytest.raises(UsageError, match=r"l\.jams: file_metadata: its duration must be a number"):
        read(jams(path, tags((0, 4, "x")), duration="long"))
