"""(b) The attack loop: measured time over N x mean steps x (forward + input gradient).

1.0 would be a loop that costs nothing; early exits are in the mean steps, so the figure is the
price of bookkeeping, projection, early exit and smaller batches. The price of smaller batches is what the same passes cost
in batches of the sizes met, without the loop. The network is in the form that evaluations ask.
"""

from __future__ import annotations

from side_by_side import in_turns, say  # isort: skip

from collections import Counter

import numpy as np
import torch
from network import forward, input_gradient

import bench
from attacks.model_oracle import ModelOracle
from attacks.pgd import PGD
from attacks.randomness import KeyedRng
from attacks.threats.linf import Linf
from bench.foundation.memory import keep_freed_memory
from zoo.canonical.convert import canonical

N, MICRO_BATCH, BAR = 250, 64, 1.10
SIZES = (1, 4, 8, 16, 24, 32, 48, 64)
"""Of the batches whose passes are timed; those of other sizes are read between them."""


def measure(name: str) -> None:
    x, y = bench.load_data("cifar10", n=N)
    form = canonical(bench.load(name))
    if form is None:
        raise SystemExit(f"{name} has no canonical form")
    model = form.network
    rows = (forward(model, x).argmax(1) == y).nonzero()[:, 0]
    x, y = x[rows], y[rows]
    rng = KeyedRng.of(0, rows)
    threat = Linf(eps=8 / 255)
    spent: list[tuple[int, int]] = []
    standing: list[float] = []
    met: Counter[int] = Counter()

    def attack() -> None:
        oracle = ModelOracle.of(model, y, micro_batch=MICRO_BATCH)
        met.clear()
        with model.register_forward_pre_hook(lambda _, inputs: met.update([len(inputs[0])])):
            adv = PGD(steps=20).perturb(oracle, x, threat, rng=rng)
        spent.append((int(oracle.forwards.sum()), int(oracle.backwards.sum())))
        standing.append(float((forward(model, adv).argmax(1) == y).sum()) / N)

    pairs = {str(size): lambda size=size: input_gradient(model, x[:size], y[:size]) for size in SIZES}
    times = in_turns({"attack": attack, "forward": lambda: forward(model, x[:MICRO_BATCH]), **pairs}, rounds=5)
    forwards, backwards = spent[-1]
    last_look = (forwards - backwards) * times["forward"] / MICRO_BATCH
    floor = backwards * times[str(MICRO_BATCH)] / MICRO_BATCH + last_look
    costs = np.interp(list(met), SIZES, [times[str(size)] for size in SIZES])
    as_met = float(costs @ list(met.values())) * backwards / forwards + last_look
    say(
        f"{name:12}  PGD-20 at 8/255: {times['attack']:6.2f} s for {backwards / len(x):4.1f} mean steps; "
        f"overhead {times['attack'] / floor:4.2f}x, of which smaller batches {as_met / floor:4.2f}x; "
        f"robust {100 * standing[-1]:.1f}%; "
        f"saved by early exit {1 - backwards / (20 * len(x)):.0%}"
    )


if __name__ == "__main__":
    keep_freed_memory()
    torch.set_num_threads(1)
    say(f"(b) attack loop: {N} images, CPU time of one thread; bar: overhead <= {BAR}x")
    for name in ("snn_vanilla", "snn_at"):
        measure(name)
