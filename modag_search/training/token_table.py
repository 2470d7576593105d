"""A table of token vectors, trained to sum up to what a sentence encoder gives: words without the encoder.

An average of the encoder's own token vectors would not do: how much a word says, and what it says in company, must be
learnt.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from modag_search.labels.presets import packaged_presets, preset
from modag_search.space.arithmetic import as_int8
from modag_search.space.words import TokenTable, crc_of, split_words, word_pieces
from modag_search.training.threads import training_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from modag_search.training.names import Names
    from modag_search.training.wordnet import WordNet
    from modag_search.values import Float32Array

_TEMPLATES = (
    "{} and {}",
    "{} in the {}",
    "{} on a {}",
    "{} near a {}",
    "a {} with a {}",
    "the sound of a {} and a {}",
    "photo of a {} by the {}",
    "a {}, {}",
)
_ALONE = (
    "{}",
    "a {}",
    "the {}",
    "sound of a {}",
    "a photo of a {}",
    "{}s",
    "old {}",
    "several {}",
    "someone with a {}",
)
_IN_USE = (
    "{noun} {verb}",
    "a {noun} {verb}",
    "{verb} {noun}",
    "someone {verb} a {noun}",
    "{noun} {verb} in the {other}",
    "{verb} on a {noun}",
    "{noun} for {verb}",
    "{adjective} {noun}",
    "a {adjective} {noun}",
    "{adjective} {noun} with {other}",
    "{other} {noun}",
    "{noun} of a {other}",
)
_NAMED = ("{}", "a {}", "{}s", "sound of a {}")
_REPEATED = 3
_WORDS_OF_PART = (3, 8)
"""So many words of a definition, the least and the most, are a text of their own."""
_PARTED = re.compile(r"[;,]| or | that | which ")
_SOUNDS_REPEATED = 5
_OFTEN = 10
"""What fewer texts have is learnt better by its pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTableSettings:
    """How the table is trained.

    Attributes
    ----------
    epochs : int
    texts_a_batch : int
    learning_rate : float
    compositions : int
        How many texts of two names to make up.
    in_use : int
        How many texts of names with what these do or are like.
    other_definitions : int
        How many definitions of nouns that are no names.
    parts_of_descriptions : int
        How many parts to take of each description of a class, beside the whole.
    held_out : float
        Share of the texts that is kept from training and says how near the table comes.
    seed : int
    """

    epochs: int = 15
    texts_a_batch: int = 512
    learning_rate: float = 0.003
    compositions: int = 30_000
    in_use: int = 25_000
    other_definitions: int = 25_000
    parts_of_descriptions: int = 4
    held_out: float = 0.02
    seed: int = 0


def kept_tokens(vocabulary: Mapping[str, int]) -> tuple[str, ...]:
    """List BERT's tokens of English: neither markers nor letters of other scripts."""
    return tuple(token for token in vocabulary if token.isascii() and not token.startswith("["))


def training_texts(names: Names, wordnet: WordNet, tokens: Sequence[str], *, settings: TokenTableSettings) -> list[str]:
    """Make up what the table learns from.

    Names of both taxonomies and WordNet's, alone and in company; definitions and descriptions, whole and in parts, as
    people describe what they look for; words; and what verbs and adjectives mean, and how they are used: what barks, or
    is rusty, few names say.

    Parameters
    ----------
    names : Names
    wordnet : WordNet
    tokens : sequence of str
        See `kept_tokens`.
    settings : TokenTableSettings

    Returns
    -------
    list of str
        Each once.
    """
    random = np.random.default_rng(settings.seed)
    return list(
        dict.fromkeys(
            [
                *_named(names, tokens, n_composed=settings.compositions, random=random),
                *_parts(names, random),
                *_explained(names, wordnet, tokens, n_nouns=settings.other_definitions, random=random),
                *_in_use(names, wordnet, tokens, n=settings.in_use, random=random),
                *_described(names, n_parts=settings.parts_of_descriptions, random=random),
            ]
        )
    )


def _named(names: Names, tokens: Sequence[str], *, n_composed: int, random: np.random.Generator) -> list[str]:
    """Say names alone and two at a time, define them, and say words."""
    lemmas = sorted({lemma for words in names.lemmas for lemma in words[:2]})
    sounds = sorted({part.strip() for name in names.audioset for part in name.split(",")})
    nouns = [*lemmas, *sounds * _SOUNDS_REPEATED]
    alone = [
        _ALONE[number].format(noun)
        for noun, number in zip(nouns, random.integers(len(_ALONE), size=len(nouns)), strict=True)
    ]
    words = [token for token in tokens if token.isalpha() and len(token) > 1]
    pairs = random.choice(np.array([*nouns, *words], dtype=object), (n_composed, 2))
    templates = random.integers(len(_TEMPLATES), size=len(pairs))
    composed = [_TEMPLATES[number].format(*pair) for number, pair in zip(templates, pairs, strict=True)]
    return [*alone, *sounds, *names.audioset, *names.sound_definitions, *words, *names.definitions, *composed]


def _parts(names: Names, random: np.random.Generator) -> Iterator[str]:
    """Take some words of each definition that stand together, and one of its clauses."""
    least, _ = _WORDS_OF_PART
    for definition in [*names.definitions, *names.sound_definitions * _SOUNDS_REPEATED]:
        if len(definition.split()) > least:
            yield _part(definition, random)
        clauses = [part.strip() for part in _PARTED.split(definition) if len(part.split()) >= least]
        if len(clauses) > 1:
            yield clauses[random.integers(len(clauses))]


def _described(names: Names, *, n_parts: int, random: np.random.Generator) -> Iterator[str]:
    """Say what is said of each class, and parts of that."""
    for texts in (*names.sound_descriptions, *names.picture_descriptions):
        for text in texts:
            yield text
            if len(text.split()) > _WORDS_OF_PART[0]:
                yield from (_part(text, random) for _ in range(n_parts))


def _part(text: str, random: np.random.Generator) -> str:
    """Take some words of a text that stand together; not all of them."""
    words = text.split()
    least, most = _WORDS_OF_PART
    n_words = int(random.integers(least, min(most, len(words) - 1) + 1))
    start = int(random.integers(len(words) - n_words + 1))
    return " ".join(words[start : start + n_words]).strip(",;:")


def _explained(
    names: Names, wordnet: WordNet, tokens: Sequence[str], *, n_nouns: int, random: np.random.Generator
) -> list[str]:
    """Say what words of a vocabulary mean, and use them."""
    known, defined = {*tokens}, {*names.definitions}
    nouns = [one.definition for one in wordnet.nouns if one.definition not in defined and one.lemmas[0].islower()]
    chosen = sorted(random.choice(len(nouns), size=min(n_nouns, len(nouns)), replace=False).tolist())
    adjectives = [one for one in wordnet.adjectives if one.lemmas[0] in known]
    used = (*wordnet.verbs, *wordnet.adjectives, *wordnet.nouns)
    return [
        *(one.definition for one in (*wordnet.verbs, *adjectives)),
        *(nouns[number] for number in chosen),
        *(example for one in used for example in one.examples),
        *sorted({lemma for one in wordnet.verbs for lemma in one.lemmas} & known),
        *_participles(wordnet, tokens),
    ]


def _in_use(
    names: Names, wordnet: WordNet, tokens: Sequence[str], *, n: int, random: np.random.Generator
) -> Iterator[str]:
    """Say of names what they may do, and what they may be like."""
    known = {*tokens}
    of_pictures = {lemma for words in names.lemmas for lemma in words[:2] if known.issuperset(lemma.split())}
    of_sounds = {part.strip().lower() for name in names.audioset for part in name.split(",")}
    nouns = sorted(of_pictures) + sorted(of_sounds) * _SOUNDS_REPEATED
    verbs = _participles(wordnet, tokens)
    adjectives = sorted({lemma for one in wordnet.adjectives for lemma in one.lemmas} & known)
    if not (nouns and verbs and adjectives):
        return
    for template in random.choice(np.array(_IN_USE, dtype=object), n):
        noun, other, verb, adjective = (of[random.integers(len(of))] for of in (nouns, nouns, verbs, adjectives))
        yield template.format(noun=noun, other=other, verb=verb, adjective=adjective)


def _participles(wordnet: WordNet, tokens: Sequence[str]) -> list[str]:
    """List the words of a vocabulary that say what is being done: barking, moving, running."""
    verbs = {lemma for one in wordnet.verbs for lemma in one.lemmas}
    stems = {token: token.removesuffix("ing") for token in tokens if token.endswith("ing") and token.isalpha()}
    return [token for token, stem in stems.items() if not verbs.isdisjoint({stem, f"{stem}e", stem[:-1]})]


def divided_words(texts: Sequence[str], tokens: Sequence[str]) -> list[str]:
    """List words that get a token of their own: those of many texts that others would divide.

    BERT's pieces of a word may mean something else: it takes a beep for a bee and more.

    Parameters
    ----------
    texts : sequence of str
        See `training_texts`.
    tokens : sequence of str
        See `kept_tokens`.

    Returns
    -------
    list of str
        In lower case, in order.
    """
    whole = {*tokens}
    counts = Counter(word for text in texts for word in {*split_words(text)} - whole)
    return sorted(word for word, count in counts.items() if count >= _OFTEN and word.isascii() and word.isalpha())


def vocabulary_texts(texts: Sequence[str], tokens: Sequence[str]) -> tuple[list[str], list[str]]:
    """Make up what the table learns from what is said of rare words.

    The vocabularies of the package say what their labels mean, and ``other_words.tsv`` what people of film and sound
    say, or all do by now, that BERT's tokens lack.

    Parameters
    ----------
    texts : sequence of str
        Names and definitions that it learns from already: names whose words stand there are not rare.
    tokens : sequence of str

    Returns
    -------
    texts : list of str
        Names, alone and in company, and the words for them.
    meant : list of str
        What a sentence encoder is to read in the place of each: of names, with the words for them.
    """
    known = {word for text in texts for word in split_words(text)}.union(tokens)
    pairs: list[tuple[str, str]] = []
    for name in packaged_presets():
        vocabulary = preset(name)
        for label, words in sorted(vocabulary.means.items()):
            pairs.append((words, words))
            # Those of UCS are codes rather than names.
            if label == label.lower() and not known.issuperset(split_words(label)):
                described = f"{label}: {words}"
                pairs += _named_so(label, described)
    for line in resources.files("modag_search.training").joinpath("other_words.tsv").read_text("utf-8").splitlines():
        word, words = line.split("\t")
        pairs += [(words, words), *_named_so(word, words)]
    return [text for text, _ in pairs], [meant for _, meant in pairs]


def _named_so(name: str, meant: str) -> list[tuple[str, str]]:
    """Say a name alone and in company, often enough to be learnt."""
    return [(form.format(name), meant) for form in _NAMED for _ in range(_REPEATED)]


@training_threads()
def train_token_table(
    texts: Sequence[str],
    targets: Float32Array,
    tokens: Sequence[str],
    *,
    settings: TokenTableSettings,
    progress: Callable[[int, float], None] = lambda _epoch, _cosine: None,
) -> tuple[TokenTable, float]:
    """Train a table whose sums point where a sentence encoder points.

    Parameters
    ----------
    texts : sequence of str
    targets : np.ndarray [shape=(len(texts), d), float32]
        Unit vectors of the texts, as the encoder and a `names.NameSpace` give them.
    tokens : sequence of str
        See `kept_tokens` and `divided_words`.
    settings : TokenTableSettings
    progress : callable, optional
        Called with the epochs done and the mean cosine of the texts that are held out.

    Returns
    -------
    table : TokenTable
    cosine : float
        Mean over the texts held out, with 8-bit values.
    """
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    number = {token: place for place, token in enumerate(tokens)}
    pieces = [[number[piece] for word in split_words(text) for piece in word_pieces(word, number)] for text in texts]
    order = random.permutation([place for place, of_text in enumerate(pieces) if of_text])
    n_held_out = int(settings.held_out * len(order))
    held_out, taught = order[:n_held_out], order[n_held_out:]
    wanted = torch.from_numpy(targets)
    bag = torch.nn.EmbeddingBag(len(tokens), targets.shape[1], mode="sum")
    torch.nn.init.zeros_(bag.weight)
    with torch.no_grad():  # a word alone is where to begin
        alone = {text: row for row, text in enumerate(texts) if text in number}
        rows = torch.tensor([number[text] for text in alone])
        bag.weight[rows] = wanted[torch.tensor(list(alone.values()))]
    steps = settings.epochs * -(-len(taught) // settings.texts_a_batch)
    optimiser = torch.optim.Adam(bag.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    for epoch in range(settings.epochs):
        shuffled = random.permutation(taught)
        for start in range(0, len(shuffled), settings.texts_a_batch):
            batch = shuffled[start : start + settings.texts_a_batch]
            cosines = torch.nn.functional.cosine_similarity(bag(*_bags(pieces, batch)), wanted[batch])
            optimiser.zero_grad()
            (1 - cosines).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        progress(epoch + 1, _cosine(bag, pieces, held_out, wanted))
    table = _packed(bag.weight.detach().numpy(), texts, tokens)
    with torch.no_grad():
        bag.weight[:] = torch.from_numpy(table.scales[:, None] * table.values)
    return table, _cosine(bag, pieces, held_out, wanted)


def _bags(pieces: Sequence[Sequence[int]], batch: npt.NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay the tokens of some texts one after the other, and tell where each text begins."""
    of_texts = [pieces[place] for place in batch]
    offsets = np.cumsum([0, *map(len, of_texts)])[:-1]
    return torch.tensor(list(itertools.chain.from_iterable(of_texts))), torch.from_numpy(offsets)


@torch.no_grad()
def _cosine(
    bag: torch.nn.EmbeddingBag, pieces: Sequence[Sequence[int]], chosen: npt.NDArray[np.int64], wanted: torch.Tensor
) -> float:
    return float(torch.nn.functional.cosine_similarity(bag(*_bags(pieces, chosen)), wanted[chosen]).mean())


def _packed(vectors: Float32Array, texts: Sequence[str], tokens: Sequence[str]) -> TokenTable:
    """Round vectors to 8 bits, and list the words of several tokens that the texts have."""
    values, scales = as_int8(vectors)
    whole = dict.fromkeys(tokens, 0)
    words = {word for text in texts for word in split_words(text) if word not in whole and word_pieces(word, whole)}
    known = np.array(sorted(map(crc_of, words)), dtype=np.uint32)
    return TokenTable(tuple(tokens), values, scales, known)
