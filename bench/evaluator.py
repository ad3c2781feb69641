"""The evaluator: clean accuracy, random noise and attacks, sample by sample, resumable.

Work is cut into units (a shard of samples x one thing done to it). Each finished unit goes
into the journal before the next one starts, and a unit's answer depends only on the request,
so a run that was killed gives, when repeated, the record it would have given.

Attacks are not trusted: what they return is verified and scored again here.
"""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from attacks.base import Attack, Stage
from attacks.gradients.base import GradientPath
from attacks.noise import UniformNoise
from attacks.oracle import ModelOracle
from attacks.randomness import KeyedRng
from attacks.threat import Norm, Threat
from bench.data.base import Samples
from bench.errors import BenchError, ModelError
from bench.plan import Planned, threat_of
from bench.scorer import Scorer
from bench.spec import Eps
from bench.staging import TAKEN, Unit, stages_of
from bench.subject import Subject
from bench.verification import eight_bit, norms, statuses
from zoo.folding import folded

SHARD = 250
"""Samples per unit: the most work a kill can lose, and enough rows to keep micro-batches full as samples leave."""


@dataclass(frozen=True)
class Request:
    """Everything that determines the rows."""

    subject: Subject
    samples: Samples
    attacks: list[Planned]
    path_spec: str
    path: GradientPath
    norm: Norm
    eps: list[Eps]
    seed: int
    eot: int
    scorings: int
    device: torch.device
    micro_batch: int


@dataclass(frozen=True)
class Shard:
    """A range of samples on the device, with one random stream each."""

    x: Tensor
    labels: Tensor
    ids: list[int]
    rng: KeyedRng


class Evaluator:
    """Computes units of a request."""

    def __init__(self, request: Request, save_adversarial: Callable[[str, Tensor, Tensor], None] | None = None) -> None:
        self.request = request
        self.proposer = folded(request.subject.module)
        self.scorer = Scorer(request.subject.module, request.subject.ref, request.scorings)
        self.save_adversarial = save_adversarial

    @contextmanager
    def own_randomness(self, key: str) -> Iterator[None]:
        """Layers and attacks that draw from torch's global generator draw the same in every run of the unit ``key``."""
        device = self.request.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(zlib.crc32(f"{self.request.seed} {key}".encode()))
            yield

    def shards(self) -> list[range]:
        """Sample positions per shard."""
        n = len(self.request.samples.labels)
        return [range(start, min(start + SHARD, n)) for start in range(0, n, SHARD)]

    def shard(self, positions: range) -> Shard:
        """The samples at ``positions``."""
        request = self.request
        chosen = slice(positions.start, positions.stop)
        ids = [int(i) for i in request.samples.ids[chosen]]
        x = request.samples[chosen].images.to(request.device)
        labels = request.samples.labels[chosen].to(request.device)
        return Shard(x, labels, ids, KeyedRng.of(request.seed, torch.tensor(ids, device=request.device)))

    def clean(self, shard: Shard) -> Unit:
        """Clean decisions, twice: a model that changes its mind without saying so is refused."""
        began = time.perf_counter()
        rng = shard.rng.fold("clean")
        decisions = self.scorer.decisions(shard.x, rng)
        again = self.scorer.decisions(shard.x, rng)
        # Two calls of a stochastic model may differ: its rates are the answer, and nothing is unstable.
        changed = (decisions != again).any(0) & (not self.request.subject.stochastic)
        if int(changed.sum()) > 0.01 * len(changed):
            raise ModelError(
                f"{self.request.subject.ref} changed its decision on {int(changed.sum())} of {len(changed)} samples "
                "between two identical calls.",
                "If it is random by design, say so with --stochastic (or `stochastic = True` on the module).",
            )
        correct = (decisions == shard.labels).float().mean(0)
        correct[changed] = 0.0
        return {
            "sample": shard.ids,
            "label": shard.labels.tolist(),
            "clean_pred": decisions[0].tolist(),
            "clean_correct": correct.tolist(),
            "clean_unstable": changed.tolist(),
            "seconds": time.perf_counter() - began,
        }

    def noise(self, shard: Shard, clean: Unit, eps: Eps, draws: int) -> Unit:
        """Per sample, the rate of correct decisions under each of ``draws`` uniform draws, cumulatively worst.

        ``worst[k]`` is the lowest rate among draws 0..k. A sample leaves once it has reached 0.
        """
        began = time.perf_counter()
        threat = Threat(norm=self.request.norm, eps=eps.value)
        worst = torch.tensor(clean["clean_correct"], device=shard.x.device)
        history = []
        for k in range(draws):
            rows = (worst > 0).nonzero()[:, 0]
            if len(rows):
                rng = shard.rng.fold("noise", k).rows(rows)
                noisy = UniformNoise().draw(shard.x[rows], threat, rng)
                rates = (self.scorer.decisions(noisy, rng) == shard.labels[rows]).float().mean(0)
                worst = worst.index_copy(0, rows, torch.minimum(worst[rows], rates))
            history.append(worst)
        return {"worst": torch.stack(history, 1).tolist(), "seconds": time.perf_counter() - began}

    def stages(self, planned: Planned) -> tuple[Stage, ...]:
        """What an attack runs on this model, in order."""
        return stages_of(planned, norm=self.request.norm, **self.request.subject.traits)

    def attack(self, shard: Shard, standing: list[int], eps: Eps, stage: Stage, number: int, key: str) -> Unit:
        """Run one stage on the rows ``standing``, verify and score what comes back."""
        began = time.perf_counter()
        request = self.request
        threat = threat_of(request.norm, eps, stage.attack)
        rows = torch.tensor(standing, dtype=torch.int64, device=shard.x.device)
        x, labels, rng = shard.x[rows], shard.labels[rows], shard.rng.rows(rows)
        if number:
            rng = rng.fold("stage", number)
        oracle = ModelOracle.of(
            self.proposer,
            labels,
            path=stage.path or request.path,
            rng=rng.fold("layers"),
            draws=request.eot,
            stochastic=request.subject.stochastic,
            micro_batch=request.micro_batch,
        )
        adv, failures = self._perturbed(stage.attack, oracle, x, threat, rng.fold("attack"))
        scored = self._scored(adv, x, labels, threat, rng.fold("verdict"))
        for i in failures:
            scored["status"][i] = "attack_error"
        for i in oracle.bad_gradient.nonzero()[:, 0].tolist():
            if scored["status"][i] == "ok":
                scored["status"][i] = "nan_gradient"
        unit: Unit = {
            "rows": standing,
            **scored,
            "forwards": oracle.forwards.tolist(),
            "backwards": oracle.backwards.tolist(),
            "zero_gradients": oracle.zero_gradients.tolist(),
            "failure": next(iter(failures.values()), None),
            "seconds": time.perf_counter() - began,
        }
        if self.save_adversarial is not None:
            self.save_adversarial(key, rows, adv)
        return unit

    def _perturbed(
        self, attack: Attack, oracle: ModelOracle, x: Tensor, threat: Threat, rng: KeyedRng
    ) -> tuple[Tensor, dict[int, str]]:
        """Adversarial inputs, and what went wrong with which of them (their clean inputs then stand in).

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
            part, failed = self._perturbed(attack, oracle.subset(rows), x[rows], threat.rows(rows), rng.rows(rows))
            failures |= {start + i: why for i, why in failed.items()}
            halves.append(part)
            start += len(rows)
        return torch.cat(halves), failures

    def _scored(self, adv: Tensor, x: Tensor, labels: Tensor, threat: Threat, rng: KeyedRng) -> Unit:
        """Status, verdict columns. An input outside ball or box is no adversarial example: its row stands, undecided."""
        if not len(x):
            return {column: [] for column in (*TAKEN, "status", "unstable")}
        status = statuses(adv, x, threat)
        usable = torch.tensor([s == "ok" for s in status], device=x.device)
        shown = torch.where(usable.view(-1, *([1] * (x.dim() - 1))), adv, x)
        decisions = self.scorer.decisions(shown, rng)
        robust = selection = (decisions == labels).float().mean(0)
        if self.request.subject.stochastic:  # what is reported must not be what was chosen by
            robust = (self.scorer.decisions(shown, rng.fold("report")) == labels).float().mean(0)
        unstable = torch.zeros_like(usable)
        standing = (robust > 0).nonzero()[:, 0]
        if len(standing) and not self.request.subject.stochastic:
            # In other company, in other batches: a decision that depends on these is no robust one.
            again = self.scorer.decisions(shown[standing], rng.rows(standing), batch=self.request.micro_batch)
            unstable[standing] = (again != decisions[:, standing]).any(0)
        robust[unstable] = 0.0  # of a deterministic model; there, selection is the same tensor
        robust_8bit = robust.clone()
        fallen = (robust < 1).nonzero()[:, 0]
        if len(fallen):
            rounded = eight_bit(shown[fallen], x[fallen])
            decided = self.scorer.decisions(rounded, rng.rows(fallen).fold("8 bit"))
            robust_8bit[fallen] = (decided == labels[fallen]).float().mean(0)
        return {
            "status": status,
            "norm_value": norms(shown, x, threat).tolist(),
            "adv_pred": decisions[0].tolist(),
            "robust": robust.tolist(),
            "selection": selection.tolist(),
            "robust_8bit": robust_8bit.tolist(),
            "unstable": unstable.tolist(),
            "adv_sha256": [hashlib.sha256(row.cpu().numpy().tobytes()).hexdigest()[:16] for row in shown],
        }
