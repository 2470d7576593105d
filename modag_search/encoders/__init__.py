"""Frozen networks that make features of decoded media; one module an encoder."""

from modag_search.encoders.base import Encoder, EncoderCard, fingerprint_of

__all__ = ["Encoder", "EncoderCard", "fingerprint_of"]
