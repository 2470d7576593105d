"""Named roots: an index whose media lie in different places on different machines."""

from __future__ import annotations

import os
import platform
import shutil
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search import Index
from modag_search.catalog import Catalog
from modag_search.errors import UnreadableMediaError, UsageError
from modag_search.media import Exclusion, PathPattern, content_hash
from tests.catalog_builders import image, put
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Server

pytestmark = pytest.mark.usefixtures("toys")
NOT_UTF8 = os.fsdecode(b"fl\xfcgel.wav")


@contextmanager
def machine(name: str, cache: Path, roots: str = "") -> Iterator[None]:
    """Be on a machine of some name, which keeps its own caches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform, "node", lambda: name)
        patch.setenv("XDG_CACHE_HOME", str(cache / name))
        patch.setenv("MODAG_ROOTS", roots)
        yield


@pytest.fixture(autouse=True)
def on_a(tmp_path: Path) -> Iterator[None]:
    with machine("a", tmp_path / "caches"):
        yield


@pytest.fixture(params=["folder", "database"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an index that is not there yet."""
    if request.param == "folder":
        return str(tmp_path / "index")
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where machine a has the media."""
    folder = tmp_path / "a" / "media"
    for stem, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(folder / "sub" / f"{stem}.png", colour)
        sound(folder / f"{stem}.wav", (hz, 1))
    shutil.copy(folder / "a.wav", folder / NOT_UTF8)
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Where machine b has the media, once `moved`."""
    return tmp_path / "b" / "sounds"


@pytest.fixture
def index(name: str, here: Path, tmp_path: Path) -> Iterator[Index]:
    with Index.open(name, create=True, settings=toy_settings(tmp_path)) as opened:
        assert opened.add([here]).added == 7
        opened.label([here / "a.wav", here / "sub" / "a.png"], "low")
        opened.exclusions.add([f"{here}/drafts/*.wav", f"!{here}/drafts/keep.wav", "*.tmp"])
        assert opened.roots.add("NAS", here) == 7
        yield opened


@contextmanager
def on_b(name: str, tmp_path: Path, here: Path, there: Path) -> Iterator[Index]:
    """The index on machine b, where the media lie elsewhere."""
    there.parent.mkdir(exist_ok=True)
    here.rename(there)
    with machine("b", tmp_path / "caches"), Index.open(name) as index:
        index.roots.place("NAS", there)
        yield index


def paths(index: Index) -> set[str]:
    return {item.path for item in index.catalog.items.all()}


def below(folder: Path) -> set[str]:
    return {os.path.join(at, one) for at, _, names in os.walk(folder) for one in names}


def test_a_root_changes_nothing_on_the_machine_that_named_it(index: Index, here: Path) -> None:
    assert paths(index) == below(here)
    assert index.add([here]).unchanged == 7
    assert [(one.name, one.folder, one.items, one.machines) for one in index.roots.list()] == [
        ("NAS", str(here), 7, {"a": str(here)})
    ]
    assert index.exclusions.patterns == (f"{here}/drafts/*.wav", f"!{here}/drafts/keep.wav", "*.tmp")
    others = below(here) - {str(here / "a.wav")}
    assert {hit.path for hit in index.search(here / "a.wav", n=9, under=[here.parent])} == others
    assert {hit.path for hit in index.search(here / "a.wav", n=9, under=[here / "sub"])} == below(here / "sub")
    with index.catalog._database.as_stored():
        assert {path.split("/")[0] for path in paths(index)} == {"@NAS"}
    assert index.verify() == []


def test_what_has_not_changed_below_a_root_is_not_read_again(index: Index, here: Path) -> None:
    status = (here / "a.wav").stat()
    content = (here / "a.wav").read_bytes()
    (here / "a.wav").write_bytes(content[:-2] + b"\x01\x02")
    os.utime(here / "a.wav", ns=(status.st_atime_ns, status.st_mtime_ns))
    report = index.add([here])
    assert (report.unchanged, report.updated, report.altered) == (7, 0, ()), "that is for `rehash` to find"


def test_another_machine_has_everything_where_its_media_are(
    index: Index, name: str, here: Path, there: Path, tmp_path: Path
) -> None:
    similar = [(Path(hit.path).name, hit.similarity) for hit in index.search(here / "a.wav", n=9)]
    with on_b(name, tmp_path, here, there) as other:
        assert paths(other) == below(there)
        report = other.add([there])
        assert (report.unchanged, report.added, report.moved, report.updated) == (7, 0, 0, 0)
        assert other.item(there / "a.wav").labels == ("low",)
        found = other.search(there / "a.wav", n=9, under=[there])
        assert [(Path(hit.path).name, hit.similarity) for hit in found] == similar
        assert {hit.path for hit in other.search(there / "a.wav", n=9, under=[tmp_path / "b"])} == {
            hit.path for hit in found
        }
        assert other.exclusions.patterns[0] == f"{there}/drafts/*.wav"
        assert other.verify() == []
        shutil.copytree(there / "sub", there / "drafts")
        sound(there / "drafts" / "d.wav", (700, 1))
        sound(there / "drafts" / "keep.wav", (800, 1))
        assert other.add([there]).added == 4
        assert str(there / "drafts" / "d.wav") not in paths(other)
    assert str(here / "drafts" / "keep.wav") in paths(index)


def test_what_is_done_on_another_machine_holds_on_the_first(
    index: Index, name: str, here: Path, there: Path, tmp_path: Path
) -> None:
    with on_b(name, tmp_path, here, there) as other:
        labels = tmp_path / "labels.csv"
        labels.write_text(f"path,label\n{there}/b.wav,mid\n")
        assert other.import_labels(labels).added == 1
        assert {Path(one.path).name for group in other.duplicates() for one in group.items} >= {"a.wav", NOT_UTF8}
        assert other.forget(there / "c.wav").paths == (str(there / "c.wav"),)
        assert str(there / "c.wav") not in paths(other)
        assert other.undo_forget().paths == (str(there / "c.wav"),)
        (there / "c.wav").unlink()
        (there / "sub" / "b.png").rename(there / "b.png")
        (there / "torn.wav").write_bytes(b"RIFF")
        report = other.add([there], prune=True)
        assert (report.removed, report.moved, report.unchanged) == (1, 1, 5)
        assert [failure.path for failure in other.failures()] == [str(there / "torn.wav")]
    there.rename(here)
    assert paths(index) == below(here) - {str(here / "torn.wav")}
    assert [failure.path for failure in index.failures()] == [str(here / "torn.wav")]
    assert index.item(here / "b.wav").labels == ("mid",)
    assert index.add([here]).unchanged == 6


def test_two_machines_at_once_see_their_own_paths(
    index: Index, name: str, here: Path, there: Path, tmp_path: Path
) -> None:
    shutil.copytree(here, there, copy_function=shutil.copy2)
    with machine("b", tmp_path / "caches"):
        other = Index.open(name)
    with closing(other):
        with machine("b", tmp_path / "caches"):
            other.roots.place("NAS", there)
            assert paths(other) == below(there)
            other.label(there / "c.wav", "high")
        assert paths(index) == below(here)
        assert index.item(here / "c.wav").labels == ("high",)


def test_what_lies_below_a_root_without_a_place_is_found_and_kept(
    index: Index, name: str, here: Path, tmp_path: Path
) -> None:
    with machine("b", tmp_path / "caches"), Index.open(name) as other:
        assert "@NAS/a.wav" in paths(other)
        [root] = other.roots.list()
        assert (root.folder, root.items) == (None, 7)
        asked = tmp_path / "asked.wav"
        shutil.copy(here / "a.wav", asked)
        assert "@NAS/a.wav" in {hit.path for hit in other.search(asked, n=2)}
        with pytest.raises(UnreadableMediaError) as caught:
            content_hash("@NAS/a.wav")
        assert str(caught.value) == ("@NAS/a.wav: root NAS has no folder on this machine; `modag roots set NAS FOLDER`")
        shutil.rmtree(here)
        assert other.add([tmp_path], prune=True).removed == 0
        assert "@NAS/a.wav" in paths(other)
        with pytest.raises(UsageError, match="root NAS has no folder on this machine"):
            other.roots.remove("NAS")


def test_the_environment_says_where_roots_lie(index: Index, name: str, here: Path, there: Path, tmp_path: Path) -> None:
    there.parent.mkdir()
    here.rename(there)
    with machine("c", tmp_path / "caches", f"OTHER=/nowhere:NAS={there}"), Index.open(name) as other:
        assert paths(other) == below(there)
        assert other.add([there]).unchanged == 7
    for wrong in ("NAS", "NAS=sounds", "N/S=/a", "NAS=/"):
        with machine("c", tmp_path / "caches", wrong), pytest.raises(UsageError, match="MODAG_ROOTS: "):
            Index.open(name)


def test_a_root_that_is_removed_leaves_absolute_paths(index: Index, here: Path) -> None:
    assert index.roots.remove("NAS") == 7
    assert index.roots.list() == ()
    with index.catalog._database.as_stored():
        assert paths(index) == below(here)
        assert index.exclusions.patterns[0] == f"{here}/drafts/*.wav"
    assert index.add([here]).unchanged == 7


def test_roots_lie_apart_and_are_named_by_words(index: Index, here: Path, tmp_path: Path) -> None:
    for folder, name, words in (
        (here, "NAS", "is a root already"),
        (here / "sub", "SUB", "lies in the root NAS"),
        (tmp_path, "ALL", "or around it"),
        (tmp_path / "none", "NEW", "there is no such folder"),
        (Path("/"), "NEW", "holds everything"),
        (tmp_path / "caches", "N S", "letters and digits"),
        (tmp_path / "caches", "-n", "letters and digits"),
    ):
        (tmp_path / "caches").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=words):
            index.roots.add(name, folder)
    with pytest.raises(UsageError, match="NAs: is no root of this index; did you mean NAS"):
        index.roots.place("NAs", here)
    with pytest.raises(UsageError, match="NONE: is no root of this index"):
        index.roots.remove("NONE")


def test_a_place_that_the_index_knows_by_absolute_paths_is_no_place(
    index: Index, name: str, here: Path, there: Path, tmp_path: Path
) -> None:
    shutil.copytree(here, there)
    with machine("b", tmp_path / "caches"), Index.open(name) as other:
        other.add([there])
        with pytest.raises(UsageError, match="the index holds 7 of its files by their absolute paths already"):
            other.roots.place("NAS", there)
        other.forget(there)
        other.roots.place("NAS", there)
        assert paths(other) == below(there)


def test_what_failed_or_was_forgotten_where_a_root_is_placed_is_meant_by_its_path(
    index: Index, name: str, here: Path, there: Path, tmp_path: Path
) -> None:
    (here / "bad.png").write_bytes(b"no picture")
    assert index.add([here]).failed == 1
    bad, worse = there / "bad.png", there / "worse.png"
    gone = picture(there / "gone.png", (120, 20, 120))
    for path in (bad, worse):
        path.write_bytes(b"no picture either")
    with machine("b", tmp_path / "caches"), Index.open(name) as other:
        assert other.add([bad, worse, gone]).failed == 2
        assert other.forget([worse, gone]).failures == 1
        other.exclusions.add([f"{there}/new"])
        assert len(other.failures()) == 2, "one of another machine is of the same file, as is known soon"
        other.roots.place("NAS", there)
        assert [failure.path for failure in other.failures()] == [str(bad)]
        assert other.exclusions.remove(f"{there}/new") == 1
        assert (other.undo_forget().paths, len(other.failures())) == ((str(gone),), 2)
        assert other.forget([worse]).failures == 1
        picture(bad, (20, 120, 120))
        other.add([bad])
        assert (other.failures(), other.describe(bad).state) == ([], "indexed")
    assert {str(here / "gone.png"), str(here / "bad.png")} < paths(index)


def test_a_copy_of_an_index_has_its_roots(
    index: Index, name: str, here: Path, tmp_path: Path, postgres: Server
) -> None:
    for target in (tmp_path / "copy", postgres.new_database()):
        Index.copy(name, target)
        with Index.open(target) as copy:
            assert paths(copy) == below(here)
            with copy.catalog._database.as_stored():
                assert {path.split("/")[0] for path in paths(copy)} == {"@NAS"}


@pytest.mark.parametrize("name", ["folder"], indirect=True)
@pytest.mark.parametrize("restored_on", ["a", "b"])
def test_a_backup_is_put_back_where_the_media_are(
    index: Index, here: Path, there: Path, tmp_path: Path, restored_on: str
) -> None:
    index.back_up(tmp_path / "mine.modag")
    there.parent.mkdir()
    here.rename(there)
    with machine(restored_on, tmp_path / "caches"):
        report = Index.restore(tmp_path / "mine.modag", tmp_path / "restored", roots={str(here): str(there)})
        assert (report.items, report.missing) == (7, 0)
        with Index.open(tmp_path / "restored") as restored:
            assert paths(restored) == below(there)
            assert restored.add([there]).unchanged == 7
            with restored.catalog._database.as_stored():
                assert {path.split("/")[0] for path in paths(restored)} == {"@NAS"}


def test_folders_move_out_of_a_root_and_around_it(place: str) -> None:
    with Catalog.open(place, create=True) as catalog:
        put(catalog, image("/a/media/sub/1.png"), image("/a/media/2.png"), image("/a/3.png"), image("/a/media2/4.png"))
        assert catalog.roots.add("NAS", "/a/media") == 2
        catalog.relocate({"/a": "/z", "/a/media/sub": "/out"})
        assert {item.path for item in catalog.items.all()} == {
            "/out/1.png",
            "/z/media/2.png",
            "/z/3.png",
            "/z/media2/4.png",
        }
        assert [path for _, path in catalog.items.paths_under("/z")] == [
            "/z/3.png",
            "/z/media/2.png",
            "/z/media2/4.png",
        ]
        assert catalog.items.count_under(["/z"]) == 3
        [root] = catalog.roots.all()
        assert (root.folder, root.items) == ("/z/media", 1)
        assert catalog.check() == []


def test_patterns_of_folders_that_take_each_others_places(place: str) -> None:
    with Catalog.open(place, create=True) as catalog:
        catalog.exclusions.add(["/a/x", "/b/x", "!/b/fl\udcfcgel", "/c/y", "x", "/a"])
        catalog.relocate({"/a": "/b", "/b": "/a"})
        assert catalog.exclusions.all() == ["/b/x", "/a/x", "!/a/fl\udcfcgel", "/c/y", "x", "/a"]
        catalog.exclusions.add(["/a/y", "/z"])
        catalog.relocate({"/c": "/a"})
        assert catalog.exclusions.all() == ["/b/x", "/a/x", "!/a/fl\udcfcgel", "x", "/a", "/a/y", "/z"]


def test_patterns_below_a_root_whose_folder_has_signs_of_patterns(place: str) -> None:
    with Catalog.open(place, create=True) as catalog:
        catalog.exclusions.add(["/nas [1]/x", r"/nas \[1]/y"])
        catalog.roots.add("NAS", "/nas [1]")
        assert catalog.exclusions.all() == [r"/nas \[1]/x", r"/nas \[1]/y"]
        assert PathPattern(r"/nas \[1]/x").matches("nas [1]/x", is_folder=True)
        assert Exclusion("/nas [1]", catalog.exclusions.all()).covering("/nas [1]/y", is_folder=True) is not None
        assert catalog.exclusions.remove(["/nas [1]/x"]) == 1


def test_without_roots_the_catalog_holds_paths_as_before(place: str) -> None:
    odd = ["/@NAS/1.png", "/a/@NAS/2.png", os.fsdecode(b"/a/\xff.png")]
    with Catalog.open(place, create=True) as catalog:
        put(catalog, *map(image, odd))
        with catalog._database.as_stored():
            assert {item.path for item in catalog.items.all()} == set(odd)
        assert [path for _, path in catalog.items.paths_under("/a")] == odd[1:]
