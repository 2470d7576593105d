"""What requests have decoded, processes of the server decode, which end with it, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from modag_search import media
from modag_search.media import children
from modag_search.values import Segmentation
from modag_search.web import create_app
from tests.decoders import own_decoders
from tests.made_media import LOW_HZ, sound
from tests.web.conftest import API, serving
from tests.web.test_uploads import ask_with, send

if TYPE_CHECKING:
    from pathlib import Path

    from modag_search import Index


def test_a_server_inside_of_another_decodes_apart(filled: Index, tmp_path: Path) -> None:
    asked = sound(tmp_path / "asked.wav", (LOW_HZ, 1)).read_bytes()
    children.CHILDREN.close()
    outer = Starlette(routes=[Mount("/", create_app(filled))])
    with TestClient(outer, base_url=API) as client:
        assert ask_with(client, send(client, asked)).status_code == 200
    assert own_decoders() != []


def test_a_server_that_ends_leaves_to_others_what_they_decode(filled: Index, tmp_path: Path) -> None:
    path = sound(tmp_path / "long.wav", (LOW_HZ, 120.0))
    stream = media.open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation())
    with media.isolated():
        segments = stream.segments()
        next(segments)
        before = own_decoders()
        with serving(filled):
            pass
        assert sum(1 for _ in segments) > 1
        assert own_decoders() == before
