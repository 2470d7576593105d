"""``scripts/prove limits``: put something in the way of every verb, and see that it answers or refuses in one line.

Indexes in several states are put on read-only disks, in folders and files without permission to write, and where SQLite
cannot make its files; then disks get full at several points, files may not grow, few may be open, memory is short,
drives go away in the middle of a run, and there is no room for temporary files. Whatever was acknowledged must be there
afterwards, and what was interrupted must go on. Everything happens in a mount namespace of its own, and needs root, or
a system that lets users have one; encoders are the toys of the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from limited_places import ROOT, TIMEOUT_S, Place, Ran, empty, fingerprint, make_media, make_states, mount, unmount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path.insert(0, str(ROOT))

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
IN_NAMESPACE = "MODAG_PROVING_LIMITS"

READING = {
    "search": "search media/0-low.wav -n 5 --format csv",
    "search id": "search id:1 -n 5 --format csv",
    "search label": "search label:low --format csv",
    "search --copy-to": "search id:1 -n 2 --copy-to out/copies --format csv",
    "classify": "classify media/2-low.png media/1-high.wav --format csv",
    "classify --by head": "classify media/2-low.png --by head --format csv",
    "explain": "explain media/2-low.png --format json",
    "transfer --dry-run": "transfer --dry-run --min-confidence 0 --format csv",
    "info": "info --format json",
    "info PATH": "info media/0-low.png --format json",
    "label list": "label list --format csv",
    "label count": "label count low --format json",
    "label export": "label export --format csv",
    "label export --to": "label export --to out/labels.csv",
    "label runs": "label runs --format csv",
    "label hierarchy, asked": "label hierarchy",
    "label mode, asked": "label mode",
    "label kind, asked": "label kind low",
    "label --dry-run": "label --from out/in.csv --dry-run",
    "tag list": "tag list --format csv",
    "tag runs": "tag runs --format csv",
    "suggest": "suggest --format csv",
    "audit": "audit --max-probability 1 --format csv",
    "audit --pairs": "audit --pairs --min-rank 0 --format csv",
    "duplicates": "duplicates --format csv",
    "map": "map --format csv",
    "failures": "failures --format csv",
    "exclude list": "exclude list --format csv",
    "verify": "verify",
    "report": "report id:1 --to out/report.html",
    "gallery": "gallery --to out/gallery",
    "gallery --unsure": "gallery --unsure --max-confidence 1 --to out/sheet.html",
    "evaluate": "evaluate --format json",
    "index --dry-run": "index media --dry-run",
    "forget --dry-run": "forget media/0-low.png --dry-run",
    "export": "export out/hits.json out/exported",
    "backup": "backup out/index.modag",
    "serve": "",
}
"""What changes nothing, and is answered wherever an index can be read."""

WRITING = {
    "index": "index more --no-progress",
    "label": "label media/3-low.png media/3-high.png --as new",
    "label --from": "label --from out/in.csv",
    "label add": "label add fresh",
    "label remove": "label remove low media/0-low.png",
    "label rename": "label rename low lower",
    "label merge": "label merge low high --into both",
    "label mode": "label mode single",
    "label kind": "label kind low tag",
    "label hierarchy": "label hierarchy out/kinds.csv",
    "tag": "tag media/0-low.png --as loud",
    "transfer": "transfer --min-confidence 0",
    "forget": "forget media/0-low.png",
    "exclude add": "exclude add *.bak",
    "rebuild": "rebuild",
    "train head": "train head",
}

PASSING = ("is_read_only", "store", "store_in_use")
"""Of `modag info`: what the state or the place of an index decides."""


# Where nothing can be written.


@contextmanager
def read_only_mount(place: Place) -> Iterator[Place]:
    """Mount the index read-only."""
    mount("--bind", place.index, place.index)
    mount("-o", "remount,ro,bind", place.index)
    try:
        yield place
    finally:
        unmount(place.index)


@contextmanager
def folder_of_another(place: Place) -> Iterator[Place]:
    """Let somebody use it who may read all of it, and write nothing."""
    place.index.chmod(0o755)
    yield replace(place, before=AS_NOBODY)


@contextmanager
def files_of_another(place: Place) -> Iterator[Place]:
    """Let somebody use it who may make files in its folders, and change none of those that are there."""
    for folder in (place.index, *(path for path in place.index.iterdir() if path.is_dir())):
        folder.chmod(0o777)
    yield replace(place, before=AS_NOBODY)


@contextmanager
def no_more_files(place: Place) -> Iterator[Place]:
    """Put the index on a disk that has room for no further file: SQLite cannot make its own beside the catalog."""
    kept = shutil.copytree(place.index, place.folder / "to be mounted", dirs_exist_ok=True)
    n_files = 2 + sum(1 for _ in kept.rglob("*"))
    mount("-t", "tmpfs", "-o", f"size=64m,nr_inodes={n_files}", "tmpfs", place.index)
    try:
        place.reset(kept)
        shutil.rmtree(kept)
        assert os.statvfs(place.index).f_favail <= 1
        while os.statvfs(place.index).f_favail:
            (place.index / f"filler {os.statvfs(place.index).f_favail}").touch()
        yield place
    finally:
        unmount(place.index)


READ_ONLY = {
    "read-only mount": read_only_mount,
    "another's folder": folder_of_another,
    "another's files": files_of_another,
    "no more files": no_more_files,
}


def serve(place: Place) -> Ran:
    """Serve a page, ask it for something, and try to change something by it."""
    with place.start("serve --port 0") as process:
        assert process.stdout is not None
        told: dict[str, Any] = {}
        try:
            address = process.stdout.readline().strip()
            for name, path, body in (
                ("info", "api/v1/info", None),
                ("search", "api/v1/search", {"query": "id:1"}),
                ("give", "api/v1/labels/give", {"ids": [1], "label": "new"}),
                ("index", "api/v1/jobs", {"verb": "index"}),
                ("page", "", None),
            ):
                told[name] = asked(f"{address}{path}", body)
        except (OSError, ValueError) as error:
            told["error"] = str(error)
        process.terminate()
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    refused = [told.get(name, (0, ""))[0] for name in ("give", "index")]
    answered = [told.get(name, (0, ""))[0] for name in ("info", "search", "page")]
    status = 0 if (answered, refused) == ([200] * 3, [403] * 2) and '"is_read_only":true' in told["info"][1] else 1
    if status:
        stderr += f"answered {answered}, refused {refused}: {told}"[:2000]
    return Ran(status, "", stderr)


def asked(address: str, body: dict[str, Any] | None) -> tuple[int, str]:
    """Ask a server; return the status and the beginning of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"})  # noqa: S310  ours
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def comparable(verb: str, stdout: str) -> object:
    """Leave out of what a verb printed what the state or the place decides."""
    if verb == "index --dry-run":
        return None  # says how long it took
    if verb == "info":
        return {key: value for key, value in json.loads(stdout or "{}").items() if key not in PASSING}
    return stdout


def try_read_only(place: Place, states: Path, report: Report) -> None:
    """Put each state in each place, and run all verbs."""
    wanted = {name: put for name, put in READ_ONLY.items() if report.wants(name)}
    kept = shutil.copytree(place.folder / "out", place.folder / "kept")
    for state in sorted(path.name for path in states.iterdir() if wanted and path.name != "former stores"):
        # Elsewhere, where all can be written.
        place.reset(states / ("clean" if state == "unknown store" else state))
        expected = {
            verb: comparable(verb, put_back(place, kept).run(command).stdout)
            for verb, command in READING.items()
            if report.wants_verb(verb) and verb != "serve"
        }
        for name, put in wanted.items():
            if (name, state) == ("no more files", "killed writer"):
                continue  # its files are all that SQLite needs
            place.reset(states / state)
            with put(place) as there:
                for verb, command in {**READING, **WRITING}.items():
                    if report.wants_verb(verb):
                        before = fingerprint(place.index)
                        ran = serve(there) if verb == "serve" else put_back(there, kept).run(command)
                        faults = list(faults_of(verb, ran, expected))
                        as_it_was = fingerprint(place.index) == before
                        report.add(f"{name}: {state}", verb, ran, as_it_was=as_it_was, faults=faults)


def put_back(place: Place, kept: Path) -> Place:
    """Let the folder that verbs read and write be as it was, for everybody."""
    out = place.folder / "out"
    empty(out)
    shutil.copytree(kept, out, dirs_exist_ok=True)
    out.chmod(0o777)
    return place


def faults_of(verb: str, ran: Ran, expected: dict[str, object]) -> Iterator[str]:
    """Compare what a verb did with what it must do where nothing can be written."""
    if ran.outcome != ("answered" if verb in READING else "refused in one line"):
        yield ran.outcome
    if verb in expected and comparable(verb, ran.stdout) != expected[verb]:
        yield "another answer"
    if ran.warnings > 1:
        yield f"{ran.warnings} warnings"


# Where something runs out, or goes away.


def try_limited(place: Place, states: Path, report: Report) -> None:
    """Let disks get full, files grow no more, and so on, and see that all goes on afterwards."""
    for free_kib in (0, 12, 40, 100, 200):
        for verb, command, state in ON_FULL_DISKS:
            if report.wants(f"full disk, {free_kib} KiB left") and report.wants_verb(verb):
                with full_disk(place, states / state, free_kib=free_kib) as there:
                    there.attempt(f"full disk, {free_kib} KiB left", verb, command, report)
    every = {**READING, **WRITING, "index --workers": "index more --workers 40"}
    few = ("index", "label", "rebuild", "train head", "search", "classify")
    limits: list[tuple[str, Place, dict[str, str]]] = [
        *(
            (f"files of {kib} KiB at most", replace(place, before=("prlimit", f"--fsize={kib << 10}")), WRITING)
            for kib in (4, 32, 64, 128)
        ),
        ("64 open files", replace(place, before=("prlimit", "--nofile=64")), every),
        *(
            (
                f"{mib} MiB of memory",
                replace(place, before=("prlimit", f"--as={mib << 20}")),
                {verb: every[verb] for verb in few},
            )
            for mib in (150, 600, 1000)
        ),
        ("no home", replace(place, environment={"HOME": "/nonexistent"}), every),
        ("home is read-only", replace(place, environment=dict.fromkeys(HOMES, "/proc/1")), every),
        ("TMPDIR is not there", replace(place, environment={"TMPDIR": "/nonexistent"}), every),
    ]
    for obstacle, limited, verbs in limits:
        for verb, command in verbs.items():
            if report.wants(obstacle) and report.wants_verb(verb) and verb != "serve":
                place.reset(states / "clean")
                Attempts(limited, place).attempt(obstacle, verb, command, report)


HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
ON_FULL_DISKS = (
    *((verb, command, "clean") for verb, command in WRITING.items()),
    ("migrate", "migrate", "older"),
    *((verb, READING[verb], "clean") for verb in ("search", "classify", "map", "verify", "info")),
    *((verb, READING[verb], "stores missing") for verb in ("search", "classify --by head")),
    *(
        (verb, READING[verb].replace("out/", "index/"), "clean")
        for verb in ("search --copy-to", "label export --to", "report", "gallery")
    ),
)
"""Verbs, what they are called by, and the state of the index."""


@dataclass(frozen=True)
class Attempts:
    """Tries verbs at a place where something is in their way, and then at the same place without that."""

    limited: Place
    free: Place
    lift: Callable[[], None] = lambda: None

    def attempt(self, obstacle: str, verb: str, command: str, report: Report) -> None:
        """Run a verb against an obstacle, and see what is left of the index."""
        before = self.held()
        ran = self.limited.run(command)
        self.lift()
        faults = [] if ran.outcome in ("answered", "refused in one line") else [ran.outcome]
        after = self.held()
        is_whole = after == before or (verb.startswith("index") and after >= before)
        if verb in WRITING and ran.outcome == "answered":
            is_whole = True  # it is what the verb made of it
        if left := [str(path.relative_to(self.free.folder)) for path in self.free.index.rglob(".*")]:
            faults.append(f"left {left[0]}")
        verified = self.free.run("verify")
        if verified.status:
            faults.append(f"verify: {(verified.stdout + verified.stderr)[:300]}")
        if ran.outcome != "answered":
            again = self.free.run(command)
            if again.outcome != "answered":
                faults.append(f"does not go on: {again.stderr[-300:]}")
            elif self.free.run("verify").status:
                faults.append("verify once it went on")
        report.add(obstacle, verb, ran, as_it_was=is_whole, faults=faults)

    def held(self) -> set[tuple[object, ...]]:
        """Read the items and what is said of them, in a copy: who looks must not change what is there."""
        copies = self.free.folder / "looked at"
        empty(copies)
        for path in self.free.index.glob("catalog.sqlite*"):
            shutil.copy(path, copies) if path.is_file() else None
        with closing(sqlite3.connect(copies / "catalog.sqlite")) as catalog:
            items = catalog.execute("SELECT id, path, content_hash, status FROM item").fetchall()
            said = catalog.execute(
                "SELECT item.path, label.name, origin FROM annotation "
                "JOIN item ON item.id = item_id JOIN label ON label.id = label_id"
            )
            return {*items, *said.fetchall()}


@contextmanager
def full_disk(place: Place, index: Path, *, free_kib: int) -> Iterator[Attempts]:
    """Put an index on a disk of its own, and fill that up to some room that is left."""
    empty(place.index)
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", place.index)
    filler = place.index / "filler"
    try:
        place.reset(index)
        room = os.statvfs(place.index)
        filler.write_bytes(bytes(max(room.f_bavail * room.f_bsize - 1024 * free_kib, 0)))
        yield Attempts(place, place, filler.unlink)
    finally:
        unmount(place.index)


VANISHING = """
import os, sys
from tests.toy_encoders import ToyImage
from modag_search.cli import main
real, seen = ToyImage._feature, []
def feature(self, pixels):
    seen.append(1)
    if len(seen) == 40:
        os.system(os.environ["MODAG_VANISH"])
    return real(self, pixels)
ToyImage._feature = feature
main()
"""
"""Runs a verb, and a command of the shell once 40 pictures have been encoded."""


def try_serving(place: Place, states: Path, report: Report) -> None:
    """Serve with 64 open files at the most, to thirty who ask at once."""
    if not report.wants("64 open files") or not report.wants_verb("serve"):
        return
    place.reset(states / "clean")
    with replace(place, before=("prlimit", "--nofile=64")).start("serve --port 0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()

        def ask(number: int) -> int:
            body = None if number % 3 else {"query": "id:1"}
            try:
                return asked(f"{address}api/v1/{'search' if body else 'items'}", body)[0]
            except OSError:
                return 0  # not answered

        with ThreadPoolExecutor(30) as pool:
            statuses = Counter(pool.map(ask, range(120)))
        process.terminate()
        _, stderr = process.communicate(timeout=TIMEOUT_S)
    faults = [] if statuses.keys() <= {200, 503} and statuses[200] else [f"answered {dict(statuses)}"]
    ran = Ran(0 if not faults else 1, "", stderr)
    report.add("64 open files", "serve", ran, as_it_was=place.run("verify").status == 0, faults=faults)


def try_vanishing(place: Place, states: Path, report: Report) -> None:
    """Take the drive of the media, or of the index, away in the middle of a run."""
    verbs = ("index more --no-progress --workers 1", "index media more --prune --no-progress --workers 1")
    drive = place.folder / "drive"
    for what, folder, vanish in (
        ("drive of media unmounted", place.folder / "more", "umount -l more"),
        ("drive of the index unmounted", place.index, "umount -l index"),
        ("index moved away", place.index, "mv index drive"),
    ):
        for verb in verbs if report.wants(what) and report.wants_verb("index") else ():
            place.reset(states / "clean")
            if vanish.startswith("umount"):
                shutil.copytree(folder, drive)
                empty(folder)  # what is seen where no drive is mounted
                mount("--bind", drive, folder)
            ran = replace(place, environment={"MODAG_VANISH": vanish}).run(verb, program=VANISHING)
            faults = [] if ran.outcome in ("answered", "refused in one line") else [ran.outcome]
            made = [path.name for path in folder.iterdir()] if folder.exists() else []
            faults += [f"made {name}" for name in made]
            shutil.rmtree(folder, ignore_errors=True)
            drive.rename(folder)
            report.add(what, verb, ran, as_it_was=holds_media(place), faults=[*faults, *goes_on(place)])


def holds_media(place: Place) -> bool:
    """Tell whether the index still holds what it held before the run."""
    held = Attempts(place, place).held()
    return {row[1] for row in held if len(row) == 4} >= {os.fsencode(path) for path in place.folder.glob("media/*")}


def goes_on(place: Place) -> Iterator[str]:
    """See that nothing half done is left, and that the next run does what was not done."""
    yield from (f"left {path.name}" for path in place.index.rglob(".*"))
    for verb in ("verify", "index more --no-progress", "verify"):
        if (ran := place.run(verb)).status:
            yield f"{verb}: {ran.stdout}{ran.stderr}"


@dataclass
class Report:
    """What was tried, and what came of it."""

    obstacles: tuple[str, ...]
    verbs: tuple[str, ...]
    shows_all: bool
    tried: int = 0
    failed: int = 0

    def wants(self, obstacle: str) -> bool:
        """Tell whether an obstacle is asked for, by its name or how that begins."""
        return not self.obstacles or obstacle.startswith(self.obstacles)

    def wants_verb(self, verb: str) -> bool:
        """Tell whether a verb is asked for."""
        return not self.verbs or verb in self.verbs

    def add(self, obstacle: str, verb: str, ran: Ran, *, as_it_was: bool, faults: list[str]) -> None:
        """Count what was tried, and print a line of the table."""
        faults = faults if as_it_was else [*faults, "the index is another"]
        self.tried += 1
        self.failed += bool(faults)
        row = (obstacle, verb, ran.outcome, "yes" if as_it_was else "no", "; ".join(faults))
        print(f"| {' | '.join(row)} |", flush=True)
        if faults or self.shows_all:
            print(
                "".join(f"    {line}\n" for line in ran.stderr.splitlines()[-12:]), end="", file=sys.stderr, flush=True
            )


@click.command()
@click.option("--obstacle", "obstacles", multiple=True, help="Only this one; may be repeated. [default: all]")
@click.option("--verb", "verbs", multiple=True, help="Only this one; may be repeated. [default: all]")
@click.option("--show", is_flag=True, help="Print what each verb says.")
def limits(obstacles: tuple[str, ...], verbs: tuple[str, ...], show: bool) -> None:
    """Try every verb where something is in its way; exit status 1 where one is not up to that."""
    if IN_NAMESPACE not in os.environ:
        as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
        command = ["unshare", *as_root, "--mount", "--propagation", "private", sys.executable, *sys.argv]
        os.execvpe("unshare", command, {**os.environ, IN_NAMESPACE: "1"})  # noqa: S606
    report = Report(obstacles, verbs, show)
    print("| obstacle: state | verb | what happened | index as it was | fault |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="modag-limits-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103  others are to read it
        place = Place(Path(folder), Path(folder) / "plugins")
        prepare(place)
        make_states(place, place.folder / "states")
        try_read_only(place, place.folder / "states", report)
        try_limited(place, place.folder / "states", report)
        try_vanishing(place, place.folder / "states", report)
        try_serving(place, place.folder / "states", report)
    print(f"\n{report.tried} tried, {report.failed} not up to it")
    sys.exit(1 if report.failed else 0)


def prepare(place: Place) -> None:
    """Install the toy encoders, and make media."""
    from tests.toy_encoders import install

    install(place.plugins)
    sys.path.insert(0, str(place.plugins))
    (place.folder / "states").mkdir()
    make_media(place.folder)
