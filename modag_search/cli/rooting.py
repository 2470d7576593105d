"""Folders that machines have in different places: ``roots``."""

from __future__ import annotations

import click

from modag_search.cli.options import format_option, index_option
from modag_search.cli.output import print_document, print_rows, say

_COLUMNS = ("name", "folder", "items")
_FIELDS = ("name", "folder", "items", "machines")


@click.group()
def roots() -> None:
    """Name folders that machines have in different places.

    \b
    modag roots add NAS /mnt/nas/sounds      paths below it become relative to NAS
    modag roots set NAS /Volumes/sounds      on another machine: where it has the same folder
    modag roots list

    Each machine shows paths as it has them, and those below a root that it has not as @NAME/rest. Machines are known by
    their host names; where these change, as in containers, MODAG_ROOTS=NAS=/sounds says where a root lies (several with
    a colon between them), and counts before what the index knows.
    """  # noqa: D301  click reads the character


@roots.command(name="list")
@index_option
@format_option(choices=("table", "json", "jsonl", "csv"))
def list_roots(index_name: str | None, output_format: str | None) -> None:
    """List roots, with where this machine has each and how many items lie below it."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        rows = [
            {
                "name": one.name,
                "folder": one.folder,
                "items": one.items,
                "machines": [f"{machine}={folder}" for machine, folder in sorted(one.machines.items())],
            }
            for one in opened.roots.list()
        ]
    print_rows(rows, output_format=output_format, columns=_COLUMNS, fields=_FIELDS)


@roots.command()
@click.argument("name")
@click.argument("folder")
@index_option
@format_option(choices=("table", "json"))
def add(name: str, folder: str, index_name: str | None, output_format: str | None) -> None:
    """Let all paths below FOLDER be relative to a new root NAME, which lies there on this machine."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        n_items = opened.roots.add(name, folder)
    print_document({"name": name, "items": n_items}, output_format=output_format)
    say(f"on another machine, `modag roots set {name} FOLDER` says where it has the same folder")


@roots.command(name="set")
@click.argument("name")
@click.argument("folder")
@index_option
@format_option(choices=("table", "json"))
def place(name: str, folder: str, index_name: str | None, output_format: str | None) -> None:
    """Say that this machine has the root NAME at FOLDER."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        opened.roots.place(name, folder)
        [n_items] = [one.items for one in opened.roots.list() if one.name == name]
    print_document({"name": name, "items": n_items}, output_format=output_format)


@roots.command()
@click.argument("name")
@index_option
@format_option(choices=("table", "json"))
def remove(name: str, index_name: str | None, output_format: str | None) -> None:
    """Let paths below the root NAME be absolute again, as this machine has them."""
    from modag_search.cli.opening import open_index

    with open_index(index_name) as opened:
        n_items = opened.roots.remove(name)
    print_document({"name": name, "items": n_items}, output_format=output_format)
