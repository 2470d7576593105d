"""Connections to a PostgreSQL that notice where no answer will come any more, and what it means by refusing one.

The catalog and stores share them.

TCP tells of a machine that is off and of a cable that is cut. It does not tell of a server that has frozen, or of a
proxy in between that passes nothing on: their kernels acknowledge whatever is sent. So who has waited for a while asks
the server over another connection whether the answer is being made. Statements may take as long as they take.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NoReturn

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg.abc import RV, PQGen

# What psycopg warns of as it ends what has failed is raised, too, and said by whoever called in a line.
logging.getLogger("psycopg").setLevel(logging.CRITICAL + 1)

WATCHED: Final[Mapping[str, int]] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How libpq is to notice a server that is cut off: after half a minute (s, and ms), not after the hours of TCP."""
SILENCE_S = 15.0
"""So long nothing comes before somebody looks, and looks again."""

_WAITS: Final = """
    SELECT pg_backend_pid() = %s, (
        SELECT state LIKE 'idle%%' OR coalesce(wait_event IN ('ClientRead', 'ClientWrite'), false)
        FROM pg_stat_activity WHERE pid = %s
    )
"""
"""Whether the server's process of a connection waits for the client, as this one does for it; null where none is there.
Before that, whether processes are known to libpq by their numbers: a pooler in between makes up its own."""
_STARTS_OR_STOPS: Final = r"starting up|shutting down|in recovery mode|not yet accepting connections"
_REFUSALS: Final = {
    r"password authentication failed|no password supplied": (
        "the password is wrong, or there is none",
        "give it by PGPASSWORD or in ~/.pgpass",
    ),
    r'database ".*" does not exist': ("there is no such database", "`createdb` makes one"),
    r'role ".*" does not exist': ("there is no such user", "`createuser` makes one"),
    r"too many clients|remaining connection slots|too many connections": (
        "the server takes no more connections",
        "try again later, or raise its max_connections",
    ),
    r"could not write init file|No space left on device": (
        "the server's disk is full",
        "free some space on it, then run the same command again",
    ),
    _STARTS_OR_STOPS: (
        "the server is starting or stopping",
        "try again in a moment",
    ),
}
"""What a PostgreSQL says as it refuses a connection; libpq gives no code with that."""


def refusal(message: str) -> tuple[str, str] | None:
    """Say why a PostgreSQL refused a connection, and what to do; None of what is not known, or where none is there.

    Parameters
    ----------
    message : str
        What libpq said.

    Returns
    -------
    (str, str) or None
        The problem and the way out.
    """
    return next((told for pattern, told in _REFUSALS.items() if re.search(pattern, message)), None)


class WatchedConnection(psycopg.Connection[Row]):
    """A connection on which who waits for an answer that will not come gets an error.

    It is raised where no server is there to be asked over a second connection, and where no answer is being made: that
    is to say, where the server's process waits for this one too, or is not there, at two looks with nothing in between.
    The connection is closed then.

    Raises
    ------
    psycopg.OperationalError
        By whatever waits for an answer.
    """

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        """Wait for what psycopg waits for; see `psycopg.Connection.wait`."""
        return super().wait(self._watched(gen), *args, **kwargs)

    def _watched(self, gen: PQGen[RV]) -> PQGen[RV]:
        began_s = heard_s = time.monotonic()
        n_idle = 0

        def heard(something: bool) -> None:
            nonlocal began_s, heard_s, n_idle
            if something:
                began_s = heard_s = time.monotonic()
                n_idle = 0
            elif time.monotonic() - heard_s > SILENCE_S:
                n_idle = 0 if self._is_at_work(began_s) else n_idle + 1
                if n_idle > 1:
                    self._give_up(began_s)
                heard_s = time.monotonic()

        return _listened_to(gen, heard)

    def _is_at_work(self, began_s: float) -> bool:
        """Ask over another connection whether the server makes the answer that this one waits for."""
        try:
            with closing(_Look.connect(self._same_server(), autocommit=True)) as look:
                asked = look.info.backend_pid, self.info.backend_pid
                found = look.execute(_WAITS, asked).fetchone()
        except psycopg.Error as error:
            if _is_refused(error):
                return True
            self._give_up(began_s, error)
        assert found is not None
        numbers_are_known, waits = found
        return not (numbers_are_known if waits is None else waits)

    def _same_server(self) -> str:
        """Say how to connect to the server that this one goes to, also where a name stands for several."""
        given = {one.keyword.decode(): one.val.decode() for one in self.pgconn.info if one.val}
        if self.info.hostaddr:  # none of a socket
            given |= {"host": self.info.host, "hostaddr": self.info.hostaddr, "port": str(self.info.port)}
        return make_conninfo(**given)

    def _give_up(self, began_s: float, cause: BaseException | None = None) -> NoReturn:
        self.pgconn.finish()
        _raise_silence(began_s, cause)


class _Look(psycopg.Connection[Row]):
    """A connection that is given up where an answer takes long."""

    def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        began_s = time.monotonic()

        def heard(something: bool) -> None:
            if not something and time.monotonic() - began_s > SILENCE_S:
                _raise_silence(began_s)

        return super().wait(_listened_to(gen, heard), *args, **kwargs)


def _listened_to(gen: PQGen[RV], heard: Callable[[bool], None]) -> PQGen[RV]:
    """Go through a generator that is told what the socket is ready for, ten times a second or when it is."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            heard(bool(ready))
            wanted = gen.send(ready)
    except StopIteration as end:
        result: RV = end.value
        return result


def _is_refused(error: psycopg.Error) -> bool:
    """Tell whether a server that runs, and is not about to end, said itself that it takes no connection."""
    said = str(error)
    return error.sqlstate is None and "FATAL:" in said and not re.search(_STARTS_OR_STOPS, said)


def _raise_silence(began_s: float, cause: BaseException | None = None) -> NoReturn:
    waited_s = time.monotonic() - began_s
    raise psycopg.OperationalError(f"no answer came for {waited_s:.0f} s, and none is being made") from cause
