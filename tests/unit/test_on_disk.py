"""The recipes of docs/on-disk.md, run as they stand there, read what the library writes and get what it answers."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from modag_search import Index, IndexSettings, Space
from modag_search.encoders.efficientnet_lite2 import EfficientNetLite2
from modag_search.encoders.modag_sound import ModagSound
from modag_search.space import packaged_spaces
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES
from tests.documents import DOCS, blocks
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search import Modality

PAGE = DOCS / "on-disk.md"
INDEX = Path("indexes/NAME")
WEIGHTS = packaged_spaces()["default"].parent


OF_BOTH = pytest.mark.parametrize("index", ["toy", "packaged"], indirect=True)


@pytest.fixture
def index(request: pytest.FixtureRequest, tmp_path: Path, toys: None) -> Iterator[Index]:
    """Where the document says, an index with a space of its own, labels, calibration and a head."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        settings = IndexSettings(space=str(packaged_spaces()["default"]))
        opened = (
            Index.open(INDEX, create=True, settings=settings)
            if getattr(request, "param", "toy") == "packaged"
            else toy_index(INDEX)
        )
        with opened:
            for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
                picture(tmp_path / f"media/{name}.png", colour)
                sound(tmp_path / f"media/{name}.wav", (hz, 1))
            opened.add(["media"])
            opened.label(["media/a.png", "media/a.wav"], "low")
            opened.label("media/b.png", "middle")
            opened.classify(["media/c.png"])
            opened.train_head()
            yield opened


def recipes(*, without: str = "") -> dict[str, Any]:
    """Run the blocks of the document one after the other, and return all that they define."""
    names: dict[str, Any] = {}
    for block in blocks(PAGE, "python"):
        if not without or without not in block:
            exec(compile(block, str(PAGE), "exec"), names)
    return names


def segment_ids(found: dict[str, Any]) -> dict[str, int]:
    """Return the only segment of each file, by name."""
    return {os.path.basename(segment["path"]): segment["id"] for segment in found["segments"]}


@OF_BOTH
def test_vectors_are_those_that_are_searched(index: Index) -> None:
    found = recipes()
    of_file, vectors = segment_ids(found), found["vectors"]
    assert sorted(of_file) == ["a.png", "a.wav", "b.png", "b.wav", "c.png", "c.wav"]
    assert len(vectors) == 6
    for name, segment in of_file.items():
        hits = [hit for modality in MODALITIES for hit in index.search(f"media/{name}", modality=modality)]
        assert len(hits) == 5
        for hit in hits:
            expected = vectors[segment] @ vectors[of_file[os.path.basename(hit.path)]]
            assert hit.similarity == pytest.approx(expected, abs=1e-4)


@OF_BOTH
def test_every_segment_has_the_vector_of_the_store(index: Index) -> None:
    found = recipes()
    for modality in MODALITIES:
        own = [segment for segment in found["segments"] if segment["modality"] == modality]
        features = np.stack([segment["feature"] for segment in own])
        for segment, vector in zip(own, index.space.project(modality, features), strict=True):
            assert found["vectors"][segment["id"]] @ vector > 0.9999


@OF_BOTH
def test_stores_and_their_changes_are_read_as_described(index: Index) -> None:
    import faiss

    sound(Path("media/d.wav"), (HIGH_HZ - 100, 1))
    Path("media/b.wav").unlink()
    index.add(["media"], prune=True)
    found = recipes()
    path = INDEX / "stores/sound.faiss-flat"
    header, payload = found["read_store"](path)
    assert (header["count"], header["dimension"]) == (3, index.space.dimension)
    assert header["stamp"]["space"] == index.space.fingerprint
    stored: Any = faiss.deserialize_index(np.frombuffer(payload, np.uint8))
    built = faiss.vector_to_array(stored.id_map).tolist()
    later, ids, vectors, gone = found["read_changes"](path.with_name(f"{path.name}.changes"), header)
    assert later["stamp"]["generation"] > header["stamp"]["generation"]
    assert {*built, *ids.tolist()} - {*gone.tolist()} == {
        segment["id"] for segment in found["segments"] if segment["modality"] == "sound"
    }
    for place, segment in enumerate(built):
        if segment not in gone:
            assert stored.index.reconstruct(place) @ found["vectors"][segment] > 0.9999
    for segment, vector in zip(ids.tolist(), vectors, strict=True):
        assert vector @ found["vectors"][segment] > 0.9999
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ValueError, match="altered"):
        found["read_store"](path)


def test_backups_are_read_as_described(index: Index) -> None:
    index.back_up("one.modag")
    content = Path("one.modag").read_bytes()
    parts = recipes()["read_backup"]("one.modag")
    assert parts["settings.json"] == (INDEX / "settings.json").read_bytes()
    assert parts["catalog.sqlite"].startswith(b"SQLite format 3")
    Path("one.modag").write_bytes(content.replace(b'"size_bytes"', b'"SIZE_BYTES"', 1))
    with pytest.raises((KeyError, ValueError, zipfile.BadZipFile)):
        recipes()["read_backup"]("one.modag")


def test_relevance_is_what_the_recipe_makes_of_similarity(index: Index) -> None:
    hits = {modality: index.search("media/a.png", modality=modality) for modality in MODALITIES}
    relevance = recipes()["relevance"]
    for modality, found in hits.items():
        assert found
        for hit in found:
            assert hit.relevance == pytest.approx(relevance(hit.similarity, "image", modality), abs=1e-4)


def test_labels_and_hashes_are_read_as_described(index: Index) -> None:
    found = recipes()
    labels = [(os.path.basename(path), *others) for path, *others in found["labels"]]
    assert labels == [
        ("a.png", "low", None, None, "hand", None),
        ("a.wav", "low", None, None, "hand", None),
        ("b.png", "middle", None, None, "hand", None),
    ]
    assert found["content_hash"]("media/a.wav") == index.item("media/a.wav").content_hash
    checksum = found["settings"].pop("checksum")
    assert len(checksum) == 32
    assert found["settings"] == {"format": 1, **asdict(index.settings)}


@OF_BOTH
@pytest.mark.parametrize("exclusive", [True, False])
def test_the_head_gives_the_probabilities_of_classify(index: Index, exclusive: bool) -> None:
    if not exclusive:
        index.labels.set_mode("multi")
    found = recipes()
    head = found["read_head"](INDEX / "head.safetensors")
    for name, modality in (("c.png", "image"), ("c.wav", "sound")):
        query = found["vectors"][segment_ids(found)[name]]
        expected = found["probabilities"](head, modality, query, exclusive=exclusive)
        [answer] = index.classify([f"media/{name}"], by="head")
        scores = {one.label: one.score for one in answer.scores}
        any_holds = sum(scores.values()) / sum(expected.values())
        assert 0 < any_holds < 1
        assert scores == pytest.approx({label: any_holds * likely for label, likely in expected.items()}, abs=1e-4)


def test_calibration_has_the_parts_that_are_named(index: Index) -> None:
    sound(Path("media/d.wav"), (LOW_HZ + 10, 1))
    index.add(["media"])
    index.label("media/d.wav", "low")
    index.classify(["media/c.png"])
    found = recipes()
    assert found["calibration"]["state"]["space"] == index.space.fingerprint
    assert found["learnt_from"] == 2  # of the last modality read: sounds
    (sounds,) = {one.fingerprint for one in index.catalog.pipelines.all() if one.modality == "sound"}
    [(_, features)] = index.catalog.segments.features(sounds)
    with index._rooms.snapshots.present() as snapshot:
        linear = snapshot.get(index._rooms.namer.neighbour_classifier).neighbours.linear["sound"]
    expected = linear.scores(of_unit_length(features[:1]))[0]
    np.testing.assert_allclose(found["scores_of_features"]("sound", features[:1]), expected, atol=1e-5)


def test_vectors_of_an_index_that_no_space_joins(tmp_path: Path, toys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image")
    with Index.open(INDEX, create=True, settings=settings) as index:
        for name, colour in (("a", (230, 120, 20)), ("b", (20, 230, 90))):
            picture(tmp_path / f"media/{name}.png", colour)
        sound(tmp_path / "media/a.wav", (LOW_HZ, 1))
        index.add(["media"])
        [hit] = index.search("media/a.png")
    found = recipes(without="space.safetensors")
    first, second, heard = (
        found["vector_apart"](segment["modality"], segment["feature"], length_of_the_other=3)
        for segment in sorted(found["segments"], key=lambda segment: (segment["modality"], segment["path"]))
    )
    assert hit.similarity == pytest.approx(first @ second, abs=1e-4)
    assert first @ heard == 0


def test_checksums_are_made_as_described(index: Index) -> None:
    found = recipes()
    assert found["is_as_saved"](found["settings"])
    assert not found["is_as_saved"](found["settings"] | {"hop_s": 1.0})
    is_as_written = found["is_as_written"]
    for name in ("space", "head", "calibration"):
        path = INDEX / f"{name}.safetensors"
        assert is_as_written(path)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        assert not is_as_written(path)


def rewritten(target: Path, *, version: int) -> Path:
    """Write the packaged space as the formats before had it: without words; and names alone, and no padding."""
    space = Space.load(packaged_spaces()["default"])
    target.write_bytes(replace(space, meaning=None, taught=None).padded_to(32).to_bytes())
    if version == 2:
        with safe_open(target, framework="numpy") as file:
            described = json.loads(file.metadata()["modag-space/5"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        del described["checksum"]
        for key in ("levels", "weights"):
            del described["knowledge"][key]
        described.pop("padding", None)
        save_file(tensors, target, {"modag-space/2": json.dumps(described)})
    return target


def recipes_of_spaces() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in blocks(PAGE, "python"):
        if "import " in block or "def read_space" in block or "def vector_of_word" in block:
            exec(compile(block, str(PAGE), "exec"), names)
    return names


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("version", [2, 3, 4])
def test_space_files_of_all_formats(version: int, modality: Modality, tmp_path: Path, toys: None) -> None:
    path = packaged_spaces()["default"]
    if version < 4:
        path = rewritten(tmp_path / "older.safetensors", version=version)
    names = recipes_of_spaces()
    space = Space.load(path)
    assert space.reads_words == (version == 4)
    features = np.random.default_rng(5).gamma(0.5, 1.0, (3, space.branches[modality].takes)).astype(np.float32)
    read = names["read_space"](path)
    expected = np.stack([names["vector_of"](read, modality, feature) for feature in features])
    np.testing.assert_allclose(space.project(modality, features), expected, atol=2e-4)


@pytest.mark.parametrize("word", ["dog", "flute", "harbour"])
def test_a_word_becomes_the_vector_that_asks(word: str) -> None:
    names, path = recipes_of_spaces(), packaged_spaces()["default"]
    expected = names["vector_of_word"](names["read_space"](path), word)
    np.testing.assert_allclose(Space.load(path).text_vectors([word])[0], expected, atol=1e-4)


def test_class_layers_of_the_packaged_encoders(index: Index) -> None:
    read = recipes()["read_classes"]
    for encoder in (ModagSound(), EfficientNetLite2()):
        card, weight, bias = read(WEIGHTS, encoder.name.replace("-", "_"))
        head = encoder.class_head()
        assert card["name"] == encoder.name
        assert (weight.shape, weight.dtype, bias.dtype) == (head.weight.shape, np.float16, np.float32)
        np.testing.assert_array_equal(weight, head.weight)
        np.testing.assert_array_equal(bias, head.bias)


def test_every_table_and_column_is_described(index: Index) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    described = {table: set(re.findall(r"`(\w+)`", columns)) for table, _, columns in rows}
    hidden = {"id", "created_at", "updated_at", "failed_at", "run_id"}
    with closing(sqlite3.connect(INDEX / "catalog.sqlite")) as connection:
        [tables] = zip(*connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"), strict=True)
        for table in set(tables) - {"sqlite_sequence", "alembic_version"}:
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            assert columns - hidden <= described[table], table
        [(revision,)] = connection.execute("SELECT version_num FROM alembic_version")
    assert f"`{revision}` is described here" in " ".join(PAGE.read_text(encoding="utf-8").split())


def test_every_file_of_an_index_is_described(index: Index) -> None:
    [tree] = blocks(PAGE, "text")
    listed = set(re.findall(r"^  (\S+)", tree, re.MULTILINE))
    there = {str(path.relative_to(INDEX)) for path in INDEX.rglob("*") if path.is_file()}
    assert {name for name in there if not name.endswith(("-wal", "-shm"))} <= listed
