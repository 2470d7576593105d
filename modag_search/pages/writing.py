"""Pages of tiles: one file that holds all, or a folder with what is seen and heard beside its pages."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modag_search.errors import UsageError
from modag_search.files import check_replaceable, replacing, write_atomically
from modag_search.media.exclusion import NO_MEDIA
from modag_search.pages.document import PAGE_MARK, page
from modag_search.pages.looks import all_looks
from modag_search.pages.tiles import as_data, common_folder, tile_of
from modag_search.spelling import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from modag_search.errors import ModagError
    from modag_search.pages.entries import Entry
    from modag_search.pages.tiles import Keep, Tile

TILES_A_PAGE = 200
"""Of a folder: what a browser lays out in a moment."""

_INDEX = "index.html"
_PREVIEWS = "previews"
_PAGE = re.compile(r"page-\d+\.html")
_PREVIEW = re.compile(rf"{re.escape(NO_MEDIA)}|\d{{5,}}-(?:picture\.jpg|sound\.mp3)")
_LOOKED_AT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Part of a page.

    Attributes
    ----------
    heading : str
        Empty where there is only one.
    entries : sequence of Entry
    notes : tuple of str
        What is to be known of them.
    """

    heading: str = ""
    entries: Sequence[Entry]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is on a page beside its tiles.

    Attributes
    ----------
    title, lead : str
    asks : bool
        Whether it is a review sheet: each tile asks whether the item is what it would be called.
    names : tuple of str
        Labels that answers may be chosen from.
    exclude_each_other : bool
        Whether another name says that the one that was asked about does not hold.
    """

    title: str
    lead: str = ""
    asks: bool = False
    names: tuple[str, ...] = ()
    exclude_each_other: bool = False


@dataclass(kw_only=True)
class Written:
    """What was written.

    Attributes
    ----------
    items : int
        Those that were asked with not counted.
    tiles, files, size_bytes : int
    failures : list of ModagError
        Of what could not be decoded, and has a tile that says so.
    """

    items: int = 0
    tiles: int = 0
    size_bytes: int = 0
    files: int = 0
    failures: list[ModagError] = field(default_factory=list)


def is_file(target: Path) -> bool:
    """Tell whether a target is meant to be one file, by its ending."""
    return target.suffix.lower() in {".html", ".htm"}


def check_target(target: Path) -> None:
    """Refuse a target that would cost the user something, or could not be written.

    Raises
    ------
    UsageError
        If another file, or a folder that holds something else than pages of ours, is there.
    """
    if is_file(target):
        check_replaceable(target, mark=PAGE_MARK, option="--to")
        return
    if target.is_dir():
        if os.listdir(target) and not _is_ours(target):
            raise UsageError(f"{target}: holds other things than pages; name a folder that is new or empty with --to")
    elif os.path.lexists(target):
        raise UsageError(f"{target}: is a file; name one that ends in .html, or a folder, with --to")


def write_pages(
    target: Path,
    sections: Sequence[Section],
    look: Look,
    *,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Written:
    """Write pages of tiles, wholly or not at all.

    Parameters
    ----------
    target : Path
        A file, where it ends in .html: it holds all that is seen and heard. Else a folder, which is new or empty, or
        holds earlier pages, whose place the new ones take.
    sections : sequence of Section
        A folder has `TILES_A_PAGE` tiles of them a page.
    look : Look
    workers : int, optional
        Threads that decode; default one a processor.
    progress : callable, optional
        Called with what is done, how much of it, and of how much.

    Returns
    -------
    Written

    Raises
    ------
    UsageError
        See `check_target`.
    """
    check_target(target)
    done = Written()
    if is_file(target):
        shown = list(_tiled(sections, done, keep=as_data, page=target, workers=workers, progress=progress))
        content = _page(shown, look, pages=(target.name,), here=target.name, stem=target.stem)
        write_atomically(target, [content], error=UsageError)
        done.size_bytes, done.files = len(content), 1
    else:
        _write_folder(Path(os.path.realpath(target)), sections, look, done, workers=workers, progress=progress)
    return done


def _write_folder(
    target: Path,
    sections: Sequence[Section],
    look: Look,
    done: Written,
    *,
    workers: int | None,
    progress: Callable[[str, int, int], None] | None,
) -> None:
    with replacing(target, error=UsageError) as partial:
        (partial / _PREVIEWS).mkdir(parents=True)
        # Where the folder lies in one that is indexed, its previews are no items.
        (partial / _PREVIEWS / NO_MEDIA).touch()

        def write(name: str, content: bytes) -> str:
            (partial / name).write_bytes(content)
            done.size_bytes += len(content)
            done.files += 1
            return name

        def keep(content: bytes, media_type: str, part: str) -> str:
            del media_type
            return write(f"{_PREVIEWS}/{done.tiles:05}-{part}", content)

        index = target / _INDEX
        shown = list(_tiled(sections, done, keep=keep, page=index, workers=workers, progress=progress))
        leaves = list(_leaves(shown)) or [[]]
        names = tuple(_INDEX if number == 1 else f"page-{number}.html" for number in range(1, len(leaves) + 1))
        for name, leaf in zip(names, leaves, strict=True):
            stem = target.name if len(names) == 1 else f"{target.name}-{names.index(name) + 1}"
            write(name, _page(leaf, look, pages=names, here=name, stem=stem))
        if target.is_dir():
            # Under a name by which `replacing` takes it away once the new one is in its place.
            target.rename(target.with_name(f".{target.name}-{os.getpid()}-{secrets.token_hex(8)}"))


def _tiled(
    sections: Sequence[Section],
    done: Written,
    *,
    keep: Keep,
    page: Path,
    workers: int | None,
    progress: Callable[[str, int, int], None] | None,
) -> Iterator[tuple[Section, list[Tile]]]:
    """Make tiles of the entries of sections, as they are decoded."""
    entries = [entry for section in sections for entry in section.entries]
    root, looks = common_folder(entries), all_looks(entries, workers=workers)
    for section in sections:
        tiles = []
        for entry in section.entries:
            seen = next(looks)
            done.tiles += 1
            done.items += not entry.is_query
            tiles.append(tile_of(entry, seen, keep=keep, root=root, page=page))
            if seen.problem is not None:
                done.failures.append(seen.problem)
            if progress is not None:
                progress("decoding", done.tiles, len(entries))
        yield section, tiles


def _leaves(shown: Sequence[tuple[Section, list[Tile]]]) -> Iterator[list[tuple[Section, list[Tile]]]]:
    """Divide tiles into pages; a section that goes on has its heading again."""
    leaf: list[tuple[Section, list[Tile]]] = []
    room = TILES_A_PAGE
    for section, tiles in shown:
        rest = tiles
        while True:
            leaf.append((section, rest[:room]))
            rest, room = rest[room:], room - len(rest[:room])
            if room == 0:
                yield leaf
                leaf, room = [], TILES_A_PAGE
            if not rest:
                break
    if leaf:
        yield leaf


def _page(
    shown: Sequence[tuple[Section, list[Tile]]], look: Look, *, pages: tuple[str, ...], here: str, stem: str
) -> bytes:
    tiles = [tile for _, some in shown for tile in some]
    return page(
        "results.html",
        title=printable(look.title),
        styles=("tile.css", *["review.css"] * look.asks, "page.css"),
        scripts=("player.js", *["review.js"] * look.asks),
        lead=look.lead,
        pages=pages,
        here=here,
        sections=[
            {
                "heading": printable(section.heading),
                "notes": [printable(note) for note in section.notes],
                "tiles": some,
            }
            for section, some in shown
        ],
        sheet=_name_of_sheet(tiles) if look.asks else "",
        file=f"{printable(stem)}-answers.csv",
        names=look.names,
        excludes=look.exclude_each_other,
        has_links=bool(tiles),
    )


def _name_of_sheet(tiles: Sequence[Tile]) -> str:
    """Name a sheet by its questions: answers that a browser keeps are to no others."""
    digest = hashlib.blake2b(digest_size=8)
    for tile in tiles:
        digest.update("\0".join((tile.path, tile.proposed or "", tile.part_start_s, tile.part_end_s, "")).encode())
    return digest.hexdigest()


def _is_ours(folder: Path) -> bool:
    """Tell whether a folder holds pages of ours and nothing else."""
    names = set(os.listdir(folder))
    if _INDEX not in names or not all(name in {_INDEX, _PREVIEWS} or _PAGE.fullmatch(name) for name in names):
        return False
    try:
        if _PREVIEWS in names and not all(map(_PREVIEW.fullmatch, os.listdir(folder / _PREVIEWS))):
            return False
        with (folder / _INDEX).open("rb") as file:
            return PAGE_MARK in file.read(_LOOKED_AT)
    except OSError:
        return False
