"""Where the weights of encoders live, how they come there, and that they are what they should be."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sys
import urllib.error
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from modag_search.encoders.torch_backend import require_torch
from modag_search.errors import ModelError, UsageError, WeightsDamagedError, WeightsMissingError
from modag_search.files import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)


def models_folder() -> Path:
    """Return the folder for fetched weights: ``MODAG_MODELS``, else one in the user's cache."""
    chosen = os.environ.get("MODAG_MODELS")
    return Path(chosen) if chosen else platformdirs.user_cache_path("modag-search") / "models"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weights file that is not part of the package.

    Attributes
    ----------
    encoder : str
        Name of the encoder that it belongs to.
    file_name : str
        Its name in the models folder.
    sha256 : str
        Its SHA-256, or the first digits of it where the publisher states no more.
    address : str
        Where its publisher serves it.
    """

    encoder: str
    file_name: str
    sha256: str
    address: str

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        return models_folder() / self.file_name

    @property
    def how_to_get(self) -> str:
        """Tell the user the way to the file."""
        return (
            f"it is fetched on first use from {self.address}; without a network, get the file elsewhere and run "
            f"`modag models add {self.encoder} FILE`"
        )

    def ensure(self) -> Path:
        """Return the path of the checked file, fetching it where it is not here yet.

        Raises
        ------
        WeightsMissingError
            If it is neither here nor to be had.
        WeightsDamagedError
            If the file does not have its SHA-256.
        """
        if self.path.is_file():
            self._check(self.path, remedy=f"remove {self.path} and try again")
        else:
            self._fetch()
        return self.path

    def add(self, source: Path) -> Path:
        """Copy a file that the user has into the models folder, after checking it.

        Raises
        ------
        UsageError
            If there is no such file.
        WeightsDamagedError
            If it is not the file that is needed.
        ModelError
            If it cannot be written.
        """
        if not source.is_file():
            raise UsageError(f"{source}: no such file")
        self._check(source, remedy=f"get {self.file_name} from {self.address}")
        with source.open("rb") as given, writing(self.path, error=ModelError) as copy:
            shutil.copyfileobj(given, copy)
        return self.path

    def _check(self, path: Path, *, remedy: str) -> None:
        found = sha256_of(path)
        if not found.startswith(self.sha256):
            raise WeightsDamagedError(
                f"{path}: not the weights of {self.encoder}: "
                f"SHA-256 is {found[:16]}…, must be {self.sha256[:16]}…; {remedy}"
            )

    def _fetch(self) -> None:
        require_torch(f"encoder {self.encoder!r}")
        from torch.hub import download_url_to_file

        logger.warning("%s is fetched from %s, once", self.path, self.address)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            download_url_to_file(self.address, str(self.path), hash_prefix=self.sha256, progress=sys.stderr.isatty())
        except RuntimeError as error:
            raise WeightsDamagedError(
                f"{self.address}: what came is not the weights of {self.encoder}: {error}"
            ) from error
        except (urllib.error.URLError, OSError) as error:
            raise WeightsMissingError(
                f"the weights of {self.encoder} are not on this machine and could not be fetched ({error}); "
                f"{self.how_to_get}"
            ) from error


def add_weights(files: Sequence[WeightsFile], source: Path) -> Path:
    """Copy a file that the user has into the models folder: the one of `files` whose SHA-256 it has.

    Raises
    ------
    UsageError, WeightsDamagedError, ModelError
        As `WeightsFile.add`.
    """
    if len(files) > 1 and source.is_file():
        found = sha256_of(source)
        files = [file for file in files if found.startswith(file.sha256)] or files
    return files[0].add(source)


def packaged_path(file_name: str) -> Path:
    """Return where a weights file that ships in the package is."""
    return Path(str(resources.files("modag_search"))) / "weights" / file_name
