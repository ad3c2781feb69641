"""The gradient through the last step: BPTT of what arrives there, and nothing of what arrives before."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from attacks.gradients.base import Dynamics, Trace
from attacks.gradients.bptt import through_surrogate
from attacks.gradients.last_step import LastStep, ThroughLastStep
from attacks.gradients.surrogates import Surrogate

Reset = Literal["hard", "soft"]


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("attached", [True, False])
def test_only_the_last_step_counts(reset: Reset, attached: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    potential = 1 + 0.3 * torch.randn(4, 2, 5, generator=generator)
    grad = torch.randn(4, 2, 5, generator=generator)
    trace = Trace(potential=potential, current=None, dynamics=Dynamics(decay=0.9, reset=reset))
    surrogate = Surrogate("triangle", 1.0)
    found = ThroughLastStep(surrogate, attached).backward(grad, trace)
    zeroed = torch.cat([torch.zeros(3, 2, 5), grad[-1:]])
    torch.testing.assert_close(found, through_surrogate(zeroed, trace, surrogate, attached=attached))
    changed = torch.cat([torch.randn(3, 2, 5, generator=generator), grad[-1:]])
    torch.testing.assert_close(ThroughLastStep(surrogate, attached).backward(changed, trace), found)
    assert reset == "hard" or bool((found[0] != 0).any())  # the potential remembers the first current


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match="reset"):
        LastStep(reset="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        LastStep(width=-1.0)
