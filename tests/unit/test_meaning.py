"""The third part of a space: what things are called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors import safe_open

from modag_search import Space
from modag_search.errors import ModelError
from modag_search.space import (
    Branch,
    ClassNames,
    Descriptions,
    Lexicon,
    Meaning,
    NameTree,
    SharedClassHead,
    TaughtNames,
    TokenTable,
)
from modag_search.space.arithmetic import as_int8, from_int8
from modag_search.space.words import crc_of
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES
from tests.earlier_files import without_checksum

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.values import Float32Array, Modality

D, M, N_CLASSES = 12, 6, 8
TREE = NameTree(("bell", "dog", "harp"), (("thing", "animal", "thing"),), (0.6, 0.4))
SHARE, LEAST = 0.9, 0.15


def drawn(seed: int, *shape: int) -> Float32Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float16).astype(np.float32)


def units(seed: int, *shape: int) -> Float32Array:
    rows = drawn(seed, *shape)
    scaled: Float32Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled.astype(np.float16).astype(np.float32)


def class_names(seed: int, *, is_exclusive: bool) -> ClassNames:
    common, counts = np.arange(N_CLASSES) < 4, np.arange(N_CLASSES) != 7
    return ClassNames(
        drawn(seed, N_CLASSES, D), drawn(seed + 1, N_CLASSES), units(seed + 2, N_CLASSES, M), common, counts,
        is_exclusive, 2.0, 3,
    )  # fmt: skip


@pytest.fixture
def meaning() -> Meaning:
    values = np.random.default_rng(9).integers(-127, 128, (4, M)).astype(np.int8)
    scales = np.array([0.25, 0.5, 1, 2], dtype=np.float32)
    known = np.array([crc_of("hotdog")], dtype=np.uint32)
    return Meaning(
        {"image": class_names(20, is_exclusive=True), "sound": class_names(30, is_exclusive=False)},
        units(40, 3, M),
        TokenTable(("dog", "hot", "##dog", "bell"), values, scales, known),
        LEAST,
        0.05,
        0.5,
    )


@pytest.fixture
def space(meaning: Meaning) -> Space:
    image = meaning.classes["image"]
    heads = {
        "image": SharedClassHead(image.weight[[0, 2, 4, 1]], image.bias[[0, 2, 4, 1]], np.array([0, 1, -1, 2])),
        "sound": SharedClassHead(drawn(50, 4, D), drawn(51, 4), np.array([0, 1, 2, 1])),
    }
    pairs = ("image-image", "image-sound", "sound-sound", "image-text", "sound-text")
    return Space(
        branches={m: Branch(drawn(2, 6, D), drawn(3, 6), drawn(4, 4, 6), drawn(5, 4)) for m in MODALITIES},
        encoders={m: {"name": f"{m}-net", "fingerprint": m} for m in MODALITIES},
        unrelated={pair: (0.1 * number, 0.2) for number, pair in enumerate(pairs)},
        card={"name": "speaking"},
        class_heads=heads,  # type: ignore[arg-type]
        tree=TREE,
        class_head_share=SHARE,
        meaning=meaning,
    ).padded_to(32)


def saved(space: Space, folder: Path) -> Path:
    path = folder / "a.safetensors"
    path.write_bytes(space.to_bytes())
    return path


def slowly(space: Space, modality: Modality, feature: Float32Array) -> np.ndarray:
    """The recipe of a vector, one class at a time."""
    assert space.meaning
    names, head = space.meaning.classes[modality], space.class_heads[modality]
    logits = (names.weight.astype(float) @ feature + names.bias) / names.temperature
    odds = np.exp(logits) if names.is_exclusive else 1 / (1 + np.exp(-logits))
    likeliest = sorted((c for c in range(N_CLASSES) if names.counts[c]), key=lambda c: -logits[c])[: names.n_likeliest]
    whole = sum(odds[c] for c in likeliest)
    common = sum(odds[c] for c in likeliest if names.is_common[c]) / whole
    own = head.weight.astype(float) @ feature + head.bias
    of_name = np.array([np.exp(own[head.name_of == name]).sum() for name in range(3)])
    of_name /= of_name.sum()
    called = sum(odds[c] / whole * names.vectors[c] for c in likeliest) + common * of_name @ space.meaning.common
    second = (SHARE - LEAST) * common
    return np.concatenate(
        [
            np.sqrt(1 - SHARE) * space.branches[modality](feature[None])[0],
            np.sqrt(second) * TREE.roots(of_name[None].astype(np.float32))[0],
            np.sqrt(SHARE - second) * called / np.linalg.norm(called),
            np.zeros(space.padding),
        ]
    )


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_common_names_do_not_say_the_third_part_says(space: Space, modality: Modality) -> None:
    features = drawn(60, 9, D)
    vectors = space.project(modality, features)
    assert vectors.shape == (9, 32) == (9, space.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    for feature, vector in zip(features, vectors, strict=True):
        np.testing.assert_allclose(vector, slowly(space, modality, feature), atol=1e-5)
    assert space.project(modality, features[:0]).shape == (0, 32)


def test_large_features_do_not_overflow(space: Space) -> None:
    for modality in MODALITIES:
        vectors = space.project(modality, np.full((1, D), 65504, dtype=np.float32))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_a_text_is_its_words_and_the_common_names_that_these_are_near_to(space: Space) -> None:
    assert space.meaning
    called = space.meaning.words.vectors(["hot dog"])[0].astype(float)
    near = space.meaning.common @ called
    of_name = np.exp(near / 0.05) / np.exp(near / 0.05).sum()
    second = (SHARE - LEAST) * 0.5 * max(near.max(), 0)
    roots = TREE.roots(of_name[None].astype(np.float32))[0]
    expected = np.concatenate(
        [np.zeros(4), np.sqrt(second) * roots, np.sqrt(SHARE - second) * called, np.zeros(space.padding)]
    )
    np.testing.assert_allclose(space.text_vectors(["hot dog"])[0], expected / np.linalg.norm(expected), atol=1e-5)


@pytest.fixture
def descriptions() -> Descriptions:
    """Three texts about each class of either modality."""
    texts = {m: units(80 + place, 3 * N_CLASSES, M).reshape(N_CLASSES, 3, M) for place, m in enumerate(MODALITIES)}
    return Descriptions({m: from_int8(*as_int8(of_modality)) for m, of_modality in texts.items()}, 0.4, 0.2)


@pytest.fixture
def described(space: Space, descriptions: Descriptions) -> Space:
    assert space.meaning
    return replace(space, meaning=replace(space.meaning, descriptions=descriptions))


def test_a_text_asks_by_the_names_of_what_it_describes(described: Space, descriptions: Descriptions) -> None:
    assert described.meaning
    read = described.meaning.words.vectors(["hot dog"])[0].astype(float)
    towards = sum(
        np.exp(text @ read / 0.2) * described.meaning.classes[m].vectors[c].astype(float)
        for m in MODALITIES
        for c in range(N_CLASSES)
        for text in descriptions.said[m][c].astype(float)
    )
    expected = 0.6 * read + 0.4 * towards / np.linalg.norm(towards)
    meant = described.meaning.followed(read[None].astype(np.float32))[0]
    np.testing.assert_allclose(meant, expected / np.linalg.norm(expected), atol=1e-5)


def test_words_for_a_class_ask_for_its_name(descriptions: Descriptions, meaning: Meaning) -> None:
    called = {m: names.vectors for m, names in meaning.classes.items()}
    certain = replace(descriptions, share=1.0, temperature=1e-4)
    for modality, said in descriptions.said.items():
        for number, texts in enumerate(said):
            for followed in certain.followed(of_unit_length(texts), called):
                np.testing.assert_allclose(followed, of_unit_length(called[modality][number][None])[0], atol=1e-3)


def test_texts_are_followed_each_for_itself(descriptions: Descriptions, meaning: Meaning) -> None:
    called = {m: names.vectors for m, names in meaning.classes.items()}
    texts = units(90, 300, M)
    followed = descriptions.followed(texts, called)
    np.testing.assert_allclose(np.linalg.norm(followed, axis=1), 1, rtol=1e-5)
    singly = np.concatenate([descriptions.followed(text[None], called) for text in texts])
    np.testing.assert_allclose(followed, singly, atol=1e-6)
    np.testing.assert_allclose(
        replace(descriptions, share=0.0).followed(texts, called), of_unit_length(texts), atol=1e-6
    )
    assert descriptions.followed(texts[:0], called).shape == (0, M)


def test_what_is_said_is_kept_and_decides_no_vector_of_media(space: Space, described: Space, tmp_path: Path) -> None:
    loaded = Space.load(saved(described, tmp_path))
    np.testing.assert_array_equal(loaded.text_vectors(["hotdog", "bell"]), described.text_vectors(["hotdog", "bell"]))
    assert not np.allclose(loaded.text_vectors(["bell"]), space.text_vectors(["bell"]))
    assert loaded.to_bytes() == described.to_bytes()
    assert loaded.fingerprint == space.fingerprint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"share": 1.5}, "needs a share"),
        ({"temperature": 0.0}, "needs a share"),
        ({"said": {m: drawn(1, N_CLASSES - 1, 3, M) for m in MODALITIES}}, "does not fit their names"),
        ({"said": {m: drawn(1, N_CLASSES, 3, M - 1) for m in MODALITIES}}, "does not fit their names"),
        ({"said": {m: drawn(1, N_CLASSES, 0, M) for m in MODALITIES}}, "do not fit each other"),
        ({"said": {m: drawn(1, N_CLASSES, M) for m in MODALITIES}}, "other arrays than it should"),
    ],
)
def test_what_is_said_and_cannot_be_used_names_its_file(
    space: Space, descriptions: Descriptions, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    assert space.meaning
    broken = replace(space.meaning, descriptions=replace(descriptions, **changes))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
        Space.load(saved(replace(space, meaning=broken), tmp_path))


@pytest.fixture
def lexicon(meaning: Meaning) -> Lexicon:
    """Three words for two senses, the first of which is "bell"."""
    words = np.concatenate([meaning.words.vectors(["bell"]), units(85, 2, M)])
    meant, called = (from_int8(*as_int8(vectors)) for vectors in (words, units(86, 2, M)))
    return Lexicon(meant, called, np.array([1, 0, 1], dtype=np.int32), 0.7, 0.5, 0.1)


@pytest.fixture
def worded(space: Space, lexicon: Lexicon) -> Space:
    assert space.meaning
    return replace(space, meaning=replace(space.meaning, lexicon=lexicon))


def test_a_text_that_is_nearly_a_word_asks_for_what_the_word_is_for(worded: Space, lexicon: Lexicon) -> None:
    assert worded.meaning
    read = worded.meaning.words.vectors(["bell"])[0].astype(float)
    near = lexicon.meant.astype(float) @ read
    towards = np.exp(near / 0.1) @ lexicon.called[[1, 0, 1]].astype(float)
    share = 0.7 * min((near.max() - 0.5) / 0.5, 1)
    expected = (1 - share) * read + share * towards / np.linalg.norm(towards)
    meant = worded.meaning.followed(read[None].astype(np.float32))[0]
    np.testing.assert_allclose(meant, expected / np.linalg.norm(expected), atol=1e-5)


def test_a_word_of_the_lexicon_comes_after_what_is_said(described: Space, lexicon: Lexicon) -> None:
    assert described.meaning
    both = replace(described.meaning, lexicon=lexicon)
    read = both.words.vectors(["bell", "hot dog"])
    np.testing.assert_allclose(
        both.followed(read), lexicon.looked_up(read, described.meaning.followed(read)), atol=1e-6
    )


def test_a_text_unlike_all_words_of_the_lexicon_stays_as_it_is(lexicon: Lexicon) -> None:
    texts = units(90, 100, M)
    followed = lexicon.looked_up(texts, texts)
    np.testing.assert_allclose(np.linalg.norm(followed, axis=1), 1, rtol=1e-5)
    unlike = (texts @ lexicon.meant.T).max(axis=1) < 0.5
    assert 0 < unlike.sum() < 100
    np.testing.assert_allclose(followed[unlike], of_unit_length(texts[unlike]), atol=1e-6)
    assert (np.abs(followed - of_unit_length(texts)).max(axis=1)[~unlike] > 1e-4).all()


def test_a_lexicon_is_kept_and_decides_no_vector_of_media(space: Space, worded: Space, tmp_path: Path) -> None:
    loaded = Space.load(saved(worded, tmp_path))
    np.testing.assert_array_equal(loaded.text_vectors(["hotdog", "bell"]), worded.text_vectors(["hotdog", "bell"]))
    assert not np.allclose(loaded.text_vectors(["bell"]), space.text_vectors(["bell"]))
    assert loaded.to_bytes() == worded.to_bytes()
    assert loaded.fingerprint == space.fingerprint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"share": 1.5}, "needs a share"),
        ({"least_similarity": 1.0}, "needs a share"),
        ({"temperature": 0.0}, "needs a share"),
        ({"meant": drawn(1, 3, M - 1), "called": drawn(1, 2, M - 1)}, "does not fit its words"),
        ({"called": drawn(1, 1, M)}, "do not fit each other"),
        ({"called": drawn(1, 2, M - 1)}, "do not fit each other"),
        ({"sense_of": np.array([1, 0, -1], dtype=np.int32)}, "do not fit each other"),
        ({"sense_of": np.array([1, 0], dtype=np.int32)}, "do not fit each other"),
        ({"meant": drawn(1, 0, M)}, "do not fit each other"),
        ({"called": drawn(1, 3, 2, M)}, "other arrays than it should"),
    ],
)
def test_a_lexicon_that_cannot_be_used_names_its_file(
    space: Space, lexicon: Lexicon, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    assert space.meaning
    broken = replace(space.meaning, lexicon=replace(lexicon, **changes))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
        Space.load(saved(replace(space, meaning=broken), tmp_path))


@pytest.fixture
def taught(space: Space) -> TaughtNames:
    """Two names, the first of which is what "bell" means."""
    assert space.meaning
    bell = space.meaning.words.vectors(["bell"]).astype(np.float16).astype(np.float32)
    return TaughtNames(("big_bell", "my_dog"), np.concatenate([bell, units(71, 1, M)]), units(72, 2, 4), 0.7, 0.6, 0.03)


def test_a_text_that_was_taught_asks_in_what_was_learnt_too(space: Space, taught: TaughtNames) -> None:
    assert space.meaning
    told = replace(space, taught=taught)
    before, vector = space.text_vectors(["bell"])[0], told.text_vectors(["bell"])[0].astype(float)
    near = taught.meant @ space.meaning.words.vectors(["bell"])[0]
    of_name = np.exp(near / 0.03) / np.exp(near / 0.03).sum()
    learned = of_name @ taught.learned
    share = 0.7 * (near.max() - 0.6) / 0.4
    expected = np.concatenate([np.sqrt(share) * learned / np.linalg.norm(learned), np.sqrt(1 - share) * before[4:]])
    np.testing.assert_allclose(vector, expected, atol=1e-5)
    assert vector @ vector == pytest.approx(1, rel=1e-5)


def test_a_text_unlike_all_that_was_taught_stays_as_it_is(space: Space, taught: TaughtNames) -> None:
    assert space.meaning
    unlike = replace(taught, meant=-space.meaning.words.vectors(["bell"]).repeat(2, axis=0))
    np.testing.assert_allclose(
        replace(space, taught=unlike).text_vectors(["bell"]), space.text_vectors(["bell"]), atol=1e-6
    )


def test_what_was_taught_is_kept_and_decides_no_vector_of_media(
    space: Space, taught: TaughtNames, tmp_path: Path
) -> None:
    told = replace(space, taught=taught)
    loaded = Space.load(saved(told, tmp_path))
    assert loaded.taught
    assert loaded.taught.names == ("big_bell", "my_dog")
    np.testing.assert_array_equal(loaded.text_vectors(["hotdog", "bell"]), told.text_vectors(["hotdog", "bell"]))
    assert loaded.to_bytes() == told.to_bytes()
    assert loaded.fingerprint == space.fingerprint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"names": ("one",)}, "do not fit them"),
        ({"meant": units(71, 2, M - 1)}, "vectors of other lengths"),
        ({"learned": units(72, 2, 5)}, "vectors of other lengths"),
        ({"learned": np.full((2, 4), np.inf, np.float32)}, "not finite"),
        ({"names": (), "meant": units(1, 0, M), "learned": units(1, 0, 4)}, "are none"),
        ({"share": 1.5}, "need a share"),
        ({"least_similarity": 1.0}, "need a share"),
        ({"temperature": 0.0}, "need a share"),
    ],
)
def test_taught_names_that_cannot_be_used_name_their_file(
    space: Space, taught: TaughtNames, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    broken = replace(space, taught=replace(taught, **changes))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
        Space.load(saved(broken, tmp_path))


def test_taught_names_need_words(space: Space, taught: TaughtNames, tmp_path: Path) -> None:
    broken = replace(space, meaning=None, taught=taught).padded_to(32)
    with pytest.raises(ModelError, match="was taught names, but understands no words"):
        Space.load(saved(broken, tmp_path))


def test_a_saved_space_says_the_same(space: Space, tmp_path: Path) -> None:
    loaded = Space.load(saved(space, tmp_path))
    assert (loaded.fingerprint, loaded.unrelated, loaded.reads_words) == (space.fingerprint, space.unrelated, True)
    for modality in MODALITIES:
        np.testing.assert_array_equal(
            loaded.project(modality, drawn(61, 5, D)), space.project(modality, drawn(61, 5, D))
        )
    np.testing.assert_array_equal(loaded.text_vectors(["hotdog", "bell"]), space.text_vectors(["hotdog", "bell"]))
    assert loaded.to_bytes() == space.to_bytes()
    assert loaded.unrelated_similarity("text", "sound") == space.unrelated["sound-text"]


def test_a_classifier_that_is_part_of_the_whole_one_is_not_kept_twice(space: Space, tmp_path: Path) -> None:
    with safe_open(saved(space, tmp_path), framework="numpy") as file:
        names = set(file.keys())
        assert list(file.metadata()) == ["modag-space/5"]
    assert {"image.knowledge.row_of", "sound.knowledge.weight"} <= names
    assert not {"image.knowledge.weight", "image.knowledge.bias", "sound.knowledge.row_of"} & names


@pytest.mark.parametrize("what", ["weight", "bias", "order"])
def test_a_classifier_that_differs_from_the_whole_one_in_a_bit_says_its_own(space: Space, what: str) -> None:
    """Common names are told by the whole classifier's logits only where these are what its own would be."""
    head = space.class_heads["image"]
    changed = {
        "weight": replace(head, weight=head.weight + np.eye(4, D, k=-1, dtype=np.float32)),
        "bias": replace(head, bias=head.bias + drawn(63, 4)),
        "order": replace(head, weight=head.weight[::-1].copy()),
    }[what]
    other = replace(space, class_heads={**space.class_heads, "image": changed})
    features = drawn(62, 5, D)
    expected = np.array([slowly(other, "image", feature) for feature in features])
    np.testing.assert_allclose(other.project("image", features), expected, atol=1e-5)
    assert np.abs(other.project("image", features) - space.project("image", features)).max() > 1e-3


def test_a_space_without_words_holds_none(space: Space, tmp_path: Path) -> None:
    without = replace(space, meaning=None).padded_to(32)
    with safe_open(saved(without, tmp_path), framework="numpy") as file:
        assert list(file.metadata()) == ["modag-space/5"]
        assert not [name for name in file.keys() if ".names." in name or "words" in name]  # noqa: SIM118


def test_all_that_decides_a_vector_is_in_the_fingerprint(space: Space, meaning: Meaning) -> None:
    def sounds(**changes: object) -> Space:
        classes = {**meaning.classes, "sound": replace(meaning.classes["sound"], **changes)}  # type: ignore[arg-type]
        return replace(space, meaning=replace(meaning, classes=classes))

    one = meaning.classes["sound"]
    others = [
        space,
        replace(space, meaning=None),
        replace(space, meaning=replace(meaning, least_share=0.2)),
        sounds(vectors=-one.vectors),
        sounds(is_common=~one.is_common),
        sounds(counts=~one.counts),
        sounds(n_likeliest=4),
        sounds(temperature=1.0),
        sounds(is_exclusive=True),
        replace(space, meaning=replace(meaning, common=-meaning.common)),
    ]
    assert len({other.fingerprint for other in others}) == len(others)
    words = replace(meaning.words, scales=2 * meaning.words.scales)
    assert replace(space, meaning=replace(meaning, words=words)).fingerprint == space.fingerprint


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"least_share": 0.95}, "a share from 0 to that of its knowledge"),
        ({"word_temperature": 0.0}, "a temperature above 0 and a share"),
        ({"word_share": 1.5}, "a temperature above 0 and a share"),
        ({"common": units(40, 2, M)}, "not as many as the vectors"),
        ({"common": units(40, 3, M - 1)}, "vectors of different lengths"),
    ],
)
def test_meanings_that_cannot_be_used_name_their_file(
    space: Space, meaning: Meaning, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    broken = replace(space, meaning=replace(meaning, **changes))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
        Space.load(saved(broken, tmp_path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0.0}, "a temperature above 0 and one class"),
        ({"n_likeliest": 0}, "a temperature above 0 and one class"),
        ({"bias": np.full(N_CLASSES, np.nan, np.float32)}, "not finite"),
        ({"counts": np.ones(3, bool)}, "do not fit each other"),
        ({"weight": drawn(1, N_CLASSES, D + 1)}, "features of another length"),
    ],
)
def test_names_that_cannot_be_used_name_their_file(
    space: Space, meaning: Meaning, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    classes = {**meaning.classes, "sound": replace(meaning.classes["sound"], **changes)}  # type: ignore[arg-type]
    broken = replace(space, meaning=replace(meaning, classes=classes))
    with pytest.raises(ModelError, match=rf"a\.safetensors: .*{words}"):
        Space.load(saved(broken, tmp_path))


def test_a_file_that_lacks_what_words_need(space: Space, tmp_path: Path) -> None:
    lacking = replace(space, unrelated=dict.fromkeys(("image-image", "image-sound", "sound-sound"), (0.0, 1.0)))
    with pytest.raises(ModelError, match="it lacks 'image-text'"):
        Space.load(saved(lacking, tmp_path))
    path = saved(space, tmp_path)
    without_checksum(path, "modag-space/4")
    path.write_bytes(path.read_bytes().replace(b"words.values", b"words.volues"))
    with pytest.raises(ModelError, match=r"it lacks 'words\.values'"):
        Space.load(path)
