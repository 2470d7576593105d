"""Files of an index that somebody else has made: what is not ours is refused or made anew, and nothing waits for it."""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from modag_search import Index, tensor_files
from modag_search.classify.linear_head import Head
from modag_search.errors import CatalogError, DamagedStoreError, IndexFolderError, ModagError, ModelError, UsageError
from modag_search.files import json_of, open_regular, read_checked, read_regular, write_checked
from modag_search.labels.files.reading import read_label_file
from modag_search.settings import IndexSettings
from modag_search.space import Space
from tests.toy_encoders import toy_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

DEEP = "[" * 100_000


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listener(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)


def folder(path: Path) -> None:
    path.mkdir()


no_files = pytest.mark.parametrize("make", [pipe, endless, listener, folder])


@no_files
def test_what_is_no_file_is_not_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a")
    with pytest.raises(OSError, match=r"is not a regular file: .*/a|No such device or address: .*/a"):
        open_regular(tmp_path / "a")


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_regular(tmp_path / "a", most_bytes=5) == b"12345"
    with pytest.raises(OSError, match=r"has 5 bytes, and may have 4"):
        read_regular(tmp_path / "a", most_bytes=4)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, nested(66), f'{{"a": {nested(500)}}}'])
def test_json_is_nested_no_deeper_than_ours(text: str) -> None:
    with pytest.raises(ValueError, match="its JSON is nested too deeply"):
        json_of(text)
    assert json_of(nested(60)) == json.loads(nested(60))
    assert json_of("5") == 5


@no_files
def test_nothing_waits_for_what_is_in_the_place_of_a_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    for name in ("settings.json", "space.safetensors", "head.safetensors", "store"):
        make(tmp_path / name)
    refused = r": .*(is not a regular file|No such device or address)"
    with pytest.raises(IndexFolderError, match=rf"/settings\.json{refused}"):
        IndexSettings.load(tmp_path)
    with pytest.raises(ModelError, match=rf"/space\.safetensors{refused}"):
        Space.load(tmp_path / "space.safetensors")
    with pytest.raises(ModelError, match=rf"/head\.safetensors{refused}"):
        Head.load(tmp_path / "head.safetensors")
    with pytest.raises(DamagedStoreError, match=rf"/store{refused}"):
        read_checked(tmp_path / "store")


STORES: Sequence[object] = [[], {}, None, 5]
WINDOWS: Sequence[object] = ["5", None, [], 10**400, float("inf")]


@pytest.mark.parametrize(
    "content",
    [DEEP, "null", "5", "[1, 2]", '"x"', "{}", "\ufffe", "9" * 5000]
    + [json.dumps({"format": 1, "store": store}) for store in STORES]
    + [json.dumps({"format": 1, "window_s": window_s}) for window_s in WINDOWS]
    + [json.dumps({"format": 1, "hop_s": float("nan")}), json.dumps({"format": [1]})],
)
def test_settings_that_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(IndexFolderError, match=r"/settings\.json: "):
        IndexSettings.load(tmp_path)


def test_settings_that_are_too_long(tmp_path: Path) -> None:
    (tmp_path / "settings.json").touch()
    os.truncate(tmp_path / "settings.json", 2**40)
    with pytest.raises(IndexFolderError, match=r"/settings\.json: cannot be read: has 1099511627776 bytes"):
        IndexSettings.load(tmp_path)


@pytest.mark.parametrize("line", [DEEP, "[]", "5", "null"])
def test_the_header_of_a_store_that_is_none(tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("modag_search.files.json.dumps", lambda *_, **__: line)
        write_checked(tmp_path / "a", {}, memoryview(b""))
    with pytest.raises(DamagedStoreError, match=r"/a: cannot be read: its"):
        read_checked(tmp_path / "a")


def test_a_space_whose_card_is_none(tmp_path: Path) -> None:
    content = toy_space().to_bytes()
    (key,) = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    for card in (DEEP, "null", "[]", "5"):
        (tmp_path / "a").write_bytes(save(load(content), {key: card}))
        with pytest.raises(ModelError, match="/a: not a space file"):
            Space.load(tmp_path / "a")


@pytest.fixture
def with_head(filled: Index, media: Path) -> Index:
    for name in ("a", "b"):
        filled.label([str(media / f"{name}.png"), str(media / f"{name}.wav")], name)
    filled.train_head()
    return filled


def altered(path: Path, change: Callable[[dict[str, np.ndarray], dict[str, Any]], None]) -> None:
    """Change arrays and what describes them in a file, as who knows the format can."""
    content = path.read_bytes()
    ((key, text),) = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"].items()
    arrays, described = load(content), json.loads(text)
    del described["checksum"]
    change(arrays, described)
    path.write_bytes(tensor_files.as_bytes(arrays, written=key, described=described))


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda array: array[:0],
    "one": lambda array: np.array(0, array.dtype),
    "flat": lambda array: array.reshape(-1),
    "deeper": lambda array: array[None],
    "twice": lambda array: np.concatenate([array, array]),
    "bytes": lambda array: array.astype(np.uint8),
    "far off": lambda array: np.full_like(array, np.nan if array.dtype.kind == "f" else 10**12),
}


def test_a_head_with_other_arrays_is_refused(with_head: Index, media: Path) -> None:
    path = with_head.folder / "head.safetensors"
    content = path.read_bytes()
    for name, kind in itertools.product(["counts", "totals", "products", "taught"], ARRAYS):
        if (name, kind) in {("taught", "none"), ("taught", "twice")}:  # as it may have been
            continue
        path.write_bytes(content)
        altered(path, lambda arrays, _, n=name, k=kind: arrays.update({n: ARRAYS[k](arrays[n])}))  # type: ignore[misc]
        with pytest.raises(ModelError, match=r"head\.safetensors: (cannot be read|was fitted in another s).*makes it"):
            with_head.classify(media / "c.png", by="head")


DESCRIBED: Sequence[dict[str, object]] = [
    {"names": None},
    {"names": "ab"},
    {"names": ["a", "a"]},
    {"names": [1, 2]},
    {"names": ["a", ["b"]]},
    {"names": ["a"]},
    {"beside": 5},
    {"settings": {}},
    {"settings": []},
    {"space": ["x"]},
    {"label_generation": "x"},
]


def test_a_head_that_is_described_otherwise_is_refused(with_head: Index, media: Path) -> None:
    path = with_head.folder / "head.safetensors"
    content = path.read_bytes()
    settings = ("shrinkage", "own_share", "own_covariance", "temperature", "independent")
    values: tuple[object, ...] = ([], {}, "x", None, -1, float("nan"), 10**400)

    def changes() -> Iterator[Callable[[dict[str, np.ndarray], dict[str, Any]], None]]:
        for one in DESCRIBED:
            yield lambda _, described, one=one: described.update(one)  # type: ignore[misc]
        for name, value in itertools.product(settings, values):
            yield lambda _, described, n=name, v=value: described["settings"]["image"].update({n: v})  # type: ignore[misc]

    for change in changes():
        path.write_bytes(content)
        altered(path, change)
        with pytest.raises(ModelError, match=r"head\.safetensors: .*makes it anew"):
            with_head.classify(media / "c.png", by="head")


def test_what_was_learnt_is_learnt_again_where_it_cannot_be_of_these_labels(with_head: Index, media: Path) -> None:
    before = with_head.classify(media / "c.png")
    path = with_head.folder / "calibration.safetensors"
    content = path.read_bytes()
    for name, kind in itertools.product(["image.weight", "image.bias"], ARRAYS):
        path.write_bytes(content)

        def change(
            arrays: dict[str, np.ndarray], described: dict[str, Any], name: str = name, kind: str = kind
        ) -> None:
            arrays[name] = ARRAYS[kind](arrays[name])

        altered(path, change)
        with Index.open(with_head.folder) as other:
            assert other.classify(media / "c.png") == before


# What is written stays within the index.


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A file of the user's, which has nothing to do with an index."""
    path = tmp_path / "theirs"
    path.write_bytes(b"years of work\n")
    return path


NAMES = ["lock", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "catalog.sqlite-journal"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_an_index_writes_to_no_file_elsewhere(
    filled: Index, media: Path, theirs: Path, name: str, link: Callable[[Path, Path], None]
) -> None:
    filled.close()
    path = filled.folder / name
    path.unlink(missing_ok=True)
    link(theirs, path)

    with (
        pytest.raises(ModagError, match=rf"/{name}: is (a link to .*/theirs|another file, too .*), which would be ch"),
        Index.open(filled.folder) as index,
    ):
        index.add([media])
    assert theirs.read_bytes() == b"years of work\n"


def test_stores_are_not_written_behind_a_link(filled: Index, media: Path, tmp_path: Path) -> None:
    (filled.folder / "stores").rename(tmp_path / "elsewhere")
    (filled.folder / "stores").symlink_to(tmp_path / "elsewhere")
    before = sorted(tmp_path.glob("elsewhere/*"))
    filled.search(media / "a.png")
    with pytest.raises(
        IndexFolderError, match=r"/stores: is a link to .*/elsewhere, which would be changed; put a cop"
    ):
        filled.rebuild()
    assert sorted(tmp_path.glob("elsewhere/*")) == before


@pytest.mark.parametrize(
    "name",
    ["settings.json", "head.safetensors", "calibration.safetensors", "relevance", "map-pca", "space.safetensors"],
)
def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(
    filled: Index, media: Path, theirs: Path, name: str
) -> None:
    path = filled.folder / name
    theirs.write_bytes(path.read_bytes() if path.exists() else b"years of work\n")
    before = theirs.read_bytes()
    path.unlink(missing_ok=True)
    path.symlink_to(theirs)

    filled.label([str(media / "a.png")], "a")
    filled.label([str(media / "b.png")], "b")
    filled.train_head()
    filled.map("pca")
    filled.search(media / "a.png")
    filled.classify(media / "c.png")
    filled.rebuild(space=filled.folder / "space.safetensors")

    assert theirs.read_bytes() == before
    assert path.is_file()
    assert not path.is_symlink()


def test_an_index_may_lie_behind_a_link_itself(filled: Index, media: Path, tmp_path: Path) -> None:
    filled.close()
    (tmp_path / "by another name").symlink_to(filled.folder)
    with Index.open(tmp_path / "by another name") as index:
        assert index.add([media]).unchanged == 6
        index.rebuild()


def test_a_journal_that_has_sqlite_delete_another_file_is_refused(filled: Index, theirs: Path) -> None:
    filled.close()
    magic, named = bytes.fromhex("d9d505f920a163d7"), os.fsencode(theirs)
    header = (magic + struct.pack(">IIIII", 0, 0, 2, 512, 4096)).ljust(512, b"\0")
    ending = named + struct.pack(">II", len(named), sum(named)) + magic
    journal = filled.folder / "catalog.sqlite-journal"
    journal.write_bytes(header + struct.pack(">I", 2**30 // 4096 + 1) + ending)

    with pytest.raises(CatalogError, match=r"sqlite-journal: names another file, which SQLite would delete; remove it"):
        Index.open(filled.folder)
    assert theirs.exists()
    journal.unlink()
    Index.open(filled.folder).close()


VIA = "filename,region_attributes,region_shape_attributes,file_attributes,file_size,region_count,region_id\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", DEEP),
        ("a.jsonl", DEEP),
        ("a.jams", '{"a":' * 100_000),
        ("a.csv", f'{VIA}a.png,"{DEEP}","{{}}","{{}}",1,1,0\n'),
        ("a.csv", f"path,label\na.png,{'x' * 200_000}\n"),
        ("a.json", f'{{"images": {nested(900)}, "annotations": {nested(900)}, "categories": []}}'),
    ],
)
def test_files_of_labels_that_are_none(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=rf"/{re.escape(name)}: ") as caught:
        read_label_file(tmp_path / name)
    assert len(str(caught.value)) < 500
