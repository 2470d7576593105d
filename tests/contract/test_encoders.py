"""What every installed encoder keeps to; one from a plugin is held to it as the built-in ones are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import registry
from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modag_search.encoders import Encoder
    from modag_search.values import Float32Array, Uint8Array

    Segment = Float32Array | Uint8Array

MODELS = Path(__file__).parents[3] / "shared" / "models"
NAMES = registry.encoder_names()


@pytest.fixture(scope="module", autouse=True)
def weights_at_hand() -> Iterator[None]:
    """Weights that cannot be fetched here come from the shared folder, where there is one."""
    with pytest.MonkeyPatch.context() as patch:
        if MODELS.is_dir():
            patch.setenv("MODAG_MODELS", str(MODELS))
        yield


@pytest.fixture(params=NAMES)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return registry.encoder_class(request.param)()


@pytest.fixture(scope="module")
def loaded() -> dict[str, Encoder]:
    return {}


@pytest.fixture
def ready(encoder: Encoder, loaded: dict[str, Encoder]) -> Encoder:
    """An encoder whose weights are here; one for all tests, since networks take long to load."""
    missing = encoder.missing_weights()
    if missing:
        pytest.skip(f"{encoder.name}: {missing}")
    return loaded.setdefault(encoder.name, encoder)


def segments(encoder: Encoder) -> list[Segment]:
    """Segments of odd lengths or sizes, none like another."""
    random = np.random.default_rng(8)
    if encoder.modality == "image":
        sizes = [(64, 48), (1, 1), (300, 7), (224, 224), (513, 640)]
        return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]
    rate_hz = encoder.sample_rate_hz
    lengths = [rate_hz, 1, 10 * rate_hz, 417, 5 * rate_hz + 1]
    return [(0.1 * random.standard_normal(n)).astype(np.float32) for n in lengths]


def test_the_built_in_encoders_are_installed() -> None:
    assert {"clap", "clip", "modag-sound", "efficientnet-lite2", "resnet50", "yamnet"} <= set(NAMES)


def test_the_default_encoders_need_no_download() -> None:
    for name in ("modag-sound", "efficientnet-lite2"):
        assert registry.encoder_class(name)().missing_weights() is None


def test_name_and_card_are_complete(encoder: Encoder) -> None:
    assert registry.encoder_class(encoder.name) is type(encoder)
    assert encoder.modality in MODALITIES
    assert encoder.dimension > 0
    assert encoder.sample_rate_hz > 0
    card = encoder.card
    assert card.summary
    assert "\n" not in card.summary
    assert card.licence
    assert card.source
    assert card.size_bytes >= 0
    assert encoder.weights is None or encoder.weights.encoder == encoder.name


def test_the_fingerprint_is_of_the_specification_alone(encoder: Encoder) -> None:
    assert encoder.fingerprint == type(encoder)().fingerprint
    assert json.loads(json.dumps(encoder.specification)) == encoder.specification
    assert len(encoder.fingerprint) == 32


def test_fingerprints_are_distinct_and_the_same_in_every_process() -> None:
    here = {name: registry.encoder_class(name)().fingerprint for name in NAMES}
    assert len(set(here.values())) == len(here)
    program = (
        "import json, sys\n"
        "from modag_search import registry\n"
        "names = registry.encoder_names()\n"
        "print(json.dumps({name: registry.encoder_class(name)().fingerprint for name in names}))\n"
        "assert 'torch' not in sys.modules, 'finding an encoder must not import torch'"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=environment)
    assert json.loads(done.stdout) == here


def test_features_have_shape_and_type_and_tell_segments_apart(ready: Encoder) -> None:
    batch = segments(ready)
    features = ready.encode(batch)
    assert features.shape == (len(batch), ready.dimension)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) == len(batch)
    assert ready.encode([]).shape == (0, ready.dimension)


def test_features_survive_half_precision(ready: Encoder) -> None:
    features = ready.encode(segments(ready))
    assert np.isfinite(features.astype("<f2")).all()


def test_a_feature_does_not_depend_on_the_batch(ready: Encoder) -> None:
    batch = segments(ready)
    together = ready.encode(batch)
    alone = np.concatenate([ready.encode([segment]) for segment in batch])
    backwards = ready.encode(batch[::-1])[::-1]
    assert together.tobytes() == alone.tobytes() == backwards.tobytes()


def test_a_feature_does_not_depend_on_threads(ready: Encoder) -> None:
    import torch

    batch = segments(ready)
    expected = ready.encode(batch).tobytes()
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            assert ready.encode(batch).tobytes() == expected
            assert torch.get_num_threads() == n_threads
            with ThreadPoolExecutor(4) as pool:
                outcomes = [outcome.tobytes() for outcome in pool.map(ready.encode, [batch] * 4)]
            assert outcomes == [expected] * 4
            assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)


def test_a_feature_does_not_depend_on_the_instance_and_leaves_its_input_alone(ready: Encoder) -> None:
    batch = segments(ready)[:1]
    copy = batch[0].copy()
    assert ready.encode(batch).tobytes() == type(ready)().encode(batch).tobytes()
    assert (batch[0] == copy).all()


def test_encoding_needs_no_gradients(ready: Encoder) -> None:
    import torch

    with torch.enable_grad():
        assert isinstance(ready.encode(segments(ready)[:1]), np.ndarray)
