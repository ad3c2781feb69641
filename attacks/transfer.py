"""Transfer: inputs crafted on another model. The model under attack is never asked.

A model that holds along every gradient path of its own and falls to inputs made on another network has hidden its
gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

from torch import Tensor, nn

from attacks.base import Access, Attack
from attacks.fitting import Traits
from attacks.gradients.base import GradientPath, Training
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites, takes_path
from attacks.mifgsm import MIFGSM
from attacks.model_oracle import ModelOracle
from attacks.oracle import Oracle
from attacks.randomness import KeyedRng
from attacks.resources import Parameters, Resources
from attacks.score_objectives import Scoring
from attacks.threats.threat import Threat


@dataclass(frozen=True, kw_only=True)
class TransferParameters:
    """What a spec may say.

    source: a model of the zoo (with or without ``zoo:``), ``FILE.py::FACTORY`` or a card. attack: spec of what crafts, with
    at most one parameter (a comma would end it): ``attack=apgd:steps=20``. path: spec of the source's gradient path.
    proxy: attack through the source's weights without its spikes; with the model itself as its source, this is the
    conversion-based attack.
    """

    source: str = ""
    attack: str = "mifgsm"
    path: str = "training"
    proxy: Literal["none", "relu", "clip"] = "none"


@dataclass(frozen=True, kw_only=True)
class Transfer(Attack):
    """Inputs that another attack crafts on another model.

    model: the source, in eval mode, for inputs and classes like those of the model under attack. attack: what crafts.
    path: how the spikes of the source are differentiated. In a spec: ``transfer:source=NAME,attack=mifgsm``.
    sites: the spike functions of a source that is a network of others; :meth:`knowing` finds them.

    The attack does not stop at a sample when the source is fooled, because an input that only just fools the source seldom
    fools another model. Passes through the source are booked to the sample as its cost. On a score that is one forward more,
    because the source's score is moved away from the source's own score of the clean input.
    Raises ``ValueError`` for a source in training mode.
    """

    access: ClassVar[Access] = "none"

    model: nn.Module = field(repr=False)
    attack: Attack = field(default_factory=MIFGSM)
    path: GradientPath = field(default_factory=Training)
    sites: SpikeSites | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.model.training:
            raise ValueError("the model to transfer from is in training mode; call its eval() first")

    @classmethod
    def from_spec(cls, params: Mapping[str, str], resources: Resources[Attack]) -> tuple[Self, Parameters]:
        """The attack of :class:`TransferParameters`, its source opened; other weights of the source are another request.

        Raises ``ValueError`` without a source.
        """
        given = resources.bind(TransferParameters, params)
        if not given.source:
            raise ValueError("it needs a source, as in transfer:source=NAME")
        source = resources.model(given.source, proxy=None if given.proxy == "none" else given.proxy)
        attack = cls(model=source.module, attack=resources.attack(given.attack), path=resources.path(given.path))
        parameters = Parameters.of(given, params)
        if given.proxy == "none":  # records from before there were proxies keep their identity
            parameters.passed.pop("proxy", None)
            parameters.defaulted.pop("proxy", None)
        return attack, attack._with_what_it_holds(parameters, source.fingerprint, resources)

    def recorded(self, resources: Resources[Attack]) -> Parameters:
        """As in the base; the source, a module of the user's own, is known by hashes."""
        source, fingerprint = type(self.model).__name__, resources.fingerprint(self.model)
        passed = {"source": source, "attack": repr(self.attack), "path": repr(self.path)}
        spec = f"transfer:source={source}-{fingerprint['parameters_sha256'][:8]},attack={self.attack!r}"
        return self._with_what_it_holds(Parameters(passed, {}, spec), fingerprint, resources)

    def _with_what_it_holds(
        self, parameters: Parameters, fingerprint: dict[str, Any], resources: Resources[Attack]
    ) -> Parameters:
        inner = self.attack.recorded(resources)
        looked_up = {
            "source_fingerprint": fingerprint,
            "attack_parameters": {"name": resources.name_of(self.attack), **inner.defaulted, **inner.passed},
            "path_parameters": {"type": type(self.path).__name__, **asdict(self.path)},
        }
        return replace(parameters, defaulted=parameters.defaulted | looked_up)

    def knowing(self, probe: Tensor) -> Self:
        """With the spike functions of the source, if it has some outside of layers that take a gradient path.

        A source that fails on ``probe`` ``(n, ...)`` stays as it is: it fails on the samples as well, which is on record.
        One that answers with other bits while it is listened to keeps its own gradient.
        Raises ``ValueError`` for a path that would change nothing of how the source is differentiated.
        """
        known = replace(self, attack=self.attack.knowing(probe))
        try:
            sites = spiking_sites(self.model.to(probe.device), probe)
        except Exception:  # whatever the forward of a network of others raises
            sites = SpikeSites()
        if not takes_path(self.model, self.path, sites):
            raise ValueError(f"the source of the transfer takes no gradient path such as {self.path!r}")
        return replace(known, sites=sites) if sites.functions else known

    @property
    def parts(self) -> tuple[Attack, ...]:
        """The attack on the source."""
        return (self.attack,)

    def misfit_of_threat(self, threat: Threat) -> str | None:
        """What the attack on the source says."""
        return self.attack.misfit_of_threat(threat)

    def misfit_of_shape(self, shape: Sequence[int]) -> str | None:
        """What the attack on the source says."""
        return self.attack.misfit_of_shape(shape)

    def misfit_of_model(self, traits: Traits) -> str | None:
        """What the attack on the source says. It is the source that must give gradients, and a module does."""
        return self.attack.misfit_of_model(replace(traits, differentiable=True))

    def cost(self) -> tuple[int, int]:
        """That of the attack on the source."""
        return self.attack.cost()

    def perturb(self, oracle: Oracle, x: Tensor, threat: Threat, *, rng: KeyedRng) -> Tensor:
        """What the attack makes of ``x`` ``(n, ...)`` on the source; its passes are charged to the oracle. See the base."""
        self.require_fit(oracle, x, threat)
        source = ModelOracle.of(
            self.model.to(x.device),
            oracle.labels,
            path=self.path,
            objective=oracle.objective,
            rng=rng.fold("source's layers"),
            stochastic=True,
            sites=self.sites,
        )
        if isinstance(oracle.objective, Scoring):
            source = source.referring_to(x)
        adv = self.attack.perturb(source, x, threat, rng=rng.fold("source"))
        oracle.charge(source)
        return adv
