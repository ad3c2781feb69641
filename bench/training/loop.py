"""The training loop: seeded, resumable after each epoch, and stopped when the loss diverges."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from attacks.randomness import KeyedRng, drawing
from bench.foundation.errors import BenchError
from bench.models.outputs import as_inputs, outputs
from bench.tasks.classification.training import TRAINING as CLASSIFICATION
from bench.tasks.training import TrainingRules
from bench.training.augment import AUGMENTATIONS
from bench.training.checkpoint import Checkpoint, Epoch
from bench.training.optimiser import optimiser_of, restore, state_of
from bench.training.schedule import rate_of
from zoo.card import Recipe
from zoo.defenses.base import Defense


@dataclass(frozen=True)
class Split:
    """Images and labels of a split.

    images: uint8 ``(N, C, H, W)``, or binary event frames ``(N, T, C, H, W)``, bool. labels: ``(N,)``, int64 classes or
    float32 scores.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Split:
        """The split on a device."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class Progress:
    """Progress after a step, for a live line. figure: running figure of the task (accuracy or rank correlation)."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    figure: float
    seconds_left: float


def precision(device: torch.device, wanted: Literal["float32", "bfloat16"] | None = None) -> AbstractContextManager[object]:
    """What the recipe wants; without a wish, bf16 on GPUs and float32 on CPUs, where bf16 without matrix units is slow.

    Weights, statistics of BatchNorm and losses stay in float32 either way.
    """
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if wanted == "bfloat16" or (wanted is None and fast):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def figure(model: nn.Module, data: Split, *, task: TrainingRules = CLASSIFICATION, batch: int = 500) -> float:
    """The figure of the task in eval mode: accuracy in [0, 1], or rank correlation."""
    return task.score(outputs(model, data.images, batch=batch), data.labels)


def train(
    model: nn.Module,
    defense: Defense,
    recipe: Recipe,
    train_data: Split,
    val_data: Split,
    *,
    checkpoint: Path,
    digest: str,
    task: TrainingRules = CLASSIFICATION,
    compiled: bool = False,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train ``model`` in place and return the log, one entry per epoch.

    The result is the last epoch: no epoch is selected, and test images are not used.
    checkpoint: file that is replaced after each epoch; if it exists, training continues from it.
    digest: hash of card and data, by which a checkpoint of another recipe is refused.
    task: figure by which progress is measured; it does not change the training.
    compiled: fuse the operations of forward and backward by ``torch.compile``, which needs a C++ compiler and a minute;
        the arithmetic is the same up to rounding, and a checkpoint may be continued with or without.
    Raises :class:`BenchError` if the loss is no longer finite, the checkpoint belongs to another recipe, or there are
    fewer images than one batch.
    """
    optimiser = optimiser_of(model, recipe)
    named = dict(model.named_parameters())
    log: list[Epoch] = []
    if checkpoint.exists():
        state = Checkpoint.read(checkpoint)
        if state.recipe != digest:
            raise BenchError(
                f"The checkpoint {checkpoint} belongs to another recipe.", "Delete it, or restore the card it was made from."
            )
        model.load_state_dict(state.model)
        restore(optimiser, named, state.momentum)
        log = state.log
    else:
        defense.before_training(model, train_data.images)
    steps = len(train_data.labels) // recipe.batch_size
    if not steps:
        raise BenchError(
            f"There are {len(train_data.labels)} training images, fewer than one batch of {recipe.batch_size}.",
            "Lower batch_size in the recipe.",
        )
    if compiled:
        model.compile(dynamic=False)
    for epoch in range(len(log), recipe.epochs):
        log.append(_train_epoch(model, defense, recipe, train_data, val_data, optimiser, epoch, steps, task, on_step))
        if epoch + 1 < recipe.epochs:
            defense.after_epoch(model, val_data.images)
        Checkpoint(model.state_dict(), state_of(optimiser, named), log, digest).write(checkpoint)
        on_epoch(log[-1])
    return log


def _train_epoch(
    model: nn.Module,
    defense: Defense,
    recipe: Recipe,
    train_data: Split,
    val_data: Split,
    optimiser: torch.optim.Optimizer,
    epoch: int,
    steps: int,
    task: TrainingRules,
    on_step: Callable[[Progress], None],
) -> Epoch:
    device = train_data.images.device
    generator = torch.Generator(device).manual_seed(recipe.seed * 100_003 + epoch)
    order = torch.randperm(len(train_data.labels), generator=generator, device=device)
    loss_sum, credits = torch.zeros((), device=device), torch.zeros((), device=device)
    started, rate = time.perf_counter(), 0.0
    model.train()
    for step in range(steps):
        batch = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        images, labels = train_data.images[batch], train_data.labels[batch]
        images = AUGMENTATIONS[recipe.augment](images, generator)
        rate = rate_of(recipe, epoch * steps + step, steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with precision(device, recipe.precision), drawing(KeyedRng.of(recipe.seed, batch).fold("training", epoch)):
            present = defense.at((epoch * steps + step) / (recipe.epochs * steps))
            loss, outputs_of_batch = present.loss(model, as_inputs(images), labels, generator=generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        defense.after_step(model)
        loss_sum += loss.detach()
        credits += task.credit(outputs_of_batch.detach(), labels)
        if step % 20 == 19 or step == steps - 1:
            mean = float(loss_sum) / (step + 1)
            if not math.isfinite(mean):
                raise BenchError(
                    f"Training diverged: the loss is not finite in epoch {epoch + 1}, step {step + 1}.",
                    "Lower the learning rate in the recipe; the last finished epoch is kept in the checkpoint.",
                )
            elapsed = time.perf_counter() - started
            seconds_left = elapsed / (step + 1) * (steps - step - 1 + steps * (recipe.epochs - epoch - 1))
            images_seen = (step + 1) * recipe.batch_size
            on_step(Progress(epoch + 1, recipe.epochs, step + 1, steps, mean, float(credits) / images_seen, seconds_left))
    return Epoch(
        epoch=epoch + 1,
        loss=float(loss_sum) / steps,
        train_figure=float(credits) / (steps * recipe.batch_size),
        val_figure=figure(model, val_data, task=task),
        learning_rate=rate,
        seconds=time.perf_counter() - started,
    )
