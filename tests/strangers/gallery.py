"""The list of strangers: what each is, which twin it has, and the verdict that it should get under ``standard``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from torch import nn

from strangers import by_hand, converted

Verdict = Literal["reliable", "upper_bound"]


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A network in the manner of others.

    needs: what is to be imported. made: ``module:name`` in this package, or a
    class. kind: of its twin. asks: what its forward has to do for the evaluation, beyond what such code does anyway.
    verdict: the expected one; because: a part of its reason. follows: whether all gradients pass, so that it must keep
    the same share as its twin. exact: whether it can be run in float64.
    short: whether ``make test-all`` evaluates it; the marker ``gallery`` evaluates all.
    """

    name: str
    library: str
    idiom: str
    kind: str
    made: Any
    arguments: tuple[Any, ...] = ()
    needs: str = "torch"
    asks: str = "nothing"
    verdict: Verdict = "reliable"
    because: str = ""
    follows: bool = True
    exact: bool = True
    short: bool = False

    def make(self, folder: Path) -> nn.Module | str:
        """The model, or its name for the suite if it is a file in ``folder``. Raises ``ImportError`` without its library."""
        maker = self.made
        if isinstance(maker, str):
            module, _, attribute = maker.partition(":")
            maker = getattr(import_module(f"strangers.{module}"), attribute)
        if self.library == "NIR":
            return str(maker(folder))
        model: nn.Module = maker(*self.arguments)
        return model.eval().requires_grad_(False)


JELLY: dict[str, Any] = {
    "library": "SpikingJelly",
    "needs": "spikingjelly.activation_based",
    "asks": "`functional.reset_net(self)` first",
}
SNN: dict[str, Any] = {"library": "snnTorch", "needs": "snntorch", "exact": False}
SINABS: dict[str, Any] = {
    "library": "sinabs",
    "needs": "sinabs",
    "exact": False,
    "asks": "`reset_states()` of its neurons first",
}
HAND: dict[str, Any] = {"library": "by hand"}

STRANGERS: tuple[Stranger, ...] = (
    Stranger(
        name="jelly_lif",
        idiom="`LIFNode`, multi-step, arctangent, input decays",
        kind="lif",
        made="in_spikingjelly:lif",
        short=True,
        **JELLY,
    ),
    Stranger(
        name="jelly_steps",
        idiom="`LIFNode`, step by step, reset detached",
        kind="lif",
        made="in_spikingjelly:StepByStep",
        **JELLY,
    ),
    Stranger(
        name="jelly_if",
        idiom="`IFNode`, multi-step, soft reset",
        kind="if",
        made="in_spikingjelly:integrate_and_fire",
        **JELLY,
    ),
    Stranger(
        name="jelly_plif",
        idiom="`ParametricLIFNode`, multi-step",
        kind="plif",
        made="in_spikingjelly:plif",
        **JELLY,
    ),
    Stranger(
        name="jelly_sew",
        idiom="SEW block: spikes added to spikes",
        kind="residual",
        made="in_spikingjelly:SEW",
        **JELLY,
    ),
    Stranger(
        name="snntorch_leaky",
        idiom="`Leaky`, states in local variables, reset to zero",
        kind="lif",
        made="in_snntorch:Leaky",
        **SNN,
    ),
    Stranger(
        name="snntorch_subtract",
        idiom="`Leaky`, threshold subtracted a step later (the default)",
        kind="delayed",
        made="in_snntorch:Leaky",
        arguments=("delayed", "subtract"),
        **SNN,
    ),
    Stranger(
        name="snntorch_synaptic",
        idiom="`Synaptic`, hidden states",
        kind="synaptic",
        made="in_snntorch:Synaptic",
        asks="`utils.reset(self)` first",
        **SNN,
    ),
    Stranger(
        name="norse_box",
        library="Norse",
        idiom="`LIFBoxCell` in a `SequentialState`",
        kind="lif",
        made="in_norse:LIFBox",
        needs="norse.torch",
    ),
    Stranger(name="sinabs_lif", idiom="`LIF`, batch first, exponential decay", kind="lif", made="in_sinabs:lif", **SINABS),
    Stranger(name="sinabs_iaf", idiom="`IAF`, batch first", kind="if", made="in_sinabs:iaf", **SINABS),
    Stranger(
        name="hand_triangle",
        idiom="a module per layer, time inside, triangle",
        kind="lif",
        made=by_hand.TimeInside,
        **HAND,
    ),
    Stranger(
        name="hand_atan",
        idiom="time outermost, `Function.apply` in an attribute, arctangent",
        kind="lif",
        made=by_hand.TimeOutside,
        **HAND,
    ),
    Stranger(
        name="hand_rectangle",
        idiom="`mem_update`, `.float()` casts, rectangle",
        kind="lif",
        made=by_hand.MemUpdate,
        exact=False,
        **HAND,
    ),
    Stranger(
        name="hand_vanishing",
        idiom="the same, with a rectangle so narrow that its gradient vanishes",
        kind="lif",
        made=by_hand.MemUpdate,
        arguments=(1e-4,),
        exact=False,
        short=True,
        **HAND,
    ),
    Stranger(
        name="hand_straight_through",
        idiom="`hard + soft - soft.detach()`, no spike function",
        kind="lif",
        made=by_hand.StraightThrough,
        verdict="upper_bound",
        because="steps were not under the attacker's control",
        follows=False,
        **HAND,
    ),
    Stranger(
        name="qcfs_steps",
        idiom="converted (QCFS), step by step, thresholds in the neurons",
        kind="qcfs",
        made=converted.QCFSNet,
        **HAND,
    ),
    Stranger(
        name="srp",
        idiom="converted (SRP), calibration under `no_grad`",
        kind="srp",
        made=converted.SRPNet,
        verdict="upper_bound",
        because="steps were not under the attacker's control",
        **HAND,
    ),
    Stranger(
        name="srp_no_grad",
        idiom="converted (SRP), all of it under `no_grad`",
        kind="srp",
        made=converted.SRPWithoutGraph,
        verdict="upper_bound",
        because="no gradient reaches the input",
        follows=False,
        **HAND,
    ),
    Stranger(
        name="nir_chain",
        library="NIR",
        idiom="a graph in a file, `--model nir:FILE.nir,reset=hard,steps=4`",
        kind="lif",
        made="in_nir:chain",
        needs="nir",
    ),
)
