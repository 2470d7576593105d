"""What became of files: the same, moved, copied, or new content; decided for all of them at once.

Renaming 03 to 04, 02 to 03 and 01 to 02 leaves no file with the content that its path had. Seen one by one, each looks
like an edit; seen together, they are three moves.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modag_search import media

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modag_search.values import ItemRecord, Remark, ScannedFile


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file and the hash of its content."""

    file: ScannedFile
    content_hash: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What to do about files.

    Attributes
    ----------
    touched : list of ScannedFile
        The content that their item has; only the time has changed.
    moved : list of (ItemRecord, ScannedFile)
        An item, and where its content is now.
    copied : list of (ItemRecord, ScannedFile)
        An item, and another file with its content.
    encoded : list of ScannedFile
        Content that no item has.
    """

    touched: list[ScannedFile] = field(default_factory=list)
    moved: list[tuple[ItemRecord, ScannedFile]] = field(default_factory=list)
    copied: list[tuple[ItemRecord, ScannedFile]] = field(default_factory=list)
    encoded: list[ScannedFile] = field(default_factory=list)

    def on_names(self) -> dict[str, Remark | None]:
        """Find, for what moved or was copied under another ending, what there is to say of its new name, by path."""
        places = {item.id: file.path for item, file in self.moved}
        moved = ((item, item.path, file) for item, file in self.moved)
        copied = ((item, places.get(item.id, item.path), file) for item, file in self.copied)
        return {
            file.path: media.remark_on_name(file.path, kind=item.kind)
            for item, path, file in itertools.chain(moved, copied)
            if os.path.splitext(path)[1] != os.path.splitext(file.path)[1]
        }


def resolve(
    files: Sequence[HashedFile],
    *,
    here: Mapping[str, ItemRecord],
    twins: Mapping[str, Sequence[ItemRecord]],
    is_gone: Callable[[ItemRecord], bool],
) -> Resolution:
    """Decide what became of files.

    Parameters
    ----------
    files : sequence of HashedFile
        All files whose content may be that of an item.
    here : Mapping of str to ItemRecord
        The items at the paths of `files`.
    twins : Mapping of str to sequence of ItemRecord
        By content hash, the items whose features can be used.
    is_gone : callable
        Tells whether the file of an item, which is not one of `files`, has been removed.

    Returns
    -------
    Resolution
    """
    resolution = Resolution()
    hash_at = {hashed.file.path: hashed.content_hash for hashed in files}
    usable = {twin.id for items in twins.values() for twin in items}
    open_files = []
    for hashed in files:
        item = here.get(hashed.file.path)
        if item is not None and item.id in usable and item.content_hash == hashed.content_hash:
            resolution.touched.append(hashed.file)
        else:
            open_files.append(hashed)

    def has_left(item: ItemRecord) -> bool:
        content_now = hash_at.get(item.path)
        return content_now != item.content_hash if content_now is not None else is_gone(item)

    moved: set[int] = set()
    for of_same_kind in (True, False):  # what keeps its ending goes before what changes it
        staying = []
        for hashed in open_files:
            candidates = _of_kind(twins.get(hashed.content_hash, ()), hashed.file, same=of_same_kind)
            left = next((twin for twin in candidates if twin.id not in moved and has_left(twin)), None)
            if left is None:
                staying.append(hashed)
            else:
                moved.add(left.id)
                resolution.moved.append((left, hashed.file))
        open_files = staying
    for hashed in open_files:
        # Under the name of another kind a copy may be decoded otherwise, where its first bytes say nothing.
        candidates = _of_kind(twins.get(hashed.content_hash, ()), hashed.file, same=True)
        if candidates:
            resolution.copied.append((candidates[0], hashed.file))
        else:
            resolution.encoded.append(hashed.file)
    return resolution


def _of_kind(twins: Sequence[ItemRecord], file: ScannedFile, *, same: bool) -> list[ItemRecord]:
    """Return items that are named as the same kind of media as a file, or those that are not."""
    return [twin for twin in twins if (media.kind_of(twin.path) == media.kind_of(file.path)) is same]
