"""The page in a browser: ``serve``."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import webbrowser
from contextlib import nullcontext

import click

from modag_search.cli.logs import FORMATS, requests_logged
from modag_search.cli.options import index_option
from modag_search.cli.output import say, show
from modag_search.errors import MissingExtraError

_MIB = 1024**2
_ENDED_S = 1.0
"""How long threads that have nothing to do any more may take to end, all together."""


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
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    help="Write a line for each request to stderr, and all else that is logged in the same format.  [default: warnings "
    "alone]",
)
@click.option(
    "--drain",
    "drain_s",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on after SIGTERM while /ready says 503, for a proxy to see it.",
)
@click.option(
    "--grace",
    "grace_s",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long requests that are under way may then take.",
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
    log_format: str | None,
    drain_s: int,
    grace_s: int,
    opens: bool,
) -> None:
    """See, hear and name in a browser: serve a page over an index, until Ctrl-C.

    The address of the page is printed. Only this machine reaches it, unless --host says otherwise: then each request
    must come with a token, which the address has. Programs ask below /api/v1 in the words of the command line;
    /api/v1/openapi.json describes it, and a token goes there as `Authorization: Bearer TOKEN`.

    Nothing outside the index can be read, and nothing leaves this machine. Other commands may change the index
    meanwhile. For who runs servers there are /health, /ready and /metrics, which Prometheus reads. SIGTERM and Ctrl-C
    let what is under way come to its end, a second one ends at once. Needs `pip install "modag-search[web]"`.
    """
    try:
        from modag_search.web import Access, Limits
        from modag_search.web import serve as answer
        from modag_search.web.access import is_loopback
        from modag_search.web.serving import cleaned_up_when_told_to_stop
    except ImportError as error:
        raise MissingExtraError("modag serve", "web") from error
    from modag_search.cli.opening import open_index

    is_chosen = token is not None
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(16)
    access = Access(host=host, port=port, token=token, names=frozenset(names), is_read_only=read_only)
    limits = Limits(upload_bytes=upload_mib * _MIB, drain_s=drain_s, grace_s=grace_s)

    def tell(address: str) -> None:
        # What is printed where a log is kept is often kept with it: a token that was chosen is known already.
        show(address.partition("?")[0] if log_format and is_chosen else address)
        if log_format is None:
            say("Ctrl-C stops it.")
        if opens:
            webbrowser.open(address)

    threads = frozenset(threading.enumerate())
    logged = requests_logged(log_format) if log_format else nullcontext()
    with logged, cleaned_up_when_told_to_stop():
        with open_index(index_name) as opened:
            answer(opened, access=access, limits=limits, on_ready=tell)
        _leave_threads_behind(beside=threads)


def _leave_threads_behind(*, beside: frozenset[threading.Thread]) -> None:
    """End the process where threads still work for requests whose time is over: the interpreter would wait for them.

    The index survives that as it survives SIGKILL.
    """
    left = [thread for thread in threading.enumerate() if thread not in beside and not thread.daemon]
    for thread in left:
        thread.join(_ENDED_S / len(left))
    if any(thread.is_alive() for thread in left):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
