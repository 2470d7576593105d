"""What a file says is never run, and no other file or address that it names is opened."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import modag_search
from modag_search import Index
from modag_search.media import containers
from tests.made_media import LOW_HZ, RED, picture, sound

PACKAGE = Path(modag_search.__file__).parent
RUN_CODE = {"eval", "exec", "compile", "execfile", "__import__"}
UNPACK_OBJECTS = {"cPickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "pickle", "shelve", "yaml"}
OWN_OBJECTS = {"classify/sorting.py", "ingest/backlog.py"}
"""They read what the same process has written a moment ago, to memory or to a file without a name."""
ERRORS_ALONE = {"encoders/clap.py", "training/checkpoint.py"}
START_PROGRAMS = {"demo/obtaining.py", "media/children.py"}
"""At the user's word: apt, dpkg-deb and pip, for media to try the program on; and this interpreter, to decode apart."""


def modules() -> list[tuple[str, ast.Module]]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [(str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def calls(tree: ast.Module) -> list[tuple[str, dict[str, object]]]:
    """Return what is called, as it is written, with the keywords that are constants."""
    return [
        (
            ast.unparse(node.func),
            {str(key.arg): key.value.value for key in node.keywords if isinstance(key.value, ast.Constant)},
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


@pytest.mark.parametrize(("name", "tree"), modules(), ids=lambda one: one if isinstance(one, str) else "")
def test_no_code_comes_from_files(name: str, tree: ast.Module) -> None:
    called = calls(tree)
    assert not RUN_CODE.intersection(function for function, _ in called)
    for function, keywords in called:
        if function == "torch.load":
            assert keywords["weights_only"] is True
        if function in ("np.load", "numpy.load"):
            assert keywords["allow_pickle"] is False
    unpacking = imported(tree) & UNPACK_OBJECTS
    assert not unpacking or name in OWN_OBJECTS | ERRORS_ALONE
    if name in ERRORS_ALONE:
        assert not any(function.startswith("pickle.") for function, _ in called)
    starting = {"subprocess", "pty"} & imported(tree)
    assert not starting or name in START_PROGRAMS
    assert not any(function in ("os.system", "os.popen", "os.startfile") for function, _ in called)


LISTS = {
    "hls.mp3": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nfile://{sound}\n#EXT-X-ENDLIST\n",
    "hls.mp4": "#EXTM3U\n#EXTINF:3,\n{sound}\n#EXT-X-ENDLIST\n",
    "list.wav": "{sound}\n",
    "concat.mp3": "ffconcat version 1.0\nfile '{sound}'\n",
    "concat.wav": "ffconcat version 1.0\nfile secret.wav\n",
    "concat.mkv": "ffconcat version 1.0\nfile 'file:{sound}'\n",
    "session.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "dash.mp4": '<?xml version="1.0"?><MPD><Period><AdaptationSet><Representation><BaseURL>file://{sound}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
    "asx.wma": '<asx><entry><ref href="file://{sound}"/></entry></asx>',
    "drawing.png": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{picture}"/></svg>',
    "script.png": "push graphic-context\nimage over 0,0 0,0 '{picture}'\n",
    "postscript.png": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({picture}) run showpage\n",
}


def test_lists_and_drawings_show_nothing_of_what_they_name(
    index: Index, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"sound": sound(tmp_path / "secret.wav", (LOW_HZ, 3)), "picture": picture(tmp_path / "secret.png", RED)}
    for name, text in LISTS.items():
        (media / name).write_text(text.format(**secrets))
    sound(media / "secret.wav", (LOW_HZ, 3))
    monkeypatch.chdir(media)

    report = index.add([media])

    assert (report.added, report.failed) == (1, len(LISTS))


def test_a_format_that_names_other_files_opens_none(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second bar, with the first one gone: the list of formats that are read."""
    sound(tmp_path / "secret.wav", (LOW_HZ, 3))
    (media / "a.mkv").write_text("ffconcat version 1.0\nfile secret.wav\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(containers, "_DEMUXERS", f"concat,{containers._DEMUXERS}")
    with (
        (media / "a.mkv").open("rb") as file,
        pytest.raises(modag_search.CorruptMediaError),
        containers.open_container(file, "a.mkv", wanted="a video") as opened,
    ):
        next(opened.decode(audio=0))


FMT = b"fmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
EMPTY_PIECES = [
    ("a.wav", b"RIFF\xff\xff\xff\x00WAVE" + FMT, b"junk\0\0\0\0"),
    ("a.mp4", b"\0\0\0\x10ftypisom\0\0\0\0", b"\0\0\0\x08free"),
]


@pytest.mark.parametrize(("name", "begin", "piece"), EMPTY_PIECES)
def test_a_file_of_empty_pieces_is_given_up(
    media: Path, monkeypatch: pytest.MonkeyPatch, name: str, begin: bytes, piece: bytes
) -> None:
    (media / name).write_bytes(begin + piece * 200_000)
    monkeypatch.setattr(containers, "_MOST_CALLS", 1000)
    calls = 0

    class Counted(containers._Source):
        def read(self, n_bytes: int) -> bytes:
            nonlocal calls
            calls += 1
            return super().read(n_bytes)

    monkeypatch.setattr(containers, "_Source", Counted)
    with (
        (media / name).open("rb") as file,
        pytest.raises(modag_search.CorruptMediaError, match=r"damaged beyond|without its index"),
        containers.open_container(file, name, wanted="a sound"),
    ):
        pass
    assert calls < 2000
