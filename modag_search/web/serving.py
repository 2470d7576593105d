"""Listening: from an index to a server that runs until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import uvicorn

from modag_search.errors import UsageError
from modag_search.web.application import create_app
from modag_search.web.patience import ImpatientProtocol, most_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from modag_search.index import Index
    from modag_search.web.access import Access
    from modag_search.web.limits import Limits
    from modag_search.web.service import Service

logger = logging.getLogger(__name__)


def serve(index: Index, *, access: Access, limits: Limits, on_ready: Callable[[str], None]) -> None:
    """Answer requests until the process is told to stop, by SIGTERM or Ctrl-C.

    Then what is under way comes to its end: first, after SIGTERM, all is answered for `limits.drain_s`, while
    ``/ready`` says that it is over; then nothing new is taken, and what was has `limits.grace_s`. Told a second time,
    the process ends at once, by that signal.

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
        service: Service = app.state.service
        config = uvicorn.Config(
            app,
            http=type("Protocol", (ImpatientProtocol,), {"most_connections": most_connections()}),
            log_config=None,  # what there is to say goes where the rest goes
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(limits.grace_s),
        )
        server = _Server(config, service)
        _have_heard(server.handle_exit)
        logger.info("listening on http://%s:%d", host, port)
        try:
            server.run(sockets=[listener])
        finally:  # the application has waited for its jobs, unless it was told to stop once more
            service.close(waits=False)
        logger.info("stopped")


class _Server(uvicorn.Server):
    """Stops in good order when it is told to, and at once when it is told so again."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._stops_at = math.inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  uvicorn's signature
        """Say from now on that it is not ready; uvicorn would hand the signal on once it is done."""
        if self._service.is_stopping:
            _leave_the_loop(sig)
            return
        self._service.is_stopping = True
        drain_s = self._service.limits.drain_s if sig == signal.SIGTERM else 0.0
        self._stops_at = time.monotonic() + drain_s

    async def on_tick(self, counter: int) -> bool:
        """Look whether it is time, ten times a second."""
        if self._service.is_stopping:
            self._service.jobs.end()
            if time.monotonic() >= self._stops_at:
                self.should_exit = self._service.is_leaving = True
        return await super().on_tick(counter)


class _ToldToStopError(SystemExit):
    """A signal, on its way out of whatever the main thread does."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _leave(number: int, _: object) -> None:
    raise _ToldToStopError(number)


def _leave_the_loop(number: int) -> None:
    """Leave an event loop between two steps of tasks: they take what is raised within one for a fault of theirs."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # there is none any more, or not yet
        _leave(number, None)
    else:
        loop.call_soon_threadsafe(_leave, number, None)


def _is_main_thread() -> bool:
    """Tell whether signals are this thread's."""
    return threading.current_thread() is threading.main_thread()


def _have_heard(handle: Callable[[int, FrameType | None], None]) -> None:
    """Have signals handled so until what `cleaned_up_when_told_to_stop` surrounds was left: also after serving."""
    if _is_main_thread():
        for number in _SIGNALS:
            signal.signal(number, handle)


@contextlib.contextmanager
def cleaned_up_when_told_to_stop() -> Iterator[None]:
    """Let SIGTERM end the process as it would, but only once the block was left and what is to be cleaned up was.

    The process ends by the signal, whatever threads still do. Inside of another such block, this one does nothing.
    """
    if not _is_main_thread() or signal.getsignal(signal.SIGTERM) is _leave:
        yield
        return
    former = {number: signal.getsignal(number) for number in _SIGNALS}
    signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    except _ToldToStopError as told:
        number = told.number
    else:
        return
    finally:
        for one, handle in former.items():
            signal.signal(one, handle)
    if number == signal.SIGINT:  # Python's own way would wait for threads
        signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


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
