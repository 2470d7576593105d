"""Short phrases on the instruments of a General MIDI bank, for a demo without recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

SAMPLE_RATE_HZ = 44_100
PHRASE_S = 4.0


class Voice(NamedTuple):
    """A General MIDI program, counted from 0, and the key that its phrases start from."""

    theme: str
    program: int
    key: int


class Phrase(NamedTuple):
    """Notes of equal length, in semitones above the first key."""

    step_s: float
    semitones: tuple[int, ...]


VOICES = {
    "accordion": Voice("instruments", 21, 60),
    "acoustic_guitar": Voice("instruments", 24, 52),
    "applause": Voice("nature", 126, 60),
    "banjo": Voice("instruments", 105, 55),
    "bassoon": Voice("instruments", 70, 43),
    "bird_tweet": Voice("animals", 123, 64),
    "cello": Voice("instruments", 42, 43),
    "choir": Voice("instruments", 52, 55),
    "church_organ": Voice("instruments", 19, 48),
    "clarinet": Voice("instruments", 71, 60),
    "double_bass": Voice("instruments", 43, 36),
    "electric_guitar": Voice("instruments", 29, 52),
    "flute": Voice("instruments", 73, 72),
    "french_horn": Voice("instruments", 60, 48),
    "harmonica": Voice("instruments", 22, 64),
    "harp": Voice("instruments", 46, 55),
    "harpsichord": Voice("instruments", 6, 60),
    "helicopter": Voice("vehicles", 125, 60),
    "marimba": Voice("instruments", 12, 55),
    "music_box": Voice("instruments", 10, 72),
    "oboe": Voice("instruments", 68, 62),
    "piano": Voice("instruments", 0, 60),
    "recorder": Voice("instruments", 74, 74),
    "saxophone": Voice("instruments", 65, 57),
    "seashore": Voice("nature", 122, 60),
    "sitar": Voice("instruments", 104, 55),
    "string_ensemble": Voice("instruments", 48, 55),
    "telephone": Voice("household", 124, 60),
    "timpani": Voice("instruments", 47, 40),
    "trombone": Voice("instruments", 57, 46),
    "trumpet": Voice("instruments", 56, 62),
    "tuba": Voice("instruments", 58, 34),
    "tubular_bells": Voice("instruments", 14, 60),
    "viola": Voice("instruments", 41, 50),
    "violin": Voice("instruments", 40, 62),
    "xylophone": Voice("instruments", 13, 67),
}
PHRASES = {
    "scale": Phrase(0.45, (0, 2, 4, 5, 7, 9, 11, 12)),
    "arpeggio": Phrase(0.3, (0, 4, 7, 12, 7, 4, 0, 5, 9, 12, 9, 5)),
    "long_notes": Phrase(1.25, (7, 5, 0)),
}


def write_phrases(folder: Path, bank: Path) -> None:
    """Write each phrase on each voice as Ogg Vorbis: ``THEME/VOICE_PHRASE.ogg`` below `folder`."""
    import soundfile

    for name, voice in VOICES.items():
        (folder / voice.theme).mkdir(parents=True, exist_ok=True)
        for phrase_name, phrase in PHRASES.items():
            target = folder / voice.theme / f"{name}_{phrase_name}.ogg"
            samples = render_phrase(bank, voice, phrase)
            soundfile.write(target, samples, SAMPLE_RATE_HZ, format="OGG", subtype="VORBIS")


def render_phrase(bank: Path, voice: Voice, phrase: Phrase) -> npt.NDArray[np.float32]:
    """Play a phrase on one program of a SoundFont bank.

    Returns
    -------
    np.ndarray [shape=(PHRASE_S * SAMPLE_RATE_HZ,), float32]
        Mono, its peak at 0.8.
    """
    import numpy as np
    import tinysoundfont

    synth = tinysoundfont.Synth(samplerate=SAMPLE_RATE_HZ)
    synth.program_select(0, synth.sfload(str(bank)), 0, voice.program)
    parts = []
    for key, sounding, decaying in note_lengths(phrase, voice.key):
        synth.noteon(0, key, 100)
        parts.append(np.frombuffer(synth.generate(sounding), dtype=np.float32))
        synth.noteoff(0, key)
        parts.append(np.frombuffer(synth.generate(decaying), dtype=np.float32))
    mono = np.concatenate(parts).reshape(-1, 2).mean(axis=1)
    return np.asarray(mono * (0.8 / max(float(np.abs(mono).max()), 1e-6)), dtype=np.float32)


def note_lengths(phrase: Phrase, first_key: int) -> Iterator[tuple[int, int, int]]:
    """Yield each note's key, the samples that it is held for, and the samples until the next note.

    The last note rings until the phrase is `PHRASE_S` long.
    """
    step = round(phrase.step_s * SAMPLE_RATE_HZ)
    held = round(0.93 * step)
    total = round(PHRASE_S * SAMPLE_RATE_HZ)
    for number, semitones in enumerate(phrase.semitones):
        is_last = number == len(phrase.semitones) - 1
        end = total if is_last else (number + 1) * step
        yield first_key + semitones, held, end - number * step - held
