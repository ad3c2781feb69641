"""The distance of a distorted image from its reference: pure functions of two float images (H, W, 3) in [0,1]."""

from bench.metrics.fullreference.gmsd import gmsd
from bench.metrics.fullreference.haarpsi import haarpsi
from bench.metrics.fullreference.mdsi import mdsi

__all__ = ["gmsd", "haarpsi", "mdsi"]
