"""Options for networks of the user's own, which ``evaluate``, ``doctor`` and ``certify`` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bench.cli.workers import COUNT, DEVICE

if TYPE_CHECKING:
    from bench.models.preparation import Preparation

SEED = click.option("--seed", type=int, default=0, show_default=True, help="Of every random draw.")
NEURONS = click.option(
    "--neurons",
    type=click.Choice(["auto", "spikingjelly", "snntorch", "norse", "sinabs"]),
    default="auto",
    show_default=True,
    help="Refuse a network in which no neuron of this library fires. Spike functions are found by running it either way.",
)
NAMES = ("weights", "partial", "preprocess", "mean", "std", "readout")

_OPTIONS = (
    click.option("--weights", help="FILE.py models: checkpoint to load (.pth, .pt, .safetensors); no code in it is run."),
    click.option("--partial", is_flag=True, help="Take the tensors of --weights that fit."),
    click.option(
        "--preprocess", help="Own models: how they want images: normalised as for cifar10 or imagenet, 255, or none."
    ),
    click.option("--mean", help="Own models: taken off images in [0, 1]: 0.5, or one per channel: 0.49,0.48,0.45."),
    click.option("--std", help="Own models: what they are then divided by."),
    click.option("--readout", help="Own models with outputs over time: mean, sum, last or max-membrane [default: mean]."),
    click.option("--batch", type=click.IntRange(1), help="Images of a scoring call [default: 50, fewer if memory ends]."),
)


def preparing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def examining(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of commands that look at one model on its data: :func:`preparing` among them."""
    sampled = (
        click.option("--data", help="Data set [default: the model's own]."),
        SEED,
        click.option("--stochastic", is_flag=True, help="FILE.py models only: two calls may differ."),
    )
    placed = (
        DEVICE,
        click.option("--threads", type=COUNT, help="CPU threads."),
    )
    for option in reversed((*sampled, preparing, *placed)):
        command = option(command)
    return command


def preparation(options: dict[str, Any]) -> Preparation:
    """What was asked for, taken out of a command's options. Raises ``SpecError`` where it does not fit together."""
    from bench.models.preparation import Preparation

    return Preparation(**{name: options.pop(name) for name in NAMES})
