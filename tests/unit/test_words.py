"""Words: how a text is divided, which words are known, and that its vector is the sentence encoder's."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from modag_search import Space
from modag_search.encoders.efficientnet_lite2 import EfficientNetLite2
from modag_search.errors import UsageError
from modag_search.space import TokenTable, packaged_spaces
from modag_search.space.words import crc_of, split_words, word_pieces
from tests.shared_folder import shared

ENCODED = {
    "a kitten asleep on the sofa": (
        "-13 -3 0 11 -7 17 14 5 -3 19 -6 -5 9 15 2 -4 -9 -3 -19 -5 -5 5 -6 9 -13 -23 10 6 -12 -7 28 4 10 19 "
        "-3 -15 -17 -15 -1 -12 3 -5 -6 12 -11 2 -5 9 21 -8 0 -9 -17 -16 -7 4 2 -8 -5 -2 6 -2 -5 -8 -7 1 5 -7 "
        "-7 10 0 10 -21 8 -10 -4 -1 -7 -6 11 3 -15 6 28 0 1 0 13 -12 -2 5 -10 -1 -6 0 -4"
    ),
    "thunder rolling over the hills": (
        "1 -2 22 19 8 -18 -20 -12 26 -13 -12 6 3 4 -10 2 9 -7 25 3 -1 1 -11 -5 -2 -1 -9 -20 19 -23 13 8 -10 "
        "11 -7 -13 0 -2 -10 6 12 4 -9 9 8 1 1 -2 -27 14 0 21 -11 -1 2 -7 -8 -9 11 14 2 7 -3 14 2 4 12 -9 -6 "
        "13 -9 -6 7 -4 -2 5 -4 -7 -9 -4 0 8 0 7 4 -6 6 1 3 -13 1 0 -9 3 5 10"
    ),
    "a violin played in a concert hall": (
        "27 -37 -6 -4 -10 10 0 9 -5 26 -5 -18 5 -4 -23 4 -14 -14 -23 8 -11 -5 11 13 -7 11 6 -2 15 -1 -12 -7 "
        "14 7 -9 1 3 -1 0 6 14 1 6 -11 0 -1 -3 -3 21 9 1 -3 -5 2 -11 7 1 -14 9 6 3 -3 -2 -14 1 -3 -13 -12 -4 "
        "6 -11 -13 8 1 -3 -4 4 -10 -12 2 2 -1 4 1 -20 -12 10 0 9 0 -6 0 -2 -4 2 8"
    ),
}
"""What MiniLM gives for texts that the table did not learn from, after the map to names, times 100: computed by
`training.sentence_encoder` and `training.names`."""


@pytest.fixture(scope="module")
def space() -> Space:
    return Space.load(packaged_spaces()["default"])


@pytest.fixture(scope="module")
def table(space: Space) -> TokenTable:
    assert space.meaning
    return space.meaning.words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" \tHeLLo!how  \n Are yoU?  ", ["hello", "!", "how", "are", "you", "?"]),
        ("H\u00e9llo", ["hello"]),
        ("ah\u535a\u63a8zz", ["ah", "\u535a", "\u63a8", "zz"]),
        ("a\u0000b\ufffdc\u200bd", ["abcd"]),
        ("$5.00-a", ["$", "5", ".", "00", "-", "a"]),
        ("", []),
    ],
)
def test_texts_are_divided_as_uncased_bert_divides_them(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("embeddings", ["em", "##bed", "##ding", "##s"]),
        ("gpu", ["gp", "##u"]),
        ("unaffable", ["una", "##ffa", "##ble"]),
        ("dog", ["dog"]),
        ("\u535a", []),
        ("a" * 101, []),
    ],
)
def test_words_have_the_pieces_that_bert_gives_them(table: TokenTable, word: str, pieces: list[str]) -> None:
    assert word_pieces(word, dict.fromkeys(table.tokens, 0)) == pieces


@pytest.mark.parametrize("text", ENCODED)
def test_the_table_gives_what_the_sentence_encoder_gives(table: TokenTable, text: str) -> None:
    encoded = np.array(ENCODED[text].split(), dtype=np.float32) / 100
    vectors = table.vectors([text, *(other for other in ENCODED if other != text)])
    own, *others = vectors @ encoded
    assert own > 0.85
    assert max(others) < 0.4


def test_it_says_which_words_it_knows(table: TokenTable) -> None:
    reading = table.read("Qwrtzp plays the Violoncellos, xylophones & a theremin!")
    assert reading.understood == ("plays", "the", "violoncellos", "xylophones", "a", "theremin")
    assert reading.unknown == ("qwrtzp",)
    np.testing.assert_array_equal(*table.vectors(["a dog", "a qwrtzp dog"]))


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("a photo of a dog", "a dog"),
        ("Photographs of old houses", "old houses"),
        ("the sound of rain on a roof", "rain on a roof"),
        ("some pics of a viola", "a viola"),
    ],
)
def test_that_a_medium_is_asked_for_says_nothing(table: TokenTable, text: str, bare: str) -> None:
    asked = table.read(text)
    assert dataclasses.replace(asked, medium=None) == table.read(bare)
    assert asked.medium == ("sound" if "sound" in text else "image")


@pytest.mark.parametrize(
    "text",
    [
        "a photo",
        "photo of",
        "a photo of me",
        "the sound of the",
        "pictures of it and of you",
        "a camera that makes pictures of dogs",
        "sound effects",
    ],
)
def test_media_that_are_what_is_asked_for_are_words(table: TokenTable, text: str) -> None:
    assert table.read(text).understood == tuple(split_words(text))
    assert table.read(text).means_something


def test_a_medium_of_what_is_punctuation_alone_is_asked_for(table: TokenTable) -> None:
    assert table.read("sound of ...").understood == ("sound", "of")


def test_a_medium_of_what_is_not_known_is_not_known(table: TokenTable) -> None:
    reading = table.read("the sound of qwrtzp")
    assert (reading.understood, reading.unknown) == ((), ("qwrtzp",))


def test_a_compound_of_known_words_is_known(table: TokenTable) -> None:
    assert table.read("squeezebox cowdog qwrtbox").understood == ("squeezebox", "cowdog")


def test_a_text_of_unknown_words_is_an_error_that_says_so(table: TokenTable) -> None:
    for text in ("qwrtzp", "\u72ac", "", "?!"):
        with pytest.raises(UsageError, match="none of these words is known; English"):
            table.vectors(["a dog", text])


def test_threads_that_ask_first_know_all_words(table: TokenTable) -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            fresh, together = dataclasses.replace(table), threading.Barrier(8)

            def read(table: TokenTable = fresh, together: threading.Barrier = together) -> tuple[str, ...]:
                together.wait()
                return table.read("a viola on the zebra").unknown

            with ThreadPoolExecutor(8) as pool:
                unknown = [one.result() for one in [pool.submit(read) for _ in range(8)]]
            assert unknown == [()] * 8
    finally:
        sys.setswitchinterval(usual)


def test_a_text_is_the_sum_of_its_tokens() -> None:
    values = np.array([[127, 0], [0, 127], [0, -127]], dtype=np.int8)
    known = np.array([crc_of("hodog")], dtype=np.uint32)
    table = TokenTable(("ho", "dog", "##dog"), values, np.array([1, 2, 3], dtype=np.float32) / np.float32(127), known)
    expected = [[1, 0], np.array([1, 2]) / np.sqrt(5), np.array([1, -3]) / np.sqrt(10)]
    np.testing.assert_allclose(table.vectors(["ho", "ho dog", "hodog"]), expected, atol=1e-6)
    assert dataclasses.replace(table, known_in_pieces=known[:0]).read("hodog").unknown == ("hodog",)


def test_text_vectors_are_of_unit_length_and_of_the_space(space: Space) -> None:
    vectors = space.text_vectors(["a dog barking", "harbour", "waves on a beach at night"])
    assert vectors.shape == (3, space.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert space.text_vectors([]).shape == (0, space.dimension)


def test_a_space_without_names_understands_no_words(space: Space) -> None:
    without = dataclasses.replace(space, meaning=None)
    assert (without.reads_words, space.reads_words) == (False, True)
    for ask in (lambda: without.text_vectors(["a dog"]), lambda: without.read("a dog")):
        with pytest.raises(UsageError, match="'default' understands no words"):
            ask()


def test_words_need_neither_torch_nor_an_encoder() -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'onnxruntime', 'tokenizers', 'transformers'))\n"
        "from modag_search import Space\nfrom modag_search.space import packaged_spaces\n"
        "print(Space.load(packaged_spaces()['default']).text_vectors(['a dog']).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("(1, ")


def pictures(numbers: range | tuple[int, ...], *, most: int) -> list[np.ndarray]:
    """Read photographs of ImageNet's classes."""
    folder = shared("data/photo/imagenet_sample")
    paths = [path for number in numbers for path in sorted(folder.glob(f"{number:04}_*.jpg"))]
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths[:most]]


def test_words_find_photographs(space: Space) -> None:
    encoder = EfficientNetLite2()
    dogs, cats = (
        space.project("image", encoder.encode(pictures(numbers, most=6))) for numbers in (range(151, 269), (282, 284))
    )
    barking, cat = space.text_vectors(["a dog barking", "a cat"])
    assert (dogs @ barking).min() > (cats @ barking).max()
    assert (cats @ cat).min() > (dogs @ cat).max()
