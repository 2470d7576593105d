"""What ``modag label`` and the verbs that live on labels refuse: in one clear line, and with nothing half done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modag_search.hierarchy import Hierarchy
from tests.cli.command_line import CommandLine, Outcome
from tests.made_media import BLUE, GREEN, HIGH_HZ, LOW_HZ, MIDDLE_HZ, RED, picture, sound
from tests.toy_encoders import toy_index

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_all(modag: CommandLine, commands: Sequence[tuple[Path, Sequence[str]]]) -> list[Outcome]:
    """Run commands, each on an index, one after the other."""
    return [modag(*arguments, MODAG_INDEX=str(index)) for index, arguments in commands]


BEAT = {"namespace": "beat", "data": [{"time": 0, "duration": 0, "value": 1, "confidence": None}]}
TAG = {"namespace": "tag_open", "data": [{"time": 0, "duration": 0, "value": "tone", "confidence": 1}]}

FILES: dict[str, str | bytes] = {
    "bytes.csv": b"path,label\nmedia/a.png,fl\xfc\0gelhorn\n",
    "headless.csv": "media/a.png,violin\n",
    "only_head.csv": "path,label\n",
    "hollow.csv": "",
    "nameless.csv": "path,label\nmedia/b.png, \n",
    "pathless.csv": "path,label\nmedia/a.png,loud\n,loud\n",
    "several.csv": "path,label\nmedia/a.png,loud\nmedia/b.png,loud|bright\n",
    "twice/a.csv": "path,label\ntwin.png,loud\n",
    "ours.csv": "file name,genre\nmedia/a.png,loud\n",
    "part.csv": "path,label,start,end\nmedia/a.wav,loud,0,0.5\n",
    "sheet.csv": b"PK\3\4\x14\0",
    "raven.txt": "Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\n1\t0\t0.5\ta.wav\n",
    "track.txt": "0.0\t0.5\tcall\nno line\n",
    "other.json": '{"a": 1}',
    "broken.json": '{"a": ',
    "via.json": json.dumps(
        {
            "a.png1": {
                "filename": "a.png",
                "regions": [{"region_attributes": {"x": "1", "y": "2"}}],
                "file_attributes": {},
            }
        }
    ),
    "unknown.csv": "path,label\nmedia/a.png,loud\nmedia/nowhere.png,loud\n",
    "failed.csv": "path,label\nmedia/a.png,loud\nmedia/changed.png,loud\n",
    "backwards.csv": "path,label,start_s,end_s\nmedia/a.wav,loud,,\nmedia/a.wav,loud,0.75,0.25\n",
    "of_picture.csv": "path,label,start_s,end_s\nmedia/a.wav,loud,,\nmedia/a.png,loud,0,1\n",
    "beyond.csv": "path,label,start_s,end_s\nmedia/a.wav,loud,,\nmedia/a.wav,loud,0,99\n",
    "soon.csv": "path,label,start_s\nmedia/a.wav,loud,soon\n",
    "wide.csv": "path,label\nmedia/a.png,loud,bright\n",
    "broken.jsonl": '{"path": "media/a.png", "label": "loud"}\n{"path": \n',
    "listed.jsonl": '{"path": "media/a.png", "label": [3]}\n',
    "clash.csv": "path,label\nmedia/c.png,horn\nmedia/b.png,loud\nmedia/c.png,bell\n",
    "against.csv": "path,label\nmedia/c.png,horn\nmedia/a.png,bell\n",
    "labels.txt": "All of them are loud.\n",
    "media/a.jams": json.dumps({"annotations": [BEAT]}),
    "media/text.jams": "no JSON",
    "alone.jams": json.dumps({"annotations": [TAG]}),
    "circle.csv": "child,parent\nviolin,bowed\nbowed,string\nhorn,brass\nstring,violin\n",
    "itself.csv": "child,parent\nviolin,bowed\nbowed,bowed\n",
    "two_labels.csv": "child,parent,audioset_id\nviolin,bowed,/m/07y_7\nfiddle,bowed,/m/07y_7\n",
    "two_ids.csv": "child,parent,audioset_id\nviolin,bowed,/m/07y_7\nviolin,string,/m/1\n",
    "no_parents.csv": "label,parent\nviolin,bowed\n",
    "childless.csv": "child,parent\nviolin,bowed\n,bowed\n",
    "listed_parents.jsonl": '{"child": "violin", "parent": ["bowed", "wooden"]}\n',
    "surrogate.jsonl": '{"child": "violin", "parent": "b\\ud800"}\n',
    "bytes_tree.csv": b"child,parent\nfl\xfc\0gelhorn,brass\n",
    "apart.csv": "child,parent\nhorn,brass\n",
    "theirs.csv": "a,b\n",
    "sub/kept.txt": "",
}


@dataclass(frozen=True)
class Case:
    """A command and what its one line must tell; ``{here}`` stands for the folder that it runs in.

    ``multi`` is an index where a.png is a violin and loud; in ``single`` labels exclude each other, and violin, which
    a.png and b.wav are, is a kind of string, which a.png is too; ``bare`` has no labels.
    """

    command: str
    begins: str
    tells: str = ""
    status: int = 2
    index: str = "multi"

    def arguments(self, folder: Path) -> list[str]:
        return [one.replace("_", " ") if one == "_" else one.format(here=folder) for one in self.command.split()]


CASES = [
    # Items.
    Case(
        "label media/a.wav media/nowhere.png --as x",
        "error: media/nowhere.png: is not in the index",
        "no such file is there",
    ),
    Case("label media/a.wav id:99 --as x", "error: id:99: is not in the index", "modag search"),
    Case("label media/a.wav id:x --as x", "error: id:x: an id is a whole number", "id:12"),
    Case("label media/a.wav media/changed.png --as x", "error: {here}/media/changed.png: ", "modag failures"),
    Case("label media/a.wav media/broken.wav --as x", "error: media/broken.wav: ", "modag failures"),
    # Names.
    Case("label media/a.wav --as x --as _", "error: a label must have a name"),
    Case("label media/a.wav --as \udcff", "error: '\\udcff': a label must be text in UTF-8"),
    # Parts.
    Case(
        "label media/a.wav --as x --start 0.5 --end 0.2", "error: {here}/media/a.wav: 0.5 s to 0.2 s", "before the end"
    ),
    Case("label media/a.wav media/a.png --as x --start 0.5", "error: {here}/media/a.png: a picture has no duration"),
    Case("label media/a.wav --as x --start 5", "error: {here}/media/a.wav: lasts 1 s", "5 s"),
    Case("label media/a.wav --as x --start 0.5 --end 99", "error: {here}/media/a.wav: lasts 1 s", "99 s"),
    # Files of labels.
    Case("label --from nowhere.csv", "error: {here}/nowhere.csv: cannot be read: No such file or directory"),
    Case("label --from nowhere.jams", "error: {here}/nowhere.jams: cannot be read: No such file or directory"),
    Case("label --from bytes.csv", "error: {here}/bytes.csv: is not a text file", "UTF-8"),
    Case("label --from sheet.csv", "error: {here}/sheet.csv: is a workbook or an archive", "save what it holds as CSV"),
    Case("label --from ours.csv --encoding nonesuch", "error: nonesuch: there is no such encoding", "utf-8"),
    Case("label --from bytes.csv --encoding ascii", "error: {here}/bytes.csv: is not in ascii"),
    Case("label --from ours.csv", "error: {here}/ours.csv: line 1: must name the columns path,label", "--path-column"),
    Case(
        "label --from ours.csv --path-column x --label-column genre",
        "error: {here}/ours.csv: line 1: has no column 'x'",
        "it has file name, genre",
    ),
    Case("label --from part.csv", "error: {here}/part.csv: line 1: has end and start", "--start-column"),
    Case(
        "label --from several.csv", "error: {here}/several.csv: line 3: 'loud|bright' looks like 2", "--separator '|'"
    ),
    Case(
        "label --from twice/a.csv",
        "error: {here}/twice/a.csv: line 2: twin.png: is {here}/pairs/one/twin.png or ",
        "more of its path",
    ),
    Case("label --from raven.txt", "error: {here}/raven.txt: line 1: which column holds the labels", "--label-column"),
    Case("label --from track.txt", "error: {here}/track.txt: line 2: is no line of a label track"),
    Case("label --from other.json", "error: {here}/other.json: is JSON of no kind", "COCO"),
    Case("label --from broken.json", "error: {here}/broken.json: is not JSON"),
    Case("label --from via.json", "error: {here}/via.json: which attribute holds the labels, x or y", "--label-column"),
    Case("label --from headless.csv", "error: {here}/headless.csv: line 1: must name the columns path,label"),
    Case("label --from only_head.csv", "error: {here}/only_head.csv: holds no rows"),
    Case("label --from hollow.csv", "error: {here}/hollow.csv: "),
    Case("label --from nameless.csv", "error: {here}/nameless.csv: holds no labels (1 without a label)"),
    Case("label --from pathless.csv", "error: {here}/pathless.csv: line 3: lacks path"),
    Case("label --from unknown.csv", "error: {here}/unknown.csv: line 3: {here}/media/nowhere.png: ", "--skip-missing"),
    Case(
        "label --from failed.csv",
        "error: {here}/failed.csv: line 3: {here}/media/changed.png: failed",
        "--retry-failed",
    ),
    Case("label --from backwards.csv", "error: {here}/backwards.csv: line 3: 0.75 s to 0.25 s", "before the end"),
    Case("label --from of_picture.csv", "error: {here}/of_picture.csv: line 3: {here}/media/a.png: a picture has no"),
    Case("label --from beyond.csv", "error: {here}/beyond.csv: line 3: {here}/media/a.wav: lasts 1 s", "99 s"),
    Case("label --from soon.csv", "error: {here}/soon.csv: line 2: start_s must be a number of seconds", "'soon'"),
    Case("label --from wide.csv", "error: {here}/wide.csv: line 2: has more cells than line 1", "quotes"),
    Case("label --from broken.jsonl", "error: {here}/broken.jsonl: line 2: is not JSON"),
    Case("label --from listed.jsonl", "error: {here}/listed.jsonl: line 1: lacks label"),
    Case("label --from labels.txt", "error: {here}/labels.txt: is of no kind that labels are read from", "Audacity"),
    Case("label --from sub", "error: {here}/sub: holds no .jams files", "--from-folders"),
    Case("label --from-folders sub", "error: {here}/sub: holds no file that is in the index", "modag index"),
    Case("label --from-folders media", "error: {here}/media: its ", "in no folder that could name them"),
    Case("label media/a.png --from labels.csv", "error: --from and --from-folders take paths", "leave these out"),
    # JAMS.
    Case("label --from media/a.jams", "error: {here}/media/a.jams: holds no tags", "it holds beat"),
    Case("label --from media/text.jams", "error: {here}/media/text.jams: is not JSON, and so not JAMS"),
    Case("label --from alone.jams", "error: {here}/alone.jams: no media file of that name", "sandbox.modag.path"),
    # Labels that exclude each other.
    Case(
        "label --from clash.csv", "error: {here}/clash.csv: line 4: {here}/media/c.png: ", "of line 2", index="single"
    ),
    Case("label --from against.csv", "error: {here}/against.csv: line 3: {here}/media/a.png", "multi", index="single"),
    Case(
        "label media/c.png media/a.png --as bell", "error: {here}/media/a.png: cannot be both", "multi", index="single"
    ),
    Case("label hierarchy apart.csv", "error: {here}/media/a.png: is both", "mode multi", index="single"),
    Case("label mode single", "error: {here}/media/a.png: is both", "modag label remove"),
    # Hierarchies.
    Case("label hierarchy nowhere.csv", "error: nowhere.csv: cannot be read: No such file or directory"),
    Case("label hierarchy circle.csv", "error: circle.csv: line 5: a label cannot be a kind of itself: ", "violin >"),
    Case("label hierarchy itself.csv", "error: itself.csv: line 3: a label cannot be a kind of itself: bowed > bowed"),
    Case("label hierarchy two_labels.csv", "error: two_labels.csv: line 3: /m/07y_7 is the id of violin", "line 2"),
    Case("label hierarchy two_ids.csv", "error: two_ids.csv: line 3: violin has the id /m/07y_7 already", "line 2"),
    Case("label hierarchy no_parents.csv", "error: no_parents.csv: line 1: must name the columns child,parent"),
    Case("label hierarchy childless.csv", "error: childless.csv: line 3: lacks child"),
    Case("label hierarchy listed_parents.jsonl", "error: listed_parents.jsonl: line 1: ", "parent"),
    Case("label hierarchy surrogate.jsonl", "error: surrogate.jsonl: line 1: "),
    Case("label hierarchy bytes_tree.csv", "error: bytes_tree.csv: is not a text file", "UTF-8"),
    # Labels and runs that are not there.
    Case("label undo 1", "error: run 1 gave no labels that are still there", "modag label runs"),
    Case("label undo 99", "error: there is no run 99", "`modag label runs`"),
    Case("label remove nobody --all", "error: nobody: is no label of this index", "modag label list"),
    Case("label remove nobody media/a.png", "error: nobody: is no label of this index", "modag label list"),
    Case(
        "label remove violin media/nowhere.png",
        "error: media/nowhere.png: is not in the index",
        "no such file is there",
    ),
    Case("label rename nobody somebody", "error: nobody: is no label of this index", "modag label list"),
    Case("label rename violin loud", "error: loud: is a label already", "modag label merge violin --into loud"),
    Case("label rename violin _", "error: a label must have a name"),
    Case("label merge violin nobody --into x", "error: nobody: is no label of this index", "modag label list"),
    Case("label merge violin --into _", "error: a label must have a name"),
    Case("label merge violin --into top", "error: a label cannot be a kind of itself: ", index="single"),
    # Levels.
    Case("classify media/a.png --level 7", "error: level 7: no label of this index is a kind of another", "hierarchy"),
    Case("transfer --level 3", "error: level 3: labels of this index are on levels 0 to 2", index="single"),
    Case("explain media/a.png --level 3", "error: level 3: labels of this index are on levels 0 to 2", index="single"),
    # Exports.
    Case("label export --to theirs.csv", "error: {here}/theirs.csv: is a file of another kind", "name another"),
    Case("label export --to labels.out", "error: labels.out: a file of labels ends in .csv or .jsonl", "--kind"),
    Case("label export --to sub --kind jams", "error: {here}/sub: is there already", "new or empty"),
    Case("label export --to new.csv --copy", "error: only folders hold copies"),
    # Names without what they are made of.
    Case("classify media/a.png --by head", "error: {here}/multi/head.safetensors: there is no head", "train head", 1),
    Case("transfer --by head", "error: {here}/multi/head.safetensors: there is no head yet", "modag train head", 1),
    Case("train head --update", "error: {here}/multi/head.safetensors: there is no head yet", "modag train head", 1),
    Case("classify id:99", "error: id:99: is not in the index", "modag search"),
    Case("classify sub", "error: {here}/sub: holds nothing that is read"),
    Case("classify media/a.png", "no item has a label yet", "modag label PATH... --as NAME", 4, "bare"),
    Case("transfer", "no item has a label yet", "modag label PATH... --as NAME", 4, "bare"),
    Case("audit", "no item has a label yet", "modag label PATH... --as NAME", 4, "bare"),
    Case("train head", "a head needs two labels at least", "modag label PATH... --as NAME", 4, "bare"),
    Case("search label:nobody", "label:nobody: no item has this label", "", 4),
]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, toys: None, toy_plugins: Path) -> CommandLine:
    """``modag`` in a folder with the files and the indexes of the cases."""
    here = tmp_path_factory.mktemp("workplace")
    for name, content in FILES.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    media = here / "media"
    for name, colour, hz in (("a", RED, LOW_HZ), ("b", GREEN, MIDDLE_HZ), ("c", BLUE, HIGH_HZ)):
        picture(media / f"{name}.png", colour)
        sound(media / f"{name}.wav", (hz, 1))
    for folder in ("one", "two"):
        picture(here / "pairs" / folder / "twin.png", RED)
    picture(media / "changed.png", RED)
    (media / "broken.wav").write_bytes(b"no sound")
    with toy_index(here / "bare") as index:
        index.add([media])
    with toy_index(here / "multi") as index:
        index.add([media, here / "pairs"])
        index.label(media / "a.png", ["violin", "loud"])
        (media / "changed.png").write_bytes(b"no picture any more")
        index.add([media])
    with toy_index(here / "single") as index:
        index.add([media])
        index.label(media / "a.png", ["violin", "string"])
        index.label(media / "b.wav", "violin")
        index.labels.set_hierarchy(Hierarchy.of([("violin", "string"), ("string", "top")]))
        index.labels.set_mode("single")
    return CommandLine(here, plugins=toy_plugins)


STATE = (["label", "export", "--format", "jsonl", "--transferred"], ["label", "hierarchy"], ["label", "mode"])


@dataclass(frozen=True)
class Refusal:
    """How a case ended, and all that is known of labels before and after it."""

    outcome: Outcome
    before: list[bytes]
    after: list[bytes]


@pytest.fixture(scope="module")
def refusals(workplace: CommandLine) -> dict[Case, Refusal]:
    def known(name: str) -> list[bytes]:
        return [outcome.stdout for outcome in run_all(workplace, [(workplace.folder / name, one) for one in STATE])]

    latest = {name: known(name) for name in ("bare", "multi", "single")}
    found = {}
    for case in CASES:
        (outcome,) = run_all(workplace, [(workplace.folder / case.index, case.arguments(workplace.folder))])
        before, latest[case.index] = latest[case.index], known(case.index)
        found[case] = Refusal(outcome, before, latest[case.index])
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command.encode("ascii", "replace").decode())
def test_bad_input_is_refused_in_one_line(workplace: CommandLine, refusals: dict[Case, Refusal], case: Case) -> None:
    outcome = refusals[case].outcome
    assert outcome.stdout == b""
    assert outcome.error.startswith(case.begins.format(here=workplace.folder))
    assert case.tells in outcome.error
    assert outcome.status == case.status
    assert refusals[case].after == refusals[case].before


def test_what_was_compared_is_what_is_there(workplace: CommandLine, refusals: dict[Case, Refusal]) -> None:
    printed, *_ = refusals[CASES[0]].before
    assert [json.loads(line)["label"] for line in printed.splitlines()] == ["violin", "loud"]


def test_each_file_that_cannot_be_named_is_told(workplace: CommandLine) -> None:
    multi = str(workplace.folder / "multi")
    outcome = workplace("classify", "nowhere.wav", "media/broken.wav", "theirs.csv", "media/a.wav", MODAG_INDEX=multi)
    assert outcome.status == 3
    assert [row["path"] for row in outcome.data] == ["media/a.wav"]
    assert [line.split(": ")[:2] for line in outcome.stderr.splitlines()] == [
        ["failed", f"{workplace.folder}/{name}"] for name in ("nowhere.wav", "media/broken.wav", "theirs.csv")
    ]


# Every verb, where there is nothing.

GIVES_NOTHING = "no item has been given a label yet; `modag label PATH... --as NAME` gives one"
NOT_THERE = "error: media/a.png: is not in the index; `modag index media/a.png` takes it in"
NO_LABEL = "error: x: is no label of this index; `modag label list` lists them"
EMPTY = "the index is empty; `modag index PATH...` takes files in"
NOTHING_THERE: dict[str, tuple[int, str]] = {
    "label list": (4, GIVES_NOTHING),
    "label runs": (4, GIVES_NOTHING),
    "label export": (4, GIVES_NOTHING),
    "label hierarchy": (4, GIVES_NOTHING),
    "label media/a.png --as x": (2, NOT_THERE),
    "label remove x media/a.png": (2, NOT_THERE),
    "label remove x --all": (2, NO_LABEL),
    "label rename x y": (2, NO_LABEL),
    "label merge x --into y": (2, NO_LABEL),
    "label undo 1": (2, "error: there is no run 1; `modag label runs` lists those that gave labels"),
    "classify media/a.png": (4, EMPTY),
    "classify --all": (4, EMPTY),
    "classify --unlabelled": (4, EMPTY),
    "transfer": (4, EMPTY),
    "transfer --dry-run": (4, EMPTY),
    "suggest": (4, EMPTY),
    "audit": (4, EMPTY),
    "audit --pairs": (4, EMPTY),
    "duplicates": (4, EMPTY),
    "train head": (4, "a head needs two labels at least; `modag label PATH... --as NAME` gives them"),
    "search label:x": (4, "label:x: no item has this label"),
    "report label:x --to page.html": (4, "label:x: no item has this label"),
    "gallery --to page.html": (4, EMPTY),
    "gallery --unsure --to page.html": (4, EMPTY),
}


def test_every_verb_on_an_empty_index(toy: CommandLine, media: Path) -> None:
    picture(media / "a.png", RED)
    index = Path(toy.environment["MODAG_INDEX"])
    found = run_all(toy, [(index, command.split()) for command in NOTHING_THERE])
    assert {
        command: (outcome.status, outcome.stderr.rstrip("\n"))
        for command, outcome in zip(NOTHING_THERE, found, strict=True)
    } == NOTHING_THERE
    assert {outcome.stdout for outcome in found} <= {b"", b"[]\n"}


def test_every_verb_where_there_is_no_index(modag: CommandLine, media: Path) -> None:
    picture(media / "a.png", RED)
    index = modag.folder / "nowhere"
    line = f"error: {index}: there is no index here; `modag index PATH... --index {index}` makes one"
    (modag.folder / "labels.csv").write_text("path,label\nmedia/a.png,x\n")
    (modag.folder / "tree.csv").write_text("child,parent\nx,y\n")
    commands = [
        *NOTHING_THERE,
        "label --from labels.csv",
        "label --from-folders media",
        "label export --to new.csv",
        "label hierarchy tree.csv",
        "label mode",
        "label mode single",
    ]
    outcomes = run_all(modag, [(index, command.split()) for command in commands])
    for command, outcome in zip(commands, outcomes, strict=True):
        assert (outcome.status, outcome.stdout) == (1, b""), command
        assert outcome.error == line, command
    assert not index.exists()
    assert not (modag.folder / "new.csv").exists()
