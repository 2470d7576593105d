"""A trained space: features in, unit vectors out, and the file that holds it.

Inference is a few matrix products, so it needs numpy alone: searching by ``id:N``, rebuilding a store and moving to
another space import no torch. Batch normalisation is folded into the first layer when a space is saved.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from modag_search import tensor_files
from modag_search.errors import ModelError, SpaceMismatchError, UsageError
from modag_search.space.branches import Apart, Branch
from modag_search.space.class_head import (
    NameTree,
    SharedClassHead,
    known_to_all,
    named_dimension,
    named_shares,
    named_vectors,
    rows_among,
)
from modag_search.space.file_parts import (
    as_rows,
    from_rows,
    read_branches,
    read_class_heads,
    read_encoders,
    read_meaning,
    read_naming,
    read_padding,
    read_taught,
    read_unrelated,
)
from modag_search.unit_vectors import of_unit_length
from modag_search.values import MODALITIES, Float32Array, Int64Array, Modality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from modag_search.space.meaning import Meaning
    from modag_search.space.taught import TaughtNames
    from modag_search.space.words import Reading

_FORMAT = "modag-space/5"
_FORMATS = {_FORMAT: True, "modag-space/4": False, "modag-space/3": False, "modag-space/2": False}
"""Known formats of files, and whether they have a checksum."""
_PROBES = 4
_FAR_FROM_1 = 1e-3
_DIFFERENT = 1e-6
_PAIRS = ("image-image", "image-sound", "sound-sound")

QueryModality = Literal["image", "sound", "text"]
"""What may ask; what is found is an image or a sound."""


@dataclass(frozen=True, kw_only=True, eq=False)  # without slots, which nothing could be kept beside
class Space:
    """Two branches into one space, bound to the encoders that they were trained on.

    A vector has up to three parts: what the branch of its modality makes of the feature; in spaces that draw on the
    encoders' own classifiers, how likely each name is that both have in common, and what these are kinds of; and what
    the thing is called at large, as a sentence encoder sees it. The first is of fixed length. So are the two others
    together: the less the common names say, the more does the third. So the similarity of two vectors is a weighted
    mean of the similarities of their parts. Zeros may follow, which bring vectors to a length that processors like.

    Of a text the others hold what its words mean. A first part it has where it is what the training called something,
    or near to that.

    Attributes
    ----------
    branches : Mapping of modality to Branch, or of modality to Apart
    class_heads : Mapping of modality to SharedClassHead
        Empty in a space that has none.
    tree : NameTree, optional
        What the numbers of `SharedClassHead.name_of` mean; None in a space without class_heads.
    class_head_share : float
        Weight of the other parts in a similarity, in [0, 1]; that of the first is the rest.
    meaning : Meaning, optional
        What the third part is made by; None in a space that has none, which then understands no words.
    taught : TaughtNames, optional
        What the training called things; None where it called them nothing, or no words are understood.
    text_towers : bool
        Whether a text is understood by way of both encoders' own text towers; see `tower_vectors`.
    padding : int
        How many zeros follow.
    encoders : Mapping of modality to Mapping
        ``{"name": ..., "fingerprint": ...}`` of each encoder.
    unrelated : Mapping of str to (float, float)
        Mean and standard deviation of the similarity of unlike things, for ``"image-image"``, ``"image-sound"``,
        ``"sound-sound"``: sounds are nearer to sounds than to pictures whatever they show (the modality gap). Where the
        space understands words, of ``"image-text"`` and ``"sound-text"``, too.
    card : Mapping
        How the space was made: data, licences, settings, metrics.
    is_checked : bool
        False for one from a file that an earlier version wrote, which has no checksum.

    References
    ----------
    Wu, Fuentes, Bello, "Exploring modality-agnostic representations for music classification", arXiv 2106.01149.
    """

    branches: Mapping[Modality, Branch | Apart]
    encoders: Mapping[Modality, Mapping[str, str]]
    unrelated: Mapping[str, tuple[float, float]]
    card: Mapping[str, Any]
    class_heads: Mapping[Modality, SharedClassHead] = field(default_factory=dict)
    tree: NameTree | None = None
    class_head_share: float = 0.0
    meaning: Meaning | None = None
    taught: TaughtNames | None = None
    text_towers: bool = False
    padding: int = 0
    is_checked: bool = True

    @property
    def name(self) -> str:
        """What the card calls it."""
        return str(self.card.get("name", "unnamed"))

    @classmethod
    def apart(cls, encoders: Mapping[Modality, Mapping[str, str]], dimensions: Mapping[Modality, int]) -> Space:
        """Make the space of encoders that nothing joins yet: within a modality, features are compared as they are.

        Parameters
        ----------
        encoders : Mapping of modality to Mapping
            As the attribute.
        dimensions : Mapping of modality to int
            Lengths of the features.

        Returns
        -------
        Space
        """
        image, sound = dimensions["image"], dimensions["sound"]
        return cls(
            branches={"image": Apart(image, 0, sound), "sound": Apart(sound, image, 0)},
            encoders=encoders,
            unrelated=dict.fromkeys(_PAIRS, (0.0, 1.0)),
            card={"name": "none"},
        )

    @property
    def joins(self) -> bool:
        """Whether sounds and pictures can be compared with each other."""
        return not any(isinstance(branch, Apart) for branch in self.branches.values())

    @property
    def names(self) -> tuple[str, ...]:
        """What the encoders' own classifiers can call things; empty in a space without class_heads."""
        return self.tree.names if self.tree else ()

    @property
    def reads_words(self) -> bool:
        """Whether a text can ask."""
        return self.meaning is not None or self.text_towers

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._unpadded + self.padding

    @property
    def _unpadded(self) -> int:
        learned = self.branches["sound"].dimension
        if self.tree and self.meaning:
            return learned + self.tree.dimension + self.meaning.dimension
        return learned + (named_dimension(self.tree, self.class_heads) if self.tree else 0)

    def padded_to(self, multiple: int) -> Space:
        """Return the same space with vectors of a length that is a multiple of a number."""
        return replace(self, padding=-self._unpadded % multiple)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of everything that decides a vector, given the feature."""
        digest = hashlib.blake2b(digest_size=16)
        for modality in MODALITIES:
            digest.update(self.encoders[modality]["fingerprint"].encode())
            for name, tensor in sorted(self._tensors(modality).items()):
                digest.update(name.encode() + np.ascontiguousarray(tensor).astype("<f4").tobytes())
        digest.update(repr(self.class_head_share).encode())
        if self.tree and self.tree.levels:
            digest.update(json.dumps(self.tree.to_json()).encode())
        if self.padding:
            digest.update(repr(self.padding).encode())
        if self.meaning:
            digest.update(self.meaning.deciding())
        return digest.hexdigest()

    def project(self, modality: Modality, features: Float32Array) -> Float32Array:
        """Carry features into the space.

        Parameters
        ----------
        modality : {"image", "sound"}
        features : np.ndarray [shape=(n, d), float32]

        Returns
        -------
        np.ndarray [shape=(n, dimension), float32]
            Of unit length.

        Raises
        ------
        SpaceMismatchError
            If the features have another length than those that the space was trained on.
        """
        branch = self.branches[modality]
        expected = branch.takes
        if features.ndim != 2 or features.shape[1] != expected:
            raise SpaceMismatchError(
                f"space {self.name!r} takes {modality} features of length {expected} "
                f"({self.encoders[modality]['name']}), not of shape {features.shape}"
            )
        features = features.astype(np.float32, copy=False)
        share, learned = np.float32(self.class_head_share), branch(features)
        if self.tree and self.meaning:
            head, rows = self.class_heads[modality], self._rows_of_names[modality]
            logits = self.meaning.classes[modality].logits(features)
            of_head = head.logits(features) if rows is None else logits[:, rows]
            named = named_shares(self.tree, head, of_head)
            meant, common = self.meaning.seen(modality, logits, named)
            parts = [np.sqrt(1 - share) * learned, *self._told(self.tree, self.meaning, named, common, meant)]
        elif self.tree:
            named = named_vectors(self.tree, self.class_heads, modality, features)
            parts = [np.sqrt(1 - share) * learned, np.sqrt(share) * named]
        else:
            parts = [learned]
        return self._padded(parts)

    def text_vectors(self, texts: Sequence[str]) -> Float32Array:
        """Carry texts into the space.

        Parameters
        ----------
        texts : sequence of str
            English; see `read`.

        Returns
        -------
        np.ndarray [shape=(len(texts), dimension), float32]
            Of unit length.

        Raises
        ------
        UsageError
            If the space understands no words, or none of a text's words.
        """
        if self.tree is None or self.meaning is None:
            raise self._without_words()
        meant = self.meaning.words.vectors(texts)
        followed = self.meaning.followed(meant)
        named, common = self.meaning.named(followed)
        told = of_unit_length(np.concatenate(self._told(self.tree, self.meaning, named, common, followed), axis=1))
        learned = np.zeros((len(texts), self.branches["sound"].dimension), dtype=np.float32)
        if self.taught:
            directions, shares = self.taught.told(meant)
            learned = np.sqrt(shares)[:, None] * directions
            told = np.sqrt(1 - shares)[:, None] * told
        return of_unit_length(self._padded([learned, told]))

    def understood(self, texts: Sequence[str]) -> tuple[Int64Array, Float32Array]:
        """Carry those texts into the space that have a word which is understood.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        places : np.ndarray [shape=(n,), int64]
            Of these texts among all, ascending; none in a space that understands no words by itself.
        vectors : np.ndarray [shape=(n, dimension), float32]
            Of unit length.
        """
        known = [place for place, text in enumerate(texts) if self.meaning is not None and self.read(text).understood]
        if not known:
            return np.zeros(0, dtype=np.int64), np.zeros((0, self.dimension), dtype=np.float32)
        return np.array(known, dtype=np.int64), self.text_vectors([texts[place] for place in known])

    def tower_vectors(self, features: Mapping[Modality, Float32Array]) -> Float32Array:
        """Carry texts into a space of encoders that have text towers.

        Parameters
        ----------
        features : Mapping of modality to np.ndarray [shape=(n, d), float32]
            What the text tower of each encoder makes of the texts, in its own caption.

        Returns
        -------
        np.ndarray [shape=(n, dimension), float32]
            Of unit length: the direction between what the two say.

        Raises
        ------
        UsageError
            If texts are not understood in this way.
        """
        if not self.text_towers:
            raise UsageError(f"space {self.name!r} was not made of what text towers see")
        return of_unit_length(np.sum([self.project(modality, features[modality]) for modality in MODALITIES], axis=0))

    def read(self, text: str) -> Reading:
        """Tell which words of a text are understood.

        Raises
        ------
        UsageError
            If the space understands no words at all.
        """
        if self.meaning is None:
            raise self._without_words()
        return self.meaning.words.read(text)

    def near_words(self, word: str, *, most: int = 3) -> list[str]:
        """List words of its vocabulary that one with a typing error may have been meant for; none without words."""
        return [] if self.meaning is None else self.meaning.words.near(word, most=most)

    def _without_words(self) -> UsageError:
        towers = "by itself: its encoders' text towers do, see `Space.tower_vectors`" if self.text_towers else ""
        return UsageError(f"space {self.name!r} understands no words {towers}".rstrip())

    def _told(
        self, tree: NameTree, meaning: Meaning, named: Float32Array, common: Float32Array, meant: Float32Array
    ) -> list[Float32Array]:
        """Weigh the second and the third part: what common names do not say is the third's to say."""
        share, least = np.float32(self.class_head_share), np.float32(meaning.least_share)
        of_names = ((share - least) * common)[:, None]
        lent = tree.lent(named, shared=self._known_to_all)
        return [np.sqrt(of_names) * tree.roots(lent), np.sqrt(share - of_names) * meant]

    @functools.cached_property
    def _rows_of_names(self) -> Mapping[Modality, Int64Array | None]:
        """Which classes of the encoders' own classifiers the common names are told by, where they are told by these.

        What these classes say is then asked once: the larger part of what a query reads of a space.
        """
        classes = self.meaning.classes if self.meaning else {}
        return {
            modality: rows_among((own.weight, own.bias), (head.weight, head.bias))
            for modality, head in self.class_heads.items()
            if (own := classes.get(modality)) is not None
        }

    @functools.cached_property
    def _known_to_all(self) -> npt.NDArray[np.bool_]:
        """Which names both modalities know; found once, since a query waits for it."""
        return known_to_all(self.tree, self.class_heads) if self.tree else np.zeros(0, dtype=bool)

    def _padded(self, parts: Sequence[Float32Array]) -> Float32Array:
        return np.concatenate([*parts, np.zeros((len(parts[0]), self.padding), dtype=np.float32)], axis=1)

    def compares(self, asking: QueryModality, stored: Modality) -> bool:
        """Whether what asks can be compared with what is stored: with its like alone, where nothing joins the two."""
        return self.joins or asking == stored

    def unrelated_similarity(self, first: QueryModality, second: QueryModality) -> tuple[float, float]:
        """Mean and standard deviation of the similarity of unlike things of two modalities, one of them stored."""
        return self.unrelated["-".join(sorted((first, second)))]

    def to_bytes(self) -> bytes:
        """Make the contents of a space file: safetensors with the card as metadata."""
        tensors: dict[str, np.ndarray] = {}
        for modality in MODALITIES:
            tensors |= self._tensors(modality)
        if self.meaning:
            tensors |= self.meaning.tensors()
            for modality in MODALITIES:
                tensors = as_rows(tensors, modality)
        metadata: dict[str, Any] = {"encoders": self.encoders, "background": self.unrelated, "card": self.card}
        if self.tree:
            metadata["knowledge"] = {**self.tree.to_json(), "share": self.class_head_share}
        if self.padding:
            metadata["padding"] = self.padding
        if self.text_towers:
            metadata["text_towers"] = True
        if self.meaning:
            metadata["names"] = self.meaning.to_json()
        if self.taught:
            tensors |= self.taught.tensors()
            metadata["taught"] = self.taught.to_json()
        return tensor_files.as_bytes(tensors, written=_FORMAT, described=metadata)

    def _tensors(self, modality: Modality) -> dict[str, np.ndarray]:
        tensors: dict[str, np.ndarray] = {**self.branches[modality].tensors(modality)}
        if self.class_heads:
            tensors |= self.class_heads[modality].tensors(modality)
        return tensors

    @classmethod
    def load(cls, path: Path) -> Space:
        """Read a space file.

        Raises
        ------
        ModelError
            If it is absent, damaged, or not a space.
        """
        try:
            file = tensor_files.read(path, formats=_FORMATS)
            metadata, tensors = file.described, file.tensors
            text_towers = bool(metadata.get("text_towers"))
            tree, share = read_naming(metadata.get("knowledge"))
            meaning = read_meaning(tensors, metadata.get("names"), tree, share)
            for modality in MODALITIES:
                tensors = from_rows(tensors, modality)
            branches = read_branches(tensors)
            space = cls(
                branches=branches,
                class_heads=read_class_heads(tensors, branches, tree),
                tree=tree,
                class_head_share=share,
                meaning=meaning,
                taught=read_taught(tensors, metadata.get("taught"), branches, meaning),
                padding=read_padding(metadata),
                encoders=read_encoders(metadata["encoders"]),
                text_towers=text_towers,
                unrelated=read_unrelated(metadata["background"], reads_words=text_towers or meaning is not None),
                card=dict(metadata["card"]),
                is_checked=file.is_checked,
            )
            space._require_vectors()
        except FileNotFoundError as error:
            raise ModelError(f"{path}: no such space file") from error
        except KeyError as error:
            raise ModelError(f"{path}: not a space file: it lacks {error}") from error
        except tensor_files.AlteredFileError as error:
            raise ModelError(f"{path}: {error}") from error
        except (OSError, AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: not a space file: {error}") from error
        return space

    def _require_vectors(self) -> None:
        """Raise ValueError where features do not become vectors of unit length, or all become the same one."""
        random = np.random.default_rng(0)
        for modality, branch in self.branches.items():
            features = random.random((_PROBES, branch.takes), dtype=np.float32)
            with np.errstate(all="ignore"):
                vectors = self.project(modality, features)
                lengths = np.linalg.norm(vectors, axis=1)
            if not (np.abs(lengths - 1) < _FAR_FROM_1).all():
                raise ValueError(f"it makes of {modality} features no vectors of unit length")
            # On a line all vectors are 1 or -1, so that four that are equal tell nothing.
            if self._unpadded > 1 and np.ptp(vectors, axis=0).max() < _DIFFERENT:
                raise ValueError(f"it makes the same vector of all {modality} features")


@functools.cache
def packaged_spaces() -> Mapping[str, Path]:
    """Names and files of the spaces that ship in the package; ``default`` first."""
    folder = Path(str(resources.files("modag_search"))) / "weights"
    names = sorted(path.name.removesuffix(".space.safetensors") for path in folder.glob("*.space.safetensors"))
    return {
        name: folder / f"{name}.space.safetensors" for name in sorted(names, key=lambda name: (name != "default", name))
    }
