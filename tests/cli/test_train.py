"""``modag train space``: from a manifest to an index in the new space."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from modag_search import Space
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine

TOYS = ("--sound-encoder", "toy-sound", "--image-encoder", "toy-image")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Twelve files of three labels; red goes with high tones, against the space that the toys begin with."""
    lines = ["path,label"]
    for number in range(2):
        for label, colour, hz in (("x", RED, HIGH_HZ), ("y", GREEN, MIDDLE_HZ), ("z", BLUE, LOW_HZ)):
            shade = (colour[0] - number, colour[1], colour[2])
            lines.append(f"{picture(tmp_path / 'lessons' / f'{label}{number}.png', shade)},{label}")
            lines.append(f"{sound(tmp_path / 'lessons' / f'{label}{number}.wav', (hz + number, 1))},{label}")
    path = tmp_path / "lessons.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_space_is_trained_and_an_index_moves_to_it(
    filled: CommandLine, media: Path, manifest: Path, tmp_path: Path
) -> None:
    space = tmp_path / "new" / "lessons.safetensors"
    settings = ("--steps", "60", "--dimension", "16", "--hidden", "32", "--loss", "hinge", "--margin", "0.5")
    outcome = filled("train", "space", manifest, *TOYS, *settings, "--output", space, "--name", "lessons")
    assert outcome.status == 0, outcome.stderr
    card = outcome.data
    assert card["name"] == "lessons"
    assert card["files"] == 12
    assert card["groups"] == {"image": 3, "sound": 3}
    chosen = {"steps": 60, "dimension": 16, "hidden": 32, "loss": "hinge", "margin": 0.5, "held_out": 0.15}
    assert chosen.items() <= card["settings"].items()
    assert {path.name for path in space.parent.iterdir()} == {"lessons.safetensors", "lessons.png"}
    with Image.open(space.with_suffix(".png")) as plot:
        assert plot.format == "PNG"
    assert Space.load(space).card == card
    assert filled("rebuild", "--space", space).data["space"] == "lessons"
    (hit,) = filled("search", media / "a.wav", "--modality", "image", "-n", "1").data
    assert hit["path"] == str(media / "c.png")


def test_files_that_cannot_be_read_are_named(filled: CommandLine, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with manifest.open("a") as file:
        file.write("bad.png,x\n")
    outcome = filled("train", "space", manifest, *TOYS, "--steps", "2")
    assert outcome.status == 3
    assert outcome.stderr.startswith(f"failed: {tmp_path / 'bad.png'}: ")
    assert outcome.data["files"] == 12
    assert (tmp_path / "space.safetensors").is_file()


def test_an_index_trains_from_its_labels_without_its_media(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    outcome = filled("train", "space")
    assert outcome.status == 2
    assert outcome.error.startswith(f"error: index {tmp_path / 'index'}: holds no labels; give some by `modag label")
    for name in ("a", "b", "c"):
        assert filled("label", media / f"{name}.png", media / f"{name}.wav", "--as", name).data["added"] == 2
    shutil.rmtree(media)
    outcome = filled("train", "space", "--steps", "2", "--no-plot")
    assert outcome.status == 0, outcome.stderr
    assert (outcome.data["index"], outcome.data["files"]) == ("index", 6)
    assert outcome.data["groups"] == {"image": 3, "sound": 3}
    assert not (tmp_path / "space.png").exists()
    other = filled("train", "space", "--sound-encoder", "modag-sound")
    assert other.status == 2
    assert "--sound-encoder modag-sound: the index has features of toy-sound" in other.error


def several_of_each(filled: CommandLine, media: Path) -> None:
    """Label three pictures of each of six colours, and a sound each."""
    for number, colour in enumerate([RED, GREEN, BLUE, (220, 220, 20), (20, 220, 220), (220, 20, 220)]):
        folder = media / "more"
        for shade in range(3):
            picture(folder / f"{number}-{shade}.png", (colour[0], colour[1] - 3 * shade, colour[2] + 2 * shade))
        sound(folder / f"{number}.wav", (LOW_HZ, 0.2 * number), (MIDDLE_HZ, 1), (HIGH_HZ, 0.1 * number))
        filled("index", folder)
        filled("label", *folder.glob(f"{number}*"), "--as", f"colour {number}")


def test_a_space_that_names_pictures_worse_than_before_says_so(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    several_of_each(filled, media)
    # On a line there is room for two of the six.
    outcome = filled("train", "space", "--steps", "20", "--dimension", "1", "--within", "0", "--no-plot", "--no-names")
    warning, pictures, sounds, written = outcome.stderr.splitlines()
    found = outcome.data["naming"]["image"]
    assert (found["files"], found["labels"], found["features"], found["former"]) == (18, 6, 1.0, 1.0)
    assert found["space"] <= 2 / 6
    assert found["worse_than"] == ["features", "former"]
    assert outcome.data["former_space"] == "toy"
    assert warning == (
        f"warning: pictures are named worse in this space ({found['space']:.2f} right) than by their features alone "
        f"(1.00) and in toy, the space in use (1.00): keep toy, or label more pictures and train again"
    )
    assert pictures == (
        f"pictures named by the others, 18 of 6 labels, each left out of a training: {found['space']:.2f} right in "
        f"this space, 1.00 by their features alone, 1.00 in toy, the space in use"
    )
    assert sounds == "sounds: no label has two of them, so that nothing tells how well they name each other"
    assert written.startswith("space.safetensors: written")
    assert Space.load(tmp_path / "space.safetensors").card == outcome.data


def test_a_space_is_not_compared_with_one_that_may_know_the_labels(filled: CommandLine, media: Path) -> None:
    several_of_each(filled, media)
    train = ("train", "space", "--steps", "2", "--no-plot", "--no-names", "--name", "mine")
    assert filled(*train, "--no-comparison").data["naming"] == {}
    filled("rebuild", "--space", "space.safetensors")
    outcome = filled(*train)
    assert (outcome.data["former_space"], outcome.data["naming"]["image"]["former"]) == (None, None)
    assert (
        "mine, the space in use, is not compared: `modag train space` trained it as well, perhaps on the same labels"
        in outcome.stderr.splitlines()
    )


def test_choices_that_exclude_each_other(modag: CommandLine, manifest: Path, tmp_path: Path) -> None:
    for options, words in (
        (("--plot", "a.png", "--no-plot"), "--plot and --no-plot exclude each other"),
        (("--plot", "a.pdf"), "a.pdf: a plot is a PNG file"),
        (("--checkpoint", "space.safetensors"), "space.safetensors: space, checkpoint and plot need a file each"),
        (("--dropout", "1"), "dropout must be 0 or above, and below 1, not 1.0"),
    ):
        outcome = modag("train", "space", manifest, *TOYS, *options)
        assert outcome.status == 2
        assert outcome.error.startswith(f"error: {words}")


def test_a_manifest_that_cannot_be_used_leaves_with_2(modag: CommandLine, tmp_path: Path) -> None:
    manifest = tmp_path / "lessons.csv"
    manifest.write_text("path,label\n")
    outcome = modag("train", "space", manifest, *TOYS)
    assert (outcome.status, outcome.error) == (2, f"error: {manifest}: holds no rows")


def test_an_output_that_cannot_be_written_is_found_before_training(
    modag: CommandLine, manifest: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for output, words in (
        (tmp_path / "file" / "a.safetensors", "cannot be written: "),
        (tmp_path / "lessons", "is a folder; name a file by --output"),
    ):
        outcome = modag("train", "space", manifest, *TOYS, "--steps", "1000000", "--output", output)
        assert outcome.status == 2
        assert outcome.error.startswith(f"error: {output}: {words}")


def test_a_space_does_not_replace_a_file_of_another_kind(modag: CommandLine, manifest: Path) -> None:
    before = manifest.read_bytes()
    outcome = modag("train", "space", manifest, *TOYS, "--steps", "1", "--output", manifest)
    assert outcome.status == 2
    assert outcome.error == (
        f"error: {manifest}: is a file of another kind, and would be lost; name another by --output"
    )
    assert manifest.read_bytes() == before
