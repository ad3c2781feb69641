"""Whose neurons fire in a network, and a check of what its user says about them.

Spike functions are found by running the network, whoever wrote it. Who knows whose neurons they must be can say so: then a
network whose neurons were replaced or never reached, or a file that holds another one, is refused instead of measured.
"""

from __future__ import annotations

from collections import Counter

from attacks.gradients.base import has_gradient_path
from bench.foundation.errors import SpecError
from bench.models.subject import Subject

AUTO = "auto"
LIBRARIES = ("spikingjelly", "snntorch", "norse", "sinabs")
"""Packages whose neurons are told apart, as they are imported."""
BY_HAND, OURS = "a definition of its own", "this suite"


def owners(subject: Subject) -> Counter[str]:
    """Number of spiking layers by whose they are: one of :data:`LIBRARIES`, :data:`OURS` or :data:`BY_HAND`."""
    modules = dict(subject.module.named_modules())
    counted = Counter({OURS: sum(has_gradient_path(module) for module in modules.values())})
    for function in subject.sites.functions if subject.sites is not None else ():
        for layer in function.layers:
            parts = layer.split(".")
            above = (modules.get(".".join(parts[:length])) for length in range(len(parts), 0, -1))
            packages = {kind.__module__.partition(".")[0] for module in above for kind in type(module).__mro__}
            counted[next((name for name in LIBRARIES if name in packages), BY_HAND)] += 1
    return +counted


def check_neurons(subject: Subject, library: str) -> None:
    """Raise ``SpecError`` unless neurons of ``library`` fire in the network; :data:`AUTO` asks for nothing."""
    if library == AUTO:
        return
    if library not in LIBRARIES:
        raise SpecError(f"{library!r} is no library of neurons.", f"Give {AUTO}, {', '.join(LIBRARIES)}.")
    counted = owners(subject)
    if not counted[library]:
        others = " and ".join(f"{number} of {name}" for name, number in counted.most_common())
        seen = f"its spiking layers are {others}" if others else "no spike function was found in it"
        raise SpecError(
            f"No neuron of {library} fires in {subject.ref}: {seen}.",
            "Leave --neurons out, or hand over the network that is meant.",
        )
