"""The page in a browser: ``serve``."""

from __future__ import annotations

import secrets
import webbrowser

import click

from modag_search.cli.options import index_option
from modag_search.cli.output import say, show
from modag_search.errors import MissingExtraError

_MIB = 1024**2


@click.command()
@index_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="The port; 0 takes one that is free."
)
@click.option(
    "--token",
    envvar="MODAG_TOKEN",
    show_envvar=True,
    help="What must come with each request. [default: none on this machine alone; else one is made up]",
)
@click.option("--name", "names", multiple=True, metavar="NAME", help="What else the server is called; may be repeated.")
@click.option("--read-only", is_flag=True, help="Nothing can be labelled, indexed or taken back.")
@click.option(
    "--max-upload",
    "upload_mib",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    metavar="MIB",
    help="The largest file to ask with.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
def serve(
    index_name: str | None,
    host: str,
    port: int,
    token: str | None,
    names: tuple[str, ...],
    read_only: bool,
    upload_mib: int,
    opens: bool,
) -> None:
    """See, hear and name in a browser: serve a page over an index, until Ctrl-C.

    The address of the page is printed. Only this machine reaches it, unless --host says otherwise: then each request
    must come with a token, which the address has. Programs ask below /api/v1 in the words of the command line;
    /api/v1/openapi.json describes it, and a token goes there as `Authorization: Bearer TOKEN`.

    Nothing outside the index can be read, and nothing leaves this machine. Other commands may change the index
    meanwhile. Needs `pip install "modag-search[web]"`.
    """
    try:
        from modag_search.web import Access, Limits
        from modag_search.web import serve as answer
        from modag_search.web.access import is_loopback
        from modag_search.web.serving import cleaned_up_when_told_to_stop
    except ImportError as error:
        raise MissingExtraError("modag serve", "web") from error
    from modag_search.cli.opening import open_index

    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(16)
    access = Access(host=host, port=port, token=token, names=frozenset(names), is_read_only=read_only)

    def tell(address: str) -> None:
        show(address)
        say("Ctrl-C stops it.")
        if opens:
            webbrowser.open(address)

    with cleaned_up_when_told_to_stop(), open_index(index_name) as opened:
        answer(opened, access=access, limits=Limits(upload_bytes=upload_mib * _MIB), on_ready=tell)
