"""On models whose truth is known, the doctor says what is wrong and the attack set is not fooled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from support import known_answers as known
from torch import Tensor, nn

import bench
import zoo
from bench.evaluation.reliability.doctor import Diagnosis, examine
from bench.tasks.record import Record

N, ENOUGH = 8, 12
"""Images for most claims, and for a verdict."""


@pytest.fixture(scope="module")
def enough_photos() -> tuple[Tensor, Tensor]:
    """Images that the plain network gets right, a quarter of them bright."""
    x, y = bench.load_data("cifar10", n=250)
    model = zoo.load("snn_vanilla")
    with torch.no_grad():
        right = model(x).argmax(1) == y
    x, y = x[right], y[right]
    bright = x.flatten(1).mean(1) > 0.57
    dim = ~bright & (x.flatten(1).mean(1) < 0.5)
    rows = torch.cat([bright.nonzero()[: ENOUGH // 4, 0], dim.nonzero()[: 3 * ENOUGH // 4, 0]])
    return x[rows], y[rows]


@pytest.fixture(scope="module")
def photos(enough_photos: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """A few of them, a quarter bright too."""
    x, y = enough_photos
    rows = torch.tensor([0, 1, *range(ENOUGH // 4, ENOUGH // 4 + 6)])
    return x[rows], y[rows]


def labelled(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The images with the model's own decisions for labels."""
    with torch.no_grad():
        return images, model(images).argmax(1)


def toy(around: float, n: int = N) -> Tensor:
    """Images ``(n, 1, 8, 8)`` whose pixels lie near 0.5."""
    return 0.5 + around * (2 * torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(3)) - 1)


def says(found: Diagnosis, status: str) -> str:
    return "; ".join(f"{check.name}: {check.says}" for check in found.checks if check.status == status)


def standard(model: nn.Module, data: tuple[Tensor, Tensor], eps: str = "8/255") -> Record:
    return bench.evaluate(model, attack="standard", eps=eps, data=data, n=None, seed=1)


def looked_at(model: nn.Module, data: tuple[Tensor, Tensor], eps: str = "8/255") -> Diagnosis:
    return examine(model, data=data, n=len(data[1]), eps=eps)


@pytest.mark.slow
def test_an_undefended_network_falls_and_is_healthy(enough_photos: tuple[Tensor, Tensor]) -> None:
    record = standard(known.undefended(), enough_photos)
    assert record.results[0].robust.value == 0
    assert record.reliability.status == "reliable"
    assert looked_at(known.undefended(), enough_photos).status != "fail"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "word"),
    [
        (known.vanishing_surrogate, "gradient along own"),
        (known.memoryless, "own"),
    ],
    ids=["vanishing surrogate", "leak of 0"],
)
def test_a_hidden_gradient_is_flagged_and_found_all_the_same(
    make: Callable[[], nn.Module], word: str, photos: tuple[Tensor, Tensor]
) -> None:
    data = labelled(make(), photos[0])
    found = looked_at(make(), data)
    assert found.status == "fail"
    assert word in says(found, "fail")
    stand = [bench.evaluate(make(), attack="pgd", data=data, n=None, seed=seed).results[0].robust.value for seed in range(4)]
    assert sum(stand) / len(stand) > 0.3  # 0.91 and 0.63, with a standard error of 0.05
    assert standard(make(), data).results[0].robust.value == 0


@pytest.mark.slow
def test_a_saturated_softmax_is_flagged_and_hides_nothing_but_from_others(photos: tuple[Tensor, Tensor]) -> None:
    model = known.Saturated(known.undefended())
    data = labelled(model, photos[0])
    found = looked_at(model, data)
    assert found.status == "fail"
    assert "gradient along own" in says(found, "fail")
    theirs = bench.evaluate(model, attack="foolbox:LinfPGD", eps="8/255", data=data, n=None).results[0]
    ours = bench.evaluate(model, attack="pgd", eps="8/255", data=data, n=None).results[0]
    assert theirs.robust.value > 0.3 >= ours.robust.value
    assert standard(model, data).results[0].robust.value == 0


def test_a_thresholded_input_is_flagged_and_broken_without_gradients() -> None:
    model = known.Thresholded(64)
    data = labelled(model, toy(0.04))
    found = looked_at(model, data)
    assert "gradient along own" in says(found, "fail")
    record = standard(model, data)
    assert record.results[0].robust.value == 0
    assert record.reliability.status == "unreliable"


@pytest.mark.slow
def test_foreign_neurons_are_controlled_and_broken(photos: tuple[Tensor, Tensor]) -> None:
    """They are of the author's own make, and take the paths that are defined for single spike functions all the same."""
    found = looked_at(known.foreign_neurons(), photos)
    assert "1 of 1 spike functions" in says(found, "pass")
    assert {"own", "narrow triangle", "ASSG"} <= set(found.path_names)
    assert found.status != "fail"
    assert standard(known.foreign_neurons(), photos).results[0].robust.value == 0


@pytest.mark.slow
def test_a_random_gate_is_averaged_over(photos: tuple[Tensor, Tensor]) -> None:
    model = known.Gated(known.undefended())
    record = standard(model, (photos[0][:4], photos[1][:4]))
    assert record.model.stochastic
    assert record.settings["eot"] > 1
    assert record.results[0].clean.value > 0.7
    assert record.results[0].robust.value < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("make", "status"), [(known.Crashing, "attack_error"), (known.NotANumber, "nan_gradient")])
def test_a_gradient_that_fails_on_some_samples(
    make: Callable[[nn.Module], nn.Module], status: str, photos: tuple[Tensor, Tensor]
) -> None:
    model = make(known.undefended())
    found = looked_at(model, photos)
    assert found.status == "fail"
    record = bench.evaluate(model, attack="pgd", data=photos, n=None)
    rows = record.rows
    bright = photos[0].flatten(1).mean(1).numpy() > 0.55
    assert (rows["status"][bright] == status).all()
    assert (rows["status"][~bright] == "ok").all()
    assert rows["robust"][~bright].sum() == 0  # the others are not sheltered by it
    assert record.reliability.status == "unreliable"
    assert record.results[0].undecided == rows["robust"][bright].sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("make", [known.Crashing, known.NotANumber])
def test_a_gradient_that_fails_does_not_shelter_a_sample_from_the_attack_set(
    make: Callable[[nn.Module], nn.Module], photos: tuple[Tensor, Tensor]
) -> None:
    record = standard(make(known.undefended()), photos)
    assert record.results[0].robust.value == 0
    assert record.results[0].undecided == 0
    assert record.reliability.status == "unreliable"
    assert len(record.reliability.reasons) <= 3  # one sentence for all stages that failed alike


@pytest.mark.slow
def test_a_model_that_looks_at_its_neighbours(photos: tuple[Tensor, Tensor]) -> None:
    model = known.Social(known.undefended())
    found = looked_at(model, labelled(model, photos[0]))
    assert "among other images" in says(found, "fail")
    record = standard(model, photos)
    assert record.results[0].robust.value == 0
    assert record.reliability.status == "unreliable"


@pytest.mark.slow
def test_a_robust_model_is_left_standing_and_believed() -> None:
    model = known.Steady()
    x = torch.cat([toy(0.02, 8) - 0.3, toy(0.02, 8) + 0.3])
    data = labelled(model, x)
    record = standard(model, data)
    assert record.results[0].robust.value == 1
    assert record.reliability.status == "reliable"
    assert looked_at(model, data).status != "fail"
