"""``model.py`` of submissions as people write them with a library of spiking networks: a class ``Net`` of 12 neurons."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from bench.boards.submission.template import write_hash
from bench.models.opening import open_subject
from support.submissions import filled_in

SPIKINGJELLY = """
import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3072, 12)
        self.lif = neuron.LIFNode(tau=2.0, v_threshold=0.05, surrogate_function=surrogate.ATan())
        self.read = nn.Linear(12, 10)

    def forward(self, x):
        functional.reset_net(self)
        steps = [self.read(self.lif(self.first(x.flatten(1)))) for _ in range(2)]
        return torch.stack(steps).mean(0)
"""
SNNTORCH = """
import snntorch as snn
import torch
from snntorch import surrogate
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3072, 12)
        self.lif = snn.Leaky(beta=0.8, threshold=0.05, spike_grad=surrogate.fast_sigmoid(slope=5))
        self.read = nn.Linear(12, 10)

    def forward(self, x):
        membrane, outputs = self.lif.reset_mem(), []
        for _ in range(2):
            spikes, membrane = self.lif(self.first(x.flatten(1)), membrane)
            outputs.append(self.read(spikes))
        return torch.stack(outputs).mean(0)
"""
NORSE = """
import norse.torch as norse
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        neurons = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(200.0), v_th=torch.tensor(0.02), alpha=5.0)
        self.body = norse.SequentialState(
            nn.Flatten(), nn.Linear(3072, 12), norse.LIFBoxCell(neurons, dt=1e-3), nn.Linear(12, 10)
        )

    def forward(self, x):
        state, outputs = None, []
        for _ in range(2):
            output, state = self.body(x, state)
            outputs.append(output)
        return torch.stack(outputs).mean(0)
"""
SINABS = """
import torch
from sinabs import layers
from sinabs.activation import MembraneReset, SingleExponential, SingleSpike
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3072, 12)
        self.lif = layers.LIF(
            tau_mem=5.0,
            norm_input=False,
            spike_threshold=torch.tensor(0.05),
            spike_fn=SingleSpike,
            reset_fn=MembraneReset(),
            surrogate_grad_fn=SingleExponential(),
        )
        self.read = nn.Linear(12, 10)

    def forward(self, x):
        self.lif.reset_states()
        spikes = self.lif(self.first(x.flatten(1)).unsqueeze(1).repeat(1, 2, 1))
        return self.read(spikes).mean(1)
"""
CODE = {"spikingjelly": SPIKINGJELLY, "snntorch": SNNTORCH, "norse": NORSE, "sinabs": SINABS}
"""By the library that is imported."""


def written_with(library: str, folder: Path) -> Path:
    """A submission whose network is written with ``library``, its weights drawn at random."""
    filled_in(folder, own_code=True)
    (folder / "model.py").write_text(CODE[library])
    manifest = folder / "submission.yaml"
    manifest.write_text(manifest.read_text().replace("factory: build", "factory: Net"))
    torch.manual_seed(0)
    state = open_subject(f"{folder}/model.py::Net").module.state_dict()
    save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, folder / "weights.safetensors")
    write_hash(folder)
    return folder
