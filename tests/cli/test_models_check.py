"""``modag models check``: an encoder answers as it must, or it is said that it does not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from modag_search.encoders import checking
from modag_search.encoders.clap import Clap
from modag_search.encoders.clip import Clip
from modag_search.encoders.modag_sound import ModagSound
from tests.cli.test_light_verbs import run
from tests.shared_folder import shared
from tests.tiny_towers import tiny_towers

if TYPE_CHECKING:
    from tests.cli.command_line import CommandLine
    from tests.tiny_towers import TinyTowers

__all__ = ["tiny_towers"]  # a fixture


@pytest.mark.parametrize("name", ["efficientnet-lite2", "modag-sound"])
def test_what_ships_answers_as_it_must(modag: CommandLine, name: str) -> None:
    outcome = modag("models", "check", name)
    assert outcome.status == 0
    assert len(outcome.data) == 3
    assert all(answer["right"] for answer in outcome.data)
    assert outcome.error == f"{name}: 3 of 3 answers are right"


def test_yamnet_answers_as_it_must(modag: CommandLine) -> None:
    pytest.importorskip("tflite", reason="needs the extra yamnet")
    models = shared("models/yamnet_wavin_quantized_mel_relu6.tflite").parent
    assert modag("models", "check", "yamnet", MODAG_MODELS=str(models)).status == 0


def test_the_default_encoders_are_checked_without_torch(modag: CommandLine) -> None:
    run(modag, ("models", "check", "modag-sound"), ("models", "check", "efficientnet-lite2"))


def test_an_encoder_that_answers_otherwise_is_found_out(modag: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    right = ModagSound.prepare
    monkeypatch.setattr(ModagSound, "prepare", lambda self, samples: right(self, samples)[::-1].copy())
    outcome = modag("models", "check", "modag-sound", "--format", "jsonl")
    assert outcome.status == 1
    assert [json.loads(line)["right"] for line in outcome.stdout.splitlines()] == [False] * 3
    assert outcome.error == "modag-sound: 0 of 3 answers are right"


def test_what_is_not_a_number_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ModagSound, "load_network", lambda self: lambda prepared: np.full(512, np.nan, dtype=np.float32)
    )
    assert not any(answer.right for answer in checking.check(ModagSound()))


@pytest.mark.parametrize(("name", "status"), [("resnet50", 2), ("toy-image", 2), ("nonesuch", 1)])
def test_an_encoder_of_which_nothing_is_known_is_said(modag: CommandLine, name: str, status: int) -> None:
    outcome = modag("models", "check", name)
    assert (outcome.status, outcome.stdout) == (status, b"")
    assert name in outcome.error


def test_other_weights_of_clip_do_not_pass(
    modag: CommandLine, tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = modag("models", "check", "clip", MODAG_MODELS=str(tiny_towers.models))
    assert outcome.status == 1
    assert outcome.stderr.endswith("clip: 0 of 4 answers are right\n")
    known: dict[str, Any] = checking.expectations()
    encoder = Clip()
    for expected in known["clip"]["features"]:
        expected["values"] = encoder.encode([checking.made(expected["of"], encoder)])[0][:8].tolist()
    for expected in known["clip"]["texts"]:
        expected["values"] = encoder.encode_texts([expected["of"]])[0][:8].tolist()
    monkeypatch.setattr(checking, "expectations", lambda: known)
    outcome = modag("models", "check", "clip", MODAG_MODELS=str(tiny_towers.models))
    assert (outcome.status, outcome.error) == (0, "clip: 4 of 4 answers are right")


def test_clap_must_name_what_it_hears(
    modag: CommandLine, tiny_towers: TinyTowers, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_towers.add()
    heard = Clap().encode([checking.made("siren", Clap())])[0]

    def encode_texts(self: Clap, texts: list[str]) -> np.ndarray:
        return np.stack([heard if text == "a siren" else -heard for text in texts])

    monkeypatch.setattr(Clap, "encode_texts", encode_texts)
    outcome = modag("models", "check", "clap", MODAG_MODELS=str(tiny_towers.models))
    answers = {answer["asked"]: (answer["found"], answer["right"]) for answer in outcome.data}
    assert answers["sound siren"] == ("a siren", True)
    assert answers["sound noise"][1] is False
    assert outcome.status == 1


def test_made_media_are_plain() -> None:
    encoder = ModagSound()
    for name in checking.SOUNDS:
        samples = np.asarray(checking.made(name, encoder))
        assert samples.dtype == np.float32
        assert len(samples) == 10 * encoder.sample_rate_hz
        assert 0.1 < np.abs(samples).max() <= 0.5
    spectrum = np.abs(np.fft.rfft(np.asarray(checking.made("tone", encoder))))
    assert spectrum.argmax() == 10 * 1000
    noise = np.abs(np.fft.rfft(np.asarray(checking.made("noise", encoder)))) ** 2
    low, high = noise[1 : len(noise) // 2].mean(), noise[len(noise) // 2 :].mean()
    assert 0.9 < low / high < 1.1
