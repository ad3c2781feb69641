"""Distortions of photographs: small pure functions on float64 images (H, W, 3) in [0,1], listed in ``catalogue.py``."""

KINDS, LEVELS = 25, 5
"""How many distortions the catalogue has, and levels of each."""
