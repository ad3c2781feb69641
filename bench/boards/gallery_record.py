"""The description of an entry's pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

GALLERY, LIST_FILE = "gallery", "gallery.jsonl"

Says = Annotated[str, Field(min_length=1, max_length=100)]
"""A class or a score, which may be negative; for pages only, never for a table that a spreadsheet opens."""


IMAGES = "shown"
"""Key of the images in ``gallery.jsonl``; the lists of released boards have it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class StripImage(_Strict):
    """One image of a strip."""

    sample: int
    """Sample id."""
    before: Says
    """What the model says of the clean image."""
    after: Says
    """What it says of the adversarial one."""
    worst: bool
    """Whether it is among those that the attack did most to, or least."""


class Gallery(_Strict):
    """The description of the strip of an entry."""

    name: str
    """Of the entry, ``MODEL@VERSION``."""
    record_sha256: str
    """Of the record whose images these are."""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Of the strip; empty until it is written."""
    eps: str
    """Radius, as on the board."""
    step: int = Field(ge=1, le=127)
    """Grey levels that a change of 1/255 is drawn with."""
    frames: int = Field(default=0, ge=0)
    """Frames of each image, which lie below each other, if it is a recording of events; 0 for a picture. A brighter event is
    red, a darker one blue, and a cell of n events of a binary grid or of counts has 255 n or n levels of its colour."""
    ticks: int = Field(default=0, ge=0)
    """Ticks of the spike camera that each image was seen through, 0 without one. The image is then the scene, below it the
    picture that the camera's spikes were turned into, and below that the spike planes of all ticks, 255 for a spike."""
    images: list[StripImage] = Field(min_length=1, validation_alias=IMAGES, serialization_alias=IMAGES)
    """Images, from the left."""
