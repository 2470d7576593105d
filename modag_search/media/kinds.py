"""What a file is: by its name for the scan, by its first bytes when it is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modag_search.values import MediaKind


def _dotted(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


SOUNDFILE_EXTENSIONS: Final = _dotted("wav wave flac ogg oga opus aiff aif aifc au snd caf w64 rf64")
"""Sounds that libsndfile reads."""

CONTAINER_SOUND_EXTENSIONS: Final = _dotted("mp3 m4a m4b aac wma mka amr ac3 eac3 mp2 ape wv tta spx weba")
"""Sounds that FFmpeg reads; MP3 too, since libsndfile writes its complaints about damage to stderr."""

VIDEO_EXTENSIONS: Final = _dotted(
    # Not ts: far more often a TypeScript source than a transport stream.
    "mp4 m4v mkv mov webm avi mpg mpeg wmv asf flv 3gp 3g2 ogv m2ts mts vob"
)

HEIC_EXTENSIONS: Final = _dotted("heic heif hif")
"""Pictures that need the extra ``heic``."""

TARGA_EXTENSIONS: Final = _dotted("tga icb vda vst")
"""Pictures without a signature: only their name tells."""

PICTURE_EXTENSIONS: Final = (
    _dotted("jpg jpeg jpe jfif png apng gif bmp dib tif tiff webp avif ppm pgm pbm pnm ico jp2 j2k jpx")
    | _dotted("pcx qoi sgi mpo psd")
    | HEIC_EXTENSIONS
    | TARGA_EXTENSIONS
)

UNREAD_EXTENSIONS: Final = (
    # Pictures: raw files of cameras, what wants a renderer, and what Pillow lacks.
    _dotted("dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw raw 3fr erf kdc dcr mrw mos iiq x3f rwl fff")
    | _dotted("jxl jxr wdp hdp svg svgz eps ai wmf emf exr hdr dds dpx cin xcf kra psb djvu bpg flif")
    # Sounds, and what sounds are made from.
    | _dotted("dsf dff mid midi kar mod xm it s3m dts dtshd truehd thd mlp mpc ofr shn rm ra ram aax voc gsm vox")
    | _dotted("8svx iff sf2 sfz rex rx2 nki qcp awb")
    # Videos.
    | _dotted("mxf ts m2t rmvb f4v divx dv ogm mod tod m1v m2v mjpeg mjpg y4m h264 h265 hevc ivf nut wtv insv lrv r3d")
    | _dotted("braw swf")
)
"""Pictures, sounds and videos that we do not read: worth a word, where other files are none of ours."""

_KINDS: Final[dict[str, MediaKind]] = {
    **dict.fromkeys(SOUNDFILE_EXTENSIONS | CONTAINER_SOUND_EXTENSIONS, "sound"),
    **dict.fromkeys(PICTURE_EXTENSIONS, "image"),
    **dict.fromkeys(VIDEO_EXTENSIONS, "video"),
}

READ_EXTENSIONS: Final = frozenset(_KINDS)

_SIGNATURES: Final = (
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"II*\x00", "a TIFF picture"),
    (0, b"MM\x00*", "a TIFF picture"),
    (0, b"II+\x00", "a TIFF picture"),
    (0, b"MM\x00+", "a TIFF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"8BPS", "a PSD picture"),
    (0, b"qoif", "a QOI picture"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftypavis", "an AVIF picture"),
    *((4, b"ftyp" + brand, "a HEIC picture") for brand in (b"hei", b"hev", b"mif1", b"msf1")),
    (8, b"WAVE", "a WAVE sound"),
    (8, b"AIFF", "an AIFF sound"),
    (8, b"AIFC", "an AIFF sound"),
    (0, b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00", "a Wave64 sound"),
    (0, b"caff\x00\x01", "a CAF sound"),
    (0, b".snd", "an AU sound"),
    (0, b"dns.", "an AU sound"),
    (0, b"fLaC", "a FLAC sound"),
    (28, b"\x80theora", "an Ogg video"),
    (28, b"fishead\x00", "an Ogg video"),
    (28, b"BBCD\x00", "an Ogg video"),
    (28, b"OVP80", "an Ogg video"),
    (0, b"OggS", "an Ogg sound"),
    (0, b"#!AMR", "an AMR sound"),
    (0, b"MAC ", "a Monkey's Audio sound"),
    (0, b"wvpk", "a WavPack sound"),
    (0, b"TTA1", "a True Audio sound"),
    (0, b"ID3", "an MP3 sound"),
    *((0, b"\xff" + bytes([second]), "an MP3 sound") for second in (0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3)),
    *((0, b"\xff" + bytes([second]), "an AAC sound") for second in (0xF0, 0xF1, 0xF8, 0xF9)),
    (0, b"MThd", "a MIDI file"),
    (4, b"ftypM4A", "an MPEG-4 sound"),
    (4, b"ftypM4B", "an MPEG-4 sound"),
    (8, b"AVI ", "an AVI video"),
    (4, b"ftypqt", "a QuickTime video"),
    (4, b"ftyp", "an MPEG-4 video"),
    (4, b"moov", "an MPEG-4 video"),
    (4, b"mdat", "an MPEG-4 video"),
    (0, b"FLV\x01", "a Flash video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video"),
    (0, b"\x00\x00\x01\xba", "an MPEG video"),
    (0, b"\x00\x00\x01\xb3", "an MPEG video"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (0, b"\x00\x00\x01\x00", "an ICO picture"),  # behind MPEG-4, whose first size may be that
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML document"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"<!doctype html", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, whose file was not fetched"),
)
SIGNATURE_BYTES: Final = 40

_ENDINGS: Final = {
    "a WAVE sound": _dotted("wav wave rf64"),
    "an AIFF sound": _dotted("aiff aif aifc"),
    "a Wave64 sound": _dotted("w64"),
    "a CAF sound": _dotted("caf"),
    "an AU sound": _dotted("au snd"),
    "a FLAC sound": _dotted("flac"),
    "an Ogg sound": _dotted("ogg oga ogv opus spx"),
    "an Ogg video": _dotted("ogg oga ogv opus spx"),
    "an AMR sound": _dotted("amr"),
    "a Monkey's Audio sound": _dotted("ape"),
    "a WavPack sound": _dotted("wv"),
    "a True Audio sound": _dotted("tta"),
    "an MP3 sound": _dotted("mp3 mp2"),
    "an AAC sound": _dotted("aac"),
    "an AC-3 sound": _dotted("ac3 eac3"),
    "an MPEG-4 sound": _dotted("m4a m4b mp4 m4v mov 3gp 3g2"),
    "an MPEG-4 video": _dotted("m4a m4b mp4 m4v mov 3gp 3g2"),
    "a Matroska or WebM video": _dotted("mkv mka webm weba"),
    "a QuickTime video": _dotted("m4a m4b mp4 m4v mov 3gp 3g2"),
    "an AVI video": _dotted("avi"),
    "a Flash video": _dotted("flv"),
    "a Windows Media video": _dotted("wma wmv asf"),
    "an MPEG video": _dotted("mpg mpeg vob m2ts mts"),
}
"""What sounds and videos are called; pictures of any kind are read under any name of a picture."""

SOUNDFILE_APPEARANCES: Final = frozenset(
    ["a WAVE sound", "an AIFF sound", "a Wave64 sound", "a CAF sound", "an AU sound", "a FLAC sound", "an Ogg sound"]
)
"""What libsndfile reads, with most codecs."""

_KIND_WORDS: Final[dict[str, MediaKind]] = {"sound": "sound", "picture": "image", "video": "video"}


def extension_of(path: str) -> str:
    """Return the extension of a path in lower case, with its dot; empty where there is none."""
    stem, _, extension = path.rpartition(os.sep)[2].rpartition(".")
    # Dots at the beginning of a name make it hidden, and begin no extension.
    return f".{extension}".lower() if stem.strip(".") else ""


def kind_of(path: str) -> MediaKind | None:
    """Return what a file is by its extension, whatever its case; None for files that we do not read.

    A ``"video"`` may turn out to hold only sound; `MediaFacts.kind` tells after decoding.

    Examples
    --------
    >>> kind_of("Trumpet.WAV")
    'sound'
    >>> kind_of("notes.txt") is None
    True
    """
    return _KINDS.get(extension_of(path))


def unread_extension_of(path: str) -> str:
    """Return the extension of a picture, sound or video that we do not read, in lower case; empty for all other files.

    Examples
    --------
    >>> unread_extension_of("IMG_0001.DNG"), unread_extension_of("notes.txt")
    ('.dng', '')
    """
    extension = extension_of(path)
    return extension if extension in UNREAD_EXTENSIONS else ""


def appearance_of(first_bytes: bytes, *, at_least: int = 0) -> str | None:
    """Say what a file looks like by its first bytes, as in "a JPEG picture"; None where they say nothing.

    Signatures of fewer bytes than `at_least`, with which other files may begin, too, say nothing.
    """
    if first_bytes[4:8] == b"ftyp" and b"avif" in first_bytes[16:]:
        return "an AVIF picture"  # what it is compatible with says more than the general "mif1" before that
    return next(
        (
            name
            for offset, magic, name in _SIGNATURES
            if len(magic) >= at_least and first_bytes.startswith(magic, offset)
        ),
        None,
    )


def kind_of_appearance(appearance: str | None) -> MediaKind | None:
    """Return what kind of media looks like that; None for what is none.

    Examples
    --------
    >>> kind_of_appearance("a JPEG picture")
    'image'
    """
    return None if appearance is None else _KIND_WORDS.get(appearance.rsplit(maxsplit=1)[-1])


def is_misnamed(path: str, appearance: str | None) -> bool:
    """Tell whether a file that looks like a sound or a video, or like a picture, is called something else."""
    if kind_of_appearance(appearance) == "image":
        return kind_of(path) != "image"
    return appearance in _ENDINGS and extension_of(path) not in _ENDINGS[appearance]


def begins_like_mpeg(first_bytes: bytes) -> bool:
    """Tell whether a file may be an MPEG sound without a container: it begins with a frame, or with an ID3 tag."""
    return first_bytes.startswith(b"ID3") or (first_bytes[:1] == b"\xff" and first_bytes[1:2] >= b"\xe0")
