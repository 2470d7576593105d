"""``modag report`` and ``modag gallery``: pages to hand on."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import unquote, urlsplit

import pytest

from tests.html_pages import HtmlPage
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


def read(path: Path) -> HtmlPage:
    return HtmlPage(path.read_text(encoding="utf-8"))


def names(page: HtmlPage) -> list[str]:
    """Return the items of a page, in order, by the links to their files."""
    return [os.path.basename(unquote(link)) for link in page.values("a", "href") if not link.endswith(".html")]


@pytest.fixture
def labelled(filled: CommandLine, media: Path) -> CommandLine:
    """Two pictures have labels; their sounds are like them."""
    filled("label", media / "a.png", "--as", "red")
    filled("label", media / "c.png", "--as", "blue")
    return filled


def test_a_report_shows_what_a_search_finds(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = filled("report", media / "a.png", "--to", "page.html", "-n", "3")
    hits = filled("search", media / "a.png", "-n", "3").data
    assert done.status == 0
    assert done.data == {
        "page": "page.html",
        "items": 3,
        "left_out": 0,
        "failed": 0,
        "files": 1,
        "size_bytes": (tmp_path / "page.html").stat().st_size,
    }
    page = read(tmp_path / "page.html")
    assert names(page) == ["a.png", *(os.path.basename(hit["path"]) for hit in hits)]  # what was asked with goes first
    assert "Asked with this." in page.text
    for hit in hits:
        assert f"{hit['relevance']:.3f}" in page.text
        assert f"{hit['similarity']:.3f}" in page.text


def test_a_report_needs_nothing_but_itself(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    filled("report", media / "a.png", "--to", "page.html")
    page = read(tmp_path / "page.html")
    seen_and_heard = page.values("img", "src") + page.values("audio", "src")
    assert len(seen_and_heard) == 6 + 3
    assert {address.partition(",")[0] for address in seen_and_heard} == {
        "data:image/jpeg;base64",
        "data:audio/mpeg;base64",
    }
    assert page.values("link", "href") == page.values("script", "src") == []
    assert not any(urlsplit(link).netloc for link in page.values("a", "href"))


def test_links_lead_from_the_page_to_the_files(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    odd = picture(media / "1:1 ü#?%.png", RED, size=(16, 12))
    filled("index", media)
    filled("report", media / "a.png", "--copies", "--to", tmp_path / "pages" / "deep" / "page.html")
    links = read(tmp_path / "pages" / "deep" / "page.html").values("a", "href")
    found = [tmp_path / "pages" / "deep" / unquote(link) for link in links]
    assert all(path.exists() for path in found)
    assert odd in [path.resolve() for path in found]
    assert not any(urlsplit(link).scheme for link in links)


def test_names_below_a_root_that_is_not_on_this_machine_lead_nowhere(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    elsewhere = picture(tmp_path / "elsewhere" / "sub" / "d.png", RED, size=(16, 12))
    filled("index", elsewhere.parent)
    filled("label", elsewhere, "--as", "red")
    filled("roots", "add", "NAS", elsewhere.parents[1])
    with closing(sqlite3.connect(tmp_path / "index" / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE root SET machine = 'another'")
    done = filled("report", media / "a.png", "--to", "page.html", "--copies")
    assert done.status == 3
    assert "root NAS has no folder on this machine" in done.stderr
    page = read(tmp_path / "page.html")
    assert "d.png" in page.text
    assert "d.png" not in names(page)
    assert "a.png" in names(page)
    done = filled("gallery", "--label", "red", "--to", "sheet.html")
    assert (done.status, done.data["items"]) == (3, 1)
    page = read(tmp_path / "sheet.html")
    assert page.values("a", "href") == []
    assert "@NAS/sub" in page.text
    assert str(tmp_path) not in page.text


def test_only_what_stands_in_the_page_may_run(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    filled("report", media / "a.png", "--to", "page.html")
    html = (tmp_path / "page.html").read_text()
    (policy,) = (
        one["content"] for name, one in HtmlPage(html).elements if one.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert "style" not in {attribute for _, one in HtmlPage(html).elements for attribute in one}


def test_several_queries_become_sections(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    asked = b"".join(os.fsencode(media / name) + b"\n" for name in ("a.wav", "c.png"))
    for arguments, stdin in (((media / "a.wav", media / "c.png"), b""), (("-",), asked)):
        done = filled("report", *arguments, "-n", "1", "--to", "page.html", stdin=stdin)
        page = read(tmp_path / "page.html")
        assert (done.status, done.data["items"]) == (0, 2)
        assert [name for name, _ in page.elements].count("h2") == 2
        assert names(page) == ["a.wav", "a.png", "c.png", "c.wav"]


def test_what_asks_may_be_combined(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = filled("report", media / "a.png", "+", media / "b.wav", "-n", "2", "--to", "page.html")
    assert done.status == 0
    assert names(read(tmp_path / "page.html"))[:2] == ["a.png", "b.wav"]
    assert "What goes with a.png + b.wav" in read(tmp_path / "page.html").text


def test_answers_may_say_what_they_would_be_called_and_why(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    labelled("report", media / "a.png", "--modality", "sound", "-n", "1", "--why", "--to", "page.html")
    why = labelled("explain", media / "a.wav", "--format", "table").stdout.decode()
    page = read(tmp_path / "page.html")
    assert f"red {labelled('explain', media / 'a.wav').data['confidence']:.3f}" in " ".join(page.text.split())
    for line in why.splitlines():
        if "because" not in line and "labelled" in line:
            assert line.split("  ")[-1] in page.text


def test_labels_are_shown_with_who_gave_them(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "said.csv").write_text(f"path,label,is_not\n{media}/b.png,green,\n{media}/b.png,teal,1\n")
    labelled("label", "--from", "said.csv")
    labelled("gallery", "--kind", "image", "--to", "page.html")
    text = " ".join(read(tmp_path / "page.html").text.split())
    assert "red by hand" in text
    assert "green from said.csv" in text  # no folder of this machine is told
    assert "not teal from said.csv" in text


def test_what_cannot_be_read_any_more_is_said(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    (media / "b.wav").unlink()
    done = filled("report", media / "a.png", "--modality", "sound", "--to", "page.html")
    assert (done.status, done.data["failed"]) == (3, 1)
    assert done.error.startswith(f"failed: {media / 'b.wav'}: ")
    assert f"{media / 'b.wav'}" in read(tmp_path / "page.html").text


def test_a_query_that_fails_leaves_the_others(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = filled("report", media / "a.png", media / "none.png", "--to", "page.html")
    assert (done.status, done.data["failed"]) == (3, 1)
    assert "none.png" in done.error
    assert "a.png" in names(read(tmp_path / "page.html"))


def test_nothing_found_writes_nothing(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = filled("report", media / "a.png", "--label", "nothing", "--to", "page.html")
    assert done.status == 4
    assert "nothing" in done.error
    assert not (tmp_path / "page.html").exists()


def test_what_is_far_is_said_on_the_page_too(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = filled("report", media / "a.png", "--modality", "sound", "--to", "page.html")
    text = read(tmp_path / "page.html").text
    assert ("nothing here is close" in done.stderr) == ("Nothing here is close" in text)


@pytest.mark.parametrize("verb", [("report", "label:red"), ("gallery",)])
def test_a_page_costs_nobody_a_file(labelled: CommandLine, media: Path, tmp_path: Path, verb: tuple[str, ...]) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<!doctype html>\n<p>of years of work")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "index.html").write_text("mine")
    (tmp_path / "note.txt").write_text("mine")
    for target in ("mine.html", "folder", "note.txt"):
        done = labelled(*verb, "--to", target)
        assert done.status == 2, target
        assert target in done.error
    assert mine.read_text() == "<!doctype html>\n<p>of years of work"
    assert (tmp_path / "folder" / "index.html").read_text() == "mine"


def test_the_same_page_is_written_again(labelled: CommandLine, tmp_path: Path) -> None:
    pages = []
    for _ in range(2):
        assert labelled("gallery", "--to", "page.html").status == 0
        pages.append((tmp_path / "page.html").read_bytes())
    assert pages[0] == pages[1]


def test_a_folder_has_what_is_seen_and_heard_beside_its_page(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = filled("gallery", "--to", "gallery")
    page = read(tmp_path / "gallery" / "index.html")
    beside = page.values("img", "src") + page.values("audio", "src")
    (tmp_path / "gallery" / "previews" / ".nomedia").unlink()
    there = {
        path.relative_to(tmp_path / "gallery").as_posix() for path in (tmp_path / "gallery" / "previews").iterdir()
    }
    assert done.data["files"] == 1 + len(there) == 1 + 9
    assert sorted(beside) == sorted(there)
    assert names(page) == ["a.png", "a.wav", "b.png", "b.wav", "c.png", "c.wav"]
    shutil.move(tmp_path / "gallery", tmp_path / "moved")
    assert all((tmp_path / "moved" / address).stat().st_size for address in beside)


def test_a_gallery_takes_the_place_of_an_earlier_one(filled: CommandLine, tmp_path: Path) -> None:
    filled("gallery", "--to", "gallery")
    done = filled("gallery", "--kind", "image", "--to", "gallery")
    assert done.status == 0
    assert len(list((tmp_path / "gallery" / "previews").glob("*.*g"))) == 3
    assert {path.name for path in tmp_path.iterdir() if "gallery" in path.name} == {"gallery"}


def test_an_earlier_gallery_with_a_note_in_it_stays(filled: CommandLine, tmp_path: Path) -> None:
    filled("gallery", "--to", "gallery")
    (tmp_path / "gallery" / "note.txt").write_text("mine")
    assert filled("gallery", "--to", "gallery").status == 2
    assert (tmp_path / "gallery" / "note.txt").read_text() == "mine"


def test_what_fails_on_the_way_leaves_the_earlier_gallery(filled: CommandLine, tmp_path: Path) -> None:
    filled("gallery", "--to", "gallery")
    before = (tmp_path / "gallery" / "index.html").read_bytes()
    with mock.patch("modag_search.pages.writing.page", side_effect=OSError(28, "No space left on device")):
        assert filled("gallery", "--kind", "sound", "--to", "gallery").status == 2
    assert (tmp_path / "gallery" / "index.html").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir() if "gallery" in path.name} == {"gallery"}


def test_many_items_are_several_pages(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    for number in range(5):
        picture(media / f"{number}.png", (40 * number, 90, 10))
    toy("index", media)
    with mock.patch("modag_search.pages.writing.TILES_A_PAGE", 2):
        toy("gallery", "--to", "gallery")
    pages = ["index.html", "page-2.html", "page-3.html"]
    shown = [name for one in pages for name in names(read(tmp_path / "gallery" / one))]
    assert shown == [f"{number}.png" for number in range(5)]
    assert read(tmp_path / "gallery" / "page-2.html").values("a", "href")[:3] == pages


def test_what_is_left_out_is_said(filled: CommandLine, tmp_path: Path) -> None:
    done = filled("gallery", "-n", "2", "--to", "page.html")
    assert (done.data["items"], done.data["left_out"]) == (2, 4)
    assert done.error == "4 items left out; -n shows more"
    assert "4 more are not shown." in read(tmp_path / "page.html").text


def test_items_are_chosen(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    (media / "below").mkdir()
    sound(media / "below" / "d.wav", (LOW_HZ, 2))
    labelled("index", media)
    for arguments, expected in (
        (["--label", "red"], ["a.png"]),
        (["--kind", "sound"], ["a.wav", "b.wav", "d.wav", "c.wav"]),
        (["--under", media / "below"], ["d.wav"]),
        (["--unlabelled", "--kind", "image"], ["b.png"]),
        (["--unlabelled", "--under", media / "below"], ["d.wav"]),
    ):
        done = labelled("gallery", *arguments, "--to", "page.html")
        assert done.status == 0, done.stderr
        assert sorted(names(read(tmp_path / "page.html"))) == sorted(expected)


def test_the_least_sure_come_first_and_ask(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    done = labelled("gallery", "--unsure", "--max-confidence", "1", "--to", "page.html")
    answers = labelled("classify", "--unlabelled", "--sort", "confidence").data
    page = read(tmp_path / "page.html")
    assert done.status == 0
    assert page.values("article", "data-path") == [one["path"] for one in answers]
    assert page.values("article", "data-label") == [one["label"] for one in answers]
    assert [name for name, _ in page.elements].count("details") == len(answers)  # why
    sure = labelled("gallery", "--unsure", "--max-confidence", "0", "--to", "none.html")
    assert sure.status == 4
    assert "0 or less" in sure.error


def test_what_a_run_gave_is_looked_over(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    report = labelled("transfer", "--min-confidence", "0.1", "--format", "json")
    run = int(re.findall(r"run (\d+)", report.stderr)[-1])
    labelled("gallery", "--run", run, "--to", "page.html")
    page = read(tmp_path / "page.html")
    assert sorted(page.values("article", "data-path")) == sorted(one["path"] for one in report.data)
    labelled("gallery", "--run", run, "--no-review", "--to", "page.html")
    assert read(tmp_path / "page.html").values("article", "data-path") == []
    unknown = labelled("gallery", "--run", "999", "--to", "page.html")
    assert unknown.status == 2
    assert "`modag label runs`" in unknown.error


def test_a_label_on_a_part_is_asked_about_there(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    sound(media / "s.wav", (LOW_HZ, 20), (HIGH_HZ, 10))
    toy("index", media)
    toy("label", media / "s.wav", "--as", "high", "--start", "20.5", "--end", "30")
    toy("gallery", "--label", "high", "--review", "--to", "page.html")
    page = read(tmp_path / "page.html")
    assert page.values("article", "data-start") == ["20.5"]
    assert page.values("article", "data-end") == ["30"]
    assert "20.5 s to 28.5 s" in page.text


def test_what_people_put_beside_previews_is_not_lost(filled: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    assert filled("gallery", "--to", folder).status == 0
    assert filled("gallery", "--to", folder).status == 0, "its own pages are replaced"
    mine = folder / "previews" / "my-notes.txt"
    mine.write_text("mine")
    outcome = filled("gallery", "--to", folder)
    assert outcome.status == 2
    assert "holds other things than pages" in outcome.error
    assert mine.read_text() == "mine"


def test_choices_that_exclude_each_other_are_refused(labelled: CommandLine) -> None:
    for arguments in (["--unsure", "--run", "1"], ["--unlabelled", "--label", "red"], ["--unlabelled", "--run", "1"]):
        assert labelled("gallery", *arguments, "--to", "page.html").status == 2


def test_nothing_chosen_says_why(labelled: CommandLine, tmp_path: Path) -> None:
    for arguments, words in (
        (["--label", "rde"], "red"),
        (["--under", tmp_path / "nowhere"], "no item lies below"),
    ):
        done = labelled("gallery", *arguments, "--to", "page.html")
        assert done.status == 4
        assert words in done.error


def test_names_cannot_become_markup(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    name = '"><script>alert(1)<\\script>&.png'
    picture(media / name, RED)
    picture(media / "\udcff.png", BLUE)
    toy("index", media)
    toy("label", media / name, "--as", "<i>red</i>")
    toy("gallery", "--review", "--title", "</title><b>", "--to", "page.html")
    page = read(tmp_path / "page.html")
    assert {name for name, _ in page.elements} & {"b", "i"} == set()
    assert name in names(page)
    assert str(media / name) in page.values("article", "data-path")
    assert "<i>red</i>" in page.values("article", "data-label")


def test_a_mute_video_has_a_picture_and_no_player(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    video(media / "v.mp4")
    toy("index", media)
    done = toy("gallery", "--to", "page.html")
    page = read(tmp_path / "page.html")
    assert (done.status, len(page.values("img", "src"))) == (0, 1)


def test_a_tag_is_no_question(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    run = labelled("tag", media / "b.png", "--as", "favourite").data["run"]
    asked = labelled("gallery", "--label", "favourite", "--review", "--to", "page.html")
    assert (asked.status, "is a tag" in asked.error) == (2, True)
    assert labelled("gallery", "--run", run, "--to", "page.html").status == 4
    assert labelled("gallery", "--run", run, "--no-review", "--to", "page.html").status == 0
    assert names(read(tmp_path / "page.html")) == ["b.png"]


def test_what_is_beside_a_page_is_not_taken_in(filled: CommandLine, media: Path) -> None:
    filled("gallery", "--to", media / "gallery")
    assert filled("index", media).data["added"] == 0


def test_a_target_that_cannot_be_written_is_found_before_anything_else(filled: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for target in ("file/page.html", "file/folder"):
        done = filled("gallery", "--to", target)
        assert done.status == 2
        assert "cannot be written" in done.error


def test_a_no_takes_back_what_was_given_by_hand(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "sheet-answers.csv").write_text(
        "path,label,start_s,end_s,answer\n"
        f'{media}/a.png,red,,,n\n{media}/a.png,"teal, or so",,,y\n{media}/c.png,blue,,,?\n'
    )
    labelled("label", "mode", "single")
    done = labelled("label", "--from", "sheet-answers.csv")
    (told,) = done.data
    assert (done.status, told["kind"], told["added"]) == (0, "review sheet", 2)
    assert [one["reason"] for one in told["passed_over"]] == ["without an answer"]
    (described,) = labelled("info", media / "a.png", "--format", "json").data
    assert [(one["label"], one["origin"], one["run"]) for one in described["labels"]] == [
        ("teal, or so", "hand", told["run"])
    ]
    assert [(one["label"], one["origin"]) for one in described["denied"]] == [("red", "hand")]
    labelled("label", "undo", told["run"])
    (described,) = labelled("info", media / "a.png", "--format", "json").data
    assert [(one["label"], one["origin"]) for one in described["labels"]] == [("red", "hand")]
    assert described["denied"] == []


def test_what_is_no_answer_is_refused(labelled: CommandLine, media: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text(f"path,label,start_s,end_s,answer\n{media}/a.png,red,,,perhaps\n")
    done = labelled("label", "--from", "answers.csv")
    assert (done.status, "line 2: 'perhaps' is no answer" in done.error) == (2, True)
