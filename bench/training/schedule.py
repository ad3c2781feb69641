"""Learning rate as a pure function of the step, so that resuming needs no scheduler state."""

from __future__ import annotations

import math

from zoo.card import Recipe


def learning_rate(step: int, total: int, *, peak: float, warmup: float) -> float:
    """Linear from ``peak / 10`` over the first ``warmup`` share of the steps, then a half cosine to zero."""
    rising = warmup * total
    if step < rising:
        return peak * (0.1 + 0.9 * step / rising)
    falling = total - rising
    return peak * 0.5 * (1 + math.cos(math.pi * ((step - rising) / falling if falling > 0 else 1.0)))


def rate_of(recipe: Recipe, step: int, per_epoch: int) -> float:
    """Learning rate of a recipe in ``step``, counted from its start, at ``per_epoch`` steps an epoch.

    In the last ``cooldown`` epochs it falls linearly to zero, from where the cosine of ``horizon`` epochs is by then.
    """
    layout = (recipe.horizon or recipe.epochs) * per_epoch
    total, cooling = recipe.epochs * per_epoch, recipe.cooldown * per_epoch
    if step < total - cooling or not cooling:
        return learning_rate(step, layout, peak=recipe.learning_rate, warmup=recipe.warmup)
    left = learning_rate(total - cooling, layout, peak=recipe.learning_rate, warmup=recipe.warmup)
    return left * (total - step) / cooling
