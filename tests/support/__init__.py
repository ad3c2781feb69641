"""What several tests share; and the shift of seeds, which processes that a test starts must have as well.

A model or data set of this package takes the shift along to every worker that unpickles it.
"""

from __future__ import annotations

import os

from torch import Tensor

from attacks.randomness import KeyedRng

SHIFT = int(os.environ.get("BENCH_TEST_SEED_SHIFT", "0"))
"""Added to the seed of every keyed stream, in tests and in the code under test: a claim must not rest on lucky draws."""

if SHIFT:
    _unshifted = KeyedRng.of

    def _shifted(seed: int, ids: Tensor) -> KeyedRng:
        return _unshifted(seed + SHIFT, ids)

    KeyedRng.of = staticmethod(_shifted)  # type: ignore[assignment, method-assign]
