"""Labels that a space was trained on are words that it then understands, whatever the encoders call such things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import modag_search
from modag_search.training.fitting import fit_space
from modag_search.training.space import SpaceTrainingSettings
from tests.shared_folder import shared

if TYPE_CHECKING:
    from pathlib import Path

MEDIA = {
    "cello": ("sound/philharmonia/cello", "photo/imagenet5/cello"),
    "banjo": ("sound/philharmonia/banjo", "photo/imagenet5/banjo"),
    "flute": ("sound/philharmonia/flute", "photo/imagenet5/flute"),
    "wedding_oboe": ("sound/fluidr3_gm/shanai",),
    "whale_teeth": ("sound/philharmonia/woodblock", "sound/fluidr3_gm/claves"),
}
"""What nobody calls these instruments."""


def test_words_of_own_labels_find_what_is_like_their_media(tmp_path: Path) -> None:
    with modag_search.Index.open(tmp_path / "index", create=True) as index:
        for label, folders in MEDIA.items():
            paths = [path for folder in folders for path in sorted(shared(f"data/{folder}").iterdir())[:10]]
            index.add(paths)
            index.label(paths[::2], label)
        own = sorted(shared("data/sound/timgm6mb/shanai").iterdir())[:5]
        index.add(own)
        settings = SpaceTrainingSettings(steps=150, hidden=64, dimension=32)
        trained = fit_space(index=index, name="own", settings=settings, compare=False).space
        assert trained.taught
        assert trained.taught.names == tuple(sorted(MEDIA))
        (tmp_path / "own.safetensors").write_bytes(trained.to_bytes())

        def found() -> list[str]:
            hits = index.search("text:a wedding oboe", modality="sound", n=10)
            return [hit.path for hit in hits]

        before = sum("shanai" in path for path in found())
        index.rebuild(space=tmp_path / "own.safetensors")
        after = found()
    assert all("shanai" in path for path in after), (before, after)
    assert any("timgm6mb" in path for path in after), "what has no label is found, too"
    assert before < 8


def test_a_space_of_few_labels_still_knows_what_the_packaged_one_was_taught(tmp_path: Path) -> None:
    with modag_search.Index.open(tmp_path / "index", create=True) as index:
        for label in ("cello", "banjo", "flute"):
            paths = [path for folder in MEDIA[label] for path in sorted(shared(f"data/{folder}").iterdir())[:5]]
            index.add(paths)
            index.label(paths, label)
        for name in ("oboe", "bassoon"):  # of which AudioSet has no class
            index.add(sorted(shared(f"data/sound/mirdata_samples/{name}").iterdir())[:6])
        settings = SpaceTrainingSettings(steps=100, hidden=64, dimension=32)
        trained = fit_space(index=index, name="own", settings=settings, compare=False).space
        (tmp_path / "own.safetensors").write_bytes(trained.to_bytes())
        index.rebuild(space=tmp_path / "own.safetensors")
        for name in ("oboe", "bassoon"):
            hits = index.search(f"text:{name}", modality="sound", n=5)
            assert any(f"/{name}/" in hit.path for hit in hits), [hit.path for hit in hits]
