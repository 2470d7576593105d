"""What the encoders share that were trained beside a text tower: both in one network, which transformers runs."""

from __future__ import annotations

import functools
import importlib.util
import threading
from abc import abstractmethod
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modag_search.encoders.network import NetworkEncoder
from modag_search.encoders.torch_backend import TorchNetwork, has_torch, one_thread
from modag_search.errors import MissingExtraError, WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from modag_search.encoders.network import Network
    from modag_search.encoders.weights import WeightsFile
    from modag_search.values import Float32Array

_EXTRA = "transformers"
_TEXTS_AT_ONCE = 64
_loading = threading.RLock()
"""A network takes 0.6 GB: the one who asks with words and the one who encodes must not both load it."""


class TowerEncoder(NetworkEncoder):
    """An encoder whose network has a text tower, too: sounds or pictures, and texts, to features that can be compared.

    Features are of unit length. What the network looks like stands here, not in a file that is fetched: of a file,
    tensors alone are read.

    Attributes
    ----------
    vocabulary : WeightsFile
        What divides texts into tokens: a ``tokenizer.json``; no sound and no picture needs it.
    architecture : Mapping of str to object
        The configuration of the network, where it differs from what transformers takes by default.
    most_tokens : int
        Of longer texts the rest is left out.
    """

    vocabulary: ClassVar[WeightsFile]
    architecture: ClassVar[Mapping[str, Any]]
    most_tokens: ClassVar[int] = 77

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """Make the network of `architecture`, with weights of any values."""

    @abstractmethod
    def read_weights(self) -> dict[str, torch.Tensor]:
        """Read the weights, named as `build` names them; fetched where they are not here."""

    @abstractmethod
    def own_features(self, prepared: torch.Tensor) -> torch.Tensor:
        """Make of one prepared segment ``[shape=(1, ...)]`` its feature ``[shape=(1, dimension)]``, of any length."""

    @abstractmethod
    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Make of texts of the same number of tokens ``[shape=(n, n_tokens)]`` features of any length."""

    def weights_files(self) -> tuple[WeightsFile, ...]:
        """Return the weights and the vocabulary."""
        return (*super().weights_files(), self.vocabulary)

    def missing_weights(self) -> str | None:
        """Say how to get the weights and what runs them, or return None where both are on this machine."""
        ways = [super().missing_weights()]
        if not _has_transformers():
            ways.append(f'it takes `pip install "modag-search[{_EXTRA}]"`')
        return "; ".join(way for way in ways if way) or None

    @property
    def model(self) -> torch.nn.Module:
        """The whole network, both towers, loaded on first use; of threads that ask at once, one does.

        Raises
        ------
        MissingExtraError, WeightsMissingError, WeightsDamagedError
            If it is not to be had.
        """
        with _loading:
            return self._model

    @functools.cached_property
    def _model(self) -> torch.nn.Module:
        if not _has_transformers():
            raise MissingExtraError(f"encoder {self.name!r}", _EXTRA)
        weights = self.read_weights()
        model = self.build().eval()
        # Tables of positions are in the files of some versions and not in those of others: the network makes them.
        made = {name for name, buffer in model.named_buffers() if not buffer.is_floating_point()}
        try:
            loaded = model.load_state_dict(weights, strict=False, assign=True)
        except RuntimeError as error:
            raise self._misfit(str(error)) from error
        if unknown := [*(set(loaded.missing_keys) - made), *loaded.unexpected_keys]:
            raise self._misfit(f"{len(unknown)} of the names do not fit, such as {min(unknown)}")
        return model

    def load_network(self) -> Network:
        """Load the network, both towers at once."""
        _ = self.model

        def feature(prepared: torch.Tensor) -> torch.Tensor:
            from torch.nn.functional import normalize

            return normalize(self.own_features(prepared), dim=-1)

        return TorchNetwork(feature)

    def encode_texts(self, texts: Sequence[str]) -> Float32Array:
        """Make features of texts by the text tower; see `Encoder.encode_texts`."""
        features = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return features
        _ = self.model
        # Texts of a length together, so that none is padded: what a text becomes does not depend on the others.
        of_length: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for place, text in enumerate(texts):
            tokens = self.tokens(text)
            of_length[len(tokens)].append((place, tokens))
        for alike in of_length.values():
            for start in range(0, len(alike), _TEXTS_AT_ONCE):
                places, rows = zip(*alike[start : start + _TEXTS_AT_ONCE], strict=True)
                features[list(places)] = self._encoded(rows)
        return features

    def tokens(self, text: str) -> list[int]:
        """Divide a text into numbers of tokens, between those that begin and end one."""
        tokens: list[int] = self._tokenizer.encode(text).ids
        return tokens if len(tokens) <= self.most_tokens else [*tokens[: self.most_tokens - 1], tokens[-1]]

    @functools.cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        path = self.vocabulary.ensure()
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises nothing narrower
            raise WeightsDamagedError(f"{path}: not a vocabulary: {error}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def _encoded(self, rows: Sequence[Sequence[int]]) -> Float32Array:
        import torch
        from torch.nn.functional import normalize

        with one_thread(), torch.inference_mode():
            features: Float32Array = normalize(self.text_features(torch.tensor(rows)), dim=-1).numpy()
        return features

    def _misfit(self, reason: str) -> WeightsDamagedError:
        return WeightsDamagedError(f"{self.weights.path if self.weights else self.name}: not its network: {reason}")


def _has_transformers() -> bool:
    return has_torch() and all(importlib.util.find_spec(name) for name in ("tokenizers", "transformers"))
