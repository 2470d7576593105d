"""Settings of an index, and where an index is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modag_search import IndexSettings
from modag_search.errors import IndexFolderError, IndexNotFoundError, UsageError
from modag_search.settings import existing_index_folder, index_folder, is_index
from tests.earlier_files import settings_without_checksum


def test_settings_come_back_as_they_were_saved(tmp_path: Path) -> None:
    settings = IndexSettings(sound_encoder="yamnet", feature_dtype="<f4", window_s=4, hop_s=1.5, frame_interval_s=0.5)
    assert not is_index(tmp_path)
    settings.save(tmp_path)
    assert is_index(tmp_path)
    assert IndexSettings.load(tmp_path) == settings
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]
    assert json.loads((tmp_path / "settings.json").read_text())["window_s"] == 4


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"hop_s": 0.0}, "hop_s must lie above 0"),
        ({"hop_s": 11.0}, r"not above window_s, or sound would be lost: 11\.0 of 10\.0"),
        ({"window_s": -1.0}, "hop_s must lie above 0"),
        ({"frame_interval_s": 0.0}, "frame_interval_s must be above 0"),
        ({"frame_interval_s": float("nan")}, "frame_interval_s must be above 0"),
        ({"feature_dtype": "<f8"}, "feature_dtype must be <f2 or <f4, not '<f8'"),
    ],
)
def test_settings_that_cannot_be_meant(choice: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        IndexSettings(**choice)  # type: ignore[arg-type]


def test_settings_of_a_later_version(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"format": 2}')
    with pytest.raises(IndexFolderError, match="format 2 is not known; a later modag-search wrote it"):
        IndexSettings.load(tmp_path)


def test_an_index_that_went_away_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match="there is no index here any more; is its drive mounted"):
        IndexSettings.load(tmp_path)


def test_settings_that_a_bit_has_changed_in_are_refused_and_mended(tmp_path: Path) -> None:
    settings = IndexSettings(sound_encoder="yamnet", window_s=4, hop_s=1.5)
    settings.save(tmp_path)
    path = tmp_path / "settings.json"
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), 7):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(IndexFolderError, match=r"settings\.json: .*`modag verify --repair` mends"):
            IndexSettings.load(tmp_path)
        assert IndexSettings.mended(tmp_path) == (settings, True)


def test_settings_that_were_changed_on_purpose_are_refused_until_they_are_taken(tmp_path: Path) -> None:
    IndexSettings(window_s=4, hop_s=1.5).save(tmp_path)
    path = tmp_path / "settings.json"
    path.write_text(path.read_text().replace('"window_s": 4', '"window_s": 8'))
    with pytest.raises(IndexFolderError, match=r"its checksum is off; .*takes what was changed on purpose"):
        IndexSettings.load(tmp_path)
    assert IndexSettings.mended(tmp_path) == (IndexSettings(window_s=8, hop_s=1.5), False)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(IndexFolderError, match="a backup, which is a ZIP file, has it"):
        IndexSettings.mended(tmp_path)


def test_settings_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    IndexSettings(window_s=8).save(tmp_path)
    settings_without_checksum(tmp_path, hop_s=2.5)
    assert IndexSettings.load(tmp_path) == IndexSettings(window_s=8, hop_s=2.5)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder; the user's data are in ``data`` below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def test_where_an_index_is(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = here / "data" / "modag-search" / "indexes"
    assert index_folder() == data / "default"
    assert index_folder("concert") == data / "concert"
    (here / "indexes" / "concert").mkdir(parents=True)
    assert index_folder("concert") == here / "indexes" / "concert"
    assert index_folder("./concert") == here / "concert"
    assert index_folder("/srv/concert") == Path("/srv/concert")
    assert index_folder(".") == here
    monkeypatch.setenv("MODAG_INDEX", "concert")
    assert index_folder() == here / "indexes" / "concert"
    assert index_folder("other") == data / "other"
    monkeypatch.setenv("MODAG_INDEX", "")
    assert index_folder() == data / "default"


def test_an_index_that_must_exist(here: Path) -> None:
    with pytest.raises(IndexNotFoundError, match=r"concert: there is no index here; `modag index PATH"):
        existing_index_folder("concert")
    IndexSettings().save(here)
    assert existing_index_folder(".") == here
