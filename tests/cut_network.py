"""A network that a test may cut, slow down to nothing, and mend: a TCP proxy on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Network:
    """Passes on what is sent to its `port`, until it is told not to.

    What goes from the client to the server is looked at, if a test asks for a pattern (`when`); the other way nothing
    is. Each method is done when it returns.

    Parameters
    ----------
    to : int
        Port of the server, on loopback.

    Attributes
    ----------
    port : int
        Where it listens; the same for ever, also while it refuses.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._lock = threading.RLock()
        self._refuses = self._is_silent = False
        self._links: list[Link] = []
        self._triggers: list[Trigger] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._refuses = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def through(self, address: str) -> str:
        """The address of the server, with this port in the place of its own."""
        return address.replace(f":{self._to}", f":{self.port}", 1)

    def cut(self) -> None:
        """End all connections at once; new ones are taken."""
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.end()

    def refuse(self) -> None:
        """End all connections, and those that come, until it is mended."""
        self.take_no_more()
        self.cut()

    def take_no_more(self) -> None:
        """End connections that come, until it is mended; those that are there stay."""
        with self._lock:
            self._refuses = True

    def silence(self) -> None:
        """Keep connections open, take new ones, and pass nothing on, until it is mended: as a server that is frozen."""
        with self._lock:
            self._is_silent = True
            for link in self._links:
                link.silence()

    def mend(self) -> None:
        """Take connections and let everything through, from now on; those that were silent end."""
        with self._lock:
            self._refuses = self._is_silent = False
            silent = [link for link in self._links if not link.answers.is_set()]
        for link in silent:
            link.end()

    @contextmanager
    def when(
        self,
        pattern: bytes,
        act: Callable[[Link], object] | None = None,
        *,
        nth: int = 1,
        after: bytes = b"",
    ) -> Iterator[Trigger]:
        """Do something with the connection on which a pattern is sent to the server, before it gets there.

        Parameters
        ----------
        pattern : bytes
            It is seen where it is sent at once.
        act : callable, optional
            Given the connection; else it is cut. What was sent is passed on afterwards, where that is still possible.
        nth : int
            At which time that it is seen.
        after : bytes, optional
            Another pattern, which must have been sent on that connection before.

        Yields
        ------
        Trigger
            Knows whether it was seen.
        """
        trigger = Trigger(pattern, act or Link.end, nth=nth, after=after)
        with self._lock:
            self._triggers.append(trigger)
        try:
            yield trigger
        finally:
            with self._lock:
                self._triggers.remove(trigger)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                try:
                    far = None if self._refuses else socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    far = None
                if far is None:
                    near.close()
                    continue
                link = Link(near, far)
                if self._is_silent:
                    link.silence()
                self._links.append(link)
            threading.Thread(target=self._pass_on, args=(link, near, far), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(link, far, near), daemon=True).start()

    def _pass_on(self, link: Link, one: socket.socket, other: socket.socket) -> None:
        with one, other:
            with suppress(OSError):
                while content := one.recv(65_536):
                    if one is link.near:
                        self._look_at(content, link)
                        link.asks.wait()
                    else:
                        link.answers.wait()
                        if link.loses_answers:
                            break
                    other.sendall(content)
            link.end()  # before they are closed: who waits for them would not notice that

    def _look_at(self, content: bytes, link: Link) -> None:
        with self._lock:
            due = [trigger for trigger in self._triggers if trigger.is_due(content, link)]
        for trigger in due:
            trigger.seen.set()
            trigger.act(link)


class Link:
    """A connection from the client, and the one to the server that it goes on by.

    Attributes
    ----------
    near, far : socket.socket
    asks, answers : threading.Event
        Set while what the client sends is passed on, and what the server does.
    loses_answers : bool
    """

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.asks, self.answers = threading.Event(), threading.Event()
        self.asks.set()
        self.answers.set()
        self.loses_answers = False

    def silence(self) -> None:
        """Pass nothing on any more, and keep it open."""
        self.asks.clear()
        self.answers.clear()

    def withhold_answers(self) -> None:
        """Pass nothing on any more that the server sends, and keep it open."""
        self.answers.clear()

    def end(self) -> None:
        """Cut it."""
        for one in (self.near, self.far):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.asks.set()
        self.answers.set()

    def lose_answer(self) -> None:
        """Let what was sent get there, and cut it in the place of the answer."""
        self.loses_answers = True


class Trigger:
    """What is to happen when a pattern is sent.

    Attributes
    ----------
    seen : threading.Event
    """

    def __init__(self, pattern: bytes, act: Callable[[Link], object], *, nth: int, after: bytes) -> None:
        self._pattern, self._left, self._after = pattern, nth, after
        self._prepared: list[Link] = []
        self.act = act
        self.seen = threading.Event()

    def is_due(self, content: bytes, link: Link) -> bool:
        """Count how often it is seen, and tell whether this is the time."""
        if self._after in content:
            self._prepared.append(link)
        was = self._left
        if link in self._prepared:
            self._left -= content.count(self._pattern)
        return was > 0 >= self._left


class Once:
    """Progress of a run that does something once, when so many files are done."""

    def __init__(self, n: int, act: Callable[[], object]) -> None:
        self._n, self._act = n, act
        self.is_done = False

    def __call__(self, *, done: int, found: int) -> None:
        if done >= self._n and not self.is_done:
            self.is_done = True
            self._act()
