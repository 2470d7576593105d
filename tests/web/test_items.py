"""What is seen and heard of items, and kept by browsers until it changes."""

from __future__ import annotations

import io
import os
import platform
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
from PIL import Image

from modag_search import Index, previews
from modag_search.web import Limits
from modag_search.web import opened as opened_files
from modag_search.web.kept import Kept
from tests.made_media import BLUE, GREEN, MIDDLE_HZ, picture, set_mtime, sound, video
from tests.web.conftest import serving
from tests.web.test_access import kind_of

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

    from modag_search.values import ItemRecord


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_items_are_listed_by_id(client: TestClient, ids: dict[str, int]) -> None:
    items = client.get(f"/items?ids={ids['b.png']}&ids={ids['a.wav']}&ids=99").json()["items"]
    assert sorted(item["id"] for item in items) == sorted([ids["b.png"], ids["a.wav"]])
    assert client.get("/items?ids=0").status_code == 422


def test_a_picture_is_shown_small(client: TestClient, ids: dict[str, int]) -> None:
    answer = client.get(f"/items/{ids['a.png']}/thumbnail")
    assert answer.headers["content-type"] == "image/jpeg"
    red, green, blue = np.asarray(opened(answer.content)).reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 60


def test_a_large_picture_is_made_smaller(index: Index, media: Path) -> None:
    picture(media / "large.png", BLUE, size=(2000, 1000))
    index.add([media])
    with serving(index) as client:
        sizes = {
            side: opened(client.get(f"/items/1/thumbnail?side_px={side}").content).size for side in (16, 200, 4096)
        }
    assert sizes == {16: (160, 80), 200: (320, 160), 4096: (1600, 800)}


def test_a_video_shows_frames_and_sounds(index: Index, media: Path) -> None:
    video(media / "v.mp4")
    index.add([media])
    with serving(index) as client:
        for at in ("", "?at_s=0.5"):
            assert opened(client.get(f"/items/1/thumbnail{at}").content).format == "JPEG"
        for what in ("spectrogram", "waveform", "excerpt"):
            assert client.get(f"/items/1/{what}").status_code == 200


def test_a_sound_is_drawn_and_played(client: TestClient, ids: dict[str, int]) -> None:
    drawn = client.get(f"/items/{ids['a.wav']}/waveform").json()
    assert max(drawn["peaks"]) == 255
    assert drawn["duration_s"] == pytest.approx(1.0)
    spectrogram = opened(client.get(f"/items/{ids['a.wav']}/spectrogram").content)
    assert spectrogram.format == "PNG"
    assert 0 < spectrogram.height <= 96
    samples, rate = soundfile.read(
        io.BytesIO(client.get(f"/items/{ids['a.wav']}/excerpt?start_s=0.25&end_s=0.75").content)
    )
    assert len(samples) / rate == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/items/{a.wav}/thumbnail", "no-picture"),
        ("/items/{a.png}/waveform", "no-sound"),
        ("/items/{a.png}/spectrogram", "no-sound"),
        ("/items/{a.png}/excerpt", "no-sound"),
        ("/items/99", "no-such-item"),
        ("/items/99/media", "no-such-item"),
        ("/items/99/neighbours", "no-such-item"),
        ("/items/0", "invalid-request"),
        ("/items/99999999999999999999999", "invalid-request"),
        ("/items/a.png", "invalid-request"),
        ("/items/..%2f..%2fetc%2fpasswd/media", "not-found"),
        ("/items/{a.png}/thumbnail?side_px=1000000", "invalid-request"),
        ("/items/{a.png}/thumbnail?at_s=nan", "invalid-request"),
        ("/items/{a.wav}/excerpt?start_s=inf", "invalid-request"),
        ("/items/{a.wav}/excerpt?start_s=1&end_s=0.5", "usage"),
        ("/items/{a.wav}/excerpt?start_s=1000", None),
    ],
)
def test_what_there_is_not_is_a_problem(client: TestClient, ids: dict[str, int], path: str, kind: str | None) -> None:
    for name, item in ids.items():
        path = path.replace(f"{{{name}}}", str(item))
    answer = client.get(path)
    assert 400 <= answer.status_code < 500
    assert kind in {None, kind_of(answer)}


def test_previews_are_kept_until_the_file_changes(
    client: TestClient, ids: dict[str, int], media: Path, filled: Index
) -> None:
    [row] = [one for one in client.get("/items").json()["items"] if one["id"] == ids["a.png"]]
    path = f"/items/{ids['a.png']}/thumbnail"
    first = client.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    for tags in (first.headers["etag"], f'"x", W/{first.headers["etag"]}'):
        again = client.get(path, headers={"if-none-match": tags})
        assert (again.status_code, again.content) == (304, b"")
    lasting = client.get(path, params={"version": row["version"]})
    assert "immutable" in lasting.headers["cache-control"]
    assert client.get(path, params={"version": "another"}).headers["cache-control"] == "private, no-cache"

    picture(media / "a.png", BLUE, size=(10, 10))
    filled.add([media])
    anew = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert anew.status_code == 200
    assert anew.content != first.content


def test_what_was_shown_is_not_decoded_again(
    client: TestClient, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/items/{ids['a.png']}/thumbnail"
    first = client.get(path).content
    monkeypatch.setattr("modag_search.previews.thumbnail", None)
    assert client.get(path).content == first


def test_no_more_is_kept_than_there_is_room_for(filled: Index, ids: dict[str, int]) -> None:
    with serving(filled, limits=Limits(previews_bytes=500)) as client:
        for name in ("a.png", "b.png", "c.png"):
            assert client.get(f"/items/{ids[name]}/thumbnail").status_code == 200
            assert client.get(f"/items/{ids[name]}/thumbnail").status_code == 200
        assert client.app.state.service.previews._n_bytes <= 500  # type: ignore[attr-defined]


def test_a_file_is_given_out_in_ranges(client: TestClient, ids: dict[str, int], media: Path) -> None:
    content = (media / "a.wav").read_bytes()
    path = f"/items/{ids['a.wav']}/media"
    whole = client.get(path)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-type"].startswith("audio/")
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-security-policy"] == "default-src 'none'; sandbox"
    for asked, expected in (("bytes=0-9", content[:10]), ("bytes=100-", content[100:]), ("bytes=-7", content[-7:])):
        part = client.get(path, headers={"range": asked})
        assert (part.status_code, part.content) == (206, expected)
        assert part.headers["content-range"].endswith(f"/{len(content)}")
    several = client.get(path, headers={"range": "bytes=0-9,20-29"})
    assert (several.status_code, several.headers["content-type"].partition(";")[0]) == (206, "multipart/byteranges")
    for asked in (f"bytes={len(content)}-", "bytes=9-0", "bytes=-0", "bytes=", "bytes=x-", "lines=0-1", "bytes=1-2-3"):
        none = client.get(path, headers={"range": asked})
        assert (none.status_code, kind_of(none)) == (416, "no-such-range"), asked
        assert none.headers["content-range"] == f"bytes */{len(content)}"
    assert client.get(path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    old = client.get(path, headers={"range": "bytes=0-9", "if-range": '"another"'})
    assert (old.status_code, len(old.content)) == (200, len(content))


@pytest.mark.parametrize("what", ["media", "thumbnail"])
def test_a_file_that_is_gone_or_has_changed_is_not_given_out(
    client: TestClient, ids: dict[str, int], media: Path, what: str, tmp_path: Path
) -> None:
    gone, changed, linked = (f"/items/{ids[name]}/{what}" for name in ("a.png", "b.png", "c.png"))
    os.remove(media / "a.png")
    (media / "b.png").write_bytes(b"something secret")
    secret = tmp_path / "secret"
    secret.write_bytes(b"something secret")
    os.remove(media / "c.png")
    (media / "c.png").symlink_to(secret)
    answers = [client.get(path) for path in (gone, changed, linked)]
    assert [(one.status_code, kind_of(one)) for one in answers] == [(410, "gone"), (409, "changed"), (409, "changed")]
    assert all("secret" not in one.text for one in answers)


def test_a_file_of_a_root_without_a_place_here_says_how_it_gets_one(
    filled: Index, ids: dict[str, int], media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.roots.add("NAS", media)
    monkeypatch.setattr(platform, "node", lambda: "another")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "@NAS").symlink_to(media)
    with Index.open(filled.folder) as index, serving(index) as client:
        for what in ("media", "thumbnail"):
            answer = client.get(f"/items/{ids['a.png']}/{what}")
            assert (answer.status_code, kind_of(answer)) == (410, "gone")
            assert "root NAS has no folder on this machine; `modag roots set NAS FOLDER`" in answer.json()["detail"]


def test_a_file_that_goes_while_it_is_looked_at_is_gone_and_not_damaged(
    client: TestClient, ids: dict[str, int], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = previews.waveform

    def take_away_and_draw(path: str) -> previews.Waveform:
        os.remove(path)
        return draw(path)

    monkeypatch.setattr(previews, "waveform", take_away_and_draw)
    answer = client.get(f"/items/{ids['a.wav']}/waveform")
    assert (answer.status_code, kind_of(answer)) == (410, "gone")


def test_what_is_no_picture_by_its_name_is_no_page(index: Index, media: Path) -> None:
    picture(media / "picture.html", BLUE)
    sound(media / "a.wav", (MIDDLE_HZ, 1))
    os.rename(media / "picture.html", media / "b.png")
    index.add([media])
    with serving(index) as client:
        for item in client.get("/items").json()["items"]:
            answer = client.get(f"/items/{item['id']}/media")
            assert answer.headers["content-type"].split("/")[0] in {"audio", "image"}
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_item_is_described_with_its_neighbours(client: TestClient, ids: dict[str, int], filled: Index) -> None:
    filled.label(f"id:{ids['a.wav']}", "low")
    document = client.get(f"/items/{ids['a.wav']}").json()
    assert document["state"] == "indexed"
    assert document["kind"] == "sound"
    assert [one["label"] for one in document["labels"]] == ["low"]
    assert document["segments"]
    near = client.get(f"/items/{ids['a.wav']}/neighbours", params={"n": 2}).json()["hits"]
    assert len(near) == 2
    assert near[0]["path"].endswith("a.png")


def test_what_comes_to_lie_at_a_path_after_it_was_looked_at_is_not_sent(
    client: TestClient, ids: dict[str, int], media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, secret = media / "a.png", tmp_path / "secret.txt"
    content = path.read_bytes()
    secret.write_text("not for others")
    looked_at = opened_files._require_unchanged

    def swap_once_looked_at(record: ItemRecord, found: os.stat_result) -> None:
        looked_at(record, found)
        path.unlink()
        path.symlink_to(secret)

    monkeypatch.setattr(opened_files, "_require_unchanged", swap_once_looked_at)
    assert client.get(f"/items/{ids['a.png']}/media").content == content


def test_a_pipe_in_place_of_a_file_is_not_waited_for(client: TestClient, ids: dict[str, int], media: Path) -> None:
    (media / "a.png").unlink()
    os.mkfifo(media / "a.png")
    assert kind_of(client.get(f"/items/{ids['a.png']}/media")) == "changed"


def test_what_is_written_while_a_preview_is_made_is_not_kept_as_what_it_was(
    client: TestClient, ids: dict[str, int], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, address = media / "a.png", f"/items/{ids['a.png']}/thumbnail"
    before = client.get(address).content
    client.app.state.service.previews = Kept(most_bytes=10**6)  # type: ignore[attr-defined]
    content, mtime_ns = path.read_bytes(), path.stat().st_mtime_ns
    make = previews.thumbnail

    def make_while_others_write(path: str, **options: object) -> bytes:
        picture(media / "a.png", GREEN, size=(9, 9))
        return make(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(previews, "thumbnail", make_while_others_write)
    assert kind_of(client.get(address)) == "changed"
    monkeypatch.undo()
    path.write_bytes(content)
    set_mtime(path, mtime_ns)
    assert client.get(address).content == before


def test_what_is_sent_of_a_file_can_be_asked_for_alone(client: TestClient, ids: dict[str, int], media: Path) -> None:
    answer = client.head(f"/items/{ids['a.png']}/media")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == (media / "a.png").stat().st_size
    assert client.head("http://127.0.0.1:8000/").status_code == 200


def test_a_file_of_another_time_has_changed_though_it_is_as_long(
    client: TestClient, ids: dict[str, int], media: Path
) -> None:
    path = media / "a.png"
    set_mtime(path, path.stat().st_mtime_ns + 1)
    assert kind_of(client.get(f"/items/{ids['a.png']}/media")) == "changed"


def test_what_was_asked_for_last_is_kept_longest() -> None:
    kept = Kept(most_bytes=25)
    kept.put("a", b"0123456789")
    kept.put("b", b"0123456789")
    assert kept.get("a")
    kept.put("c", b"0123456789")
    assert [key for key in "abc" if kept.get(key) is not None] == ["a", "c"]
    for _ in range(5):
        kept.put("c", b"9876543210")
    assert (kept.get("a"), kept.get("c")) == (b"0123456789", b"9876543210")
