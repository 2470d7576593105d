"""MiniLM, the sentence encoder that names and the token table are learnt from; never needed once they are made.

The forward pass of BERT, some forty lines, so that no further library is needed: PyTorch is at hand wherever a space is
trained, and the tokens are those of `space.words`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional

from modag_search.space.words import split_words, word_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from modag_search.values import Float32Array

_HEADS = 12
_MOST_TOKENS = 64
_TOKENS_A_BATCH = 8192


class MiniLM:
    """The encoder all-MiniLM-L6-v2: the mean of what BERT makes of the tokens of a text, at unit length.

    Parameters
    ----------
    folder : Path
        Holds ``model.safetensors`` and ``vocab.txt``.

    References
    ----------
    Reimers, Gurevych, "Sentence-BERT", 2019; Wang et al., "MiniLM", 2020.
    """

    def __init__(self, folder: Path) -> None:
        self._tensors = load_file(folder / "model.safetensors")
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
        self.vocabulary = {token: number for number, token in enumerate(lines) if token}
        self._layers = 1 + max(int(name.split(".")[2]) for name in self._tensors if name.startswith("encoder.layer."))

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] = lambda _: None) -> Float32Array:
        """Make unit vectors ``[shape=(len(texts), 384), float32]`` of texts, those of a length together."""
        tokens = [self.tokens(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda number: len(tokens[number]))
        vectors = np.zeros((len(texts), 384), dtype=np.float32)
        start = 0
        while start < len(order):
            n = max(1, _TOKENS_A_BATCH // len(tokens[order[start]]))
            batch = order[start : start + n]
            vectors[batch] = self._encoded([tokens[number] for number in batch])
            start += n
            progress(len(batch))
        return vectors

    def tokens(self, text: str) -> list[int]:
        """Turn a text into numbers of tokens, between those that begin and end one."""
        number = self.vocabulary
        inner = []
        for word in split_words(text):
            inner += [number[piece] for piece in word_pieces(word, number)] or [number["[UNK]"]]
        return [number["[CLS]"], *inner[: _MOST_TOKENS - 2], number["[SEP]"]]

    @torch.no_grad()
    def _encoded(self, tokens: Sequence[Sequence[int]]) -> Float32Array:
        longest = max(map(len, tokens))
        ids = torch.zeros(len(tokens), longest, dtype=torch.long)
        there = torch.zeros(len(tokens), longest, dtype=torch.bool)
        for row, of_text in enumerate(tokens):
            ids[row, : len(of_text)] = torch.tensor(of_text)
            there[row, : len(of_text)] = True
        weight = self._tensors
        x = weight["embeddings.word_embeddings.weight"][ids]
        x = x + weight["embeddings.position_embeddings.weight"][:longest]
        x = self._normed(x + weight["embeddings.token_type_embeddings.weight"][0], "embeddings")
        for layer in range(self._layers):
            x = self._layer(x, there, f"encoder.layer.{layer}")
        summed = (x * there[..., None]).sum(dim=1)
        vectors: Float32Array = functional.normalize(summed, dim=1).numpy()
        return vectors

    def _layer(self, x: torch.Tensor, there: torch.Tensor, name: str) -> torch.Tensor:
        n, length, width = x.shape
        query, key, value = (
            self._linear(x, f"{name}.attention.self.{part}").view(n, length, _HEADS, width // _HEADS).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=there[:, None, None, :])
        attended = self._linear(seen.transpose(1, 2).reshape(n, length, width), f"{name}.attention.output.dense")
        x = self._normed(x + attended, f"{name}.attention.output")
        inner = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._normed(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output")

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"])

    def _normed(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._tensors[f"{name}.LayerNorm.weight"], self._tensors[f"{name}.LayerNorm.bias"]
        return functional.layer_norm(x, weight.shape, weight, bias, eps=1e-12)
