"""Use a plain installation of modag as users do, away from the checkout: index two files, ask, look at the answers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, ImageDraw

import modag_search

MODAG = Path(sys.executable).with_name("modag")
_ENDINGS = (".classes.safetensors", ".json", ".onnx")
PACKAGED = (
    "py.typed",
    "migrations/env.py",
    "vocabularies/README.md",
    *(f"web/static/{name}" for name in ("index.html", "vendor/htm-preact.js", "vendor/htm.LICENSE")),
    *(f"vocabularies/{name}.csv" for name in ("audioset", "hornbostel-sachs", "ucs")),
    "weights/default.space.safetensors",
    *(f"weights/{stem}{ending}" for stem in ("efficientnet_lite2", "modag_sound") for ending in _ENDINGS),
)
LEFT_OUT = ("fastapi", "matplotlib", "pillow_heif", "tflite", "torch", "torchaudio", "torchvision")


def main() -> None:
    """Look into the package, then use it in a folder of its own."""
    package = Path(modag_search.__file__).parent
    assert package.is_relative_to(sys.prefix), f"{package}: not the installed package"
    for name in PACKAGED:
        assert (package / name).is_file(), f"{name} is not in the wheel"
    for name in LEFT_OUT:
        assert importlib.util.find_spec(name) is None, f"{name} is here: the installation is no plain one"
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        os.environ.update(XDG_DATA_HOME=scratch, MODAG_INDEX=f"{scratch}/index")
        use(Path(scratch))


def use(folder: Path) -> None:
    """Make media in a folder and walk through the verbs."""
    picture, sound = folder / "media" / "drawing.png", folder / "media" / "tone.wav"
    make_media(picture, sound)

    assert "search" in modag("--help")
    installed = {model["name"] for model in answer("models") if model["here"]}
    assert {"modag-sound", "efficientnet-lite2"} <= installed, installed

    report = answer("index", str(folder / "media"))
    assert (report["added"], report["failed"]) == (2, 0), report
    modag("migrate", "--check")
    modag("verify")

    expect_hit(answer("search", str(sound), "--modality", "image"), picture)
    expect_hit(answer("search", str(picture), "--modality", "sound"), sound)
    numbers = {hit["path"]: hit["id"] for hit in answer("search", "id:1") + answer("search", "id:2")}
    expect_hit(answer("search", f"id:{numbers[str(sound)]}"), picture)
    assert answer("label", str(sound), "--as", "tone")["added"] == 1
    expect_hit(answer("search", "label:tone", "--modality", "image"), picture)
    [named] = answer("classify", str(picture))
    assert named["label"] == "tone", named
    for verb, page in (("report", "found.html"), ("gallery", "all.html")):
        written = answer(verb, *[str(sound)] * (verb == "report"), "--to", page)
        assert (written["failed"], written["files"]) == (0, 1), written
    refuse_to_train()
    print("the installed modag: indexes, searches, labels, classifies and writes pages, without torch")


def refuse_to_train() -> None:
    """See that the one verb that needs more says so, in a line."""
    done = subprocess.run([MODAG, "train", "space"], check=False, capture_output=True, text=True)
    [line] = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, ""), done
    assert line.endswith('needs more than a plain installation has: pip install "modag-search[train]"'), line


def make_media(picture: Path, sound: Path) -> None:
    """Draw a house, and write three seconds of 440 Hz."""
    picture.parent.mkdir()
    drawing = Image.new("RGB", (320, 240), "skyblue")
    pen = ImageDraw.Draw(drawing)
    pen.rectangle((80, 110, 240, 220), fill="firebrick")
    pen.polygon([(60, 110), (160, 30), (260, 110)], fill="saddlebrown")
    drawing.save(picture)
    times_s = np.arange(3 * 44_100) / 44_100
    soundfile.write(sound, 0.4 * np.sin(2 * np.pi * 440 * times_s), 44_100)


def modag(*arguments: str) -> str:
    """Run modag and return what it prints; its words go to our stderr."""
    return subprocess.run([MODAG, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def answer(*arguments: str) -> Any:
    """Run modag and parse what it prints."""
    return json.loads(modag(*arguments, "--format", "json"))


def expect_hit(hits: list[dict[str, Any]], path: Path) -> None:
    """Compare the only hit with what is known of it."""
    [hit] = hits
    assert hit["path"] == str(path), hit
    assert -1 <= hit["similarity"] <= 1, hit


if __name__ == "__main__":
    main()
