"""Training the sound network on: small runs on made sounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from modag_search.encoders import log_mel
from modag_search.training import mel_augmentation
from modag_search.training.efficientat import EfficientAtNetwork
from modag_search.training.mel_corpus import MelCorpus, TaughtSound
from modag_search.training.sound_encoder import Material, SoundEncoderSettings, SoundEncoderTraining

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.values import Float32Array

SETTINGS = SoundEncoderSettings(steps=4, batch_size=6)


def tone(hz: float, *, seconds: float = 1.0) -> Float32Array:
    times = np.arange(int(seconds * log_mel.SAMPLE_RATE_HZ)) / log_mel.SAMPLE_RATE_HZ
    return (0.3 * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def sounds() -> Iterator[TaughtSound]:
    noise = np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
    for number, hz in enumerate((110, 220, 440, 880)):
        clean = tone(hz, seconds=0.7 + 0.2 * number)
        spoilt = (clean + 0.01 * noise[: len(clean)]).astype(np.float32)
        yield TaughtSound(source="tones", label=f"tone {hz}", samples=clean, spoilt=spoilt)
    yield TaughtSound(source="noises", label="", samples=noise, spoilt=(noise / 2).astype(np.float32))


@pytest.fixture
def corpus(tmp_path: Path) -> MelCorpus:
    return MelCorpus.build(tmp_path / "corpus", sounds())


def lively_network() -> EfficientAtNetwork:
    """A network whose weights are drawn by lot, and that normalises what it hears: without, all sounds are alike."""
    torch.manual_seed(7)
    network = EfficientAtNetwork()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.randn(8, 128, 100))
    return network


def training(corpus: MelCorpus) -> SoundEncoderTraining:
    kinds = [[clip for clip in corpus.clips if clip.source == source] for source in ("tones", "noises")]
    material = [Material(kinds[0], 0.75), Material(kinds[1], 0.25)]
    return SoundEncoderTraining(corpus, material, teacher=lively_network(), settings=SETTINGS)


def weights(run: SoundEncoderTraining) -> bytes:
    return b"".join(value.numpy().tobytes() for value in run.average.state_dict().values())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """How far features spread is told from a few sounds, not from hundreds."""
    drawn = SoundEncoderTraining._batch

    def few(run: SoundEncoderTraining, *, seed: int, n: int, frames: int) -> Any:
        return drawn(run, seed=seed, n=min(n, 12), frames=frames)

    monkeypatch.setattr(SoundEncoderTraining, "_batch", few)


def test_a_run_that_was_broken_off_ends_with_the_same_weights(corpus: MelCorpus, tmp_path: Path) -> None:
    whole = training(corpus)
    start = weights(whole)
    whole.run(checkpoint=tmp_path / "whole.pt", every=4, progress=lambda _step, _losses: None)
    assert weights(whole) != start

    def stop_at_3(step: int, _losses: dict[str, float]) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training(corpus).run(checkpoint=tmp_path / "part.pt", every=2, progress=stop_at_3)
    again = training(corpus)
    again.run(checkpoint=tmp_path / "part.pt", every=2, progress=lambda _step, _losses: None)
    assert weights(again) == weights(whole)


def test_at_the_start_the_network_is_its_teacher_and_only_its_input_differs(corpus: MelCorpus) -> None:
    run = training(corpus)
    assert run.labels == ["tone 110", "tone 220", "tone 440", "tone 880"]
    learnt, taught = run.average.state_dict(), run.teacher.state_dict()
    assert learnt.keys() == taught.keys()
    assert [name for name in taught if not torch.equal(learnt[name], taught[name])] == []
    units = run.hidden_units(corpus.clips, frames=100)
    assert {who: part.shape for who, part in units.items()} == dict.fromkeys(
        ("starting", "trained", "trained_spoilt"), (5, 512)
    )
    assert min(np.ptp(part, axis=0).max() for part in units.values()) > 0.1, "sounds are told apart"
    assert np.abs(units["trained"] - units["starting"]).max() > 0.1, "each hears them at its own level"
    assert np.abs(units["trained"] - units["trained_spoilt"]).max() > 0.1


def test_a_network_is_compared_with_itself_and_with_its_teacher(corpus: MelCorpus) -> None:
    def cosine(one: Float32Array, other: Float32Array) -> float:
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        return float(((one * other).sum(axis=1) / lengths).mean())

    run = training(corpus)
    scores = run.evaluate(corpus.clips, frames=100)
    assert set(scores) == {"same_to_itself", "near_the_start", "same_class", "same_class_spoilt"}
    units = run.hidden_units(corpus.clips, frames=100)
    assert scores["same_to_itself"] == pytest.approx(cosine(units["trained"], units["trained_spoilt"]), abs=1e-3)
    assert scores["near_the_start"] == pytest.approx(cosine(units["trained"], units["starting"]), abs=1e-3)
    assert {5 * scores["same_class"], 5 * scores["same_class_spoilt"]} <= {0, 1, 2, 3, 4, 5}


def test_crops_are_what_the_encoder_would_compute(corpus: MelCorpus) -> None:
    clip = corpus.clips[3]
    clean, heard = corpus.crop(clip, clip.frames, np.random.default_rng(0), spoilt=True)
    expected = log_mel.mel_power(log_mel.emphasised(tone(880, seconds=1.3)))
    np.testing.assert_allclose(clean, expected, rtol=0.02, atol=1e-5)
    assert np.abs(heard - clean).max() > 0.01
    twice, _ = corpus.crop(clip, 2 * clip.frames, np.random.default_rng(0), spoilt=False)
    np.testing.assert_array_equal(twice, np.tile(clean, 2))


def test_the_teacher_hears_sounds_at_its_level(corpus: MelCorpus) -> None:
    clip = corpus.clips[2]
    clean, _ = corpus.crop(clip, clip.frames, np.random.default_rng(0), spoilt=False)
    loud = tone(440, seconds=1.1) * (10 ** (-20 / 20) / (0.3 / np.sqrt(2)))
    differences = loud[1:] - np.float32(0.97) * loud[:-1]
    np.testing.assert_allclose(clean * clip.teacher_gain, log_mel.mel_power(differences), rtol=0.03, atol=1e-3)


def test_mixing_treats_both_versions_alike_and_spoiling_keeps_powers_possible() -> None:
    power = torch.rand(8, 128, 40, generator=torch.Generator().manual_seed(1))
    first, second = mel_augmentation.mix((power, power.clone()), torch.Generator().manual_seed(2))
    assert torch.equal(first, second)
    assert (first >= power).all()
    assert not torch.equal(first, power)
    spoilt = mel_augmentation.spoil(power, torch.Generator().manual_seed(3))
    assert spoilt.shape == power.shape
    assert (spoilt >= 0).all()
    assert torch.isfinite(spoilt).all()
    untouched = [i for i in range(8) if torch.equal(spoilt[i], power[i])]
    assert 0 < len(untouched) < 8
