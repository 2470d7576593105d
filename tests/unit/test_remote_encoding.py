"""What a worker of a cluster does with a file: the same as is done here, or a reason; and whom it works for."""

from __future__ import annotations

import os
import pickle
import platform
from typing import TYPE_CHECKING, Any

import pytest

from modag_search import CorruptMediaError, MediaError, ModagError, NotOnWorkerError, UsageError
from modag_search.features import remote
from modag_search.features.cluster import checked_workers
from modag_search.features.encoding import MediaEncoder
from modag_search.features.stored import scanned
from modag_search.media import content_hash
from modag_search.settings import IndexSettings
from modag_search.values import ScannedFile
from tests.made_media import BLUE, RED, picture
from tests.toy_encoders import ToyImage

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search.features.remote import Terms

SETTINGS = IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image")


@pytest.fixture
def terms(toys: None) -> Terms:
    """What a worker must meet."""
    return remote.terms_of(MediaEncoder(SETTINGS))


def encoded(terms: Terms, path: Path, **changed: int) -> Any:
    """Encode a file as it is, or as it would be seen elsewhere."""
    file = scanned(str(path))
    assert file is not None
    file = ScannedFile(**(file._asdict() | changed))
    return remote.encode(terms, file.path, file.size_bytes, file.mtime_ns)


def test_a_worker_gives_what_is_given_here(terms: Terms, media: Path) -> None:
    path = picture(media / "a.png", RED)
    facts, segments = MediaEncoder(SETTINGS).encode_file(str(path))

    given = pickle.loads(pickle.dumps(encoded(terms, path)))

    assert given.facts == facts
    assert [one.feature.tobytes() for one in given.segments] == [
        one.feature.tobytes() for one in segments if one.feature is not None
    ]
    assert given.content_hash == content_hash(str(path))
    assert {"decode", "encode", "hash"} <= given.stage_seconds.keys()


def test_a_worker_keeps_its_encoders(terms: Terms, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remote.make_ready(terms, ["image"]) is None
    monkeypatch.setattr(remote, "MediaEncoder", None)
    assert isinstance(encoded(terms, picture(media / "a.png", RED)), remote.Encoded)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": "9.9"}, "and must have 9.9, as the writer has"),
        ({"fingerprints": {"image": "another"}}, "would give other image features than the writer"),
        ({"settings": {"sound_encoder": "unheard-of"}}, "no encoder named 'unheard-of'"),
    ],
)
def test_a_worker_refuses_whom_it_would_give_other_features(
    terms: Terms, media: Path, changed: dict[str, Any], reason: str
) -> None:
    others = terms | changed
    assert reason in str(remote.make_ready(others, ["image"]))
    error = encoded(others, picture(media / "a.png", RED))
    assert isinstance(error, ModagError)
    assert not isinstance(error, MediaError)
    assert reason in str(error)


def test_encoders_of_another_revision_are_other_encoders(terms: Terms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_KEPT", {})
    monkeypatch.setattr(ToyImage, "revision", "2")
    assert "would give other image features" in str(remote.make_ready(terms, ["sound"]))


def test_what_is_wrong_with_a_file_is_given_and_not_raised(terms: Terms, media: Path) -> None:
    (media / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert isinstance(encoded(terms, media / "a.png"), CorruptMediaError)


def test_a_file_that_cannot_be_read_names_the_machine(
    terms: Terms, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(media / "a.png", RED)
    file = scanned(str(path))
    assert file is not None
    path.unlink()
    error = remote.encode(terms, file.path, file.size_bytes, file.mtime_ns)
    assert isinstance(error, NotOnWorkerError)
    assert error.reason == (
        f"is not there, or out of reach, for a worker: is its folder mounted there? (on {platform.node()})"
    )


@pytest.mark.parametrize("changed", [{"size_bytes": 7}, {"mtime_ns": 10**18}])
def test_another_file_of_the_same_name_is_not_taken_for_it(terms: Terms, media: Path, changed: dict[str, int]) -> None:
    error = encoded(terms, picture(media / "a.png", RED), **changed)
    assert isinstance(error, NotOnWorkerError)
    assert "is the same folder mounted there" in error.reason


def test_a_time_in_whole_seconds_is_the_same_time(terms: Terms, media: Path) -> None:
    path = picture(media / "a.png", RED)
    os.utime(path, ns=(0, 1_700_000_000_900_000_000))
    assert isinstance(encoded(terms, path, mtime_ns=1_700_000_000_000_000_000), remote.Encoded)


def test_a_file_that_changes_meanwhile_is_not_taken(terms: Terms, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(media / "a.png", RED)
    encode_file = MediaEncoder.encode_file

    def changing(self: MediaEncoder, one: str, **options: Any) -> Any:
        done = encode_file(self, one, **options)
        picture(path, BLUE, size=(9, 9))
        return done

    monkeypatch.setattr(MediaEncoder, "encode_file", changing)
    assert "changed while it was read" in str(encoded(terms, path))


def test_an_error_that_cannot_travel_is_given_in_words(
    terms: Terms, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LocalError(Exception):
        """No other process knows it."""

    def failing(self: MediaEncoder, path: str, **options: Any) -> Any:
        raise LocalError("odd")

    monkeypatch.setattr(MediaEncoder, "encode_file", failing)
    error = encoded(terms, picture(media / "a.png", RED))
    assert (type(error), str(error)) == (RuntimeError, "LocalError: odd")


@pytest.mark.parametrize("workers", [None, 1, 64])
def test_workers_may_be_a_number(workers: int | None) -> None:
    assert checked_workers(workers) == workers


@pytest.mark.parametrize(
    "workers",
    [
        *(0, -1, "", "many", "dask://", "dask://host", "dask://:8786", "dask://host:none", "dask://host:99999999"),
        *("dask://host:8786/path", "dask://host:8786?query", "tcp://host:8786", "ray://host:10001", "dask://[::1:8786"),
    ],
)
def test_what_is_neither_a_number_nor_a_scheduler_is_refused(workers: int | str) -> None:
    with pytest.raises(UsageError, match="workers must be"):
        checked_workers(workers)


@pytest.mark.parametrize("workers", ["dask://host:8786", "dask://[::1]:8786", "dask+tls://10.0.0.1:8786/"])
def test_workers_may_be_those_of_a_scheduler(workers: str) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    assert checked_workers(workers) == workers
