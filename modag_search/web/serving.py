"""Listening: from an index to a server that runs until it is stopped."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote

import uvicorn

from modag_search.errors import UsageError
from modag_search.web.application import create_app
from modag_search.web.patience import ImpatientProtocol, most_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modag_search.index import Index
    from modag_search.web.access import Access
    from modag_search.web.limits import Limits

_GOODBYE_S = 3
"""How long requests that are under way may take once the server is to stop."""


def serve(index: Index, *, access: Access, limits: Limits, on_ready: Callable[[str], None]) -> None:
    """Answer requests until the process is told to stop.

    Parameters
    ----------
    index : Index
    access : Access
        Port 0 stands for one that is free.
    limits : Limits
    on_ready : callable
        Called with the page's address, its token in it, once connections are accepted.

    Raises
    ------
    UsageError
        If the address cannot be listened on.
    """
    with cleaned_up_when_told_to_stop(), listening(access.host, access.port) as listener:
        port = listener.getsockname()[1]
        host = socket.gethostname() if access.is_everywhere else access.host
        host = f"[{host}]" if ":" in host else host
        token = f"?token={quote(access.token, safe='')}" if access.token else ""
        on_ready(f"http://{host}:{port}/{token}")
        app = create_app(index, access=access, limits=limits)
        config = uvicorn.Config(
            app,
            http=type("Protocol", (ImpatientProtocol,), {"most_connections": most_connections()}),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GOODBYE_S,
        )
        try:
            with contextlib.suppress(KeyboardInterrupt):  # how people stop it
                uvicorn.Server(config).run(sockets=[listener])
        finally:  # also where a second Ctrl-C did not let the application come to its end
            app.state.service.close()


class _ToldToStop(SystemExit):
    """SIGTERM, on its way out of whatever the main thread does."""


@contextlib.contextmanager
def cleaned_up_when_told_to_stop() -> Iterator[None]:
    """Let SIGTERM do what it did before, but only once the block was left and what is to be cleaned up was."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return

    def leave(number: int, _: object) -> None:
        raise _ToldToStop(128 + number)

    former = signal.signal(signal.SIGTERM, leave)
    is_told = False
    try:
        yield
    except _ToldToStop:
        is_told = True
    finally:
        signal.signal(signal.SIGTERM, former)
    if is_told:
        signal.raise_signal(signal.SIGTERM)


def listening(host: str, port: int) -> socket.socket:
    """Open a socket that takes connections at once; port 0 stands for one that is free.

    Raises
    ------
    UsageError
        If the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, asyncio sends small answers at once; otherwise each waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError, TypeError) as error:  # the last for a name that no address is written as
        listener.close()
        raise UsageError(f"{host}:{port}: cannot be listened on ({error}); --port 0 takes a free port") from error
    listener.listen(128)  # from here on connections wait, rather than be refused
    return listener
