"""What the headers of sounds promise, and headers that were never finished.

A recorder that crashes, and a program that writes to a pipe, leave sizes that are zero, a placeholder, or out of date.
Players then read to the end of the file. Decoders do so for some formats only, and they quietly shorten a sound that
was cut off to the bytes that are there.
"""

from __future__ import annotations

import re
import struct
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from modag_search.media.flac_frames import samples_in
from modag_search.media.framing import framing_of
from modag_search.media.kinds import SIGNATURE_BYTES, appearance_of
from modag_search.media.raw_streams import after_id3, layer_3_form
from modag_search.media.views import View, read_at, size_of
from modag_search.values import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST_CHUNKS: Final = 1000
_PLACEHOLDERS: Final = {"I": 0x7FFFF000, "Q": 0x7FFF_FFFF_FFFF_F000}
"""Programs that write to a pipe leave these or more as the size, by the width of its field."""

_LEAST_SOUND: Final = 4096
"""Fewer bytes behind the end that a header tells are no sound, whatever they are."""

_SLOPPY: Final = 8
"""By so many bytes the size of a whole file is off where programs forget to count its own head."""

_SURE_BYTES: Final = 4
"""Signatures of fewer bytes turn up among samples."""

_SMALLEST_SAMPLES: Final = b"\x00\x00\x01\x00"
"""0 and 1, with which an ICO begins, too."""

_BLOCK_BYTES: Final = 1 << 20
_TAGS: Final = (b"TAG", b"ID3", b"APETAGEX", b"LYRICS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the header of a sound promises.

    Attributes
    ----------
    share : float
        How much of the bytes that it promises is there, in [0, 1]; 1.0 where it promises nothing usable.
    lasts_s : float
        How many seconds it promises where decoders do not tell; 0.0 where it promises none.
    patches : Mapping of int to bytes
        What it would say had it been finished, by place in the file; empty where it was.
    remarks : tuple of Remark
    """

    share: float = 1.0
    lasts_s: float = 0.0
    patches: Mapping[int, bytes] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()

    def finish(self, file: BinaryIO) -> BinaryIO:
        """Return the file as it would be with a header that was finished; the file itself where it was."""
        if not self.patches:
            return file
        return View(file, start=0, stop=size_of(file), patches=self.patches).as_file()


class _Size(NamedTuple):
    """A size in a header: where it stands, how, and what it counts besides the samples."""

    place: int
    form: str
    besides: int

    @property
    def largest(self) -> int:
        """The largest number that it can tell."""
        n_bits = 8 * struct.calcsize(self.form)
        return (1 << n_bits) - 1

    def holding(self, n_bytes: int) -> bytes:
        """Return the size of so many bytes of samples; the largest where they are more than it can tell."""
        return struct.pack(self.form, min(n_bytes + self.besides, self.largest))


class _Samples(NamedTuple):
    """Where samples begin, how many bytes of them are promised, by what, and where the file ends if all are there."""

    start: int
    promised: int
    size: _Size
    whole: int | None


class _Chunk(NamedTuple):
    name: bytes
    start: int
    length: int
    size_at: int


class _Layout(NamedTuple):
    """How a format lays out its chunks.

    `form` is that of sizes, `first` where the first chunk stands, `sound` the name of the chunk with the samples,
    `preface` what stands before them in it, `padding` what places of chunks are multiples of, `counts_head` whether
    sizes count name and size, too, and `whole_at` where the size of the whole file stands.
    """

    form: str = "<I"
    first: int = 12
    sound: bytes = b"data"
    preface: int = 0
    padding: int = 2
    counts_head: bool = False
    whole_at: int | None = 4

    @property
    def head(self) -> int:
        """How long the name and the size of a chunk are."""
        return len(self.sound) + struct.calcsize(self.form)

    def chunk(self, file: BinaryIO, place: int) -> _Chunk | None:
        """Read what chunk stands at a place; None where none fits."""
        head = read_at(file, self.head, place)
        if len(head) < self.head:
            return None
        n_name = len(self.sound)
        (length,) = struct.unpack(self.form, head[n_name:])
        return _Chunk(head[:n_name], place + self.head, length - self.counts_head * self.head, place + n_name)

    def after(self, end: int) -> int:
        """Return where the chunk stands that follows one with this end."""
        return end + -end % self.padding


_AIFF: Final = _Layout(form=">I", sound=b"SSND", preface=8)
_CAF: Final = _Layout(form=">Q", first=8, preface=4, padding=1, whole_at=None)
_W64: Final = _Layout(
    form="<Q",
    first=40,
    sound=b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a",
    padding=8,
    counts_head=True,
    whole_at=16,
)
_LAYOUTS: Final = {
    (b"RIFF", b"WAVE"): _Layout(),
    (b"RF64", b"WAVE"): _Layout(),
    (b"BW64", b"WAVE"): _Layout(),
    (b"RIFX", b"WAVE"): _Layout(form=">I"),
    (b"FORM", b"AIFF"): _AIFF,
    (b"FORM", b"AIFC"): _AIFF,
}
_ASF_MAGIC: Final = uuid.UUID("75B22630-668E-11CF-A6D9-00AA0062CE6C").bytes_le
_ASF: Final = _Layout(
    form="<Q",
    first=30,
    sound=uuid.UUID("8CABDCA1-A947-11CF-8EE4-00C00C205365").bytes_le,  # not the sound: the File Properties
    padding=1,
    counts_head=True,
)
_W64_MAGIC: Final = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_FLAC_SAMPLES_AT: Final = 18
"""Where the header of a FLAC counts its samples, in the last 36 bits of eight bytes."""

_MOST_FLAC_SAMPLES: Final = (1 << 36) - 1
_BEFORE_PACKETS: Final = 24
"""Bytes of a CAF's table of packets before their lengths, of which each byte but the last has its highest bit set."""

_LONGEST_LENGTH: Final = 5
_TOO_LONG: Final = re.compile(rb"[\x80-\xff]{%d}" % _LONGEST_LENGTH)
_TABLE_BLOCK: Final = 1 << 20
_AU_FORMS: Final = {b".snd": ">I", b"dns.": "<I"}


def read_header(file: BinaryIO) -> Header:
    """Read what a header promises: that of a WAVE, RF64, Wave64, AIFF, CAF, AU, FLAC, MP3 or Windows Media file.

    Parameters
    ----------
    file : BinaryIO

    Returns
    -------
    Header
        One that promises nothing where the format is another.
    """
    start = read_at(file, 16, 0)
    if start[:4] in _AU_FORMS:
        return _judged(file, _au_samples(file, _AU_FORMS[start[:4]]), None)
    if start == _ASF_MAGIC:
        return _asf_header(file)
    if start[:4] == b"fLaC":
        return _flac_header(file)
    if start == _W64_MAGIC:
        layout: _Layout | None = _W64
    elif start[:4] == b"caff":
        layout = _CAF
    else:
        layout = _LAYOUTS.get((start[:4], start[8:12]))
    if layout is None:
        return _raw_header(file)
    return _judged(file, _samples(file, layout), layout)


def has_broken_packets(file: BinaryIO) -> bool:
    """Tell whether the table of packets of a CAF has a length of more than five bytes, or ends within one."""
    if read_at(file, 4, 0) != b"caff":
        return False
    table = next((chunk for chunk in _chunks(file, _CAF) if chunk.name == b"pakt"), None)
    if table is None:
        return False
    first, end = table.start + _BEFORE_PACKETS, table.start + table.length
    if end > size_of(file) or (end > first and read_at(file, 1, end - 1) >= b"\x80"):
        return True
    # A length may lie in two blocks.
    return any(
        _TOO_LONG.search(read_at(file, min(_TABLE_BLOCK + _LONGEST_LENGTH, end - place), place))
        for place in range(first, end, _TABLE_BLOCK)
    )


def remarks_in(headers: Sequence[Header]) -> tuple[Remark, ...]:
    """Gather what is to be said of the headers of recordings that are joined: of those alike once."""
    return tuple(dict.fromkeys(remark for header in headers for remark in header.remarks))


def _judged(file: BinaryIO, samples: _Samples | None, layout: _Layout | None) -> Header:
    if samples is None:
        return Header()
    size = size_of(file)
    there = max(size - samples.start, 0)
    patches = {samples.size.place: samples.size.holding(there)}
    if layout in (None, _CAF) and samples.promised + samples.size.besides == samples.size.largest and there:
        return Header(patches=patches)  # the specifications of AU and CAF let the largest size stand for "not known"
    is_placeholder = samples.promised == 0 or samples.promised >= _PLACEHOLDERS[samples.size.form[-1]]
    if samples.promised > there:
        is_finished = not is_placeholder and (samples.whole is None or samples.whole > size + _SLOPPY)
        if is_finished or not there:
            return Header(share=there / samples.promised, patches=patches)
    elif not _is_sound_behind(file, samples.start + samples.promised, layout):
        return Header()
    fault = "was never finished" if is_placeholder else "tells a wrong size"
    return Header(patches=patches, remarks=(_unfinished(fault),))


def _samples(file: BinaryIO, layout: _Layout) -> _Samples | None:
    """Find the samples of a file of chunks."""
    whole = None if layout.whole_at is None else _number(file, layout.form, layout.whole_at)
    if whole is not None and not layout.counts_head:
        whole += 8
    large: _Chunk | None = None
    for chunk in _chunks(file, layout):
        if chunk.name == b"ds64":  # of RF64: the sizes that take 64 bits
            large = chunk
        if chunk.name != layout.sound:
            continue
        besides = layout.preface + layout.counts_head * layout.head
        size, promised = _Size(chunk.size_at, layout.form, besides), chunk.length - layout.preface
        if large is not None and chunk.length == 0xFFFFFFFF:
            size = _Size(large.start + 8, "<Q", besides)
            whole = _number(file, "<Q", large.start) + 8
            promised = _number(file, "<Q", large.start + 8)
        return _Samples(chunk.start + layout.preface, max(promised, 0), size, whole)
    return None


def _chunks(file: BinaryIO, layout: _Layout) -> Iterator[_Chunk]:
    place = layout.first
    for _ in range(_MOST_CHUNKS):
        chunk = layout.chunk(file, place)
        if chunk is None or (chunk.length < 0 and chunk.name != layout.sound):
            return
        yield chunk
        place = layout.after(chunk.start + chunk.length)


def _au_samples(file: BinaryIO, form: str) -> _Samples:
    return _Samples(_number(file, form, 4), _number(file, form, 8), _Size(8, form, 0), None)


def _asf_header(file: BinaryIO) -> Header:
    """Let the header count the bytes that are there: FFmpeg believes the duration of no other, and estimates one."""
    properties = next((chunk for chunk in _chunks(file, _ASF) if chunk.name == _ASF.sound), None)
    if properties is None:
        return Header()
    place, size = properties.start + 16, size_of(file)
    return Header(patches={place: struct.pack("<Q", size)} if _number(file, "<Q", place) > size else {})


def _flac_header(file: BinaryIO) -> Header:
    """Let the header count the samples that are there where it counts fewer: decoders read no further."""
    told = _number(file, ">Q", _FLAC_SAMPLES_AT)
    promised = told & _MOST_FLAC_SAMPLES
    there = samples_in(file) if promised else 0
    if there <= promised or there > _MOST_FLAC_SAMPLES:
        return Header()
    patch = struct.pack(">Q", told - promised + there)
    return Header(patches={_FLAC_SAMPLES_AT: patch}, remarks=(_unfinished("counts too few samples"),))


def _unfinished(fault: str) -> Remark:
    return Remark("unfinished", f"has a header that {fault}: read to the end of the file")


def _number(file: BinaryIO, form: str, place: int) -> int:
    """Read a number; 0 behind the end of the file."""
    data = read_at(file, struct.calcsize(form), place)
    return int.from_bytes(data, "little" if form[0] == "<" else "big") if len(data) == struct.calcsize(form) else 0


def _is_sound_behind(file: BinaryIO, end: int, layout: _Layout | None) -> bool:
    """Tell whether what follows the samples is more of them: neither chunks, nor tags, nor padding before these."""
    return not any(_is_no_sound(file, place, layout) for place in (end, _after_zeros(file, end)))


def _is_no_sound(file: BinaryIO, place: int, layout: _Layout | None) -> bool:
    size = size_of(file)
    behind = read_at(file, SIGNATURE_BYTES, place)
    if size - place < _LEAST_SOUND or behind.startswith(_TAGS):
        return True
    if not behind.startswith(_SMALLEST_SAMPLES) and appearance_of(behind, at_least=_SURE_BYTES):
        return True
    # Some programs forget to pad.
    return layout is not None and any(_is_chunk(file, layout, at, size) for at in {place, layout.after(place)})


def _after_zeros(file: BinaryIO, place: int) -> int:
    """Return where the first byte stands, from a place on, that is not zero; where the file ends if none does."""
    while block := read_at(file, _BLOCK_BYTES, place):
        rest = block.lstrip(b"\x00")
        place += len(block) - len(rest)
        if rest:
            break
    return place


def _is_chunk(file: BinaryIO, layout: _Layout, place: int, size: int) -> bool:
    chunk = layout.chunk(file, place)
    if chunk is None:
        return False
    return chunk.name[:4].isascii() and chunk.name[:4].decode("ascii").isprintable() and 0 <= chunk.length <= size


def _raw_header(file: BinaryIO) -> Header:
    """Read what a sound without a container promises: an MP3 in its first frame, others by being frames throughout."""
    start = after_id3(file)
    frame = read_at(file, 192, start)
    tag = _vbr_tag(frame)
    form = layer_3_form(frame)
    if form is not None and tag.n_frames:
        return Header(lasts_s=max(tag.n_frames * form.samples - tag.n_padded, 0) / form.rate_hz)
    framing = framing_of(file)
    there = min((size_of(file) - start) / tag.n_bytes, 1.0) if tag.n_bytes else 1.0
    if form is None or not there:
        return Header(share=framing.share * there)
    return Header(lasts_s=framing.n_frames / framing.share / there * form.samples / form.rate_hz)


class _VbrTag(NamedTuple):
    """What the first frame of an MP3 tells of the others; 0 where it does not."""

    n_frames: int = 0
    n_bytes: int = 0
    n_padded: int = 0


def _vbr_tag(frame: bytes) -> _VbrTag:
    """Read the tag of Xing, which LAME writes too, or of Fraunhofer's encoder (VBRI)."""
    form = layer_3_form(frame)
    if form is None or len(frame) < 64:
        return _VbrTag()
    if frame[36:40] == b"VBRI":
        return _VbrTag(n_frames=int.from_bytes(frame[50:54], "big"), n_bytes=int.from_bytes(frame[46:50], "big"))
    is_mono = frame[3] & 0xC0 == 0xC0
    tag = frame[4 + {(True, False): 32, (False, True): 9}.get((form.samples == 1152, is_mono), 17) :]
    if tag[:4] not in (b"Xing", b"Info"):
        return _VbrTag()
    has_frames, has_bytes = tag[7] & 1, tag[7] & 2
    place = 12 if has_frames else 8
    return _VbrTag(
        n_frames=int.from_bytes(tag[8:12], "big") if has_frames else 0,
        n_bytes=int.from_bytes(tag[place : place + 4], "big") if has_bytes else 0,
        n_padded=_lame_padding(tag),
    )


def _lame_padding(tag: bytes) -> int:
    """Return how many samples an encoder put before and behind the sound, as LAME tells behind a Xing tag."""
    if tag[7] & 0xF != 0xF or not tag[120:124].isalpha() or len(tag) < 144:
        return 0
    both = int.from_bytes(tag[141:144], "big")
    return (both >> 12) + (both & 0xFFF)
