"""A user's first minutes, with the encoders and the space that ship."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.made_media import BLACK, BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.command_line import CommandLine


def test_index_search_label_classify(modag: CommandLine, media: Path, tmp_path: Path) -> None:
    red, low = picture(media / "red.png", RED), sound(media / "low.wav", (LOW_HZ, 1))
    picture(media / "black.png", BLACK)
    assert modag("index", media, "--dry-run").data["added"] == 3
    assert not (tmp_path / "data").exists()
    assert modag("index", media).data["added"] == 3
    found = modag("search", sound(tmp_path / "high.wav", (HIGH_HZ, 1)))
    assert (found.status, found.stderr) == (0, "")
    assert {hit["path"] for hit in found.data} == {str(red), str(low)}
    assert {hit["modality"] for hit in found.data} == {"image", "sound"}
    assert modag("label", low, "--as", "tone").data["added"] == 1
    (named,) = modag("classify", picture(tmp_path / "blue.png", BLUE)).data
    assert named["label"] == "tone"
    assert 0 < named["confidence"] < 1, "one label alone is no certainty"
    info = modag("info").data
    assert info["folder"] == str(tmp_path / "data" / "modag-search" / "indexes" / "default")
    assert info["segments"] == {"image black": 1, "image ok": 1, "sound ok": 1}
    assert (info["sound_encoder"], info["image_encoder"]) == ("modag-sound", "efficientnet-lite2")
    again = modag("index", media, "--space", info["space"])
    assert (again.status, again.data["unchanged"]) == (0, 3), "what an index says that it has can be asked for"
    other = modag("index", media, "--space", info["space"], "--hop", "2.5")
    assert "has other settings (hop_s is 5.0, not 2.5); " in other.error
