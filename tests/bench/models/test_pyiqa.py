"""Metrics of pyiqa through a stand-in for the library: it is never installed with this suite."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench
from bench.foundation.errors import ModelError, SpecError
from bench.models.opening import open_subject

X = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
MOS = torch.linspace(0, 1, 6)


class Fake(nn.Module):
    """What pyiqa gives back: scores (N, 1), lower meaning better where the name says so."""

    def __init__(self, name: str, settings: dict[str, Any]) -> None:
        super().__init__()
        self.name, self.settings, self.lower_better = name, settings, name == "niqe"
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        if self.name == "flat":
            return x.detach().mean((1, 2, 3))[:, None]
        score = self.weight * x.mean((1, 2, 3))[:, None]
        return score.mean() if self.name == "mean" else score


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """Puts a stand-in in the place of pyiqa; all metrics it made."""
    found: list[Fake] = []

    def create_metric(name: str, **settings: Any) -> Fake:
        if name == "offline":
            raise OSError("no connection\nand more")
        found.append(Fake(name, settings))
        return found[-1]

    nr = {"metric_mode": "NR", "score_range": "~0, ~1"}
    configs: dict[str, dict[str, Any]] = {
        "hyperiqa": nr,
        "clipiqa+": nr,
        "flat": nr,
        "mean": nr,
        "offline": nr,
        "niqe": nr | {"score_range": "~0, ~100", "lower_better": True},
        "endless": nr | {"score_range": "0, "},
        "fid": nr,
        "qalign_8bit": nr,
        "lpips": {"metric_mode": "FR"},
    }
    library = ModuleType("pyiqa")
    library.create_metric = create_metric  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyiqa", library)
    monkeypatch.setitem(
        sys.modules,
        "pyiqa.default_model_configs",
        SimpleNamespace(DEFAULT_CONFIGS=configs),  # type: ignore[arg-type]
    )
    return found


def test_without_the_library_one_sentence_says_how_to_get_it_and_under_which_licence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(ModelError) as caught:
        open_subject("pyiqa:hyperiqa")
    assert caught.value.what == "pyiqa:hyperiqa needs pyiqa, which is not installed."
    assert "pip install pyiqa" in caught.value.fix and "PolyForm Noncommercial 1.0.0" in caught.value.fix


def test_a_metric_is_opened_for_gradients_per_image(made: list[Fake]) -> None:
    subject = open_subject("pyiqa:hyperiqa,num_crop=1,pretrained=false,scale=0.5,backbone=r50")
    (fake,) = made
    assert fake.settings == {
        "as_loss": True,
        "loss_reduction": "none",
        "device": torch.device("cpu"),
        "num_crop": 1,
        "pretrained": False,
        "scale": 0.5,
        "backbone": "r50",
    }
    assert subject.task == "quality" and subject.higher_is_better and subject.score_range == (0.0, 1.0)
    assert not subject.module.training and not any(p.requires_grad for p in subject.module.parameters())
    torch.testing.assert_close(subject.module(X), 2 * X.mean((1, 2, 3)))
    assert subject.fingerprint["metric"] == "hyperiqa" and subject.fingerprint["licence"].startswith("PolyForm")
    assert subject.fingerprint["options"]["num_crop"] == "1"
    assert open_subject("pyiqa:clipiqa+").module(X).shape == (6,)


def test_lower_is_better_and_the_scale_are_taken_over(made: list[Fake]) -> None:
    subject = open_subject("pyiqa:niqe")
    assert not subject.higher_is_better and subject.score_range == (0.0, 100.0)
    assert open_subject("pyiqa:niqe,low=2,high=10").score_range == (2.0, 10.0)
    record = bench.evaluate("pyiqa:niqe", attack="fgsm", eps="4/255", data=(X, MOS))
    # Scores are turned so that higher is better; raising them lowers the metric's own.
    assert bool((record.rows["shift_up"] > 0).all()) and bool((record.rows["clean"] < 0).all())
    assert record.model.ref == "pyiqa:niqe"


def test_a_metric_without_a_gradient_is_evaluated_and_flagged(made: list[Fake]) -> None:
    record = bench.evaluate("pyiqa:flat", attack="pgd:steps=2", eps="4/255", data=(X, MOS))
    assert bool((record.rows["gradient_l1"] == 0).all())
    assert record.reliability.status == "unreliable"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pyiqa:hyperiq", "not among its no-reference metrics of single images: clipiqa"),
        ("pyiqa:lpips", "not among its no-reference"),
        ("pyiqa:fid", "not among its no-reference"),
        ("pyiqa:qalign_8bit", "not among its no-reference"),
        ("pyiqa:offline", r"cannot be opened \(OSError: no connection\)"),
        ("pyiqa:endless", "give its ends, for example endless,low=0,high=100"),
        ("pyiqa:hyperiqa,low=1,high=1", "give its ends"),
        ("pyiqa:hyperiqa,low=1", "declares the scale"),
        ("pyiqa:hyperiqa,low=a,high=b", "give its ends"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(made: list[Fake], name: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        open_subject(name)


@pytest.mark.parametrize("text", ["pyiqa:", "pyiqa:a b", "pyiqa:x,y", "pyiqa:x,a=1,a=2"])
def test_malformed_names_are_refused_before_anything_is_imported(text: str) -> None:
    with pytest.raises(SpecError):
        open_subject(text)


def test_one_score_for_many_images_is_refused(made: list[Fake]) -> None:
    with pytest.raises(ValueError, match=r"gives scores \(\) for 6 images"):
        open_subject("pyiqa:mean").module(X)
