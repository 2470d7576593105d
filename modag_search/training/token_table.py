"""A table of token vectors, trained to sum up to what a sentence encoder gives: words without the encoder.

An average of the encoder's own token vectors would not do: how much a word says, and what it says in company, must be
learnt.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from modag_search.labels.presets import packaged_presets, preset
from modag_search.space.words import TokenTable, crc_of, split_words, word_pieces
from modag_search.training.threads import training_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.training.names import Names
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
_NAMED = ("{}", "a {}", "{}s", "sound of a {}")
_REPEATED = 3


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
    held_out : float
        Share of the texts that is kept from training and says how near the table comes.
    seed : int
    """

    epochs: int = 15
    texts_a_batch: int = 512
    learning_rate: float = 0.003
    compositions: int = 30_000
    held_out: float = 0.02
    seed: int = 0


def kept_tokens(vocabulary: Mapping[str, int]) -> tuple[str, ...]:
    """List the tokens of English: neither markers nor letters of other scripts."""
    return tuple(token for token in vocabulary if token.isascii() and not token.startswith("["))


def training_texts(names: Names, tokens: Sequence[str], *, settings: TokenTableSettings) -> list[str]:
    """Make up what the table learns from: names of both taxonomies and WordNet's, definitions, words, and pairs."""
    random = np.random.default_rng(settings.seed)
    lemmas = sorted({lemma for words in names.lemmas for lemma in words[:2]})
    sounds = sorted({part.strip() for name in names.audioset for part in name.split(",")})
    nouns = [*lemmas, *sounds * 5]
    alone = [
        _ALONE[number].format(noun)
        for noun, number in zip(nouns, random.integers(len(_ALONE), size=len(nouns)), strict=True)
    ]
    words = [token for token in tokens if token.isalpha() and len(token) > 1]
    pairs = random.choice(np.array([*nouns, *words], dtype=object), (settings.compositions, 2))
    templates = random.integers(len(_TEMPLATES), size=len(pairs))
    composed = [_TEMPLATES[number].format(*pair) for number, pair in zip(templates, pairs, strict=True)]
    return list(
        dict.fromkeys(
            [*alone, *sounds, *names.audioset, *names.sound_definitions, *words, *names.definitions, *composed]
        )
    )


def vocabulary_texts(texts: Sequence[str], tokens: Sequence[str]) -> tuple[list[str], list[str]]:
    """Make up what the table learns from the vocabularies of the package: rare names mean what is said of them.

    Parameters
    ----------
    texts : sequence of str
        What it learns from already: names whose words stand here are not rare.
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
                pairs += [(form.format(label), described) for form in _NAMED for _ in range(_REPEATED)]
    return [text for text, _ in pairs], [meant for _, meant in pairs]


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
        See `kept_tokens`.
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
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float16).astype(np.float32)
    values = np.rint(vectors / np.maximum(scales, 1e-7)[:, None]).clip(-127, 127).astype(np.int8)
    whole = dict.fromkeys(tokens, 0)
    words = {word for text in texts for word in split_words(text) if word not in whole and word_pieces(word, whole)}
    known = np.array(sorted(map(crc_of, words)), dtype=np.uint32)
    return TokenTable(tuple(tokens), values, scales, known)
