"""Names as others write them: in another Unicode form, in other case, nearly right."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.made_media import RED, picture
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine, Outcome

NFC, NFD = "Gr\u00fcn", "Gru\u0308n"
FLUTE, FLUTE_APART = "Fl\u00f6te", "Flo\u0308te"


@pytest.fixture
def apart(filled: CommandLine, media: Path) -> CommandLine:
    """``modag`` with an index that holds a picture whose name, and whose folder's, are in the form NFD."""
    picture(media / NFD / f"{NFD}.png", RED)
    with toy_index(filled.folder / "index") as index:
        index.add([media])
    return filled


def labels(modag: CommandLine) -> dict[str, int]:
    return {row["label"]: row["items"] for row in modag("label", "list").data}


def done(outcome: Outcome) -> Outcome:
    assert (outcome.status, outcome.stderr) == (0, "")
    return outcome


def test_a_path_in_the_other_form_is_found_by_each_verb(apart: CommandLine) -> None:
    path = f"media/{NFC}/{NFC}.png"
    done(apart("label", path, "media/a.png", "--as", "farbe"))
    (apart.folder / "labels.csv").write_text(f"path,label\n{path},rot\n")
    done(apart("label", "--from", "labels.csv"))
    (hit, *_) = done(apart("search", path, "--modality", "image")).data
    assert os.path.basename(hit["path"]) == "a.png", "the picture itself asks, and does not answer"
    (answer,) = done(apart("classify", path)).data
    assert answer["label"] == "farbe"
    assert done(apart("label", "remove", "rot", path)).data["removed"] == 1
    assert apart("index", path).status == 0
    assert len(apart("label", "export").data) == 2


def test_an_item_whose_file_is_gone_is_found_too(apart: CommandLine, media: Path) -> None:
    (media / NFD / f"{NFD}.png").unlink()
    done(apart("label", f"media/{NFC}/{NFC}.png", "--as", "farbe"))
    assert labels(apart) == {"farbe": 1}


def test_two_items_that_look_the_same_are_told_apart_by_their_ids(apart: CommandLine, media: Path) -> None:
    names = ["s\u0323\u0307.png", "\u1e63\u0307.png"]
    for name in names:
        picture(media / name, RED)
    apart("index", media)
    outcome = apart("label", "media/\u1e69.png", "--as", "x")
    assert outcome.status == 2
    assert "whose names look the same; name one by its id" in outcome.error
    done(apart("label", f"media/{names[0]}", "--as", "x"))


def test_labels_in_two_forms_are_one(filled: CommandLine) -> None:
    done(filled("label", "media/a.png", "--as", FLUTE_APART))
    done(filled("label", "media/b.png", "--as", FLUTE))
    assert filled("label", "add", FLUTE_APART).status == 0
    assert labels(filled) == {FLUTE: 2}
    for asked in (FLUTE, FLUTE_APART):
        assert done(filled("search", f"label:{asked}", "-n", "1")).data
        assert len(filled("search", "media/c.png", "--label", asked).data) == 2
    assert done(filled("label", "remove", FLUTE_APART, "media/a.png")).data["removed"] == 1
    assert done(filled("label", "rename", FLUTE_APART, "flute")).data == {"label": "flute", "annotations": 1, "kept": 0}
    done(filled("label", "merge", "flute", "--into", FLUTE_APART))
    assert labels(filled) == {FLUTE: 1}


def test_hierarchies_and_folders_name_the_same_label(filled: CommandLine, media: Path) -> None:
    picture(media / FLUTE_APART / "x.png", RED)
    filled("index", media)
    (filled.folder / "tree.csv").write_text(f"child,parent\n{FLUTE},wind\n")
    filled("label", "hierarchy", "tree.csv")
    filled("label", "--from-folders", "media")
    assert labels(filled) == {FLUTE: 1, "wind": 0}
    assert len(filled("search", "media/a.png", "--label", "wind").data) == 1


def renamed_behind(modag: CommandLine, old: str, new: str) -> None:
    """Give a label a name that no verb would give it, as an earlier version did."""
    with closing(sqlite3.connect(modag.folder / "index" / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE label SET name = ? WHERE name = ?", (new, old))


def test_labels_that_an_earlier_version_kept_apart_become_one(filled: CommandLine) -> None:
    filled("label", "media/a.png", "media/b.png", "--as", "x")
    filled("label", "media/b.png", "--as", FLUTE)
    filled("label", "hierarchy", "--clear")
    renamed_behind(filled, "x", FLUTE_APART)
    outcome = filled("label", "list")
    assert [(row["label"], row["items"]) for row in outcome.data] == [(FLUTE, 2)]
    assert outcome.error == f"warning: {FLUTE}: was several labels, in two Unicode forms; they are one now"
    assert filled("verify").error == "all is well"


def test_a_label_of_an_earlier_version_is_found(filled: CommandLine) -> None:
    filled("label", "media/a.png", "--as", "x")
    renamed_behind(filled, "x", FLUTE_APART)
    assert filled("search", "media/b.png", "--label", FLUTE).data
    assert labels(filled) == {FLUTE: 1}


@pytest.mark.parametrize("command", ["search label:{}", "search media/a.png --label {}"])
def test_a_search_asks_which_label_was_meant(filled: CommandLine, command: str) -> None:
    filled("label", "media/a.png", "--as", "dog")
    outcome = filled(*command.format("DOG").split())
    assert outcome.status == 4
    assert outcome.error.endswith("; did you mean dog?")
    assert "did you mean" not in filled(*command.format("piano").split()).error


@pytest.mark.parametrize(
    "command", ["label remove DOG --all", "label rename DOG x", "label merge DOG --into x", "label remove dgo --all"]
)
def test_a_label_that_is_not_there_may_have_been_another(filled: CommandLine, command: str) -> None:
    filled("label", "media/a.png", "--as", "dog")
    outcome = filled(*command.split())
    assert outcome.status == 2
    assert outcome.error.endswith("`modag label list` lists them; did you mean dog?")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("media/A.png", "media/a.png"),
        ("other/b.png", "media/b.png"),
        ("media/a.pgn", "a.png or a.wav or b.png"),
        ("a.png", "media/a.png"),
    ],
)
def test_a_path_that_is_not_there_may_have_been_another(
    filled: CommandLine, name: str, meant: str, tmp_path: Path
) -> None:
    outcome = filled("label", name, "--as", "x")
    assert outcome.status == 2
    assert outcome.error.startswith(f"error: {name}: is not in the index, and no such file is there; did you mean ")
    assert all(one in outcome.error for one in meant.split(" or ")[:1])


@pytest.mark.parametrize(
    "command",
    [
        "label media/b.png --as Dog",
        "label add Dog",
        "label rename cat Dog",
        "label merge cat --into Dog",
        "label --from labels.csv",
    ],
)
def test_a_new_label_beside_one_in_other_case_is_named(filled: CommandLine, command: str) -> None:
    filled("label", "media/a.png", "--as", "dog", "--as", "cat")
    (filled.folder / "labels.csv").write_text("path,label\nmedia/b.png,Dog\n")
    first = filled(*command.split())
    assert first.status == 0
    assert "warning: label 'Dog' is new beside 'dog'; `modag label merge Dog --into dog` makes them one" in (
        first.stderr.splitlines()
    )
    done(filled("label", "media/c.png", "--as", "Dog"))
    done(filled("label", "rename", "Dog", "DOGGY"))


def test_one_label_that_looks_like_several_is_named(filled: CommandLine) -> None:
    outcome = filled("label", "media/a.png", "--as", "sea, wind")
    assert outcome.error == "warning: 'sea, wind' is one label; `--as sea --as wind` gives 2"
    done(filled("label", "media/b.png", "--as", "sea, wind"))


@pytest.mark.parametrize("verb", ["classify", "explain"])
def test_one_name_to_choose_among_that_looks_like_several_is_named(filled: CommandLine, verb: str) -> None:
    warning = "warning: 'dog;cat' is one label; `--names dog,cat` gives 2"
    assert filled(verb, "media/b.png", "--names", "dog;cat").stderr.splitlines().count(warning) == 1
    filled("label", "media/a.png", "--as", "dog;cat")
    assert warning not in filled(verb, "media/b.png", "--names", "dog;cat").stderr, "it is a label of the index"
    assert " is one label" not in filled(verb, "media/b.png", "--names", '"sea, wind",rain').stderr, "in quotes"
