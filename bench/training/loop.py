"""The training loop: seeded, resumable after each epoch, and watchful of divergence."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.errors import BenchError
from bench.training.augment import crop_flip
from bench.training.checkpoint import Checkpoint, Epoch
from bench.training.schedule import learning_rate
from zoo.card import Recipe
from zoo.defenses.base import Defense


@dataclass(frozen=True)
class Split:
    """images: uint8 ``(N, C, H, W)``; labels: int64 ``(N,)``."""

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Split:
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Progress:
    """What a live line shows, after each step."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    seconds_left: float


def precision(device: torch.device) -> AbstractContextManager[object]:
    """bf16 convolutions on GPUs; float32 on CPUs, where bf16 without matrix units is 10 times slower.

    Membrane potentials, BatchNorm and losses stay in float32 either way.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def accuracy(model: nn.Module, data: Split, *, batch: int = 500) -> float:
    """Share of correct decisions in eval mode, in [0, 1]."""
    was_training = model.training
    model.eval()
    rng = KeyedRng.of(0, torch.arange(len(data.labels), device=data.labels.device)).fold("accuracy")
    hits = []
    with torch.inference_mode():
        for rows in torch.arange(len(data.labels), device=data.labels.device).split(batch):
            with drawing(rng.rows(rows)):
                hits.append((model(data.images[rows].float().div(255)).argmax(1) == data.labels[rows]).sum())
    model.train(was_training)
    return float(torch.stack(hits).sum()) / len(data.labels)


def _optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def train(
    model: nn.Module,
    defense: Defense,
    recipe: Recipe,
    train_data: Split,
    val_data: Split,
    *,
    checkpoint: Path,
    digest: str,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train ``model`` in place and return the log, one entry per epoch.

    The last epoch is kept: nothing is selected, and test images play no part.
    checkpoint: file that is replaced after each epoch; if it exists, training goes on from it.
    digest: identifies card and data, so that a checkpoint of another recipe is refused.
    Raises :class:`BenchError` if the loss stops being finite, or the checkpoint does not belong to this recipe.
    """
    device = train_data.images.device
    optimiser = _optimiser(model, recipe)
    named = dict(model.named_parameters())
    log: list[Epoch] = []
    if checkpoint.exists():
        state = Checkpoint.read(checkpoint)
        if state.recipe != digest:
            raise BenchError(
                f"The checkpoint {checkpoint} belongs to another recipe.", "Delete it, or restore the card it was made from."
            )
        model.load_state_dict(state.model)
        for name, buffer in state.momentum.items():
            optimiser.state[named[name]]["momentum_buffer"] = buffer.to(named[name])
        log = state.log
    steps = len(train_data.labels) // recipe.batch_size
    if not steps:
        raise BenchError(
            f"There are {len(train_data.labels)} training images, fewer than one batch of {recipe.batch_size}.",
            "Lower batch_size in the recipe.",
        )
    for epoch in range(len(log), recipe.epochs):
        log.append(_one_epoch(model, defense, recipe, train_data, val_data, optimiser, epoch, steps, device, on_step))
        momentum = {
            name: optimiser.state[parameter]["momentum_buffer"]
            for name, parameter in named.items()
            if "momentum_buffer" in optimiser.state[parameter]
        }
        Checkpoint(model.state_dict(), momentum, log, digest).write(checkpoint)
        on_epoch(log[-1])
    return log


def _one_epoch(
    model: nn.Module,
    defense: Defense,
    recipe: Recipe,
    train_data: Split,
    val_data: Split,
    optimiser: torch.optim.SGD,
    epoch: int,
    steps: int,
    device: torch.device,
    on_step: Callable[[Progress], None],
) -> Epoch:
    generator = torch.Generator(device).manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(len(train_data.labels), generator=generator, device=device)
    loss_sum, hits = torch.zeros((), device=device), torch.zeros((), device=device)
    began, rate = time.perf_counter(), 0.0
    model.train()
    for step in range(steps):
        chosen = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        images, labels = train_data.images[chosen], train_data.labels[chosen]
        if recipe.augment == "crop_flip":
            images = crop_flip(images, generator)
        rate = learning_rate(epoch * steps + step, recipe.epochs * steps, peak=recipe.learning_rate, warmup=recipe.warmup)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with precision(device), drawing(KeyedRng.of(recipe.seed, chosen).fold("training", epoch)):
            loss, logits = defense.loss(model, images.float().div_(255), labels, generator=generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        defense.after_step(model)
        loss_sum += loss.detach()
        hits += (logits.detach().argmax(1) == labels).sum()
        if step % 20 == 19 or step == steps - 1:
            mean = float(loss_sum) / (step + 1)
            if not math.isfinite(mean):
                raise BenchError(
                    f"Training diverged: the loss is not finite in epoch {epoch + 1}, step {step + 1}.",
                    "Lower the learning rate in the recipe; the last finished epoch is kept in the checkpoint.",
                )
            spent = time.perf_counter() - began
            left = spent / (step + 1) * (steps - step - 1 + steps * (recipe.epochs - epoch - 1))
            seen = (step + 1) * recipe.batch_size
            on_step(Progress(epoch + 1, recipe.epochs, step + 1, steps, mean, float(hits) / seen, left))
    return Epoch(
        epoch=epoch + 1,
        loss=float(loss_sum) / steps,
        train_accuracy=float(hits) / (steps * recipe.batch_size),
        val_accuracy=accuracy(model, val_data),
        learning_rate=rate,
        seconds=time.perf_counter() - began,
    )
