"""Opening, rebuilding, verifying; stores that are lost or damaged."""

from __future__ import annotations

import errno
import json
import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from modag_search import Index, IndexSettings, files, tensor_files
from modag_search.errors import (
    CatalogError,
    DamagedCatalogError,
    IndexFolderError,
    IndexNotFoundError,
    ModelError,
    NewerCatalogError,
    SpaceMismatchError,
    UnknownPluginError,
    UsageError,
)
from modag_search.search.store_sync import StoreSync
from modag_search.stores import kinds, layered
from modag_search.values import MODALITIES
from tests.earlier_files import without_checksum
from tests.made_media import picture
from tests.toy_encoders import toy_index, toy_space

if TYPE_CHECKING:
    from pathlib import Path


def answers(index: Index, query: Path) -> list[tuple[str, float]]:
    return [(os.path.basename(hit.path), hit.similarity) for hit in index.search(query)]


def store_files(index: Index) -> list[Path]:
    return sorted((index.folder / "stores").glob("*.faiss-flat"))


def test_an_index_is_a_folder_of_the_files_that_are_documented(filled: Index) -> None:
    filled.close()
    names = {path.relative_to(filled.folder).as_posix() for path in filled.folder.rglob("*") if path.is_file()}
    assert names - {"lock"} == {
        "catalog.sqlite",
        "settings.json",
        "space.safetensors",
        "stores/image.faiss-flat",
        "stores/sound.faiss-flat",
    }


def test_a_damaged_space_is_refused_and_another_takes_its_place(filled: Index, media: Path, tmp_path: Path) -> None:
    before = answers(filled, media / "a.wav")
    own = filled.folder / "space.safetensors"
    whole = own.read_bytes()
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(whole)
    without_checksum(copy, "modag-space/4")
    own.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match=r"space\.safetensors: is not as it was.*`modag rebuild --space NAME_OR_FILE`"):
        filled.search(media / "a.wav")
    filled.rebuild(space=copy)
    assert answers(filled, media / "a.wav") == before
    assert own.read_bytes() == whole, "with a checksum, whatever the file had"


def test_a_run_takes_changes_into_what_was_built(tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "MOST_COMPARED", 0)
    monkeypatch.setattr(layered, "_LEAST_HEAVY", 4)
    media, colours = tmp_path / "media", iter([(200, 30 * i, 255 - 30 * i) for i in range(8)])
    built = []
    with toy_index(tmp_path / "index") as index:
        for names in ("abcd", "ef", "g"):
            for name in names:
                picture(media / f"{name}.png", next(colours))
            index.add(media)
            built += [path.name for path in (index.folder / "stores").glob("image.*.mapped")]
        assert built[0] == built[1] != built[2]
        assert sorted(name for name, _ in answers(index, media / "a.png")) == [f"{name}.png" for name in "bcdefg"]
        assert not index.verify()


def test_a_run_goes_on_where_changes_cannot_be_taken_in(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run_out(_: StoreSync) -> None:
        raise MemoryError

    monkeypatch.setattr(StoreSync, "compact", run_out)
    assert filled.add(picture(media / "new.png", (90, 120, 30))).added == 1
    assert "stores stay as they were: MemoryError" in caplog.text
    assert not filled.verify()


def test_open_again_and_answer_the_same(filled: Index, media: Path) -> None:
    before = answers(filled, media / "a.wav")
    filled.close()
    with Index.open(filled.folder) as again:
        assert answers(again, media / "a.wav") == before
        assert again.settings == filled.settings


def test_there_must_be_an_index(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match=r"nowhere: there is no index here; `modag index PATH"):
        Index.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_other_settings_than_those_of_the_index(filled: Index) -> None:
    wanted = replace(filled.settings, window_s=4.0, hop_s=2.0)
    with pytest.raises(UsageError, match=r"window_s is 10\.0, not 4\.0, hop_s is 5\.0, not 2\.0"):
        Index.open(filled.folder, settings=wanted)
    Index.open(filled.folder, settings=filled.settings).close()


def test_what_is_not_to_be_had_makes_no_index(tmp_path: Path, toys: None) -> None:
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image")
    with pytest.raises(SpaceMismatchError, match=r"'default' was trained on .*, not on toy-"):
        Index.open(tmp_path / "index", create=True, settings=replace(settings, space="default"))
    with pytest.raises(UsageError, match="encoder 'toy-image' takes images, and cannot be the sound encoder"):
        Index.open(tmp_path / "index", create=True, settings=replace(settings, sound_encoder="toy-image"))
    with pytest.raises(UnknownPluginError, match="no encoder named 'nonesuch'; installed: "):
        Index.open(tmp_path / "index", create=True, settings=replace(settings, sound_encoder="nonesuch"))
    with pytest.raises(ModelError, match="there is no space 'nonesuch'"):
        Index.open(tmp_path / "index", create=True, settings=IndexSettings(space="nonesuch"))
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1, "colour": "red"}', '{"format": 99}', "null"])
def test_settings_that_cannot_be_read(filled: Index, content: str) -> None:
    (filled.folder / "settings.json").write_text(content)
    with pytest.raises(IndexFolderError, match=r"settings\.json"):
        Index.open(filled.folder)


def test_an_index_of_a_later_version(filled: Index) -> None:
    filled.close()
    with sqlite3.connect(filled.folder / "catalog.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(NewerCatalogError):
        Index.open(filled.folder)


def test_lost_stores_are_made_anew(filled: Index, media: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = answers(filled, media / "a.wav")
    for path in store_files(filled):
        path.unlink()
    with Index.open(filled.folder) as again:
        assert answers(again, media / "a.wav") == before
        assert store_files(again) == [], "readers write nothing"
        again.add([media])
        assert len(store_files(again)) == 2
        assert again.verify() == []


@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "replaced"])
def test_damaged_stores_are_made_anew_with_a_warning(
    filled: Index, media: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    before = answers(filled, media / "a.wav")
    for path in store_files(filled):
        content = bytearray(path.read_bytes())
        content[-9] ^= 4
        cases = {"flipped": bytes(content), "cut": bytes(content[:-20]), "emptied": b"", "replaced": b"hello\n" * 50}
        path.write_bytes(cases[damage])
    with Index.open(filled.folder) as again:
        problems = again.verify()
        assert len(problems) == 2
        assert all(str(path) in "\n".join(problems) for path in store_files(filled))
        assert answers(again, media / "a.wav") == before
        assert again.verify() == problems, "readers write nothing"
        caplog.clear()
        again.add([media])
        assert again.verify() == []
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert all("making it anew from the catalog; `modag rebuild` saves it" in warning for warning in warnings)


def test_older_stores_catch_up(filled: Index, media: Path) -> None:
    old = {path: path.read_bytes() for path in store_files(filled)}
    (media / "a.png").unlink()
    picture(media / "d.png", (200, 40, 40))
    picture(media / "b.png", (250, 10, 10))
    filled.add([media], prune=True)
    after = answers(filled, media / "a.wav")
    assert {name for name, _ in after} == {"b.png", "d.png", "b.wav", "c.png", "c.wav"}
    filled.close()
    for path, content in old.items():
        path.write_bytes(content)
    with Index.open(filled.folder) as again:
        assert answers(again, media / "a.wav") == after


def test_stores_of_a_later_state_than_the_catalog_are_not_believed(filled: Index, media: Path) -> None:
    before = answers(filled, media / "a.wav")
    filled.close()
    catalog = (filled.folder / "catalog.sqlite").read_bytes()
    with Index.open(filled.folder) as later:
        for number in range(3):
            picture(media / f"later{number}.png", (200, number, 0))
        later.add([media])
    (filled.folder / "catalog.sqlite").write_bytes(catalog)
    with Index.open(filled.folder) as again:
        assert answers(again, media / "a.wav") == before


def test_stores_that_cannot_be_written_are_a_warning(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = answers(filled, media / "a.wav")
    for path in store_files(filled):
        path.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with Index.open(filled.folder) as again:
        again.add([media])
        assert answers(again, media / "a.wav") == before
    assert "No space left on device" in caplog.text
    assert [path.name for path in (filled.folder / "stores").iterdir()] == []


def test_rebuild_gives_the_same_answers_without_the_media(filled: Index, media: Path) -> None:
    item = filled.item(media / "a.wav")
    before = filled.search(f"id:{item.id}")
    for path in list(media.iterdir()):
        path.unlink()
    assert filled.rebuild() == 6
    assert filled.search(f"id:{item.id}") == [replace(hit, exists=False) for hit in before]
    assert filled.verify() == []


def test_rebuild_moves_to_another_space(filled: Index, media: Path, tmp_path: Path) -> None:
    low = media / "a.wav"
    assert filled.search(low, modality="image", n=1)[0].path.endswith("a.png")
    turned = tmp_path / "turned.safetensors"
    turned.write_bytes(toy_space(turned=True).to_bytes())
    assert filled.rebuild(space=turned) == 6
    turned.unlink()
    assert filled.search(low, modality="image", n=1)[0].path.endswith("c.png")
    with Index.open(filled.folder) as again:
        assert again.space.name == "turned"
        assert again.search(low, modality="image", n=1)[0].path.endswith("c.png")
        assert again.verify() == []


def test_rebuild_refuses_a_space_of_other_encoders(filled: Index, media: Path, tmp_path: Path) -> None:
    before = answers(filled, media / "a.wav")
    with pytest.raises(SpaceMismatchError, match="was trained on"):
        filled.rebuild(space="default")
    space = toy_space()
    other_weights = {modality: {**space.encoders[modality], "fingerprint": "0" * 32} for modality in MODALITIES}
    file = tmp_path / "other.safetensors"
    file.write_bytes(replace(space, encoders=other_weights).to_bytes())
    with pytest.raises(SpaceMismatchError, match="another version of toy-"):
        filled.rebuild(space=file)
    with pytest.raises(ModelError, match="there is no space 'nonesuch'"):
        filled.rebuild(space="nonesuch")
    file.write_bytes(b"not a space")
    with pytest.raises(ModelError, match=r"other\.safetensors: not a space file"):
        filled.rebuild(space=file)
    assert answers(filled, media / "a.wav") == before
    with Index.open(filled.folder) as again:
        assert again.settings == filled.settings
        assert answers(again, media / "a.wav") == before


def test_rebuild_refuses_a_store_that_is_not_installed_and_stays_as_it_was(filled: Index, media: Path) -> None:
    before = answers(filled, media / "a.wav")
    with pytest.raises(UnknownPluginError, match="no store named 'nonesuch'; installed: faiss-flat"):
        filled.rebuild(store="nonesuch")
    with Index.open(filled.folder) as again:
        assert again.settings.store == "auto"
        assert answers(again, media / "a.wav") == before


def test_verify_names_a_damaged_feature_and_add_mends_it(filled: Index, media: Path) -> None:
    filled.close()
    with sqlite3.connect(filled.folder / "catalog.sqlite") as connection:
        connection.execute("UPDATE feature SET data = x'00' WHERE segment_id = 1")
    connection.close()
    with Index.open(filled.folder) as again:
        assert len(again.verify()) == 1
        assert "segment 1 " in again.verify()[0]
        assert again.add([media]).updated == 1
        assert again.verify() == []


def test_a_pipeline_that_has_changed_costs_no_feature(filled: Index) -> None:
    filled.close()
    path = filled.folder / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = connection.execute("SELECT * FROM feature").fetchall()
        dimension, after = connection.execute(
            "SELECT dimension, dtype || fingerprint FROM pipeline WHERE modality = 'image'"
        ).fetchone()
    row, content = after.encode(), path.read_bytes()
    assert content.count(bytes([dimension]) + row) == 1
    path.write_bytes(content.replace(bytes([dimension]) + row, bytes([dimension ^ 4]) + row))

    report = Index.repair(filled.folder)
    assert (report.mended, report.discarded) == ((), ())
    assert any("ix_pipeline_row" in line and "`modag restore`" in line for line in report.left)
    with Index.open(filled.folder) as again, pytest.raises(CatalogError, match=r"\('image', 7, '<f2'\)"):
        again.rebuild()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM feature").fetchall() == before


@pytest.mark.parametrize("sort", ["of a newer version", "out of reach", "altered", "altered in its name"])
def test_a_head_is_fitted_anew_only_where_it_was_altered(
    filled: Index, media: Path, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    filled.label([media / "a.wav"], "low")
    filled.label([media / "b.wav"], "high")
    filled.train_head()
    filled.close()
    head = filled.folder / "head.safetensors"
    whole = head.read_bytes()
    found = whole
    if sort == "of a newer version":
        file = tensor_files.read(head, formats={"modag-head/2": True})
        found = tensor_files.as_bytes(file.tensors, written="modag-head/9", described=file.described)
    if sort == "altered in its name":
        found = whole.replace(b"modag-head/2", b"modag-head/3")
    if sort == "altered":
        found = whole[:-1] + bytes([whole[-1] ^ 1])
    head.write_bytes(found)
    if sort == "out of reach":

        def out_of_reach(path: Path, **options: int) -> bytes:
            if path == head:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return files.read_regular(path, **options)

        monkeypatch.setattr(tensor_files, "read_regular", out_of_reach)

    report = Index.repair(filled.folder)
    if sort.startswith("altered"):
        assert (len(report.mended), report.left, head.read_bytes()) == (1, (), whole)
    else:
        assert (report.mended, head.read_bytes()) == ((), found)
        assert any(str(head) in line for line in report.left)


def test_a_space_file_that_is_gone_is_named(filled: Index, media: Path) -> None:
    filled.close()
    (filled.folder / "space.safetensors").unlink()
    with Index.open(filled.folder) as again, pytest.raises(ModelError, match=r"space\.safetensors: no such space file"):
        again.search(media / "a.wav")


def test_two_indexes_of_one_folder_see_each_others_work(filled: Index, media: Path) -> None:
    with toy_index(filled.folder) as other:
        assert len(other.search(media / "a.wav")) == 5
        picture(media / "d.png", (200, 200, 0))
        filled.add([media])
        assert len(other.search(media / "a.wav")) == 6
        (media / "d.png").unlink()
        filled.add([media], prune=True)
        assert len(other.search(media / "a.wav")) == 5


def test_runs_are_noted_with_arguments_versions_and_outcome(filled: Index) -> None:
    connection = sqlite3.connect(filled.folder / "catalog.sqlite")
    verb, versions, outcome, finished = connection.execute(
        "SELECT verb, versions, outcome, finished_at FROM run"
    ).fetchone()
    connection.close()
    assert verb == "index"
    assert {"python", "modag-search", "torch", "faiss-cpu"} <= json.loads(versions).keys()
    assert json.loads(outcome)["added"] == 6
    assert finished


def test_an_index_that_was_closed_answers_and_takes_nothing(filled: Index, media: Path) -> None:
    filled.close()
    picture(media / "later.png", (9, 9, 200))
    for use in (
        lambda: filled.search(media / "a.wav"),
        lambda: filled.add([media]),
        lambda: filled.label([media / "a.wav"], "late"),
        filled.failures,
    ):
        with pytest.raises(CatalogError, match="was closed; open the index again"):
            use()
    with Index.open(filled.folder) as again:
        assert len(list(again.catalog.items.all())) == 6


def test_what_is_gone_of_an_index_is_named_with_the_way_out(filled: Index) -> None:
    filled.close()
    settings, catalog = filled.folder / "settings.json", filled.folder / "catalog.sqlite"
    for ending in ("-wal", "-shm"):
        catalog.with_name(catalog.name + ending).unlink(missing_ok=True)
    whole = catalog.read_bytes()
    catalog.write_bytes(b"")
    with pytest.raises(DamagedCatalogError, match="is empty: what it held is lost; a backup brings it back"):
        Index.open(filled.folder)
    catalog.unlink()
    with pytest.raises(IndexFolderError, match=r"its catalog\.sqlite is gone; .*modag restore"):
        Index.open(filled.folder)
    catalog.write_bytes(whole)
    settings.unlink()
    with pytest.raises(IndexNotFoundError, match=r"its settings\.json is gone, and its catalog is there"):
        Index.open(filled.folder)
