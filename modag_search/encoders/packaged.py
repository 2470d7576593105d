"""Encoders whose networks ship in the package, as ONNX files that scripts/export_encoders wrote."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modag_search.encoders.base import ClassHead
from modag_search.encoders.network import Network, NetworkEncoder
from modag_search.encoders.onnx_backend import OnnxNetwork
from modag_search.encoders.weights import packaged_path, sha256_of
from modag_search.errors import WeightsDamagedError
from modag_search.files import mark_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class PackagedEncoder(NetworkEncoder):
    """An encoder with three files in the package: NAME.onnx, NAME.classes.safetensors and the card, NAME.json.

    Attributes
    ----------
    taxonomy : {"audioset", "imagenet"}
        Of the class head.
    """

    taxonomy: ClassVar[str]

    def weights_digest(self) -> str:
        """Return the SHA-256 of the network as its card has it: what the script that wrote both found."""
        return str(self.made["sha256"])

    @functools.cached_property
    def made(self) -> Mapping[str, Any]:
        """How the network was made, as JSON values."""
        path = packaged_path(f"{self._stem}.json")
        try:
            made: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _altered(path) from error
        return made

    def load_network(self) -> Network:
        """Load the packaged network.

        Raises
        ------
        WeightsDamagedError
            If the file is not the one that its card describes.
        """
        path = packaged_path(f"{self._stem}.onnx")
        before = mark_of(path)
        try:
            found = sha256_of(path)
        except OSError as error:
            raise _altered(path) from error
        if found != self.weights_digest():
            raise _altered(path)
        # onnxruntime reads the file itself: it would keep bytes that it is given, beside what it makes of them.
        network = OnnxNetwork(path)
        if mark_of(path) != before:
            raise _altered(path)
        return network

    def class_head(self) -> ClassHead:
        """Return the layer that makes class logits of features; errors as in `load_network`."""
        from safetensors.numpy import load

        path = packaged_path(f"{self._stem}.classes.safetensors")
        tensors = load(_checked(path, str(self.made["classes_sha256"])))
        weight, bias = (tensors[name].astype(np.float32) for name in ("weight", "bias"))
        return ClassHead(taxonomy=self.taxonomy, weight=weight, bias=bias)

    @property
    def _stem(self) -> str:
        return self.name.replace("-", "_")


def _checked(path: Path, sha256: str) -> bytes:
    """Read a file once, for its hash and for what is in it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _altered(path) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _altered(path)
    return content


def _altered(path: Path) -> WeightsDamagedError:
    return WeightsDamagedError(f"{path}: gone or altered; `pip install --force-reinstall modag-search`")
