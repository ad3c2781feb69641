"""Universal perturbations: from ``universal:data=NAME`` to an attack that holds the images it is fitted on.

``attacks`` knows no data set, so the images are read here and handed in; their hash goes on record, because others would
give other rows. They come from the training split: what is attacked must not be among what was fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from attacks.universal import Universal
from bench.foundation.errors import SpecError
from bench.foundation.files import sha256_bytes
from bench.foundation.spec import bind_params, passed_and_defaulted

if TYPE_CHECKING:
    from torch import Tensor

    from bench.tasks.resolved_attack import ResolvedAttack

SPLIT = "train"


@dataclass(frozen=True, kw_only=True)
class UniversalParameters:
    """What a spec may say.

    data: a data set whose training images have the size of those under attack. n: how many of them, spread evenly over the
    split. steps and batch: see :class:`~attacks.universal.Universal`.
    """

    data: str = ""
    n: int = 500
    steps: int = 60
    batch: int = 32


def resolve_universal(params: Mapping[str, str], spec: str) -> ResolvedAttack:
    """The planned attack of a spec; raises ``BenchError`` for whatever cannot be resolved."""
    from bench.data import load_samples

    given = bind_params(UniversalParameters, params, what="attack universal")
    if not given.data:
        raise SpecError("The attack universal needs images to be fitted on.", "Write universal:data=NAME, such as photos.")
    if given.n < 1:
        raise SpecError(f"A perturbation cannot be fitted on {given.n} images.", "Give n of at least 1.")
    samples = load_samples(given.data, split=SPLIT)
    chosen = torch.arange(min(given.n, len(samples))) * len(samples) // min(given.n, len(samples))
    try:
        attack = Universal(images=samples[chosen].images, steps=given.steps, batch=given.batch)
    except ValueError as error:
        raise SpecError(f"The attack universal cannot be set up: {error}.", "Correct the parameter.") from error
    passed, defaulted = passed_and_defaulted(given, set(params))
    defaulted["split"] = SPLIT
    return _planned(attack, spec, passed, defaulted)


def describe_universal(attack: Universal) -> ResolvedAttack:
    """The planned form of a configured attack, whose images are the user's own."""
    passed = {"steps": attack.steps, "batch": attack.batch}
    spec = f"universal:images={_sha256(attack.images)[:8]},steps={attack.steps},batch={attack.batch}"
    return _planned(attack, spec, passed, {})


def _planned(attack: Universal, spec: str, passed: dict[str, Any], defaulted: dict[str, Any]) -> ResolvedAttack:
    from bench.tasks.resolved_attack import ResolvedAttack

    fitted_on = {"n": len(attack.images), "sha256": _sha256(attack.images)}
    return ResolvedAttack(spec, "universal", attack, passed, defaulted | {"fitted_on": fitted_on})


def _sha256(images: Tensor) -> str:
    return sha256_bytes(images.detach().cpu().contiguous().numpy().tobytes())
