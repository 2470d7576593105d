"""Spoilt media of every format: each is indexed, or listed with its reason, and nothing is printed."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import spoilt_media

from modag_search.errors import MediaError
from modag_search.media import kind_of, open_media
from modag_search.media.kinds import PICTURE_EXTENSIONS
from modag_search.values import Segmentation

if TYPE_CHECKING:
    from collections.abc import Mapping

FUZZER = Path(__file__).parents[2] / "scripts" / "fuzz_media"


@pytest.fixture(scope="module")
def whole() -> Mapping[str, bytes]:
    return spoilt_media.sources()


def decode(path: Path) -> None:
    for _ in open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation()).segments():
        pass


def test_sources_decode_whole(tmp_path: Path, whole: Mapping[str, bytes]) -> None:
    for ending, data in whole.items():
        path = tmp_path / f"a.{ending}"
        path.write_bytes(data)
        assert kind_of(str(path)) is not None
        decode(path)


def test_most_formats_of_pictures_are_among_them(whole: Mapping[str, bytes]) -> None:
    others = {"jpeg", "jpe", "jfif", "heif", "hif", "tiff", "pgm", "pnm", "j2k", "jpx", "icb", "vda", "vst"}
    assert {f".{ending.rsplit('.', 1)[-1]}" for ending in whole} >= PICTURE_EXTENSIONS - {f".{one}" for one in others}


@pytest.mark.parametrize("mutation", dict.fromkeys(spoilt_media.MUTATIONS), ids=lambda mutation: mutation.__name__)
def test_spoilt_media_decode_or_say_why_not_and_print_nothing(
    tmp_path: Path, whole: Mapping[str, bytes], capfd: pytest.CaptureFixture[str], mutation: spoilt_media.Mutation
) -> None:
    chance = random.Random(mutation.__name__)
    for ending, data in whole.items():
        path = tmp_path / f"a.{ending}"
        path.write_bytes(mutation(bytearray(data), chance, whole["png"]) or b"\0")
        with suppress(MediaError):
            decode(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("ending", ["wav", "ogg", "mp3"])
@pytest.mark.parametrize("place", [150, 400, 700, 1000, 1500])
def test_damaged_mp3_under_any_name_prints_nothing(
    tmp_path: Path, whole: Mapping[str, bytes], capfd: pytest.CaptureFixture[str], ending: str, place: int
) -> None:
    data = bytearray(whole["mp3"])
    data[place : place + 60] = bytes(range(60, 0, -1))
    path = tmp_path / f"a.{ending}"
    path.write_bytes(data)
    with suppress(MediaError):
        decode(path)
    assert capfd.readouterr().err == ""


def test_a_mutant_is_known_by_its_number() -> None:
    first, again = (spoilt_media.mutant(7, random.Random("0/7")) for _ in range(2))
    assert first == again


def test_fuzzing_says_what_became_of_each(tmp_path: Path) -> None:
    command = [sys.executable, str(FUZZER), "--mutants", "12", "--workers", "1", "--keep", str(tmp_path / "found")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "12 mutants in" in done.stdout
    assert not (tmp_path / "found").exists()
