"""What all tests share: no test sees the user's own indexes and models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

from modag_search import Index
from tests.catalog_builders import new_catalog
from tests.filled_index import FilledIndex
from tests.postgres import Server, started
from tests.shared_folder import shared
from tests.toy_encoders import install, toy_index
from tests.unsynced import unsynced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.catalog import Catalog

EVERYDAY = {"dog": ("dog_bark", (151, 268)), "rooster": ("rooster", (7, 8)), "sea": ("sea_waves", (976, 978))}
"""What is shown and heard: a class of ESC-10, and the first and the last number of ImageNet's classes."""

# How long an example takes tells of what else the machine does. On a build machine a run must not fail by luck;
# developers' runs go on looking for new examples.
hypothesis.settings.register_profile("plain", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "plain")


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without anything in it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
        for name in ("MODAG_INDEX", "MODAG_MODELS", "NO_COLOR"):
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="session", autouse=True)
def unsynced_disk() -> Iterator[None]:
    """Nobody waits for it."""
    with unsynced():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; where there is none to be had, what needs it is skipped."""
    yield from started()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a test has an empty catalog: a path that is free yet, or the URL of a database; it runs on both."""
    if request.param == "sqlite":
        return str(tmp_path / "catalog.sqlite")
    server: Server = request.getfixturevalue("postgres")
    return server.new_catalog()


@pytest.fixture
def catalog(place: str) -> Iterator[Catalog]:
    """An empty catalog, of either kind."""
    with new_catalog(place) as catalog:
        yield catalog


@pytest.fixture(scope="session")
def toy_plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on the module search path, brings the toy encoders."""
    folder = tmp_path_factory.mktemp("plugins")
    install(folder)
    return folder


@pytest.fixture(scope="module")
def toys(toy_plugins: Path) -> Iterator[None]:
    """The toy encoders are installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toy_plugins))
        yield


@pytest.fixture
def index(tmp_path: Path, toys: None) -> Iterator[Index]:
    """An empty index that uses the toy encoders."""
    with toy_index(tmp_path / "index") as opened:
        yield opened


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """An empty folder for media."""
    folder = tmp_path / "media"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def filled_once(toy_plugins: Path, user_folders: Path, unsynced_disk: None) -> FilledIndex:
    """What `filled` is a copy of: made before any test has changed anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toy_plugins))
        return FilledIndex.make()


@pytest.fixture
def filled(filled_once: FilledIndex, tmp_path: Path, media: Path, toys: None) -> Iterator[Index]:
    """An index of three pictures and three sounds; each sound goes with the picture of its name."""
    filled_once.put(tmp_path)
    with toy_index(tmp_path / "index") as opened:
        yield opened


@pytest.fixture(scope="session")
def everyday_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of pictures and sounds of dogs, roosters and the sea, two of each, by what ships; not to be changed.

    Paths say what they are of.
    """
    photos = sorted(shared("data/photo/imagenet_sample").glob("*.jpg"))
    folder = tmp_path_factory.mktemp("everyday")
    for kind, (heard, (first, last)) in EVERYDAY.items():
        shown = [path for path in photos if first <= int(path.name.partition("_")[0]) <= last][:2]
        sounds = sorted(shared(f"data/sound/esc10/{heard}").glob("*.ogg"))[:2]
        for number, path in enumerate([*shown, *sounds]):
            (folder / f"{kind}-{number}{path.suffix}").symlink_to(path)
    with Index.open(folder / "index", create=True) as index:
        index.add(sorted(str(path) for path in folder.iterdir() if path.is_symlink()), follow_symlinks=True)
    return folder / "index"
