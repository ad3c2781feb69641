"""``spikingjelly:NAME,neuron=LIFNode[,T=4,surrogate=ATan,key=value,...]``: a network of SpikingJelly's own collection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.foundation.errors import SpecError, UnknownNameError
from bench.foundation.model_refs import LibraryRef
from bench.foundation.spec import bind_params
from bench.models.checkpoint import load_checkpoint
from bench.models.libraries import building, unimportable
from bench.models.own import Origin, own_subject
from bench.models.preparation import Preparation
from bench.models.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What this suite reads of the options; the others are the builder's.

    T: time steps at which an image is shown; event frames bring their own. neuron, surrogate: names of SpikingJelly.
    """

    T: int = 4
    neuron: str | None = None
    surrogate: str | None = None


def from_spikingjelly(text: str, ref: LibraryRef, stochastic: bool, prepare: Preparation) -> Subject:
    """The network, in multi-step mode, its outputs averaged over time.

    Raises a ``BenchError`` if SpikingJelly is absent or broken, for unknown names and options, and without weights that fit.
    """
    from zoo.adapters import spikingjelly_networks as networks

    own = {key: value for key, value in ref.options.items() if key in ("T", "neuron", "surrogate")}
    choice = bind_params(Choice, own, what="SpikingJelly network")
    if choice.T < 1:
        raise SpecError(f"T={choice.T} is no number of time steps.", "Give at least T=1.")
    if "pretrained" in ref.options:
        raise SpecError(f"{text} would download weights of a network without spikes.", "Give --weights FILE instead.")
    try:
        known = [
            ("network of SpikingJelly:", ref.name, list(networks.builders())),
            ("neuron of SpikingJelly:", choice.neuron, list(networks.neurons())),
            ("surrogate of SpikingJelly:", choice.surrogate, list(networks.surrogates())),
        ]
    except Exception as error:  # whatever a version that does not fit raises
        raise unimportable(text, "SpikingJelly", error, networks.INSTALL) from error
    for kind, name, names in known:
        if name is not None and name not in names:
            raise UnknownNameError.of(kind, name, names)
    for option, example in networks.required(ref.name).items():
        if option not in ref.options:
            raise SpecError(
                f"{ref.name} has no {option} of its own.", f"Add the one it was trained with: {option}={example}."
            )
    prepare.require_weights(text)
    rest = {key: value for key, value in ref.options.items() if key not in own}
    with building(text):
        network = networks.build(ref.name, choice.neuron, choice.surrogate, rest)
    remarks = load_checkpoint(network, Path(str(prepare.weights)), partial=prepare.partial)
    shown = f"An image is shown at each of {choice.T} time steps; logits are the mean of the outputs over time."
    origin = Origin(text, {"spikingjelly": ref.name, "options": ref.options, "version": _version()}, (shown, *remarks))
    return own_subject(
        networks.OverTime(network, choice.T), origin, stochastic, replace(prepare, weights=None, partial=False)
    )


def _version() -> str:
    try:
        return version("spikingjelly")
    except PackageNotFoundError:
        return "unknown"
