"""``modag rebuild``, ``verify``, ``info``, ``migrate``, ``models``."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from modag_search.cli.opening import open_index
from modag_search.errors import DamagedCatalogError
from tests.cli.command_line import CommandLine
from tests.earlier_files import without_checksum
from tests.shared_folder import shared
from tests.toy_encoders import toy_space

if TYPE_CHECKING:
    from pathlib import Path


def test_info_of_files(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", "--as", "oboe")
    (media / "notes.txt").touch()
    outcome = filled("info", media / "a.png", "id:2", media / "notes.txt")
    assert outcome.status == 0
    picture, sound, notes = outcome.data
    assert (picture["path"], picture["state"], picture["kind"]) == (str(media / "a.png"), "indexed", "image")
    assert [label["label"] for label in picture["labels"]] == ["oboe"]
    assert (sound["id"], sound["duration_s"], sound["encoders"]) == (2, 1.0, ["toy-sound"])
    assert (notes["state"], notes["id"], notes["segments"]) == ("not indexed", None, [])
    table = filled("info", media / "a.png", "--format", "table").stdout.decode().splitlines()
    assert [line for line in table if line.startswith(("labels", "segments", "copies"))] == [
        "labels        oboe (hand, run 2)",
        "segments      1 image ok",
    ]
    unknown = filled("info", media / "notes.txt", "--format", "table")
    assert unknown.status == 4
    assert unknown.stdout.decode().splitlines()[1:] == [
        "state   not indexed",
        "reason  is passed over: is no picture, sound or video by its ending",
    ]
    assert filled("info", "-", stdin=b"").status == 2
    nothing = filled("info", "id:999", "--format", "table")
    assert nothing.status == 4
    assert nothing.stdout.decode().splitlines() == [
        "path    id:999",
        "state   not indexed",
        "reason  is not in the index; `modag search` shows the ids of items",
    ]
    some = filled("info", "id:999", "id:2")
    assert (some.status, [one["state"] for one in some.data]) == (0, ["not indexed", "indexed"])
    assert filled("info", "id:first").status == 2


def test_info_of_a_file_that_was_damaged_since(filled: CommandLine, media: Path) -> None:
    def facts() -> dict[str, str]:
        lines = filled("info", media / "a.png", "--format", "table").stdout.decode().splitlines()
        return {name: text.strip() for name, _, text in (line.partition(" ") for line in lines)}

    former = "what stands below is of the content that was indexed, not of the file as it is now"
    assert "former" not in facts()
    (media / "a.png").write_bytes(b"no picture")
    changed = facts()
    assert changed["file"] == "has changed since it was indexed; `modag index` takes it in anew"
    assert (changed["state"], changed["former"]) == ("indexed", former)
    filled("index", media)
    failed = facts()
    assert failed["state"] == "failed"
    assert "is not a picture" in failed["reason"]
    assert failed["file"] == "is as it was when it failed; until it changes, only `modag index --retry-failed` reads it"
    assert failed["former"] == former
    assert list(failed).index("former") < list(failed).index("size_bytes")
    (media / "a.png").write_bytes(b"no picture either")
    assert facts()["file"] == "failed when it was read last; the next `modag index` reads it again"
    (media / "a.png").unlink()
    assert facts()["file"] == "is not there, or out of reach"


def test_info(filled: CommandLine, media: Path) -> None:
    filled("label", media / "a.png", media / "b.png", "--as", "chosen")
    (media / "bad.png").write_bytes(b"no picture")
    filled("index", media)
    info = filled("info").data
    expected = {
        "folder": str(filled.folder / "index"),
        "is_read_only": False,
        "items": {"image": 3, "sound": 3},
        "segments": {"image ok": 3, "sound ok": 3},
        "labels": 1,
        "annotations": 2,
        "failures": 1,
        "outdated_items": 0,
        "feature_bytes": 6 * 3 * 2,
        "sound_encoder": "toy-sound",
        "space": "toy",
        "space_from": "own",
        "store": "auto",
        "stores": {"image": "faiss-flat", "sound": "faiss-flat"},
        "window_s": 10.0,
    }
    assert info | expected == info
    assert b"toy-sound" in filled("info", "--format", "table").stdout


def test_a_table_of_an_empty_index_counts_nothing_as_0(toy: CommandLine, media: Path) -> None:
    (media / "bad.png").write_bytes(b"no picture")
    toy("index", media)
    lines = toy("info", "--format", "table").stdout.decode().splitlines()
    counts = dict(line.split(maxsplit=1) for line in lines)
    assert (counts["items"], counts["segments"]) == ("0", "0")
    names = [line.split()[0] for line in lines]
    assert names[names.index("failures") + 1] == "failed_items"
    assert (counts["failures"], counts["failed_items"]) == ("1", "0 of these failures")
    assert toy("info").data["items"] == {}


def test_rebuild_with_another_space(filled: CommandLine, media: Path, tmp_path: Path) -> None:
    encoders = {"sound_encoder": "toy-sound", "image_encoder": "toy-image", "outdated_items": 0, "failed": 0}
    assert filled("rebuild").data == {"vectors": 6, "space": "toy", "store": "auto", **encoders}
    space = tmp_path / "turned.safetensors"
    space.write_bytes(toy_space(turned=True).to_bytes())
    rebuilt = filled("rebuild", "--space", space).data
    assert rebuilt == {"vectors": 6, "space": "turned", "store": "auto", **encoders}
    (hit,) = filled("search", media / "a.wav", "--modality", "image", "-n", "1").data
    assert hit["path"] == str(media / "c.png")
    for option, value, words in (
        ("--space", "default", "was trained on"),
        ("--space", "nonesuch", "there is no space 'nonesuch'"),
        ("--store", "nonesuch", "no store named 'nonesuch'; installed: faiss-flat"),
    ):
        outcome = filled("rebuild", option, value)
        assert (outcome.status, outcome.stdout) == (1, b"")
        assert words in outcome.error
    assert filled("verify").status == 0


def test_rebuild_moves_to_other_encoders_and_goes_on_after_files_were_away(
    filled: CommandLine, media: Path, tmp_path: Path
) -> None:
    filled("label", media / "a.png", "--as", "red")
    (media / "b.png").rename(tmp_path / "b.png")
    outcome = filled("rebuild", "--image-encoder", "efficientnet-lite2")
    assert outcome.status == 3
    assert (outcome.data["image_encoder"], outcome.data["outdated_items"]) == ("efficientnet-lite2", 1)
    assert "1 files are out of reach" in outcome.stderr
    assert "1 items were made by another encoder" in filled("info").stderr
    (tmp_path / "b.png").rename(media / "b.png")
    assert filled("rebuild").data["outdated_items"] == 0
    assert filled("label", "list").data[0]["label"] == "red"
    hits = filled("search", media / "a.png", "--modality", "image").data
    assert {hit["path"] for hit in hits} == {str(media / "b.png"), str(media / "c.png")}


def test_verify_names_problems_and_leaves_with_1(filled: CommandLine) -> None:
    outcome = filled("verify")
    assert (outcome.status, outcome.data, outcome.error) == (0, [], "all is well")
    store = filled.folder / "index" / "stores" / "image.faiss-flat"
    store.write_bytes(store.read_bytes()[:-1])
    outcome = filled("verify")
    assert outcome.status == 1
    (row,) = outcome.data
    assert row["problem"].startswith(f"{store}: ")
    filled("rebuild")
    assert filled("verify").status == 0


def test_verify_repairs_what_can_be_made_anew_and_lists_what_is_left(filled: CommandLine, media: Path) -> None:
    before = filled("search", media / "a.wav").data
    folder = filled.folder / "index"
    settings, space = folder / "settings.json", folder / "space.safetensors"
    settings.write_text(settings.read_text().replace('"hop_s": 5.0', '"hop_s": 4.0'))
    outcome = filled("search", media / "a.wav")
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.error.startswith(f"error: {settings}: is not as it was written any more")
    assert "`modag verify --repair`" in outcome.error
    store = folder / "stores" / "image.faiss-flat"
    store.write_bytes(store.read_bytes()[:-1])
    outcome = filled("verify", "--repair")
    assert (outcome.status, outcome.error) == (0, "2 mended, 0 left")
    assert [row["state"] for row in outcome.data] == ["mended", "mended"]
    assert outcome.data[0]["problem"] == f"{settings}: a bit had changed, and is turned back"
    assert (filled("verify").status, filled("search", media / "a.wav").data) == (0, before)
    space.write_bytes(space.read_bytes()[:-1])
    outcome = filled("verify", "--repair")
    assert (outcome.status, outcome.error) == (
        1,
        "0 mended, 1 left; `modag restore FILE --index NEW` brings back what a backup has",
    )
    (row,) = outcome.data
    assert row["state"] == "left"
    assert "`modag rebuild --space NAME_OR_FILE`" in row["problem"]


def test_a_repair_tells_what_it_discarded_from_what_it_mended(filled: CommandLine, media: Path) -> None:
    with closing(sqlite3.connect(filled.folder / "index" / "catalog.sqlite")) as connection, connection:
        connection.execute("UPDATE feature SET data = zeroblob(length(data)) WHERE segment_id = 1")
    outcome = filled("verify", "--repair")
    discarded = [row["problem"] for row in outcome.data if row["state"] == "discarded"]
    assert len(discarded) == 1
    assert discarded[0].startswith("damaged features are discarded (1); `modag index` makes them anew of")
    assert "1 mended, 1 discarded, " in outcome.error
    filled("index", media)
    assert filled("verify").status == 0


def test_settings_that_were_changed_on_purpose_are_taken_by_a_repair(filled: CommandLine) -> None:
    settings = filled.folder / "index" / "settings.json"
    settings.write_text(settings.read_text().replace('"window_s": 10.0', '"window_s": 8.5'))
    assert filled("info").status == 1
    outcome = filled("verify", "--repair")
    assert outcome.status == 0
    assert "window_s=8.5" in outcome.data[0]["problem"]
    assert filled("info").data["window_s"] == 8.5


def test_a_space_without_a_checksum_gets_one(filled: CommandLine) -> None:
    space = filled.folder / "index" / "space.safetensors"
    whole = space.read_bytes()
    without_checksum(space, "modag-space/4")
    outcome = filled("verify")
    assert outcome.status == 0
    assert f"{space}: an earlier version wrote it, without a checksum" in outcome.stderr
    assert filled("verify", "--repair").status == 0
    assert space.read_bytes() == whole


def test_what_nobody_foresaw_is_told_as_what_is_damaged(filled: CommandLine, toys: None) -> None:
    folder = filled.folder / "index"
    catalog = folder / "catalog.sqlite"
    with pytest.raises(KeyError, match="of ours"), open_index(str(folder)):
        raise KeyError("of ours")
    whole = catalog.read_bytes()
    with closing(sqlite3.connect(catalog)) as connection:
        content_hash = connection.execute("SELECT content_hash FROM item").fetchone()[0].encode()
    place = whole.index(content_hash)
    catalog.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(DamagedCatalogError, match=r"catalog\.sqlite: SQLite: row \d missing"), open_index(str(folder)):
        raise KeyError("of what is damaged")


def test_a_damaged_catalog_is_named(filled: CommandLine) -> None:
    catalog = filled.folder / "index" / "catalog.sqlite"
    catalog.write_bytes(b"this is no database" * 300)
    for verb in (["info"], ["search", "id:1"], ["verify"]):
        outcome = filled(*verb)
        assert (outcome.status, outcome.stdout) == (1, b"")
        assert outcome.error.startswith(f"error: {catalog}: ")


def test_migrate(filled: CommandLine) -> None:
    outcome = filled("migrate", "--check")
    assert (outcome.status, outcome.stdout) == (0, b"")
    catalog = filled.folder / "index" / "catalog.sqlite"
    connection = sqlite3.connect(catalog)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    outcome = filled("migrate")
    assert outcome.status == 1
    assert str(catalog) in outcome.error


def test_models_lists_encoders_and_how_to_get_them(modag: CommandLine) -> None:
    rows = {row["name"]: row for row in modag("models").data}
    assert {"clap", "clip", "modag-sound", "efficientnet-lite2", "resnet50", "yamnet", "toy-image"} <= rows.keys()
    assert rows["modag-sound"]["here"]
    assert rows["toy-image"]["modality"] == "image"
    yamnet = rows["yamnet"]
    assert not yamnet["here"]
    assert "modag models add yamnet FILE" in yamnet["how_to_get"]
    assert yamnet["licence"] == "Apache-2.0"


def test_models_survives_a_broken_plugin_and_names_it(tmp_path: Path) -> None:
    package = tmp_path / "plugins" / "broken-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[modag_search.encoders]\nbroken = no_such_module:Encoder\n")
    outcome = CommandLine(tmp_path, plugins=tmp_path / "plugins")("models")
    assert outcome.status == 0
    assert "modag-sound" in {row["name"] for row in outcome.data}
    assert "no_such_module" in outcome.error


def test_weights_are_checked_before_they_are_added(modag: CommandLine, tmp_path: Path) -> None:
    models = tmp_path / "models"
    wrong = tmp_path / "yamnet.tflite"
    wrong.write_bytes(b"not the weights")
    outcome = modag("models", "add", "yamnet", wrong, MODAG_MODELS=str(models))
    assert (outcome.status, outcome.stdout) == (1, b"")
    assert outcome.error.startswith(f"error: {wrong}: not the weights of yamnet: SHA-256 is ")
    assert not models.exists()
    for name, file, status in (
        ("yamnet", tmp_path / "nowhere", 2),
        ("modag-sound", wrong, 2),
        ("nonesuch", wrong, 1),
    ):
        outcome = modag("models", "add", name, file, MODAG_MODELS=str(models))
        assert outcome.status == status
        assert outcome.error.startswith("error: ")


def test_the_right_weights_can_be_added(modag: CommandLine, tmp_path: Path) -> None:
    right = shared("models/yamnet_wavin_quantized_mel_relu6.tflite")
    models = tmp_path / "models"
    outcome = modag("models", "add", "yamnet", right, MODAG_MODELS=str(models))
    assert outcome.status == 0
    assert outcome.error == f"{models / right.name}: installed"
    assert (models / right.name).read_bytes() == right.read_bytes()
    rows = map(json.loads, modag("models", "--format", "jsonl", MODAG_MODELS=str(models)).stdout.splitlines())
    assert [row["here"] for row in rows if row["name"] == "yamnet"] == [True]
