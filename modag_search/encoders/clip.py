"""CLIP ViT-B/32 at 256 pixels, trained on DataComp-1B: pictures, and words for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modag_search.encoders.base import EncoderCard
from modag_search.encoders.image import SquareImageEncoder
from modag_search.encoders.towers import TowerEncoder
from modag_search.encoders.weights import WeightsFile
from modag_search.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch

_REVISION = "4afec35ffe57a943d569ff7ee888061830164da8"
_ADDRESS = f"https://huggingface.co/laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K/resolve/{_REVISION}"
_OUTER = {
    "logit_scale": "logit_scale",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "token_embedding": "text_model.embeddings.token_embedding",
    "ln_final": "text_model.final_layer_norm",
    "text_projection": "text_projection.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1": "vision_model.embeddings.patch_embedding",
    "visual.ln_pre": "vision_model.pre_layrnorm",
    "visual.ln_post": "vision_model.post_layernorm",
    "visual.proj": "visual_projection.weight",
}
_INNER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_TRANSPOSED = ("text_projection", "visual.proj")


class Clip(TowerEncoder, SquareImageEncoder):
    """Pictures to 512 features that can be compared with those of texts; ImageNet top-1 72.8 % without examples."""

    name = "clip"
    dimension = 512
    input_px = 256
    mean = (0.48145466, 0.4578275, 0.40821073)
    spread = (0.26862954, 0.26130258, 0.27577711)
    crops_after_scaling = True
    caption = "a photo of {}."
    architecture = {  # noqa: RUF012  declared as a ClassVar above
        "projection_dim": 512,
        "text_config": {
            "vocab_size": 49_408,
            "hidden_size": 512,
            "intermediate_size": 2048,
            "num_hidden_layers": 12,
            "num_attention_heads": 8,
            "max_position_embeddings": 77,
            "hidden_act": "gelu",
            "eos_token_id": 49_407,
        },
        "vision_config": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 256,
            "patch_size": 32,
            "hidden_act": "gelu",
        },
    }
    card = EncoderCard(
        summary="pictures and words, trained on 1.4 billion captioned pictures; needs modag-search[transformers]",
        licence="MIT",
        source="huggingface.co/laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
        size_bytes=605_189_364,
    )
    weights = WeightsFile(
        encoder="clip",
        file_name="clip-vit-b-32-256-datacomp.safetensors",
        sha256="92c26d60d3200ed5ed040dff31a8d19f8140648da8007216c25744c478deef27",
        address=f"{_ADDRESS}/open_clip_model.safetensors",
    )
    vocabulary = WeightsFile(
        encoder="clip",
        file_name="clip-vit-b-32-256-datacomp.tokenizer.json",
        sha256="72ed5c96db5729294468543e4bc75fce14ca63f58e37300290189ba1c1e52b85",
        address=f"{_ADDRESS}/tokenizer.json",
    )

    def build(self) -> torch.nn.Module:
        """Make the network, as transformers has it."""
        from transformers import CLIPConfig, CLIPModel

        network: torch.nn.Module = CLIPModel(CLIPConfig(**self.architecture))
        return network

    def read_weights(self) -> dict[str, torch.Tensor]:
        """Read the weights, which are published under OpenCLIP's names, and give them those of transformers."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self.weights.ensure()
        try:
            return from_open_clip(load_file(path))
        except (SafetensorError, KeyError) as error:
            raise WeightsDamagedError(f"{path}: not the weights of a CLIP: {error}") from error

    def own_features(self, prepared: torch.Tensor) -> torch.Tensor:
        """Run the tower of pictures."""
        features: torch.Tensor = self.model.get_image_features(pixel_values=prepared).pooler_output  # type: ignore[operator]
        return features

    def text_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Run the tower of texts."""
        features: torch.Tensor = self.model.get_text_features(input_ids=tokens).pooler_output  # type: ignore[operator]
        return features


def from_open_clip(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name the weights of a CLIP as transformers does, given OpenCLIP's names.

    Raises
    ------
    KeyError
        If one has a name that OpenCLIP does not give.
    """
    return {name: tensor.contiguous() for given in weights.items() for name, tensor in _renamed(*given)}


def _renamed(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    if "transformer.resblocks." in name:
        tower, _, place = name.partition("transformer.resblocks.")
        number, _, part = place.partition(".")
        layer = f"{'vision' if tower else 'text'}_model.encoder.layers.{number}"
        if part.startswith("attn.in_proj_"):  # one matrix of queries, keys and values
            kind = part.removeprefix("attn.in_proj_")
            for letter, third in zip("qkv", tensor.chunk(3), strict=True):
                yield f"{layer}.self_attn.{letter}_proj.{kind}", third
            return
        module, _, kind = part.rpartition(".")
        yield f"{layer}.{_INNER[module]}.{kind}", tensor
    elif name in _OUTER:
        yield _OUTER[name], tensor.T if name in _TRANSPOSED else tensor
    else:
        module, _, kind = name.rpartition(".")
        yield f"{_OUTER[module]}.{kind}", tensor
