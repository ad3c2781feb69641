"""Recordings of spike cameras: planes of bits in ``.dat`` files, with a ``config.yaml`` beside them."""
