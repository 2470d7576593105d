"""The demo's collection: reading resource files, choosing, naming, and not losing work."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from modag_search.demo import choice as demo_choice
from modag_search.demo import obtaining as demo_media
from modag_search.demo import phrases as demo_phrases
from modag_search.demo import qt_resources
from modag_search.demo import questions as demo_questions
from modag_search.errors import NothingFoundError

SCRIPT = Path(__file__).parents[2] / "scripts" / "demo"
HEADER = b"qres" + struct.pack(">5I", 3, 24, 0, 0, 0)


def write_rcc(files: dict[str, bytes], *, compressed: tuple[str, ...] = (), version: int = 3) -> bytes:
    """Lay out one folder, ``activities``, with these files in it, as Qt's ``rcc`` does."""
    names, contents, nodes = b"", b"", b""

    def add_name(name: str) -> int:
        nonlocal names
        offset = len(names)
        names += struct.pack(">HI", len(name), 0xABCD) + name.encode("utf-16-be")
        return offset

    def add_node(name_offset: int, flags: int, *values: int) -> None:
        nonlocal nodes
        layout = ">IHII" if flags & 2 else ">IHHHI"
        nodes += struct.pack(layout, name_offset, flags, *values)
        nodes += b"\0" * 8 if version > 1 else b""

    add_node(0, 2, 1, 1)
    add_node(add_name("activities"), 2, len(files), 2)
    for name, content in files.items():
        stored = content
        if name in compressed:
            stored = struct.pack(">I", len(content)) + zlib.compress(content)
        add_node(add_name(name), 1 if name in compressed else 0, 0, 0, len(contents))
        contents += struct.pack(">I", len(stored)) + stored
    start = 24 if version == 3 else 20
    header = struct.pack(">4I", version, start, start + len(nodes), start + len(nodes) + len(contents))
    return b"qres" + header + (b"\0" * 4 if version == 3 else b"") + nodes + contents + names


@pytest.mark.parametrize("version", [1, 2, 3])
def test_reads_every_file_of_a_resource_file(version: int) -> None:
    files = {"trumpet.ogg": b"OggS", "flûte.svg": b"<svg>" * 100, "empty": b""}
    data = write_rcc(files, compressed=("flûte.svg",), version=version)
    expected = {f"/activities/{name}": content for name, content in files.items()}
    assert dict(qt_resources.read_qt_resources(data)) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"OggS" + b"\0" * 40, "does not start with 'qres'"),
        (b"qres" + b"\0" * 3, "damaged"),
        (b"qres" + struct.pack(">4I", 9, 0, 0, 0), "format 9"),
        (write_rcc({"a.ogg": b"OggS" * 50})[:90], "damaged"),
        (HEADER + struct.pack(">IHII", 0, 2, 1, 0) + b"\0" * 8, "itself"),
        (HEADER + struct.pack(">IHHHI", 0, 4, 0, 0, 0) + b"\0" * 8, "zstd"),
    ],
)
def test_says_what_is_wrong_with_a_resource_file(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        list(qt_resources.read_qt_resources(data))


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Washing-machine", "washing_machine"),
        ("cementMixer", "cement_mixer"),
        ("guitar2", "guitar_2"),
        ("flute_traversiere", "flute"),
        ("FLYING SAUCER", "flying_saucer"),
        ("ireland", "music_from_ireland"),
    ],
)
def test_names_are_lower_snake_case(stem: str, name: str) -> None:
    assert demo_choice.readable_name(stem) == name


def test_takes_real_sounds_and_leaves_speech_letters_and_mirrored_copies() -> None:
    plan = demo_choice.plan_debian(
        [
            "stamps/animals/birds/owl.png",
            "stamps/animals/birds/owl.ogg",
            "stamps/animals/birds/owl_desc_fr.ogg",
            "stamps/animals/birds/owl.txt",
            "stamps/hobbies/music/wind/bassoon.png",
            "stamps/hobbies/kite.svg",
            "stamps/symbols/alphabets/english/A.ogg",
            "stamps/vehicles/ship/tugboat_mirror.png",
        ]
    )
    assert plan == {
        "stamps/animals/birds/owl.png": "pictures/animals/owl.png",
        "stamps/animals/birds/owl.ogg": "sounds/animals/owl.ogg",
        "stamps/hobbies/music/wind/bassoon.png": "pictures/instruments/bassoon.png",
        "stamps/hobbies/kite.svg": "pictures/household/kite.png",
    }


def test_both_packages_share_a_theme_without_overwriting() -> None:
    plan = demo_choice.plan_debian(
        [
            "activities/instruments/resource/violin.svg",
            "activities/instruments/resource/violin.ogg",
            "activities/instruments/resource/background.svg",
            "activities/explore_farm_animals/resource/animals/cow.webp",
            "activities/railroad/resource/sounds/train.wav",
            "activities/railroad/resource/wagon.svg",
            "stamps/hobbies/music/string/violin.png",
            "stamps/hobbies/music/string/violin.ogg",
            "stamps/hobbies/music/string/violin2.svg",
        ]
    )
    assert sorted(plan.values()) == [
        "pictures/animals/cow.jpg",
        "pictures/instruments/violin.png",
        "pictures/instruments/violin_2.png",
        "pictures/instruments/violin_3.png",
        "sounds/instruments/violin.ogg",
        "sounds/instruments/violin_2.ogg",
        "sounds/vehicles/train.wav",
    ]


def test_a_full_theme_keeps_every_picture_that_has_a_sound() -> None:
    silent = [f"stamps/animals/fish_{i:03}.png" for i in range(300)]
    plan = demo_choice.plan_debian([*silent, "stamps/animals/zebra.png", "stamps/animals/zebra.ogg"])
    pictures = [target for target in plan.values() if target.startswith("pictures/")]
    assert len(pictures) == demo_choice.STAMPS_PER_THEME
    assert "pictures/animals/zebra.png" in pictures


def test_spreads_a_choice_over_the_whole_list() -> None:
    assert demo_choice.evenly(list("abcdef"), 3) == ["a", "c", "e"]
    assert demo_choice.evenly(list("ab"), 3) == ["a", "b"]
    assert demo_choice.evenly(list("ab"), 0) == []


def test_names_drawings_by_their_code_points() -> None:
    names = ["1F3BA.svg", "1FA8A.svg", "1F415.svg", "1F415-200D-1F9BA.svg", "1F600.svg", "1F415.svg.gz"]
    assert demo_choice.plan_drawings(names) == {
        "1F3BA.svg": "pictures/instruments/trumpet.png",
        "1FA8A.svg": "pictures/instruments/trombone.png",
        "1F415.svg": "pictures/animals/dog.png",
    }


COLLECTION = [
    "pictures/animals/cow.jpg",
    "pictures/animals/dog.jpg",
    "pictures/animals/dog_2.png",
    "pictures/animals/dog_3.png",
    "pictures/instruments/drum_kit.png",
    "pictures/instruments/piano.png",
    "sounds/animals/dog_bark.ogg",
    "sounds/animals/dogfish.ogg",
    "sounds/instruments/drum_tomtom.ogg",
    "sounds/instruments/piano_scale.ogg",
]


def test_asks_of_things_that_are_both_shown_and_heard() -> None:
    assert demo_questions.choose_questions(reversed(COLLECTION)) == [
        ("dog", "sounds/animals/dog_bark.ogg", "image"),
        ("piano", "sounds/instruments/piano_scale.ogg", "image"),
        ("drum", "pictures/instruments/drum_kit.png", "sound"),
    ]
    with pytest.raises(NothingFoundError, match="no sounds or no pictures"):
        demo_questions.choose_questions([path for path in COLLECTION if path.startswith("pictures/")])


def test_a_lesson_labels_few_pictures_and_names_a_sound() -> None:
    assert demo_questions.choose_lessons(reversed(COLLECTION)) == [
        ("dog", ("pictures/animals/dog.jpg", "pictures/animals/dog_2.png"), "sounds/animals/dog_bark.ogg"),
        ("piano", ("pictures/instruments/piano.png",), "sounds/instruments/piano_scale.ogg"),
    ]


def test_both_sources_answer_some_questions_and_lessons() -> None:
    drawings = demo_choice.plan_drawings(f"{code:X}.svg" for code in range(0x1F300, 0x1FB00)).values()
    phrases = [f"sounds/{voice.theme}/{name}_scale.ogg" for name, voice in demo_phrases.VOICES.items()]
    collection = [*drawings, *phrases]
    assert {question.wanted for question in demo_questions.choose_questions(collection)} == {"image", "sound"}
    assert len(demo_questions.choose_lessons(collection)) >= 2


@pytest.mark.parametrize(("path", "name"), [("a/drum_kit_2.png", "drum kit"), ("dog.jpg", "dog"), ("747.png", "747")])
def test_says_names_as_words(path: str, name: str) -> None:
    assert demo_questions.spoken_name(path) == name


def test_every_phrase_fills_its_time_and_stays_on_the_keyboard() -> None:
    total = round(demo_phrases.PHRASE_S * demo_phrases.SAMPLE_RATE_HZ)
    for voice in demo_phrases.VOICES.values():
        for phrase in demo_phrases.PHRASES.values():
            notes = list(demo_phrases.note_lengths(phrase, voice.key))
            assert sum(held + rest for _, held, rest in notes) == total
            assert all(held > 0 and rest >= 0 and 0 <= key <= 127 for key, held, rest in notes)


def test_prefers_debian_and_falls_back_to_pypi() -> None:
    assert demo_media.sources_to_try("auto", debian_possible=True) == ("debian", "pypi")
    assert demo_media.sources_to_try("auto", debian_possible=False) == ("pypi",)
    assert demo_media.sources_to_try("debian", debian_possible=False) == ("debian",)
    assert not demo_media.debian_is_possible(lambda name: None if name == "dpkg-deb" else f"/usr/bin/{name}")


def test_reads_what_apt_announces() -> None:
    output = (
        "Reading package lists...\n"
        "'http://deb.debian.org/debian/pool/t.deb' tuxpaint-stamps-default_1_all.deb 160880444 "
        f"SHA256:{'6d' * 32}\n"
    )
    assert demo_media.parse_print_uris(output) == [("tuxpaint-stamps-default_1_all.deb", 160880444, "6d" * 32)]
    assert demo_media.parse_print_uris(output.replace("SHA256", "MD5Sum")) == []
    assert demo_media.parse_print_uris(output.replace(" tuxpaint", " ../tuxpaint")) == []


def test_a_package_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    package = tmp_path / "stamps_1_all.deb"
    package.write_bytes(b"stamps")
    announced = demo_media.DebianFile(package.name, 6, hashlib.sha256(b"stamps").hexdigest())
    assert announced.is_whole(package)
    for content in (b"Stamps", b"stamps and more", b""):
        package.write_bytes(content)
        assert not announced.is_whole(package)
    assert not announced.is_whole(tmp_path / "gone.deb")


@pytest.mark.parametrize("uv", [None, "/usr/bin/uv"])
def test_tools_are_installed_beside_the_environment_and_alone(uv: str | None, tmp_path: Path) -> None:
    command = demo_media.install_command([demo_media.INSTRUMENTS], target=tmp_path, uv=uv, quiet=True)
    assert command[0] == (uv or sys.executable)
    assert {"--no-deps", "--quiet", "--require-hashes", "--target", str(tmp_path), str(demo_media.INSTRUMENTS)} <= set(
        command
    )


def test_parts_media_from_notices() -> None:
    media, notices = demo_media.sort_contents(
        {
            "usr/share/doc/gcompris-qt-data/copyright": b"GPL",
            "usr/share/tuxpaint/stamps/animals/owl.png": b"png",
            "usr/share/gcompris-qt/rcc/instruments.rcc": write_rcc({"trumpet.ogg": b"OggS"}),
        }
    )
    assert media == {"stamps/animals/owl.png": b"png", "activities/trumpet.ogg": b"OggS"}
    assert notices == {"gcompris-qt-data.txt": b"GPL"}


def png(*, size: tuple[int, int], colour: tuple[int, int, int, int]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGBA", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_stand_on_white_and_fit() -> None:
    picture = demo_media.make_picture(png(size=(1000, 500), colour=(255, 0, 0, 0)), ".png")
    assert (picture.mode, picture.size) == ("RGB", (448, 224))
    assert picture.getpixel((5, 5)) == (255, 255, 255)


def test_a_broken_picture_is_left_out_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = {
        "good.png": png(size=(4, 4), colour=(1, 2, 3, 255)),
        "bad.png": b"no picture",
        "a.ogg": b"OggS",
    }
    plan = {"good.png": "pictures/t/good.png", "bad.png": "pictures/t/bad.png", "a.ogg": "sounds/t/a.ogg"}
    demo_media.write_media(tmp_path, contents, plan)
    assert demo_media.collection_files(tmp_path) == ["pictures/t/good.png", "sounds/t/a.ogg"]
    assert "bad.png" in capsys.readouterr().err


def fake_collector(staging: Path, work: Path) -> None:
    demo_media.write_media(staging, {"a.ogg": b"OggS"}, {"a.ogg": "sounds/instruments/trumpet.ogg"})
    picture = png(size=(4, 4), colour=(1, 2, 3, 255))
    demo_media.write_media(staging, {"a.png": picture}, {"a.png": "pictures/instruments/violin.png"})
    (staging / "SOURCES.md").write_text("# The demo's sounds and pictures: pypi\n", "utf-8")


def unavailable(staging: Path, work: Path) -> None:
    raise demo_media.SourceUnavailableError("no route to deb.debian.org")


def must_not_run(staging: Path, work: Path) -> None:
    pytest.fail("the collection is there already")


def test_falls_back_to_the_next_source_and_is_not_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo-media"
    monkeypatch.setattr(demo_media, "debian_is_possible", lambda: True)
    monkeypatch.setattr(demo_media, "_COLLECTORS", {"debian": unavailable, "pypi": fake_collector})
    assert demo_media.obtain(folder) == "pypi"
    assert "debian: no route to deb.debian.org" in capsys.readouterr().err
    assert demo_media.collection_files(folder) == ["pictures/instruments/violin.png", "sounds/instruments/trumpet.ogg"]
    assert os.listdir(tmp_path) == ["demo-media"]

    monkeypatch.setattr(demo_media, "_COLLECTORS", {"debian": must_not_run, "pypi": must_not_run})
    assert demo_media.obtain(folder) == "pypi"


def test_an_interrupted_run_leaves_no_half_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(staging: Path, work: Path) -> None:
        fake_collector(staging, work)
        (work / "package.deb").write_bytes(b"finished download")
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_media, "_COLLECTORS", {"pypi": interrupted})
    with pytest.raises(KeyboardInterrupt):
        demo_media.obtain(tmp_path / "demo-media", "pypi")
    assert os.listdir(tmp_path) == ["demo-media.work"]
    assert os.listdir(tmp_path / "demo-media.work") == ["package.deb"]


def test_leaves_a_folder_with_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(demo_media.SourceUnavailableError, match="holds other files; remove it or name another"):
        demo_media.obtain(tmp_path)
    assert os.listdir(tmp_path) == ["holiday.jpg"]


def test_does_not_replace_a_collection_by_one_from_another_source(tmp_path: Path) -> None:
    fake_collector(tmp_path, tmp_path)
    with pytest.raises(demo_media.SourceUnavailableError, match="holds pypi; remove it"):
        demo_media.obtain(tmp_path, "debian")


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--help"], 0, "Usage: scripts/demo"),
        (["--source", "ftp"], 2, "not 'ftp'"),
        (["--sauce"], 2, "no such option"),
        (["missing.wav"], 2, "no such file"),
    ],
)
def test_the_command_explains_itself(arguments: list[str], status: int, words: str) -> None:
    done = subprocess.run(["sh", str(SCRIPT), *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == status
    assert words in done.stdout + done.stderr
