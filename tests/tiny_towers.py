"""CLIP and CLAP as small as they can be, with weights of any values: files as their publishers name and pack them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from modag_search.encoders.clap import Clap
from modag_search.encoders.clip import Clip
from modag_search.encoders.weights import WeightsFile, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.encoders.towers import TowerEncoder

DIMENSION = 16
WORDS = ("a", "photo", "of", "this", "is", "sound", "dog", "cat", "rain", "red", "tone", "whistle", "engine", ",", ".")
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
CLIP = {
    "projection_dim": DIMENSION,
    "text_config": {
        "vocab_size": len(SPECIAL + WORDS),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 20,
        "hidden_act": "gelu",
        "eos_token_id": 2,
    },
    "vision_config": {
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 256,
        "patch_size": 64,
        "hidden_act": "gelu",
    },
}
CLAP = {
    "projection_dim": DIMENSION,
    "text_config": {
        "vocab_size": len(SPECIAL + WORDS),
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "max_position_embeddings": 40,
        "projection_dim": DIMENSION,
    },
    "audio_config": {
        "patch_embeds_hidden_size": 8,
        "hidden_size": 16,
        "depths": [1, 1],
        "num_attention_heads": [1, 2],
        "num_hidden_layers": 2,
        "projection_dim": DIMENSION,
    },
}


@dataclass(frozen=True)
class TinyTowers:
    """Where the publisher's files lie, and the folder that encoders look into."""

    published: Path
    models: Path

    def add(self) -> None:
        """Install all files."""
        for encoder in (Clip(), Clap()):
            for file in encoder.weights_files():
                file.add(self.published / file.file_name)


def open_clip_names(model: Any) -> dict[str, torch.Tensor]:
    """Name a CLIP's weights as OpenCLIP does, which keeps queries, keys and values in one matrix."""
    weights = model.state_dict()
    named = {
        "logit_scale": weights["logit_scale"],
        "positional_embedding": weights["text_model.embeddings.position_embedding.weight"],
        "text_projection": weights["text_projection.weight"].T,
        "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
        "visual.class_embedding": weights["vision_model.embeddings.class_embedding"],
        "visual.positional_embedding": weights["vision_model.embeddings.position_embedding.weight"],
        "visual.conv1.weight": weights["vision_model.embeddings.patch_embedding.weight"],
        "visual.proj": weights["visual_projection.weight"].T,
    }
    for kind in ("weight", "bias"):
        named[f"ln_final.{kind}"] = weights[f"text_model.final_layer_norm.{kind}"]
        named[f"visual.ln_pre.{kind}"] = weights[f"vision_model.pre_layrnorm.{kind}"]
        named[f"visual.ln_post.{kind}"] = weights[f"vision_model.post_layernorm.{kind}"]
        for tower, begin in (("text", ""), ("vision", "visual.")):
            for number in range(2):
                block = f"{begin}transformer.resblocks.{number}"
                layer = f"{tower}_model.encoder.layers.{number}"
                joined = torch.cat([weights[f"{layer}.self_attn.{letter}_proj.{kind}"] for letter in "qkv"])
                named[f"{block}.attn.in_proj_{kind}"] = joined
                named[f"{block}.attn.out_proj.{kind}"] = weights[f"{layer}.self_attn.out_proj.{kind}"]
                named[f"{block}.ln_1.{kind}"] = weights[f"{layer}.layer_norm1.{kind}"]
                named[f"{block}.ln_2.{kind}"] = weights[f"{layer}.layer_norm2.{kind}"]
                named[f"{block}.mlp.c_fc.{kind}"] = weights[f"{layer}.mlp.fc1.{kind}"]
                named[f"{block}.mlp.c_proj.{kind}"] = weights[f"{layer}.mlp.fc2.{kind}"]
    return {name: tensor.contiguous() for name, tensor in named.items()}


def tiny_model(encoder: TowerEncoder) -> Any:
    """Make the network of an encoder, the same each time, in which every weight tells."""
    torch.manual_seed(3)
    model: Any = encoder.build()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def _vocabulary(path: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    numbers = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.enable_padding(length=12)  # which an encoder must not take over
    tokenizer.save(str(path))


@pytest.fixture
def tiny_towers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyTowers:
    """The encoders clip and clap, made small; what their publishers serve is a folder."""
    pytest.importorskip("transformers", reason="needs the extra transformers")
    published = tmp_path / "published"
    published.mkdir()
    monkeypatch.setenv("MODAG_MODELS", str(tmp_path / "models"))
    of_encoder: tuple[tuple[type[TowerEncoder], dict[str, Any]], ...] = ((Clip, CLIP), (Clap, CLAP))
    for encoder, architecture in of_encoder:
        monkeypatch.setattr(encoder, "architecture", architecture)
        monkeypatch.setattr(encoder, "dimension", DIMENSION)
        monkeypatch.setattr(encoder, "most_tokens", 20)
        model = tiny_model(encoder())
        assert encoder.weights
        path, words = (published / file.file_name for file in (encoder.weights, encoder.vocabulary))
        if encoder is Clip:
            save_file(open_clip_names(model), path)
        else:
            torch.save(model.state_dict(), path)
        _vocabulary(words)
        for attribute, file in (("weights", path), ("vocabulary", words)):
            served = WeightsFile(
                encoder=encoder.name, file_name=file.name, sha256=sha256_of(file), address=file.as_uri()
            )
            monkeypatch.setattr(encoder, attribute, served)
    return TinyTowers(published, tmp_path / "models")
