"""What an index works with: its settings, and the encoders and the space that they name."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.addresses import is_address
from modag_search.encoders import Encoder
from modag_search.errors import (
    IndexFolderError,
    MissingExtraError,
    ModagError,
    ModelError,
    SpaceMismatchError,
    StoreServerError,
    UnknownPluginError,
)
from modag_search.features.encoding import MediaEncoder
from modag_search.files import read_regular, write_atomically
from modag_search.index.opening import present_settings
from modag_search.index.places import OWN_SPACE_FILE, STORES_FOLDER, Place
from modag_search.search.snapshot import Basis
from modag_search.search.store_sync import StoreSync
from modag_search.settings import IndexSettings
from modag_search.space import Space, packaged_spaces
from modag_search.stores import AUTO, require_known, require_store
from modag_search.values import MODALITIES, Modality

if TYPE_CHECKING:
    from modag_search.catalog import Catalog
    from modag_search.files import Mark

logger = logging.getLogger(__name__)

_WAY_TO_A_SPACE = "put a copy of it back, or move the index to another: `modag rebuild --space NAME_OR_FILE`"
_FORMER_STORES_FILE = "former-stores"
"""Names stores that the index has left, a line each, while they may keep something of it."""
Encoders = Mapping[Modality, Encoder]


class Workings:
    """What an index works with, as its folder says now: another process may move it to another space or encoder.

    What the settings name is loaded when it is first asked for, and once, whoever asks; anew where the settings or the
    index's own space have changed.

    Parameters
    ----------
    place : Place
    catalog : Catalog
    settings : IndexSettings
        As the place has them.
    """

    def __init__(self, place: Place, catalog: Catalog, settings: IndexSettings) -> None:
        self._place = place
        self._folder = place.folder
        self._catalog = catalog
        self._lock = threading.RLock()
        # Not what the folder says now: it may have changed since these settings were read.
        self._seen: tuple[Mark | None, ...] = ()
        self._settings = settings
        self._encoder: MediaEncoder | None = None
        self._space: Space | None = None
        self._basis: Basis | None = None

    @property
    def settings(self) -> IndexSettings:
        """The settings of now."""
        with self._lock:
            seen = self._place.look()
            if seen != self._seen:
                settings = present_settings(self._place.settings())
                if _without_space(settings) != _without_space(self._settings):
                    self._encoder = None
                self._settings, self._seen = settings, seen
                self._space = self._basis = None
            return self._settings

    @property
    def encoder(self) -> MediaEncoder:
        """Makes features of media.

        Raises
        ------
        UnknownPluginError
            If an encoder is not installed any more.
        """
        with self._lock:
            settings = self.settings
            if self._encoder is None:
                self._encoder = _encoder_of(settings)
            return self._encoder

    @property
    def space(self) -> Space:
        """Makes vectors of features."""
        with self._lock:
            settings = self.settings
            if self._space is None:
                self._space = load_space(self._folder, settings, self.encoder.encoders)
            return self._space

    @property
    def basis(self) -> Basis:
        """All that decides vectors; the same object until something changes."""
        with self._lock:
            settings = self.settings
            if self._basis is None:
                stores = self._stores(self._kind_of_stores(settings.store))
                self._basis = Basis(encoder=self.encoder, space=self.space, stores=stores)
            return self._basis

    def _stores(self, store: str) -> StoreSync:
        return StoreSync(
            self._folder / STORES_FOLDER,
            catalog=self._catalog,
            space=self.space,
            fingerprints=self.encoder.fingerprints,
            store=store,
            keeping=self._place.keeping,
        )

    def _kind_of_stores(self, named: str) -> str:
        """Name the kind of the stores; where it is not installed, and cannot be changed here, one that is."""
        if self._catalog.is_read_only:
            try:
                require_known(named)
            except (UnknownPluginError, MissingExtraError) as error:
                logger.warning("%s; the index is read-only here, so each command makes the stores anew", error)
                return AUTO
        return named

    def change(
        self,
        *,
        space: str | os.PathLike[str] | None,
        store: str | None,
        sound_encoder: str | None,
        image_encoder: str | None,
    ) -> None:
        """Move the index to another space, store or encoders; for who holds its lock.

        Raises
        ------
        SpaceMismatchError, UnknownPluginError, WeightsMissingError, MissingExtraError
            If something of it cannot be had, or does not fit; nothing has changed then.
        """
        settings = self.settings
        changed = replace(
            settings,
            store=store or settings.store,
            sound_encoder=sound_encoder or settings.sound_encoder,
            image_encoder=image_encoder or settings.image_encoder,
        )
        require_store(changed.store, is_kept_there=changed.store == settings.store)
        encoder = MediaEncoder(changed)
        for modality in MODALITIES:
            if changed.encoder(modality) != settings.encoder(modality):
                encoder.warm(modality)
        wanted = space if space is not None else fitting_name(self._folder, changed, encoder.encoders)
        changed = replace(changed, space=adopt_space(self._place, wanted, encoder.encoders))
        if _is_other_place(changed.store, settings.store):
            self._note_former([*self._noted(), settings.store])
        self._place.save_settings(changed)

    def former_stores(self) -> list[str]:
        """List stores that the index has left, and that may keep something of it: their names, or addresses."""
        return [store for store in self._noted() if _is_other_place(store, self.settings.store)]

    def _noted(self) -> list[str]:
        try:
            return read_regular(self.former_stores_file).decode(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise IndexFolderError(
                f"{self.former_stores_file}: cannot be read: {error.strerror or error}; remove it"
            ) from error

    @property
    def former_stores_file(self) -> Path:
        """Where they are noted: until they are left, or this is removed."""
        return self._folder / _FORMER_STORES_FILE

    def leave_former(self) -> list[str]:
        """Clear away what former stores keep of the index, for who holds its lock; what cannot be is for the next one.

        Returns
        -------
        list of str
            Those that keep nothing of it any more.
        """
        former = self.former_stores()
        staying = [store for store in former if not self._has_left(store)]
        if staying != self._noted():
            self._note_former(staying)
        return [store for store in former if store not in staying]

    def _has_left(self, store: str) -> bool:
        try:
            self._stores(store).leave(moved_to=self.basis.stores)
        except ModagError as error:
            logger.warning(
                "%s; what it kept of this index is there still: the next `modag rebuild` clears it away, unless %s is"
                " removed",
                error.problem if isinstance(error, StoreServerError) else error,
                self.former_stores_file,
            )
            return False
        return True

    def _note_former(self, stores: list[str]) -> None:
        if stores:
            lines = "".join(f"{store}\n" for store in dict.fromkeys(stores))
            write_atomically(self.former_stores_file, [lines.encode()], error=IndexFolderError)
        else:
            self.former_stores_file.unlink(missing_ok=True)


def _is_other_place(store: str, other: str) -> bool:
    """Tell whether one of two stores is on a server, and the other is not there; files are made anew in their place."""
    return store != other and (is_address(store) or is_address(other))


def _without_space(settings: IndexSettings) -> IndexSettings:
    """Leave out what features do not depend on."""
    return replace(settings, space="", store="")


def _encoder_of(settings: IndexSettings) -> MediaEncoder:
    try:
        return MediaEncoder(settings)
    except UnknownPluginError as error:
        raise UnknownPluginError(
            f"{error}; install its plugin again, or move the index to another: `modag rebuild --sound-encoder NAME`"
            f" or `--image-encoder NAME`"
        ) from error


def load_space(folder: Path, settings: IndexSettings, encoders: Encoders) -> Space:
    """Load the space that the settings of an index name.

    ``own`` gives what ``auto`` does, with a warning, while the index's own does not fit its encoders; ``auto`` the
    packaged space that was trained on the encoders, or, where there is none, one that keeps sounds and pictures apart.

    Raises
    ------
    SpaceMismatchError
        If it was trained on other encoders.
    ModelError
        If there is no such space.
    """
    if settings.space == "auto":
        return _fitting_space(encoders)
    if settings.space == "own":
        return _own_space(folder, encoders)
    if settings.space in packaged_spaces():
        space = Space.load(packaged_spaces()[settings.space])
    elif os.path.isfile(settings.space):
        space = Space.load(Path(settings.space))
    else:
        raise ModelError(
            f"there is no space {settings.space!r}; packaged: {', '.join(packaged_spaces())}; or name a space file"
        )
    require_fit(space, encoders)
    return space


def _own_space(folder: Path, encoders: Encoders) -> Space:
    try:
        space = Space.load(folder / OWN_SPACE_FILE)
    except ModelError as error:
        raise ModelError(f"{error}; {_WAY_TO_A_SPACE}") from error
    try:
        require_fit(space, encoders)
    except SpaceMismatchError as error:
        logger.warning("%s; %s", error, "until then the index goes on without its own")
        return _fitting_space(encoders)
    return space


def adopt_space(place: Place, space: str | os.PathLike[str], encoders: Encoders) -> str:
    """Check a space, copy it into the index where it is a file, and return what the settings call it."""
    source = Path(space)
    if source.is_file():
        adopted = Space.load(source)
        require_fit(adopted, encoders)
        # Not the bytes of the file: those of an earlier version have no checksum.
        place.write(OWN_SPACE_FILE, adopted.to_bytes())
        return "own"
    name = os.fspath(space)
    if name == "own":
        Space.load(place.folder / OWN_SPACE_FILE)  # that it does not fit is told where it is used
    else:
        load_space(place.folder, IndexSettings(space=name), encoders)
    return name


def fitting_name(folder: Path, settings: IndexSettings, encoders: Encoders) -> str:
    """Return what the settings call their space where it fits the encoders, or is the index's own; else ``auto``."""
    if settings.space == "own":
        return "own"
    try:
        load_space(folder, settings, encoders)
    except SpaceMismatchError:
        return "auto"
    return settings.space


def require_fit(space: Space, encoders: Encoders) -> None:
    """Raise SpaceMismatchError unless a space was trained on these encoders, weights and all."""
    for modality in MODALITIES:
        trained_on = space.encoders[modality]
        if trained_on["name"] != encoders[modality].name:
            raise SpaceMismatchError(
                f"space {space.name!r} was trained on {trained_on['name']}, not on {encoders[modality].name}; "
                f"`modag train space` makes one for the latter, `modag rebuild --space FILE` takes it"
            )
        if trained_on["fingerprint"] != encoders[modality].fingerprint:
            raise SpaceMismatchError(
                f"space {space.name!r} was trained on another version of {trained_on['name']}; "
                f"`modag train space` makes it anew, `modag rebuild --space FILE` takes it"
            )


def _fitting_space(encoders: Encoders) -> Space:
    for path in packaged_spaces().values():
        space = Space.load(path)
        if all(space.encoders[modality] == identity_of(encoders[modality]) for modality in MODALITIES):
            return space
    identities = {modality: identity_of(encoders[modality]) for modality in MODALITIES}
    return Space.apart(identities, {modality: encoders[modality].dimension for modality in MODALITIES})


def identity_of(encoder: Encoder) -> dict[str, str]:
    """Return what binds a space to an encoder."""
    return {"name": encoder.name, "fingerprint": encoder.fingerprint}
