"""A server over an index of toys."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from modag_search.web import Access, Limits, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search import Index

ADDRESS = "http://127.0.0.1:8000"
API = f"{ADDRESS}/api/v1"


@contextmanager
def serving(index: Index, *, limits: Limits | None = None, **access: object) -> Iterator[TestClient]:
    """Serve an index to a client that stands for a program on this machine; paths begin below the REST interface."""
    app = create_app(index, access=Access(**access), limits=limits)  # type: ignore[arg-type]
    with TestClient(app, base_url=API, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(filled: Index) -> Iterator[TestClient]:
    """A client of a server over three pictures and three sounds; see `filled`."""
    with serving(filled) as client:
        yield client


@pytest.fixture
def ids(filled: Index) -> dict[str, int]:
    """The ids of the items of `filled`, by the names of their files."""
    return {record.path.rpartition("/")[2]: record.id for record in filled.catalog.items.all()}
