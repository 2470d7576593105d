"""Addresses of databases and of servers: what names one, and what of it may be shown or kept."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

DATABASE_SCHEMES: Final = ("postgresql://", "postgres://")
_SECRETS: Final = ("password", "passwd", "pwd", "token", "secret")


def is_address(name: str) -> bool:
    """Tell the address of a server from a path, and from the name of a kind of store."""
    return "://" in name


def is_url(name: object) -> bool:
    """Tell whether an index is named by the URL of a database, and not by a folder."""
    return isinstance(name, str) and name.startswith(DATABASE_SCHEMES)


def without_password(url: str) -> str:
    """Return an address as it may be shown; a path stays as it is.

    Examples
    --------
    >>> without_password("postgresql://ada:secret@host/music?sslpassword=secret&sslmode=require")
    'postgresql://ada@host/music?sslmode=require'
    """
    if not is_address(url):
        return url
    scheme, _, rest = url.partition("://")
    before_host, at, behind = rest.partition("@")
    if at and _has_password(before_host):
        rest = f"{before_host.partition(':')[0]}:@{behind}"  # else a "?" in it would begin the options
    place, question, query = rest.partition("?")
    user, at, host = place.rpartition("@")
    kept = "&".join(part for part in query.split("&") if not _is_secret(part))
    return f"{scheme}://{user.partition(':')[0]}{at}{host}{question if kept else ''}{kept}"


def holds_password(address: str) -> bool:
    """Tell whether a secret stands in an address, as libpq reads it or as its writer may have meant it."""
    rest = address.partition("://")[2]
    before_host, at, _ = rest.partition("@")
    return bool(at and _has_password(before_host)) or any(map(_is_secret, rest.partition("?")[2].split("&")))


def _is_secret(option: str) -> bool:
    """Tell an option of a URL whose value is a secret."""
    name = unquote(option.partition("=")[0]).lower()
    return any(secret in name for secret in _SECRETS)


def _has_password(before_host: str) -> bool:
    """Tell whether a password is in what stands before an ``@``.

    To libpq a ``#`` or ``?`` in it is a part of it, though they end the host of a URL; a ``/`` makes it a port.
    """
    name, slash, _ = before_host.partition("/")
    password = name.partition(":")[2]
    is_port = slash and (password.isdigit() or "," in name or "]" in name)
    return bool(password) and not is_port
