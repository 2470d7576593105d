"""``modag index`` and ``modag failures``."""

from __future__ import annotations

import csv
import io
import os
import shutil
import socket
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from filelock import FileLock

from modag_search.settings import is_index
from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, LOW_HZ, RED, picture, sound
from tests.toy_encoders import toy_index, toy_space

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

NOTHING_DONE = {"added": 0, "updated": 0, "unchanged": 0, "moved": 0, "removed": 0, "failed": 0}
NOTHING_LEFT = {
    "missing": [],
    "out_of_reach": 0,
    "gone_failures": 0,
    "covered": [],
    "passed_over": {},
    "unread": {},
    "other_files": 0,
    "noticed": {},
    "rehashed": 0,
    "altered": [],
    "replaced": [],
    "passages": [],
    "known_as": {},
    "twice": {},
}


def counts(outcome_data: dict[str, float]) -> dict[str, float]:
    return {name: number for name, number in outcome_data.items() if number and name in NOTHING_DONE}


def toy_options(folder: Path) -> list[str]:
    """Options that make a new index use the toy encoders."""
    space = folder / "toy.safetensors"
    space.write_bytes(toy_space().to_bytes())
    return ["--sound-encoder", "toy-sound", "--image-encoder", "toy-image", "--space", str(space)]


def test_a_file_of_several_recordings_is_told_as_what_it_is(toy: CommandLine, media: Path) -> None:
    parts = [sound(media / name, (LOW_HZ, 1)) for name in ("a.wav", "b.wav")]
    joined = media / "joined.wav"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    said = toy("index", media).stderr.splitlines()[-1]
    assert said == ("of what was taken in: 1 of several tracks, pages or recordings; `modag failures --all` lists them")
    shown = toy("info", joined, "--format", "table").stdout.decode()
    assert "is 2 recordings joined end to end, read one after the other" in shown


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_lists_on_stdin_may_begin_with_a_mark(toy: CommandLine, media: Path, ends: str) -> None:
    paths = [picture(media / "red.png", RED), picture(media / "green.png", GREEN)]
    listed = b"\xef\xbb\xbf" + "".join(f"{path}{ends}" for path in paths).encode()
    for verb, status in (
        (("index", "-"), 0),
        (("label", "-", "--as", "colour"), 0),
        (("search", "-"), 0),
        (("classify", "-"), 0),
        (("tag", "-", "--as", "colours"), 0),
        (("failures", "-"), 4),
        (("forget", "-"), 0),
    ):
        outcome = toy(*verb, stdin=listed)
        assert (outcome.status, "\ufeff" in outcome.stderr) == (status, False), verb


def test_a_folder_that_the_index_knows_by_another_name_is_told(toy: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(media / "red.png", RED)
    (tmp_path / "link").symlink_to(media)
    toy("index", media)
    outcome = toy("index", "link")
    assert (counts(outcome.data), outcome.data["known_as"]) == ({"unchanged": 1}, {str(tmp_path / "link"): str(media)})
    said = f"known by another name, and taken in under that one alone: {tmp_path / 'link'} is {media}"
    assert said in outcome.stderr.splitlines()
    (tmp_path / "above").mkdir()
    media.rename(tmp_path / "above" / "media")
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "above" / "media")
    toy("index", "link")
    outcome = toy("index", "above")
    link, below = str(tmp_path / "link"), str(tmp_path / "above" / "media")
    assert (counts(outcome.data), outcome.data["twice"]) == ({"added": 1}, {link: below})
    said = f"twice in the index, under two names: {link} is {below}; `modag forget` takes out those of one"
    assert said in outcome.stderr.splitlines()
    toy("forget", link)
    again = toy("index", "above")
    assert (counts(again.data), again.data["twice"]) == ({"unchanged": 1}, {})


def test_a_new_index_of_other_encoders_and_their_space(modag: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    low = sound(media / "low.wav", (LOW_HZ, 1))
    options = toy_options(modag.folder)
    assert counts(modag("index", media, "--index", "./new", *options, "--feature-dtype", "<f4").data) == {"added": 2}
    (modag.folder / "toy.safetensors").unlink()
    (hit,) = modag("search", low, "--index", "./new").data
    assert hit["path"] == str(media / "red.png")
    info = modag("info", "--index", "./new").data
    assert (info["sound_encoder"], info["feature_dtype"], info["space"]) == ("toy-sound", "<f4", "toy")
    other = modag("index", media, "--index", "./other", "--space", options[-1])
    assert other.status == 1
    assert "there is no space" in other.error


def test_the_report_is_json_on_stdout_and_a_summary_on_stderr(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    sound(media / "low.wav", (LOW_HZ, 1))
    outcome = toy("index", media)
    assert outcome.status == 0
    assert outcome.data.keys() == NOTHING_DONE.keys() | NOTHING_LEFT.keys() | {"seconds"}
    assert outcome.data.items() >= NOTHING_LEFT.items()
    assert counts(outcome.data) == {"added": 2}
    assert outcome.error.startswith(f"{toy.folder / 'index'}: 2 added in ")
    again = toy("index", media, "--format", "json", "--no-progress", "--workers", "1")
    assert counts(again.data) == {"unchanged": 2}
    table = toy("index", media, "--format", "table")
    assert table.stdout == b""
    assert "2 unchanged" in table.error


@pytest.mark.parametrize("workers", ["0", "-1", "many", "ray://127.0.0.1:10001", "dask://127.0.0.1"])
def test_workers_that_cannot_be_meant_leave_with_2(toy: CommandLine, media: Path, workers: str) -> None:
    picture(media / "red.png", RED)
    outcome = toy("index", media, "--workers", workers)
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "workers must be" in outcome.stderr
    assert workers in outcome.stderr


def test_a_scheduler_that_does_not_answer_leaves_with_1(toy: CommandLine, media: Path) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    picture(media / "red.png", RED)
    with socket.socket() as listening:  # where nobody accepts
        listening.bind(("127.0.0.1", 0))
        address = f"dask://127.0.0.1:{listening.getsockname()[1]}"
        with mock.patch("modag_search.features.cluster.CONNECT_S", 0.2):
            outcome = toy("index", media, "--workers", address)
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.error.startswith(f"error: {address}: no scheduler of Dask answers there (")
    assert outcome.error.endswith("); `dask scheduler` starts one")


def test_a_scheduler_by_tls_asks_for_certificates(toy: CommandLine, media: Path) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    picture(media / "red.png", RED)
    outcome = toy("index", media, "--workers", "dask+tls://127.0.0.1:8786")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert "TLS wants certificates: let DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in outcome.error


def test_what_fails_is_named_with_its_reason_and_leaves_with_3(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    (media / "bad.png").write_bytes(b"no picture")
    (media / "empty.wav").write_bytes(b"")
    outcome = toy("index", media)
    assert outcome.status == 3
    assert counts(outcome.data) == {"added": 1, "failed": 2}
    bad, empty, _ = outcome.stderr.splitlines()
    assert bad.startswith(f"failed: {media / 'bad.png'}: ")
    assert empty == f"failed: {media / 'empty.wav'}: is empty (0 bytes)"
    rows = toy("failures").data
    assert [(row["path"], row["error"]) for row in rows] == [
        (str(media / "bad.png"), "CorruptMediaError"),
        (str(media / "empty.wav"), "EmptyMediaError"),
    ]
    assert all(row["reason"] and row["failed_at"] for row in rows)
    paths = toy("failures", "--format", "paths").stdout
    assert paths.splitlines() == [os.fsencode(media / "bad.png"), os.fsencode(media / "empty.wav")]
    picture(media / "bad.png", BLUE)
    sound(media / "empty.wav", (LOW_HZ, 1))
    assert toy("index", media, "--retry-failed").status == 0
    assert toy("failures").data == []


def test_many_failures_are_cut_short_on_stderr(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    for number in range(23):
        (media / f"{number}.png").write_bytes(b"no picture")
    lines = toy("index", media).stderr.splitlines()
    assert len(lines) == 22
    assert lines[20] == "… and 3 more; `modag failures` lists all"


def test_what_nothing_finds_is_counted_and_listed(toy: CommandLine, media: Path) -> None:
    picture(media / "black.png", BLACK)
    silent, low = sound(media / "silent.wav", (0, 1)), sound(media / "low.wav", (LOW_HZ, 1))
    (media / "bad.wav").write_bytes(b"no sound")
    for name in ("e.dng", "notes.txt"):
        (media / name).touch()
    outcome = toy("index", media)
    assert outcome.data["noticed"] == {"black": 1, "silent": 1}
    assert outcome.stderr.splitlines()[-1] == (
        "of what was taken in: 1 silent, 1 as good as black; `modag failures --all` lists them"
    )
    assert [row["kind"] for row in toy("failures").data] == ["failed"]
    listed = toy("failures", "--all")
    assert listed.error == "what is passed over is listed where a folder is named: `modag failures --all PATH`"
    failed, black, quiet = listed.data
    assert (failed["kind"], failed["id"], failed["error"]) == ("failed", None, "CorruptMediaError")
    assert black.items() >= {"kind": "black", "path": str(media / "black.png"), "error": None}.items()
    assert isinstance(quiet["id"], int)
    assert quiet["reason"] == "is silent throughout, so nothing finds it"
    below = toy("failures", "--all", media, "--format", "csv")
    kinds = [row["kind"] for row in csv.DictReader(io.StringIO(below.stdout.decode()))]
    assert kinds == ["failed", "black", "silent", "passed over", "passed over"]
    assert toy("failures", media / "bad.wav").data == [failed]
    nothing = toy("failures", "--all", low)
    assert (nothing.status, nothing.data) == (4, [])
    assert nothing.error == f"nothing found: nothing is amiss at or below {low}, as far as the index knows"
    none = toy("failures", low, media / "red.png")
    assert (none.status, none.data) == (4, [])
    assert (
        none.error
        == f"nothing found: no file at or below {low}, {media / 'red.png'} failed; --all lists what else is amiss"
    )
    labelled = toy("label", silent, silent, low, "--as", "hum")
    assert labelled.data["items"] == 2, "what is named twice is one item"
    assert labelled.error == f"{silent} is silent throughout, so nothing finds it; its label teaches nothing"


def test_a_name_that_lies_is_told_until_the_file_is_renamed(toy: CommandLine, media: Path) -> None:
    wrong = picture(media / "wrong.jpg", RED)
    toy("index", media)
    (listed,) = toy("failures", "--all").data
    assert (listed["kind"], listed["path"]) == ("misnamed", str(wrong))
    assert listed["reason"] == "is a PNG picture, although its name ends in .jpg"
    (described,) = toy("info", wrong).data
    assert described["notices"] == [{"kind": "misnamed", "text": listed["reason"]}]
    right = media / "right.png"
    wrong.rename(right)
    toy("index", media)
    (described,) = toy("info", right).data
    assert (toy("failures", "--all").data, described["notices"]) == ([], [])
    right.rename(wrong)
    toy("index", media)
    assert toy("failures", "--all").data == [listed]


def test_rehash_reads_what_looks_as_it_was(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    low = sound(media / "low.wav", (LOW_HZ, 1))
    toy("index", media)
    before = low.stat()
    assert toy("index", media, "--rehash").stderr.splitlines()[1] == (
        "read again, with size and time as they were: 2 files; all hold what they held"
    )
    sound(low, (HIGH_HZ, 1))
    os.utime(low, ns=(before.st_atime_ns, before.st_mtime_ns))
    outcome = toy("index", media, "--rehash")
    assert (counts(outcome.data), outcome.data["rehashed"]) == ({"unchanged": 1, "updated": 1}, 2)
    assert outcome.data["altered"] == [str(low)]
    assert outcome.stderr.splitlines()[1].endswith(f": 2 files; something else is in 1 file: {low}")


def test_an_index_is_a_folder(modag: CommandLine, media: Path) -> None:
    red = picture(media / "red.png", RED)
    for verb in (["index", media], ["index", media, "--dry-run"], ["info"], ["migrate"]):
        outcome = modag(*verb, "--index", red)
        assert outcome.status == 1
        assert outcome.error == f"error: {red}: is no folder, and an index is one; name another place with --index"


def test_a_dry_run_writes_nothing(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    outcome = toy("index", media, "--dry-run")
    assert counts(outcome.data) == {"added": 1}
    assert ": would be: 1 added in " in outcome.error
    assert toy("info").data["items"] == {}


def test_a_dry_run_makes_no_index(modag: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    outcome = modag("index", media, "--dry-run", "--index", modag.folder / "new", *toy_options(modag.folder))
    assert counts(outcome.data) == {"added": 1}
    assert outcome.error.startswith(f"{modag.folder / 'new'}: would be: 1 added")
    assert not (modag.folder / "new").exists()


def test_prune_exclude_and_symlinks(toy: CommandLine, media: Path) -> None:
    red = picture(media / "red.png", RED)
    picture(media / "drafts" / "green.png", GREEN)
    picture(media / "blue.png", BLUE)
    (media / "link.png").symlink_to(media / "blue.png")
    assert counts(toy("index", media, "--exclude", "drafts", "--exclude", "re*").data) == {"added": 1}
    assert counts(toy("index", media, "--follow-symlinks").data) == {"added": 3, "unchanged": 1}
    red.unlink()
    assert counts(toy("index", media, "--prune").data) == {"unchanged": 2, "removed": 1}  # a link is passed over


def test_what_is_passed_over_is_counted_by_kind(toy: CommandLine, media: Path) -> None:
    picture(media / "a.png", RED)
    for name in ("b.dng", "c.DNG", "d.jxl", "a.xmp", "Thumbs.db", ".hidden.png"):
        (media / name).touch()
    (media / "link.png").symlink_to(media / "a.png")
    os.mkfifo(media / "pipe.wav")
    outcome = toy("index", media)
    assert outcome.status == 0
    assert outcome.data["passed_over"] == {".*": 1, "symbolic link": 1, "special file": 1}
    assert (outcome.data["unread"], outcome.data["other_files"]) == ({".dng": 2, ".jxl": 1}, 2)
    assert outcome.stderr.splitlines()[1] == (
        "passed over: 1 hidden (.*), 1 symbolic link, 1 special file, 2 .dng, 1 .jxl (endings that are not read), "
        "2 other files"
    )


def test_a_folder_of_nothing_that_is_read_says_what_it_holds(filled: CommandLine, media: Path) -> None:
    for path in media.iterdir():
        path.rename(path.with_suffix(".nef"))
    outcome = filled("index", media, "--prune")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error == (
        f"error: {media}: holds nothing that is read, but 3 .nef (an ending that is not read); what is "
        "converted, as to JPEG, FLAC or MP4, is taken in; if it is gone for good, "
        "`modag forget` takes out the 6 files that the index holds of it"
    )


def test_a_missing_or_empty_root_leaves_with_2(filled: CommandLine, media: Path) -> None:
    nowhere = media / "nowhere"
    outcome = filled("index", nowhere, "--prune")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert outcome.error == f"error: {nowhere}: does not exist; is the drive mounted?"
    for path in media.iterdir():
        path.unlink()
    outcome = filled("index", media, "--prune")
    assert outcome.status == 2
    assert outcome.error == (
        f"error: {media}: holds no media; is the drive mounted? If it is gone for good, `modag forget` takes out the 6 "
        "files that the index holds of it"
    )
    assert filled("info").data["items"] == {"image": 3, "sound": 3}


def test_paths_from_stdin(toy: CommandLine, media: Path) -> None:
    first, second = picture(media / "one.png", RED), picture(media / "new\nline.png", BLUE)
    assert counts(toy("index", "-", stdin=os.fsencode(first) + b"\n").data) == {"added": 1}
    both = os.fsencode(first) + b"\0" + os.fsencode(second) + b"\0"
    assert counts(toy("index", "-0", "-", stdin=both).data) == {"added": 1, "unchanged": 1}
    assert counts(toy("index", "-", stdin=os.fsencode(first) + b"\r\n").data) == {"unchanged": 1}
    outcome = toy("index", "-")
    assert outcome.status == 2
    assert "no paths were given: standard input was empty; - reads paths from it, one a line" in outcome.stderr


def test_names_that_are_not_utf8(toy: CommandLine, media: Path) -> None:
    name, bad = os.fsencode(media) + b"/caf\xe9.png", os.fsencode(media) + b"/bad\xff.png"
    shutil.copy(os.fsencode(picture(media / "red.png", RED)), name)
    with open(bad, "wb") as file:
        file.write(b"no picture")
    outcome = toy("index", media)
    assert outcome.status == 3
    assert rf"{media}/bad\xff.png: " in outcome.stderr
    assert toy("failures", "--format", "paths").stdout == bad + b"\n"
    found = toy("search", media / "red.png", "--format", "paths")
    assert found.stdout == name + b"\n"
    labelled = toy("label", "-", "--as", "red", stdin=found.stdout)
    assert labelled.data["added"] == 1
    (hit,) = toy("search", os.fsdecode(name)).data
    assert hit["path"] == str(media / "red.png")
    assert rb"caf\xe9.png" in toy("search", media / "red.png", "--format", "table").stdout
    assert rf"{media}/caf\xe9.png".encode() in toy("search", media / "red.png", "--format", "csv").stdout


def test_patterns_that_are_not_utf8_are_kept_and_shown(toy: CommandLine, media: Path) -> None:
    pattern = os.fsdecode(b"fl\xfcgel/")
    picture(media / "red.png", RED)
    picture(media / os.fsdecode(b"fl\xfcgel") / "blue.png", BLUE)
    outcome = toy("index", media, "--exclude", pattern)
    assert counts(outcome.data) == {"added": 1}
    assert r"passed over: 1 fl\xfcgel/" in outcome.stderr
    assert toy("exclude", "add", pattern, "--format", "json").data["added"] == 1
    assert rb"fl\xfcgel/" in toy("exclude", "list", "--format", "table").stdout
    assert toy("exclude", "remove", r"fl\xfcgel/").data["removed"] == 1


def test_what_a_pattern_does_is_said(toy: CommandLine, media: Path) -> None:
    toy("index", picture(media / "red.png", RED))
    assert "the next `modag index" in toy("exclude", "add", "drafts/").error
    assert toy("exclude", "add", "!drafts/").error.endswith("takes in what matches")
    assert "passes over what matches; with --prune" in toy("exclude", "add", "!a/", "drafts/").error


def test_retrying_is_proposed_where_it_helps(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    (media / "notes.txt").write_text("of the day")
    outcome = toy("index", media / "red.png", media / "notes.txt")
    assert (outcome.status, counts(outcome.data)) == (3, {"added": 1, "failed": 1})
    assert "--retry-failed" not in outcome.stderr
    (media / "bad.png").write_bytes(b"no picture")
    assert "--retry-failed" in toy("index", media).stderr


def test_a_second_writer_is_turned_away(filled: CommandLine, media: Path) -> None:
    with FileLock(filled.folder / "index" / "lock"):
        outcome = filled.process("index", media, "--wait", "0")
        assert (outcome.status, outcome.stdout) == (1, b"")
        assert outcome.error == (
            f"error: {filled.folder}/index: another process is writing to this index, and was not done within 0 s; "
            "try again, or wait longer with --wait SECONDS"
        )
        outcome = filled("index", media, "--wait", "0.01")
        assert outcome.status == 1
        assert "waiting for it, 0.01 s at the most" in outcome.stderr.splitlines()[0]
        assert filled("search", "id:1").status == 0


def test_settings_are_those_of_the_index(filled: CommandLine, media: Path) -> None:
    outcome = filled("index", media, "--window", "4", "--hop", "2")
    assert outcome.status == 2
    assert "window_s is 10.0, not 4.0, hop_s is 5.0, not 2.0); `modag rebuild` changes encoders" in outcome.error
    assert counts(filled("index", media, "--window", "10").data) == {"unchanged": 6}


def test_settings_that_cannot_be_meant(modag: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    for arguments, words in (
        (["--window", "4", "--hop", "8"], "hop_s must lie above 0 and not above window_s"),
        (["--sound-encoder", "nonesuch"], "no encoder named 'nonesuch'; installed: "),
        (["--sound-encoder", "toy-sound", "--space", "default"], "was trained on modag-sound, not on toy-sound"),
    ):
        outcome = modag("index", media, "--index", modag.folder / "new", *arguments)
        assert outcome.status in (1, 2)
        assert words in outcome.error
        assert not is_index(modag.folder / "new")


def test_encoders_that_no_space_joins_say_what_follows(toy: CommandLine, media: Path) -> None:
    picture(media / "red.png", RED)
    low = sound(media / "low.wav", (LOW_HZ, 1))
    index = ("--index", toy.folder / "apart")
    indexed = toy("index", media, *index, "--sound-encoder", "toy-sound", "--image-encoder", "toy-image")
    assert indexed.status == 0
    assert "no space joins these two encoders" in indexed.stderr
    assert f"`modag train space --index {toy.folder}/apart` makes one" in indexed.stderr
    across = toy("search", low, "--modality", "image", *index)
    assert (across.status, across.stdout) == (1, b"")
    assert across.error.startswith("error: no space joins toy-sound and toy-image in this index")


@pytest.mark.parametrize("name", [None, "concert"])
def test_where_a_bare_name_leads(toy: CommandLine, media: Path, name: str | None) -> None:
    del toy.environment["MODAG_INDEX"]
    picture(media / "red.png", RED)
    chosen = [] if name is None else ["--index", name]
    data = toy.folder / "data" / "modag-search" / "indexes" / (name or "default")
    local = toy.folder / "indexes" / (name or "default")
    toy_index(data).close()
    assert toy("index", media, *chosen).error.startswith(f"{data}: 1 added")
    toy_index(local).close()
    assert toy("index", media, *chosen).error.startswith(f"{local}: 1 added")
    assert toy("info", *chosen).data["folder"] == str(local)


def test_the_environment_names_an_index_and_the_option_wins(toy: CommandLine, tmp_path: Path) -> None:
    toy_index(tmp_path / "other").close()
    assert toy("info").data["folder"] == str(tmp_path / "index")
    assert toy("info", "--index", "./other").data["folder"] == str(tmp_path / "other")


def test_verbs_need_an_index(modag: CommandLine) -> None:
    for verb in (["search", "id:1"], ["info"], ["label", "x", "--as", "y"]):
        outcome = modag(*verb, "--index", "nowhere")
        assert (outcome.status, outcome.stdout) == (1, b"")
        folder = modag.folder / "data" / "modag-search" / "indexes" / "nowhere"
        assert outcome.error.startswith(f"error: {folder}: there is no index here; ")
        assert not folder.exists()


def test_failures_of_files_that_are_gone_are_said_and_go_with_prune(toy: CommandLine, media: Path) -> None:
    picture(media / "good.png", RED)
    (media / "bad.png").write_bytes(b"no picture")
    assert toy("index", media).status == 3
    (media / "bad.png").unlink()

    left = "gone, but listed as failures: 1 file; --prune takes them out"
    assert left in toy("index", media).stderr.splitlines()
    assert "gone, and no longer listed as failures: 1 file" in toy("index", media, "--prune").stderr.splitlines()
    assert "gone" not in toy("index", media, "--prune").stderr
    assert b"bad.png" not in toy("failures").stdout
