"""Running an attack that may fail: on some samples, in any way, without sheltering the others."""

from __future__ import annotations

import torch
from torch import Tensor

from attacks.base import Attack
from attacks.model_oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threats.threat import Threat
from bench.foundation.errors import BenchError


def perturbed(
    attack: Attack, oracle: ModelOracle, x: Tensor, threat: Threat, rng: KeyedRng
) -> tuple[Tensor, dict[int, str]]:
    """Adversarial inputs ``(m, ...)`` for ``x``, and position by position what went wrong (the clean input then stands in).

    Where an attack fails on many samples it is tried again on each half, so that one sample on which a gradient
    raises does not shelter the others.
    """
    if not len(x):
        return x, {}
    try:
        # A copy: an attack that works in place must not move the clean images it is measured against.
        adv = attack.perturb(oracle, x.clone(), threat, rng=rng).detach().to(x)
    except (BenchError, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if adv.shape == x.shape:
            return adv, {}
        reason = f"returned shape {tuple(adv.shape)} for {tuple(x.shape)}"
    if len(x) == 1:
        return x, {0: reason}
    failures: dict[int, str] = {}
    halves, start = [], 0
    for rows in torch.arange(len(x), device=x.device).tensor_split(2):
        half, failed = perturbed(attack, oracle.subset(rows), x[rows], threat.rows(rows), rng.rows(rows))
        failures |= {start + position: why for position, why in failed.items()}
        halves.append(half)
        start += len(rows)
    return torch.cat(halves), failures
