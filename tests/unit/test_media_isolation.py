"""Media that other processes decode: the same to the bit, and of what becomes of them, this process hears alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from contextlib import contextmanager
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from modag_search import media
from modag_search.errors import (
    CorruptMediaError,
    DecoderError,
    MediaError,
    OversizedMediaError,
    UnreadableMediaError,
    UsageError,
)
from modag_search.media import children, isolation, waiting
from modag_search.media.allowance import DECODING_BYTES, Allowance
from modag_search.values import Segmentation
from tests import hostile_decoders
from tests.decoders import PATIENCE_S, own_decoders, seen_to_end
from tests.hostile_decoders import GATE, await_the_gate
from tests.made_media import BLUE, LOW_HZ, RED, picture, sound, video
from tests.unit import broken_media

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modag_search.values import DecodedSegment, MediaFacts

LONG_S = 120.0
LEAVES = (
    "import sys; sys.path[:] = sys.argv[2:]; from modag_search.media import child; child.IDLE_S = 0; "
    "child.main({lifeline})"
)
"""A process that decodes, but has no patience to wait for a file."""


@pytest.fixture
def isolated() -> Iterator[None]:
    """Decoding is isolated, in processes that are new."""
    children.CHILDREN.close()
    with media.isolated():
        yield


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decoding is isolated, in processes that come to grief over some files."""
    with monkeypatch.context() as patch:
        patch.setattr(children, "_PROGRAM", hostile_decoders.PROGRAM)
        children.CHILDREN.close()
        with media.isolated():
            yield
        children.CHILDREN.close()


def opened(path: Path | str, *, start_s: float | None = None, end_s: float | None = None) -> media.MediaStream:
    return media.open_media(str(path), sample_rate_hz=16_000, segmentation=Segmentation(), start_s=start_s, end_s=end_s)


def decoded(path: Path | str) -> tuple[list[DecodedSegment], MediaFacts]:
    stream = opened(path)
    return list(stream.segments()), stream.facts


def as_bytes(path: Path | str) -> object:
    """All that decoding tells of a file, to the bit."""
    try:
        segments, facts = decoded(path)
    except MediaError as error:
        return type(error), error.path, error.reason
    return [(astuple(one)[:3], one.data.dtype, one.data.tobytes(), one.status, one.peak) for one in segments], facts


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count what is taken of the memory for decoding."""
    taken: list[int] = []

    class Counted(Allowance):
        @contextmanager
        def take(self, amount: int) -> Iterator[None]:
            taken.append(amount)
            with super().take(amount):
                yield

    with monkeypatch.context() as patch:
        patch.setattr(children, "DECODING_BYTES", Counted(DECODING_BYTES.total))
        yield taken


def test_media_are_the_same_to_the_bit(tmp_path: Path) -> None:
    files = [picture(tmp_path / "a.png", RED), video(tmp_path / "b.mp4"), sound(tmp_path / "c.wav", (LOW_HZ, 31))]
    (tmp_path / "d.jpg").write_bytes(files[0].read_bytes())
    broken = [one.path for one in broken_media.build(tmp_path / "broken")]
    paths: list[Path | str] = [*files, tmp_path / "d.jpg", tmp_path / "none.wav", *broken]
    here = [as_bytes(path) for path in paths]

    with media.isolated():
        apart = [as_bytes(path) for path in paths]

    assert apart == here
    assert own_decoders() != []


def test_a_part_and_a_range_that_cannot_be_meant(isolated: None, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", (LOW_HZ, 20))
    assert [(one.start_s, one.end_s) for one in opened(path, start_s=3.0, end_s=4.0).segments()] == [(3.0, 4.0)]
    with pytest.raises(UsageError, match=r"a.wav: the range from 30 s to the end lies outside the file"):
        list(opened(path, start_s=30.0).segments())


def test_a_relative_name_and_one_that_is_no_utf_8(
    isolated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded(picture(tmp_path / "a.png", RED))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    name = os.fsdecode(b"\xff.png")
    with open(name, "wb") as file:
        file.write((tmp_path / "a.png").read_bytes())
    assert len(decoded(name)[0]) == 1
    with pytest.raises(UnreadableMediaError) as raised:
        decoded(os.fsdecode(b"\xfe.png"))
    assert raised.value.path == os.fsdecode(b"\xfe.png")


def test_previews_are_the_same(tmp_path: Path) -> None:
    path = str(picture(tmp_path / "a.png", BLUE, size=(300, 200)))
    jpeg, square = media.picture_as_jpeg(path, longer_side_px=64), media.read_thumbnail(path, side_px=16)
    with media.isolated():
        assert media.picture_as_jpeg(path, longer_side_px=64) == jpeg
        np.testing.assert_array_equal(media.read_thumbnail(path, side_px=16), square)
        with pytest.raises(UnreadableMediaError, match="does not exist"):
            media.picture_as_jpeg(f"{path}.png", longer_side_px=64)


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24), ("FLOAT", 24), ("VORBIS", None)])
def test_all_channels_come_at_the_rate_that_the_file_has(tmp_path: Path, subtype: str, bits: int | None) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (30_000, 2)).astype(np.float32)
    path = str(tmp_path / f"a.{'wav' if bits else 'ogg'}")
    soundfile.write(path, samples, 11_025, subtype=subtype)

    def read() -> tuple[np.ndarray, MediaFacts]:
        opened = media.open_media(path, sample_rate_hz=None, segmentation=Segmentation(), all_channels=True)
        (segment,) = opened.segments()
        return segment.data, opened.facts

    here, facts = read()
    assert here.shape == samples.shape
    assert facts.sound_form == (11_025, 2, bits)
    if bits:
        np.testing.assert_allclose(here, samples, atol=2.0 ** (1 - bits))
    with media.isolated():
        apart, facts_apart = read()
    np.testing.assert_array_equal(apart, here)
    assert facts_apart == facts


def test_who_wants_no_more_of_a_file_leaves_its_process_to_the_next(
    isolated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_STOP_S", PATIENCE_S)
    long = sound(tmp_path / "long.wav", (LOW_HZ, LONG_S))
    for _ in range(3):
        segments = opened(long).segments()
        next(segments)
        segments.close()  # type: ignore[attr-defined]
    before = own_decoders()
    decoded(picture(tmp_path / "a.png", RED))
    assert own_decoders() == before
    assert len(before) == 1


def test_what_is_collected_as_garbage_while_a_process_is_lent_is_given_back(
    isolated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sound(tmp_path / "long.wav", (LOW_HZ, LONG_S))
    dropped = opened(path).segments()
    next(dropped)
    leave_out_the_dead = children.CHILDREN._leave_out_the_dead

    def collecting_garbage() -> None:
        """As the collector may in any statement: here it is one with the lock held."""
        dropped.close()  # type: ignore[attr-defined]
        leave_out_the_dead()

    monkeypatch.setattr(children.CHILDREN, "_leave_out_the_dead", collecting_garbage)
    reader = threading.Thread(target=decoded, args=(picture(tmp_path / "a.png", RED),), daemon=True)
    reader.start()
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    monkeypatch.undo()
    with seen_to_end(own_decoders()):
        children.CHILDREN.close()
    assert not own_decoders()


def test_pictures_take_their_part_of_the_memory_for_decoding(
    isolated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png", RED, size=(400, 300))
    with counted(monkeypatch) as taken:
        decoded(path)
    assert taken == [400 * 300 * 4]


def test_who_waits_for_memory_is_let_in_when_there_is_some(
    isolated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png", RED)
    asked = threading.Event()
    order: list[str] = []

    class Told(Allowance):
        @contextmanager
        def take(self, amount: int) -> Iterator[None]:
            asked.set()
            with super().take(amount):
                order.append("taken")
                yield

    memory = Told(DECODING_BYTES.total)
    monkeypatch.setattr(children, "DECODING_BYTES", memory)
    thread = threading.Thread(target=decoded, args=[path])
    with Allowance.take(memory, memory.total):
        thread.start()
        assert asked.wait(PATIENCE_S)
        order.append("given back")
    thread.join()
    assert order == ["given back", "taken"]


def test_a_decoder_that_crashes_costs_its_file_alone(hostile: None, tmp_path: Path) -> None:
    crash, fine = picture(tmp_path / "crash.png", RED), picture(tmp_path / "fine.png", RED)
    decoded(fine)
    with pytest.raises(CorruptMediaError, match=r"crash.png: crashes its decoder \(SIGSEGV\)"):
        decoded(crash)
    assert len(decoded(fine)[0]) == 1


def test_a_decoder_that_does_not_come_to_an_end_is_ended(
    hostile: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang, fine = picture(tmp_path / "hang.png", RED), picture(tmp_path / "fine.png", RED)
    decoded(fine)
    with seen_to_end(own_decoders()), monkeypatch.context() as patch:
        patch.setattr(waiting, "QUIET_S", 0.2)
        with pytest.raises(CorruptMediaError, match=r"hang.png: does not decode: nothing came of it within 0 s"):
            decoded(hang)
    assert len(decoded(fine)[0]) == 1


@pytest.mark.parametrize("name", ["stall", "dribble"])
def test_a_decoder_that_gives_nothing_whole_is_ended(
    hostile: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = picture(tmp_path / f"{name}.png", RED)
    children.CHILDREN.start(1)
    monkeypatch.setattr(waiting, "QUIET_S", 0.2)
    with (
        seen_to_end(own_decoders()),
        pytest.raises(CorruptMediaError, match=r".png: does not decode: nothing came of it within 0 s"),
    ):
        decoded(path)


def test_a_file_that_never_ends_is_ended(hostile: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(tmp_path / "endless.png", RED)
    children.CHILDREN.start(1)
    monkeypatch.setattr(waiting, "WHOLE_S", 0.2)
    with (
        seen_to_end(own_decoders()),
        pytest.raises(CorruptMediaError, match=r"endless.png: does not decode: it did not come to its end within 0 s"),
    ):
        for _ in opened(path).segments():
            pass


def test_a_decoder_gets_no_more_memory_than_there_is(hostile: None, tmp_path: Path) -> None:
    with pytest.raises(CorruptMediaError, match=r"boundless.png: crashes its decoder"):
        decoded(picture(tmp_path / "boundless.png", RED))
    with DECODING_BYTES.take(DECODING_BYTES.total):
        pass


def test_a_decoder_that_leaves_as_it_gets_a_file_costs_nothing(
    isolated: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "a.png", RED)
    with monkeypatch.context() as patch:
        patch.setattr(children, "_PROGRAM", LEAVES)
        children.CHILDREN.start(1)
    with seen_to_end(own_decoders()):
        pass
    monkeypatch.setattr(children.CHILDREN, "_leave_out_the_dead", lambda: None)  # as long as it is seen to live
    assert len(decoded(path)[0]) == 1


def test_a_decoder_takes_no_more_memory_than_it_may(hostile: None, tmp_path: Path) -> None:
    with pytest.raises(OversizedMediaError, match=r"greedy.png: needs more than 4 GiB of memory to be decoded"):
        decoded(picture(tmp_path / "greedy.png", RED))
    assert len(decoded(picture(tmp_path / "fine.png", RED))[0]) == 1


def test_a_decoder_that_was_killed_is_no_fault_of_its_file(hostile: None, tmp_path: Path) -> None:
    with pytest.raises(UnreadableMediaError, match=r"was killed \(SIGKILL\).*; the next run tries it again"):
        decoded(picture(tmp_path / "killed.png", RED))
    with pytest.raises(UnreadableMediaError, match=rf"was killed \(signal {signal.SIGRTMIN + 3}\).*; the next run"):
        decoded(picture(tmp_path / "real-time.png", RED))


def test_a_crash_after_other_files_is_tried_again_and_segments_go_on_where_they_were(
    isolated: None, tmp_path: Path
) -> None:
    long = sound(tmp_path / "long.wav", (LOW_HZ, LONG_S))
    whole, facts = decoded(long)
    (decoder,) = own_decoders()

    stream = opened(long)
    segments = stream.segments()
    again = [next(segments)]
    with seen_to_end([decoder]):
        os.kill(decoder, signal.SIGSEGV)
    again += segments

    assert [one.data.tobytes() for one in again] == [one.data.tobytes() for one in whole]
    assert stream.facts == facts
    assert decoder not in own_decoders()


def test_a_process_that_ended_while_it_had_nothing_to_do_is_replaced(isolated: None, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", RED)
    decoded(path)
    with seen_to_end(own_decoders()):
        for decoder in own_decoders():
            os.kill(decoder, signal.SIGKILL)
    assert len(decoded(path)[0]) == 1


def test_no_process_to_decode_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children.CHILDREN.close()
    monkeypatch.setattr(children, "_PROGRAM", "raise SystemExit(7)")
    with media.isolated(), pytest.raises(DecoderError, match=r"does not start \(exit status 7\)"):
        decoded(picture(tmp_path / "a.png", RED))


@pytest.mark.parametrize(
    ("name", "value"), [("executable", None), ("executable", ""), ("executable", "/dev/null"), ("frozen", True)]
)
def test_where_there_is_no_python_to_start_media_are_decoded_here(
    isolated: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: object,
) -> None:
    isolation._warn_once.cache_clear()
    monkeypatch.setattr(sys, name, value, raising=False)
    media.Isolation().start(1)
    assert len(decoded(picture(tmp_path / "a.png", RED))[0]) == 1
    assert own_decoders() == []
    assert [record.getMessage() for record in caplog.records] == [
        "media are decoded in this process, which a bad file may end: no Python is there to start others"
    ]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is told when a hostile decoder hangs."""
    os.mkfifo(tmp_path / "gate")
    monkeypatch.setenv(GATE, str(tmp_path / "gate"))
    told = os.open(tmp_path / "gate", os.O_RDONLY | os.O_NONBLOCK)
    yield told
    os.close(told)


@pytest.mark.parametrize("is_inner", [False, True])
def test_who_breaks_off_waits_for_no_decoder(told: int, hostile: None, tmp_path: Path, is_inner: bool) -> None:
    hang = picture(tmp_path / "hang.png", RED)
    outer = media.Isolation()
    failures: list[str] = []

    def decode() -> None:
        outer.enter_thread()
        with media.isolated() as inner:
            if is_inner:
                inner.enter_thread()
            try:
                decoded(hang)
            except UnreadableMediaError as error:
                failures.append(str(error))

    thread = threading.Thread(target=decode)
    thread.start()
    await_the_gate(told)
    outer.interrupt()
    thread.join()

    assert failures == [f"{hang}: was not read to its end"]


def test_who_breaks_off_leaves_to_others_what_they_decode(isolated: None, tmp_path: Path) -> None:
    segments = opened(sound(tmp_path / "long.wav", (LOW_HZ, LONG_S))).segments()
    next(segments)
    before = own_decoders()
    media.Isolation().interrupt()
    assert sum(1 for _ in segments) > 1
    assert own_decoders() == before


def test_a_process_that_was_forked_leaves_decoders_alone(isolated: None, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", RED)
    decoded(path)
    before = own_decoders()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        forked = os.fork()
    if not forked:
        children.CHILDREN.close()
        os._exit(0)
    assert os.waitpid(forked, 0)[1] == 0
    assert len(decoded(path)[0]) == 1
    assert own_decoders() == before
