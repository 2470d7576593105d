"""Manifests, and what becomes of their files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from modag_search import IndexSettings
from modag_search.errors import UsageError
from modag_search.features.encoding import MediaEncoder
from modag_search.training.collecting import Collected, collect
from modag_search.training.manifest import ManifestEntry, read_manifest
from modag_search.training.space import Examples
from modag_search.training.splitting import split
from tests.made_media import BLUE, HIGH_HZ, LOW_HZ, RED, picture, sound, video

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_labelled_media_in_csv(tmp_path: Path) -> None:
    manifest = written(tmp_path / "m.csv", "label,path", "harp,a.wav", f"harp,{tmp_path}/x/../b.png", "lute,sub/c.wav")
    assert read_manifest(manifest) == [
        ManifestEntry(str(tmp_path / "a.wav"), "harp"),
        ManifestEntry(str(tmp_path / "b.png"), "harp"),
        ManifestEntry(str(tmp_path / "sub" / "c.wav"), "lute"),
    ]


@pytest.mark.parametrize(
    ("columns", "row"),
    [("path,label", r"caf\xe9.png,harp"), ("sound,image", r"a.wav,caf\xe9.png"), ("video", r"caf\xe9.mp4")],
)
def test_names_that_are_not_utf_8_may_be_escapes(tmp_path: Path, columns: str, row: str) -> None:
    manifest = written(tmp_path / "m.csv", columns, row)
    ending = "mp4" if columns == "video" else "png"
    there = os.path.join(tmp_path, f"caf\udce9.{ending}")
    literal = os.path.join(tmp_path, rf"caf\xe9.{ending}")
    assert [entry.path for entry in read_manifest(manifest)][-1] == literal, "there is neither"
    picture(tmp_path / "made", RED).rename(there)
    assert [entry.path for entry in read_manifest(manifest)][-1] == there
    picture(tmp_path / "made", RED).rename(literal)
    assert [entry.path for entry in read_manifest(manifest)][-1] == literal, "what stands there goes before"


def test_labelled_media_in_jsonl(tmp_path: Path) -> None:
    rows = [{"path": "a.wav", "label": "harp"}, {"path": "naïve.png", "label": "lute", "more": 1}]
    manifest = written(tmp_path / "m.jsonl", json.dumps(rows[0]), "", json.dumps(rows[1], ensure_ascii=False))
    assert [(entry.path, entry.group) for entry in read_manifest(manifest)] == [
        (str(tmp_path / "a.wav"), "harp"),
        (str(tmp_path / "naïve.png"), "lute"),
    ]


def test_pairs_that_share_a_file_belong_together(tmp_path: Path) -> None:
    manifest = written(tmp_path / "m.csv", "sound,image", "1.wav,1.png", "2.wav,2.png", "3.wav,1.png", "2.wav,4.png")
    groups: dict[str, set[str]] = {}
    for entry in read_manifest(manifest):
        groups.setdefault(entry.group, set()).add(entry.path.rsplit("/", 1)[1])
    assert sorted(map(sorted, groups.values())) == [["1.png", "1.wav", "3.wav"], ["2.png", "2.wav", "4.png"]]


def test_long_chains_of_pairs(tmp_path: Path) -> None:
    lines = [f"{number}.wav,{number}.png\n{number}.wav,{number + 1}.png" for number in range(3000)]
    assert len({entry.group for entry in read_manifest(written(tmp_path / "m.csv", "sound,image", *lines))}) == 1


def test_a_file_may_have_several_labels(tmp_path: Path) -> None:
    manifest = written(tmp_path / "m.csv", "path,label", "a.wav,harp", "a.wav,plucked", "a.wav,harp")
    entries = read_manifest(manifest)
    assert [(entry.group, entry.line) for entry in entries] == [("harp", 2), ("plucked", 3)]


def test_videos(tmp_path: Path) -> None:
    one, two = str(tmp_path / "1.mp4"), str(tmp_path / "2.mkv")
    named = written(tmp_path / "m.csv", "video,title", "1.mp4,One", "2.mkv,Two", "1.mp4,One again")
    expected = [ManifestEntry(one, one, kind="moments"), ManifestEntry(two, two, kind="moments")]
    assert read_manifest(named) == expected
    assert [entry.line for entry in read_manifest(named)] == [2, 3]
    labelled = written(tmp_path / "l.csv", "path,label", "1.mp4,", "2.mkv,rain", "a.wav,rain")
    assert read_manifest(labelled) == [
        expected[0],
        ManifestEntry(two, "rain"),
        ManifestEntry(str(tmp_path / "a.wav"), "rain"),
    ]
    assert read_manifest(labelled, videos=True)[:2] == expected
    assert read_manifest(written(tmp_path / "m.jsonl", '{"path": "1.mp4"}', '{"path": "2.mkv"}')) == expected


@pytest.mark.parametrize(
    ("name", "lines", "words"),
    [
        ("m.csv", ["path,label,sound,image"], "holds no rows"),
        (
            "m.csv",
            ["path,label,sound,image", "a,b,c,d"],
            "line 2: has columns of two kinds, sound,image and path,label",
        ),
        (
            "m.csv",
            ["path,label", "a, b.wav,harp"],
            "line 2: has more cells than line 1 has columns; put a name .* quotes",
        ),
        ("m.csv", ["sound,image", "a.wav,b.png", "c.png,d.wav"], "line 3: c.png is a picture, and cannot be the sound"),
        ("m.csv", ["video", "a.mp4", "b.wav"], "line 3: b.wav is a sound, and cannot be the video"),
        (
            "m.jsonl",
            ['{"path": "a.wav", "label": "x"}', '{"sound": "a.wav", "image": "b.png"}'],
            "line 2: has sound and image where line 1 has path and label; write a manifest for each",
        ),
        ("m.jsonl", ['{"video": "a.mp4"}', '{"film": "b.mp4"}'], "line 2: lacks video"),
        ("m.jsonl", ['{"sound": "a.wav"}'], "line 1: lacks image"),
        ("m.csv", [], "line 1: must name the columns path,label or sound,image"),
        ("m.csv", ["path,label"], "holds no rows"),
        ("m.csv", ["path,class", "a,b"], r"line 1: must name .* not 'path,class'"),
        ("m.csv", ["path,label", "a.wav,harp", "b.wav,"], "line 3: lacks label"),
        ("m.csv", ["path,label", "a.wav"], "line 2: lacks label"),
        ("m.csv", ["sound,image", "a.wav,b.png", ",c.png"], "line 3: lacks sound"),
        ("m.jsonl", ['{"path": "a"}'], "line 1: lacks"),
        ("m.jsonl", ['{"path": "a", "label": 3}'], "line 1: lacks label"),
        ("m.jsonl", ["", "[1]"], "line 2: must be an object"),
        ("m.jsonl", ["{"], "line 1: is not JSON"),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path: Path, name: str, lines: list[str], words: str) -> None:
    manifest = written(tmp_path / name, *lines)
    with pytest.raises(UsageError, match=f"{name}: {words}"):
        read_manifest(manifest)


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"m\.csv: cannot be read"):
        read_manifest(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_bytes(b"path,label\n\xff\0,x\n")
    with pytest.raises(UsageError, match=r"m\.csv: is not a text file"):
        read_manifest(tmp_path / "m.csv")


@pytest.fixture
def encoder(toys: None) -> MediaEncoder:
    return MediaEncoder(IndexSettings(sound_encoder="toy-sound", image_encoder="toy-image", space="own"))


def test_files_become_examples_of_their_modality(encoder: MediaEncoder, media: Path) -> None:
    bad = media / "bad.png"
    bad.write_bytes(b"no picture")
    entries = [
        ManifestEntry(str(sound(media / "long.wav", (LOW_HZ, 12))), "low"),
        ManifestEntry(str(picture(media / "red.png", RED)), "low"),
        ManifestEntry(str(sound(media / "high.wav", (HIGH_HZ, 1))), "high"),
        ManifestEntry(str(sound(media / "silent.wav", (0, 1))), "high"),
        ManifestEntry(str(bad), "high"),
        ManifestEntry(str(picture(media / "blue.png", BLUE)), "high"),
        ManifestEntry(str(video(media / "clip.mp4")), "low"),
    ]
    done: list[int] = []
    collected = collect(entries, encoder, workers=2, progress=done.append)
    assert done == list(range(1, 8))
    assert collected.groups == ["high", "low"]
    assert [failure.path for failure in collected.failures] == [str(bad)]
    assert collected.entries["sound"].tolist() == [0, 0, 2, 6]
    assert collected.examples["sound"].groups.tolist() == [1, 1, 0, 1]
    assert collected.entries["image"].tolist()[:2] == [1, 5]
    assert set(collected.entries["image"].tolist()[2:]) == {6}
    assert collected.examples["image"].features.shape == (len(collected.entries["image"]), 3)


def test_both_modalities_are_needed(encoder: MediaEncoder, media: Path) -> None:
    entries = [ManifestEntry(str(picture(media / "red.png", RED)), "x")]
    with pytest.raises(UsageError, match="the manifest holds no sound that can be read"):
        collect(entries, encoder)


def numbered(files: list[int], groups: list[int]) -> tuple[Examples, np.ndarray]:
    """Examples whose only feature is their number."""
    features = np.arange(len(files), dtype=np.float32)[:, None]
    return Examples(features, np.array(groups, dtype=np.int64)), np.array(files)


def test_files_are_held_out_whole_and_of_large_groups_only() -> None:
    sounds, sound_files = numbered([file for file in range(10) for _ in range(3)], [0] * 30)
    images, image_files = numbered([10, 11, 12], [1, 1, 1])
    collected = Collected(
        {"image": images, "sound": sounds}, {"image": image_files, "sound": sound_files}, ["many", "few"], []
    )
    taught, held_out = split(collected, share=0.3, seed=0)
    assert len(held_out["image"].groups) == 0
    assert (taught["image"].features == images.features).all()
    held = held_out["sound"].features[:, 0].astype(int)
    assert len(held) == 9
    assert len(set(sound_files[held].tolist())) == 3
    assert sorted([*held, *taught["sound"].features[:, 0].astype(int)]) == list(range(30))
    assert (split(collected, share=0.3, seed=0)[1]["sound"].features == held_out["sound"].features).all()
    assert (split(collected, share=0.3, seed=1)[1]["sound"].features != held_out["sound"].features).any()
