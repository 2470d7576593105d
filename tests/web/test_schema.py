"""The OpenAPI document is right: what it allows is answered as it says, and what it does not is a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks

from modag_search.web import Limits
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound, video
from tests.toy_encoders import toy_index
from tests.web.conftest import ADDRESS, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

API = "/api/v1"
ADDRESS_OF_SCHEMA = "/openapi.json"
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, toys: None) -> Iterator[TestClient]:
    """A server over an index that has some of everything."""
    folder = tmp_path_factory.mktemp("served")
    media = folder / "media"
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1))
    video(media / "v.mp4")
    picture(media / "copy.png", RED)
    (media / "broken.wav").write_bytes(b"RIFF")
    with toy_index(folder / "index") as index:
        index.add([media])
        index.label([str(media / "a.png"), str(media / "a.wav")], "low")
        index.label(str(media / "b.png"), "middle")
        index.deny(str(media / "c.png"), "low")
        index.tag(str(media / "c.png"), "favourite")
        with serving(index, limits=Limits(uploads_bytes=1024**2)) as client:
            yield client


@pytest.fixture(scope="module")
def schema(served: TestClient) -> Any:
    """What the server says of itself."""
    return schemathesis.openapi.from_dict(served.get(ADDRESS_OF_SCHEMA).json())


def operations() -> list[tuple[str, str]]:
    """Return all that is offered, which takes no index to tell."""
    from modag_search.web.api import ROUTERS, probes

    offered = {API: ROUTERS, "": (probes.router,)}
    return sorted(
        (method, f"{prefix}{route.path}")  # type: ignore[attr-defined]
        for prefix, routers in offered.items()
        for router in routers
        for route in router.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    )


def test_the_document_is_valid(schema: Any) -> None:
    schema.validate()


def test_the_document_holds_all_that_is_offered(served: TestClient) -> None:
    paths = served.get(ADDRESS_OF_SCHEMA).json()["paths"]
    documented = {(method.upper(), path) for path, ways in paths.items() for method in ways}
    assert documented == set(operations())


def test_everything_is_described(served: TestClient) -> None:
    for path, ways in served.get(ADDRESS_OF_SCHEMA).json()["paths"].items():
        for method, operation in ways.items():
            assert operation["description"], (method, path)
            assert "4XX" in operation["responses"], (method, path)
            answer, *_ = [one for status, one in operation["responses"].items() if status.startswith("2")]
            assert all(kind["schema"] for kind in answer["content"].values() if "schema" in kind), (method, path)


@pytest.mark.parametrize(("method", "path"), operations())
def test_whatever_is_asked_is_answered_as_the_document_says(
    served: TestClient, schema: Any, method: str, path: str
) -> None:
    operation = schema[path][method]
    strategy = operation.as_strategy(GenerationMode.POSITIVE)
    if [*operation.iter_parameters(), *operation.body]:  # something that can be said wrongly
        strategy |= operation.as_strategy(GenerationMode.NEGATIVE)

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check(case: schemathesis.Case[Any]) -> None:
        validated(served, case)

    check()


PROBES = ("/health", "/metrics", "/ready")
REAL: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/info", {}),
    ("GET", "/folders", {}),
    ("GET", "/roots", {}),
    ("GET", "/items", {"query": {"n": 3}}),
    ("GET", "/items/{item_id}", {}),
    ("GET", "/items/{item_id}/neighbours", {}),
    ("GET", "/items/{item_id}/waveform", {}),
    ("GET", "/items/{item_id}/spectrogram", {}),
    ("GET", "/items/{item_id}/excerpt", {}),
    ("GET", "/items/{item_id}/thumbnail", {}),
    ("GET", "/items/{item_id}/media", {}),
    ("POST", "/uploads", {"query": {"name": "a.wav"}, "body": b"RIFF", "media_type": "application/octet-stream"}),
    ("POST", "/search", {"body": {"query": "label:low", "places": "all", "copies": True}}),
    ("GET", "/labels", {}),
    ("GET", "/runs", {}),
    ("POST", "/labels/give", {"body": {"ids": [1], "label": "low"}}),
    ("POST", "/labels/take", {"body": {"ids": [2], "label": "low"}}),
    ("POST", "/classify", {"body": {"n": 20}}),
    ("POST", "/explain", {"body": {"id": 1}}),
    ("POST", "/transfer", {"body": {"min_confidence": 0}}),
    ("GET", "/suggest", {}),
    ("GET", "/audit", {"query": {"max_probability": 1}}),
    ("GET", "/audit/pairs", {"query": {"min_rank": 0}}),
    ("GET", "/duplicates", {}),
    ("GET", "/failures", {"query": {"all": True}}),
    ("POST", "/jobs", {"body": {"verb": "index"}}),
    ("GET", "/jobs", {}),
    *(("GET", path, {}) for path in PROBES),
]


@pytest.mark.parametrize(("method", "path", "asked"), REAL, ids=[f"{method} {path}" for method, path, _ in REAL])
def test_what_there_is_is_answered_as_the_document_says(
    served: TestClient, schema: Any, method: str, path: str, asked: dict[str, Any]
) -> None:
    """Of items that there are: what is drawn at random seldom names one."""
    items = {item["kind"]: item["id"] for item in served.get("/items").json()["items"]}
    if "{item_id}" in path:
        asked = asked | {"path_parameters": {"item_id": items["video"]}}
    if method == "POST" and "body" in asked:
        asked = {"media_type": "application/json"} | asked
    case = schema[path if path in PROBES else f"{API}{path}"][method].Case(**asked)
    assert validated(served, case) in {200, 201, 202}


def validated(client: TestClient, case: schemathesis.Case[Any]) -> int:
    """Ask, see that the answer is as the document says, and return its status."""
    asked = case.as_transport_kwargs(base_url=ADDRESS)
    asked["content"] = asked.pop("data", None)
    del asked["cookies"]  # none is described
    answer = client.request(**{key: value for key, value in asked.items() if value is not None})
    case.validate_response(answer, checks=CHECKS)
    return answer.status_code
