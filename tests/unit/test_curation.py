"""What to label next, which labels are doubtful, and which sounds and pictures do not belong together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from modag_search.catalog.segments import Segments
from modag_search.curate import suggest
from modag_search.errors import NothingFoundError, UsageError
from modag_search.hierarchy import Hierarchy
from tests.made_media import BLACK, BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modag_search import Index
    from modag_search.values import Float32Array, Int64Array, Suggestion

KINDS = {"red": (RED, LOW_HZ), "green": (GREEN, MIDDLE_HZ), "blue": (BLUE, HIGH_HZ)}


def make_pictures(folder: Path, name: str, *, n: int) -> list[Path]:
    """Write pictures of one colour in several shades."""
    red, green, blue = KINDS[name][0]
    return [picture(folder / f"{name}-{number}.png", (red, min(green + 4 * number, 255), blue)) for number in range(n)]


def make_sounds(folder: Path, name: str, *, n: int, longer_s: float = 0) -> list[Path]:
    """Write tones of one band of frequencies; those of one length have the same features, as copies have."""
    tones = [(KINDS[name][1] * (1 + 0.05 * number), 1 + longer_s * number) for number in range(n)]
    return [sound(folder / f"{name}-{number}.wav", tone) for number, tone in enumerate(tones)]


@pytest.fixture
def clusters(index: Index, media: Path) -> Index:
    """Reds and low tones, greens and middle ones, blues and high ones; ever fewer of each."""
    for n, name in zip((5, 4, 3), KINDS, strict=True):
        make_pictures(media, name, n=n)
        make_sounds(media, name, n=n - 1)
    index.add([media])
    return index


@pytest.fixture
def labelled(clusters: Index, media: Path) -> Index:
    """All of the clusters, each called by its name."""
    for name in KINDS:
        clusters.label(sorted(media.glob(f"{name}-*")), name)
    return clusters


def kinds(suggestions: Iterable[Suggestion]) -> list[str]:
    return [os.path.basename(one.path).split("-")[0] for one in suggestions]


# What to label next.


def test_every_cluster_is_suggested_once_before_one_is_again(clusters: Index) -> None:
    suggested = clusters.suggest(n=6)
    assert kinds(suggested)[:3] == ["red", "green", "blue"], "the largest first"
    assert len({one.path for one in suggested}) == 6
    assert {(one.label, one.confidence) for one in suggested} == {(None, 0.0)}, "nothing has a name yet"


def test_the_first_example_of_a_label_in_a_modality_is_wanted(clusters: Index, media: Path) -> None:
    """Sounds are called by what pictures are called; one labelled sound of each tells whether that is right."""
    for name in KINDS:
        clusters.label(sorted(media.glob(f"{name}-*.png")), name)
    wanted = [one for one in clusters.suggest(n=6) if one.wanted is not None]
    assert {(one.wanted, one.modality) for one in wanted} == {(name, "sound") for name in KINDS}
    assert kinds(wanted) == [one.wanted for one in wanted] == [one.label for one in wanted]
    assert sum(one.wanted is not None for one in clusters.suggest(n=2)) == 1, "half of them at the most"
    clusters.label([one.path for one in wanted if one.wanted == "red"], "red")
    assert {one.wanted for one in clusters.suggest(n=6)} == {None, "green", "blue"}


@pytest.mark.parametrize("n", [3, 7, 8])
def test_who_labels_sounds_is_asked_for_sounds_too(index: Index, media: Path, n: int) -> None:
    """Pictures that are like nothing labelled would otherwise come before all sounds."""
    for name in KINDS:
        make_sounds(media, name, n=6)
        make_pictures(media, name, n=3)
    for red in range(0, 256, 40):
        picture(media / f"grey-{red}.png", (red, 255 - red, 128))
    index.add([media])
    index.label(sorted(media.glob("*-0.wav")), "a tone")
    suggested = [one.modality for one in index.suggest(n=n)]
    assert suggested.count("sound") >= (n + 1) // 4
    assert suggested.count("image") > suggested.count("sound")


def test_where_all_labels_have_examples_none_is_wanted(labelled: Index, media: Path) -> None:
    sound(media / "red-9.wav", (LOW_HZ * 1.3, 1))
    labelled.add([media])
    assert [one.wanted for one in labelled.suggest(n=3)] == [None]


def test_a_suggestion_says_how_much_it_speaks_for(clusters: Index) -> None:
    assert [one.covers for one in clusters.suggest(n=3)] == [9, 7, 5]
    (one,) = clusters.suggest(n=1, modality="sound")
    assert one.covers == 4
    assert one.id == clusters.item(one.path).id


def test_what_is_like_something_labelled_is_not_worth_a_label(clusters: Index, media: Path) -> None:
    clusters.label([media / "red-0.png"], "red")
    clusters.label([media / "green-1.wav"], "green")
    (first, *others) = clusters.suggest(n=100)
    assert kinds([first]) == ["blue"]
    assert first.label in {"red", "green"}
    assert first.confidence < 0.8
    suggested = {os.path.basename(one.path) for one in [first, *others]}
    assert suggested == {path.name for path in media.iterdir()} - {"red-0.png", "green-1.wav"}


def test_what_is_suggested_and_labelled_is_not_suggested_again(clusters: Index) -> None:
    seen: list[str] = []
    for _ in range(3):
        (one,) = clusters.suggest(n=1)
        clusters.label([one.path], kinds([one])[0])
        seen += kinds([one])
    assert sorted(seen) == sorted(KINDS)
    right = [
        answer.label == os.path.basename(answer.path).split("-")[0] for answer in clusters.classify(unlabelled=True)
    ]
    assert right == [True] * 18, "three labels name all the others"


@pytest.mark.parametrize("modality", ["image", "sound"])
def test_suggestions_may_be_of_one_modality(clusters: Index, modality: str) -> None:
    suggested = clusters.suggest(n=100, modality=modality)  # type: ignore[arg-type]
    assert {one.modality for one in suggested} == {modality}
    assert sorted(kinds(suggested)[:3]) == sorted(KINDS)
    assert len(suggested) == {"image": 12, "sound": 9}[modality]


def test_suggestions_are_the_same_each_time(clusters: Index, media: Path) -> None:
    assert clusters.suggest(n=7) == clusters.suggest(n=7)
    assert [one.path for one in clusters.suggest(n=7)][:3] == [one.path for one in clusters.suggest(n=3)]


def test_a_video_is_suggested_once(index: Index, media: Path) -> None:
    video(media / "clip.mp4")
    picture(media / "red.png", RED)
    picture(media / "black.png", BLACK)
    index.add([media])
    assert sorted(os.path.basename(one.path) for one in index.suggest()) == ["clip.mp4", "red.png"]


def test_transferred_labels_need_none_by_hand(clusters: Index, media: Path) -> None:
    clusters.label([media / "red-0.png"], "red")
    clusters.label([media / "blue-0.png"], "blue")
    clusters.transfer(min_confidence=0.9)
    assert set(kinds(clusters.suggest(n=100))) == {"green"}


def test_of_a_large_collection_only_what_is_drawn_is_read(
    clusters: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters.label([media / "red-0.png"], "red")
    clusters.label([media / "blue-0.png"], "blue")
    clusters.suggest()
    monkeypatch.setattr(suggest, "_CANDIDATES", 3)
    read: set[int] = set()
    feature_rows = Segments.feature_rows

    def recorded(self: Segments, segment_ids: Iterable[int], **pipeline: str) -> tuple[Int64Array, Float32Array]:
        ids = list(segment_ids)
        read.update(ids)
        return feature_rows(self, ids, **pipeline)

    monkeypatch.setattr(Segments, "feature_rows", recorded)
    suggested = clusters.suggest()
    assert len(suggested) == len(read) == 3
    assert clusters.suggest(seed=1) != suggested, "others are drawn"


def test_there_must_be_something_to_suggest(index: Index, media: Path) -> None:
    with pytest.raises(NothingFoundError, match="the index is empty"):
        index.suggest()
    index.add([*make_pictures(media, "red", n=2)])
    with pytest.raises(UsageError, match="n must be 1 at least, not 0"):
        index.suggest(n=0)
    with pytest.raises(NothingFoundError, match="no sound is left without a label"):
        index.suggest(modality="sound")
    index.label(sorted(media.iterdir()), "red")
    with pytest.raises(NothingFoundError, match="no item is left without a label"):
        index.suggest()


# Which labels are doubtful.


def test_a_label_that_all_others_contradict_is_doubted(index: Index, media: Path) -> None:
    for name in KINDS:
        index.add([*make_pictures(media, name, n=4), *make_sounds(media, name, n=4, longer_s=0.1)])
        index.label(sorted(media.glob(f"{name}-*")), name)
    for path, wrong in ((media / "red-2.png", "green"), (media / "blue-1.wav", "red")):
        index.unlabel([path], path.name.split("-")[0])
        index.label([path], wrong)
    label_issues = index.audit()
    assert {(os.path.basename(one.path), one.modality, one.label, one.suggested) for one in label_issues} == {
        ("red-2.png", "image", "green", "red"),
        ("blue-1.wav", "sound", "red", "blue"),
    }
    behind = []
    for one in label_issues:
        assert one.reason == "neighbours"
        assert one.probability is not None
        assert one.probability <= 0.1
        assert one.confidence is not None
        assert one.confidence > 0.5
        assert one.id == index.item(one.path).id
        behind.append(one.probability - one.confidence)
    assert behind == sorted(behind)


def test_labels_that_agree_are_not_doubted(labelled: Index) -> None:
    assert labelled.audit() == []
    assert labelled.audit(max_probability=1.0) == [], "nothing is likelier than what each has"


def test_a_label_that_no_other_item_has_is_not_doubted(
    labelled: Index, media: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, colour in (("odd one", (220, 220, 220)), ("another", (200, 200, 10))):
        odd = picture(media / f"{name}.png", colour)
        labelled.add([media])
        labelled.label([odd], name)
    assert labelled.audit() == [], "the others cannot know it"
    (told,) = caplog.messages
    assert told == (
        "2 labels could not be checked, since no other item of the same modality has them: another (picture), odd one "
        "(picture); `modag label PATH... --as NAME` gives another one"
    )


def test_several_labels_of_the_only_labelled_item_are_not_doubted(clusters: Index, media: Path) -> None:
    clusters.label([media / "red-0.png"], ["red", "warm"])
    assert clusters.audit() == []


def test_several_labels_that_others_share_are_not_doubted(labelled: Index, media: Path) -> None:
    labelled.label(sorted(media.glob("red-*")), "warm")
    assert labelled.audit() == []
    labelled.label([media / "blue-0.png"], "warm")
    doubtful = labelled.audit(max_probability=0.2)
    assert [(os.path.basename(one.path), one.label) for one in doubtful] == [("blue-0.png", "warm")]


def test_a_label_is_not_contradicted_by_what_it_is_a_kind_of(labelled: Index, media: Path) -> None:
    for path in (media / "red-0.png", media / "red-1.png"):
        labelled.unlabel([path], "red")
        labelled.label([path], "crimson")
    doubted = {os.path.basename(one.path) for one in labelled.audit(max_probability=0.6)}
    labelled.labels.set_hierarchy(Hierarchy.of([("crimson", "red")]))
    assert doubted
    assert labelled.audit(max_probability=0.6) == []


def test_there_must_be_labels_to_doubt(clusters: Index) -> None:
    with pytest.raises(NothingFoundError, match="no item has a label yet"):
        clusters.audit()


# Which sounds and pictures do not belong together.


def pair(folder: Path, name: str, picture_kind: str, sound_kind: str) -> None:
    picture(folder / f"{name}.png", KINDS[picture_kind][0])
    sound(folder / f"{name}.wav", (KINDS[sound_kind][1], 1))


def test_a_sound_and_a_picture_that_changed_partners_are_found(index: Index, media: Path) -> None:
    for name in KINDS:
        pair(media, f"{name} 1", name, name)
        pair(media, f"{name} 2", name, name)
    pair(media, "swapped 1", "red", "blue")
    pair(media, "swapped 2", "blue", "red")
    index.add([media])
    pair_issues = index.audit_pairs()
    assert [(os.path.basename(one.sound), os.path.basename(one.image)) for one in pair_issues] == [
        ("swapped 1.wav", "swapped 1.png"),
        ("swapped 2.wav", "swapped 2.png"),
    ]
    assert all(one.rank >= 0.5 and one.similarity < 0.2 for one in pair_issues)
    assert len(index.audit_pairs(min_rank=0.0)) == 8


def test_a_pair_is_judged_from_both_sides(index: Index, media: Path) -> None:
    """Every other picture goes better with the sound; no other sound goes better with the picture."""
    pair(media, "odd", "red", "green")
    make_pictures(media / "others", "red", n=3)
    index.add([media])
    (found,) = index.audit_pairs(min_rank=0.0)
    assert 0.3 < found.rank < 0.6, "the mean of nearly all and none"


def test_only_files_of_one_name_in_one_folder_are_pairs(index: Index, media: Path) -> None:
    for folder in ("here", "there"):
        for name in KINDS:
            pair(media / folder, name, name, name)
    picture(media / "here" / "x.png", RED)
    sound(media / "there" / "x.wav", (HIGH_HZ, 1))
    index.add([media])
    assert index.audit_pairs() == []
    found = {(one.sound, one.image) for one in index.audit_pairs(min_rank=0.0)}
    assert len(found) == 6
    assert all(os.path.splitext(first)[0] == os.path.splitext(second)[0] for first, second in found)


def test_a_video_is_doubted_where_others_go_better_with_its_sound_and_its_frames(index: Index, media: Path) -> None:
    clip = video(media / "clip.mp4")  # grey, with a low tone
    make_pictures(media, "green", n=3)
    make_sounds(media / "sounds", "green", n=3)
    index.add([media])
    assert index.audit_pairs() == [], "of what there is, the two go best with each other"
    make_pictures(media, "red", n=4)
    for number in range(4):
        sound(media / f"of all bands {number}.wav", (LOW_HZ, 0.3), (MIDDLE_HZ, 0.3), (HIGH_HZ, 0.3))
    index.add([media])
    (doubt,) = index.audit_pairs()
    assert doubt.sound == doubt.image == str(clip)
    assert doubt.rank > 0.5


def test_without_pairs_none_is_doubted(index: Index, media: Path) -> None:
    pair(media, "alone", "red", "blue")
    index.add([media])
    assert index.audit_pairs() == [], "there is nothing that would go better"
