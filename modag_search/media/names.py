"""Names that say something else than what a file is."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from modag_search.errors import MediaError
from modag_search.media.kinds import extension_of, is_misnamed
from modag_search.media.opening import appearance_in, media_errors, open_not_empty
from modag_search.values import Remark

if TYPE_CHECKING:
    from modag_search.values import MediaKind

_SURE_BYTES: Final = 3
"""Two bytes, with which other files begin, too, do not overrule a name."""


def remark_on_name(path: str, *, kind: MediaKind) -> Remark | None:
    """Say what a file is whose name says otherwise, as decoding it does, from its header alone.

    Parameters
    ----------
    path : str
    kind : {"image", "sound", "video"}
        What it was when it was decoded.

    Returns
    -------
    Remark or None
        None where the name is right, or the file cannot be read (any more).
    """
    try:
        with media_errors(path), open_not_empty(path) as file:
            remark = remark_on_appearance(path, sure_appearance_in(file), kind=kind)
            if remark is None and kind == "image":
                from modag_search.media.pictures import remark_on_picture

                remark = remark_on_picture(file, path)
            return remark
    except MediaError:
        return None


def sure_appearance_in(file: BinaryIO) -> str | None:
    """Say what an open file looks like, where its first bytes tell more surely than its name does."""
    return appearance_in(file, at_least=_SURE_BYTES)


def remark_on_appearance(path: str, appearance: str | None, *, kind: MediaKind) -> Remark | None:
    """Say what a file looks like whose name says otherwise; None where that is as it should be."""
    if appearance is None or not is_misnamed(path, appearance):
        return None
    # Of containers the first bytes tell not whether there are pictures in them.
    what = "picture" if kind == "image" else kind
    text = f"is {appearance.rsplit(maxsplit=1)[0]} {what}, although its name ends in {extension_of(path)}"
    return Remark("misnamed", text)
