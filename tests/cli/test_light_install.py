"""``modag`` where ``pip install modag-search`` has brought no torch: in processes that cannot find it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index, IndexSettings, Space
from modag_search.encoders.efficientnet_lite2 import EfficientNetLite2
from modag_search.space import Branch
from tests.cli.test_light_verbs import run
from tests.made_media import GREEN, MIDDLE_HZ, picture, sound
from tests.toy_encoders import ToySound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

# In the place of the finder that looks through sys.path, so that an import and importlib.util.find_spec both end as
# they do where the packages are not installed, and sys.modules knows nothing of them.
WITHOUT_EXTRAS = """
import sys
from importlib.machinery import PathFinder

ABSENT = {
    "distributed", "matplotlib", "pillow_heif", "psycopg", "pymilvus", "tflite", "tokenizers", "transformers", "umap",
    "torch", "torchaudio", "torchvision"
}


class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in ABSENT else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""

TOYS = ("--sound-encoder", "toy-sound", "--image-encoder", "toy-image")
TRAIN_EXTRA = 'needs more than a plain installation has: pip install "modag-search[train]"'


def space_of_packaged_pictures() -> Space:
    """Join the packaged image encoder and the toy for sounds, without any sense."""
    image, toy_sound = EfficientNetLite2(), ToySound()

    def branch(takes: int) -> Branch:
        nothing = np.zeros(3, dtype=np.float32)
        return Branch(np.eye(3, takes, dtype=np.float32), nothing, np.eye(3, dtype=np.float32), nothing)

    return Space(
        branches={"image": branch(image.dimension), "sound": branch(toy_sound.dimension)},
        encoders={one.modality: {"name": one.name, "fingerprint": one.fingerprint} for one in (image, toy_sound)},
        unrelated=dict.fromkeys(("image-image", "image-sound", "sound-sound"), (0.0, 1.0)),
        card={"name": "nonsense"},
    )


@pytest.fixture
def light(modag: CommandLine, tmp_path: Path) -> CommandLine:
    """``modag`` without the packages that only extras bring; the toy encoders are installed."""
    folder = tmp_path / "without_extras"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_EXTRAS)
    modag.environment["PYTHONPATH"] = os.pathsep.join([str(folder), modag.environment["PYTHONPATH"]])
    return modag


def test_the_packages_are_out_of_reach(light: CommandLine) -> None:
    program = "import importlib.util as u, sys; assert u.find_spec('torch') is None; import torch"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=light.environment
    )
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'torch'"


def test_every_verb_but_train_space_works(light: CommandLine, toy: CommandLine, media: Path, tmp_path: Path) -> None:
    for number, label in enumerate(("low", "high", "low", "high")):
        picture(media / f"{number}.png", (250 if label == "low" else number, 10, 10 if label == "low" else 250))
        sound(media / f"{number}.wav", ((200 if label == "low" else 4000) + number, 1))
    (tmp_path / "questions.csv").write_text("path,label\nmedia/0.png,low\nmedia/1.wav,high\n")
    named = [
        (f"{number}.{suffix}", label)
        for number, label in enumerate(("low", "high", "low"))
        for suffix in ("png", "wav")
    ]
    run(
        light,
        ("index", media),
        *(("label", media / name, "--as", label) for name, label in named),
        ("models",),
        ("info",),
        ("failures",),
        ("search", media / "0.wav", "--modality", "image"),
        ("search", "id:1"),
        ("search", "label:low"),
        ("classify", media / "3.png"),
        ("suggest",),
        ("audit", "--pairs", "--min-rank", "0"),
        ("duplicates", "--min-similarity", "0"),
        ("evaluate",),
        ("evaluate", "questions.csv"),
        ("train", "head"),
        ("classify", "--all", "--by", "head"),
        ("transfer", "--min-confidence", "0"),
        ("rebuild",),
        ("verify",),
    )


def test_training_a_space_names_the_extra_before_anything_is_read(light: CommandLine, tmp_path: Path) -> None:
    for arguments in (("missing.csv",), ("missing.csv", "--no-plot"), ("--index", tmp_path / "none")):
        outcome = light.process("train", "space", *arguments)
        assert (outcome.status, outcome.stdout) == (1, b"")
        assert outcome.error == f"error: modag train space {TRAIN_EXTRA}"
    assert not (tmp_path / "space.safetensors").exists()


def test_training_names_the_extra_where_torch_is_here_but_nothing_draws(light: CommandLine, tmp_path: Path) -> None:
    customised = tmp_path / "without_extras" / "sitecustomize.py"
    customised.write_text(WITHOUT_EXTRAS.replace('"torch", "torchaudio", "torchvision"', ""))
    outcome = light.process("train", "space", "missing.csv")
    assert (outcome.status, outcome.error) == (1, f"error: modag train space without --no-plot {TRAIN_EXTRA}")
    assert light.process("train", "space", "missing.csv", *TOYS, "--no-plot").error.startswith("error: missing.csv: ")


def test_only_a_map_by_umap_needs_an_extra(light: CommandLine, toy: CommandLine, media: Path) -> None:
    picture(media / "a.png", GREEN)
    run(light, ("index", media), ("map",))
    outcome = light.process("map", "--method", "umap")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.error == f"error: a map by umap {TRAIN_EXTRA.replace('train', 'map')}"


def test_only_workers_elsewhere_need_an_extra(light: CommandLine, media: Path, tmp_path: Path) -> None:
    picture(media / "a.png", GREEN)
    outcome = light.process("index", media, "--index", tmp_path / "new", "--workers", "dask://127.0.0.1:8786")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.error == f"error: encoding by workers of Dask {TRAIN_EXTRA.replace('train', 'dask')}"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("address", "extra"), [("postgresql://me@127.0.0.1/db", "postgres"), ("milvus://127.0.0.1", "milvus")]
)
def test_only_vectors_on_a_server_need_an_extra(
    light: CommandLine, media: Path, tmp_path: Path, address: str, extra: str
) -> None:
    picture(media / "a.png", GREEN)
    outcome = light.process("index", media, "--index", tmp_path / "new", "--store", address)
    assert (outcome.status, outcome.stdout) == (1, b"")
    scheme = address.partition("//")[0]
    assert outcome.error == f"error: a store at {scheme}// {TRAIN_EXTRA.replace('train', extra)}"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("option", "encoder", "other"),
    [
        ("--sound-encoder", "yamnet", "toy-image"),
        ("--sound-encoder", "clap", "toy-image"),
        ("--image-encoder", "resnet50", "toy-sound"),
        ("--image-encoder", "clip", "toy-sound"),
    ],
)
def test_an_encoder_that_needs_an_extra_says_so(
    light: CommandLine, media: Path, tmp_path: Path, option: str, encoder: str, other: str
) -> None:
    picture(media / "a.png", GREEN)
    sound(media / "a.wav", (MIDDLE_HZ, 1))
    other_option = "--image-encoder" if option == "--sound-encoder" else "--sound-encoder"
    outcome = light.process("index", media, option, encoder, other_option, other, "--index", tmp_path / "other")
    assert outcome.status == 1
    assert encoder in outcome.error
    assert 'pip install "modag-search[' in outcome.error


def test_joining_encoders_by_names_says_what_it_needs(light: CommandLine, tmp_path: Path) -> None:
    outcome = light.process("train", "names")
    needs = "encoder 'clip' needs more than a plain installation has: pip install \"modag-search[transformers]\""
    assert (outcome.status, outcome.stdout, outcome.error) == (1, b"", f"error: {needs}")
    assert not (tmp_path / "names.safetensors").exists()


def test_the_packaged_image_encoder_runs(light: CommandLine, toys: None, media: Path, tmp_path: Path) -> None:
    picture(media / "a.png", GREEN)
    sound(media / "a.wav", (MIDDLE_HZ, 1))
    folder = tmp_path / "packaged"
    folder.mkdir()
    (folder / "space.safetensors").write_bytes(space_of_packaged_pictures().to_bytes())
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="efficientnet-lite2", space="own")
    Index.open(folder, create=True, settings=settings).close()
    assert light.process("index", media, "--index", folder).data["added"] == 2
    assert (
        light.process("search", media / "a.png", "--modality", "sound", "--index", folder)
        .data[0]["path"]
        .endswith("a.wav")
    )
