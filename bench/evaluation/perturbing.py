"""Runs an attack that may fail on some samples, so that a failure does not spare the other samples."""

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
    """Adversarial inputs ``(m, ...)`` for ``x`` ``(m, ...)``, and from position to error (the input is then the clean one).

    An attack that fails on several samples is repeated on each half of them, so that a sample on which it raises does not
    spare the others. Raises a ``BenchError`` of the attack.
    """
    if not len(x):
        return x, {}
    try:
        # A copy, so that an attack that works in place does not change the clean images.
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
        half_inputs, half_failures = perturbed(attack, oracle.subset(rows), x[rows], threat.rows(rows), rng.rows(rows))
        failures |= {start + position: error_text for position, error_text in half_failures.items()}
        halves.append(half_inputs)
        start += len(rows)
    return torch.cat(halves), failures
