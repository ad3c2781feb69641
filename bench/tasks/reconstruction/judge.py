"""The judge of models that reconstruct: it measures how far a picture departs from the scene that is shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.lattice import EightBit, Lattice
from attacks.objectives import Objective
from attacks.randomness import KeyedRng
from attacks.score_objectives import Increase
from attacks.threats.threat import Threat
from bench.foundation.spec import Eps
from bench.foundation.threats import threat_at
from bench.models.memory import inconstant
from bench.models.scorer import Scorer
from bench.tasks.feasibility import norms, sha256_rows, with_clean_instead
from bench.tasks.judge import Shard, noisy
from bench.tasks.reconstruction.fidelity import Fidelity, fidelity
from bench.tasks.reconstruction.following import gradient_shares
from bench.tasks.reconstruction.units import CleanPictures, NoisyPictures, PictureOutcome
from bench.tasks.unit import no_costs

SAME_PSNR = 0.01
"""Largest difference in dB between the PSNRs of two equal pictures: an error that is 0.2% larger."""


@dataclass(frozen=True)
class Reconstructions:
    """Judges pictures.

    scorer: of pictures. micro_batch: another batch size, in which pictures are made again. lattice: the values that noise
    may take.
    """

    scorer: Scorer
    norm: str
    stochastic: bool
    micro_batch: int
    lattice: Lattice

    @property
    def objective(self) -> Objective:
        """Raise the error."""
        return Increase()

    def clean(self, shard: Shard) -> CleanPictures:
        """Fidelity without an attack; measured twice, unless the scorer is exact or the model stochastic.

        Raises ``ModelError`` for a model that is not declared stochastic and changes more than 1% of its pictures.
        """
        started = time.perf_counter()
        rng = shard.rng.fold("clean")
        measured = fidelity(self.scorer, shard.x, rng)
        changed = torch.zeros(len(shard.ids), dtype=torch.bool)
        if self._may_waver:
            changed = _differ(measured, fidelity(self.scorer, shard.x, rng))
        if int(changed.sum()) > 0.01 * len(changed):
            says = f"{self.scorer.name} changed {int(changed.sum())} of {len(changed)} pictures"
            raise inconstant(says, self.scorer.model, self.scorer.pictures, shard.x)
        return CleanPictures(
            sample=shard.ids,
            label=shard.labels.tolist(),
            clean_unstable=changed.tolist(),
            error=measured.error.tolist(),
            psnr=measured.psnr.tolist(),
            ssim=measured.ssim.tolist(),
            gradient_share=gradient_shares(self.scorer.model, shard.x, rng, batch=self.micro_batch),
            seconds=time.perf_counter() - started,
        )

    @property
    def _may_waver(self) -> bool:
        """Whether another call or batch may change a picture where none should."""
        return not (self.stochastic or self.scorer.exact)

    def ready(self, shard: Shard, clean: CleanPictures) -> Shard:
        """The shard with the clean errors as its reference."""
        return replace(shard, reference=torch.tensor(clean.error, dtype=shard.x.dtype, device=shard.x.device))

    def noise(self, shard: Shard, clean: CleanPictures, eps: Eps, draws: int) -> NoisyPictures:
        """Fidelity to noisy scenes: under the first draw, and after every draw the lowest PSNR so far."""
        started = time.perf_counter()
        threat = threat_at(self.norm, eps.value)
        first = self._under_noise(shard, threat, 0)
        worst = first.psnr
        history = [worst]
        for draw in range(1, draws):
            worst = torch.minimum(worst, self._under_noise(shard, threat, draw).psnr)
            history.append(worst)
        return NoisyPictures(
            first=first.psnr.tolist(),
            worst=torch.stack(history, 1).tolist(),
            ssim=first.ssim.tolist(),
            seconds=time.perf_counter() - started,
        )

    def _under_noise(self, shard: Shard, threat: Threat, draw: int) -> Fidelity:
        rng = shard.rng.fold("noise", draw)
        return fidelity(self.scorer, noisy(shard.x, threat, rng, self.lattice), rng)

    def standing(self, clean: CleanPictures, done: Sequence[PictureOutcome]) -> list[int]:
        """All positions, at every stage: a picture gets worse, it is never broken."""
        return list(range(len(clean.sample)))

    def scored(
        self, rows: list[int], adv: Tensor, x: Tensor, reference: Tensor, threat: Threat, rng: KeyedRng
    ) -> PictureOutcome:
        """The outcome of scenes ``adv`` for clean scenes ``x``, ``(m, ...)`` each; every picture against its own scene.

        A scene outside of ball or box is replaced by the clean one. reference: clean errors ``(m,)``, which play no part.
        """
        status, judged = with_clean_instead(adv, x, threat)
        chosen = reported = fidelity(self.scorer, judged, rng)
        if self.stochastic:  # the worst of several stages is chosen by other draws than those that are reported
            reported = fidelity(self.scorer, judged, rng.fold("report"))
        unstable = torch.zeros(len(rows), dtype=torch.bool)
        if self._may_waver:
            unstable = _differ(chosen, fidelity(self.scorer, judged, rng, batch=self.micro_batch))
        rounded = fidelity(self.scorer, EightBit().towards_clean(judged, x), rng.fold("8 bit"))
        return PictureOutcome(
            rows=rows,
            status=status,
            norm_value=norms(judged, x, threat).tolist(),
            error=chosen.error.tolist(),
            psnr=reported.psnr.tolist(),
            ssim=reported.ssim.tolist(),
            psnr_8bit=rounded.psnr.tolist(),
            unstable=unstable.tolist(),
            adv_sha256=sha256_rows(judged),
            **no_costs(len(rows)),
        )


def _differ(first: Fidelity, second: Fidelity) -> Tensor:
    return (first.psnr - second.psnr).abs() > SAME_PSNR
