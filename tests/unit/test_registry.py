"""Plugins: found by entry points, named when unknown, and blamed when broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modag_search import registry
from modag_search.encoders.modag_sound import ModagSound
from modag_search.errors import PluginError, UnknownPluginError
from modag_search.stores.faiss_flat import FaissFlatStore

if TYPE_CHECKING:
    from pathlib import Path


def test_built_ins_register_as_plugins_do() -> None:
    assert registry.encoder_class("modag-sound") is ModagSound
    assert registry.store_class("faiss-flat") is FaissFlatStore
    assert registry.encoder_names() == sorted(registry.encoder_names())
    assert "faiss-flat" in registry.store_names()


def test_unknown_names_list_what_is_installed() -> None:
    with pytest.raises(UnknownPluginError, match=r"no encoder named 'nonesuch'; installed: .*modag-sound, .*yamnet"):
        registry.encoder_class("nonesuch")
    with pytest.raises(UnknownPluginError, match=r"no store named 'modag-sound'; installed: .*faiss-flat"):
        registry.store_class("modag-sound")


def test_what_is_installed_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.encoder_names()
    monkeypatch.setattr(registry, "entry_points", lambda: pytest.fail("reads it again"))
    assert registry.encoder_class("modag-sound") is ModagSound
    assert registry.present_name("efficientat-mn04") == "modag-sound"


def test_a_package_brings_encoders(toys: None) -> None:
    from tests.toy_encoders import ToyImage

    assert {"toy-image", "toy-sound"} <= set(registry.encoder_names())
    assert registry.encoder_class("toy-image") is ToyImage


@pytest.mark.parametrize("target", ["no_such_module:Encoder", "modag_search.values:NoSuchClass"])
def test_a_broken_plugin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    package = tmp_path / "broken-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text(f"[modag_search.encoders]\nbroken = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match=f"encoder 'broken' \\({target}\\) cannot be loaded"):
        registry.encoder_class("broken")
    assert registry.encoder_class("modag-sound") is ModagSound
