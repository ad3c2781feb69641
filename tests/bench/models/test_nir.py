"""NIR graphs as networks of this suite, against a loop over time that shares no code with them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from attacks.gradients.base import TakesGradientPath
from bench.foundation.errors import BenchError, ModelError, SpecError
from bench.models.opening import open_subject
from zoo.adapters import nir
from zoo.adapters.nir import Discretisation, load_nir

Graph = tuple[dict[str, dict[str, Any]], list[tuple[str, str]]]


def graph(**changes: dict[str, Any]) -> Graph:
    """Convolution, neurons, sums over windows, a read-out and its neurons; whole numbers, so that sums are exact."""
    draw = torch.Generator().manual_seed(5)
    two, one, none = torch.tensor([2, 2]), torch.tensor([1, 1]), torch.tensor([0, 0])
    nodes: dict[str, dict[str, Any]] = {
        "input": {"type": "Input", "shape": torch.tensor([2, 4, 4])},
        "a": {
            "type": "Conv2d",
            "weight": torch.randint(-2, 3, (3, 2, 3, 3), generator=draw).double(),
            "bias": torch.tensor([1.0, 0.0, -1.0]),
            "stride": one,
            "padding": one,
            "dilation": one,
            "groups": torch.tensor(1),
        },
        "b": {"type": "IF", "r": torch.ones(3, 4, 4), "v_threshold": torch.full((3, 4, 4), 2.0)},
        "c": {"type": "SumPool2d", "kernel_size": two, "stride": two, "padding": none},
        "d": {"type": "Flatten", "start_dim": torch.tensor(0), "end_dim": torch.tensor(-1)},
        "e": {
            "type": "Affine",
            "weight": torch.randint(-2, 3, (5, 12), generator=draw).float(),
            "bias": torch.ones(5),
        },
        "f": {"type": "IF", "r": torch.ones(5), "v_threshold": torch.tensor([1.0, 2.0, 4.0, 1.0, 2.0])},
        "output": {"type": "Output", "shape": torch.tensor([5])},
    }
    order = list(nodes)
    return nodes | changes, list(pairwise(order))


def by_hand(nodes: dict[str, dict[str, Any]], x: Tensor, reset: str) -> Tensor:
    """Mean output over time for frames ``(N, T, C, H, W)``, one step after the other."""
    potentials: dict[str, Tensor] = {}

    def fire(name: str, current: Tensor) -> Tensor:
        threshold = nodes[name]["v_threshold"]
        u = potentials.get(name, torch.zeros_like(current)) + current
        spikes = (u >= threshold).float()
        potentials[name] = u - threshold * spikes if reset == "soft" else u * (1 - spikes)
        return spikes

    outputs = []
    for frame in x.unbind(1):
        a = F.conv2d(frame, nodes["a"]["weight"].float(), nodes["a"]["bias"], padding=1)
        c = 4 * F.avg_pool2d(fire("b", a), 2)
        outputs.append(fire("f", F.linear(c.flatten(1), nodes["e"]["weight"], nodes["e"]["bias"])))
    return torch.stack(outputs).mean(0)


def loaded(monkeypatch: pytest.MonkeyPatch, given: Graph, **how: Any) -> nir.NirNetwork:
    monkeypatch.setattr(nir, "_read", lambda path: given)
    return load_nir(Path("net.nir"), Discretisation(**how))


@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_the_same_outputs_as_by_hand(monkeypatch: pytest.MonkeyPatch, reset: str) -> None:
    given = graph()
    network = loaded(monkeypatch, given, reset=reset)
    x = torch.randint(0, 3, (6, 7, 2, 4, 4), generator=torch.Generator().manual_seed(1)).float()
    expected = by_hand(given[0], x, reset)
    assert torch.equal(network(x), expected)
    assert 0 < expected.mean() < 1
    still = x[:, :1].expand(-1, 9, -1, -1, -1)
    again = loaded(monkeypatch, given, reset=reset, steps=9)
    assert torch.equal(again(x[:, 0]), by_hand(given[0], still, reset))


def test_its_neurons_take_gradient_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    network = loaded(monkeypatch, graph(), surrogate="atan")
    assert sum(isinstance(layer, TakesGradientPath) for layer in network.modules()) == 2
    x = torch.rand(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).sum(), x)
    assert gradient.abs().sum() > 0


def test_a_leak_is_one_euler_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """tau dv/dt = -v + r I: with tau = 4 dt, a constant current of 3 reaches 3 (1 - 0.75^t)."""
    node = {"type": "LIF", "tau": torch.full((1,), 8.0), "r": torch.ones(1), "v_threshold": torch.full((1,), 2.0)}
    nodes = {"i": {"type": "Input", "shape": torch.tensor([1])}, "n": node, "o": {"type": "Output"}}
    network = loaded(monkeypatch, (nodes, [("i", "n"), ("n", "o")]), dt=2.0)
    first = next(t for t in range(1, 20) if 3 * (1 - 0.75**t) >= 2)
    spikes = network.layers(torch.full((first, 1, 1), 3.0))
    assert spikes.flatten().tolist() == [0.0] * (first - 1) + [1.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"b": {"type": "CubaLIF"}}, "a node of type CubaLIF; known are"),
        ({"b": {"type": "IF"}}, "a node of type IF lacks r"),
        ({"b": {"type": "LIF", "v_leak": torch.ones(1)}}, "a v_leak other than 0"),
        ({"b": {"type": "LIF", "tau": torch.tensor([2.0, 9.0])}}, "need one time constant"),
        ({"lost": {"type": "Flatten"}}, "has branches"),
        ({"input": {"type": "Flatten"}}, "has branches"),
    ],
)
def test_what_is_not_known(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        loaded(monkeypatch, graph(**change))


@pytest.mark.parametrize("more", [("a", "f"), ("f", "a")])
def test_branches_and_loops(monkeypatch: pytest.MonkeyPatch, more: tuple[str, str]) -> None:
    nodes, edges = graph()
    with pytest.raises(ValueError, match="only chains can be read"):
        loaded(monkeypatch, (nodes, [*edges, more]))


def test_as_a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(nir, "_read", lambda path: graph())
    path = tmp_path / "net.nir"
    path.write_bytes(b"a graph")
    subject = open_subject(f"nir:{path}")
    assert (subject.path_takers, subject.foreign) == (2, True)
    assert "reset soft, dt 1, surrogate triangle" in subject.remarks[0]
    for options in ("reset=hard", "dt=0.5", "surrogate=atan", "steps=3"):
        assert open_subject(f"nir:{path},{options}").fingerprint != subject.fingerprint


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (",reset=none", SpecError),
        (",dt=0", SpecError),
        (",surrogate=banana", SpecError),
        (",steps=0", SpecError),
        (",x=1", BenchError),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: str, kind: type[BenchError]) -> None:
    with pytest.raises(kind):
        open_subject(f"nir:{tmp_path}/net.nir{options}")


def test_files_that_are_missing_or_none_of_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        open_subject(f"nir:{tmp_path}/net.nir")
    (tmp_path / "net.nir").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"needs h5py.*spikebench\[nir\]|is not a file of HDF5"):
        open_subject(f"nir:{tmp_path}/net.nir")


def test_a_file_of_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    nodes, edges = graph()
    with h5py.File(tmp_path / "net.nir", "w") as file:
        file["node/edges"] = [[source.encode(), target.encode()] for source, target in edges]
        for name, node in nodes.items():
            for key, value in node.items():
                file[f"node/nodes/{name}/{key}"] = value.encode() if isinstance(value, str) else value.numpy()
    x = torch.randint(0, 3, (2, 3, 2, 4, 4), generator=torch.Generator().manual_seed(1)).float()
    assert torch.equal(load_nir(tmp_path / "net.nir", Discretisation())(x), by_hand(nodes, x, "soft"))
    with h5py.File(tmp_path / "other.nir", "w") as file:
        file["anything"] = 1
    with pytest.raises(ModelError, match="holds no graph of NIR"):
        open_subject(f"nir:{tmp_path}/other.nir")
