"""The numbers of the simulated event camera. No torch, so that listing data sets stays instant.

They were chosen by what ten real recordings look like (events in each 10 ms, share of each polarity, path of the centre of
events, time between events of a pixel), and were frozen before any network saw what this camera makes. Background and jitter
are those of an earlier sketch of another camera, on whose recordings a network had been tried.
"""

from __future__ import annotations

from dataclasses import dataclass

SIDE, MARGIN = 34, 4
"""Of the sensor, and of the dark around it into which an image may move, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The numbers of a camera and of its movement.

    Raises ``ValueError`` for an image that would leave the sensor's surroundings.
    """

    milliseconds: int = 300
    """Of a recording: three saccades of equal length."""
    width: float = 5.0
    """Of the triangle that the image travels, right-down, right-up and left, in pixels."""
    height: float = 4.5
    """Of the triangle, in pixels."""
    moving: float = 0.9
    """Share of a saccade in which the image moves, by half a period of a cosine; then it rests."""
    background: float = 0.25
    """Light of a black pixel, in units of the light that a white one adds."""
    threshold: float = 0.18
    """Change of the logarithm that makes an event, on average over pixels."""
    jitter: float = 0.15
    """Standard deviation of the threshold over pixels, as a share of it; no pixel is farther off than three of them."""
    refractory: int = 2
    """Least milliseconds between two events of a pixel. Before their end it is blind and follows the light."""
    noise: float = 0.05
    """Events without cause, per second, pixel and polarity."""
    offset: float = 0.5
    """Largest displacement of an image from the middle along each axis, in pixels; drawn evenly for each recording."""
    seed: int = 20150922
    """Of thresholds, displacements and noise."""

    def __post_init__(self) -> None:
        if max(self.width, self.height) / 2 + self.offset > MARGIN - 1:
            raise ValueError("the image leaves the surroundings of the sensor")


V1 = Camera()
"""The camera of ``nmnist_sim``, version 1. Frozen: another number is another version."""
