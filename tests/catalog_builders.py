"""Small items for tests of the catalog; what they hold follows from their content's name."""

from __future__ import annotations

import functools
import hashlib
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search.addresses import is_url
from modag_search.catalog import Catalog, migrations
from modag_search.catalog.sqlite import SqliteDatabase
from modag_search.values import EncodedItem, EncodedSegment, Failure, MediaFacts, Pipeline, ScannedFile

if TYPE_CHECKING:
    import os

    from modag_search.values import Float32Array, Modality, SegmentStatus

DIMENSION = 4
SOUND = Pipeline(
    modality="sound",
    encoder="toy-sound",
    dimension=DIMENSION,
    dtype="<f4",
    fingerprint="sound-1",
    specification={"window_s": 10.0},
)
IMAGE = Pipeline(
    modality="image",
    encoder="toy-image",
    dimension=DIMENSION,
    dtype="<f2",
    fingerprint="image-1",
    specification={"size_px": 224},
)
FINGERPRINTS: dict[Modality, str] = {"sound": SOUND.fingerprint, "image": IMAGE.fingerprint}


of_a_file = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""Marks a test of how SQLite keeps a catalog, or of what takes as long on any database."""


def new_catalog(path: str | os.PathLike[str]) -> Catalog:
    """Make a catalog without running the migrations, which take longer than most tests; all begin at one generation.

    One at a URL is there already.
    """
    if is_url(path):
        return Catalog.open(path)
    Path(path).write_bytes(empty_catalog())
    return Catalog.open(path)


@functools.cache
def empty_catalog() -> bytes:
    """What the file of a new catalog holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.sqlite")
        Catalog.open(path, create=True).close()
        return path.read_bytes()


def make_tables_of(path: Path, revision: str) -> None:
    """Make a catalog with the tables of an earlier revision, and nothing in them."""
    from alembic import command

    configuration = migrations.configuration()
    database = SqliteDatabase(path, foreign_keys=False)
    with database.write() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, revision)
    database.close()


def pipelines(catalog: Catalog) -> dict[Modality, int]:
    return {"sound": catalog.pipelines.ensure(SOUND), "image": catalog.pipelines.ensure(IMAGE)}


def put(catalog: Catalog, *items: EncodedItem) -> list[int]:
    """Put items; return their ids."""
    catalog.put(items, pipelines=pipelines(catalog))
    return [id_at(catalog, item.file.path) for item in items]


def id_at(catalog: Catalog, path: str) -> int:
    record = catalog.items.at(path)
    assert record is not None
    return record.id


def file(path: str, *, size_bytes: int = 100, mtime_ns: int = 1_700_000_000_000_000_000) -> ScannedFile:
    return ScannedFile(path, size_bytes, mtime_ns)


def feature(content: str, place: int = 0) -> Float32Array:
    """A feature that float16 holds exactly."""
    digest = hashlib.blake2b(f"{content}:{place}".encode(), digest_size=DIMENSION).digest()
    return np.frombuffer(digest, dtype=np.uint8).astype(np.float32)


def image(path: str, content: str = "a picture") -> EncodedItem:
    segment = EncodedSegment(modality="image", start_s=None, end_s=None, status="ok", feature=feature(content))
    return EncodedItem(
        file=file(path),
        content_hash=content,
        facts=MediaFacts(kind="image", width_px=640, height_px=480),
        segments=(segment,),
    )


def sound(path: str, content: str = "a sound", *, statuses: tuple[SegmentStatus, ...] = ("ok", "ok")) -> EncodedItem:
    """A sound of windows of 10 s, one after the other."""
    segments = tuple(
        EncodedSegment(
            modality="sound",
            start_s=10.0 * place,
            end_s=10.0 * place + 10.0,
            status=status,
            feature=feature(content, place) if status == "ok" else None,
        )
        for place, status in enumerate(statuses)
    )
    return EncodedItem(
        file=file(path),
        content_hash=content,
        facts=MediaFacts(kind="sound", duration_s=10.0 * len(statuses)),
        segments=segments,
    )


def video(path: str, content: str = "a video") -> EncodedItem:
    """A video of a sound of 20 s with a frame at 0 s and one at 10 s."""
    heard = sound(path, content)
    frames = tuple(
        EncodedSegment(modality="image", start_s=at_s, end_s=at_s, status="ok", feature=feature(content, int(at_s)))
        for at_s in (0.0, 10.0)
    )
    facts = MediaFacts(kind="video", duration_s=20.0, width_px=640, height_px=480)
    return replace(heard, facts=facts, segments=heard.segments + frames)


def failure(path: str, *, size_bytes: int | None = 100, mtime_ns: int | None = 1) -> Failure:
    return Failure(
        path=path,
        reason="its header is damaged",
        error="CorruptMediaError",
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
        failed_at="2025-01-02T03:04:05+00:00",
    )


def tamper(catalog: Catalog, *statements: str) -> None:
    """Change the file of a catalog behind its back."""
    with closing(sqlite3.connect(catalog.path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
