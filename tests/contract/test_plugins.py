"""The plugins of docs/plugins.md, installed as they stand there, do what the document says."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

import modag_search as modag
from modag_search import registry
from tests.cli.command_line import CommandLine
from tests.documents import DOCS, blocks
from tests.made_media import HIGH_HZ, LOW_HZ, sound, tone

if TYPE_CHECKING:
    from pathlib import Path

PAGE = DOCS / "plugins.md"


@dataclass(frozen=True)
class Shown:
    """A plugin as the document shows it: the code of its module, and its pyproject.toml."""

    code: str
    project: str

    def install(self, folder: Path) -> None:
        """Put into a folder what installing the plugin would put there."""
        described = tomllib.loads(self.project)["project"]
        name, version = described["name"].replace("-", "_"), described["version"]
        metadata = folder / f"{name}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = []
        for group, points in described["entry-points"].items():
            lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
        (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
        (folder / f"{name}.py").write_text(self.code)


ENCODER, STORE = (Shown(*both) for both in zip(blocks(PAGE, "python"), blocks(PAGE, "toml"), strict=True))


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the module search path in which both are installed."""
    folder = tmp_path / "site-packages"
    for shown in (ENCODER, STORE):
        shown.install(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.mark.parametrize("shown", [ENCODER, STORE])
def test_a_plugin_needs_nothing_that_is_not_exported(shown: Shown) -> None:
    for node in ast.walk(ast.parse(shown.code)):
        if isinstance(node, ast.Import):
            assert [alias.name for alias in node.names] == ["numpy"]
        if isinstance(node, ast.ImportFrom):
            assert node.module == "modag_search"
            assert {alias.name for alias in node.names} <= set(modag.__all__)


def test_the_encoder_is_one_method(plugins: Path) -> None:
    encoder = registry.encoder_class("octaves")()
    methods = [name for name, value in vars(type(encoder)).items() if callable(value) and not name.startswith("_")]
    assert methods == ["encode"]
    batch = [tone(LOW_HZ, 1.5), tone(HIGH_HZ, 0.1), tone(0, 0.5)]
    together = encoder.encode(batch)
    assert together.shape == (3, encoder.dimension)
    assert together.dtype == np.float32
    assert together.tobytes() == np.concatenate([encoder.encode([one]) for one in batch]).tobytes()
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_the_encoder_indexes_and_finds(plugins: Path, tmp_path: Path) -> None:
    for name, hz in (("kick", 60), ("bass", 70), ("bell", 5000), ("ping", 5500)):
        sound(tmp_path / f"Samples/{name}.wav", (hz, 1))
    settings = modag.IndexSettings(sound_encoder="octaves")
    with modag.Index.open(tmp_path / "index", create=True, settings=settings) as index:
        assert index.add(tmp_path / "Samples").added == 4
        for asked, found in (("kick", "bass"), ("ping", "bell")):
            first = index.search(tmp_path / f"Samples/{asked}.wav")[0]
            assert (first.path, first.modality) == (str(tmp_path / f"Samples/{found}.wav"), "sound")


def test_the_command_line_knows_the_encoder(plugins: Path, tmp_path: Path) -> None:
    listed = CommandLine(tmp_path, plugins=plugins)("models", "--format", "json").data
    [own] = [model for model in listed if model["name"] == "octaves"]
    assert (own["licence"], own["here"]) == ("MIT", True)


def test_the_store_finds_what_the_default_one_finds(plugins: Path) -> None:
    random = np.random.default_rng(3)
    ids, vectors = random.permutation(500)[:90], random.standard_normal((90, 12)).astype(np.float32)
    readers = []
    for name in ("faiss-flat", "numpy"):
        kind = registry.store_class(name)
        builder = kind(12)
        builder.add(ids[:40], vectors[:40])
        builder.add(ids[40:], vectors[40:])
        readers.append(kind.from_bytes(bytes(kind.to_bytes(builder.build())), dimension=12))
    queries = random.standard_normal((5, 12)).astype(np.float32)
    for among, without in ((None, None), (ids[::3], None), (None, ids[:80]), (ids[:20], ids[10:]), (ids[:0], None)):
        (expected, nearest), (similarities, found) = (
            reader.search(queries, k=15, among=among, without=without) for reader in readers
        )
        assert found.tolist() == nearest.tolist()
        np.testing.assert_allclose(similarities, expected, atol=1e-5)
    with pytest.raises(ValueError, match="buffer"):
        registry.store_class("numpy").from_bytes(b"cut off", dimension=12)


def test_an_index_moves_to_the_store_and_stays_there(plugins: Path, filled: modag.Index, media: Path) -> None:
    before = filled.search(media / "a.wav")
    assert filled.rebuild(store="numpy") == 6
    assert filled.search(media / "a.wav") == before
    sound(media / "d.wav", (LOW_HZ + 30, 1))
    filled.add(media)
    assert filled.verify() == []
    with modag.Index.open(filled.folder) as again:
        assert again.search(media / "a.wav", modality="sound")[0].path == str(media / "d.wav")
