"""Media files: finding them, hashing them, decoding them; nothing else opens one."""

from modag_search.media.decode import DECODER_REVISIONS, MediaStream, decoder_specification, open_media
from modag_search.media.exclusion import BUILT_IN, Exclusion, PathPattern
from modag_search.media.hashing import content_hash
from modag_search.media.isolation import Isolation, isolated
from modag_search.media.kinds import kind_of
from modag_search.media.lending import is_picture, lent_file
from modag_search.media.loudness import loudest_channel
from modag_search.media.names import remark_on_name
from modag_search.media.passed_over import Tally, passed_over_in_words, reason_of
from modag_search.media.rendering import (
    picture_as_jpeg,
    pixels_as_jpeg,
    pixels_as_png,
    samples_as_mp3,
    samples_as_wave,
)
from modag_search.media.scan import Row, check_roots, obstacle, scan, scan_passed_over, scan_rows
from modag_search.media.thumbnails import read_pixel_hash, read_thumbnail, thumbnail_of
from modag_search.media.windows import window_bounds

__all__ = [
    "BUILT_IN",
    "DECODER_REVISIONS",
    "Exclusion",
    "Isolation",
    "MediaStream",
    "PathPattern",
    "Row",
    "Tally",
    "check_roots",
    "content_hash",
    "decoder_specification",
    "is_picture",
    "isolated",
    "kind_of",
    "lent_file",
    "loudest_channel",
    "obstacle",
    "open_media",
    "passed_over_in_words",
    "picture_as_jpeg",
    "pixels_as_jpeg",
    "pixels_as_png",
    "read_pixel_hash",
    "read_thumbnail",
    "reason_of",
    "remark_on_name",
    "samples_as_mp3",
    "samples_as_wave",
    "scan",
    "scan_passed_over",
    "scan_rows",
    "thumbnail_of",
    "window_bounds",
]
