"""Decoding and encoding one file, under the settings of an index."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from modag_search import media, registry
from modag_search.encoders import Encoder, fingerprint_of
from modag_search.encoders.network import Network, NetworkEncoder
from modag_search.errors import CorruptMediaError, ModagError, ModelError, UsageError
from modag_search.values import (
    MODALITIES,
    DecodedSegment,
    EncodedSegment,
    Float32Array,
    MediaFacts,
    Modality,
    Pipeline,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from modag_search.settings import IndexSettings


class StageClock:
    """Adds up the time that all workers together spend in each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Count the time inside the block for `stage`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started

    def add(self, seconds: Mapping[str, float]) -> None:
        """Add the time that somebody else spent in some stages."""
        with self._lock:
            for stage, spent in seconds.items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


class MediaEncoder:
    """Makes features of files; one for all threads, as long as its index is open: networks load once.

    Parameters
    ----------
    settings : IndexSettings

    Attributes
    ----------
    encoders : dict of modality to Encoder
    pipelines : dict of modality to Pipeline
        What a feature made here depends on.

    Raises
    ------
    UnknownPluginError, UsageError
        If an encoder is not installed, or is one for the other modality.
    """

    def __init__(self, settings: IndexSettings) -> None:
        self.settings = settings
        self.encoders = {modality: _encoder(settings, modality) for modality in MODALITIES}
        self.pipelines = {modality: _pipeline(self.encoders[modality], settings) for modality in MODALITIES}
        self._loading = {modality: threading.Lock() for modality in MODALITIES}
        self._loaded: set[Modality] = set()

    @property
    def fingerprints(self) -> dict[Modality, str]:
        """Fingerprints of the pipelines."""
        return {modality: pipeline.fingerprint for modality, pipeline in self.pipelines.items()}

    def encode_texts(self, texts: Sequence[str]) -> dict[Modality, Float32Array]:
        """Let the text tower of each encoder read texts, in its own caption; see `Encoder.encode_texts`."""
        return {
            modality: encoder.encode_texts([encoder.caption.format(text) for text in texts])
            for modality, encoder in self.encoders.items()
        }

    def warm(self, modality: Modality) -> None:
        """Load the network of a modality where it is not loaded yet; of threads that ask at once, one does.

        Raises
        ------
        WeightsMissingError, WeightsDamagedError, MissingExtraError
            If the network is not to be had.
        ModelError
            If it does not run.
        """
        if modality in self._loaded:
            return
        with self._loading[modality]:
            if modality not in self._loaded:
                _try(self.encoders[modality])
                self._loaded.add(modality)

    def warm_for(self, paths: Iterable[str]) -> None:
        """Load the networks that files need."""
        kinds = {media.kind_of(path) for path in paths}
        for modality in MODALITIES:
            if kinds & {modality, "video"}:
                self.warm(modality)

    def encode_file(
        self,
        path: str,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        clock: StageClock | None = None,
    ) -> tuple[MediaFacts, tuple[EncodedSegment, ...]]:
        """Decode and encode a file, segment by segment.

        Parameters
        ----------
        path : str
        start_s, end_s : float, optional
            Part of a sound or video, in seconds.
        clock : StageClock, optional
            Told how long decoding and encoding take.

        Returns
        -------
        facts : MediaFacts
        segments : tuple of EncodedSegment

        Raises
        ------
        MediaError
            If it cannot be decoded.
        WeightsMissingError, WeightsDamagedError, MissingExtraError, ModelError
            As `warm`.
        """
        clock = clock or StageClock()
        stream = media.open_media(
            path,
            sample_rate_hz=self.encoders["sound"].sample_rate_hz,
            segmentation=self.settings.segmentation,
            start_s=start_s,
            end_s=end_s,
        )
        decoded = _timed(stream.segments(), clock)
        encoded = [(segment.peak, self._encoded(segment, path, clock)) for segment in decoded]
        facts = stream.facts
        return facts, tuple(_silenced(segment, peak, facts.silent_below) for peak, segment in encoded)

    def as_stored(self, features: Float32Array) -> Float32Array:
        """Round features as the catalog does, so that a query equals the item that it was indexed as."""
        with np.errstate(over="ignore"):
            rounded: Float32Array = features.astype(self.settings.feature_dtype).astype(np.float32)
        return rounded

    def _encoded(self, segment: DecodedSegment, path: str, clock: StageClock) -> EncodedSegment:
        feature = None
        if segment.status == "ok":
            feature = self._feature(segment, clock)
            if not np.isfinite(self.as_stored(feature)).all():
                raise CorruptMediaError(path, f"gives {segment.modality} features that are not finite numbers")
        return EncodedSegment(
            modality=segment.modality,
            start_s=segment.start_s,
            end_s=segment.end_s,
            status=segment.status,
            feature=feature,
        )

    def _feature(self, segment: DecodedSegment, clock: StageClock) -> Float32Array:
        """Encode a segment; where an encoder's two steps are known, the clock tells them apart."""
        encoder = self.encoders[segment.modality]
        feature: Float32Array
        if isinstance(encoder, NetworkEncoder):
            with clock.timing("prepare"):
                prepared = encoder.prepare(segment.data)
            with clock.timing("network"):
                feature = self._network(encoder)(prepared)
        else:
            self.warm(segment.modality)
            with clock.timing("encode"):
                feature = encoder.encode([segment.data])[0]
        return feature

    def _network(self, encoder: NetworkEncoder) -> Network:
        """Return a network; where several threads are the first to ask for it, it is loaded once."""
        with self._loading[encoder.modality]:
            return encoder.network


def _timed(segments: Iterator[DecodedSegment], clock: StageClock) -> Iterator[DecodedSegment]:
    while True:
        with clock.timing("decode"):
            segment = next(segments, None)
        if segment is None:
            return
        yield segment


def _silenced(segment: EncodedSegment, peak: float | None, silent_below: float | None) -> EncodedSegment:
    """Take the feature from a window that proved silent beside one that came after it."""
    if peak is None or silent_below is None or peak >= silent_below:
        return segment
    return replace(segment, status="silent", feature=None)


_EXAMPLES: Mapping[Modality, list[np.ndarray]] = {
    "sound": [np.zeros(8000, dtype=np.float32)],
    "image": [np.zeros((8, 8, 3), dtype=np.uint8)],
}


def _try(encoder: Encoder) -> None:
    """Load a network, and see that it runs."""
    try:
        encoder.encode(_EXAMPLES[encoder.modality])
    except ModagError:
        raise
    except Exception as error:
        words = f"{type(error).__name__}: {error}".rstrip(": ")
        raise ModelError(f"encoder {encoder.name!r} does not run: {words}") from error


def _encoder(settings: IndexSettings, modality: Modality) -> Encoder:
    encoder = registry.encoder_class(settings.encoder(modality))()
    if encoder.modality != modality:
        raise UsageError(f"encoder {encoder.name!r} takes {encoder.modality}s, and cannot be the {modality} encoder")
    return encoder


def _pipeline(encoder: Encoder, settings: IndexSettings) -> Pipeline:
    specification = {
        "decoder": dict(media.decoder_specification(encoder.modality, settings.segmentation, encoder.sample_rate_hz)),
        "encoder": encoder.specification,
        "encoder_fingerprint": encoder.fingerprint,
        "dtype": settings.feature_dtype,
    }
    return Pipeline(
        modality=encoder.modality,
        encoder=encoder.name,
        dimension=encoder.dimension,
        dtype=settings.feature_dtype,
        fingerprint=fingerprint_of(specification),
        specification=specification,
    )
