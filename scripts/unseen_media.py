"""Media that a space did not see, to choose by what ships: train sources of instruments, and general things."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from default_spaces import CLASS_HEAD, SETTINGS, Packaged, train_space
from general_trials import space_of
from named_sounds import NAMED, made_up_pictures, named_sounds, right_pictures

from modag_search.values import MODALITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from naming import Media

    from modag_search.space import QueryModality, Space
    from modag_search.values import Float32Array, Modality

LEFT_OUT: tuple[tuple[str, ...], ...] = (("philharmonia", "caltech101"), ("fluidr3_gm", "timgm6mb", "imagenet5"))
PICTURES_A_CLASS = 3
Vector = tuple["QueryModality", "Float32Array"]


@dataclass(frozen=True, slots=True, eq=False)
class Collection:
    """What is asked with and for.

    Attributes
    ----------
    space : Space
    vectors : Mapping of modality to np.ndarray [shape=(n, d), float32]
    right : Mapping of modality to Mapping of str to np.ndarray [shape=(n,), bool]
        Which of them are of a class.
    """

    space: Space
    vectors: Mapping[Modality, Float32Array]
    right: Mapping[Modality, Mapping[str, np.ndarray]]

    def word(self, text: str) -> Vector:
        """Ask with words."""
        return "text", self.space.text_vectors([f"a {text.replace('_', ' ')}"])[0]


def instruments(
    arranged: Mapping[Modality, Media], ours: Packaged, left_out: Sequence[str], *, share: float
) -> Collection:
    """Ask with and for train sources that a space did not see."""
    out = {m: arranged[m].only(np.isin(arranged[m].sources, left_out)) for m in MODALITIES}
    kept = {m: arranged[m].only(~np.isin(arranged[m].sources, left_out)) for m in MODALITIES}
    space = train_space(kept, ours, settings=SETTINGS, class_heads=replace(CLASS_HEAD, share=share), card={})
    right = {m: {name: out[m].names == name for name in np.unique(out[m].names).tolist()} for m in MODALITIES}
    return Collection(space, {m: space.project(m, out[m].features) for m in MODALITIES}, right)


def general_things(ours: Packaged, photographs: Float32Array, *, packages: Path, work: Path) -> Collection:
    """Ask with and for what is no instrument."""
    space, head = space_of("default"), ours.encoder.encoders["image"].class_head()
    assert head
    sounds = named_sounds(packages, ours.encoder.encoders["sound"], work=work)
    pictures, classes = made_up_pictures(head, photographs, n=PICTURES_A_CLASS)
    right: dict[Modality, dict[str, np.ndarray]] = {
        "image": {name: right_pictures(name, classes) for name in NAMED},
        "sound": {name: sounds.names == name for name in NAMED},
    }
    vectors = {"image": space.project("image", pictures), "sound": space.project("sound", sounds.features)}
    return Collection(space, vectors, right)  # type: ignore[arg-type]
