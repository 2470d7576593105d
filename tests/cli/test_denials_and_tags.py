"""``modag label --not``, ``modag tag``, ``modag label kind``: what items are not, and what says nothing of it."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.made_media import BLUE, GREEN, RED, picture
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


@pytest.fixture
def named(filled: CommandLine, media: Path) -> CommandLine:
    """``modag`` with a picture each of three labels, and sounds that are named by a transfer."""
    for name in ("a", "b", "c"):
        filled("label", media / f"{name}.png", "--as", name)
    assert filled("transfer", "--min-confidence", "0.5").status == 0
    return filled


def labels(modag: CommandLine) -> dict[str, tuple[int, int]]:
    return {row["label"]: (row["items"], row["denied"]) for row in modag("label", "list").data}


def given(modag: CommandLine) -> dict[str, str]:
    outcome = modag("transfer", "--min-confidence", "0", "--dry-run")
    return {os.path.basename(row["path"]): row["label"] for row in outcome.data}


def test_what_an_item_is_not_is_said_listed_and_undone(named: CommandLine, media: Path) -> None:
    assert labels(named)["a"] == (2, 0)
    outcome = named("label", media / "a.wav", "--not", "a", "--as", "b")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.data == {"label": "b", "items": 1, "added": 2, "run": outcome.data["run"], "not": "a"}
    assert labels(named) == {"a": (1, 1), "b": (3, 0), "c": (2, 0)}
    runs = named("label", "runs").data
    assert runs[-1]["arguments"] == {"labels": ["b"], "not": ["a"], "items": 1}
    undone = named("label", "undo", outcome.data["run"]).data
    assert undone == {"run": outcome.data["run"], "removed": 2, "restored": 1}
    assert labels(named)["a"] == (2, 0), "what the denial replaced is there again"


def test_paths_come_from_stdin(named: CommandLine, media: Path) -> None:
    found = b"".join(os.fsencode(media / name) + b"\n" for name in ("a.wav", "b.wav"))
    outcome = named("label", "-", "--not", "c", "--not", "a", stdin=found)
    assert (outcome.data["label"], outcome.data["not"], outcome.data["added"]) == (None, "c, a", 4)


def test_the_last_word_is_said_to_take_the_place_of_the_first(named: CommandLine, media: Path) -> None:
    outcome = named("label", media / "a.png", "--not", "a")
    assert outcome.error == "warning: the opposite had been said before, and is taken back: a (1)"
    back = named("label", media / "a.png", "--as", "a")
    assert back.error == outcome.error
    assert labels(named)["a"] == (2, 0)


def test_a_transferred_name_that_gives_way_to_a_given_one_is_said(named: CommandLine, media: Path) -> None:
    named("label", "mode", "multi")
    named("label", media / "a.wav", "--as", "b")
    assert named("label", "mode", "multi").stderr == ""
    assert named("label", "mode", "auto").error == "warning: 1 transferred label gave way to labels that exclude it"
    assert labels(named)["a"] == (1, 0)
    assert named("label", "mode", "single").stderr == ""


def test_a_transferred_name_that_is_only_taken_back_is_said_to_come_back(named: CommandLine, media: Path) -> None:
    outcome = named("label", "remove", "a", media / "a.wav")
    assert (outcome.data["label"], outcome.data["removed"]) == ("a", 1)
    assert outcome.error == (
        "1 label came by transfer, and comes back with the next one, unless `modag label remove ... --not` says that "
        "these items are not a"
    )
    assert given(named) == {"a.wav": "a"}
    assert named("label", "undo", outcome.data["run"]).data["restored"] == 1


def test_a_transferred_name_that_is_denied_does_not_come_back(named: CommandLine, media: Path) -> None:
    outcome = named("label", "remove", "a", media / "a.wav", "--not")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert (outcome.data["removed"], outcome.data["not"], outcome.data["added"]) == (1, "a", 1)
    assert given(named)["a.wav"] != "a"
    taken = named("label", "remove", "a", media / "a.wav", "--denied")
    assert taken.data["removed"] == 1
    assert given(named) == {"a.wav": "a"}
    assert named("label", "undo", taken.data["run"]).data["restored"] == 1
    assert given(named)["a.wav"] != "a"


def test_what_cannot_be_denied_is_not_taken_back_either(named: CommandLine, media: Path) -> None:
    named("tag", media / "a.png", media / "b.png", "--as", "favourite")
    (media / "c.png").write_bytes(b"no picture any more")
    named("index", media)
    before = labels(named)
    for name, path, words in (
        ("favourite", media / "a.png", "favourite: is a tag, and nothing guesses it, so that there is nothing to deny"),
        ("c", media / "c.png", f"{media / 'c.png'}: could not be indexed since it changed"),
        ("nowhere", media / "a.png", "nowhere: is no label of this index"),
    ):
        outcome = named("label", "remove", name, path, "--not")
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert outcome.error.startswith(f"error: {words}")
        assert labels(named) == before
    outcome = named("label", "remove", "a", media / "a.png", "--not")
    assert (outcome.data["removed"], outcome.data["added"], outcome.stderr) == (1, 1, "")
    assert labels(named)["a"] == (before["a"][0] - 1, 1)
    undone = named("label", "undo", outcome.data["run"]).data
    assert (undone["removed"], undone["restored"], labels(named)) == (1, 1, before), "it was one change"


@pytest.mark.parametrize(("answer", "denied"), [(b"y\n", 1), (b"n\n", 0)])
def test_on_a_terminal_it_is_asked_which_of_the_two_is_meant(
    named: CommandLine, media: Path, answer: bytes, denied: int
) -> None:
    terminal, its_end = pty.openpty()
    command = named.command("label", "remove", "a", media / "a.wav", "--format", "json")
    with subprocess.Popen(
        command, stdin=its_end, stdout=subprocess.PIPE, stderr=its_end, cwd=named.folder, env=named.environment
    ) as process:
        os.close(its_end)
        os.write(terminal, answer)
        assert process.stdout is not None
        document = json.loads(process.stdout.read())
        said = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert "This item was named a by a transfer. Not a, so that no transfer gives that name again? [y/N]" in said
    assert (process.returncode, document["removed"]) == (0, 1)
    assert labels(named)["a"] == (1, denied)


def test_what_was_denied_is_not_found_by_the_name(named: CommandLine, media: Path) -> None:
    named("label", media / "a.wav", "--not", "a")
    found = named("search", media / "b.wav", "--label", "a", "--format", "paths").stdout.decode().split()
    assert [os.path.basename(path) for path in found] == ["a.png"]
    classified = named("classify", media / "a.wav").data[0]
    assert classified["label"] != "a"
    assert "a" not in {score["label"] for score in classified["scores"]}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["label", "media/a.png", "--not", " "], "error: a label must have a name"),
        (["label", "media/a.png", "--as", "a", "--not", "a"], "error: a: cannot both hold and not hold"),
        (["label", "media/nowhere.png", "--not", "a"], "is not in the index"),
        (["label", "media/a.png", "--not", "a", "--tag"], "Error: name the tag with --as NAME"),
        (["label", "--from", "labels.csv", "--not", "a"], "error: --from and --from-folders take paths"),
        (["label", "remove", "a", "media/a.png", "--not", "--denied"], "Error: --all, --not and --denied exclude"),
        (["label", "remove", "a", "--all", "--not"], "Error: --all, --not and --denied exclude"),
        (["tag", "media/a.png", "--as", "a"], "error: a: names a class in this index; `modag label kind a tag` makes"),
        (["tag", "take", "a", "media/a.png"], "Error: a is no tag, but a label; `modag label remove` takes it back"),
        (["tag", "take", "nobody", "--all"], "error: nobody: is no label of this index"),
        (["tag", "take", "fav"], "Error: name the items to take fav from, or --all"),
        (["label", "kind", "nobody", "tag"], "error: nobody: is no label of this index"),
    ],
)
def test_what_cannot_be_meant_is_refused(named: CommandLine, arguments: list[str], error: str) -> None:
    before = labels(named)
    outcome = named(*arguments)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert error in outcome.stderr.splitlines()[-1]
    assert labels(named) == before


# Tags.


def test_a_tag_is_given_listed_searched_and_taken(named: CommandLine, media: Path) -> None:
    before = named("classify", "--all").data
    outcome = named("tag", media / "a.png", media / "b.wav", "--as", "favourite")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.data == {"label": "favourite", "items": 2, "added": 2, "run": outcome.data["run"]}
    assert named("classify", "--all").data == before, "no answer changes"
    assert named("label", media / "c.png", "--as", "favourite", "--tag").data["added"] == 1
    assert named("tag", "list").data == [{"label": "favourite", "items": 3, "image": 2, "sound": 1, "video": 0}]
    assert {row["label"] for row in named("label", "list").data if row["is_tag"]} == {"favourite"}
    assert "favourite" not in {row["label"] for row in named("label", "hierarchy").data}, "no tag is a kind"
    found = named("search", media / "b.png", "--label", "favourite", "--format", "paths").stdout.decode().split()
    assert {os.path.basename(path) for path in found} == {"a.png", "b.wav", "c.png"}
    assert named("search", "label:favourite").status == 0
    taken = named("tag", "take", "favourite", media / "a.png").data
    assert (taken["label"], taken["removed"]) == ("favourite", 1)
    assert named("tag", "undo", taken["run"]).data == {"run": taken["run"], "removed": 0, "restored": 1}
    named("tag", "take", "favourite", media / "a.png")
    assert named("tag", "take", "favourite", "--all").data["removed"] == 2
    nothing = named("tag", "list")
    assert (nothing.status, nothing.data) == (4, [])
    assert nothing.error == "no item has a tag; `modag tag PATH... --as NAME` gives one"


def test_nothing_guesses_what_has_a_tag(named: CommandLine, media: Path) -> None:
    named("tag", media / "a.png", "--as", "favourite")
    for verb in (("label", "count", "favourite"), ("suggest", "--near", "0.5", "--label", "favourite")):
        outcome = named(*verb)
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert outcome.error.startswith("error: favourite: is a tag, which nothing guesses")


def test_a_tag_leaves_an_item_to_be_named(named: CommandLine, media: Path) -> None:
    named("tag", picture(media / "d.png", RED), "--as", "favourite")
    assert named("index", media).status == 0
    named("tag", media / "d.png", "--as", "favourite")
    assert given(named)["d.png"] == "a"
    assert named("label", "mode", "single").data["exclude_each_other"]
    assert named("tag", media / "a.png", "--as", "reviewed").status == 0, "tags exclude nothing"


def test_a_label_becomes_a_tag_and_a_label_again(named: CommandLine, media: Path) -> None:
    named("label", media / "a.wav", "--as", "c", "--as", "favourite")
    assert named("label", "kind", "favourite").data == {"label": "favourite", "kind": "class"}
    assert named("label", "kind", "favourite", "tag").data == {"label": "favourite", "kind": "tag"}
    assert named("label", media / "b.png", "--as", "favourite").data["added"] == 1, "and goes on being one"
    assert {row["label"] for row in named("tag", "list").data} == {"favourite"}
    assert named("label", "kind", "favourite", "class").data["kind"] == "class"
    turned = named("label", "kind", "b", "tag")
    assert turned.error == (
        "1 transferred label waits until it is a class again, since nobody gave these items the tag"
    )
    again = named("label", "kind", "b", "class")
    assert again.error == "1 transferred label holds again"


def test_what_items_are_not_is_a_table_without_empty_rows(filled: CommandLine, media: Path) -> None:
    shown = filled("label", media / "a.png", "--not", "low", "--format", "table").stdout.decode().splitlines()
    assert [line.split() for line in shown] == [["items", "1"], ["added", "1"], ["run", "2"], ["not", "low"]]
    assert filled("label", media / "a.png", "--not", "low").data["label"] is None
    assert filled("label", "runs").data[0]["arguments"] == {"not": ["low"], "items": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("label remove low media/b.png", "this item does not have the label low"),
        ("label remove low media/b.png media/c.png", "none of these items has the label low"),
        ("label remove low media/b.png --denied", "this item does not have a denial of low"),
        ("label remove wide --all", "no item has the label wide"),
        ("tag take mine media/b.png", "this item does not have the tag mine"),
    ],
)
def test_what_is_not_there_cannot_be_taken_away(filled: CommandLine, media: Path, arguments: str, said: str) -> None:
    filled("label", media / "a.png", "--as", "low")
    filled("tag", media / "a.png", "--as", "mine")
    (filled.folder / "tree.csv").write_text("child,parent\nlow,wide\n")
    filled("label", "hierarchy", "tree.csv")
    outcome = filled(*arguments.split())
    assert (outcome.status, outcome.data["removed"]) == (4, 0)
    assert outcome.error == f"nothing was removed: {said}"


def test_tags_are_undone_and_listed_by_the_verbs_of_labels(filled: CommandLine, media: Path) -> None:
    run = filled("tag", media / "a.png", "--as", "mine").data["run"]
    assert [row["run"] for row in filled("tag", "runs").data] == [run]
    assert filled("tag", "undo", run).data == {"run": run, "removed": 1}
    for words, does in {"tag rename": "label rename", "tag remove": "tag take", "label take": "label remove"}.items():
        verb = words.split()[1]
        outcome = filled(*words.split(), "a", "b")
        assert (outcome.status, outcome.stdout) == (2, b"")
        assert outcome.error == f"Error: {verb} is no verb of modag {words.split()[0]}: `modag {does}` does it"
    picture(filled.folder / "rename", RED)
    assert "is not in the index" in filled("tag", "rename", "--as", "x").error, "a file goes before"


# Labels that stand beside others.


def test_a_label_that_stands_beside_others_is_told_once(filled: CommandLine, media: Path) -> None:
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        for number in range(3):
            picture(media / f"{name}-{number}.png", (colour[0], colour[1], colour[2] + number))
    filled("index", media)
    for name in ("red", "green", "blue"):
        assert filled("label", *sorted(media.glob(f"{name}-*")), "--as", name).stderr == ""
    answers = [(row["label"], round(row["confidence"], 5)) for row in filled("classify", "--all").data]
    beside = filled("label", media / "red-0.png", media / "blue-0.png", "--as", "favourite")
    assert beside.error == (
        "warning: favourite stands beside 2 other labels: judged by itself from now on; the other 3 exclude each other "
        "as before (`modag label mode` shows it)"
    )
    assert [(row["label"], round(row["confidence"], 5)) for row in filled("classify", "--all").data] == answers
    assert filled("label", media / "green-0.png", "--as", "favourite").stderr == ""
    mode = filled("label", "mode")
    assert mode.data == {
        "mode": "auto",
        "exclude_each_other": False,
        "groups": [["blue", "green", "red"], ["favourite"]],
    }
    lines = filled("label", "mode", "--format", "table").stdout.decode().splitlines()
    assert [line.split(maxsplit=1) for line in lines[2:]] == [
        ["group_1", "blue, green, red"],
        ["group_2", "favourite"],
    ]
    refused = filled("label", "mode", "single")
    assert refused.error == (
        f"error: {media / 'red-0.png'}: is both 'red' and 'favourite', and could not be where these exclude each "
        "other, as 2 more items have such labels; `modag label remove` takes one back, `modag label mode multi` allows "
        "both"
    )
    filled("label", "kind", "favourite", "tag")
    assert filled("label", "mode").data["exclude_each_other"]


def test_where_most_stands_beside_others_it_is_said_on_how_many_items(filled: CommandLine, media: Path) -> None:
    said = {"a.png": "loud;low;near", "a.wav": "loud;low;far", "b.png": "loud;high;near", "b.wav": "low;far;loud"}
    rows = [f"media/{name},{labels}" for name, labels in said.items()]
    (filled.folder / "l.csv").write_text("\n".join(["path,label", *rows, "media/c.png,alone", ""]))
    outcome = filled("label", "--from", "l.csv", "--separator", ";")
    assert outcome.error == (
        "warning: labels stand beside each other on 4 of 5 labelled items: each is judged for itself from now on "
        "(`modag label mode` shows it)"
    )
    assert filled("label", media / "c.wav", "--as", "loud", "--as", "near").stderr == ""
    alone = [f"media/{name}.png,kind {number % 3}" for number, name in enumerate("defghijklmno")]
    for name in "defghijklmno":
        picture(media / f"{name}.png", GREEN)
    filled("index", media)
    (filled.folder / "m.csv").write_text("\n".join(["path,label", *alone, ""]))
    again = filled("label", "--from", "m.csv").error
    rest, *apart = filled("label", "mode").data["groups"]
    assert again == (
        f"warning: {len(rest)} labels exclude each other again, and are judged together, and "
        f"{', '.join(sorted(name for group in apart for name in group))} apart from these (`modag label mode` shows it)"
    )


# Files.


@pytest.mark.parametrize("kind", ["csv", "jsonl", "jams"])
def test_denials_and_tags_go_to_files_and_come_back(named: CommandLine, media: Path, kind: str) -> None:
    named("label", media / "a.wav", "--not", "a", "--as", "b")
    named("label", media / "c.wav", "--not", "b", "--start", "0.25", "--end", "0.75")
    named("tag", media / "b.png", "--as", "favourite")

    def said() -> set[tuple[str, str, float | None, bool, bool]]:
        return {
            (os.path.basename(row["path"]), row["label"], row["start_s"], row["is_not"], row["is_tag"])
            for row in named("label", "export").data
        }

    before = said()
    assert {one[1:] for one in before if one[3] or one[4]} == {
        ("a", None, True, False),
        ("b", 0.25, True, False),
        ("favourite", None, False, True),
    }
    assert named("label", "export", "--to", f"out.{kind}", *(["--kind", kind] if kind == "jams" else [])).status == 0
    for name in labels(named):
        named("label", "remove", name, "--all")
    assert named("label", "--from", f"out.{kind}").data[0]["added"] == 7
    assert said() == before
    assert {row["label"] for row in named("tag", "list").data} == {"favourite"}


def test_files_of_earlier_versions_are_written_over(named: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("path,label,start_s,end_s,origin,source,confidence\n")
    assert named("label", "export", "--to", "old.csv").status == 0
    with (tmp_path / "old.csv").open(newline="") as file:
        assert {(row["is_not"], row["is_tag"]) for row in csv.DictReader(file)} == {("", "")}


def test_no_reader_of_jams_takes_a_denial_for_a_label(named: CommandLine, media: Path, tmp_path: Path) -> None:
    named("label", media / "a.wav", "--not", "a")
    named("label", "export", "--to", "jams", "--kind", "jams")
    (document,) = (
        one for path in (tmp_path / "jams").iterdir() if (one := json.loads(path.read_text()))["annotations"] == []
    )
    assert [observation["value"] for observation in document["sandbox"]["modag"]["not"]] == ["a"]


def test_folders_hold_what_items_are(named: CommandLine, media: Path, tmp_path: Path) -> None:
    named("label", media / "a.wav", "--not", "a")
    named("tag", media / "b.png", "--as", "favourite")
    outcome = named("label", "export", "--to", "sorted", "--kind", "folders")
    assert outcome.error == "sorted: 3 labels in 3 files; 2 left out: on parts of items, denied, or tags"
    assert sorted(os.listdir(tmp_path / "sorted")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["media/a.wav,a,1,", "media/a.wav,a,,"], "line 3: {here}/media/a.wav: 'a' cannot both hold and not hold, as"),
        (["media/a.wav,fav,1,1"], "line 2: 'fav' is a tag, which nothing guesses"),
        (["media/b.wav,b,,", "media/a.wav,a,,1"], "line 3: 'a' is no tag here; `modag label kind` makes it one"),
        (["media/a.wav,a,maybe,"], "line 2: is_not must be true or false, or 1 or 0, not 'maybe'"),
    ],
)
def test_what_a_file_cannot_mean_is_named_with_its_line(
    named: CommandLine, tmp_path: Path, lines: list[str], error: str
) -> None:
    before = labels(named)
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,is_not,is_tag", *lines, ""]))
    outcome = named("label", "--from", "labels.csv")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert error.format(here=tmp_path) in outcome.error
    assert labels(named) == before


def test_denials_of_a_file_give_way_to_a_person(named: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text(
        "".join(
            json.dumps({"path": f"media/{name}", "label": "a", "is_not": True}) + "\n" for name in ("a.png", "a.wav")
        )
    )
    (report,) = named("label", "--from", "labels.jsonl").data
    assert (report["added"], report["unchanged"]) == (1, 0)
    assert [(one["name"], one["reason"]) for one in report["passed_over"]] == [(str(media / "a.png"), "given by hand")]
    assert labels(named)["a"] == (1, 1)
    with toy_index(named.folder / "index") as index:
        assert index.item(media / "a.png").labels == ("a",)
