"""Weights files: where they are, how they come there, and that they are what they should be."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from modag_search.encoders.weights import WeightsFile, models_folder
from modag_search.errors import UsageError, WeightsDamagedError, WeightsMissingError

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"numbers that were trained"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("MODAG_MODELS", str(folder))
    return folder


def weights(published: Path, *, digits: int = 64) -> WeightsFile:
    """Weights whose publisher is a folder."""
    digest = hashlib.sha256(CONTENT).hexdigest()[:digits]
    return WeightsFile(encoder="net", file_name="net.bin", sha256=digest, address=published.as_uri())


def test_the_folder_is_that_of_the_environment_or_of_the_user(
    models: Path, user_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert models_folder() == models
    monkeypatch.delenv("MODAG_MODELS")
    assert models_folder() == user_folders / "cache" / "modag-search" / "models"


@pytest.mark.parametrize("digits", [64, 8])
def test_weights_are_fetched_once(models: Path, tmp_path: Path, digits: int) -> None:
    published = tmp_path / "published.bin"
    published.write_bytes(CONTENT)
    ours = weights(published, digits=digits)
    assert ours.ensure() == models / "net.bin"
    assert ours.path.read_bytes() == CONTENT
    published.unlink()
    assert ours.ensure() == models / "net.bin"
    assert [path.name for path in models.iterdir()] == ["net.bin"]


def test_without_a_network_the_way_is_told(models: Path, tmp_path: Path) -> None:
    with pytest.raises(
        WeightsMissingError, match=r"weights of net are not on this machine .*modag models add net FILE"
    ):
        weights(tmp_path / "nowhere.bin").ensure()
    assert not list(models.iterdir())


def test_what_comes_is_checked(models: Path, tmp_path: Path) -> None:
    published = tmp_path / "published.bin"
    published.write_bytes(b"a page that asks to log in")
    with pytest.raises(WeightsDamagedError, match="what came is not the weights of net"):
        weights(published).ensure()
    assert not list(models.iterdir())


def test_weights_that_were_altered_are_refused(models: Path, tmp_path: Path) -> None:
    models.mkdir()
    (models / "net.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(WeightsDamagedError, match=f"remove {models / 'net.bin'} and try again"):
        weights(tmp_path / "nowhere.bin").ensure()


def test_weights_are_added_after_a_check(models: Path, tmp_path: Path) -> None:
    ours = weights(tmp_path / "nowhere.bin")
    source = tmp_path / "downloaded by hand"
    with pytest.raises(UsageError, match="downloaded by hand: no such file"):
        ours.add(source)
    source.write_bytes(b"something else")
    with pytest.raises(WeightsDamagedError, match=r"downloaded by hand: not the weights of net: SHA-256 is \w{16}…"):
        ours.add(source)
    assert not models.exists()
    source.write_bytes(CONTENT)
    assert ours.add(source) == ours.path == ours.ensure()
    assert [path.name for path in models.iterdir()] == ["net.bin"]
    assert ours.path.stat().st_mode & 0o444 == 0o444, "others on this machine may read them"
