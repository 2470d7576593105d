"""The map of an index: kept with it, and made anew where it has changed."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import Index, ItemMap, errors
from modag_search.search import item_map
from modag_search.search.layout import Layout, by_variance
from tests.made_media import BLACK, HIGH_HZ, RED, picture, sound, video
from tests.toy_encoders import toy_index, toy_space

if TYPE_CHECKING:
    from pathlib import Path

BY_UMAP = "map-umap"


def places(found: ItemMap) -> dict[str, tuple[float, ...]]:
    """Return where each file lies, by name."""
    rows = zip(found.paths, found.positions.tolist(), strict=True)
    return {os.path.basename(path): tuple(round(one, 3) for one in place) for path, place in rows}


def many(index: Index, media: Path, n: int) -> None:
    """Add pictures of `n` colours."""
    for number in range(n):
        picture(media / f"{number:03}.png", (10 + 5 * number, 250 - 5 * number, 40 + number % 7))
    index.add([media])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items there were each time that a map was made as a whole; UMAP's stand-in is another layout."""
    counts: list[int] = []

    def lay_out(vectors: np.ndarray) -> Layout:
        counts.append(len(vectors))
        return by_variance(vectors[:, ::-1])

    monkeypatch.setattr(item_map, "by_variance", lay_out)
    monkeypatch.setattr(item_map, "by_neighbours", lay_out)
    return counts


def test_each_item_has_a_place_and_sounds_lie_with_their_pictures(filled: Index) -> None:
    found = filled.map()
    assert (found.method, len(found), found.unplaced) == ("pca", 6, 0)
    assert found.ids.tolist() == sorted(found.ids.tolist())
    assert sorted(found.kinds) == ["image"] * 3 + ["sound"] * 3
    lies = places(found)
    for name in "abc":
        assert lies[f"{name}.png"] == pytest.approx(lies[f"{name}.wav"], abs=0.2)
    assert np.abs(found.positions).max() == 1
    assert found.explained == pytest.approx(1, abs=0.05)


def test_an_index_without_items_and_with_one_has_a_map(index: Index, media: Path) -> None:
    assert (len(index.map()), index.map().positions.shape) == (0, (0, 2))
    picture(media / "a.png", RED)
    index.add([media])
    found = index.map()
    assert (places(found), found.explained) == ({"a.png": (0, 0)}, None)


def test_one_modality_alone_has_a_map(index: Index, media: Path) -> None:
    many(index, media, 5)
    assert len(set(places(index.map()).values())) == 5


def test_a_video_is_one_point_between_what_is_seen_and_heard(filled: Index, media: Path) -> None:
    video(media / "film.mp4")
    filled.add([media])
    found = filled.map()
    assert sum(path.endswith("film.mp4") for path in found.paths) == 1
    assert found.kinds[found.paths.index(str(media / "film.mp4"))] == "video"


def test_what_nothing_finds_has_no_place_and_is_counted(filled: Index, media: Path) -> None:
    picture(media / "black.png", BLACK)
    filled.add([media])
    found = filled.map()
    assert (len(found), found.unplaced) == (6, 1)
    assert str(media / "black.png") not in found.paths


def test_pictures_and_sounds_that_no_space_joins_lie_side_by_side(filled: Index, media: Path) -> None:
    settings = filled.settings
    with Index.open(
        media.parent / "apart",
        create=True,
        settings=type(settings)(sound_encoder="toy-sound", image_encoder="toy-image", space="auto"),
    ) as apart:
        apart.add([media])
        found = apart.map()
    for kind, (x, _) in zip(found.kinds, found.positions.tolist(), strict=True):
        assert x <= 0 if kind == "image" else x >= 0


def test_a_map_is_kept_and_read_by_others(filled: Index, made: list[int]) -> None:
    first = filled.map()
    with Index.open(filled.folder) as other:
        assert np.array_equal(other.map().positions, first.positions)
    assert np.array_equal(filled.map().positions, first.positions)
    assert made == [6]


def test_labels_do_not_change_a_map(filled: Index, media: Path, made: list[int]) -> None:
    filled.map()
    filled.label([media / "a.wav"], "low")
    filled.map()
    assert made == [6]


@pytest.mark.parametrize("method", ["pca", "umap"])
@pytest.mark.parametrize("spoil", ["damaged", "missing", "cut", "of another format"])
def test_a_map_that_does_not_hold_is_made_anew(filled: Index, made: list[int], method: str, spoil: str) -> None:
    first = filled.map(method)  # type: ignore[arg-type]
    path = filled.folder / f"map-{method}"
    content = path.read_bytes()
    if spoil == "missing":
        path.unlink()
    elif spoil == "cut":
        path.write_bytes(content[:-3])
    elif spoil == "damaged":
        path.write_bytes(content[:-3] + b"xyz")
    else:
        from modag_search.files import read_checked, write_checked

        header, payload = read_checked(path)
        write_checked(path, {**header, "format": "modag-map/0"}, memoryview(payload))
    with Index.open(filled.folder) as other:
        assert np.array_equal(other.map(method).positions, first.positions)  # type: ignore[arg-type]
    assert made == [6, 6]
    assert path.read_bytes() == content


def test_what_comes_changes_and_goes_is_on_the_next_map(filled: Index, media: Path, made: list[int]) -> None:
    filled.map()
    picture(media / "d.png", (200, 200, 20))
    filled.add([media])
    assert len(filled.map()) == 7
    (media / "a.png").unlink()
    filled.add([media], prune=True)
    assert "a.png" not in places(filled.map())
    assert made == [6, 7, 6]


def test_a_file_that_moves_keeps_its_place(filled: Index, media: Path) -> None:
    lay = places(filled.map())
    os.rename(media / "a.png", media / "z.png")
    filled.add([media])
    lies = places(filled.map())
    assert lies["z.png"] == lay["a.png"]


def test_a_map_of_another_space_does_not_hold(filled: Index, tmp_path: Path, made: list[int]) -> None:
    filled.map("umap")
    (tmp_path / "turned.safetensors").write_bytes(toy_space(turned=True).to_bytes())
    filled.rebuild(space=tmp_path / "turned.safetensors")
    filled.map("umap")
    assert made == [6, 6]


def test_what_comes_after_a_map_by_neighbours_is_placed_amid_them(index: Index, media: Path, made: list[int]) -> None:
    many(index, media, 40)
    lay = places(index.map("umap"))
    before = (index.folder / BY_UMAP).read_bytes()
    shutil.copy(media / "010.png", media / "again.png")
    picture(media / "near.png", (61, 199, 43))
    (media / "000.png").unlink()
    index.add([media], prune=True)
    lies = places(index.map("umap"))
    assert {name: place for name, place in lies.items() if name in lay} == {
        name: place for name, place in lay.items() if name != "000.png"
    }
    for name in ("again.png", "near.png"):
        assert lies[name] == pytest.approx(lay["010.png"], abs=0.3)
    assert made == [40]
    assert (index.folder / BY_UMAP).read_bytes() == before
    with Index.open(index.folder) as other:
        assert places(other.map("umap")) == lies


def test_a_changed_picture_gets_another_place_amid_its_new_neighbours(
    index: Index, media: Path, made: list[int]
) -> None:
    many(index, media, 40)
    lay = places(index.map("umap"))
    picture(media / "000.png", (10 + 5 * 39, 250 - 5 * 39, 40))
    index.add([media])
    lies = places(index.map("umap"))
    assert lies["000.png"] == pytest.approx(lay["037.png"], abs=0.3)
    assert made == [40]


def test_a_map_by_neighbours_is_made_anew_once_a_tenth_is_new(index: Index, media: Path, made: list[int]) -> None:
    many(index, media, 20)
    index.map("umap")
    many(index, media, 25)
    index.map("umap")
    assert made == [20, 25]


def test_a_folder_that_cannot_be_written_has_a_map_in_memory(
    filled: Index, media: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise errors.StoreError(f"{path}: cannot be written")

    monkeypatch.setattr(item_map, "write_checked", refuse)
    many(filled, media, 30)
    first = filled.map("umap")
    assert np.array_equal(filled.map("umap").positions, first.positions)
    assert not (filled.folder / BY_UMAP).exists()
    for number in range(2):  # what came is placed amid what the one map in memory has
        sound(media / f"more-{number}.wav", (HIGH_HZ - number, 1))
        filled.add([media])
        assert places(filled.map("umap")).items() >= places(first).items()
    assert made == [36]


def test_an_unknown_method_is_refused_by_name(filled: Index) -> None:
    with pytest.raises(errors.UsageError, match="method must be pca or umap, not 'tsne'"):
        filled.map("tsne")  # type: ignore[arg-type]


def test_umap_that_is_not_installed_says_what_installs_it(filled: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(errors.MissingExtraError, match=r"modag-search\[map\]"):
        filled.map("umap")
    assert len(filled.map()) == 6


def test_the_map_of_a_new_index_of_the_same_files_is_the_same(filled: Index, media: Path, tmp_path: Path) -> None:
    with toy_index(tmp_path / "second") as second:
        second.add([media])
        assert places(second.map()) == places(filled.map())
