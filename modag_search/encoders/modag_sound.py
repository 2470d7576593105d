"""The sound encoder that ships in the package: a small residual network distilled from EfficientAT mn04."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.encoders.base import EncoderCard
from modag_search.encoders.sound import LogMelEncoder
from modag_search.encoders.weights import packaged_digest, packaged_weights

if TYPE_CHECKING:
    import torch

_FILE_NAME = "modag_sound.safetensors"


class ModagSound(LogMelEncoder):
    """Sounds to 512 features; needs no download."""

    name = "modag-sound"
    dimension = 512
    card = EncoderCard(
        summary="small network distilled from efficientat-mn04 on instrument sounds; ships with modag-search",
        licence="Apache-2.0",
        source="this package; made by scripts/train_sound_encoder",
        size_bytes=2_357_366,
    )

    def weights_digest(self) -> str:
        """Return the SHA-256 of the packaged weights."""
        return packaged_digest(_FILE_NAME)

    def load_network(self) -> torch.nn.Module:
        """Load the network with the packaged weights."""
        from modag_search.encoders.networks.modag_sound import ModagSoundNetwork

        network = ModagSoundNetwork()
        network.load_packaged(packaged_weights(_FILE_NAME))
        return network.eval()
