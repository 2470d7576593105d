"""Labels go where content goes; what is out of reach is not gone."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from modag_search.errors import UsageError
from tests.made_media import BLUE, GREEN, LOW_HZ, RED, picture, shaded, sound, video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modag_search import Index

LONG_AGO = (946_684_800, 946_684_800)


def labelled(index: Index, media: Path) -> dict[str, int]:
    """Index three pictures, label each by its colour, and return their ids by colour."""
    ids = {}
    for number, colour in enumerate((RED, GREEN, BLUE), start=1):
        picture(media / f"{number:02d}.png", colour)
    index.add([media])
    for number, name in enumerate(("red", "green", "blue"), start=1):
        index.label([media / f"{number:02d}.png"], name)
        ids[name] = index.item(media / f"{number:02d}.png").id
    return ids


def names(index: Index, media: Path) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Id and labels of the items in a folder, by file name."""
    return {path.name: (index.item(path).id, index.item(path).labels) for path in sorted(media.iterdir())}


def test_a_chain_of_renames_keeps_ids_and_labels(index: Index, media: Path) -> None:
    ids = labelled(index, media)
    for number in (3, 2, 1):
        (media / f"{number:02d}.png").rename(media / f"{number + 1:02d}.png")
    report = index.add([media], prune=True)
    assert (report.moved, report.added, report.updated, report.removed) == (3, 0, 0, 0)
    assert names(index, media) == {
        "02.png": (ids["red"], ("red",)),
        "03.png": (ids["green"], ("green",)),
        "04.png": (ids["blue"], ("blue",)),
    }
    assert index.verify() == []


def test_a_new_file_at_the_head_of_a_chain_is_a_new_item(index: Index, media: Path) -> None:
    ids = labelled(index, media)
    for number in (3, 2, 1):
        (media / f"{number:02d}.png").rename(media / f"{number + 1:02d}.png")
    picture(media / "01.png", (120, 120, 0))
    report = index.add([media])
    assert (report.moved, report.added, report.updated) == (3, 1, 0)
    assert index.item(media / "01.png").id not in ids.values()
    assert index.item(media / "01.png").labels == ()
    assert index.item(media / "02.png").labels == ("red",)


def test_two_names_that_change_places(index: Index, media: Path) -> None:
    ids = labelled(index, media)
    (media / "01.png").rename(media / "parked")
    (media / "02.png").rename(media / "01.png")
    (media / "parked").rename(media / "02.png")
    assert index.add([media]).moved == 2
    assert names(index, media)["01.png"] == (ids["green"], ("green",))
    assert names(index, media)["02.png"] == (ids["red"], ("red",))


def test_a_folder_that_was_emptied_has_been_left(index: Index, media: Path) -> None:
    before = picture(media / "before" / "a.png", RED)
    index.add([media])
    index.label([before], "red")
    (media / "after").mkdir()
    before.rename(media / "after" / "a.png")
    assert index.add([media], prune=True).moved == 1
    assert index.item(media / "after" / "a.png").labels == ("red",)


def test_a_mount_point_without_its_drive_is_spared(index: Index, media: Path) -> None:
    drive = picture(media / "disk1" / "a.png", RED).parent
    picture(media / "disk2" / "b.png", BLUE)
    index.add([media])
    (drive / "a.png").unlink()
    os.utime(drive, LONG_AGO)
    assert index.add([media], prune=True).removed == 0
    assert index.item(drive / "a.png").status == "ok"


def test_a_copy_made_while_the_drive_is_away_is_a_second_item(index: Index, media: Path) -> None:
    original = picture(media / "disk1" / "a.png", RED)
    shutil.copy(original, media / "copy.png")
    content = (media / "copy.png").read_bytes()
    (media / "copy.png").unlink()
    index.add([media])
    index.label([original], "red")
    original.unlink()
    os.utime(original.parent, LONG_AGO)
    (media / "copy.png").write_bytes(content)
    report = index.add([media])
    assert (report.moved, report.added) == (0, 1)
    assert index.item(original).labels == ("red",)
    assert index.item(media / "copy.png").labels == ()


def test_a_drive_that_drops_out_during_a_run_loses_nothing(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = picture(media / "old.png", RED)
    index.add([media])
    picture(media / "new.png", BLUE)
    from tests.toy_encoders import ToyImage

    real = ToyImage._feature

    def unplugged(self: ToyImage, pixels: object) -> object:
        for path in media.iterdir():
            path.unlink()
        return real(self, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(ToyImage, "_feature", unplugged)
    with pytest.raises(UsageError, match="is the drive mounted"):
        index.add([media], prune=True)
    assert index.item(old).status == "ok"


def test_a_sound_under_the_name_of_a_picture_is_taken_as_what_it_is(index: Index, media: Path) -> None:
    tone = sound(media / "a.wav", (440.0, 1.0))
    picture(media / "b.png", RED)
    index.add([media])
    shutil.copy(tone, media / "a.png")
    report = index.add([media])
    assert (report.added, report.failed) == (1, 0)
    assert index.item(media / "a.png").kind == "sound"


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("a.wav", ("a.mp3", "a.mp4", "a.png", "a.WAV")),
        ("a.mp4", ("a.m4a", "a.wav", "a.gif")),
        ("a.png", ("a.jpg", "a.wav", "a.mkv")),
    ],
)
def test_a_file_that_was_renamed_has_moved_whatever_its_ending_is_now(
    index: Index, media: Path, name: str, others: tuple[str, ...]
) -> None:
    picture(media / "b.png", GREEN)
    if name == "a.wav":
        sound(media / name, (LOW_HZ, 1))
    elif name == "a.mp4":
        video(media / name)
    else:
        picture(media / name, RED)
    index.add([media])
    index.label([media / name], "mine")
    before = index.item(media / name)
    here = media / name
    for other in others:
        here = here.rename(media / other)
        report = index.add([media])
        assert (report.added, report.moved, report.missing) == (0, 1, ())
        now = index.item(here)
        assert (now.id, now.kind, now.labels) == (before.id, before.kind, ("mine",))
        assert index.add([media]).unchanged == 2
    assert noticed(index, here) or here.suffix == ".WAV", "a name that says something else is told"


def test_of_files_that_hold_the_same_the_one_of_the_same_kind_of_ending_has_moved(index: Index, media: Path) -> None:
    tone = sound(media / "a.wav", (LOW_HZ, 1))
    shutil.copy(tone, media / "a.png")
    index.add([media])
    index.label([media / "a.wav"], "heard")
    index.label([media / "a.png"], "seen")
    (media / "a.wav").rename(media / "b.wav")
    (media / "a.png").rename(media / "b.png")
    assert index.add([media]).moved == 2
    assert [index.item(media / name).labels for name in ("b.wav", "b.png")] == [("heard",), ("seen",)]
    shutil.copy(media / "b.wav", media / "a.png")
    (media / "b.wav").rename(media / "z.wav")
    report = index.add([media])
    assert (report.moved, report.added) == (1, 1)
    assert index.item(media / "z.wav").labels == ("heard",)


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(
    index: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.toy_encoders import ToyImage

    one = picture(media / "one.png", RED)
    real = ToyImage._feature

    def edited(self: ToyImage, pixels: object) -> object:
        if one.exists() and not one.read_bytes().endswith(b"!"):
            one.write_bytes(one.read_bytes() + b"!")
        return real(self, pixels)  # type: ignore[arg-type]

    monkeypatch.setattr(ToyImage, "_feature", edited)
    report = index.add([media])
    assert (report.added, report.failed) == (0, 1)
    assert "changed while it was read" in report.failures[0].reason
    monkeypatch.undo()
    assert index.add([media]).added == 1


def test_a_thousand_copies_are_few_changes(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    index.add([media])
    generation = index.catalog.generation
    for number in range(1000):
        shutil.copy(one, media / f"{number}.png")

    report = index.add([media])

    assert (report.added, report.unchanged) == (1000, 1)
    assert index.catalog.generation - generation <= 3
    assert index.verify() == []


def jpeg(path: Path) -> Path:
    Image.fromarray(shaded(RED, (16, 12))).save(path, "JPEG")
    return path


def noticed(index: Index, path: Path) -> list[str]:
    """What is said of a file, by its path and in the list of all."""
    notices = [one for one in index.notices() if one.path == str(path)]
    assert list(index.describe(path).notices) == notices
    return [one.text for one in notices]


LIES_PNG = "is a JPEG picture, although its name ends in .png"


@pytest.mark.parametrize("bring", [os.rename, shutil.copy])
def test_what_is_said_of_a_name_is_said_of_the_name_of_today(
    index: Index, media: Path, bring: Callable[[Path, Path], None]
) -> None:
    wrong, right = jpeg(media / "wrong.png"), jpeg(media / "right.jpg")
    tone = sound(media / "tone.wav", (LOW_HZ, 1))
    with right.open("ab") as file:
        file.write(b"another content")
    index.add([media])
    assert (noticed(index, wrong), noticed(index, right), noticed(index, tone)) == ([LIES_PNG], [], [])

    names = {wrong: media / "righted.jpg", right: media / "wronged.png", tone: media / "tone.m4a"}
    for old, new in names.items():
        bring(old, new)
    report = index.add([media])

    assert (report.moved, report.added) == ((3, 0) if not wrong.exists() else (0, 3))
    assert [noticed(index, new) for new in names.values()] == [
        [],
        [LIES_PNG],
        ["is a WAVE sound, although its name ends in .m4a"],
    ]
    if wrong.exists():
        assert [noticed(index, old) for old in names] == [[LIES_PNG], [], []]


def test_a_copy_of_what_has_moved_goes_by_its_own_name(index: Index, media: Path) -> None:
    wrong = jpeg(media / "wrong.png")
    index.add([media])
    wrong.rename(media / "a.jpg")
    for name in ("b.jpg", "c.png", "d.png"):
        shutil.copy(media / "a.jpg", media / name)
    index.add([media])
    said = {name: noticed(index, media / name) for name in ("a.jpg", "b.jpg", "c.png", "d.png")}
    assert said == {"a.jpg": [], "b.jpg": [], "c.png": [LIES_PNG], "d.png": [LIES_PNG]}
    for name in ("c.png", "d.png"):
        (media / name).rename(media / f"again-{name}")
    index.add([media])
    assert noticed(index, media / "again-c.png") == noticed(index, media / "again-d.png") == [LIES_PNG]


def test_what_is_said_of_a_content_stays_under_every_name(index: Index, media: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(media / "whole.jpg")
    data = (media / "whole.jpg").read_bytes()
    (media / "cut.png").write_bytes(data[: len(data) * 9 // 10])
    index.add([media])
    lies, is_cut = noticed(index, media / "cut.png")
    assert lies == LIES_PNG
    (media / "cut.png").rename(media / "cut.jpg")
    index.add([media])
    assert noticed(index, media / "cut.jpg") == [is_cut]
