"""Stores on Milvus: a collection a table, and a collection without rows a record.

A row's key is its id and the generation at which it was born. That it goes is written by putting it in again, whole and
under the same key, which readers see at once or not at all. A record is a property of a collection that holds nothing:
properties are read as they are written, while rows are seen some time after they came.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import time
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import SplitResult, urlsplit

import grpc
import numpy as np
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from modag_search.errors import StoreChangedError, StoreServerError, UsageError
from modag_search.stores.base import nearest, nothing_found
from modag_search.stores.engine import NEVER, VectorEngine
from modag_search.stores.kinds import MOST_COMPARED
from modag_search.stores.selection import are_among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modag_search.values import Float32Array, Int64Array

P = ParamSpec("P")
R = TypeVar("R")

_PORT = 19530
_OLDEST = (2, 3)
_CONNECTING_S = 5.0
_SILENT_S = 10.0
"""So long a server that did not answer at all is not waited for again: a command asks for each modality."""
_ASKING_S = 120.0
"""Longer than a server takes that was started again and loads what it had."""
_INSERTING = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{"service": "milvus.proto.milvus.MilvusService", "method": "Insert"}],
                "timeout": f"{_ASKING_S:g}s",
            }
        ]
    }
)
"""What pymilvus is given a deadline for, it sends again."""
_HEARD = {
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.ping_timeout_ms": 10_000,  # else a minute, whatever that of keepalive is
    "grpc.service_config": _INSERTING,
}
"""A server that has frozen does not answer pings; one that works for long on an answer does."""
_STARTING_S = 20.0
_INDEXING_S = 24 * 3600.0
_POLL_S = 0.1

_RECORD = "modag_record_"
"""Begins the names of collections that are records; keys of tables are hexadecimal, and so none of theirs does."""
_PROPERTY = "modag.record"
_KEY_LENGTH = 48  # two numbers of 64 bits and a colon

_MESSAGE_BYTES = 2**24
"""Of vectors that are sent at once; servers take messages of 64 MB."""
_FETCHED = 2500
"""Vectors that are asked for at once."""
_PAGE = 100_000
"""Ids that are asked for at once."""
_MOST_NEIGHBOURS = 16_384
"""A server finds no more for a query."""
_ANSWERED = 100_000
"""Neighbours that are asked for at once, of several queries."""
_LISTS, _PROBES = 1024, 64
"""A segment of the index is in so many lists, of which the nearest are looked through."""

_STARTING = {1, 101, 103, 400, 401, 500, 501, 503, 901, 902}
"""Not ready, not loaded or not wholly, and replicas, channels and nodes that are not there."""
_NOT_FOUND, _NOT_LOADED, _NO_DATABASE, _NOT_CONNECTED, _TOO_FAST = 100, 101, 800, 2, 8


def _in_words(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method say in one line what the server or the connection failed with."""

    @functools.wraps(method)
    def saying(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except (MilvusException, grpc.RpcError) as error:
            engine: Any = args[0]
            raise _said(engine.address, error) from error

    return saying


class Milvus(VectorEngine):
    """Stores on a Milvus server.

    Parameters
    ----------
    address : str
        ``milvus://[USER@]HOST[:PORT][/DATABASE]``; with TLS, ``milvus+https://``. A token is read from
        ``MILVUS_TOKEN``, a user and a password from ``MILVUS_USER`` and ``MILVUS_PASSWORD``.
    """

    name = "milvus"

    def __init__(self, address: str) -> None:
        self.address = address
        self._parts, self._uri = _parsed(address)
        # What it logs with tracebacks is raised, too, and said here in a line.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
        self._clients: dict[int, MilvusClient] = {}
        self._moments: dict[tuple[str, int], int] = {}
        self._probed: dict[str, int] = {}
        self._loaded: set[str] = set()
        self._silent_until_s = 0.0

    @_in_words
    def prepare(self) -> None:
        """Look whether the server is new enough, and lets this user in; see `VectorEngine.prepare`."""
        version = str(self._client().get_server_version(timeout=_ASKING_S))
        numbers = re.match(r"v?(\d+)\.(\d+)", version)
        if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST:
            raise StoreServerError(
                f"{self.address}: is Milvus {version}, and stores need {_OLDEST[0]}.{_OLDEST[1]} or later", "update it"
            )
        self.tables()

    # Records.

    @_in_words
    def records(self) -> dict[str, str]:
        """Read the properties of all collections that are records; see `VectorEngine.records`."""
        names = [name for name in self._collections() if name.startswith(_RECORD)]
        texts = {name.removeprefix(_RECORD): self._property(name) for name in names}
        return {key: text for key, text in texts.items() if text is not None}

    @_in_words
    def record(self, key: str) -> str | None:
        """Read a property of a collection; see `VectorEngine.record`."""
        return self._property(_RECORD + key)

    def _property(self, name: str) -> str | None:
        try:
            described = self._client().describe_collection(name, timeout=_ASKING_S)
        except MilvusException as error:
            if error.code == _NOT_FOUND:
                return None
            raise
        text: str | None = described["properties"].get(_PROPERTY)
        return text

    @_in_words
    def put_record(self, key: str, text: str, *, former: str | None) -> None:
        """Read, compare and write; see `VectorEngine.put_record`.

        The server cannot compare: of two that write at the same moment both may believe that they were first. Writers
        of one index hold its lock, and those of two copies of an index meet here only once in its life.
        """
        name, client = _RECORD + key, self._client()
        if self._property(name) != former:
            raise StoreChangedError(f"{self.address}: another process writes to this store")
        if former is not None:
            # Twice: Milvus 2.3.5 writes to its disk what the properties were before they were altered, and has the
            # record before this one when it was killed.
            for _ in range(2):
                client.alter_collection_properties(name, {_PROPERTY: text}, timeout=_ASKING_S)
            return
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)  # there is no collection without one
        client.create_collection(name, schema=schema, num_shards=1, properties={_PROPERTY: text}, timeout=_ASKING_S)

    @_in_words
    def drop_record(self, key: str) -> None:
        """Drop its collection; see `VectorEngine.drop_record`."""
        self._client().drop_collection(_RECORD + key, timeout=_ASKING_S)

    # Tables.

    def _collections(self) -> list[str]:
        names: list[str] = self._client().list_collections(timeout=_ASKING_S)
        return names

    @_in_words
    def tables(self) -> set[str]:
        """Name the collections that are tables; see `VectorEngine.tables`."""
        return {name for name in self._collections() if name.startswith("modag_") and not name.startswith(_RECORD)}

    @_in_words
    def create(self, table: str, *, dimension: int) -> None:
        """Make a collection that compares all; see `VectorEngine.create`."""
        client = self._client()
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=_KEY_LENGTH)
        for field in ("segment", "born", "gone"):
            schema.add_field(field, DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        # One shard, so that all writes have one order.
        client.create_collection(table, schema=schema, num_shards=1, consistency_level="Strong", timeout=_ASKING_S)
        self._index(table, index_type="FLAT")
        self._load(table)

    def _index(self, table: str, **kind: Any) -> None:
        client = self._client()
        parameters = client.prepare_index_params()
        parameters.add_index("vector", metric_type="IP", **kind)
        client.create_index(table, parameters, sync=False, timeout=_ASKING_S)

    def _load(self, table: str) -> None:
        """Have the server take a table into its memory; who asks meanwhile waits there."""
        self._client().load_collection(table, _async=True, timeout=_ASKING_S)

    @_in_words
    def drop(self, table: str) -> None:
        """Drop a collection; see `VectorEngine.drop`."""
        self._client().drop_collection(table, timeout=_ASKING_S)
        self._forget(table)

    @_in_words
    def fill(self, table: str, batches: Iterable[tuple[Int64Array, Float32Array]], *, born: int) -> int:
        """Insert rows; see `VectorEngine.fill`. The server's memory takes many once they are arranged."""
        count = 0
        for ids, vectors in batches:
            self._insert(table, ids, vectors, born=born)
            if count <= MOST_COMPARED < count + len(ids):
                self._client().release_collection(table, timeout=_ASKING_S)
            count += len(ids)
        self._forget(table)
        return count

    @_in_words
    def arrange(self, table: str, *, n: int) -> None:
        """Arrange many rows in lists, segment by segment; see `VectorEngine.arrange`."""
        if n <= MOST_COMPARED:
            return
        client = self._client()
        client.flush(table, timeout=_INDEXING_S)
        client.release_collection(table, timeout=_ASKING_S)
        client.drop_index(table, "vector", timeout=_ASKING_S)
        self._index(table, index_type="IVF_FLAT", params={"nlist": _LISTS})
        self._wait_for_index(table)
        self._load(table)
        self._forget(table)

    def _wait_for_index(self, table: str) -> None:
        ends_at = time.monotonic() + _INDEXING_S
        while time.monotonic() < ends_at:
            state = self._client().describe_index(table, "vector", timeout=_ASKING_S)
            if state["state"] == "Failed":
                raise StoreServerError(f"{self.address}: cannot make an index", "see the server's log")
            if state["state"] == "Finished" and not state["pending_index_rows"]:
                return
            time.sleep(_POLL_S)
        raise StoreServerError(f"{self.address}: has not made an index in a day", "see the server's log")

    @_in_words
    def change(self, table: str, *, generation: int, gone: Int64Array, ids: Int64Array, vectors: Float32Array) -> None:
        """Put rows in again that go, and insert those that come; see `VectorEngine.change`."""
        for some in _parts(gone, _FETCHED):
            rows = self._now(table, f"gone == {NEVER} and {_listed(some)}", "segment", "born", "vector")
            self._put_again(table, rows, gone=generation)
        self._insert(table, ids, vectors, born=generation)
        self._forget(table)

    @_in_words
    def undo(self, table: str, *, after: int) -> None:
        """Put rows in again that had gone, and delete those that had come; see `VectorEngine.undo`."""
        went = f"born <= {after} and gone > {after} and gone < {NEVER}"
        while rows := self._now(table, went, "segment", "born", "vector", limit=_FETCHED):
            self._put_again(table, rows, gone=NEVER)
        self._delete(table, f"born > {after}")
        self._forget(table)

    @_in_words
    def purge(self, table: str, *, until: int) -> None:
        """Delete rows that are gone; see `VectorEngine.purge`."""
        self._delete(table, f"gone <= {until}")
        self._forget(table)

    def _insert(self, table: str, ids: Int64Array, vectors: Float32Array, *, born: int) -> None:
        rows = [
            {"key": f"{i}:{born}", "segment": i, "born": born, "gone": NEVER, "vector": vector}
            for i, vector in zip(ids.tolist(), np.asarray(vectors, dtype=np.float32), strict=True)
        ]
        for some in _messages(rows):
            self._insert_once(table, some)

    def _insert_once(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows, or fail: a server takes a key twice, so what may have got there is not sent again."""
        ends_at = time.monotonic() + _ASKING_S
        while True:
            try:
                self._client().insert(table, rows, retry_times=0)
            except MilvusException as error:
                if error.code != _TOO_FAST or time.monotonic() > ends_at:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def _put_again(self, table: str, rows: list[dict[str, Any]], *, gone: int) -> None:
        again = [
            {
                "key": row["key"],
                "segment": row["segment"],
                "born": row["born"],
                "gone": gone,
                "vector": np.asarray(row["vector"], dtype=np.float32),
            }
            for row in rows
        ]
        for some in _messages(again):
            self._client().upsert(table, some, timeout=_ASKING_S)

    def _delete(self, table: str, which: str) -> None:
        while rows := self._now(table, which, "segment", limit=_FETCHED):
            self._client().delete(table, ids=[row["key"] for row in rows], timeout=_ASKING_S)

    # Reading.

    @_in_words
    def count(self, table: str, *, at: int) -> int:
        """Count rows, as a server that was killed may have lost some, or have some twice; see `VectorEngine.count`."""
        return int(self._at(table, at, "", "count(*)")[0]["count(*)"])

    @_in_words
    def ids(self, table: str, *, at: int) -> Int64Array:
        """Ask for the ids, a range at a time; see `VectorEngine.ids`."""
        pages = [
            [row["segment"] for row in self._at(table, at, f"segment >= {first} and segment <= {last}", "segment")]
            for first, last in self._ranges(table, at)
        ]
        # Of a row that a server lost half of when it put it in again, there may be two.
        ids: Int64Array = np.unique(np.array([i for page in pages for i in page], dtype=np.int64))
        return ids

    def _ranges(self, table: str, at: int) -> Iterator[tuple[int, int]]:
        """Iterate over ranges that hold a page of ids at most: no order can be asked for."""
        ranges = [(-(2**63) + 1, 2**63 - 1)]
        while ranges:
            first, last = ranges.pop()
            counted = self._at(table, at, f"segment >= {first} and segment <= {last}", "count(*)")
            if 0 < counted[0]["count(*)"] <= _PAGE:
                yield first, last
            elif counted[0]["count(*)"]:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]

    @_in_words
    def vectors(self, table: str, ids: Int64Array, *, at: int) -> tuple[Int64Array, Float32Array]:
        """Ask for vectors by their ids; see `VectorEngine.vectors`."""
        rows = [
            row
            for some in _parts(ids, _FETCHED)
            for row in self._at(table, at, _listed(some), "segment", "vector", strict_float32=True)
        ]
        found = np.array([row["segment"] for row in rows], dtype=np.int64)
        if not rows:
            return found, np.zeros((0, self._dimension(table)), dtype=np.float32)
        return found, np.array([row["vector"] for row in rows], dtype=np.float32)

    def _dimension(self, table: str) -> int:
        fields = self._client().describe_collection(table, timeout=_ASKING_S)["fields"]
        return int(next(field["params"]["dim"] for field in fields if field["name"] == "vector"))

    @_in_words
    def search(
        self,
        table: str,
        vectors: Float32Array,
        *,
        at: int,
        k: int,
        among: Int64Array | None,
        without: Int64Array | None,
        n: int,
    ) -> tuple[Float32Array, Int64Array]:
        """Ask for neighbours; see `VectorEngine.search`.

        Few ids are named in the filter. Of many, the server reads the list longer than it searches, so more neighbours
        are asked for, and those that do not count are left out here; where too few remain, the ids are named after all,
        some at a time.
        """
        listed = without if among is None else among
        m = n if listed is None else len(listed) if listed is among else n - len(listed)
        found = None
        if k <= _MOST_NEIGHBOURS:
            if listed is None or len(listed) <= _FETCHED:
                which = "" if listed is None else f"{'not ' if among is None else ''}({_listed(listed)})"
                return self._nearest(table, vectors, at=at, k=k, which=which, m=m, is_whole=among is not None)
            wide = min(2 * k * n // m + 100, n, _MOST_NEIGHBOURS)
            found = _counting(self._nearest(table, vectors, at=at, k=wide, m=n), k=k, among=among, without=without)
        if found is None:
            among = self._counted(table, at, among, without)
            found = nothing_found(len(vectors), 0)
            for some in _parts(among, _MOST_NEIGHBOURS):
                near = self._nearest(
                    table, vectors, at=at, k=min(k, len(some)), which=_listed(some), m=len(some), is_whole=True
                )
                found = _nearer(found, near, k=k)
        return found

    def _counted(self, table: str, at: int, among: Int64Array | None, without: Int64Array | None) -> Int64Array:
        if among is not None:
            return among
        ids = self.ids(table, at=at)
        return ids if without is None else ids[~are_among(ids, without)]

    def _nearest(
        self, table: str, vectors: Float32Array, *, at: int, k: int, m: int, which: str = "", is_whole: bool = False
    ) -> tuple[Float32Array, Int64Array]:
        """Ask for `k` neighbours among the `m` rows that a filter leaves; all are compared where `is_whole`."""
        lists = self._lists(table)
        # So many lists as hold 20 times what is asked for, if all hold as much.
        probes = lists if is_whole else min(lists, max(_PROBES, 20 * k * lists // m))
        parameters = {"metric_type": "IP", "params": {"nprobe": probes} if lists else {}}
        similarities, ids = nothing_found(len(vectors), k)
        for part in (slice(i, i + max(1, _ANSWERED // k)) for i in range(0, len(vectors), max(1, _ANSWERED // k))):
            answers = self._answered(
                table,
                "search",
                data=list(vectors[part]),
                limit=k,
                filter=_there(at, which),
                search_params=parameters,
                **self._moment(table, at),
            )
            for number, hits in enumerate(answers, start=part.start):
                similarities[number, : len(hits)] = [hit["distance"] for hit in hits]
                ids[number, : len(hits)] = [int(_key(hit).partition(":")[0]) for hit in hits]
        if probes < lists and (ids < 0).any():
            return self._nearest(table, vectors, at=at, k=k, m=m, which=which, is_whole=True)
        return similarities, ids

    def _lists(self, table: str) -> int:
        """Return in how many lists the index of a table arranges each segment; 0 of one that compares all."""
        if table not in self._probed:
            described = self._client().describe_index(table, "vector", timeout=_ASKING_S)
            self._probed[table] = int(described.get("nlist", 0))
        return self._probed[table]

    def _at(self, table: str, at: int, which: str, *fields: str, **options: Any) -> list[dict[str, Any]]:
        """Ask for fields of rows that are there at a generation."""
        rows: list[dict[str, Any]] = self._answered(
            table, "query", filter=_there(at, which), output_fields=list(fields), **self._moment(table, at), **options
        )
        return rows

    def _now(self, table: str, which: str, *fields: str, **options: Any) -> list[dict[str, Any]]:
        """Ask for fields of rows, whatever has been written so far."""
        self._wait_until_loaded(table)
        rows: list[dict[str, Any]] = self._answered(
            table,
            "query",
            filter=which,
            output_fields=list(fields),
            consistency_level="Strong",
            strict_float32=True,
            timeout=_ASKING_S,
            **options,
        )
        return rows

    def _moment(self, table: str, at: int) -> dict[str, Any]:
        """Say what an answer must have seen: all that was written before this process first asked for a generation.

        A generation is asked for after a record named it, and so after all its rows were written. A server that must
        have seen what comes until now makes each question wait for its clock to tick, a fifth of a second long.
        """
        key = (table, at)
        if key not in self._moments:
            self._wait_until_loaded(table)
            if len(self._moments) > 1000:
                self._moments = {}
            handler = self._client()._get_connection()  # noqa: SLF001  the client offers no other way to the clock
            self._moments[key] = handler.alloc_timestamp(timeout=_ASKING_S)
        moment = self._moments[key]
        if not moment:  # of a server that does not tell the time
            return {"consistency_level": "Strong", "timeout": _ASKING_S}
        return {"consistency_level": "Customized", "guarantee_timestamp": moment, "timeout": _ASKING_S}

    def _answered(self, table: str, kind: str, **question: Any) -> Any:
        """Ask; again and again where the server has just been started and knows of no table yet that it has."""
        ends_at = time.monotonic() + _STARTING_S
        while True:
            try:
                return getattr(self._client(), kind)(table, **question)
            except MilvusException as error:
                if _code(error) not in _STARTING or time.monotonic() > ends_at:
                    raise
            self._loaded.discard(table)
            time.sleep(_POLL_S)
            self._wait_until_loaded(table)

    def _wait_until_loaded(self, table: str) -> None:
        """Wait while the server takes a table into its memory, as it does when it was made and after a start."""
        ends_at = time.monotonic() + _ASKING_S
        while table not in self._loaded and time.monotonic() < ends_at:
            try:
                state = self._client().get_load_state(table, timeout=_ASKING_S)["state"].name
            except (MilvusException, grpc.RpcError):
                state = ""  # who may not load may not look; the server waits then, up to some seconds
            if state != "Loading":  # what else it may be, the next question fails with
                self._loaded.add(table)
                return
            time.sleep(_POLL_S)

    def _forget(self, table: str) -> None:
        """Have what comes next see what this process has just written."""
        self._loaded.discard(table)
        self._moments = {key: moment for key, moment in self._moments.items() if key[0] != table}
        self._probed = {name: lists for name, lists in self._probed.items() if name != table}

    # Connections.

    def _client(self) -> MilvusClient:
        """Return the connection of this process, which threads share."""
        process = os.getpid()
        if process not in self._clients:
            self._clients[process] = self._connected()
        return self._clients[process]

    def _connected(self) -> MilvusClient:
        if time.monotonic() < self._silent_until_s:
            raise StoreServerError(f"{self.address}: is out of reach", StoreServerError.LEAVING)
        try:
            return MilvusClient(
                uri=self._uri,
                token=os.environ.get("MILVUS_TOKEN", ""),
                user=self._parts.username or os.environ.get("MILVUS_USER", ""),
                password=os.environ.get("MILVUS_PASSWORD", ""),
                db_name=self._parts.path.strip("/"),
                timeout=_CONNECTING_S,
                grpc_options=_HEARD,
                dedicated=True,
            )
        except MilvusException as error:
            if _code(error) == "DEADLINE_EXCEEDED":
                self._silent_until_s = time.monotonic() + _SILENT_S
            raise

    def close(self) -> None:
        """Close the connection of this process; see `VectorEngine.close`."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()


def _parsed(address: str) -> tuple[SplitResult, str]:
    """Take an address apart, and say what pymilvus is to connect to."""
    amiss = "names no host"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError as error:
        host, amiss = None, str(error)
    if not host:
        raise UsageError(f"{address}: {amiss}; an address is milvus://[USER@]HOST[:PORT][/DATABASE]")
    host = f"[{host}]" if ":" in host else host
    return parts, f"{'https' if parts.scheme.endswith('https') else 'http'}://{host}:{port}"


def _said(address: str, error: Exception) -> StoreServerError | StoreChangedError:
    """Say what is amiss in one line."""
    code = _code(error)
    words = str(getattr(error, "message", "") or getattr(error, "details", str)())
    line = " ".join(words.split())[:300] or type(error).__name__
    if code == _NOT_FOUND:
        return StoreChangedError(f"{address}: what was read of the store has been replaced meanwhile; ask again")
    if code in {_NOT_CONNECTED, "UNAVAILABLE", "DEADLINE_EXCEEDED"} or "UNAVAILABLE" in line:
        return StoreServerError(f"{address}: is out of reach", StoreServerError.LEAVING)
    known = {
        "UNAUTHENTICATED": (
            "does not let this user in",
            "a token is read from MILVUS_TOKEN, a user and a password from MILVUS_USER and MILVUS_PASSWORD",
        ),
        "PERMISSION_DENIED": (line, "who administers it can grant it"),
        _NO_DATABASE: ("has no such database", "make it there", "name another one"),
        _NOT_LOADED: ("a table has been released there", "load it", "run `modag rebuild`"),
    }
    problem, *ways_out = known.get(code, (line, StoreServerError.LEAVING))
    return StoreServerError(f"{address}: {problem}", *ways_out)


def _code(error: BaseException) -> Any:
    """Return the number that a server gave an error, or the name of gRPC's, of what was not even let in."""
    code = getattr(error, "code", None)
    cause = error.__cause__
    if code == _NOT_CONNECTED and cause is not None and cause is not error:
        return _code(cause)
    code = code() if callable(code) else code
    return getattr(code, "name", code)


def _there(at: int, which: str) -> str:
    """Write a filter for rows that are there at a generation."""
    return f"born <= {at} and gone > {at}" + (f" and {which}" if which else "")


def _key(hit: Any) -> str:
    """Return the key of a row that was found; later servers say what the field is called."""
    key: str = hit["key"] if "key" in hit else hit["id"]
    return key


def _listed(ids: Int64Array) -> str:
    return f"segment in {ids.tolist()}"


def _parts(ids: Int64Array, size: int) -> Iterator[Int64Array]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _messages(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Iterate over rows, as many at once as a message may hold."""
    size = max(1, _MESSAGE_BYTES // (rows[0]["vector"].nbytes + 128)) if rows else 1
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _counting(
    found: tuple[Float32Array, Int64Array], *, k: int, among: Int64Array | None, without: Int64Array | None
) -> tuple[Float32Array, Int64Array] | None:
    """Leave out neighbours that do not count; None where fewer than `k` remain of a query's."""
    similarities, ids = found
    flat = ids.ravel()
    counts = np.ones(len(flat), dtype=bool) if among is None else are_among(flat, among)
    if without is not None:
        counts &= ~are_among(flat, without)
    counts = (counts & (flat >= 0)).reshape(ids.shape)
    if (counts.sum(axis=1) < k).any():
        return None
    first = np.argsort(~counts, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(similarities, first, axis=1), np.take_along_axis(ids, first, axis=1)


def _nearer(
    some: tuple[Float32Array, Int64Array], others: tuple[Float32Array, Int64Array], *, k: int
) -> tuple[Float32Array, Int64Array]:
    """Merge neighbours of the same queries."""
    return nearest(np.hstack([some[0], others[0]]), np.hstack([some[1], others[1]]), k=k)
