"""Labels follow what they were given to: to copies, through changes of tags, and back when it comes back."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from modag_search import LabelPassage
from modag_search.catalog import Annotation
from modag_search.errors import NothingFoundError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, RED, picture, set_mtime, sound

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index

LONG_AGO_NS = 10**18


def labels(index: Index) -> dict[str, tuple[str, ...]]:
    """Labels of the items that have any, by file name."""
    return {os.path.basename(item.path): item.labels for item in index.catalog.items.all() if item.labels}


def passage(path: Path, *names: str, to: Path | None = None, fate: str = "passed") -> LabelPassage:
    return LabelPassage(path=str(path), labels=names, fate=fate, to=None if to is None else str(to))  # type: ignore[arg-type]


def tagged(source: Path, target: Path, rating: str = "5") -> Path:
    """Write a picture again with a tag: other bytes, the same pixels."""
    tags = PngInfo()
    tags.add_text("rating", rating)
    Image.open(source).save(target, format="PNG", pnginfo=tags)
    return target


# Before items go.


def test_labels_of_a_collection_that_was_moved_by_copying(index: Index, media: Path) -> None:
    for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE)):
        picture(media / "old" / f"{name}.png", colour)
    index.add([media / "old"])
    index.label([media / "old" / "a.png", media / "old" / "b.png"], "warm")
    shutil.copytree(media / "old", media / "new")
    index.add([media / "new"])
    shutil.rmtree(media / "old")

    foreseen = index.add([media], prune=True, dry_run=True)
    report = index.add([media], prune=True)

    assert report.removed == 3
    assert report.passages == foreseen.passages
    assert set(report.passages) == {
        passage(media / "old" / f"{name}.png", "warm", to=media / "new" / f"{name}.png") for name in "ab"
    }
    assert labels(index) == {"a.png": ("warm",), "b.png": ("warm",)}
    assert index.audit() == []
    assert index.verify() == []


def test_two_labels_of_one_file_go_and_come_back_together(index: Index, media: Path) -> None:
    """A dog and a cat on one photograph of many: elsewhere they exclude each other, and there they both hold."""
    for number in range(12):
        picture(media / f"dog{number}.png", (200 + 4 * number, 20, 20))
        picture(media / f"cat{number}.png", (20, 200 + 4 * number, 20))
    both = picture(media / "both.png", BLUE)
    index.add([media])
    for kind in ("dog", "cat"):
        index.label([*sorted(media.glob(f"{kind}*.png")), both], kind)
    assert index.labels.exclude_each_other

    index.forget([both])
    report = index.add([media])

    assert report.passages == (passage(both, "cat", "dog", to=both, fate="returned"),)
    assert labels(index)["both.png"] == ("cat", "dog")
    shutil.copytree(media, media.parent / "new")
    index.add([media.parent / "new"])
    shutil.rmtree(media)
    index.add([media.parent], prune=True)
    assert labels(index)["both.png"] == ("cat", "dog")


def test_labels_go_to_the_file_of_the_same_place(index: Index, media: Path) -> None:
    """Two files of one content in two folders: on the new disk, labels are where they were."""
    old = media / "old"
    picture(old / "a" / "owl.png", RED)
    (old / "b").mkdir()
    shutil.copy(old / "a" / "owl.png", old / "b" / "best.png")
    index.add([old])
    index.label([old / "b" / "best.png"], "owl")
    shutil.copytree(old, media / "new")
    index.add([media / "new"])
    shutil.rmtree(old)
    index.add([media], prune=True)
    assert labels(index) == {"best.png": ("owl",)}


def test_labels_of_the_copy_that_was_deleted(index: Index, media: Path) -> None:
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    index.add([media])
    index.label([media / "2.png"], "red")
    (media / "2.png").unlink()
    index.add([media], prune=True)
    assert labels(index) == {"1.png": ("red",)}
    shutil.copy(first, media / "3.png")
    first.unlink()
    index.add([media], prune=True)
    assert labels(index) == {"3.png": ("red",)}, "a move, by then"


def test_what_was_moved_with_other_tags_keeps_its_labels(index: Index, media: Path) -> None:
    before = picture(media / "before.png", RED)
    picture(media / "other.png", BLUE)
    index.add([media])
    index.label([before], "red")
    tagged(before, media / "after.png")
    before.unlink()

    report = index.add([media], prune=True)

    assert (report.added, report.removed) == (1, 1)
    assert report.passages == (passage(before, "red", to=media / "after.png"),)
    assert labels(index) == {"after.png": ("red",)}
    assert index.audit() == [], "it holds the same"


def test_parts_of_sounds_pass_with_their_places_and_transfers_with_their_run(index: Index, media: Path) -> None:
    first = sound(media / "1.wav", (LOW_HZ, 1), (HIGH_HZ, 1))
    shutil.copy(first, media / "2.wav")
    index.add([media])
    index.label([first], "low", start_s=0, end_s=1)
    run = index.catalog.runs.start("transfer", arguments={})
    beep = Annotation(
        item_id=index.item(first).id, label="beep", origin="transfer", start_s=1.0, confidence=0.9, run_id=run
    )
    index.catalog.labels.annotate([beep])
    first.unlink()
    index.add([media], prune=True)
    assert [(one.label, one.start_s, one.end_s, one.origin) for one in index.catalog.labels.annotations()] == [
        ("low", 0.0, 1.0, "hand"),
        ("beep", 1.0, None, "transfer"),
    ]
    assert index.labels.undo(run).changed == 1


def test_what_the_copy_has_already_is_given_once(index: Index, media: Path) -> None:
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    index.add([media])
    index.label([first, media / "2.png"], "red")
    first.unlink()
    assert index.add([media], prune=True).passages == (), "nothing has become of it"
    assert labels(index) == {"2.png": ("red",)}
    assert index.labels.summaries()[0].kept == 0


def test_a_file_that_a_move_overwrites_leaves_its_labels(index: Index, media: Path) -> None:
    one, two = picture(media / "one.png", RED), picture(media / "two.png", BLUE)
    index.add([media])
    index.label([two], "blue")
    one.rename(two)
    foreseen = index.add([media], dry_run=True)
    report = index.add([media])
    assert report.moved == 1
    assert report.passages == foreseen.passages == (passage(two, "blue", fate="kept"),)
    assert labels(index) == {}
    picture(media / "three.png", BLUE)
    assert index.add([media]).passages == (passage(two, "blue", to=media / "three.png", fate="returned"),)
    assert labels(index) == {"three.png": ("blue",)}


def test_of_several_that_are_forgotten_only_what_has_its_like_passes_on(index: Index, media: Path) -> None:
    silence = sound(media / "gone" / "silence.wav", (0, 1))
    red, blue = picture(media / "gone" / "red.png", RED), picture(media / "gone" / "blue.png", BLUE)
    tagged(red, media / "left.png")
    index.add([media])
    index.label([silence, red, blue], "seen")

    passages = index.forget([media / "gone"]).passages

    assert set(passages) == {
        passage(red, "seen", to=media / "left.png"),
        passage(silence, "seen", fate="kept"),
        passage(blue, "seen", fate="kept"),
    }
    assert labels(index) == {"left.png": ("seen",)}
    index.undo_forget()
    assert labels(index) == dict.fromkeys(["silence.wav", "red.png", "blue.png"], ("seen",))
    assert index.verify() == []


def test_silence_is_not_the_same_as_other_silence(index: Index, media: Path) -> None:
    one = sound(media / "one.wav", (0, 1))
    sound(media / "two.wav", (0, 1), (0, 0.5))
    tone = sound(media / "tone.wav", (LOW_HZ, 1))
    index.add([media])
    index.label([one], "silence")
    one.unlink()
    assert tone.exists()
    (kept,) = index.add([media], prune=True).passages
    assert (kept.fate, kept.labels) == ("kept", ("silence",))


# What no item can take is kept.


def test_labels_come_back_to_what_they_were_first_given_to(index: Index, media: Path) -> None:
    """They pass to another file with the same features, which goes as well; then the first one is there again."""
    first = picture(media / "first.png", RED)
    kept_aside = tagged(first, media.parent / "aside.png")
    picture(media / "green.png", GREEN)
    index.add([media])
    index.label(first, "red")
    index.deny(first, "blue")
    shutil.copy(kept_aside, media / "second.png")
    index.add([media])
    contents = first.read_bytes()
    first.unlink()
    index.add([media], prune=True)
    (media / "second.png").unlink()
    (gone,) = index.add([media], prune=True).passages
    assert gone.fate == "kept"

    first.write_bytes(contents)
    picture(media / "other.png", BLUE)
    picture(media / "larger.png", RED, size=(96, 96))

    assert index.add([media]).passages == (passage(media / "second.png", "not blue", "red", to=first, fate="returned"),)
    assert labels(index) == {"first.png": ("red",)}
    assert [one.kept for one in index.labels.summaries()] == [0, 0]
    assert index.verify() == []


@pytest.fixture
def outlived(index: Index, media: Path) -> Index:
    """An index of two.png; it and one.png, which has the same features and has gone, were called red by two runs."""
    one, two = picture(media / "one.png", RED), media / "two.png"
    tagged(one, two)
    index.add([media])
    index.label(one, "red")
    index.label(two, "red")
    one.unlink()
    index.add([media], prune=True)
    return index


def test_a_label_that_is_taken_back_does_not_come_back_to_what_is_like_it(outlived: Index, media: Path) -> None:
    assert outlived.unlabel([media / "two.png"], "red") == 1
    tagged(media / "two.png", media / "three.png", "1")
    outlived.add([media])
    assert labels(outlived) == {}


def test_what_was_taken_back_from_a_file_waits_for_the_content_of_another_still(outlived: Index, media: Path) -> None:
    outlived.unlabel([media / "two.png"], "red")
    (taking,) = [run.id for run, _ in outlived.labels.runs() if run.verb == "unlabel"]
    outlived.labels.undo(taking)
    picture(media / "one.png", RED)
    outlived.add([media])
    assert labels(outlived) == {"one.png": ("red",), "two.png": ("red",)}


def test_what_is_denied_of_a_copy_does_not_come_back_to_another(outlived: Index, media: Path) -> None:
    outlived.deny(media / "two.png", "red")
    tagged(media / "two.png", media / "three.png", "1")
    assert outlived.add([media]).passages == ()
    assert labels(outlived) == {}
    (denying,) = [run.id for run, _ in outlived.labels.runs() if run.arguments["not"]]
    outlived.labels.undo(denying)
    assert labels(outlived) == {"two.png": ("red",)}


def test_undoing_a_run_leaves_what_another_gave_to_what_was_like_it(outlived: Index) -> None:
    _, second = (run.id for run, _ in outlived.labels.runs())
    assert outlived.labels.undo(second).changed == 1
    assert labels(outlived) == {"two.png": ("red",)}


@pytest.fixture
def kept(index: Index, media: Path) -> Index:
    """An index in which the label of a picture that was deleted is kept."""
    for name, colour in (("a", RED), ("b", BLUE)):
        picture(media / f"{name}.png", colour)
    index.add([media])
    index.label([media / "a.png"], "red")
    (media / "a.png").unlink()
    assert index.add([media], prune=True, dry_run=True).passages == (passage(media / "a.png", "red", fate="kept"),)
    assert index.add([media], prune=True).passages == (passage(media / "a.png", "red", fate="kept"),)
    return index


def test_labels_come_back_with_the_content_wherever_that_is(kept: Index, media: Path) -> None:
    assert labels(kept) == {}
    assert [(one.label, one.items, one.kept) for one in kept.labels.summaries()] == [("red", 0, 1)]
    back = picture(media / "elsewhere" / "x.png", RED)
    report = kept.add([media])
    assert report.passages == (passage(media / "a.png", "red", to=back, fate="returned"),)
    assert labels(kept) == {"x.png": ("red",)}
    assert [(one.label, one.items, one.kept) for one in kept.labels.summaries()] == [("red", 1, 0)]
    assert kept.audit() == []


def test_labels_come_back_to_a_file_that_is_overwritten_with_the_content(kept: Index, media: Path) -> None:
    set_mtime(picture(media / "b.png", RED), LONG_AGO_NS)
    report = kept.add([media])
    assert report.updated == 1
    assert labels(kept) == {"b.png": ("red",)}


def test_undoing_a_run_reaches_what_is_kept(kept: Index, media: Path) -> None:
    ((run, count),) = kept.labels.runs()
    assert count == 1
    assert kept.labels.undo(run.id).changed == 1
    assert kept.labels.runs() == []
    with pytest.raises(UsageError, match="gave no labels that are still there"):
        kept.labels.undo(run.id)
    picture(media / "a.png", RED)
    kept.add([media])
    assert labels(kept) == {}


def test_a_label_that_was_removed_does_not_come_back(kept: Index, media: Path) -> None:
    assert kept.labels.remove("red") == 1
    picture(media / "a.png", RED)
    kept.add([media])
    assert labels(kept) == {}
    with pytest.raises(UsageError, match="is no label of this index"):
        kept.labels.remove("red")


def test_a_label_with_another_name_comes_back_under_that(kept: Index, media: Path) -> None:
    kept.label([media / "b.png"], "crimson")
    with pytest.raises(UsageError, match="is a label already"):
        kept.labels.rename("crimson", "red")
    kept.labels.rename("red", "scarlet")
    kept.labels.merge(["scarlet"], "crimson")
    picture(media / "a.png", RED)
    kept.add([media])
    assert labels(kept) == {"a.png": ("crimson",), "b.png": ("crimson",)}


def test_another_hierarchy_does_not_cost_what_is_kept(kept: Index, media: Path) -> None:
    kept.labels.set_hierarchy(Hierarchy.of([("blue", "colour")]))
    picture(media / "a.png", RED)
    kept.add([media])
    assert labels(kept) == {"a.png": ("red",)}


def test_a_label_that_only_waits_is_no_answer(kept: Index, media: Path) -> None:
    kept.label([media / "b.png"], "blue")
    (answer,) = kept.classify(picture(media / "c.png", GREEN))
    assert {one.label for one in answer.scores} == {"blue"}


# Labels that exclude each other.


def contradicted(index: Index, media: Path) -> tuple[Path, Path]:
    """Index two copies of a picture that have labels which exclude each other, and delete the first."""
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    picture(media / "3.png", BLUE)
    index.add([media])
    index.label([first], "dog")
    index.label([media / "2.png"], "cat")
    first.unlink()
    return first, media / "2.png"


@pytest.mark.parametrize("mode", ["single", "auto"])
def test_a_copy_keeps_the_label_that_it_was_given(index: Index, media: Path, mode: str) -> None:
    index.labels.set_mode(mode)  # type: ignore[arg-type]
    gone, _ = contradicted(index, media)
    (told,) = index.add([media], prune=True).passages
    assert (told.path, told.labels, told.fate, told.opposed_by) == (str(gone), ("dog",), "kept", ("cat",))
    assert labels(index) == {"2.png": ("cat",)}
    assert index.labels.exclude_each_other
    shutil.copy(media / "2.png", gone)
    index.add([media])
    assert labels(index) == {"1.png": ("dog",), "2.png": ("cat",)}, "as it was before"


def test_where_labels_stand_beside_each_other_a_copy_gets_both(index: Index, media: Path) -> None:
    index.labels.set_mode("multi")
    contradicted(index, media)
    index.add([media], prune=True)
    assert labels(index) == {"2.png": ("cat", "dog")}


def test_a_transferred_label_gives_way_to_one_that_comes(index: Index, media: Path) -> None:
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    index.add([media])
    index.label([first], "dog")
    index.catalog.labels.annotate(
        [Annotation(item_id=index.item(media / "2.png").id, label="cat", origin="transfer", confidence=0.9)]
    )
    first.unlink()
    index.add([media], prune=True)
    assert labels(index) == {"2.png": ("dog",)}


def test_what_was_given_to_a_former_content_gives_way_to_what_was_given_to_this(index: Index, media: Path) -> None:
    kick, tune = picture(media / "kick.png", RED), picture(media / "tune.png", BLUE)
    index.add([media])
    index.label([kick], "kick")
    index.label([tune], "tune")
    set_mtime(picture(kick, BLUE), LONG_AGO_NS)
    index.add([media])
    assert labels(index) == {"kick.png": ("kick",), "tune.png": ("tune",)}
    tune.unlink()
    report = index.add([media], prune=True)
    assert labels(index) == {"kick.png": ("tune",)}
    assert {(one.labels, one.fate, one.opposed_by) for one in report.passages} == {
        (("tune",), "passed", ()),
        (("kick",), "kept", ("tune",)),
    }
    picture(media / "again.png", RED)
    index.add([media])
    assert labels(index) == {"kick.png": ("tune",), "again.png": ("kick",)}


# Denials and tags.


def test_denials_and_tags_go_where_labels_go(index: Index, media: Path) -> None:
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    lone = picture(media / "lone.png", BLUE)
    index.add([media])
    for path in (first, lone):
        index.deny([path], "tuba")
        index.tag([path], "favourite")
    first.unlink()
    lone.unlink()
    report = index.add([media], prune=True)
    assert {(one.path, one.labels, one.fate) for one in report.passages} == {
        (str(first), ("favourite", "not tuba"), "passed"),
        (str(lone), ("favourite", "not tuba"), "kept"),
    }
    by_name = {one.label: one for one in index.labels.summaries()}
    assert (by_name["tuba"].denied, by_name["tuba"].kept) == (1, 1)
    assert (by_name["favourite"].items, by_name["favourite"].kept, by_name["favourite"].is_tag) == (1, 1, True)
    picture(media / "back.png", BLUE)
    index.add([media])
    by_name = {one.label: one for one in index.labels.summaries()}
    assert (by_name["tuba"].denied, by_name["favourite"].items, by_name["favourite"].is_tag) == (2, 2, True)


def test_a_tag_that_only_waits_stays_a_tag(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    other = picture(media / "other.png", BLUE)
    index.add([media])
    index.tag([one], "favourite")
    index.label([other], "blue")
    one.unlink()
    index.add([media], prune=True)
    index.unlabel([other], "blue")
    assert index.labels.kind("favourite") == "tag"
    picture(media / "again.png", RED)
    index.add([media])
    assert labels(index) == {"again.png": ("favourite",)}
    assert index.labels.kind("favourite") == "tag"


@pytest.mark.parametrize("denied", ["tuba", "brass"])
def test_what_is_denied_of_a_content_does_not_come_back_to_it(index: Index, media: Path, denied: str) -> None:
    index.labels.set_hierarchy(Hierarchy.of([("tuba", "brass")]))
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    shutil.copy(first, media / "3.png")
    index.add([media])
    index.label([first], "tuba")
    set_mtime(picture(first, BLUE), LONG_AGO_NS)
    index.add([media])
    index.deny([media / "2.png"], denied)
    first.unlink()
    (told,) = index.add([media], prune=True).passages
    assert (told.labels, told.fate, told.opposed_by) == (("tuba",), "kept", (f"not {denied}",))
    assert labels(index) == {}


def test_a_denial_of_a_replaced_file_is_audited_until_it_is_said_again(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    picture(media / "two.png", GREEN)
    index.add([media])
    index.deny([one], "tuba")
    index.label([media / "two.png"], "tuba")
    set_mtime(picture(one, BLUE), LONG_AGO_NS)
    assert [told.labels for told in index.add([media]).replaced] == [("not tuba",)]
    assert [(issue.label, issue.reason) for issue in index.audit()] == [("not tuba", "replaced")]
    index.deny([one], "tuba")
    assert index.audit() == []


# Files that are replaced.


def test_a_file_of_which_only_tags_have_changed_keeps_its_labels_without_a_word(index: Index, media: Path) -> None:
    one = picture(media / "one.png", RED)
    index.add([media])
    index.label([one], "red")
    set_mtime(tagged(one, one), LONG_AGO_NS)
    report = index.add([media])
    assert (report.updated, report.replaced) == (1, ())
    assert labels(index) == {"one.png": ("red",)}
    assert index.audit() == []
    one.unlink()
    picture(media / "two.png", BLUE)
    index.add([media], prune=True)
    picture(media / "untagged.png", RED)
    index.add([media])
    assert labels(index) == {"untagged.png": ("red",)}


@pytest.fixture
def replaced(index: Index, media: Path) -> Index:
    """An index of sample.wav, called kick, that was another sound when it got that label."""
    sample = sound(media / "sample.wav", (LOW_HZ, 1))
    index.add([media])
    index.label([sample], "kick")
    set_mtime(sound(sample, (HIGH_HZ, 2)), LONG_AGO_NS)
    (foreseen,) = index.add([media], dry_run=True).replaced
    (told,) = index.add([media]).replaced
    assert told == foreseen
    assert (told.path, told.kind, told.labels) == (str(sample), "sound", ("kick",))
    return index


def test_a_replaced_file_keeps_its_label_and_is_listed_until_that_is_given_again(replaced: Index, media: Path) -> None:
    sample = media / "sample.wav"
    assert replaced.item(sample).labels == ("kick",)
    (issue,) = replaced.audit()
    assert (issue.path, issue.modality, issue.label, issue.reason) == (str(sample), "sound", "kick", "replaced")
    assert (issue.probability, issue.suggested, issue.confidence) == (None, None, None)
    assert replaced.add([media]).replaced == (), "told once"
    assert len(replaced.audit()) == 1
    assert replaced.label([sample], "kick") == 0, "it has it"
    assert replaced.audit() == []


def test_a_replaced_file_is_not_listed_once_its_label_is_taken_back(replaced: Index, media: Path) -> None:
    replaced.label([media / "sample.wav"], "tune")
    replaced.unlabel([media / "sample.wav"], "kick")
    assert replaced.audit() == []


def test_what_was_said_of_a_former_content_does_not_come_back_to_what_is_like_the_new_one(
    replaced: Index, media: Path
) -> None:
    replaced.forget([media / "sample.wav"])
    sound(media / "like.wav", (HIGH_HZ, 2))
    assert replaced.add([media]).passages == ()
    was = sound(media / "was.wav", (LOW_HZ, 1))
    assert replaced.add([media]).passages == (passage(media / "sample.wav", "kick", to=was, fate="returned"),)


def test_a_file_that_was_put_back_is_not_listed(replaced: Index, media: Path) -> None:
    sound(media / "sample.wav", (LOW_HZ, 1))
    assert replaced.add([media], dry_run=True).replaced == ()
    assert replaced.add([media]).updated == 1
    assert replaced.audit() == []


def test_the_label_of_a_replaced_file_waits_for_what_it_was_given_to(replaced: Index, media: Path) -> None:
    sample = media / "sample.wav"
    sample.unlink()
    sound(media / "other.wav", (LOW_HZ, 3))
    assert replaced.add([media], prune=True).passages == (passage(sample, "kick", fate="kept"),)
    sound(media / "tune.wav", (HIGH_HZ, 2))
    sound(media / "kick.wav", (LOW_HZ, 1))
    replaced.add([media])
    assert labels(replaced) == {"kick.wav": ("kick",)}


CRIMSON = (200, 30, 40)


@pytest.fixture
def overwritten(filled: Index, media: Path) -> Index:
    """An index in which a red picture with the label violin was replaced by one as blue as two that are called tuba."""
    for number in range(2):
        picture(media / f"tuba{number}.png", (20 + number, 20, 230))
    violin = picture(media / "violin.png", CRIMSON)
    picture(media / "violin too.png", (201, 30, 40))
    filled.add([media])
    filled.label([media / f"tuba{number}.png" for number in range(2)], "tuba")
    filled.label([media / "violin too.png"], "violin")
    filled.label([violin], ["violin", "old"])
    filled.deny([violin], "tuba")
    set_mtime(picture(violin, (20, 21, 230)), LONG_AGO_NS)
    (told,) = filled.add([media]).replaced
    assert told.labels == ("old", "not tuba", "violin")
    return filled


def test_what_was_said_of_a_former_content_says_nothing_of_the_new_one(overwritten: Index, media: Path) -> None:
    copy = media / "copy.png"
    shutil.copy(media / "violin.png", copy)
    overwritten.add([media])
    answers = overwritten.classify([media / "violin.png", copy])
    assert [answer.label for answer in answers] == ["tuba", "tuba"]
    assert {os.path.basename(answer.copy_of.path) for answer in answers if answer.copy_of} <= {"tuba0.png", "tuba1.png"}
    given = {one.path: one.label for one in overwritten.transfer(min_confidence=0.1).given}
    assert given[str(copy)] == "tuba"
    assert "old" not in {vote.label for answer in answers for vote in answer.neighbours}
    assert overwritten.count("violin").labelled == 1


def test_what_was_given_to_a_former_content_does_not_stand_beside_what_is_given_now(
    overwritten: Index, media: Path
) -> None:
    groups = overwritten.labels.groups
    assert groups == [["tuba", "violin"], ["old"]]
    overwritten.label([media / "violin.png"], "tuba")
    assert overwritten.labels.groups == groups


def test_a_label_that_is_given_again_holds_for_the_new_content(overwritten: Index, media: Path) -> None:
    overwritten.classify([media / "violin.png"])
    assert overwritten.label([media / "violin.png"], "violin") == 0
    (answer,) = overwritten.classify([media / "violin.png"])
    assert (answer.label, answer.confidence) == ("violin", 1.0)
    assert {issue.label for issue in overwritten.audit() if issue.reason == "replaced"} == {"old", "not tuba"}


def test_what_was_denied_of_a_former_content_is_not_denied_of_copies_of_the_new_one(
    overwritten: Index, media: Path
) -> None:
    copy = media / "copy.png"
    shutil.copy(media / "violin.png", copy)
    overwritten.add([media])
    overwritten.label([copy], "tuba")
    assert overwritten.item(copy).labels == ("tuba",)
    assert "not tuba" in {issue.label for issue in overwritten.audit()}, "which waits for what it was said of"
    overwritten.label([media / "violin.png"], "tuba")
    assert "not tuba" not in {issue.label for issue in overwritten.audit()}
    picture(media / "again.png", CRIMSON)
    overwritten.add([media])
    assert [one.label for one in overwritten.catalog.labels.annotations() if one.is_not] == ["tuba"]


def test_the_former_content_has_its_labels_wherever_it_comes_and_the_file_stays_listed(
    overwritten: Index, media: Path
) -> None:
    again = picture(media / "elsewhere" / "again.png", CRIMSON)
    report = overwritten.add([media])
    assert report.passages == (passage(media / "violin.png", "not tuba", "old", "violin", to=again, fate="returned"),)
    assert labels(overwritten)["again.png"] == labels(overwritten)["violin.png"] == ("old", "violin")
    assert {issue.path for issue in overwritten.audit() if issue.reason == "replaced"} == {str(media / "violin.png")}
    shutil.copy(again, media / "another.png")
    assert overwritten.add([media]).passages == (), "it is a copy of what has them"
    overwritten.unlabel([again], "violin")
    shutil.copy(again, media / "one more.png")
    overwritten.add([media])
    assert "violin" not in labels(overwritten)["again.png"], "what was taken back does not return"


def test_a_copy_of_a_former_content_has_its_label_from_then_on(index: Index, media: Path) -> None:
    first = picture(media / "1.png", RED)
    shutil.copy(first, media / "2.png")
    index.add([media])
    index.label([first], "red")
    set_mtime(picture(first, BLUE), LONG_AGO_NS)
    assert index.add([media]).passages == (passage(first, "red", to=media / "2.png", fate="returned"),)
    assert labels(index) == {"1.png": ("red",), "2.png": ("red",)}
    (run, count) = index.labels.runs()[0]
    assert (count, index.labels.undo(run.id).changed) == (2, 2)


def test_where_every_label_is_of_a_former_content_it_is_said(replaced: Index, media: Path) -> None:
    with pytest.raises(NothingFoundError, match="was replaced by another file since; `modag audit` lists it"):
        replaced.classify([media / "sample.wav"])


def test_what_neighbours_say_of_a_replaced_file_is_told_with_it(filled: Index, media: Path) -> None:
    for name, label in (("a", "low"), ("b", "middle"), ("c", "high")):
        for number in range(3):
            copy = media / f"{name}{number}.png"
            shutil.copy(media / f"{name}.png", copy)
            with open(copy, "ab") as file:
                file.write(bytes([number]))  # a content of its own
        filled.add([media])
        filled.label([media / f"{name}{number}.png" for number in range(3)], label)
    set_mtime(picture(media / "a0.png", BLUE), LONG_AGO_NS)
    filled.add([media])
    (issue, *others) = filled.audit()
    assert (issue.path, issue.label, issue.reason, issue.suggested) == (
        str(media / "a0.png"),
        "low",
        "replaced",
        "high",
    )
    assert issue.probability is not None
    assert all(other.reason == "neighbours" for other in others)


def test_replaced_files_are_listed_where_no_space_joins_sounds_and_pictures(
    tmp_path: Path, media: Path, toys: None, caplog: pytest.LogCaptureFixture
) -> None:
    from modag_search import Index, IndexSettings

    one = picture(media / "one.png", RED)
    sound(media / "one.wav", (LOW_HZ, 1))
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image")
    with Index.open(tmp_path / "apart", create=True, settings=settings) as index:
        index.add([media])
        index.label([one], "red")
        set_mtime(picture(one, BLUE), LONG_AGO_NS)
        index.add([media])
        assert [(issue.path, issue.reason) for issue in index.audit()] == [(str(one), "replaced")]
    assert "only files that were replaced under their labels are listed" in caplog.text


# Labels that several runs gave.


@pytest.fixture
def given_twice(index: Index, media: Path) -> Index:
    """An index of one picture that is red: one run said so of it, and another of a copy that was deleted."""
    copy = picture(media / "copy.png", RED)
    shutil.copy(copy, media / "one.png")
    index.add([media])
    index.label([copy], "red")
    index.label([media / "one.png"], "red")
    copy.unlink()
    assert index.add([media], prune=True).passages == (), "it has it already"
    return index


def test_what_two_runs_gave_is_there_until_both_are_undone(given_twice: Index) -> None:
    first, second = (run.id for run, _ in given_twice.labels.runs())
    assert given_twice.labels.undo(second).changed == 1
    assert labels(given_twice) == {"one.png": ("red",)}
    assert given_twice.labels.undo(first).changed == 1
    assert labels(given_twice) == {}


def test_what_two_runs_gave_is_there_whichever_is_undone(given_twice: Index) -> None:
    first, second = (run.id for run, _ in given_twice.labels.runs())
    assert given_twice.labels.undo(first).changed == 1
    assert labels(given_twice) == {"one.png": ("red",)}
    assert given_twice.labels.undo(second).changed == 1
    assert labels(given_twice) == {}


def test_what_two_runs_gave_is_gone_when_it_is_taken_back(given_twice: Index, media: Path) -> None:
    assert given_twice.unlabel([media / "one.png"], "red") == 1
    shutil.copy(media / "one.png", media / "another.png")
    given_twice.add([media])
    assert labels(given_twice) == {}


def test_what_two_runs_gave_is_taken_back_with_a_file_that_was_forgotten(index: Index, media: Path) -> None:
    copy = picture(media / "copy.png", RED)
    shutil.copy(copy, media / "one.png")
    index.add([media])
    index.label([copy], "red")
    index.label([media / "one.png"], "red")
    first, second = (run.id for run, _ in index.labels.runs())
    index.forget([str(copy)])
    index.undo_forget()
    assert index.labels.undo(second).changed == 1
    assert labels(index) == {"copy.png": ("red",)}
    assert index.labels.undo(first).changed == 1
