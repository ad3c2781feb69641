"""Short names of searches and gradient paths that a reader may not know, with what they stand for and the paper."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A short name, its full name with a few words, and the reference."""

    name: str
    meaning: str
    source: str

    @property
    def anchor(self) -> str:
        """Where the page of a protocol explains it."""
        return "term-" + self.name.lower()


RELIABLE = "Towards Reliable Evaluation of Adversarial Robustness for Spiking Neural Networks, 2025, arXiv 2512.22522"

TERMS = [
    Term(
        "PGD",
        "projected gradient descent",
        "Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018, arXiv 1706.06083",
    ),
    Term(
        "APGD",
        "PGD that adapts its own step size (Auto-PGD); -CE, -DLR and -T name its losses, T one with a target class",
        "Croce and Hein, Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks, "
        "ICML 2020, arXiv 2003.01690",
    ),
    Term(
        "SA-PGD",
        "stable adaptive PGD: step sizes per pixel from moments of the gradient",
        RELIABLE,
    ),
    Term(
        "Square",
        "random search with squares, which asks for scores and takes no gradient",
        "Andriushchenko et al., Square Attack, ECCV 2020, arXiv 1912.00049",
    ),
    Term(
        "BPTT",
        "backpropagation through time, a surrogate in the place of the spike's slope",
        "Neftci et al., IEEE Signal Processing Magazine 2019",
    ),
    Term(
        "ASSG",
        "adaptive sharpness surrogate gradient: a sharpness per neuron and step, learnt during the attack",
        RELIABLE,
    ),
    Term(
        "HART",
        "hybrid adversarial attack based on rate and temporal information: cuts the path through time, averages over steps",
        "Hao et al., Threaten Spiking Neural Networks through Combining Rate and Temporal Information, ICLR 2024",
    ),
    Term(
        "BPTR",
        "backward pass through rate: a layer counts as a rectifier of its firing rate",
        "Ding et al., SNN-RAT: Robustness-enhanced Spiking Neural Network through Regularized Adversarial Training, "
        "NeurIPS 2022",
    ),
    Term(
        "RGA",
        "rate gradient approximation: the derivative of the firing rate with respect to the mean input current",
        "Bu et al., Rate Gradient Approximation Attack Threats Deep Spiking Neural Networks, CVPR 2023",
    ),
    Term(
        "PDSG",
        "potential-dependent surrogate gradient: a Gaussian as wide as the potentials spread",
        "Towards Effective and Sparse Adversarial Attack on Spiking Neural Networks via Breaking Invisible Surrogate "
        "Gradients, CVPR 2025, arXiv 2503.03272",
    ),
]


def terms_in(texts: Iterable[str]) -> list[Term]:
    """The terms that occur in any of the texts as a word of its own, in any case; ``APGD`` holds no ``PGD``."""
    joined = " ".join(texts).lower()
    return [term for term in TERMS if re.search(rf"(?<![a-z]){_written(term.name)}(?![a-z])", joined)]


def _written(name: str) -> str:
    """A pattern for the name with or without its hyphen; ``PGD`` is no part of ``SA-PGD``."""
    before = r"(?<!sa-)" if name == "PGD" else ""
    return before + re.escape(name.lower()).replace(r"\-", "-?")
