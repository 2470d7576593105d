"""Every exception that modag-search raises on purpose.

::

    ModagError
    ├── UsageError                 an argument that cannot be meant
    │   ├── LabelConflictError     two labels that exclude each other on one item
    │   ├── NoMediaError           a path to take in that is not there, or a folder without media
    │   ├── NoSuchItemError        a path or an id that no item of the index has
    │   ├── NoSuchLabelError       a name that no label of the index has
    │   └── NoSuchRunError         a run that never was, or that changed no labels which could be undone
    ├── NothingFoundError          the question was fine, the answer is empty
    ├── MediaError                 one file, its path and the reason
    │   ├── UnsupportedMediaError  not a kind of file that we read
    │   │   └── NotMediaError      a folder, or a file of another kind by its name, to ask with: also a UsageError
    │   ├── CorruptMediaError      damaged, truncated, or not what it says it is
    │   ├── EmptyMediaError        decodes to nothing: no samples, no frames
    │   ├── OversizedMediaError    would need more memory than we allow a file
    │   └── UnreadableMediaError   out of reach: gone, denied, too large or foreign for this machine as it is now
    │       ├── AbsentMediaError   a file to ask with that is not there: also a UsageError
    │       └── NotOnWorkerError   there for who writes, and not, or another, for a worker of a cluster
    ├── DecoderError               no process that decodes media can be started
    ├── ClusterError               no scheduler or no worker of a cluster, or none that will do
    ├── IndexFolderError           the folder that holds an index
    │   ├── IndexNotFoundError
    │   ├── IndexLockedError       another process is writing to it
    │   └── ReadOnlyIndexError     it answers here, and cannot be written to
    ├── CatalogError               the file of a catalog, or its database
    │   ├── CatalogServerError     the server of a catalog is out of reach, refuses, or will not do
    │   ├── NewerCatalogError      written by a later version of modag-search
    │   └── DamagedCatalogError
    ├── StoreError                 nearest neighbours, in files or on a server
    │   ├── DamagedStoreError      checksum, size or count is off
    │   ├── StoreServerError       the server of a store is out of reach, refuses, or will not do
    │   └── StoreChangedError      what a long call reads on a server has been cleared away meanwhile
    ├── ModelError                 networks and their weights
    │   ├── WeightsMissingError
    │   ├── WeightsDamagedError
    │   └── SpaceMismatchError     a space that was trained on other encoders
    ├── MissingExtraError          needs packages that a plain installation leaves out
    └── PluginError
        └── UnknownPluginError     no such encoder or store is installed

Each message names the file or value that is at fault and says what to do next.
"""

from __future__ import annotations

import os


class ModagError(Exception):
    """Base of all errors of this package."""


class UsageError(ModagError):
    """An argument that cannot be meant."""


class LabelConflictError(UsageError):
    """Two labels that exclude each other on one item.

    Parameters
    ----------
    path : str
        The item's.
    labels : (str, str)
    is_new : bool
        Whether one of them is what was to be given; else both are there, and are to exclude each other from now on.
    others : int
        How many more items have such labels.
    """

    def __init__(self, path: str, labels: tuple[str, str], *, is_new: bool = True, others: int = 0) -> None:
        self.path = path
        self.labels = labels
        self.is_new = is_new
        self.others = others
        super().__init__(path, labels)

    def __str__(self) -> str:
        first, second = self.labels
        if not self.is_new:
            others = "1 more item has" if self.others == 1 else f"{self.others} more items have"
            more = f", as {others} such labels" if self.others else ""
            return (
                f"{self.path}: is both {first!r} and {second!r}, and could not be where these exclude each other"
                f"{more}; `modag label remove` takes one back, `modag label mode multi` allows both"
            )
        return (
            f"{self.path}: cannot be both {first!r} and {second!r}, since labels exclude each other in this index; "
            f"`modag label remove` takes one back, `modag label mode multi` allows both"
        )


class NoMediaError(UsageError):
    """A path to take in that does not exist, or a folder without media: it may have been removed, or its drive be away.

    Parameters
    ----------
    path : str
    problem : str
        What is amiss, in words that a user can act on.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(path, problem)

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class NoSuchItemError(UsageError):
    """A path or an id that no item of the index has."""


class NoSuchLabelError(UsageError):
    """A name that no label of the index has."""


class NoSuchRunError(UsageError):
    """A run that never was, or that changed no labels which could be undone."""


class NothingFoundError(ModagError):
    """The question was fine and the answer is empty."""


class MediaError(ModagError):
    """A media file that cannot be used.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    reason : str
        Why, in words that a user can act on.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        super().__init__(self.path, reason)

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class UnsupportedMediaError(MediaError):
    """Not a kind of file that we read."""


class NotMediaError(UnsupportedMediaError, UsageError):
    """A path to ask with that is a folder, or a file whose name is none of media: as where words were meant."""


class CorruptMediaError(MediaError):
    """Damaged, truncated, or not what it says it is."""


class EmptyMediaError(MediaError):
    """Decodes to nothing: no samples, no frames."""


class OversizedMediaError(MediaError):
    """Would need more memory than we allow one file."""


class UnreadableMediaError(MediaError):
    """Out of reach for now: gone, denied by the system, or wanting memory or an extra that is not there.

    The file itself may be as it should; the next run tries it again.
    """


class AbsentMediaError(UnreadableMediaError, UsageError):
    """A path to ask with at which there is no file, and no item: as one that was mistyped."""


class NotOnWorkerError(UnreadableMediaError):
    """There for the index, and not there, or another file, for a worker of a cluster: a folder is not mounted there."""


class DecoderError(ModagError):
    """No process that decodes media can be started."""


class ClusterError(ModagError):
    """A cluster that encodes is not there, or not fit to."""


class IndexFolderError(ModagError):
    """The folder that holds an index cannot be used."""


class IndexNotFoundError(IndexFolderError):
    """There is no index in that folder."""


class IndexLockedError(IndexFolderError):
    """Another process is writing to the index."""


class ReadOnlyIndexError(IndexFolderError):
    """The index answers where it is, and cannot be written to there.

    Parameters
    ----------
    path : str or os.PathLike
        The index, or what of it cannot be written.
    reason : str
        Why, as `files.hindrance_to_writing` says it, or SQLite.
    way_out : str
        What to do.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        reason: str,
        way_out: str = "copy the index to where it can be written to, and name the copy with --index",
    ) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        self.way_out = way_out
        super().__init__(self.path, reason, way_out)

    def __str__(self) -> str:
        return f"{self.path}: the index is read-only here ({self.reason}); {self.way_out}"


class CatalogError(ModagError):
    """The catalog of an index cannot be used."""


class CatalogServerError(CatalogError):
    """The server that keeps a catalog is out of reach, refuses what is asked of it, or is not fit to."""


class NewerCatalogError(CatalogError):
    """A later version of modag-search wrote the catalog."""


class DamagedCatalogError(CatalogError):
    """SQLite cannot read the catalog."""


class StoreError(ModagError):
    """A vector store cannot be used."""


class DamagedStoreError(StoreError):
    """The checksum, the size or the count of a store is off."""


class StoreServerError(StoreError):
    """The server that keeps a store is out of reach, refuses what is asked of it, or is not fit to.

    Parameters
    ----------
    problem : str
        Names the server, and says what is amiss.
    *ways_out : str
        What can be done about it.

    Attributes
    ----------
    LEAVING : str
        The way out of an index whose stores are there; of no use to one that is not there yet, or no longer.
    """

    LEAVING = "`modag rebuild --store auto` keeps the stores in files again"

    def __init__(self, problem: str, *ways_out: str) -> None:
        self.problem = problem
        self.ways_out = ways_out
        super().__init__(problem, *ways_out)

    def __str__(self) -> str:
        return "; ".join(filter(None, [self.problem, ", or ".join(self.ways_out)]))


class StoreChangedError(StoreError):
    """What was read of a store on a server is not there as a whole any more; to ask again reads what is there now."""


class ModelError(ModagError):
    """A network or its weights cannot be used."""


class WeightsMissingError(ModelError):
    """The weights of an encoder are not on this machine."""


class WeightsDamagedError(ModelError):
    """A weights file does not have the checksum that it must have."""


class SpaceMismatchError(ModelError):
    """A space was trained on other encoders than the ones at hand."""


class MissingExtraError(ModagError):
    """Something needs packages that a plain installation leaves out.

    Parameters
    ----------
    who : str
        What needs them.
    extra : str
        The extra of modag-search that brings them.
    """

    def __init__(self, who: str, extra: str) -> None:
        self.who = who
        self.extra = extra
        super().__init__(who, extra)

    def __str__(self) -> str:
        return f'{self.who} needs more than a plain installation has: pip install "modag-search[{self.extra}]"'


class PluginError(ModagError):
    """An encoder or store plugin cannot be used."""


class UnknownPluginError(PluginError):
    """No encoder or store of that name is installed."""
