"""Frozen networks that make features of decoded media; one module an encoder."""

from modag_search.encoders.base import ClassHead, Encoder, EncoderCard, fingerprint_of
from modag_search.encoders.weights import WeightsFile

__all__ = ["ClassHead", "Encoder", "EncoderCard", "WeightsFile", "fingerprint_of"]
