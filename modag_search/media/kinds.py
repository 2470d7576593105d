"""What a file is: by its name for the scan, by its first bytes for a better word on what went wrong."""

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

_SIGNATURES: Final = (
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"II*\x00", "a TIFF picture"),
    (0, b"MM\x00*", "a TIFF picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftypheic", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (8, b"WAVE", "a WAVE sound"),
    (8, b"AIFF", "an AIFF sound"),
    (0, b"fLaC", "a FLAC sound"),
    (0, b"OggS", "an Ogg sound"),
    (0, b"ID3", "an MP3 sound"),
    (4, b"ftypM4A", "an MPEG-4 sound"),
    (8, b"AVI ", "an AVI video"),
    (4, b"ftyp", "an MPEG-4 video"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"<html", "a web page"),
)
SIGNATURE_BYTES: Final = 32


def extension_of(path: str) -> str:
    """Return the extension of a path in lower case, with its dot; empty where there is none."""
    return os.path.splitext(path)[1].lower()


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


def appearance_of(first_bytes: bytes) -> str | None:
    """Say what a file looks like by its first bytes, as in "a JPEG picture"; None where they say nothing."""
    return next(
        (name for offset, magic, name in _SIGNATURES if first_bytes.startswith(magic, offset)),
        None,
    )


def begins_like_mpeg(first_bytes: bytes) -> bool:
    """Tell whether a file may be an MPEG sound without a container: it begins with a frame, or with an ID3 tag."""
    return first_bytes.startswith(b"ID3") or (first_bytes[:1] == b"\xff" and first_bytes[1:2] >= b"\xe0")
