"""What attacks may ask for when they are made from a spec: the suite's models, data sets, attacks and paths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

import bench.data
from attacks.base import Attack
from attacks.gradients.base import GradientPath
from attacks.resources import OpenedModel, Proxy
from bench.foundation.errors import SpecError
from bench.foundation.spec import bind_params
from bench.models.fingerprint import parameters_sha256, structure_sha256
from bench.models.opening import open_subject
from zoo.conversion.proxy import proxy as without_spikes

T = TypeVar("T")


@dataclass(frozen=True)
class SuiteResources:
    """The :class:`~attacks.resources.Resources` of the suite. Its methods raise a ``BenchError`` for what is wrong.

    what: for whom, as it stands in messages: "attack transfer". attack, path: how a spec becomes one. name_of: how an
    attack is called.
    """

    what: str
    attack: Callable[[str], Attack]
    path: Callable[[str], GradientPath]
    name_of: Callable[[Attack], str]

    def bind(self, kind: type[T], params: Mapping[str, str]) -> T:
        """See :func:`~bench.foundation.spec.bind_params`."""
        return bind_params(kind, params, what=self.what)

    def model(self, ref: str, *, proxy: Proxy | None = None) -> OpenedModel:
        """The model that a user calls ``ref``; its proxy without spikes, if one is asked for."""
        bare = not any(mark in ref for mark in (":", ".yaml", ".yml"))
        subject = open_subject(f"zoo:{ref}" if bare else ref)
        if proxy is None:
            return OpenedModel(subject.module, subject.fingerprint)
        try:
            return OpenedModel(without_spikes(subject.module, proxy), subject.fingerprint)
        except ValueError as error:
            raise SpecError(f"There is no proxy of {subject.ref}: {error}.", "Leave proxy out.") from error

    def fingerprint(self, module: nn.Module) -> dict[str, Any]:
        """Hashes of structure and parameters."""
        return {"structure_sha256": structure_sha256(module), "parameters_sha256": parameters_sha256(module)}

    def images(self, dataset: str, split: str, n: int) -> Tensor:
        """``n`` images ``(n, C, H, W)``, or all if there are fewer, spread evenly over the split."""
        samples = bench.data.load_samples(dataset, split=split)
        count = min(n, len(samples))
        return samples[torch.arange(count) * len(samples) // count].images
