"""What tells models apart before any number: title, network, time steps and the family of the defense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.card import Card, card, names

if TYPE_CHECKING:
    from bench.boards.card import EntryCard
    from bench.tasks.record import ModelInfo

FAMILIES = {
    "adversarial_training": "adversarial training",
    "event_adversarial_training": "adversarial training",
    "regularised_adversarial_training": "adversarial training",
    "score_adversarial_training": "adversarial training",
    "trades": "adversarial training",
    "gradient_sparsity": "gradient regularisation",
    "norm_regularisation": "gradient regularisation",
    "gaussian_noise": "noise training",
    "membrane_stability": "membrane stability",
    "robust_conversion": "conversion",
    "residual_noise": "conversion",
    "gate_prior": "stochastic gates",
    "none": "none",
    "regression": "none",
    "norm_in_norm": "none",
    "": "none",
}
"""Name of a defense to its family; any other name is a family of its own."""
NETWORKS = {
    "compact": "compact",
    "through_pictures": "compact behind a camera",
    "through_spikes": "on spike planes",
    "score_through_pictures": "quality model behind a camera",
    "reconstructor": "camera alone",
    "event_network": "for event frames",
    "event_frames": "on all event frames at once",
    "wrn16": "WRN-16",
    "dbcnn": "DBCNN",
    "hyperiqa": "HyperIQA",
    "linearity": "LinearityIQA",
    "maniqa": "MANIQA",
    "vgg": "VGG",
}
"""Name of a builder to that of its network."""


@dataclass(frozen=True)
class Facts:
    """spiking: whether the network has spikes, not only the pixels of a camera before it. steps: time steps of a spiking
    network, None if they are not known. An empty text says that nothing is known.
    """

    title: str = ""
    network: str = ""
    steps: int | None = None
    family: str = ""
    spiking: bool = False


def facts(entry: EntryCard, model: ModelInfo) -> Facts:
    """The facts of an entry, from the card of a model of the zoo and from what its record says it is built of."""
    described = card(entry.name) if entry.kind == "zoo" and entry.name in names() else None
    builder = model.fingerprint.get("builder")
    if not (isinstance(builder, dict) and isinstance(builder.get("name"), str)):
        title = described.title if described else ""
        return Facts(title=title, family=_family(entry, described), spiking=model.spiking)
    arguments = builder.get("arguments")
    arguments = arguments if isinstance(arguments, dict) else {}
    spiking = model.spiking and not _only_pixels_spike(builder["name"], arguments)
    return Facts(
        title=described.title if described else "",
        network=_network(builder["name"], arguments),
        steps=_steps(builder["name"], arguments) if spiking else None,
        family=_family(entry, described, arguments),
        spiking=spiking,
    )


def _only_pixels_spike(builder: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the spikes are those of a camera alone, which a network without spikes, or nobody, looks at."""
    inner = arguments.get("network")
    reads_pictures = builder == "through_pictures" and isinstance(inner, dict) and inner.get("neuron", inner) is None
    return reads_pictures or builder in ("score_through_pictures", "reconstructor")


def _network(builder: str, arguments: Mapping[str, Any]) -> str:
    inner = arguments.get("plan") or arguments.get("network")
    if not isinstance(inner, str):
        inner = "compact" if builder.partition("_")[0] in ("ann", "snn") else builder
    for start, written in (("vgg", "VGG-"), ("resnet", "ResNet-")):
        if inner.removeprefix(start).isdigit():
            return written + inner.removeprefix(start)
    return NETWORKS.get(inner, inner.replace("_", " "))


def _steps(builder: str, arguments: Mapping[str, Any]) -> int | None:
    """Time steps of a network; those of one on spike planes are the ticks of its camera."""
    if builder == "through_spikes":
        return _integer(arguments.get("camera"), "ticks")
    if builder == "through_pictures":
        return _integer(arguments.get("network"), "steps")
    if builder in ("snn_srp", "snn_cos"):  # steps of calibration come first
        steps, first = _integer(arguments, "steps"), _integer(arguments, "tau") or _integer(arguments, "rho")
        return steps and steps + (first or 0)
    return _integer(arguments, "steps")


def _integer(arguments: Any, name: str) -> int | None:
    value = arguments.get(name) if isinstance(arguments, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _family(entry: EntryCard, described: Card | None, arguments: Mapping[str, Any] | None = None) -> str:
    family = FAMILIES.get(entry.defense, entry.defense.replace("_", " "))
    if family != "none":
        return family
    if described is not None and described.conversion is not None:
        return "conversion" if described.conversion.source.startswith("ann_") else "input filter"
    if (arguments or {}).get("encoder", "direct") != "direct":
        return "input code"
    return family
