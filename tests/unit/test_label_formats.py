"""Files of labels as programs and collections write them, told by their looks."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from modag_search.errors import UsageError
from modag_search.labels.files import LabelFile, ReadingOptions, read_label_file

if TYPE_CHECKING:
    from pathlib import Path

Said = list[tuple[str, str, float | None, float | None]]

RAVEN = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
VIA_HEAD = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
VIA_3_ATTRIBUTE = {"1": {"aname": "label", "options": {"0": "song", "1": "call"}}}


def read(path: Path, content: str | bytes | Any, **options: Any) -> LabelFile:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_label_file(path, ReadingOptions(**options))


def said(file: LabelFile) -> Said:
    folder = os.path.dirname(file.source)
    return [(os.path.relpath(one.path, folder), one.label, one.start_s, one.end_s) for one in file.entries]


def passed_over(file: LabelFile) -> list[tuple[str, str, int]]:
    return [(one.name, one.reason, one.line) for one in file.passed_over]


# Tracks and tables of parts of sounds.


def test_an_audacity_track_speaks_of_the_sound_of_its_name(tmp_path: Path) -> None:
    file = read(
        tmp_path / "dawn.txt",
        "0.350000\t0.664000\tcall\n\\\t2000.0\t4000.0\n0,664\t1,359\tlong call\r\n2\t3\t\n4.5\t4.5\tpoint\n",
    )
    assert file.kind == "Audacity label track"
    assert said(file) == [
        ("dawn", "call", 0.35, 0.664),
        ("dawn", "long call", 0.664, 1.359),
        ("dawn", "point", 4.5, 4.501),
    ]
    assert all(one.of_sound for one in file.entries)
    assert [one.line for one in file.entries] == [1, 3, 5]
    assert passed_over(file) == [("dawn", "without a label", 4)]
    assert file.remarks == ["labels at a moment hold for the thousandth of a second that begins there"]


@pytest.mark.parametrize("species", ["Strix varia, Barred Owl", "Strix varia_Barred Owl"])
def test_a_track_of_birdnet_says_how_sure_it_was(tmp_path: Path, species: str) -> None:
    file = read(tmp_path / "5.BirdNET.results.txt", f"0.0\t3.0\t{species}\t0.9237\n3.0\t6.0\tCanis lupus_Wolf\t0.31\n")
    assert file.kind == "BirdNET label track"
    assert said(file) == [("5", "Barred Owl", 0.0, 3.0)]
    assert [one.confidence for one in file.entries] == [0.9237]
    assert passed_over(file) == [("5", "below a confidence of 0.5", 2)]


@pytest.mark.parametrize("column", ["Species", "Label", "Annotation", "Tag", "Call Type", "My notes"])
def test_a_raven_table_has_labels_in_the_column_that_is_there(tmp_path: Path, column: str) -> None:
    row = "1\tSpectrogram 1\t1\t0.5\t2.3\t4029.8\t17006.4\t5.wav\tGWWA\t1.8"
    lines = f"{RAVEN}\tBegin File\t{column}\tDelta Time (s)\n{row}\n"
    file = read(tmp_path / "5.Table.1.selections.txt", lines)
    assert (file.kind, said(file)) == ("Raven selection table", [("5.wav", "GWWA", 0.5, 2.3)])


def test_a_selection_of_raven_in_two_views_is_one(tmp_path: Path) -> None:
    rows = [f"1\t{view} 1\t1\t0.5\t2.3\t0\t9\towl" for view in ("Waveform", "Spectrogram")]
    file = read(
        tmp_path / "5.Table.1.selections.txt", "\n".join([f"{RAVEN}\tSpecies", *rows, "2\tWaveform 1\t1\t3\t4\t0\t9\t"])
    )
    assert said(file) == [("5", "owl", 0.5, 2.3)], "named by the file, where no column names the sound"
    assert passed_over(file) == [("5", "without a label", 4)]


def test_a_raven_table_over_several_sounds_has_times_in_each(tmp_path: Path) -> None:
    head = f"{RAVEN}\tBegin Path\tFile Offset (s)\tSpecies\tCall Type"
    lines = f"{head}\n1\tWaveform 1\t1\t60.5\t62\t0\t9\tC:\\birds\\2.wav\t0.5\towl\thoot\n"
    file = read(tmp_path / "all.txt", lines)
    ((_, label, start_s, end_s),) = said(file)
    assert (label, start_s, end_s, file.entries[0].written) == ("owl", 0.5, 2.0, "C:\\birds\\2.wav")
    assert file.remarks == ["labels are from the column species; --label-column takes those of call type"]
    assert [one.label for one in read(tmp_path / "all.txt", lines, label_column="Call Type").entries] == ["hoot"]


def test_results_of_birdnet(tmp_path: Path) -> None:
    head = "Start (s),End (s),Scientific name,Common name,Confidence"
    rows = "0.0,3.0,Strix varia,Barred Owl,0.9237", "3.0,6.0,Strix varia,Barred Owl,0.4", "6.0,9.0,nocall,nocall,1.0"
    file = read(tmp_path / "5.BirdNET.results.csv", "\n".join([head, *rows]))
    assert (file.kind, said(file)) == ("BirdNET results", [("5", "Barred Owl", 0.0, 3.0)])
    assert passed_over(file) == [("5", "below a confidence of 0.5", 3), ("5", "without a label", 4)]
    assert len(read(tmp_path / "5.BirdNET.results.csv", "\n".join([head, *rows]), min_confidence=0.1).entries) == 2
    with_file = [f"{head},File", *(f"{row},/x/5.wav" for row in rows)]
    assert [one.path for one in read(tmp_path / "r.csv", "\n".join(with_file)).entries] == ["/x/5.wav"]


def test_the_other_tables_of_birdnet(tmp_path: Path) -> None:
    table = (
        f"{RAVEN}\tCommon Name\tSpecies Code\tConfidence\tBegin Path\tFile Offset (s)\n"
        "1\tSpectrogram 1\t1\t63.0\t66.0\t0\t15000\tBarred Owl\tbrdowl\t0.9\t/x/5.wav\t3.0\n"
    )
    for_r = (
        "filepath,start,end,scientific_name,common_name,confidence,lat\n"
        "/x/5.wav,3.0,6.0,Strix varia,Barred Owl,0.9,-1\n"
    )
    kaleidoscope = (
        "INDIR,FOLDER,IN FILE,OFFSET,DURATION,scientific_name,common_name,confidence\n"
        "/,x,5.wav,3.0,3.0,Strix varia,Barred Owl,0.9\n"
    )
    kinds = []
    for name, content in (("a.txt", table), ("b.csv", for_r), ("c.csv", kaleidoscope)):
        file = read(tmp_path / name, content)
        kinds.append(file.kind)
        assert [(one.path, one.label, one.start_s, one.end_s, one.confidence) for one in file.entries] == [
            ("/x/5.wav", "Barred Owl", 3.0, 6.0, 0.9)
        ]
        assert file.remarks == []
    assert kinds == ["BirdNET selection table", "BirdNET table for R", "Kaleidoscope table"]


# Collections.


def test_esc_50(tmp_path: Path) -> None:
    file = read(tmp_path / "esc50.csv", "filename,fold,target,category,esc10\n1-1-A-0.wav,1,0,dog,True\n")
    assert (file.kind, said(file)) == ("ESC-50", [("1-1-A-0.wav", "dog", None, None)])


def test_urbansound8k_has_times_of_other_recordings(tmp_path: Path) -> None:
    head = "slice_file_name,fsID,start,end,salience,fold,classID,class"
    file = read(tmp_path / "UrbanSound8K.csv", f"{head}\n1-3-0-0.wav,1,58.5,62.5,1,5,3,dog_bark\n")
    assert (file.kind, said(file)) == ("UrbanSound8K", [("1-3-0-0.wav", "dog_bark", None, None)])
    assert len(file.remarks) == 1


def test_fsd50k_has_several_labels_in_a_cell(tmp_path: Path) -> None:
    file = read(tmp_path / "dev.csv", 'fname,labels,mids,split\n64760,"Guitar,Music","/m/0342h,/m/04rlf",train\n')
    assert (file.kind, said(file)) == ("FSD50K", [("64760", "Guitar", None, None), ("64760", "Music", None, None)])
    assert file.remarks == ["labels in one cell are divided at commas"]


# Programs that write JSON.


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("project", [True, False])
def test_via_json(tmp_path: Path, as_list: bool, project: bool) -> None:
    regions: Any = [
        {"region_attributes": {"Class": "harp"}},
        {"region_attributes": {"Class": {"lute": True, "x": False}}},
    ]
    if not as_list:
        regions = {str(number): region for number, region in enumerate(regions)}
    files = {
        "a.jpg1": {"filename": "a.jpg", "size": 1, "regions": regions, "file_attributes": {"caption": "mine"}},
        "b.jpg2": {"filename": "b.jpg", "size": 2, "regions": [], "file_attributes": {}},
    }
    document = {"_via_settings": {}, "_via_img_metadata": files} if project else files
    file = read(tmp_path / "via.json", document)
    assert (file.kind, said(file)) == ("VIA", [("a.jpg", "harp", None, None), ("a.jpg", "lute", None, None)])
    assert passed_over(file) == [("b.jpg", "without a label", 0)]
    assert file.remarks == ["labels of regions of a picture hold for the whole picture"]


@pytest.mark.parametrize("head", [VIA_HEAD, f"#{VIA_HEAD}"])
def test_via_csv(tmp_path: Path, head: str) -> None:
    row = 'b.jpg,1,"{""label"":""violin""}",1,0,"{""name"":""rect""}","{""label"":""harp"",""pose"":""left""}"'
    file = read(tmp_path / "via.csv", f"{head}\n{row}\n")
    assert (file.kind, said(file)) == ("VIA", [("b.jpg", "violin", None, None), ("b.jpg", "harp", None, None)])
    assert "labels are from the attribute label; --label-column takes those of another (pose)" in file.remarks
    assert [one.label for one in read(tmp_path / "via.csv", f"{head}\n{row}\n", label_column="Pose").entries] == [
        "left"
    ]


def test_via_for_sounds_and_videos(tmp_path: Path) -> None:
    document = {
        "project": {},
        "attribute": VIA_3_ATTRIBUTE,
        "file": {"1": {"fname": "a.wav"}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {
            "x": {"vid": "1", "z": [1.5, 2.5], "av": {"1": "0"}},
            "y": {"vid": "1", "z": [3.0], "av": {"1": "1"}},
            "z": {"vid": "1", "z": [], "av": {"1": "wind"}},
        },
    }
    table = (
        "# Exported using VGG Image Annotator\n"
        f"# ATTRIBUTE = {json.dumps(VIA_3_ATTRIBUTE)}\n"
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"
        '"x","[""a.wav""]","0","[1.5,2.5]","[]","{""1"":""0""}"\n'
        '"y","[""a.wav""]","0","[3.0]","[]","{""1"":""1""}"\n'
        '"z","[""a.wav""]","0","[]","[]","{""1"":""wind""}"\n'
    )
    for file in (read(tmp_path / "via.json", document), read(tmp_path / "via.csv", table)):
        assert file.kind == "VIA"
        assert said(file) == [("a.wav", "song", 1.5, 2.5), ("a.wav", "call", 3.0, 3.001), ("a.wav", "wind", None, None)]


@pytest.mark.parametrize(("value", "labels"), [("0,1", ["song", "call"]), ("1,", ["call"]), ("1,7", ["call", "7"])])
def test_boxes_of_via_that_are_ticked_are_labels_each(tmp_path: Path, value: str, labels: list[str]) -> None:
    document = {
        "project": {},
        "attribute": VIA_3_ATTRIBUTE,
        "file": {"1": {"fname": "a.wav"}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {"x": {"vid": "1", "z": [1.5, 2.5], "av": {"1": value}}},
    }
    table = (
        f"# Exported using VGG Image Annotator\n# ATTRIBUTE = {json.dumps(VIA_3_ATTRIBUTE)}\n"
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"
        f'"x","[""a.wav""]","0","[1.5,2.5]","[]","{{""1"":""{value}""}}"\n'
    )
    for file in (read(tmp_path / "via.json", document), read(tmp_path / "via.csv", table)):
        assert said(file) == [("a.wav", label, 1.5, 2.5) for label in labels]


def test_text_of_via_with_commas_is_one_label(tmp_path: Path) -> None:
    document = {
        "project": {},
        "attribute": {"1": {"aname": "label", "options": {}}, "2": {"aname": "radio", "options": {"a,b": "both"}}},
        "file": {"1": {"fname": "a.wav"}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {"x": {"vid": "1", "z": [], "av": {"1": "Bark, loud", "2": "a,b"}}},
    }
    assert said(read(tmp_path / "via.json", document)) == [("a.wav", "Bark, loud", None, None)]
    assert said(read(tmp_path / "via.json", document, label_column="radio")) == [("a.wav", "both", None, None)]


def task(results: list[dict[str, Any]], **data: str) -> dict[str, Any]:
    return {"id": 7, "data": data, "annotations": [{"result": results}], "predictions": [{"result": []}]}


def test_label_studio_has_choices_for_the_whole_and_labels_for_parts(tmp_path: Path) -> None:
    choices = {"type": "choices", "from_name": "mood", "value": {"choices": ["calm", "warm"]}}
    region = {
        "type": "labels",
        "from_name": "who",
        "value": {"start": 0.5, "end": 1.5, "channel": 0, "labels": ["owl"]},
    }
    box = {"type": "rectanglelabels", "value": {"x": 1, "width": 9, "rectanglelabels": ["harp"]}}
    way = {"type": "taxonomy", "value": {"taxonomy": [["Aves", "Strix"]]}}
    skipped = task([choices], audio="/c.wav")
    skipped["annotations"][0]["was_cancelled"] = True
    file = read(
        tmp_path / "ls.json",
        [task([choices, region], audio="/data/upload/1/8c3f0a1b-a.wav"), task([box, way], image="/b.jpg"), skipped],
    )
    assert file.kind == "Label Studio"
    assert list(dict.fromkeys((one.written, one.also) for one in file.entries)) == [
        ("data/upload/1/8c3f0a1b-a.wav", "a.wav"),
        ("/b.jpg", "b.jpg"),
    ]
    assert [(one.label, one.start_s, one.end_s) for one in file.entries] == [
        ("calm", None, None),
        ("warm", None, None),
        ("owl", 0.5, 1.5),
        ("harp", None, None),
        ("Strix", None, None),
    ]
    assert passed_over(file) == [("/c.wav", "without a label", 0)]
    chosen = read(tmp_path / "ls.json", [task([choices, region], audio="/a.wav")], label_column="who")
    assert [one.label for one in chosen.entries] == ["owl"]


def test_label_studio_in_a_file_a_task_or_an_annotation(tmp_path: Path) -> None:
    alone = task([{"value": {"choices": ["x"]}}], audio="/a.wav")
    (annotation,) = alone["annotations"]
    for document in (alone, annotation | {"task": {"id": 7, "data": alone["data"]}}):
        assert [(one.path, one.label) for one in read(tmp_path / "1.json", document).entries] == [("/a.wav", "x")]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("/data/local-files/?d=birds%2Fsong%201.wav", "birds/song 1.wav"),
        ("s3://bucket/birds/song%201.wav", "birds/song 1.wav"),
        ("https://host/x/a.jpg?token=1", "x/a.jpg"),
        ("birds/a.wav", "birds/a.wav"),
    ],
)
def test_addresses_in_label_studio(tmp_path: Path, address: str, written: str) -> None:
    file = read(tmp_path / "ls.json", [task([{"value": {"choices": ["x"]}}], title="about", media=address)])
    assert [one.written for one in file.entries] == [written]


def test_the_short_json_of_label_studio(tmp_path: Path) -> None:
    tasks = [
        {"audio": "/data/upload/1/8c3f0a1b-a.wav", "id": 1, "label": "owl", "annotator": 1, "annotation_id": 1},
        {
            "audio": "/b.wav",
            "id": 2,
            "label": [{"start": 1.0, "end": 2.0, "labels": ["wren"]}],
            "annotator": 1,
            "annotation_id": 2,
            "created_at": "2024-01-01",
        },
        {"audio": "/c.wav", "id": 3, "annotator": 1, "annotation_id": 3},
    ]
    file = read(tmp_path / "ls.json", tasks)
    assert [(one.written, one.also, one.label, one.start_s) for one in file.entries] == [
        ("data/upload/1/8c3f0a1b-a.wav", "a.wav", "owl", None),
        ("/b.wav", "b.wav", "wren", 1.0),
    ]
    assert passed_over(file) == [("/c.wav", "without a label", 0)]


def test_coco(tmp_path: Path) -> None:
    document = {
        "images": [
            {"id": 1, "file_name": "a.jpg"},
            {"id": 2, "file_name": "val2017/b.jpg"},
            {"id": 3, "file_name": "c.jpg"},
        ],
        "categories": [{"id": 5, "name": "harp"}, {"id": 6, "name": "Guitar, acoustic"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 5, "bbox": [0, 0, 9, 9]},
            {"id": 2, "image_id": 1, "category_id": 5, "bbox": [9, 9, 9, 9]},
            {"id": 3, "image_id": 2, "category_id": 6},
            {"id": 4, "image_id": 9, "category_id": 6},
        ],
    }
    file = read(tmp_path / "instances.json", document)
    assert (file.kind, said(file)) == (
        "COCO",
        [("a.jpg", "harp", None, None), ("val2017/b.jpg", "Guitar, acoustic", None, None)],
    )
    assert passed_over(file) == [("image 9", "of no image that the file lists", 0), ("c.jpg", "without a label", 0)]


@pytest.mark.parametrize(
    "document",
    [
        {"images": [{"id": 1}], "annotations": [], "categories": []},
        {"a": {"filename": "a.jpg", "regions": 3}},
        [{"data": {"image": "/a.jpg"}, "annotations": [3]}],
        {"metadata": {"x": {}}, "file": {}, "view": {}, "attribute": {}},
    ],
)
def test_documents_that_are_damaged_are_named(tmp_path: Path, document: Any) -> None:
    with pytest.raises(UsageError, match=r"d\.json: is not as (COCO|VIA|Label Studio) writes it"):
        read(tmp_path / "d.json", document)


def test_json_of_an_index_and_json_lines_by_another_ending(tmp_path: Path) -> None:
    rows = [
        {"path": "a.wav", "label": "x", "start_s": 0.5, "end_s": None, "origin": "hand"},
        {"path": "b.wav", "label": "y"},
    ]
    lines = "\n".join(map(json.dumps, rows))
    expected = [("a.wav", "x", 0.5, None), ("b.wav", "y", None, None)]
    assert said(read(tmp_path / "l.json", rows)) == said(read(tmp_path / "m.json", lines)) == expected
    with pytest.raises(UsageError, match=r"l\.json: entry 2: lacks path"):
        read(tmp_path / "l.json", [rows[0], {"label": "y"}])
    jams = {
        "annotations": [{"namespace": "tag_open", "data": []}],
        "file_metadata": {},
        "sandbox": {"modag": {"path": "a"}},
    }
    assert read(tmp_path / "a.json", jams).kind == "JAMS"


# Tables as people write them.


@pytest.mark.parametrize(
    ("head", "remark"),
    [
        ("file,class", "paths are from the column file, labels from class"),
        ("Filename;Label", "paths are from the column filename, labels from label"),
        ("path\tlabel", None),
        ("path|label", None),
    ],
)
def test_usual_names_of_columns(tmp_path: Path, head: str, remark: str | None) -> None:
    sign = next(sign for sign in ",;\t|" if sign in head)
    file = read(tmp_path / "l.csv", f"{head}\na.wav{sign}x\n")
    assert said(file) == [("a.wav", "x", None, None)]
    assert file.remarks == ([remark] if remark else [])


def test_columns_that_are_named(tmp_path: Path) -> None:
    content = "Datei;Was;von;bis\na.wav;Fl\u00f6te;0,5;1,25\n;;;\n"
    file = read(
        tmp_path / "l.csv",
        content.encode("cp1252"),
        path_column="datei",
        label_column="WAS",
        start_column="von",
        end_column="bis",
        encoding="latin-1",
    )
    assert said(file) == [("a.wav", "Fl\u00f6te", 0.5, 1.25)]
    assert (file.remarks, file.passed_over) == ([], [])
    whole = read(tmp_path / "m.csv", "path,label,start\na.wav,x,3\n", start_column="")
    assert said(whole) == [("a.wav", "x", None, None)]


@pytest.mark.parametrize(
    ("head", "named", "part"),
    [
        ("begin,end_s", {"start_column": "begin"}, (3.0, 5.0)),
        ("start_s,stop", {"end_column": "Stop"}, (3.0, 5.0)),
        ("begin,note", {"start_column": "begin"}, (3.0, None)),
        ("note,till", {"end_column": "till"}, (None, 5.0)),
        ("start,end", {"start_column": "start", "end_column": ""}, (3.0, None)),
        ("start,end", {"start_column": "", "end_column": "end"}, (None, 5.0)),
        ("start,end", {"start_column": ""}, (None, None)),
        ("start,end", {"end_column": ""}, (None, None)),
    ],
)
def test_the_side_of_a_part_that_is_not_named_goes_by_its_looks(
    tmp_path: Path, head: str, named: dict[str, str], part: tuple[float | None, float | None]
) -> None:
    assert said(read(tmp_path / "l.csv", f"path,label,{head}\na.wav,x,3,5\n", **named)) == [("a.wav", "x", *part)]


@pytest.mark.parametrize(
    ("head", "named", "words"),
    [
        ("start,end", {"start_column": "start"}, "has end, too; --end-column names"),
        ("start,end", {"end_column": "end"}, "has start, too; --start-column names"),
        ("start,duration", {"start_column": "start"}, "has duration, too; --end-column names"),
        ("from,until", {"start_column": "from"}, "has until, too; --end-column names"),
    ],
)
def test_a_side_of_a_part_that_may_stand_in_another_column_is_asked_for(
    tmp_path: Path, head: str, named: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=f"line 1: {words} the other side of a part, --[a-z]+-column '' leaves"):
        read(tmp_path / "l.csv", f"path,label,{head}\na.wav,x,3,5\n", **named)


@pytest.mark.parametrize(
    "head",
    [
        *("start,end", "StartTime,EndTime", "start_sec,end_sec", "start_ms,end_ms", "Start time,End time"),
        *("Start (s),End (s)", "start-time,end-time", "t_start,t_end", "time_start,time_end", "Start [s],End [s]"),
        *("in,out", "begin,end", "from,until", "onset,offset", "event_onset,event_offset", "start_s,end_time"),
    ],
)
def test_times_of_parts_are_never_passed_over(tmp_path: Path, head: str) -> None:
    names = " and ".join(sorted(name.lower() for name in head.split(",") if name != "start_s"))
    with pytest.raises(UsageError, match=re.escape(f"line 1: has {names}; the columns of a part are called start_s")):
        read(tmp_path / "l.csv", f"file,label,{head}\na.wav,x,0.2,0.6\n")


@pytest.mark.parametrize(
    "column",
    [
        *("in_the_wild", "in", "start_letter", "start_year", "ending", "endangered", "weekend", "category_from"),
        *("information", "n_stops", "front_end", "duration_s", "items", "tomato"),
    ],
)
def test_columns_of_other_things_are_no_times(tmp_path: Path, column: str) -> None:
    file = read(tmp_path / "l.csv", f"path,label,{column}\na.wav,x,1\n")
    assert said(file) == [("a.wav", "x", None, None)]


def test_milliseconds_are_not_read_as_seconds(tmp_path: Path) -> None:
    content = "path,label,start_ms,End [msec]\na.wav,x,200,600\n"
    file = read(tmp_path / "l.csv", content, start_column="start_ms", end_column="end [msec]")
    assert said(file) == [("a.wav", "x", 0.2, 0.6)]


@pytest.mark.parametrize("column", ["file", "Filename", "path"])
def test_a_column_that_names_the_file_goes_before_the_name_of_a_raven_table(tmp_path: Path, column: str) -> None:
    head = "Begin Time (s),End Time (s)"
    file = read(tmp_path / "h.csv", f"{column},label,{head}\nhen.ogg,cluck,0.2,0.6\n")
    assert said(file) == [("hen.ogg", "cluck", 0.2, 0.6)]
    file = read(tmp_path / "h.csv", f"{column},My notes,{head}\nhen.ogg,cluck,0.2,0.6\n")
    assert said(file) == [("hen.ogg", "cluck", 0.2, 0.6)]


def test_one_side_of_the_parts_of_a_program_can_be_named(tmp_path: Path) -> None:
    content = f"{RAVEN}\tFile Offset (s)\tSpecies\tPeak\n1\tx\t1\t63\t65\t0\t9\t3\towl\t4\n"
    with pytest.raises(UsageError, match="line 1: has file offset"):
        read(tmp_path / "a.txt", content, start_column="Peak", label_column="species")
    kaleidoscope = "INDIR,FOLDER,IN FILE,OFFSET,DURATION,MANUAL ID,FROM MARK,TILL\n,,a.wav,1,2,owl,1.5,4\n"
    assert said(read(tmp_path / "k.csv", kaleidoscope, start_column="from mark")) == [("a.wav", "owl", 1.5, 3.5)]
    assert said(read(tmp_path / "k.csv", kaleidoscope, end_column="till")) == [("a.wav", "owl", 1.0, 4.0)]


def test_two_columns_that_could_hold_the_labels(tmp_path: Path) -> None:
    content = "path,category,species\na.wav,bird,owl\n"
    with pytest.raises(
        UsageError, match="line 1: which column is meant, category or species\\? --label-column names it"
    ):
        read(tmp_path / "l.csv", content)
    assert said(read(tmp_path / "l.csv", content, label_column="species")) == [("a.wav", "owl", None, None)]


def test_cells_without_a_label_are_counted(tmp_path: Path) -> None:
    file = read(tmp_path / "l.csv", "path,label\na.wav,x\nb.wav,\n,\n")
    assert said(file) == [("a.wav", "x", None, None)]
    assert passed_over(file) == [("b.wav", "without a label", 3)]


def test_what_an_index_guessed_is_passed_over(tmp_path: Path) -> None:
    file = read(tmp_path / "l.csv", "path,label,start_s,end_s,origin\na.wav,x,,,hand\nb.wav,x,,,transfer\n")
    assert len(file.entries) == 1
    assert passed_over(file) == [("b.wav", "given by an index, which guessed", 3)]


def test_how_sure_a_program_was(tmp_path: Path) -> None:
    file = read(tmp_path / "l.csv", "path,label,confidence\na.wav,x,0.9\nb.wav,x,0.2\nc.wav,x,\nd.wav,x,87\n")
    assert [(one.path[-5:], one.confidence) for one in file.entries] == [
        ("a.wav", 0.9),
        ("c.wav", None),
        ("d.wav", None),
    ]


@pytest.mark.parametrize(
    ("cell", "sign", "n"),
    [('"Guitar,Music"', ",", 2), ("a;b;c", ";", 3), ("a|b", "|", 2), ('"a, b"', ",", 2)],
)
def test_cells_that_look_like_several_labels(tmp_path: Path, cell: str, sign: str, n: int) -> None:
    content = f"path,label\na.wav,{cell}\n"
    with pytest.raises(UsageError, match="looks like") as caught:
        read(tmp_path / "l.csv", content)
    assert str(caught.value).endswith(
        f" looks like {n} labels; --separator '{sign}' takes it for these, --separator '' for one"
    )
    assert len(read(tmp_path / "l.csv", content, separator=sign).entries) == n
    assert len(read(tmp_path / "l.csv", content, separator="").entries) == 1


def test_a_cell_of_several_lines_is_never_one_label(tmp_path: Path) -> None:
    content = 'path,label\na.wav,"a\nb"\n'
    with pytest.raises(UsageError, match=r"looks like 2 labels; --separator '\\n' takes it for these$"):
        read(tmp_path / "l.csv", content)
    assert len(read(tmp_path / "l.csv", content, separator="\\n").entries) == 2
    with pytest.raises(UsageError, match=r"line 3: 'a\\nb': a label is one line"):
        read(tmp_path / "l.csv", content, separator="")


def test_a_label_of_the_index_is_one(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text('path,label\na.wav,"Chicken, rooster"\n')
    file = read_label_file(tmp_path / "l.csv", known={"Chicken, rooster"})
    assert [one.label for one in file.entries] == ["Chicken, rooster"]


@pytest.mark.parametrize("cell", ["\"['a', 'b']\"", '"[""a"", ""b""]"'])
def test_lists_in_cells_are_several_labels(tmp_path: Path, cell: str) -> None:
    assert [one.label for one in read(tmp_path / "l.csv", f"path,label\na.wav,{cell}\n").entries] == ["a", "b"]
    assert [one.label for one in read(tmp_path / "l.jsonl", {"path": "a.wav", "label": ["a", "b"]}).entries] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_labels_in_whatever_encoding(tmp_path: Path, encoding: str) -> None:
    file = read(tmp_path / "l.csv", "path,label\na.wav,Fl\u00f6te\n".encode(encoding))
    assert [one.label for one in file.entries] == ["Fl\u00f6te"]
    assert bool(file.remarks) == (encoding in {"cp1252", "latin-1"})
