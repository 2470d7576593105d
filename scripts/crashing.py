"""Processes killed in the middle of every verb that writes, and what must hold of the index that they leave.

A trial copies an index, forks a process that works on it, kills it by SIGKILL, at a random moment or at a random one of
the files that it opens, renames and removes, and has another process look at what is left: all that was acknowledged is
there, nothing is there by halves, catalog and stores agree or mend themselves unasked, the work goes on, and no file
stays that was half written.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import modag_search as modag  # noqa: E402
from modag_search.catalog import Catalog, migrations  # noqa: E402
from modag_search.search import store_sync  # noqa: E402, F401  imported once, for all that are forked
from modag_search.stores import kinds, layered  # noqa: E402
from tests.catalog_builders import make_tables_of  # noqa: E402
from tests.made_media import picture, sound  # noqa: E402
from tests.toy_encoders import install, toy_index, toy_space  # noqa: E402
from tests.unsynced import unsynced  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Say = Callable[[str], None]

N_MEDIA: Final = 16
N_LATER: Final = 8
"""Of them, those that `index` takes in while it is killed."""
_LONGEST_S: Final = 60.0
_N_LABELS, _N_LABELS_SERVED = 25, 12
_WATCHED: Final = frozenset({"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "fcntl.flock"})
"""What Python tells of before it happens; what SQLite and FAISS write is met by the moments chosen by the clock."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial takes place: an index, and media beside it."""

    folder: Path

    @property
    def index(self) -> Path:
        """Folder of the index."""
        return self.folder / "index"

    @property
    def media(self) -> Path:
        """Folder of the media."""
        return self.folder / "media"

    def pair(self, number: int) -> list[Path]:
        """Return a picture and the sound that goes with it."""
        return [self.media / f"{number:02d}.{ending}" for ending in ("png", "wav")]

    def opened(self) -> modag.Index:
        """Open the index."""
        return modag.Index.open(self.index)


@dataclass(frozen=True, slots=True)
class Verb:
    """What is killed, and what must hold afterwards.

    Attributes
    ----------
    act : callable
        Works, and acknowledges what is done.
    check : callable
        Looks at what was left, given all that was acknowledged; what must not be is an AssertionError.
    prepare : callable
        Makes what it begins with, of the index that all begin with.
    """

    act: Callable[[Place, Say], None]
    check: Callable[[Place, list[str]], None]
    prepare: Callable[[Place], None] = field(default=lambda _: None)


@dataclass(slots=True)
class Outcome:
    """What became of the trials of one verb."""

    verb: str
    trials: int = 0
    killed: int = 0
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)


# What all begin with ------------------------------------------------------------------------------------------


def make(place: Place) -> None:
    """Make media, and an index of half of them, four of which have a label."""
    colours = [(200, 20, 20), (20, 200, 20), (20, 20, 200)]
    tones = [200, 1000, 4000]
    for number in range(N_MEDIA):
        first, second = place.pair(number)
        picture(first, tuple(channel + number for channel in colours[number % 3]))  # type: ignore[arg-type]
        sound(second, (tones[number % 3] + 10 * number, 1))
    with toy_index(place.index) as index:
        index.add([path for number in range(N_MEDIA - N_LATER) for path in place.pair(number)])
        for number, label in enumerate(("low", "middle")):
            index.label(place.pair(number), label)


def well(place: Place) -> None:
    """Assert that an index answers, and that catalog and stores agree once it has."""
    with place.opened() as index:
        n_items = sum(index.catalog.count().items.values())
        first = next(index.catalog.items.all(), None)
        if first is not None:
            hits = index.search(f"id:{first.id}", n=100)
            assert sum(1 + len(hit.copies) for hit in hits) == n_items - 1
        assert index.verify() == []


def tidy(place: Place, *, also: tuple[str, ...] = ()) -> None:
    """Assert that nothing half written is left, once the work was done again."""
    for folder, _, names in os.walk(place.folder):
        left = [name for name in names if name.startswith(".") or (".bak-" in name and "migrate" not in also)]
        assert not left, f"left behind in {folder}: {left}"
    stores = {path.name for path in (place.index / "stores").glob("*")}
    mapped = {name for name in stores if name.endswith(".mapped")}
    assert len(mapped) <= 2, f"left behind: {mapped}"


# The verbs ----------------------------------------------------------------------------------------------------


def _index(place: Place, say: Say) -> None:
    with place.opened() as index:
        for number in range(N_MEDIA - N_LATER, N_MEDIA):
            index.add(place.pair(number), workers=1)
            say(str(number))


def _check_index(place: Place, said: list[str]) -> None:
    with place.opened() as index:
        paths = {item.path for item in index.catalog.items.all()}
        for number in said:
            assert {str(path) for path in place.pair(int(number))} <= paths, f"{number} was acknowledged, and is gone"
        assert index.item(place.pair(0)[0]).labels == ("low",)
    well(place)
    with place.opened() as index:
        report = index.add([place.media])
        assert report.unchanged == len(paths)
        assert report.unchanged + report.added == 2 * N_MEDIA
    well(place)
    tidy(place)


def _new(place: Place) -> Place:
    """Where an index is made in folders that are made, too; its media are those of the other."""
    return Place(place.folder / "new" / "place")


def _make_new(place: Place, say: Say) -> None:
    new = _new(place).index
    space = place.index / "space.safetensors"
    settings = modag.IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image", space=str(space))
    with modag.Index.open(new, create=True, settings=settings) as index:
        say("made")
        index.add(place.pair(0), workers=1)
        say("added")


def _check_new(place: Place, said: list[str]) -> None:
    new = _new(place).index
    if said:
        with modag.Index.open(new) as index:
            counted = sum(index.catalog.count().items.values())
            assert counted == 2 or "added" not in said, "what was added to a new index was acknowledged, and is gone"
            assert index.verify() == []
    _make_new(place, lambda _: None)
    with modag.Index.open(new) as index:
        assert sum(index.catalog.count().items.values()) == 2
        assert index.verify() == []
    tidy(place)


def _few_compared() -> None:
    """Let few changes be many: bases are built, and changes are merged into them."""
    kinds.MOST_COMPARED = 0
    layered._LEAST_HEAVY = 4  # noqa: SLF001


def _compact(place: Place, say: Say) -> None:
    _few_compared()
    _index(place, say)


def _check_compact(place: Place, said: list[str]) -> None:
    _few_compared()
    _check_index(place, said)


def _label(place: Place, say: Say) -> None:
    with place.opened() as index:
        for number in range(_N_LABELS):
            index.label(place.pair(number % 8), f"label {number}")
            say(str(number))


def _check_labels(place: Place, said: list[str], *, n: int) -> None:
    """Assert that each of `n` labels is on both files of its pair or on none, and on both where that was said."""
    with place.opened() as index:
        given = {item.path: set(item.labels) for item in index.catalog.items.all()}
    for number in range(n):
        first, second = (f"label {number}" in given[str(path)] for path in place.pair(number % 8))
        assert first == second, f"label {number} was given by halves"
        assert first or str(number) not in said, f"label {number} was acknowledged, and is gone"
    well(place)


def _check_label(place: Place, said: list[str]) -> None:
    _check_labels(place, said, n=_N_LABELS)
    _label(place, lambda _: None)
    tidy(place)


def _transfer(place: Place, say: Say) -> None:
    with place.opened() as index:
        say(str(len(index.transfer(min_confidence=0.0).given)))


def _check_transfer(place: Place, said: list[str]) -> None:
    with place.opened() as index:
        given = sum(summary.transferred for summary in index.labels.summaries())
        unlabelled = sum(not item.labels for item in index.catalog.items.all())
        assert given in (0, 12), f"{given} of 12 labels were transferred"
        assert given == 12 or not said, "a transfer was acknowledged, and is gone"
        assert unlabelled == 12 - given
    well(place)
    with place.opened() as index:
        index.transfer(min_confidence=0.0)
        assert sum(summary.transferred for summary in index.labels.summaries()) == 12
        index.labels.undo(max(run.id for run in index.catalog.runs.all() if run.verb == "transfer"))
    tidy(place)


def _forget(place: Place, say: Say) -> None:
    with place.opened() as index:
        for number in range(6):
            index.forget(place.pair(number))
            say(str(number))


def _said_of_contents(index: modag.Index) -> int:
    """How many annotations there are, on items and kept for their content."""
    counts = index.catalog.count()
    return counts.annotations + counts.kept_annotations


def _check_forget(place: Place, said: list[str]) -> None:
    with place.opened() as index:
        paths = {item.path for item in index.catalog.items.all()}
        for number in range(6):
            first, second = (str(path) in paths for path in place.pair(number))
            assert first == second, f"{number} was forgotten by halves"
            assert not first or str(number) not in said, f"{number} was forgotten, and is there"
        assert _said_of_contents(index) == 4, "labels are lost"
    well(place)
    with place.opened() as index:
        if said:
            index.undo_forget()
        index.add([place.media])
        assert index.item(place.pair(0)[0]).labels == ("low",)
    well(place)
    tidy(place)


def _gone(place: Place) -> None:
    for number in range(4):
        for path in place.pair(number):
            path.rename(place.folder / path.name)


def _prune(place: Place, say: Say) -> None:
    with place.opened() as index:
        index.add([place.media], prune=True, workers=1)
        say("done")


def _check_prune(place: Place, said: list[str]) -> None:
    with place.opened() as index:
        assert _said_of_contents(index) == 4, "labels are lost"
        gone = sum(not os.path.exists(item.path) for item in index.catalog.items.all())
        assert gone in (0, 8), f"{gone} of 8 items are left"
        assert not said or not gone, "pruned items are there again"
    well(place)
    for number in range(4):
        for path in place.pair(number):
            (place.folder / path.name).rename(path)
    with place.opened() as index:
        index.add([place.media])
        assert index.item(place.pair(0)[0]).labels == ("low",)
        assert sum(index.catalog.count().items.values()) == 2 * N_MEDIA
    well(place)
    tidy(place)


def _turned_space(place: Place) -> None:
    (place.folder / "turned.safetensors").write_bytes(toy_space(turned=True).to_bytes())


def _rebuild(place: Place, say: Say) -> None:
    with place.opened() as index:
        index.rebuild()
        say("same")
        index.rebuild(space=place.folder / "turned.safetensors")
        say("turned")


def _check_rebuild(place: Place, said: list[str]) -> None:
    with place.opened() as index:
        assert index.space.name == "turned" or "turned" not in said, "a rebuild was acknowledged, and is gone"
        assert index.space.name in ("toy", "turned")
        assert index.item(place.pair(0)[0]).labels == ("low",)
    well(place)
    _rebuild(place, lambda _: None)
    well(place)
    tidy(place)


def _name(place: Place, say: Say) -> None:
    with place.opened() as index:
        index.classify(place.pair(3)[0])
        say("calibration.safetensors")
        index.train_head()
        say("head.safetensors")


def _check_name(place: Place, said: list[str]) -> None:
    for name in said:
        assert (place.index / name).exists(), f"{name} was acknowledged, and is gone"
    well(place)
    with place.opened() as index:
        (named,) = index.classify(place.pair(3)[0])
        assert named.label == "low"
        index.train_head()
        index.classify(place.pair(3)[0], by="head")
    tidy(place)


def _of_an_earlier_revision(place: Place) -> None:
    """Put, in the place of the catalog, one as the first version made it, with a thousand items."""
    path = place.index / "catalog.sqlite"
    path.unlink()
    make_tables_of(path, "0004")
    with closing(sqlite3.connect(path)) as catalog, catalog:
        catalog.execute("INSERT INTO pipeline VALUES (1, 'sound', 'toy', 1, '<f4', 'f', '{}')")
        for number in range(1, 1001):
            name = f"/m/{number}.wav".encode()
            catalog.execute(
                "INSERT INTO item VALUES (?, ?, ?, 1, 1, 'sound', 1, NULL, NULL, 'ok', '', '')",
                (number, name, str(number)),
            )
            catalog.execute("INSERT INTO segment VALUES (?, ?, 1, 'sound', 0, 1, 'ok', 1)", (number, number))
            catalog.execute("INSERT INTO feature VALUES (?, x'0000803F')", (number,))


def _migrate(place: Place, say: Say) -> None:
    Catalog.open(place.index / "catalog.sqlite").close()
    say("done")


def _check_migrate(place: Place, said: list[str]) -> None:
    path = place.index / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as catalog:
        (revision,) = catalog.execute("SELECT version_num FROM alembic_version").fetchone()
    assert revision in ("0004", migrations.CURRENT_REVISION)
    assert revision != "0004" or not said, "a migration was acknowledged, and is gone"
    with Catalog.open(path) as opened:
        assert opened.check() == []
        assert opened.count().items["sound"] == 1000
    for copy in place.index.glob("*.bak-*"):
        with closing(sqlite3.connect(copy)) as catalog:
            assert catalog.execute("SELECT count(*) FROM feature").fetchone() == (1000,)
    tidy(place, also=("migrate",))


def _back_up(place: Place, say: Say) -> None:
    with place.opened() as index:
        for _ in range(3):
            index.back_up(place.folder / "one.modag")
            say("backup")
    modag.Index.restore(place.folder / "one.modag", place.folder / "again")
    say("restored")


def _check_back_up(place: Place, said: list[str]) -> None:
    backup, again = place.folder / "one.modag", place.folder / "again"
    assert backup.exists() or not said, "a backup was acknowledged, and is gone"
    assert again.exists() or "restored" not in said, "an index was restored, and is gone"
    if again.exists():
        with modag.Index.open(again) as index:
            assert index.item(place.pair(0)[0]).labels == ("low",)
        shutil.rmtree(again)
    well(place)
    _back_up(place, lambda _: None)
    with modag.Index.open(again) as index:
        assert index.verify() == []
    tidy(place)


def _serve(place: Place, say: Say) -> None:
    """Serve from a thread, and ask the server to give labels."""
    import uvicorn

    from modag_search.web import Access, create_app

    with place.opened() as index:
        server = uvicorn.Server(uvicorn.Config(create_app(index, access=Access()), port=0, log_level="critical"))
        with closing(server.config.bind_socket()) as listening:
            listening.listen()  # who asks before the server runs is heard once it does
            port = listening.getsockname()[1]
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            for number in range(_N_LABELS_SERVED):
                items = [index.item(path).id for path in place.pair(number % 8)]
                _post(port, "labels/give", {"ids": items, "label": f"label {number}"})
                say(str(number))
            server.should_exit = True
            thread.join()


def _post(port: int, name: str, body: Mapping[str, object]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/{name}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_LONGEST_S) as answer:  # noqa: S310  our own server
        answer.read()


def _check_serve(place: Place, said: list[str]) -> None:
    _check_labels(place, said, n=_N_LABELS_SERVED)
    tidy(place)


VERBS: Final[Mapping[str, Verb]] = {
    "index": Verb(_index, _check_index),
    "new": Verb(_make_new, _check_new),
    "compaction": Verb(_compact, _check_compact),
    "label": Verb(_label, _check_label),
    "transfer": Verb(_transfer, _check_transfer),
    "forget": Verb(_forget, _check_forget),
    "prune": Verb(_prune, _check_prune, _gone),
    "rebuild": Verb(_rebuild, _check_rebuild, _turned_space),
    "naming": Verb(_name, _check_name),
    "migrate": Verb(_migrate, _check_migrate, _of_an_earlier_revision),
    "backup": Verb(_back_up, _check_back_up),
    "serve": Verb(_serve, _check_serve),
}


# Killing ------------------------------------------------------------------------------------------------------


class Prover:
    """Kills, and looks at what is left; itself it opens nothing, so that it can be forked again and again.

    Parameters
    ----------
    work : Path
        An empty folder.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        logging.getLogger("modag_search").setLevel(logging.ERROR)
        install(work / "plugins")
        sys.path.insert(0, str(work / "plugins"))
        self._first = Place(work / "first")
        self._first.folder.mkdir()
        _in_a_fork(lambda _: make(self._first))

    def prove(self, name: str, n: int, *, seed: int) -> Outcome:
        """Kill a verb `n` times."""
        verb, start = VERBS[name], Place(self._work / name)
        shutil.copytree(self._first.folder, start.folder)
        _moved(start, self._first)
        _in_a_fork(lambda _: verb.prepare(start))
        _import_what_works(verb, start)
        seconds, events = self._measured(verb, start)
        outcome = Outcome(name)
        for number in range(n):
            drawn = random.Random(f"{name} {seed} {number}")  # noqa: S311
            at = (drawn.uniform(0, 1.05 * seconds), None) if drawn.random() < 0.6 else (None, drawn.randint(1, events))
            wrong, said, is_killed = self._trial(verb, start, at)
            outcome.trials += 1
            outcome.killed += is_killed
            outcome.acknowledged += len(said)
            if wrong:
                outcome.wrong.append(f"{name}, seed {seed}, trial {number}: {wrong}")
        return outcome

    def _measured(self, verb: Verb, start: Place) -> tuple[float, int]:
        """How long a verb takes that nobody kills, and how many events it has."""
        with _copy(start) as place:
            began = time.perf_counter()
            _in_a_fork(lambda say: verb.act(place, say))
            seconds = time.perf_counter() - began
        with _copy(start) as place:
            counted = _in_a_fork(lambda say: _counting(verb, place, say))
        return seconds, int(counted[-1])

    def _trial(self, verb: Verb, start: Place, at: tuple[float | None, int | None]) -> tuple[str, list[str], bool]:
        after_s, at_event = at
        with _copy(start) as place:

            def act(say: Say) -> None:
                if at_event is not None:
                    _die_at(at_event)
                verb.act(place, say)

            said, status = _killed(act, after_s=after_s)
            try:
                _in_a_fork(lambda _: _check_alone(verb, place, said))
            except ChildError as error:
                return str(error), said, status == -signal.SIGKILL
        return "", said, status == -signal.SIGKILL


def _check_alone(verb: Verb, place: Place, said: list[str]) -> None:
    """Look at what a verb has left, in a process that nobody kills.

    It decodes by itself, and waits for no disk: either takes as long as all else.
    """
    sys.executable = ""
    with unsynced():
        verb.check(place, said)


def _import_what_works(verb: Verb, start: Place) -> None:
    """Import here what a verb and its check import, so that processes that are forked have it already.

    Their time is that of the work, and it is the work that they are killed in.
    """

    def tell(say: Say) -> None:
        said: list[str] = []
        before = set(sys.modules)
        verb.act(place, said.append)
        _check_alone(verb, place, said)
        for name, module in list(sys.modules.items()):
            if name not in before and getattr(module, "__spec__", None) is not None:
                say(name)

    with _copy(start) as place:
        for name in _in_a_fork(tell):
            importlib.import_module(name)


class ChildError(Exception):
    """What a forked process has found wrong."""


@contextmanager
def _copy(start: Place) -> Iterator[Place]:
    """Put a copy in the place of the index and its media, which are known by their paths."""
    kept = start.folder.with_name(f"{start.folder.name}-kept")
    start.folder.rename(kept)
    shutil.copytree(kept, start.folder)
    try:
        yield start
    finally:
        shutil.rmtree(start.folder)
        kept.rename(start.folder)


def _moved(place: Place, former: Place) -> None:
    def relocate(_: Say) -> None:
        with Catalog.open(place.index / "catalog.sqlite") as catalog:
            catalog.relocate({str(former.folder): str(place.folder)})

    _in_a_fork(relocate)


def _counting(verb: Verb, place: Place, say: Say) -> None:
    counted = [0]

    def count(event: str, _: object) -> None:
        counted[0] += event in _WATCHED

    sys.addaudithook(count)
    verb.act(place, say)
    say(str(counted[0]))


def _die_at(number: int) -> None:
    counted = [0]

    def count(event: str, _: object) -> None:
        if event in _WATCHED:
            counted[0] += 1
            if counted[0] == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _in_a_fork(work: Callable[[Say], None]) -> list[str]:
    """Let another process work; return what it has said, or raise what went wrong there."""
    said, status = _killed(work, after_s=None)
    if status != 0:
        raise ChildError(said[-1] if said else f"status {status}")
    return said


def _killed(work: Callable[[Say], None], *, after_s: float | None) -> tuple[list[str], int]:
    """Let another process work, kill it after a while, and return what it has said, and how it ended."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        _work_and_leave(work, writing)
    os.close(writing)
    with open(reading, "rb", buffering=0) as told:
        parts: list[bytes] = []
        until = time.monotonic() + (_LONGEST_S if after_s is None else after_s)
        while select.select([told], [], [], max(0.0, until - time.monotonic()))[0]:
            part = told.read(65_536)
            if not part:
                break
            parts.append(part)
        else:
            os.kill(process, signal.SIGKILL)
            parts.append(told.read())  # what it said before
        _, status = os.waitpid(process, 0)
    lines = b"".join(parts).decode().split("\0")
    return lines[:-1], os.waitstatus_to_exitcode(status)


def _work_and_leave(work: Callable[[Say], None], writing: int) -> None:
    """Work in a forked process, and leave it without going back to where it was forked."""

    def say(line: str) -> None:
        os.write(writing, line.encode() + b"\0")

    try:
        work(say)
    except BaseException:  # noqa: BLE001  whatever it is, it is told
        say(traceback.format_exc(limit=-3).strip())
        os._exit(1)
    os._exit(0)


def _main() -> None:
    """Make what a verb begins with in an empty folder, or let the verb work there and print what it acknowledges."""
    what, name, folder = sys.argv[1:]
    place, verb = Place(Path(folder)), VERBS[name]
    logging.getLogger("modag_search").setLevel(logging.ERROR)
    if what == "prepare":
        make(place)
        verb.prepare(place)
    else:
        verb.act(place, lambda line: print(f"done: {line}", flush=True))


if __name__ == "__main__":
    _main()
