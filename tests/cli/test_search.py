"""``modag search``, and the formats that all verbs share."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.made_media import HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.unit.timed_media import timed_video

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

FIELDS = [
    *("id", "path", "modality", "similarity", "start_s", "end_s", "labels"),
    *("relevance", "duration_s", "exists", "copies"),
]


def names(rows: list[dict[str, str]]) -> list[str]:
    return [os.path.basename(row["path"]) for row in rows]


def test_json_has_the_fields_of_the_contract(filled: CommandLine, media: Path) -> None:
    outcome = filled("search", media / "a.wav", "--modality", "image")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [list(row) for row in outcome.data] == [FIELDS] * 3
    first = outcome.data[0]
    assert first["path"] == str(media / "a.png")
    assert first["modality"] == "image"
    assert first["similarity"] > 0.9
    assert (first["start_s"], first["end_s"], first["labels"]) == (None, None, [])


def test_every_format_tells_the_same(filled: CommandLine, media: Path) -> None:
    filled("label", media / "b.wav", "--as", "middle, high")
    filled("label", media / "b.wav", "--as", "tone")

    def asked(output_format: str) -> str:
        outcome = filled("search", media / "a.wav", "-n", "4", "--format", output_format)
        assert (outcome.status, outcome.stderr) == (0, "")
        return outcome.stdout.decode()

    rows = json.loads(asked("json"))
    assert [json.loads(line) for line in asked("jsonl").splitlines()] == rows
    assert asked("paths").splitlines() == [row["path"] for row in rows]
    from_csv = list(csv.DictReader(io.StringIO(asked("csv"))))
    assert [row["path"] for row in from_csv] == [row["path"] for row in rows]
    assert [float(row["similarity"]) for row in from_csv] == [row["similarity"] for row in rows]
    assert {row["labels"] for row in from_csv} == {"", "middle, high;tone"}
    head, *lines = asked("table").splitlines()
    assert head.split() == [
        "similarity",
        "relevance",
        "modality",
        "path",
        "start_s",
        "end_s",
        "duration_s",
        "labels",
        "id",
    ]
    assert len(lines) == 4
    for line, row in zip(lines, rows, strict=True):
        assert os.path.basename(row["path"]) in line
        assert f"{row['similarity']:.3f}" in line
        assert "\x1b" not in line


def on_a_terminal(modag: CommandLine, *arguments: object, **environment: str) -> str:
    """Run a command whose stdout is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        modag.command(*arguments),
        cwd=modag.folder,
        env=modag.environment | {"TERM": "xterm-256color"} | environment,
        stdout=theirs,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            shown += part
        assert process.wait(60) == 0
    os.close(ours)
    return shown.decode()


def test_no_format_steers_a_terminal(toy: CommandLine, media: Path) -> None:
    odd = "red\x1b[31m\x9b1m\x7f\u202e.png"
    picture(media / odd, RED)
    picture(media / "other.png", (250, 1, 1))
    assert toy("index", media).status == 0
    assert toy("label", media / odd, "--as", "a").status == 0
    found = {
        style: on_a_terminal(toy, "search", media / "other.png", "--format", style, NO_COLOR="1")
        for style in ("table", "json", "jsonl", "csv", "paths")
    }
    exported = [on_a_terminal(toy, "label", "export", "--format", style) for style in ("json", "jsonl", "csv")]
    for text in (*found.values(), *exported):
        assert not {"\x1b", "\x9b", "\x7f", "\u202e"}.intersection(text)
    assert str(media / odd) in [hit["path"] for hit in json.loads(found["json"])]
    assert str(media / odd) in [json.loads(line)["path"] for line in found["jsonl"].splitlines()]
    assert f"{media}/red\\x1b[31m\\x9b1m\\x7f\\u202e.png" in found["paths"].splitlines()


def test_what_click_says_of_a_command_does_not_steer_a_terminal(toy: CommandLine) -> None:
    for arguments in (
        ["\x1b[31m"],
        ["search", "--\x1b[31m"],
        ["search", "a", "--format", "\x9b\u202e"],
        ["label", "\x1b"],
    ):
        outcome = toy(*arguments)
        assert outcome.status != 0
        assert not {"\x1b", "\x9b", "\u202e"}.intersection(outcome.stderr), arguments


def test_a_terminal_gets_a_table_and_colour_only_where_wanted(filled: CommandLine, media: Path) -> None:
    coloured = on_a_terminal(filled, "search", "id:1")
    assert "similarity" in coloured
    assert "[\r\n" not in coloured
    assert "\x1b[" in coloured
    assert "\x1b" not in on_a_terminal(filled, "search", "id:1", NO_COLOR="1")


def test_progress_shows_on_a_terminal_only_where_wanted(filled: CommandLine, media: Path) -> None:
    picture(media / "d.png", RED)
    assert "\x1b" not in on_a_terminal(filled, "index", media, "--no-progress", NO_COLOR="1")
    picture(media / "e.png", RED)
    assert "indexing" in on_a_terminal(filled, "index", media)


def test_a_part_of_a_sound(filled: CommandLine, tmp_path: Path) -> None:
    query = sound(tmp_path / "q.wav", (LOW_HZ, 12), (HIGH_HZ, 12))
    for part, expected in ((["--to", "9"], "a.png"), (["--from", "15.5", "--to", "20"], "c.png")):
        assert names(filled("search", query, "--modality", "image", "-n", "1", *part).data) == [expected]
    outcome = filled("search", query, "--from", "99")
    assert outcome.status == 2
    assert outcome.error.startswith(f"error: {query}: the range from 99 s")


def test_labels_as_query_and_as_filter(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", media / "c.png", "--as", "chosen")
    assert names(filled("search", media / "a.wav", "--label", "chosen").data) == ["a.png", "c.png"]
    assert "a.png" not in names(filled("search", "label:chosen").data)
    (first, *_) = filled("search", media / "a.wav", "--label", "chosen").data
    assert first["labels"] == ["chosen"]


def test_queries_are_added_and_taken_away(filled: CommandLine, media: Path) -> None:
    picture(media / "ab.png", (200, 200, 0))
    filled("index", media)
    added = filled("search", media / "a.png", "+", media / "b.wav", "--modality", "image", "-n", "1")
    assert (added.status, added.stderr) == (0, "")
    assert [list(row) for row in added.data] == [FIELDS]
    assert names(added.data) == ["ab.png"]
    without = ("--modality", "image", "-", media / "b.png", "+", "id:1")  # signs and options in any order
    assert names(filled("search", media / "ab.png", *without).data) == ["c.png"]
    assert names(filled("search", media / "ab.png", "-", media / "b.wav", "--modality", "image").data)[0] == "a.png"
    few = filled("search", media / "a.png", "+", media / "b.png", "--min-similarity", "0.95", "--format", "paths")
    assert few.stdout.decode().splitlines() == [str(media / "ab.png")]
    assert filled("search", media / "a.png", "+", media / "b.png", "--label", "nobody").status == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["waves", "on", "a", "beach"],
            "'waves' and 'on': there is no + or - between them; put words in quotes, as in ",
        ),
        (["a.png", "+", "in", "the", "snow", "-", "b.png"], "put words in quotes, as in 'in the snow'"),
        (["a.png", "+in the snow"], "'+in the snow': a sign is an argument of its own; put a blank behind the +"),
        (["a.png", "+"], "+: a QUERY must stand on either side of this sign"),
        (["a.png", "+", "-", "b.png"], "+: a QUERY must stand on either side of this sign"),
        (["-", "a.png"], "-: a QUERY must stand on either side of this sign"),
        (
            ["a.png", "+", "b.png", "--from", "1"],
            "a.png: a picture has no duration, so no part of it can be chosen by time",
        ),
        (["a.png", "-", "id:99"], "id:99: is not in the index"),
        (["id:1", "-", "id:1", "-", "id:1"], "'id:1', 'id:1', 'id:1': these cancel each other out"),
    ],
)
def test_combinations_that_cannot_be_meant_are_one_line(
    filled: CommandLine, media: Path, arguments: list[str], words: str
) -> None:
    outcome = filled("search", *(media / one if one.endswith(".png") else one for one in arguments))
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error.startswith("error: ")
    assert words in outcome.error


@pytest.mark.parametrize(
    ("output_format", "printed"),
    [
        ("table", b"similarity  relevance  modality  path  start_s  end_s  duration_s  labels  id\n"),
        ("json", b"[]\n"),
        ("jsonl", b""),
        ("csv", b"id,path,modality,similarity,start_s,end_s,labels,relevance,duration_s,exists,copies\n"),
        ("paths", b""),
    ],
)
def test_nothing_found_leaves_with_4(filled: CommandLine, media: Path, output_format: str, printed: bytes) -> None:
    outcome = filled("search", media / "a.wav", "--label", "nobody", "--format", output_format)
    assert (outcome.status, outcome.stdout, outcome.error) == (
        4,
        printed,
        "nothing found: no item has the label nobody; `modag label list` lists the labels",
    )


def test_questions_without_an_answer_leave_with_4(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    silent = sound(tmp_path / "silent.wav", (0, 1))
    outcome = filled("search", silent)
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert outcome.error == f"{silent}: is silent throughout, so nothing is like it"
    outcome = filled("search", "label:nobody")
    assert outcome.status == 4
    assert "nobody" in outcome.error
    assert filled("search", media / "a.wav", "--modality", "sound", "--min-similarity", "0.9").status == 4


def test_errors_are_one_line_that_names_the_file(filled: CommandLine, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    text = tmp_path / "notes.txt"
    text.write_text("not media")
    for path, status in ((bad, 1), (text, 2), (tmp_path / "nowhere.wav", 2), (tmp_path, 2)):
        outcome = filled("search", path)
        assert (outcome.status, outcome.stdout) == (status, b"")
        assert outcome.error.startswith(f"error: {path}: ")
    for query in ("id:x", "id:99"):
        outcome = filled("search", query)
        assert outcome.status == 2
        assert query in outcome.error


def test_a_reader_that_goes_away_is_no_error(filled: CommandLine) -> None:
    with subprocess.Popen(
        filled.command("search", "id:1"),
        cwd=filled.folder,
        env=filled.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_damaged_stores_are_a_warning_until_they_are_mended(filled: CommandLine) -> None:
    before = filled("search", "id:1").data
    for path in (filled.folder / "index" / "stores").iterdir():
        path.write_bytes(b"damage")
    outcome = filled("search", "id:1")
    assert (outcome.status, outcome.data) == (0, before)
    assert [line.split(":")[0] for line in outcome.stderr.splitlines()] == ["warning", "warning"]
    assert "`modag rebuild` saves it" in outcome.stderr
    assert filled("rebuild").status == 0
    assert filled("search", "id:1").stderr == ""


def test_copies_are_one_answer_which_names_them(filled: CommandLine, media: Path) -> None:
    for number in range(14):
        (media / f"copy-{number:02}.png").write_bytes((media / "b.png").read_bytes())
    filled("index", media)
    (first, *others) = filled("search", media / "b.wav", "--modality", "image", "-n", "3").data
    assert os.path.basename(first["path"]) == "b.png"
    assert [os.path.basename(path) for path in first["copies"]] == [f"copy-{number:02}.png" for number in range(14)]
    assert names(others) == ["a.png", "c.png"]
    table = filled("search", media / "b.wav", "--modality", "image", "--format", "table").stdout.decode().splitlines()
    assert table[0].split()[:5] == ["similarity", "relevance", "modality", "path", "copies"]
    assert "+14 copies" in table[1]
    assert "cop" not in table[2]
    unfolded = filled("search", media / "b.wav", "--modality", "image", "-n", "3", "--copies").data
    assert [row["copies"] for row in unfolded] == [[]] * 3
    assert {row["similarity"] for row in unfolded} == {first["similarity"]}


def test_folders_that_hold_no_item_are_named(filled: CommandLine, media: Path) -> None:
    mistyped, empty = media / "elsewhere", media / "empty"
    empty.mkdir()
    for query in (["id:1"], ["id:1", "id:2"], ["id:1", "--label", "unknown"]):
        nothing = filled("search", *query, "--under", mistyped, "--under", empty)
        assert (nothing.status, nothing.error) == (4, f"nothing found: no item lies below {mistyped}, {empty}")
    some = filled("search", "id:1", "--under", mistyped, "--under", media)
    assert (some.status, len(some.data)) == (0, len(filled("search", "id:1").data))
    assert f"warning: no item lies below {mistyped}\n" in some.stderr
    assert "lies below" not in filled("search", "id:1", "--under", media, "--under", media / "a.png").stderr
    told, why = filled("search", "id:1", "--under", mistyped, "--under", media, "--kind", "video").stderr.splitlines()
    assert told == f"warning: no item lies below {mistyped}"
    assert why.startswith("nothing found: the index holds no videos")


def test_what_leaves_nothing_is_said_with_the_way_out(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", "--as", "dog")
    (media / "empty").mkdir()
    takes_in = "`modag index PATH...` takes files in"
    for filters, why in {
        ("--kind", "video"): f"the index holds no videos that can be found; {takes_in}",
        ("--label", "dig"): "no item has the label dig; did you mean dog?",
        ("--under", media / "empty"): f"no item lies below {media}/empty; `modag index {media}/empty` takes it in",
        ("--under", "nowhere"): "no item lies below nowhere, and no such file is there",
        ("--min-duration", 100): "nothing in the index lasts 100 s; lower --min-duration",
        ("--max-duration", 0.5): "nothing in the index lasts 0.5 s or less; raise --max-duration",
        ("--modality", "image", "--kind", "sound"): (
            "no item meets --modality image and --kind sound together; without --modality image 3 do"
        ),
        ("--under", media / "a.png", "--label", "dog", "--kind", "sound"): (
            f"no item meets --under {media}/a.png, --label dog and --kind sound together; without --kind sound 1 does"
        ),
        ("--modality", "image", "--label", "dog"): "nothing is left but what asks itself",
        ("--modality", "image", "--min-relevance", "1"): "no answer reaches --min-relevance 1; ",
        ("--modality", "sound", "--min-similarity", "1"): "no answer reaches --min-similarity 1; ",
        (
            "--modality",
            "sound",
            "--min-similarity",
            "1",
            "--min-relevance",
            "1",
        ): "no answer reaches --min-similarity 1; ",
    }.items():
        nothing = filled("search", "id:1", *filters)
        assert nothing.status == 4
        assert nothing.error.startswith(f"nothing found: {why}"), filters


def test_a_file_of_the_index_that_is_named_in_another_folder_is_offered(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    here = tmp_path / "elsewhere"
    here.mkdir()
    meant = f"did you mean {media}/a.png (id:1)?"
    for arguments in (
        ("search", here / "a.png"),
        ("search", "a.png"),
        ("search", "A.png", "b.png"),
        ("search", "id:2", "+", "a.png"),
        ("report", "a.png", "--to", tmp_path / "page.html"),
    ):
        assert meant in filled(*arguments).stderr, arguments
    assert f"did you mean {media}/b.png (id:3)?" in filled("search", media / "bb.png").error
    assert filled("search", "zzz.png").error == f"error: {tmp_path}/zzz.png: does not exist (any more)"
    filled("label", media / "b.png", "--as", "green")
    assert meant in filled("classify", "a.png").error
    assert meant in filled("explain", "a.png").error
    many = filled("classify", *(f"{number}/a.png" for number in range(5))).stderr.splitlines()
    assert [meant in line for line in many] == [True] * 3 + [False] * 2, "many are not looked for each"


def test_a_file_of_the_index_that_is_gone_is_asked_with_by_its_id(filled: CommandLine, media: Path) -> None:
    (media / "a.wav").unlink()
    outcome = filled("search", media / "a.wav")
    assert outcome.error.startswith(f"error: {media}/a.wav: does not exist (any more); the index holds what it was: ")
    assert filled("search", outcome.error.rpartition(" ")[2]).data[0]["path"] == str(media / "a.png")


def test_an_index_without_items_says_so(toy: CommandLine, media: Path) -> None:
    nothing = toy("search", picture(media / "a.png", RED))
    assert (nothing.status, nothing.error) == (4, "the index is empty; `modag index PATH...` takes files in")


def test_each_of_several_questions_without_an_answer_is_named(filled: CommandLine, media: Path) -> None:
    some = filled("search", "id:1", "id:2", "--under", media / "a.png")
    assert some.status == 0
    told = "id:1: nothing found: nothing is left but what asks itself"
    assert told in some.stderr.splitlines()
    none = filled("search", "id:1", "id:2", "--kind", "video", "--modality", "sound")
    assert (none.status, none.error.count("the index holds no videos")) == (4, 1)


def test_answers_are_chosen_by_folder_kind_and_length(filled: CommandLine, media: Path) -> None:
    sound(media / "sub" / "long.wav", (LOW_HZ, 30))
    picture(media / "sub" / "d.png", (0, 200, 200))
    filled("index", media)
    assert sorted(names(filled("search", "id:1", "--under", media / "sub").data)) == ["d.png", "long.wav"]
    assert names(filled("search", "id:1", "--under", media / "sub", "--kind", "sound").data) == ["long.wav"]
    assert names(filled("search", "id:1", "--min-duration", "5").data) == ["long.wav"]
    assert "long.wav" not in names(filled("search", "id:1", "--max-duration", "5").data)
    for impossible in (["--kind", "image", "--min-duration", "1"], ["--min-duration", "3", "--max-duration", "2"]):
        outcome = filled("search", "id:1", *impossible)
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert outcome.error.startswith("error: ")


def test_a_csv_cell_of_several_paths_can_be_divided_though_they_hold_what_divides_them(
    filled: CommandLine, media: Path
) -> None:
    copies = [media / name for name in ("a;b.wav", 'a "quoted".wav', "plain.wav")]
    for path in copies:
        path.write_bytes((media / "a.wav").read_bytes())
    filled("index", media)
    filled("label", media / "a.wav", "--as", "middle; high")
    asked = ("search", media / "a.png", "--modality", "sound", "-n", "1")
    (hit,) = filled(*asked).data
    (row,) = csv.DictReader(io.StringIO(filled(*asked, "--format", "csv").stdout.decode()))
    for column in ("copies", "labels"):
        (cells,) = csv.reader([row[column]], delimiter=";")
        assert cells == hit[column]
        assert cells
    assert {"a;b.wav", 'a "quoted".wav', "plain.wav"} == {os.path.basename(path) for path in hit["copies"]}


def test_places_of_a_long_sound_are_listed(filled: CommandLine, media: Path) -> None:
    long = sound(media / "long.wav", (LOW_HZ, 10), (HIGH_HZ, 20), (LOW_HZ, 10))
    filled("index", media)
    (hit,) = filled("search", media / "a.png", "--under", long, "--places", "2").data
    assert list(hit) == [*FIELDS, "places"]
    assert [list(place) for place in hit["places"]] == [["modality", "similarity", "start_s", "end_s"]] * 2
    assert {(place["start_s"], place["end_s"]) for place in hit["places"]} == {(0.0, 10.0), (30.0, 40.0)}
    assert hit["places"][0]["similarity"] == hit["similarity"]
    (every,) = filled("search", media / "a.png", "--under", long, "--places", "all").data
    assert len(every["places"]) > 2
    shown = filled("search", media / "a.png", "--under", long, "--places", "1", "--format", "table")
    (table,) = shown.stdout.decode().splitlines()[1:]
    assert "0.0-10.0 s (" in table


def test_places_of_a_video_tell_of_what_they_are(filled: CommandLine, media: Path) -> None:
    late = media / "late.mkv"
    late.write_bytes(timed_video("matroska", sound_at=20.0))
    filled("index", media)
    asked = ("search", media / "a.wav", "--under", late, "--places", "all")
    (hit,) = filled(*asked).data
    assert {place["modality"] for place in hit["places"]} == {"image", "sound"}
    for style in ("table", "csv"):
        printed = filled(*asked, "--format", style).stdout.decode()
        assert printed.count("image") > 1
        assert printed.count("sound") > 0
    shown = filled(*asked, "--format", "table").stdout.decode().splitlines()[1]
    for place in hit["places"]:
        assert f"{place['modality']} {place['start_s']:.1f}-{place['end_s']:.1f} s (" in shown


def test_a_query_that_nothing_is_close_to_gets_answers_and_a_word(filled: CommandLine, media: Path) -> None:
    outcome = filled("search", media / "a.wav", "--label", "other")
    assert outcome.status == 4
    filled("label", media / "c.png", media / "b.wav", "--as", "other")
    outcome = filled("search", media / "a.wav", "--label", "other")
    best = max(outcome.data, key=lambda row: row["relevance"])
    assert (outcome.status, len(outcome.data)) == (0, 2)
    assert outcome.error == (
        f"nothing here is close (best {best['similarity']:.2f}, relevance {best['relevance']:.2f}): "
        "unlike things are as similar"
    )
    assert filled("search", media / "a.wav").stderr == ""
    assert filled("search", media / "a.wav", "--label", "other", "--min-relevance", "0.2").status == 4
    assert filled("search", media / "a.wav", "--min-relevance", "1.5").status == 2


def test_a_table_marks_what_is_gone_and_paths_stay_as_they_are(filled: CommandLine, media: Path) -> None:
    (media / "b.png").unlink()
    arguments = ("search", media / "a.wav", "--modality", "image")
    lines = filled(*arguments, "--format", "table").stdout.decode().splitlines()
    assert [name for name in ("a.png", "b.png", "c.png") if any(f"{name} (gone)" in line for line in lines)] == [
        "b.png"
    ]
    assert {os.path.basename(row["path"]): row["exists"] for row in filled(*arguments).data}["b.png"] is False
    assert "(gone)" not in filled(*arguments, "--format", "paths").stdout.decode()


def test_files_side_by_side_are_asked_with_though_one_is_none(filled: CommandLine, media: Path) -> None:
    (media / "folder.wav").mkdir()
    for bad, words in (
        (media / "nosuch.wav", "does not exist"),
        (media / "folder.wav", "is a folder; ask with one of the files in it"),
    ):
        outcome = filled("search", media / "a.wav", bad, "-n", "1")
        assert outcome.status == 3
        assert {row["query"] for row in outcome.data} == {str(media / "a.wav")}
        assert f"failed: {bad}: {words}" in outcome.stderr


def test_files_beside_words_are_told_how_each_is_asked_with_for_itself(filled: CommandLine, media: Path) -> None:
    outcome = filled("search", media / "a.wav", media / "b.png", "sea waves")
    assert outcome.status == 2
    assert "put text: before words, as in 'text:sea waves'" in outcome.error


def test_queries_from_an_empty_standard_input_are_missed(filled: CommandLine) -> None:
    outcome = filled("search", "-", stdin=b"\n")
    assert outcome.status == 2
    assert "no queries were given: standard input was empty; - reads queries from it, one a line" in outcome.stderr
