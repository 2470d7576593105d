"""What media, items and answers may be."""

from __future__ import annotations

from typing import Literal

Modality = Literal["image", "sound"]
"""What a segment is, and what an encoder takes."""

MediaKind = Literal["image", "sound", "video"]
"""What a file is; a video holds segments of both modalities."""

SegmentStatus = Literal["ok", "silent", "black", "flat"]
"""Only ``ok`` segments get a feature and can be found."""

RemarkKind = Literal["partly read", "unfinished", "misnamed", "chosen"]
"""What kind of thing was noticed while a file was read; see `Remark`."""

NoticeKind = Literal["silent", "black", "flat", "partly read", "unfinished", "misnamed", "chosen", "passed over"]
"""Why nothing finds a file, or what was noticed while it was read; see `Notice`."""

LabelKind = Literal["class", "tag"]
"""A class says what an item is; a tag (favourite, reviewed) is searched and listed alike, and never an answer."""

EvidenceKind = Literal["own", "other", "name", "features", "added"]
"""Who speaks for a label: examples of the item's own modality, those of the other, what it is called, a linear function
of features; and what is added for labels without an example of the own modality."""

MapMethod = Literal["pca", "umap"]
"""How items are laid out in two dimensions; see `ItemMap`."""

ConfirmedBy = Literal["content", "pixels", "waveform", "features"]
"""What tells that two items are the same: bytes, decoded pixels or samples, or what encoders made of them alone."""

MODALITIES: tuple[Modality, ...] = ("image", "sound")

CLOSE = 0.2
"""Relevance that the best answer has at least where something in an index is close to what was asked."""
