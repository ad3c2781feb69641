"""What cannot be controlled is told, with its line; what is no step is left in peace; nothing is left behind."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.strangers import MANNERS, Recipe, ScaledArctan, Triangle, stranger
from torch import Tensor, nn

from attacks.gradients.base import Training
from attacks.gradients.bptt import BPTT
from attacks.gradients.rate import BPTR
from attacks.gradients.spikes.calling import functions_of_strangers
from attacks.gradients.spikes.recognition import spiking_sites
from attacks.gradients.spikes.sites import SpikeSites, is_spiking
from attacks.model_oracle import ModelOracle
from zoo.spiking.neurons import LIF

WEIGHT = torch.randn(20, 32, generator=torch.Generator().manual_seed(0)) / 3
READ = torch.randn(5, 20, generator=torch.Generator().manual_seed(1))


class Wrapped(nn.Module):
    """A linear layer, something that makes spikes or not, and a read-out: ``(n, 2, 4, 4)`` to ``(n, 5)``."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(self.act(F.linear(2 * x.flatten(1) - 0.7, WEIGHT)), READ)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(6, 2, 4, 4, generator=torch.Generator().manual_seed(1))


def line_of(function: Callable[..., Any], text: str) -> str:
    """``file:line`` of the line of ``function`` that holds ``text``."""
    lines, first = inspect.getsourcelines(function)
    return f"test_recognition.py:{first + next(i for i, line in enumerate(lines) if i and text in line)}"


def straight_through(u: Tensor) -> Tensor:
    soft = torch.sigmoid(4 * u)
    hard = (u > 0).float()
    return hard.detach() + soft - soft.detach()


def by_where(u: Tensor) -> Tensor:
    return torch.where(u >= 0.5, 1.0, 0.0)


def by_product(u: Tensor) -> Tensor:
    return (u >= 0.5) * 1.0


def written_into(u: Tensor) -> Tensor:
    out = torch.empty_like(u)
    with torch.no_grad():
        torch.ge(u, 0.5, out=out)
    return out + 0 * u


def by_heaviside(u: Tensor) -> Tensor:
    return torch.heaviside(u.detach(), torch.ones(())) + 0.1 * u


def by_sign(u: Tensor) -> Tensor:
    return torch.sign(u) + 0.1 * u


def rounded(u: Tensor) -> Tensor:
    return u + (torch.round(3 * u) / 3 - u).detach()


def floored(u: Tensor) -> Tensor:
    return u + (torch.floor(3 * u) / 3 - u).detach()


def whole(u: Tensor) -> Tensor:
    numbers = (3 * u).int()
    return u + (numbers.float() / 3 - u).detach()


def divided(u: Tensor) -> Tensor:
    return u + (torch.div(u, 0.3, rounding_mode="floor") * 0.3 - u).detach()


def drawn(u: Tensor) -> Tensor:
    return torch.bernoulli(torch.sigmoid(u)) + 0 * u


def quantised(u: Tensor) -> Tensor:
    return torch.fake_quantize_per_tensor_affine(u, 0.2, 0, -8, 7)


PLAIN = {
    whole: ("a cast to whole numbers", "numbers.float"),
    divided: ("floor_divide", "torch.div"),
    drawn: ("bernoulli", "bernoulli"),
    quantised: ("fake_quantize_per_tensor_affine", "fake_quantize"),
    straight_through: ("a comparison (gt)", "(u > 0)"),
    by_where: ("a comparison (ge)", "torch.where"),
    by_product: ("a comparison (ge)", "* 1.0"),
    written_into: ("a comparison (ge)", "torch.ge"),
    by_heaviside: ("heaviside", "heaviside(u"),
    by_sign: ("sign", "torch.sign"),
    rounded: ("round", "torch.round"),
    floored: ("floor", "torch.floor"),
}


@pytest.mark.parametrize("act", PLAIN, ids=lambda act: act.__name__)
def test_a_step_without_a_function_is_told_with_its_line(act: Callable[[Tensor], Tensor], images: Tensor) -> None:
    sites = spiking_sites(Wrapped(act), images)
    (told,) = sites.uncontrolled
    what, text = PLAIN[act]
    assert (told.what, told.place) == (what, line_of(act, text))
    assert sites.functions == () and (sites.controlled, sites.found) == (0, 1)


class TwoInputs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, v: Tensor) -> Tensor:
        return (u + v > 0).float()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, grad


class Random(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        return torch.bernoulli(torch.sigmoid(u))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class AttachedReset(torch.autograd.Function):
    """Spikes, and a membrane whose reset has a made-up slope."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> tuple[Tensor, Tensor]:
        spikes = (u > 0.5).float()
        ctx.save_for_backward(u, spikes)
        return spikes, u * (1 - spikes)

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor, grad_membrane: Tensor) -> Tensor:
        u, spikes = ctx.saved_tensors
        slope = torch.exp(-(u - 0.5).abs())
        return grad_spikes * slope + grad_membrane * (1 - spikes - u * slope)


OWN = {
    "two inputs": (lambda u: TwoInputs.apply(u, u.flip(1)), "TwoInputs", "no cut of a single input"),
    "random": (lambda u: Random.apply(u), "Random", "draws at random"),
    "reset inside": (lambda u: sum(AttachedReset.apply(u)), "AttachedReset", "another output"),
    "detached": (lambda u: ScaledArctan.apply(u, 2.0).detach() + torch.sigmoid(u), "ScaledArctan", "no gradient passes"),
}


@pytest.mark.parametrize(("act", "name", "reason"), OWN.values(), ids=OWN.keys())
def test_a_function_out_of_control_is_told_by_its_name(
    act: Callable[[Tensor], Tensor], name: str, reason: str, images: Tensor
) -> None:
    sites = spiking_sites(Wrapped(act), images)
    (told,) = sites.uncontrolled
    assert told.what.endswith(f".{name}") and reason in told.reason and "test_recognition.py:" in told.place
    assert str(told) == f"{told.what} at {told.place}: {told.reason}"
    assert sites.functions == ()


def mask_of_a_reset(u: Tensor) -> Tensor:
    """Spikes by a Function; the reset by a comparison of its own, and by a comparison of the spikes."""
    spikes = ScaledArctan.apply(u - 0.5, 2.0)
    after = u * (1 - (u >= 0.5).float()) * (spikes == 0).float()
    return spikes + ScaledArctan.apply(0.5 * after + u - 0.5, 2.0)


def hand_written_relu(u: Tensor) -> Tensor:
    return u * (u > 0).float()


def masked(u: Tensor) -> Tensor:
    positions = torch.arange(u.shape[1])
    return u * (positions < 10).float() + torch.where(u > 0, u, 0.1 * u) + F.max_pool1d(u, 1)


@pytest.mark.parametrize(
    "act",
    [torch.relu, torch.sigmoid, F.softplus, hand_written_relu, masked, nn.Dropout().eval()],
    ids=["relu", "sigmoid", "softplus", "hand-written relu", "masked", "dropout"],
)
def test_a_network_without_steps_has_none(act: Callable[[Tensor], Tensor], images: Tensor) -> None:
    sites = spiking_sites(Wrapped(act), images)
    assert (sites.functions, sites.uncontrolled, sites.remarks, sites.differentiable) == ((), (), (), True)
    assert not is_spiking(Wrapped(act), sites)


def test_masks_of_a_reset_are_no_steps_of_their_own(images: Tensor) -> None:
    sites = spiking_sites(Wrapped(mask_of_a_reset), images)
    assert sites.controlled == 1 and sites.uncontrolled == ()


def test_layers_of_ours_are_left_to_themselves(images: Tensor) -> None:
    model = Wrapped(lambda u: LIF()(u.expand(4, -1, -1)).mean(0))
    sites = spiking_sites(model, images)
    assert (sites.functions, sites.uncontrolled, sites.calls, sites.kinds) == ((), (), (), ())


class TakesItsPathItself(nn.Module):
    """A layer of a stranger that takes gradient paths, and makes its spikes in its own way."""

    def take_gradient(self, gradient: Any) -> Any:
        return None

    def forward(self, u: Tensor) -> Tensor:
        return Triangle.apply(u) + (u > 0.1).float()


def test_so_are_layers_of_others_that_take_paths(images: Tensor) -> None:
    model = Wrapped(lambda u: u)
    model.act = TakesItsPathItself()
    sites = spiking_sites(model, images)
    assert (sites.functions, sites.uncontrolled) == ((), ())
    assert is_spiking(model, sites) and not is_spiking(Wrapped(torch.relu)) and is_spiking(model)


def test_a_function_shared_by_a_layer_that_takes_paths_keeps_its_calls_apart(images: Tensor) -> None:
    model = nn.Sequential(Wrapped(lambda u: u), nn.Linear(5, 20), nn.Module())
    model[0].act, model[2] = TakesItsPathItself(), Wrapped(lambda u: Triangle.apply(u))
    model[1].weight.data.normal_(generator=torch.Generator().manual_seed(0))
    model[2].forward = lambda u: Triangle.apply(u)  # type: ignore[method-assign]
    sites = spiking_sites(model, images)
    assert [call.step is None for call in sites.calls] == [True, False]
    with BPTT(surrogate="straight_through").applied(model, sites=sites):
        leaf = images.clone().requires_grad_()
        outputs = model(leaf)
    hidden = model[0](leaf)
    own = torch.autograd.grad(F.linear(hidden, model[1].weight).sum(), leaf)[0]
    torch.testing.assert_close(torch.autograd.grad(outputs.sum(), leaf)[0], own / Triangle.threshold)


def without_gradients(u: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.tanh(u)


def detached(u: Tensor) -> Tensor:
    return torch.tanh(u).detach()


def through_numpy(u: Tensor) -> Tensor:
    return torch.from_numpy(u.detach().numpy() * 2)


@pytest.mark.parametrize(
    ("act", "text", "words"),
    [
        (without_gradients, "tanh", "without gradients"),
        (detached, "detach", "detach() at"),
        (through_numpy, "numpy", "detach() at"),
        (by_where, "where", "a comparison at"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_detached_output_is_told_with_what_detaches_it(
    act: Callable[[Tensor], Tensor], text: str, words: str, images: Tensor
) -> None:
    sites = spiking_sites(Wrapped(act), images)
    assert not sites.differentiable and sites.obstacle is not None
    assert words in sites.obstacle and line_of(act, text) in sites.obstacle


def test_a_graph_that_leaves_the_input_out_is_told(images: Tensor) -> None:
    scale = torch.ones((), requires_grad=True)
    sites = spiking_sites(Wrapped(lambda u: u.detach() * scale), images)
    assert not sites.differentiable and "no part of the graph" in str(sites.obstacle)


class Forgetful(nn.Module):
    """Remembers its last call."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0.0

    def forward(self, x: Tensor) -> Tensor:
        self.before += 1
        return Wrapped(lambda u: ScaledArctan.apply(u - 0.1 * self.before, 2.0))(x)


def test_a_network_that_remembers_is_told(images: Tensor) -> None:
    sites = spiking_sites(Forgetful(), images)
    assert any("remembers its last call" in remark for remark in sites.remarks)
    assert sites.controlled == 1


def test_random_layers_draw_the_same_for_each_look(images: Tensor) -> None:
    model = Wrapped(lambda u: ScaledArctan.apply(u + 0.1 * torch.randn_like(u) - 0.5, 2.0))
    before = torch.get_rng_state()
    sites = spiking_sites(model, images)
    assert sites.controlled == 1 and sites.uncontrolled == ()
    assert not any("two calls" in remark for remark in sites.remarks)
    assert torch.equal(torch.get_rng_state(), before)


class Spoilt(nn.Module):
    """Answers otherwise when it is looked at."""

    def forward(self, x: Tensor) -> Tensor:
        looked_at = "setup_context" in vars(ScaledArctan) or ScaledArctan.forward.__name__ != "forward"
        looked_at = looked_at or hasattr(ScaledArctan.forward, "__wrapped__")
        return Wrapped(lambda u: ScaledArctan.apply(u, 2.0) + float(looked_at))(x)


def test_a_network_that_answers_otherwise_under_control_is_refused(images: Tensor) -> None:
    with pytest.raises(ValueError, match="other bits"):
        spiking_sites(Spoilt(), images)


def test_without_inputs_nothing_can_be_found(images: Tensor) -> None:
    with pytest.raises(ValueError, match="at least one input"):
        spiking_sites(Wrapped(torch.relu), images[:0])


def test_one_input_is_enough(images: Tensor) -> None:
    model = stranger("module per layer", Recipe())
    (one,) = spiking_sites(model, images[:1].double()).functions
    (many,) = spiking_sites(model, images.double()).functions
    assert one == many


@pytest.mark.parametrize("manner", MANNERS)
def test_nothing_is_left_behind(manner: str, images: Tensor) -> None:
    model, x = stranger(manner, Recipe()), images.double()
    shared = functions_of_strangers()
    before = [dict(vars(kind)) for kind in shared]
    hooks, state = len(model._forward_pre_hooks), copy.deepcopy(model.state_dict())
    leaf = x.clone().requires_grad_()
    own = torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)[0]
    sites = spiking_sites(model, x)
    with BPTT().applied(model, sites=sites):
        model(x)
    with pytest.raises(KeyError), BPTT().applied(model, sites=sites):
        raise KeyError
    assert [dict(vars(kind)) for kind in shared] == before
    assert len(model._forward_pre_hooks) == hooks
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    leaf = x.clone().requires_grad_()
    assert torch.equal(torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)[0], own)


def test_a_path_for_whole_layers_leaves_spike_functions_their_own(images: Tensor) -> None:
    model, x = stranger("module per layer", Recipe()), images.double()
    sites = spiking_sites(model, x)
    slopes = []
    for path, taken in ((Training(), 1), (BPTR(), 0)):
        leaf = x.clone().requires_grad_()
        with path.applied(model, sites=sites) as bound:
            outputs = model(leaf)
        slopes.append(torch.autograd.grad(outputs.sum(), leaf)[0])
        assert (bound.functions, bound.functions_found) == (taken, 1)
    assert torch.equal(*slopes)


def test_a_compiled_module_is_out_of_sight(images: Tensor) -> None:
    class OptimizedModule(nn.Identity):  # as torch.compile calls what it returns
        pass

    model = Wrapped(torch.relu)
    model.act = OptimizedModule()
    (told,) = spiking_sites(model, images).uncontrolled
    assert (told.what, told.place) == ("a compiled module", "act")


def test_a_script_is_remarked_on(images: Tensor) -> None:
    model = Wrapped(torch.relu)
    model.act = torch.jit.script(nn.ReLU())
    sites = spiking_sites(model, images)
    assert sites.uncontrolled == () and any("script" in remark for remark in sites.remarks)


def test_the_oracle_knows_spiking_functions(images: Tensor) -> None:
    model, x = stranger("module per layer", Recipe()), images.double()
    sites, labels = spiking_sites(model, x), torch.zeros(6, dtype=torch.int64)
    oracle = ModelOracle.of(model, labels, sites=sites)
    assert oracle.traits.spiking and not ModelOracle.of(model, labels).traits.spiking
    assert oracle.beside(x).sites is sites and oracle.subset(torch.arange(2)).sites is sites
    assert not ModelOracle.of(Wrapped(torch.relu), labels, sites=SpikeSites()).traits.spiking
