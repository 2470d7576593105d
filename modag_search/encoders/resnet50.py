"""ResNet50 with torchvision's ImageNet weights: the image encoder of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.encoders.base import ClassHead, EncoderCard
from modag_search.encoders.image import SquareImageEncoder
from modag_search.encoders.torch_backend import TorchNetwork, has_torch, require_torch
from modag_search.encoders.weights import WeightsFile

if TYPE_CHECKING:
    import torch

    from modag_search.encoders.network import Network


class ResNet50(SquareImageEncoder):
    """Pictures to 2048 features; ImageNet top-1 80.9 % according to torchvision."""

    name = "resnet50"
    dimension = 2048
    mean = (0.485, 0.456, 0.406)
    spread = (0.229, 0.224, 0.225)
    card = EncoderCard(
        summary="ResNet50 trained on ImageNet, torchvision's IMAGENET1K_V2; needs modag-search[train]",
        licence="BSD-3-Clause",
        source="torchvision",
        size_bytes=102_540_417,
    )
    weights = WeightsFile(
        encoder="resnet50",
        file_name="resnet50-11ad3fa6.pth",
        sha256="11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca",
        address="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
    )

    def missing_weights(self) -> str | None:
        """Say how to get the weights and what runs them, or return None where both are on this machine."""
        ways = [super().missing_weights(), None if has_torch() else 'it takes `pip install "modag-search[train]"`']
        return "; ".join(way for way in ways if way) or None

    def load_network(self) -> Network:
        """Load torchvision's network without its classifier."""
        require_torch(f"encoder {self.name!r}")
        import torch
        from torchvision.models import resnet50

        network: torch.nn.Module = resnet50()
        network.load_state_dict(self._state())
        network.fc = torch.nn.Identity()
        return TorchNetwork(network.eval())

    def class_head(self) -> ClassHead:
        """Return torchvision's classifier."""
        require_torch(f"encoder {self.name!r}")
        state = self._state()
        return ClassHead(taxonomy="imagenet", weight=state["fc.weight"].numpy(), bias=state["fc.bias"].numpy())

    def _state(self) -> dict[str, torch.Tensor]:
        import torch

        state: dict[str, torch.Tensor] = torch.load(self.weights.ensure(), map_location="cpu", weights_only=True)
        return state
