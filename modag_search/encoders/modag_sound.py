"""The sound encoder that ships in the package: EfficientAT mn04, trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modag_search.encoders import log_mel
from modag_search.encoders.base import EncoderCard
from modag_search.encoders.packaged import PackagedEncoder
from modag_search.encoders.sound import SHORTEST_S, repeated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modag_search.values import Float32Array, Uint8Array


class ModagSound(PackagedEncoder):
    """Sounds, at whatever level, to 512 features; needs no download."""

    name = "modag-sound"
    modality = "sound"
    sample_rate_hz = log_mel.SAMPLE_RATE_HZ
    dimension = 512
    revision = "2"
    taxonomy = "audioset"
    card = EncoderCard(
        summary="network trained on AudioSet, then on instruments: 527 kinds of sound; ships with modag-search",
        licence="Apache-2.0; it starts from EfficientAT mn04, MIT",
        source="this package; made by scripts/train_sound_encoder and scripts/export_encoders",
        size_bytes=3_401_372,
    )

    @property
    def preparation(self) -> Mapping[str, Any]:
        """What is done to sounds before the network sees them."""
        return {
            "sample_rate_hz": self.sample_rate_hz,
            "repeated_to_s": SHORTEST_S,
            "level_dbfs": log_mel.LEVEL_DBFS,
            "floor": log_mel.FLOOR,
        }

    def prepare(self, segment: Float32Array | Uint8Array) -> Float32Array:
        """Make a log-mel spectrogram, ``[shape=(128, frames)]``, of a sound brought to one level."""
        samples = repeated(np.asarray(segment, dtype=np.float32), shortest=int(SHORTEST_S * self.sample_rate_hz))
        return log_mel.standardised_log(log_mel.mel_power(log_mel.emphasised(samples)))
