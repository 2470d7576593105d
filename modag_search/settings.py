"""What an index is made with, and where it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import platformdirs

from modag_search.addresses import is_url, without_password
from modag_search.errors import IndexFolderError, IndexNotFoundError, UsageError
from modag_search.files import json_of, read_regular, write_atomically
from modag_search.spelling import given_path
from modag_search.values import Modality, Segmentation

SETTINGS_FILE = "settings.json"
NO_FOLDER = "is no folder, and an index is one; name another place with --index"
_FORMAT = 1
_CHECKSUM = "checksum"
_WAY_OUT = "`modag verify --repair` mends a single bit; otherwise a backup, which is a ZIP file, has it"
_LONGEST = 4096
"""Bytes of a file in which a bit is looked for that has changed."""
_MOST_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Choices that hold for a whole index.

    Attributes
    ----------
    sound_encoder, image_encoder : str
        Names of installed encoders.
    space : str
        Name of a packaged space, or ``own`` for the file in the index's folder; ``auto`` takes the packaged space
        that was trained on the two encoders, and where there is none, keeps sounds and pictures apart. For a new index
        also the path of a space file, which is copied into it.
    store : str
        Name of an installed kind of store; ``auto`` takes one by how many vectors there are. Or the address of a server
        that keeps the stores: ``postgresql://user@host/database``, without a password.
    feature_dtype : {"<f2", "<f4"}
        How features are kept: half precision takes half the room and finds the same neighbours.
    window_s, hop_s : float
        Windows of sound, in seconds.
    frame_interval_s : float
        Distance of the frames taken from videos, in seconds.
    """

    sound_encoder: str = "modag-sound"
    image_encoder: str = "efficientnet-lite2"
    space: str = "auto"
    store: str = "auto"
    feature_dtype: Literal["<f2", "<f4"] = "<f2"
    window_s: float = 10.0
    hop_s: float = 5.0
    frame_interval_s: float = 2.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, str) and not isinstance(value, str):
                raise UsageError(f"{field.name} must be text, not {value!r}")
            if isinstance(field.default, float) and not _is_number(value):
                raise UsageError(f"{field.name} must be a number, not {value!r}")
        if self.feature_dtype not in ("<f2", "<f4"):
            raise UsageError(f"feature_dtype must be <f2 or <f4, not {self.feature_dtype!r}")
        if not 0 < self.hop_s <= self.window_s < math.inf:
            raise UsageError(
                "hop_s must lie above 0 and not above window_s, or sound would be lost: "
                f"{self.hop_s} of {self.window_s}"
            )
        if not 0 < self.frame_interval_s < math.inf:
            raise UsageError(f"frame_interval_s must be above 0, not {self.frame_interval_s}")

    @property
    def segmentation(self) -> Segmentation:
        """How files are cut."""
        return Segmentation(window_s=self.window_s, hop_s=self.hop_s, frame_interval_s=self.frame_interval_s)

    def encoder(self, modality: Modality) -> str:
        """Name of the encoder of a modality."""
        return self.sound_encoder if modality == "sound" else self.image_encoder

    def save(self, folder: Path) -> None:
        """Write ``settings.json``.

        Raises
        ------
        IndexFolderError
            If it cannot be written.
        """
        write_atomically(folder / SETTINGS_FILE, [self.to_bytes()], error=IndexFolderError)

    def to_bytes(self) -> bytes:
        """Return what ``settings.json`` holds."""
        content = {"format": _FORMAT, **dataclasses.asdict(self)}
        return (json.dumps({**content, _CHECKSUM: _checksum_of(content)}, indent=2) + "\n").encode()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read ``settings.json``; one that an earlier version wrote has no checksum, and is taken as it is.

        Raises
        ------
        IndexNotFoundError
            If it is not there.
        IndexFolderError
            If it cannot be read, has changed since it was written, or a later version wrote it.
        """
        path = folder / SETTINGS_FILE
        try:
            content = json_of(read_regular(path, most_bytes=_MOST_BYTES))
            checksum = content.pop(_CHECKSUM, None)
            if checksum not in (None, _checksum_of(content)):
                raise IndexFolderError(
                    f"{path}: is not as it was written any more: its checksum is off; `modag verify --repair` mends "
                    "it, and takes what was changed on purpose"
                )
            return cls._of(content, path)
        except FileNotFoundError as error:
            raise IndexNotFoundError(f"{folder}: there is no index here any more; is its drive mounted?") from error
        except OSError as error:
            raise IndexFolderError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
            raise IndexFolderError(f"{path}: cannot be read: {error}; {_WAY_OUT}") from error

    @classmethod
    def _of(cls, content: dict[str, Any], path: Path) -> Self:
        """Make settings of what a file holds beside its checksum."""
        written = content.pop("format")
        if written != _FORMAT:
            raise IndexFolderError(f"{path}: format {written} is not known; a later modag-search wrote it")
        return cls(**content)

    @classmethod
    def mended(cls, folder: Path) -> tuple[Self, bool]:
        """Read ``settings.json`` that has changed since it was written, so that it can be saved anew.

        Where a single bit has changed, that one is found, since the checksum fits again once it is turned back.

        Parameters
        ----------
        folder : Path

        Returns
        -------
        settings : IndexSettings
        are_as_written : bool
            False for what somebody has changed on purpose, or damaged in a way that does not show.

        Raises
        ------
        IndexFolderError
            If they are none.
        """
        path = folder / SETTINGS_FILE
        try:
            content = bytearray(read_regular(path, most_bytes=_MOST_BYTES))
            for bit in range(8 * len(content) if len(content) <= _LONGEST else 0):
                content[bit // 8] ^= 1 << bit % 8
                if (found := _as_written(content)) is not None:
                    return cls._of(found, path), True
                content[bit // 8] ^= 1 << bit % 8
            found = json_of(content)
            found.pop(_CHECKSUM, None)
            return cls._of(found, path), False
        except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
            raise IndexFolderError(f"{path}: cannot be read: {error}; {_WAY_OUT}") from error


def _checksum_of(content: dict[str, Any]) -> str:
    """Hash settings whatever the order and the look of their keys."""
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _as_written(content: bytearray) -> dict[str, Any] | None:
    """Return what a file holds beside its checksum; None where that does not fit."""
    try:
        found: dict[str, Any] = json_of(content)
        return found if found.pop(_CHECKSUM) == _checksum_of(found) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= sys.float_info.max)


def is_index(folder: Path) -> bool:
    """Tell whether a folder holds an index."""
    return (folder / SETTINGS_FILE).is_file()


def index_named(name: str | None = None) -> Path | str:
    """Return where the index is that a user names: the URL of a database, or a folder; see `index_folder`."""
    chosen = _named(name)
    return chosen if chosen and is_url(chosen) else index_folder(name)


def _named(name: str | None) -> str | None:
    """Return the index that was named, else that of the environment."""
    return os.environ.get("MODAG_INDEX") if name is None else given_path(name, what="the name of an index")


def index_folder(name_or_folder: str | None = None) -> Path:
    """Find the folder of an index.

    Parameters
    ----------
    name_or_folder : str, optional
        A path with a separator is taken as it is. A bare name means ``indexes/NAME`` where that folder exists, else a
        folder of that name in the user's data folder. Without either, ``MODAG_INDEX``, then ``default``.

    Returns
    -------
    Path
        Absolute; it need not exist.
    """
    chosen = _named(name_or_folder) or "default"
    if is_url(chosen):
        raise UsageError(f"{without_password(chosen)}: is a database, and this takes a folder; name one with --index")
    if os.sep in chosen or chosen in (os.curdir, os.pardir):
        return Path(chosen).absolute()
    local = Path("indexes") / chosen
    return local.absolute() if local.is_dir() else platformdirs.user_data_path("modag-search") / "indexes" / chosen


def existing_index_folder(name_or_folder: str | None = None) -> Path:
    """Find the folder of an index that exists; see `index_folder`.

    Raises
    ------
    IndexNotFoundError
        If there is no index in it.
    """
    folder = index_folder(name_or_folder)
    if not is_index(folder):
        raise no_index_in(folder)
    return folder


def no_index_in(folder: Path) -> IndexNotFoundError:
    """Say that a folder holds no index, and what to do."""
    if folder.exists() and not folder.is_dir():
        return IndexNotFoundError(f"{folder}: {NO_FOLDER}")
    if (folder / "catalog.sqlite").is_file():
        return IndexNotFoundError(
            f"{folder}: its {SETTINGS_FILE} is gone, and its catalog is there; put the file back: a backup, which is a "
            "ZIP file, has it, and so has `modag restore FILE --index NEW`"
        )
    if is_index(Path(folder.name)):
        return IndexNotFoundError(f"{folder}: there is no index here; `--index ./{folder.name}` names one that is")
    named = shlex.quote(str(folder))
    return IndexNotFoundError(f"{folder}: there is no index here; `modag index PATH... --index {named}` makes one")
