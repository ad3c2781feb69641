"""Networks behind a spike camera: what they are made of, their randomness, and that an attack reaches the scene."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attacks.gradients.base import TakesGradientPath
from attacks.gradients.bptt import BPTT
from attacks.randomness import KeyedRng, drawing
from zoo.cameras.networks import OnSpikePlanes, Reconstructor, ThroughPictures, through_pictures, through_spikes
from zoo.cameras.reconstruction import TFI, TFP
from zoo.canonical.convert import Canonical, canonical
from zoo.card import card
from zoo.loading import load
from zoo.spiking.neurons import LIF

CAMERA: dict[str, Any] = {"ticks": 6, "gain": 0.9, "photons": 50.0, "spurious": 0.01, "jitter": 0.02}
NEURON: dict[str, Any] = {"decay": 0.9, "threshold": 0.5}
WIDTHS = (4, 4, 4, 4)


def picture_network(reconstruction: str, neuron: dict[str, Any] | None = NEURON, **options: Any) -> nn.Module:
    network = {"steps": 1 if neuron is None else 2, "neuron": neuron, "widths": WIDTHS}
    return through_pictures(camera=CAMERA, reconstruction=reconstruction, network=network, options=options)


MODELS = {
    "tfp, SNN": lambda: picture_network("tfp"),
    "tfp, ANN": lambda: picture_network("tfp", None, half=2),
    "tfi, SNN": lambda: picture_network("tfi", window=3),
    "tfstp, ANN": lambda: picture_network("tfstp", None),
    "direct, SNN": lambda: through_spikes(camera=CAMERA, network={"neuron": NEURON, "widths": WIDTHS}),
}


def scenes(n: int = 3) -> Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", MODELS)
def test_draws_and_logits_belong_to_the_scene(name: str) -> None:
    torch.manual_seed(0)
    model, x = MODELS[name]().double().eval(), scenes().double()
    rng = KeyedRng.of(0, torch.arange(3))
    with torch.no_grad():
        with drawing(rng):
            logits = model(x)
            still = model(x[:, None].expand(3, CAMERA["ticks"], 3, 32, 32))
        with drawing(rng.rows(torch.tensor([2]))):
            alone = model(x[2:])
        with drawing(rng.fold("again")):
            other = model(x)
    assert logits.shape == (3, 10) and logits.isfinite().all()
    torch.testing.assert_close(alone, logits[2:], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(still, logits, rtol=1e-4, atol=1e-4)
    assert not torch.equal(other, logits)


@pytest.mark.parametrize("name", MODELS)
def test_the_scene_has_a_gradient_along_every_path(name: str) -> None:
    torch.manual_seed(0)
    model, x = MODELS[name]().eval(), scenes().requires_grad_()
    layers = [module for module in model.modules() if isinstance(module, TakesGradientPath)]
    assert len(layers) == 1 + sum(isinstance(module, LIF) for module in model.modules())
    with drawing(KeyedRng.of(0, torch.arange(3))):
        own = model(x)
        with BPTT(surrogate="atan").applied(model) as bound:
            chosen = model(x)
    assert bound.layers == len(layers)
    torch.testing.assert_close(chosen, own)
    gradients = [torch.autograd.grad(logits[:, 0].sum(), x)[0] for logits in (own, chosen)]
    for gradient in gradients:
        assert gradient.isfinite().all() and (gradient.flatten(1).abs().amax(1) > 0).all()
    assert not torch.equal(*gradients)


def test_pictures_are_intensities() -> None:
    """TFP and TFI undo the gain unless told otherwise."""
    network = {"steps": 1, "neuron": None, "widths": WIDTHS}
    for reconstruction, options, scale in (
        ("tfp", {}, 1 / 0.9),
        ("tfi", {"window": 3}, 1 / 0.9),
        ("tfp", {"scale": 1.0}, 1.0),
    ):
        model = ThroughPictures(camera=CAMERA, reconstruction=reconstruction, network=network, options=options)
        assert isinstance(model.reconstruction, TFP | TFI) and model.reconstruction.scale == scale


def test_a_margin_of_dark_pixels_makes_room_for_small_scenes() -> None:
    torch.manual_seed(0)
    network = {"steps": 1, "neuron": None, "widths": WIDTHS, "channels": 1, "mean": (0.1,), "std": (0.3,)}
    model = ThroughPictures(camera=CAMERA, reconstruction="tfp", network=network, margin=2).eval()
    digits, rng = scenes()[:, :1, 2:30, 2:30], KeyedRng.of(0, torch.arange(3))
    with torch.no_grad(), drawing(rng):
        picture = model.reconstruction(model.camera(digits))
        framed = torch.zeros(3, 1, 32, 32)
        framed[:, :, 2:30, 2:30] = picture
        torch.testing.assert_close(model(digits), model.network(framed))


def test_an_unknown_reconstruction() -> None:
    with pytest.raises(ValueError, match="unknown reconstruction 'video'; known: tfp, tfi, tfstp"):
        picture_network("video")
    with pytest.raises(ValueError, match="unknown reconstruction 'video'; known: tfp, tfi, tfstp"):
        Reconstructor(camera=CAMERA, reconstruction="video")


@pytest.mark.parametrize("reconstruction", ["tfp", "tfi", "tfstp"])
def test_a_reconstructor_is_the_picture_that_a_network_sees(reconstruction: str) -> None:
    """Cut off at 0 and 1; the same bits in any batch."""
    torch.manual_seed(0)
    network = picture_network(reconstruction)
    assert isinstance(network, ThroughPictures)
    model, x, rng = Reconstructor(camera=CAMERA, reconstruction=reconstruction), scenes(), KeyedRng.of(0, torch.arange(3))
    with torch.no_grad(), drawing(rng):
        pictures = model(x)
        assert torch.equal(pictures, network.reconstruction(network.camera(x)).clamp(0, 1))
    with torch.no_grad(), drawing(rng.rows(torch.tensor([2]))):
        assert torch.equal(model(x[2:]), pictures[2:])
    assert pictures.shape == x.shape and not model.state_dict()
    assert isinstance(canonical(model.eval()), Canonical) == (reconstruction != "tfstp")


@pytest.mark.parametrize("name", ["cam_tfp_reconstruction", "cam_tfi_reconstruction", "cam_tfstp_reconstruction"])
def test_reconstructions_of_the_zoo_have_the_camera_of_its_networks(name: str) -> None:
    described, other = card(name), card("cam_tfp_snn")
    assert described.behind_camera and described.task == "reconstruction" and described.stochastic
    assert described.builder.arguments["camera"] == other.builder.arguments["camera"]
    assert isinstance(load(name), Reconstructor)


def test_a_network_on_recorded_planes() -> None:
    """One channel, spike planes as they come from a recording."""
    model = OnSpikePlanes(neuron=NEURON, channels=1, classes=4, widths=WIDTHS).eval()
    planes = (torch.rand(5, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    assert model(planes).shape == (2, 4)
