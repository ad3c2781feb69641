"""The optimiser of a recipe, and its state as named tensors for a checkpoint."""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from zoo.card import Recipe

_MOMENTUM = "momentum_buffer"


def optimiser_of(model: nn.Module, recipe: Recipe) -> Optimizer:
    """SGD with Nesterov momentum, or AdamW; parameters with fewer than two dimensions decay only if the recipe says so."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    of_others = recipe.weight_decay if recipe.decayed == "all" else 0.0
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": of_others}]
    if recipe.optimiser == "adamw":
        return AdamW(groups, lr=recipe.learning_rate, betas=(recipe.momentum, 0.999))
    return SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def state_of(optimiser: Optimizer, named: dict[str, nn.Parameter]) -> dict[str, Tensor]:
    """Tensors of the optimiser, shaped as their parameters, by ``NAME`` (momentum of SGD) or ``NAME:FIELD``."""
    return {
        name if field == _MOMENTUM else f"{name}:{field}": value
        for name, parameter in named.items()
        for field, value in optimiser.state[parameter].items()
        if isinstance(value, Tensor)
    }


def restore(optimiser: Optimizer, named: dict[str, nn.Parameter], state: dict[str, Tensor]) -> None:
    """Put the tensors that :func:`state_of` returned (same names and shapes) back into ``optimiser``."""
    for key, value in state.items():
        name, _, field = key.partition(":")
        # AdamW keeps its step count on the CPU, whatever the device of the parameter.
        optimiser.state[named[name]][field or _MOMENTUM] = value if field == "step" else value.to(named[name])
