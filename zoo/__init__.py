"""First floor: the attacked models. Neurons, encoders, networks, defenses, quality models, cards and weights.

Everything here is a plain ``nn.Module``: images ``(N, C, H, W)`` in [0, 1] go in, logits
``(N, K)`` or quality scores ``(N,)`` come out, and normalisation, encoding, the loop over time and the read-out
are inside. Calls are stateless.

    import zoo
    model = zoo.load("snn_gsr")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.loading import load, names

__all__ = ["load", "names"]


def __getattr__(name: str) -> Any:
    """Import torch only when a model is asked for."""
    if name in __all__:
        from zoo import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
