"""Outputs over time, with membranes, or in a dict become logits, in a way that the record says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support.tiny import Linear, images
from torch import Tensor, nn

from bench.foundation.errors import ModelError, SpecError
from bench.models.opening import open_subject
from bench.models.preparation import NOTHING, Preparation
from bench.models.probe import Probed, probed

T = 4
SHAPE = (1, 3, 3)


class Answers(nn.Module):
    """A linear network whose logits ``(N, K)`` are given another form."""

    def __init__(self, form: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.inner, self.form = Linear(), form

    def forward(self, x: Tensor) -> object:
        return self.form(self.inner(x))


def over_time(logits: Tensor) -> Tensor:
    """``(T, N, K)`` whose mean over time is the logits, and whose last step and maximum are not."""
    steps = torch.arange(T, dtype=logits.dtype).view(T, 1, 1)
    return logits + (steps - (T - 1) / 2) * logits.sign()


def ready(model: nn.Module, prepare: Preparation = NOTHING, batch: int = 50) -> Probed:
    return probed(open_subject(model, prepare=prepare), SHAPE, prepare, batch=batch, device=torch.device("cpu"))


FORMS: dict[str, Callable[[Tensor], object]] = {
    "(T, N, K)": over_time,
    "(N, T, K)": lambda logits: over_time(logits).transpose(0, 1),
    "spikes and membranes": lambda logits: (over_time(logits), 100 + over_time(logits)),
    "a dict": lambda logits: {"logits": logits, "hidden": logits},
    "a dict of one": lambda logits: {"anything": logits},
    "logits and more": lambda logits: (logits, None),
}


@pytest.mark.parametrize("form", FORMS)
def test_logits_are_found(form: str) -> None:
    subject = ready(Answers(FORMS[form])).subject
    x = images(7)
    assert torch.allclose(subject.module(x), Linear().eval()(x), atol=1e-5)
    assert subject.fingerprint["readout"] in subject.remarks[0]
    assert len(subject.answers) == 8


@pytest.mark.parametrize("declared", ["sum", "last", "max-membrane"])
def test_a_declared_read_out(declared: str) -> None:
    model = Answers(FORMS["spikes and membranes"])
    x = images(5)
    spikes, membranes = model.eval()(x)
    expected = {"sum": spikes.sum(0), "last": spikes[-1], "max-membrane": membranes.amax(0)}[declared]
    assert torch.equal(ready(model, Preparation(readout=declared)).subject.module(x), expected)
    model.readout = declared  # type: ignore[assignment]
    assert torch.equal(ready(model).subject.module(x), expected)


@pytest.mark.parametrize("form", ["(T, N, K)", "(N, T, K)"])
def test_as_many_steps_as_inputs(form: str) -> None:
    """Where T = N, another number of inputs decides."""
    subject = ready(Answers(FORMS[form]), batch=T).subject
    x = images(T)
    assert torch.allclose(subject.module(x), Linear().eval()(x), atol=1e-5)


def test_plain_logits_stay_as_they_are() -> None:
    model = Linear()
    found = ready(model)
    assert found.subject.module is model
    assert found.subject.remarks == ()
    assert "readout" not in found.subject.fingerprint


@pytest.mark.parametrize(
    ("form", "prepare", "said"),
    [
        (lambda logits: {"a": logits, "b": logits}, NOTHING, "a dict with a, b"),
        (lambda logits: logits[None].expand(3, -1, -1)[:, :7], NOTHING, r"\(3, 7, 3\) for 50 inputs cannot be read"),
        (lambda logits: logits, Preparation(readout="sum"), r"needs outputs over time, and there is \(50, 3\)"),
        (lambda logits: (over_time(logits),), Preparation(readout="max-membrane"), r"needs \(spikes, membranes\)"),
    ],
)
def test_what_cannot_be_read(form: Callable[[Tensor], object], prepare: Preparation, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        ready(Answers(form), prepare)


class Hungry(nn.Module):
    """Runs out of memory above so many inputs."""

    def __init__(self, most: int, error: type[Exception] = RuntimeError) -> None:
        super().__init__()
        self.inner, self.most, self.error = Linear(), most, error

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise self.error("CUDA out of memory. Tried to allocate 20 GiB")
        logits: Tensor = self.inner(x)
        return logits


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError, MemoryError])
def test_the_batch_is_halved_until_it_fits(error: type[Exception]) -> None:
    found = ready(Hungry(16, error))
    assert found.batch == 12
    assert found.subject.remarks == ("50 images at a time did not fit into memory, so it is asked for 12.",)


def test_lazy_layers_get_their_size() -> None:
    def lazy() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))

    first, second = (ready(lazy()).subject for _ in range(2))
    assert torch.equal(first.module(images(3)), second.module(images(3)))
    assert first.fingerprint == second.fingerprint
    assert not any(parameter.requires_grad for parameter in first.module.parameters())
    with pytest.raises(ModelError, match="layers whose size is not known yet"):
        ready(nn.Sequential(nn.LazyLinear(3), nn.Linear(5, 5)))


@pytest.mark.filterwarnings("ignore")
def test_torchscript_and_train_without_a_result() -> None:
    class NoResult(Linear):
        def train(self, mode: bool = True) -> None:  # type: ignore[override]
            super().train(mode)

    script = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(9, 3)))
    for model in (script, NoResult()):
        subject = ready(model).subject
        assert not subject.module.training
        assert subject.module(images(2)).shape == (2, 3)
    other = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(9, 3), nn.ReLU()))
    assert open_subject(script).fingerprint["script_sha256"] != open_subject(other).fingerprint["script_sha256"]


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (Preparation(preprocess="255"), lambda x: 255 * x),
        (Preparation(mean="0.5", std="0.25"), lambda x: (x - 0.5) / 0.25),
        (Preparation(preprocess="none"), lambda x: x),
    ],
)
def test_inputs_are_normalised(prepare: Preparation, expected: Callable[[Tensor], Tensor]) -> None:
    model = Linear()
    plain, subject = open_subject(model), open_subject(model, prepare=prepare)
    x = images(4)
    assert torch.allclose(subject.module(x), model(expected(x)), rtol=1e-5)
    assert (subject.fingerprint == plain.fingerprint) == (prepare.preprocess == "none")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preprocess": "imagnet"}, "Unknown preprocessing"),
        ({"readout": "first"}, "Unknown read-out"),
        ({"mean": "0.5"}, "belong together"),
        ({"mean": "0.5", "std": "0"}, "do not fit together"),
        ({"mean": "0.5,0.5", "std": "1,1,1"}, "do not fit together"),
        ({"mean": "x", "std": "1"}, "not a list of numbers"),
        ({"mean": "1", "std": "1", "preprocess": "255"}, "in two ways"),
        ({"partial": True}, "could fit in part"),
    ],
)
def test_preparations_that_do_not_fit_together(options: dict[str, str], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Preparation(**options)  # type: ignore[arg-type]


def test_channels_that_do_not_fit_are_one_sentence() -> None:
    subject = open_subject(Linear(), prepare=Preparation(preprocess="cifar10"))
    with pytest.raises(ValueError, match="images have 1 channels; the network is normalised with 3"):
        subject.module(images(2))
