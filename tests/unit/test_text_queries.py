"""Asking with words: what they find, what is taken for words, and what is said of those that mean nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, UsageError
from modag_search.errors import NotMediaError, UnreadableMediaError
from modag_search.labels.presets import packaged_presets, preset
from modag_search.space import Space, packaged_spaces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def everyday(everyday_folder: Path) -> Iterator[Index]:
    """Pictures and sounds of dogs, roosters and the sea."""
    with Index.open(everyday_folder) as index:
        yield index


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("a dog barking", "dog"),
        ("text:dog", "dog"),
        ("the crowing of a cock", "rooster"),
        ("waves on a beach", "sea"),
    ],
)
def test_words_find_sounds_and_pictures_of_what_they_mean(everyday: Index, words: str, kind: str) -> None:
    for modality in ("sound", "image"):
        (first, *_) = everyday.search(words, modality=modality, n=1)
        assert kind in first.path, (modality, first.path)
    found = everyday.search(words, n=len(everyday.search("id:1", n=100)) + 1)
    assert {hit.modality for hit in found} == {"sound", "image"}
    assert kind in found[0].path


def test_words_that_mean_nothing_are_named(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    assert [hit.path for hit in everyday.search("dog qzxvblorp", n=3)] == [
        hit.path for hit in everyday.search("dog", n=3)
    ]
    assert "not understood: qzxvblorp; asking with: dog" in caplog.text
    with pytest.raises(UsageError, match="none of these words is known"):
        everyday.search("qzxvblorp")


def test_what_a_word_beside_others_was_meant_for_is_asked(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    everyday.search("red aple", n=1)
    assert "not understood: aple; asking with: red; did you mean " in caplog.text
    assert "apple" in caplog.text


def test_how_a_photo_alone_is_asked_for_is_said(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    both = everyday.search("a photo of a dog", n=6)
    assert [hit.path for hit in both] == [hit.path for hit in everyday.search("a dog", n=6)]
    assert caplog.messages == [
        "'a photo of a dog': sounds answer, too; --modality image asks for pictures alone",
    ]
    caplog.clear()
    assert everyday.search("a photo of a dog", modality="image")
    assert everyday.search("the sound of a dog", modality="sound")
    assert caplog.messages == []


def test_media_and_words_find_what_is_like_either(everyday: Index) -> None:
    (rooster, *_) = everyday.search("rooster", modality="image", n=1)
    for modality in ("image", "sound"):
        found = everyday.search(f"id:{rooster.id}", plus=["a dog barking"], modality=modality, n=3)
        kinds = {kind for hit in found for kind in ("dog", "rooster", "sea") if kind in hit.path}
        assert kinds == {"rooster", "dog"}, modality


def test_what_is_taken_away_leaves_the_rest(everyday: Index) -> None:
    (dog, *_) = everyday.search("dog", modality="image", n=1)
    for modality in ("image", "sound"):
        mixed = everyday.search(f"id:{dog.id}", plus=["waves on a beach"], minus=["a dog"], modality=modality, n=1)
        assert "sea" in mixed[0].path, modality
        kept = everyday.search(f"id:{dog.id}", minus=["puppy"], modality=modality, n=1)
        assert "dog" in kept[0].path, modality


def test_of_each_term_the_words_that_mean_nothing_are_named(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    everyday.search("dog", plus=["waves qzxvblorp"], minus=["rooster vblorpqzx"])
    assert "'waves qzxvblorp': not understood: qzxvblorp; asking with: waves" in caplog.text
    assert "'rooster vblorpqzx': not understood: vblorpqzx; asking with: rooster" in caplog.text
    for choice in ({"plus": ["qzxvblorp"]}, {"minus": ["qzxvblorp"]}):
        with pytest.raises(UsageError, match="'qzxvblorp': none of these words is known"):
            everyday.search("dog", **choice)  # type: ignore[arg-type]


@pytest.mark.parametrize("words", ["not a dog", "No dogs", "a beach without a dog", "the dog isn't barking"])
def test_words_that_negate_are_told_not_to(everyday: Index, words: str, caplog: pytest.LogCaptureFixture) -> None:
    everyday.search(words, n=1)
    (told,) = [line for line in caplog.messages if "negates nothing here" in line]
    assert repr(words) in told
    assert told.endswith('as in "a street" - "dog"')


def test_of_words_that_negate_nothing_no_word_is_said(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    for words in ("a dog", "forget-me-not dog", "a nothing dog", "note of a rooster"):
        everyday.search(words, n=1)
    assert "negates" not in caplog.text


@pytest.mark.parametrize("name", ["dgo.wav", "sounds/dog", "~dog", ".dog", "dog.jpeg"])
def test_what_looks_like_a_path_is_no_words(everyday: Index, name: str) -> None:
    with pytest.raises(UnreadableMediaError, match=r"does not exist \(any more\); words are asked with as .*text:"):
        everyday.search(name)


def test_a_file_goes_before_words(everyday: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dog").write_bytes(b"no media")
    with pytest.raises(NotMediaError, match=r"has no extension to tell what it is; words are asked with as text:dog$"):
        everyday.search("dog")
    assert "dog" in everyday.search("text:dog", n=1)[0].path


def test_a_folder_of_the_name_is_told_beside_how_words_are_asked_with(
    everyday: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dog barking").mkdir()
    reason = "is a folder; ask with one of the files in it"
    with pytest.raises(NotMediaError, match=rf"{reason}; words are asked with as 'text:dog barking'$"):
        everyday.search("dog barking")
    with pytest.raises(NotMediaError, match=r"; words are asked with as 'text:dog barking'$"):
        everyday.search("dog", plus=["dog barking"])
    for path in ("dog barking/", "./dog barking", str(tmp_path / "dog barking")):
        with pytest.raises(NotMediaError, match=rf"{reason}$"):
            everyday.search(path)


def test_words_have_no_part(everyday: Index) -> None:
    with pytest.raises(UsageError, match="words have no duration"):
        everyday.search("a dog", start_s=1.0)


def test_a_space_without_words_says_so(filled: Index) -> None:
    with pytest.raises(UsageError, match="understands no words"):
        filled.search("text:red")
    with pytest.raises(UnreadableMediaError) as raised:
        filled.search("red")
    assert "text:" not in str(raised.value)


def test_a_folder_is_no_words_either(filled: Index, media: Path) -> None:
    with pytest.raises(NotMediaError, match=r"is a folder; ask with one of the files in it$"):
        filled.search(media)


def test_a_folder_called_as_a_label_is_told_beside_the_label(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.label([media / "a.png"], "gun")
    monkeypatch.chdir(media)
    (media / "gun").mkdir()
    with pytest.raises(NotMediaError, match=r"is a folder; ask with one of the files in it; a label .* ask label:gun$"):
        filled.search("gun")


@pytest.mark.parametrize(
    ("rare", "like", "unlike"),
    [
        ("conga", "drum", "violin"),
        ("erhu", "violin", "drum"),
        ("ney", "flute", "drum"),
        ("kora", "harp", "trumpet"),
        ("djembe", "drum", "flute"),
    ],
)
def test_names_of_the_vocabularies_are_understood(rare: str, like: str, unlike: str) -> None:
    space = Space.load(packaged_spaces()["default"])
    assert space.read(rare).unknown == ()
    asked, near, far = space.text_vectors([rare, like, unlike])
    assert asked @ near > asked @ far + 0.05


@pytest.mark.parametrize(
    ("compound", "like", "unlike"),
    [("birdsong", "a bird singing", "a car"), ("thunderclap", "thunder", "a dog")],
)
def test_compounds_of_words_that_are_known_are_understood(compound: str, like: str, unlike: str) -> None:
    space = Space.load(packaged_spaces()["default"])
    assert space.read(compound).unknown == ()
    asked, near, far = space.text_vectors([compound, like, unlike])
    assert asked @ near > asked @ far + 0.1


@pytest.mark.parametrize("words", ["", "text:", "  "])
def test_an_empty_query_is_said_to_be_empty(everyday: Index, words: str) -> None:
    with pytest.raises(UsageError, match="a query is empty"):
        everyday.search(words or "text:")


def test_signs_within_words_are_told_of(everyday: Index, caplog: pytest.LogCaptureFixture) -> None:
    everyday.search("dog - puppy", n=1)
    assert "what combines queries stands outside the quotes" in caplog.text
    caplog.clear()
    everyday.search("a hot-dog stand", n=1)
    assert "outside" not in caplog.text


@pytest.mark.parametrize("name", packaged_presets())
def test_every_label_of_a_vocabulary_says_something(name: str) -> None:
    texts = [*preset(name).texts.values()]
    understood, _ = Space.load(packaged_spaces()["default"]).understood(texts)
    assert len(understood) == len(texts)


@pytest.fixture
def labelled(everyday_folder: Path, tmp_path: Path) -> Iterator[Index]:
    """A copy of the everyday index with labels that are no words."""
    shutil.copytree(everyday_folder, tmp_path / "labelled")
    with Index.open(tmp_path / "labelled") as index:
        for label in ("zorblat", "The Who"):
            index.label("id:1", label)
        yield index


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("zorblat", "a label here is called so: ask label:zorblat"),
        ("Zorblat", "a label here is called so: ask label:zorblat"),
        ("the who", "a label here is called so: ask 'label:The Who'"),
        ("zorblatt", "did you mean label:zorblat?"),
    ],
)
def test_a_label_that_is_asked_for_as_words_is_named(labelled: Index, words: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        labelled.search(words)
    assert str(raised.value).endswith(f"; {hint}")
    assert labelled.search("dog", n=1), "what is understood asks as words"


def test_a_label_is_named_where_words_are_not_understood_at_all(filled: Index) -> None:
    filled.label("id:1", "zorblat")
    with pytest.raises(UnreadableMediaError, match="a label here is called so: ask label:zorblat"):
        filled.search("zorblat")


@pytest.mark.parametrize(
    "words", ["a zorblat and a quibbix", "die Tante", "der Zorblat", "la zorblat", "it's a zorblat"]
)
def test_articles_and_their_like_are_not_asked_with_alone(everyday: Index, words: str) -> None:
    with pytest.raises(UsageError, match="none of these words is known"):
        everyday.search(words)


def test_words_that_only_join_others_are_said_to_mean_nothing_alone(everyday: Index) -> None:
    with pytest.raises(UsageError, match="'of the and': means nothing to be seen or heard"):
        everyday.search("of the and")
    assert everyday.search("die", n=1), "an English word, where no other word stands beside it that is unknown"


def test_words_beside_articles_find_what_they_did(everyday: Index) -> None:
    space = Space.load(packaged_spaces()["default"])
    assert space.read("a dog and the sea").understood == ("a", "dog", "and", "the", "sea")
    assert everyday.search("the dog", n=1)[0].path == everyday.search("dog", n=1)[0].path


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("guitr", "did you mean guitar or guitars or guilt?"),
        ("a violine", "did you mean violin or violins?"),
        ("pinao", "did you mean pinto or pinon or piano?"),
        ("guitr violine", "did you mean guitar or violin?"),
    ],
)
def test_words_with_typing_errors_are_answered_with_what_was_meant(everyday: Index, words: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        everyday.search(words)
    assert str(raised.value).endswith(f"; {hint}")


@pytest.mark.parametrize("words", ["qzxvblorp", "die Tante", "xyz", "\u732b"])
def test_what_is_like_no_word_is_answered_without_a_guess(everyday: Index, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        everyday.search(words)
    assert "did you mean" not in str(raised.value)
