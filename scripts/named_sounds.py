"""General sounds whose file names say what they are, out of general_sounds.py's Debian packages: to choose by.

None of them is a test source. Photographs of such things are among no train source either: `made_up_pictures` stand in
for them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr
from general_sounds import PACKAGES

from modag_search.encoders import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modag_search.encoders.base import ClassHead, Encoder
    from modag_search.values import Float32Array, Int64Array

_LONGEST_S = 10.0
_MOST_A_NAME = 12
_MOVES = 30


@dataclass(frozen=True, slots=True)
class Named:
    """What some files sound of.

    Attributes
    ----------
    pattern : str
        Of names of files, without their endings: the whole of it, in lower case.
    shown : tuple of int
        ImageNet's classes that show it.
    """

    pattern: str
    shown: tuple[int, ...]


_ROAD = (407, 436, 468, 511, 555, 569, 581, 609, 627, 654, 656, 661, 675, 705, 717, 734, 751, 757, 779, 817, 864, 867)
NAMED = {
    "wolf": Named(r"wolf[-_](growl|die)?.*|coyote.*|wol\d+", tuple(range(269, 276))),
    "chicken": Named(r"chicken.*|rooster", (7, 8)),
    "cattle": Named(r"(mudchute_)?cow_.*|ox_\d+|bull_(ack|select)\d", (345, 346, 347)),
    "pig": Named(r"pig_.*|boar|tusker-(die|hit)", (341, 342, 343)),
    "sheep": Named(r"sheep(\d+|_\d+|_die\d)|sheepfield", (348, 349)),
    "horse": Named(r"horse_\d+|horse-(die|hit|canter|hit-\d)|horseman_walk\d", (339, 603)),
    "duck": Named(r"duck_\d+", (97, 98, 99)),
    "songbird": Named(r"bird\d?_\d+|birds\d|birdylay|day\d*", tuple(range(10, 21))),
    "owl": Named(r"owl", (24,)),
    "bird_of_prey": Named(r"eagle_(ack|select).*|hawk\d?|gryphon-shriek.*", (21, 22, 23)),
    "frog": Named(r"frog", (30, 31, 32)),
    "cricket": Named(r"crickets.*|night(\d+|im)", (311, 312)),
    "bee": Named(r"bee\d?", (309,)),
    "elephant": Named(r"ele\d|eleattack\d", (101, 385, 386)),
    "snake": Named(r"hiss.*|naga-hit.*", tuple(range(52, 69))),
    "train": Named(r"railtrain\d", (466, 547, 705, 820, 829)),
    "traffic": Named(r"trafic.*", _ROAD),
    "rocket": Named(r"rocket(\d|takeoff\d|explosion\d)", (657, 744, 812)),
    "airplane": Named(r"plane|rcplane|orni_fly", (404, 895, 908)),
    "rain": Named(r"rain\d*", (879,)),
    "sea": Named(r"waves|harbor1|beach.*", (460, 976, 977, 978)),
    "stream": Named(r"env_sounds_water.*|water\d|waterfall", (525, 562, 975)),
    "fire": Named(r"fire_(fire.*|large|small)|campfire|fire\d|torch|firewasteland1|flame-big", (470, 626, 862, 980)),
    "bell": Named(r"bell|bell_choir\d+|dong\d+|chapel|ships_bell", (442, 497, 494, 663)),
    "clock": Named(r"ticking|metronome\d+|alarm-clock-elapsed|minetick", (409, 530, 826, 892)),
    "telephone": Named(r"phone|phone-incoming-call|phone-outgoing.*", (487, 528, 707)),
    "camera": Named(r"camera-shutter|shutterclick|camerataklespicture|cameratakespicture", (732, 759)),
    "gun": Named(r"gunshot|gun|minigun|shotgunfire|thunderstick.*|landgun|snipe.*", (413, 763, 764)),
    "hammer": Named(r"hammering_\d+|smith(_\d+)?|anvil\d|blacksmith\d|geologist_hammer|toolsmith_\d+", (587,)),
    "saw": Named(r"benchsaw_\d+|sawing_\d+|sawmill_\d+|saw", (491,)),
    "axe": Named(r"fast_woodcutting_\d+|woodcutting|lumberjack.*|worker_harvest_wood\d", (596,)),
    "archery": Named(r"bow|bow-(miss|puny)|archer_attack\d", (456,)),
    "crowd": Named(r"sportscroud\d|raving_crowd01|applause01", (781, 818, 819)),
}
"""Only what the pictures of ImageNet can answer; file names that promise what they do not hold are left in."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedSounds:
    """Sounds and what they are of.

    Attributes
    ----------
    features : np.ndarray [shape=(n, d), float32]
        Of the first ten seconds.
    names : np.ndarray [shape=(n,), str]
    """

    features: Float32Array
    names: np.ndarray


def named_sounds(folder: Path, encoder: Encoder, *, work: Path) -> NamedSounds:
    """Encode the sounds of `NAMED`, or take the features that an earlier run left in `work`."""
    patterns = {name: named.pattern for name, named in NAMED.items()}
    kept = work / f"named-{fingerprint_of({'patterns': patterns, 'encoder': encoder.fingerprint})}.npz"
    if not kept.is_file():
        found = [(name, path) for name, paths in _files(folder).items() for path in paths]
        features = np.concatenate([encoder.encode([_samples(path, encoder.sample_rate_hz)]) for _, path in found])
        work.mkdir(parents=True, exist_ok=True)
        with kept.with_suffix(".partial").open("wb") as file:
            np.savez(file, features=features, names=np.array([name for name, _ in found]))
        kept.with_suffix(".partial").replace(kept)
    with np.load(kept) as arrays:
        return NamedSounds(arrays["features"], arrays["names"])


def _files(folder: Path) -> dict[str, list[Path]]:
    """List the files of each name, spread evenly where there are many."""
    paths = sorted({path for package in PACKAGES.values() for path in (folder / package.folder).rglob("*.*")})
    sounds = [path for path in paths if path.suffix.lower() in {".ogg", ".wav", ".flac", ".oga"}]
    found = {}
    for name, named in NAMED.items():
        own = [path for path in sounds if re.fullmatch(named.pattern, os.path.splitext(path.name)[0].lower())]
        found[name] = [own[i] for i in np.unique(np.linspace(0, len(own) - 1, min(len(own), _MOST_A_NAME)).astype(int))]
    return found


def _samples(path: Path, sample_rate_hz: int) -> Float32Array:
    with soundfile.SoundFile(path) as file:
        samples = file.read(round(_LONGEST_S * file.samplerate), dtype="float32", always_2d=True).mean(axis=1)
        resampled: Float32Array = soxr.resample(samples, file.samplerate, sample_rate_hz).astype(np.float32)
    return resampled


def made_up_pictures(
    head: ClassHead, features: Float32Array, *, n: int, seed: int = 0
) -> tuple[Float32Array, Int64Array]:
    """Make up features of pictures of each of ImageNet's classes, for want of photographs to choose by.

    Each is the feature of a real photograph, mixed with another, and moved from what the classifier sees in it towards
    its own class, along the shortest way by the features' covariance, until the classifier gives that a likelihood of
    0.1 to 0.98: so some of them are taken for something else, as photographs are.

    Parameters
    ----------
    head : ClassHead
    features : np.ndarray [shape=(n_photographs, d), float32]
    n : int
        How many of each class.
    seed : int

    Returns
    -------
    features : np.ndarray [shape=(1000 * n, d), float32]
    classes : np.ndarray [shape=(1000 * n,), int64]
    """
    random = np.random.default_rng(seed)
    centred = features - features.mean(axis=0)
    covariance = centred.T @ centred / len(features)
    covariance += 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance), dtype=np.float32)
    classes = np.repeat(np.arange(len(head.bias)), n)
    rows = np.arange(len(classes))
    mixed = random.dirichlet([0.7, 0.7], len(classes)).astype(np.float32)
    moved = np.einsum("nk,nkd->nd", mixed, features[random.integers(len(features), size=(len(classes), 2))])
    wanted = random.uniform(-2, 4, len(classes))  # log odds
    towards = head.weight @ covariance
    for _ in range(_MOVES):
        logits = moved @ head.weight.T + head.bias
        own = logits[rows, classes].copy()
        logits[rows, classes] = -np.inf
        most = logits.max(axis=1, keepdims=True)
        rivals = np.exp(logits - most)
        sums = rivals.sum(axis=1)
        lacking = np.clip(wanted - own + most[:, 0] + np.log(sums), 0, 2)
        rivals /= sums[:, None]
        directions = towards[classes] - rivals @ towards
        gains = np.einsum("nd,nd->n", head.weight[classes] - rivals @ head.weight, directions)
        moved = moved + directions * (lacking / gains)[:, None]
    return moved.astype(np.float32), classes


def right_pictures(name: str, classes: Sequence[int] | Int64Array) -> np.ndarray:
    """Tell which pictures, by their classes, show what a name sounds of."""
    return np.isin(np.asarray(classes), NAMED[name].shown)
