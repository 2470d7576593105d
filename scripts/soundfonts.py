"""Notes and phrases rendered from soundfonts: training material without recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE_RATE_HZ = 32_000
CLIP_S = 4.0
_PROGRAMS = 128
_DRUM_CHANNEL = 9
_DRUM_KEYS = range(27, 88)


@dataclass(frozen=True, slots=True)
class Note:
    """One key of one instrument, pressed from `start_s` for `length_s`."""

    start_s: float
    length_s: float
    key: int
    velocity: float


def phrase(random: np.random.Generator) -> list[Note]:
    """Draw what a player might do in four seconds: hold a note, play a melody, a chord, or a quick run."""
    centre = int(np.clip(random.normal(60, 12), 28, 96))
    velocity = float(random.uniform(0.3, 1.0))
    kind = random.choice(["note", "melody", "chord", "run"], p=[0.4, 0.3, 0.15, 0.15])
    if kind == "note":
        return [Note(0.0, float(random.uniform(0.15, 3.5)), centre, velocity)]
    if kind == "chord":
        keys = centre + np.array([0, random.choice([3, 4]), 7, 12])[: random.integers(2, 5)]
        length = float(random.uniform(0.5, 3.5))
        return [Note(0.0, length, int(min(key, 108)), velocity) for key in keys]
    step = float(random.uniform(0.3, 0.8) if kind == "melody" else random.uniform(0.08, 0.2))
    keys = np.clip(centre + np.cumsum(random.integers(-4, 5, size=int(CLIP_S / step))), 24, 108)
    return [Note(i * step, step * float(random.uniform(0.4, 1.1)), int(key), velocity) for i, key in enumerate(keys)]


def beat(random: np.random.Generator, key: int) -> list[Note]:
    """Draw hits of one drum: a single one or a pattern."""
    if random.random() < 0.4:
        return [Note(0.0, 1.0, key, float(random.uniform(0.4, 1.0)))]
    step = float(random.uniform(0.12, 0.6))
    starts = np.arange(0.0, CLIP_S - step, step)
    return [Note(float(s), step, key, float(random.uniform(0.3, 1.0))) for s in starts if random.random() < 0.8]


def render_clips(bank: Path, *, clips_a_program: int, clips_a_drum: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """Render every program and every drum of a General MIDI bank.

    Parameters
    ----------
    bank : Path
        A .sf2 file.
    clips_a_program, clips_a_drum : int
    seed : int

    Yields
    ------
    name : str
        ``program-000`` to ``program-127``, ``drum-27`` to ``drum-87``.
    samples : np.ndarray [shape=(128000,), float32]
        Mono, 32 kHz, peak at most 1; silent clips are left out.
    """
    import tinysoundfont

    random = np.random.default_rng(seed)
    synth = tinysoundfont.Synth(gain=-6.0, samplerate=SAMPLE_RATE_HZ)
    font = synth.sfload(str(bank))
    for program in range(_PROGRAMS):
        synth.program_select(0, font, 0, program)
        for _ in range(clips_a_program):
            yield from _played(synth, 0, phrase(random), f"program-{program:03d}")
    synth.program_select(_DRUM_CHANNEL, font, 128, 0, True)
    for key in _DRUM_KEYS:
        for _ in range(clips_a_drum):
            yield from _played(synth, _DRUM_CHANNEL, beat(random, key), f"drum-{key}")
    synth.sfunload(font)


def _played(synth: object, channel: int, notes: list[Note], name: str) -> Iterator[tuple[str, np.ndarray]]:
    samples = _play(synth, channel, notes)
    if np.abs(samples).max(initial=0.0) > 1e-3:
        yield name, samples


def _play(synth, channel: int, notes: list[Note]) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Run the synthesiser from event to event; both stereo sides are averaged."""
    presses = [(note.start_s, True, note) for note in notes]
    releases = [(note.start_s + note.length_s, False, note) for note in notes]
    pieces, now = [], 0
    for when_s, pressed, note in sorted(presses + releases, key=lambda event: (event[0], event[1])):
        at = min(int(when_s * SAMPLE_RATE_HZ), int(CLIP_S * SAMPLE_RATE_HZ))
        if at > now:
            pieces.append(_generate(synth, at - now))
            now = at
        if pressed:
            synth.noteon(channel, note.key, int(127 * note.velocity))
        else:
            synth.noteoff(channel, note.key)
    if now < CLIP_S * SAMPLE_RATE_HZ:
        pieces.append(_generate(synth, int(CLIP_S * SAMPLE_RATE_HZ) - now))
    synth.sounds_off()
    samples = np.concatenate(pieces)
    return samples / max(1.0, float(np.abs(samples).max(initial=0.0)))


def _generate(synth, n_samples: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    stereo = np.frombuffer(synth.generate(n_samples), dtype=np.float32).reshape(-1, 2)
    mono: np.ndarray = stereo.mean(axis=1)
    return mono
