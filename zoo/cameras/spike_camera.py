"""A spike camera (Vidar): a scene of intensities in [0, 1] to planes of spikes, differentiable with respect to the scene.

In each tick a pixel gathers the charge

    q[t] = min(gain * I[t] + dark + noise[t], threshold)

and fires when what it holds reaches the threshold (see :mod:`zoo.cameras.pixels`). Light that would make more than one
spike a tick is lost, as it is in a sensor that is read once a tick: that is the saturation, and beyond it the slope is 0.

Noise, each part of which can be left out:

- the charge before the first tick, drawn evenly below the threshold: the camera runs before the scene is looked at;
- shot noise of light and dark current, in its Gaussian limit: variance ``charge * gain / photons``. It is not cut off at 0,
  so that the mean charge over any number of ticks is right; its own dependence on the scene is not differentiated;
- spurious spikes, which come by themselves with a probability per tick;
- a threshold that differs from pixel to pixel. It is a property of the device: drawn once from ``seed``, the same for
  every scene.

Draws are keyed (see :mod:`attacks.randomness`), so that a camera is a stochastic model like any other. In float32 on a CPU
they are drawn where they are used (:mod:`zoo.cameras.kernels`).

The model follows Zhu et al. (ICME 2019) and the simulators of SpikeCV and SpikingSIM (Zhao et al., ISCAS 2022); gaps between
spurious spikes are geometric here and normal there, and colours are three sensors without a mosaic.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from attacks.gradients.base import Reset
from attacks.randomness import KeyedRng, streams_of, uniform_like
from zoo.cameras import kernels
from zoo.cameras.pixels import Pixels

INITIAL, SHOT_NOISE, SPURIOUS = (f"spike camera: {noise}" for noise in ("initial charge", "shot noise", "spurious spikes"))
"""Names of the draws."""
LEAST_THRESHOLD = 0.1
"""Of a pixel, as a share of the mean threshold, however far its threshold is off."""


class SpikeCamera(nn.Module):
    """Scenes ``(N, C, H, W)``, or ``(N, T, C, H, W)`` where they change, to spikes ``(T, N, C, H, W)``.

    ticks: T. gain: charge that intensity 1 gives in a tick. threshold: charge of a spike. dark: charge of a tick without
    light. initial: charge before the first tick; None draws it. photons: how many make the charge ``gain``; None for no
    shot noise. spurious: probability per tick and pixel. jitter: standard deviation of the threshold over pixels, as a
    share of it, from ``seed``. Raises ``ValueError`` for numbers outside of these ranges, and for scenes of another
    number of ticks.
    """

    def __init__(
        self,
        *,
        ticks: int,
        gain: float = 1.0,
        threshold: float = 1.0,
        reset: Reset = "soft",
        dark: float = 0.0,
        initial: float | None = None,
        photons: float | None = None,
        spurious: float = 0.0,
        jitter: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if ticks < 1 or not gain > 0 or not dark >= 0:
            raise ValueError(
                f"a camera has 1 or more ticks, a positive gain and dark current from 0, got {ticks}, {gain}, {dark}"
            )
        if initial is not None and not 0 <= initial < threshold:
            raise ValueError(f"the initial charge must lie in [0, {threshold}), got {initial}")
        if photons is not None and not photons > 0:
            raise ValueError(f"photons must be positive, got {photons}")
        if not (0 <= spurious < 1 and 0 <= jitter < 1):
            raise ValueError(f"spurious and jitter must lie in [0, 1), got {spurious} and {jitter}")
        self.ticks, self.gain, self.dark, self.photons = ticks, gain, dark, photons
        self.initial, self.spurious, self.jitter, self.seed = initial, spurious, jitter, seed
        self.pixels = Pixels(threshold=threshold, reset=reset)

    @property
    def stochastic(self) -> bool:
        """Whether two calls may differ."""
        return self.initial is None or self.photons is not None or self.spurious > 0

    @property
    def intensity_of_rate(self) -> float:
        """Intensity that makes a pixel fire at every tick: what a share of ticks is multiplied with to be an intensity."""
        return self.pixels.dynamics.threshold / self.gain

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``(T, N, C, H, W)`` of 0 and 1."""
        return self._read_out(self.pixels(self.charge(x)), self._first(x))

    def going_on(self, x: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes ``(T, N, C, H, W)`` of pixels that hold the charge ``held`` ``(N, C, H, W)``, and what they hold then.

        For long recordings in blocks, of a camera whose initial charge is 0 and whose pixels subtract the threshold.
        Raises ``ValueError`` for another camera.
        """
        if self.initial != 0 or self.pixels.dynamics.reset != "soft":
            raise ValueError("only a camera with an initial charge of 0 and a soft reset can go on from what it holds")
        charge = self.charge(x)
        charge = torch.cat((charge[:1] + held, charge[1:]))
        spikes: Tensor = self.pixels(charge)
        left = charge.sum(0) - self.pixels.dynamics.threshold * spikes.sum(0)
        return self._read_out(spikes, self._first(x)), left

    def _read_out(self, spikes: Tensor, template: Tensor) -> Tensor:
        """``spikes`` ``(T, N, C, H, W)`` with those that come by themselves."""
        if not self.spurious:
            return spikes
        if kernels.usable(spikes) and spikes.is_contiguous():
            noisy: Tensor = kernels.SpuriousSpikes.apply(spikes, streams_of(template).fold(SPURIOUS).keys, self.spurious)
            return noisy
        draws = uniform_like(template, draws=self.ticks, layer=SPURIOUS)
        by_themselves = (draws < self.spurious).to(spikes.dtype)
        return spikes + (1 - spikes) * by_themselves

    def charge(self, x: Tensor) -> Tensor:
        """Charge ``(T, N, C, H, W)`` of each tick; the initial one is part of the first.

        It is that of pixels which all have the mean threshold: a pixel with a higher one gathers less.
        """
        threshold, template = self.pixels.dynamics.threshold, self._first(x)
        light = x[None] if x.dim() == template.dim() else x.transpose(0, 1)
        initial = self._initial(template)
        if kernels.usable(x):
            numbers = (self.gain, self.dark, self.gain / (self.photons or math.inf), threshold)
            keys = None if self.photons is None else streams_of(template).fold(SHOT_NOISE).keys
            thresholds = self._thresholds(template) if self.jitter else None
            gathered: Tensor = kernels.GatheredCharge.apply(light, initial, thresholds, keys, numbers, self.ticks)
            return gathered
        charge = (self.gain * light + self.dark).expand(self.ticks, *template.shape)
        if self.photons is not None:
            deviation = (charge.detach() * (self.gain / self.photons)).clamp_min(0).sqrt()
            draws = uniform_like(template, draws=self.ticks, layer=SHOT_NOISE)
            charge = charge + deviation * _normal(draws)
        if self.jitter:
            charge = charge / self._thresholds(template)
        charge = charge.clamp(max=threshold)
        return charge if initial is None else torch.cat((charge[:1] + initial, charge[1:]))

    def _initial(self, template: Tensor) -> Tensor | None:
        """Charge ``(N, C, H, W)`` before the first tick; None for none."""
        if self.initial is None:
            return uniform_like(template, draws=1, layer=INITIAL)[0] * self.pixels.dynamics.threshold
        return template.new_full(template.shape, self.initial) if self.initial else None

    def _first(self, x: Tensor) -> Tensor:
        """A scene ``(N, C, H, W)`` of the batch's shape, without a graph."""
        if x.dim() == 5:
            if x.shape[1] != self.ticks:
                raise ValueError(f"the camera has {self.ticks} ticks, the scene has {x.shape[1]}")
            return x[:, 0].detach()
        return x.detach()

    def _thresholds(self, template: Tensor) -> Tensor:
        """Thresholds ``(C, H, W)`` of the device's pixels, as shares of the mean one."""
        rng = KeyedRng.of(self.seed, torch.zeros(1, dtype=torch.int64, device=template.device))
        rng, shape = rng.fold("spike camera: thresholds"), template.shape[1:]
        off = (
            kernels.normal_numbers(rng.keys, shape.numel()).view(shape)
            if kernels.usable(template)
            else rng.normal(*shape)[0]
        )
        return (1 + self.jitter * off).clamp_min(LEAST_THRESHOLD).to(template)

    def extra_repr(self) -> str:
        """Numbers of the camera for ``repr``."""
        return (
            f"ticks={self.ticks}, gain={self.gain}, dark={self.dark}, initial={self.initial}, photons={self.photons}, "
            f"spurious={self.spurious}, jitter={self.jitter}, seed={self.seed}"
        )


def _normal(uniform: Tensor) -> Tensor:
    """Standard normal numbers of uniform ones, which torch's own generator may draw as 0."""
    inside = uniform.clamp(2.0**-25, 1 - 2.0**-24)
    return torch.erfinv(2 * inside - 1) * math.sqrt(2)
