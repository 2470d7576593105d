"""``modag transfer --check``: asking before labels are given."""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING

import pytest

from tests.made_media import GREEN, RED, picture
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


@pytest.fixture
def shades(toy: CommandLine, media: Path, tmp_path: Path) -> CommandLine:
    """``modag`` with a red and a green picture that have labels, and twelve from red to green that have none."""
    picture(media / "red.png", RED)
    picture(media / "green.png", GREEN)
    for n in range(12):
        picture(media / f"{n:02}.png", (230 - 18 * n, 20 + 18 * n, 20))
    with toy_index(tmp_path / "index") as index:
        index.add([media])
        index.label([media / "red.png"], "red")
        index.label([media / "green.png"], "green")
    return toy


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at a terminal, and types what stands on stdin."""
    for module in ("reviewing", "classifying"):
        monkeypatch.setattr(f"modag_search.cli.{module}.on_terminal", lambda: True)


def origins(shades: CommandLine) -> list[str]:
    with toy_index(shades.folder / "index") as index:
        return sorted(annotation.origin for annotation in index.catalog.labels.annotations())


def rows(sheet: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.decode())))


def filled_in(sheet: Path, answer: str) -> None:
    """Answer all questions of a sheet, which stands sorted afterwards."""
    head, *lines = sheet.read_text().splitlines()
    sheet.write_text("\n".join([head, *(line + answer for line in sorted(lines))]) + "\n")


def test_off_a_terminal_it_needs_a_sheet(shades: CommandLine) -> None:
    outcome = shades("transfer", "--check", "4")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "--answers FILE.csv writes a sheet" in outcome.error
    for wrong in (["--yes"], ["--answers", "a.csv"]):
        outcome = shades("transfer", *wrong)
        assert outcome.status == 2
        assert "--answers and --yes go with --check N" in outcome.stderr
    assert origins(shades) == ["hand", "hand"]


@pytest.mark.parametrize("verb", [["transfer"], ["label", "count", "red"]], ids=["transfer", "count"])
def test_where_a_sheet_cannot_be_written_nothing_is_worked_out_first(
    toy: CommandLine, tmp_path: Path, verb: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(sheet: str) -> str:
        outcome = toy(*verb, "--check", "4", "--answers", sheet)  # of an empty index, which else would be said
        assert (outcome.status, outcome.stdout) == (2, b"")
        return outcome.error

    there_is_none = "there is no folder sheets/new; make it first, or name another"
    assert refused("sheets/new/a.csv") == f"error: sheets/new/a.csv: cannot be written: {there_is_none}"
    assert not (tmp_path / "sheets").exists()
    (tmp_path / "file").touch()
    assert "there is no folder file;" in refused("file/a.csv")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert refused("a.csv") == "error: a.csv: cannot be written: . does not allow it; name a file elsewhere"


def test_a_sheet_is_written_filled_in_and_read(shades: CommandLine, tmp_path: Path) -> None:
    sheet = tmp_path / "answers.csv"
    outcome = shades("transfer", "--check", "4", "--answers", "answers.csv")
    assert (outcome.status, outcome.stdout) == (0, b"")
    assert outcome.error == (
        "answers.csv: 4 questions; fill in the column answer with y, n or ?, and give the same command again"
    )
    asked = rows(sheet.read_bytes())
    assert [*asked[0]] == ["path", "proposed", "confidence", "answer"]
    assert {row["proposed"] for row in asked} <= {"red", "green"}
    assert rows(shades("transfer", "--check", "4", "--answers", "-").stdout) == asked

    outcome = shades("transfer", "--check", "4", "--answers", "answers.csv")
    assert outcome.status == 2
    assert outcome.error == "error: answers.csv: holds no answer yet; fill in the column answer with y, n or ?"
    filled_in(sheet, "Y")
    foreseen = shades("transfer", "--check", "4", "--answers", "answers.csv")
    assert foreseen.status == 0
    given, every, done = foreseen.stderr.splitlines()
    assert " answered, " in given
    assert ": precision 1.000 (95 %: 0." in given
    assert every.startswith("of 12 names, with those of what would stay unknown, 4 answered, 4 of them with y")
    assert done.endswith("nothing was written; --yes goes on")
    assert origins(shades) == ["hand", "hand"]

    outcome = shades("transfer", "--check", "4", "--answers", "answers.csv", "--yes")
    assert (outcome.status, outcome.data) == (0, foreseen.data)
    assert "4 answers kept as labels, or as what items are not; run " in outcome.stderr
    assert origins(shades) == ["hand"] * 6 + ["transfer"] * len(outcome.data)
    asked_about = {row["path"] for row in asked}
    assert asked_about.isdisjoint(row["path"] for row in outcome.data)

    run = outcome.stderr.splitlines()[-1].rpartition("run ")[2]
    assert shades("label", "undo", run).status == 0
    outcome = shades("transfer", "--check", "4", "--answers", "answers.csv")
    assert outcome.status == 2, "what is labelled now is asked about no more"
    assert "holds other questions" in outcome.error


def test_a_sheet_that_does_not_fit_is_refused_by_its_line(shades: CommandLine, tmp_path: Path) -> None:
    sheet = tmp_path / "answers.csv"
    shades("transfer", "--check", "4", "--answers", "answers.csv")
    written = sheet.read_text()
    filled_in(sheet, "perhaps")
    assert "answers.csv: line 2: 'perhaps' is no answer; y, n and ? are" in shades(
        "transfer", "--check", "4", "--answers", "answers.csv"
    ).error  # fmt: skip
    sheet.write_text(written + written.splitlines()[-1] + "y\n")
    assert "line 6: asks the same as a line above" in shades(
        "transfer", "--check", "4", "--answers", "answers.csv"
    ).error  # fmt: skip
    sheet.write_text(written)
    filled_in(sheet, "n")
    outcome = shades("transfer", "--check", "5", "--answers", "answers.csv")
    assert outcome.status == 2
    assert "holds other questions than would be asked now" in outcome.error
    sheet.write_text("path,label\na.png,red\n")
    assert "must name the columns path,proposed,confidence,answer" in shades(
        "transfer", "--check", "4", "--answers", "answers.csv"
    ).error  # fmt: skip


def test_on_a_terminal_each_is_asked_and_then_whether_to_go_on(shades: CommandLine, terminal: None) -> None:
    outcome = shades("transfer", "--check", "4", stdin=b"y\ny\n?\nn\ny\n")
    assert outcome.status == 0
    assert "1 of 4: media/" in outcome.stderr
    assert "? (y, n, ?, q) " in outcome.stderr
    assert " 3 answered, 2 of them with y" in outcome.stderr
    assert outcome.stderr.index("precision") < outcome.stderr.index("Give ")
    assert origins(shades) == ["hand"] * 5 + ["transfer"] * len(outcome.data)


def test_answers_need_not_be_lost_where_one_does_not_go_on(shades: CommandLine, terminal: None) -> None:
    outcome = shades("transfer", "--check", "4", stdin=b"y\nn\nq\nn\nn\n")
    assert outcome.status == 0
    assert " 2 answered, " in outcome.stderr
    assert "nothing was written" in outcome.stderr
    assert origins(shades) == ["hand", "hand"]
    outcome = shades("transfer", "--check", "4", stdin=b"y\nn\nn\nn\nn\ny\n")
    assert "4 answers kept as labels, or as what items are not; run " in outcome.stderr
    assert outcome.stderr.endswith("nothing was given\n")
    assert origins(shades) == ["hand"] * 6, "no, too, is a judgement"


def test_where_one_breaks_off_nothing_is_written(shades: CommandLine, terminal: None) -> None:
    for typed in (b"y\n", b"y\ny\ny\ny\n"):
        outcome = shades("transfer", "--check", "4", stdin=typed)
        assert outcome.status == 130
        assert outcome.stderr.endswith("interrupted; nothing was written\n")
    outcome = shades("transfer", "--check", "4", "--dry-run", stdin=b"y\ny\ny\ny\n")
    assert outcome.status == 0
    assert "would be given" in outcome.stderr
    assert origins(shades) == ["hand", "hand"]


def test_how_many_there_are_is_estimated_and_answers_narrow_it(shades: CommandLine, terminal: None) -> None:
    outcome = shades("label", "count", "red")
    assert outcome.status == 0
    assert [*outcome.data] == [
        *("label", "count", "low", "high", "labelled", "undecided", "unheard", "answers", "to_halve")
    ]
    first, last = outcome.stderr.splitlines()
    assert first.startswith("1 labelled by hand or from files; ")
    assert first.endswith(" of 12 others, estimated by confidence alone")
    assert last.startswith("about ")
    assert last.endswith(f"`modag label count red --check {outcome.data['to_halve']}`")
    outcome = shades("label", "count", "red", "--check", "4", stdin=b"y\nn\n?\nq\n")
    assert outcome.status == 0
    assert "2 answers kept as labels, or as what items are not; run " in outcome.stderr
    assert "estimated by confidence and 2 answers about items drawn at random" in outcome.stderr
    assert (outcome.data["labelled"], outcome.data["answers"]) == (2, 2)
    outcome = shades("label", "count", "Red")
    assert outcome.status == 4
    assert outcome.error.endswith("; did you mean red?")


def test_a_count_takes_a_sheet_of_answers(shades: CommandLine, tmp_path: Path) -> None:
    assert shades("label", "count", "red", "--answers", "a.csv").status == 2
    assert shades("label", "count", "red", "--check", "4").status == 2
    asked = ("label", "count", "red", "--check", "4", "--answers", "a.csv")
    outcome = shades(*asked)
    assert (outcome.status, outcome.stdout) == (0, b"")
    filled_in(tmp_path / "a.csv", "n")
    outcome = shades(*asked, "--format", "table")
    assert outcome.status == 0
    assert b"answers    4" in outcome.stdout
    assert "4 answers kept as labels, or as what items are not" in outcome.stderr
    assert "holds other questions" in shades(*asked).error


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_sheet_holds_names_with_ends_of_lines(shades: CommandLine, media: Path, tmp_path: Path, end: str) -> None:
    odd = picture(media / f"new{end}line.png", RED)
    shades("index", media)
    sheet = tmp_path / "sheet.csv"
    shades("transfer", "--check", "40", "--answers", sheet)
    written = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode(), newline="")))
    assert str(odd) in [row["path"] for row in written]
    content = io.StringIO(newline="")
    answered = csv.DictWriter(content, written[0])
    answered.writeheader()
    answered.writerows(row | {"answer": "y"} for row in written)
    sheet.write_bytes(content.getvalue().encode())
    assert f"{len(written)} answered" in shades("transfer", "--check", "40", "--answers", sheet).stderr
