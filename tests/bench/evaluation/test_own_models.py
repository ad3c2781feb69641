"""Networks that this suite did not build, from end to end: one record is of one model, and says what to know of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny import Linear, Noisy, images, labelled
from torch import Tensor, nn

import bench
from bench.evaluation.reliability.doctor import examine
from bench.evaluation.request.settings import Tick
from bench.foundation.errors import ModelError

X, Y = labelled(Linear(), 60)
QUICK: dict[str, Any] = {"attack": "fgsm", "eps": "0.1", "data": (X, Y)}

HIDDEN = """
import torch
from pathlib import Path
from torch import nn

class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.load(Path(__file__).with_name("w.pt"), weights_only=True)

    def forward(self, x):
        return x.flatten(1) @ self.weight

class Outside(nn.Module):
    def forward(self, x):
        return x.flatten(1) @ torch.load(Path(__file__).with_name("w.pt"), weights_only=True)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "m.py").write_text(HIDDEN)
    save(tmp_path, 0)
    return tmp_path / "m.py"


def save(folder: Path, seed: int) -> None:
    torch.save(torch.randn(9, 3, generator=torch.Generator().manual_seed(seed)), folder / "w.pt")


class Stop(Exception):
    pass


def stop(tick: Tick) -> None:
    raise Stop


def test_other_weights_are_another_record(file: Path, tmp_path: Path) -> None:
    first = bench.evaluate(f"{file}::Hidden", out=tmp_path / "out", **QUICK)
    again = bench.evaluate(f"{file}::Hidden", out=tmp_path / "out", **QUICK)
    assert again.created == first.created
    save(tmp_path, 1)
    other = bench.evaluate(f"{file}::Hidden", out=tmp_path / "out", **QUICK)
    assert other.identity != first.identity
    assert other.results[0].clean != first.results[0].clean  # type: ignore[attr-defined]


def test_weights_that_nothing_shows_are_known_by_the_answers(file: Path, tmp_path: Path) -> None:
    """Finished or interrupted: what was begun with one model is not gone on with another."""
    bench.evaluate(f"{file}::Outside", out=tmp_path / "done", **QUICK)
    with pytest.raises(Stop):
        bench.evaluate(f"{file}::Outside", out=tmp_path / "half", on_tick=stop, **QUICK)
    save(tmp_path, 1)
    for out in ("done", "half"):
        with pytest.raises(ModelError, match=r"answers otherwise: the weights of .* have changed since") as caught:
            bench.evaluate(f"{file}::Outside", out=tmp_path / out, **QUICK)
        assert "\n" not in str(caught.value)
    assert bench.evaluate(f"{file}::Outside", out=tmp_path / "half", fresh=True, **QUICK).model.answers


class Remembers(nn.Module):
    """Membranes that nobody resets."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Linear()
        self.membrane: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        kept = 0.0 if self.membrane is None else self.membrane
        self.membrane = 0.9 * kept + self.inner(x.flip(0)) + self.inner(x)
        return self.membrane


def test_memory_is_not_taken_for_chance() -> None:
    with pytest.raises(ModelError, match=r"remembers its last call\. Reset its state") as caught:
        bench.evaluate(Remembers(), **QUICK)
    assert "stochastic" not in str(caught.value)
    with pytest.raises(ModelError, match=r"say so with --stochastic"):
        bench.evaluate(Noisy(size=5.0), **QUICK)


class Running(Remembers):
    """The state lasts for batches of any size."""

    def forward(self, x: Tensor) -> Tensor:
        kept = 0.0 if self.membrane is None else self.membrane
        logits: Tensor = kept + self.inner(x)
        self.membrane = 2 * logits.mean(0, keepdim=True).flip(1)
        return logits


def test_memory_that_is_declared_to_be_chance_is_on_record() -> None:
    record = bench.evaluate(Running(), stochastic=True, **QUICK)
    assert any("remembers its last call" in remark for remark in record.remarks)
    assert bench.evaluate(Noisy(), stochastic=True, **QUICK).remarks == []


@pytest.mark.parametrize("model", [Remembers, Running, Noisy])
def test_the_doctor_survives_them(model: type[nn.Module]) -> None:
    checks = {check.name: check for check in examine(model(), n=20, data=(X, Y), eps="0.1").checks}
    assert any(check.status == "fail" for name, check in checks.items() if name.startswith("decisions"))
    assert ("memory" in checks) == (model is not Noisy)


class Wants(nn.Module):
    """Right on images that are given to it in another way, and on those alone."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        kind = self.kind
        green = x[:, 1].mean((1, 2))
        if kind == "255":
            level = torch.where(x.amax((1, 2, 3)) > 1, green / 255, green * 0)
        elif kind == "centred":
            level = torch.where(x.amin((1, 2, 3)) < 0, (green + 1) / 2, green * 0)
        else:
            level = x[:, 2].mean((1, 2))
        return -(level[:, None] - (torch.arange(4) + 0.5) / 4).abs()


def levels(n: int = 60) -> tuple[Tensor, Tensor]:
    """Images of four brightnesses whose red channel is black."""
    labels = torch.arange(n) % 4
    x = ((labels + 0.5) / 4).view(-1, 1, 1, 1).repeat(1, 3, 2, 2)
    x[:, 0] = 0
    return x, labels


@pytest.mark.parametrize(("kind", "words"), [("255", "--preprocess 255"), ("centred", "--mean 0.5 --std 0.5")])
def test_a_wrong_input_range_is_named(kind: str, words: str) -> None:
    record = bench.evaluate(Wants(kind), attack="fgsm", eps="0.01", data=levels())
    (remark,) = record.remarks
    assert words in remark
    options = {"preprocess": "255"} if kind == "255" else {"mean": "0.5", "std": "0.5"}
    helped = bench.evaluate(Wants(kind), attack="fgsm", eps="0.01", data=levels(), **options)
    assert helped.results[0].clean.value == 1  # type: ignore[attr-defined]
    assert helped.remarks == []


def test_other_channels_and_other_labels_are_named() -> None:
    x, y = levels()
    (remark,) = bench.evaluate(Wants("blue"), attack="fgsm", eps="0.01", data=(x.flip(1), y)).remarks
    assert "blue, green, red" in remark
    (remark,) = bench.evaluate(Wants("blue"), attack="fgsm", eps="0.01", data=(x, 3 - y)).remarks
    assert "another order than the labels" in remark


def test_more_classes_than_labels_and_less_than_was_expected() -> None:
    x, y = levels()
    few = y < 2
    record = bench.evaluate(Wants("blue"), attack="fgsm", eps="0.01", data=(x[few], y[few]))
    assert record.remarks == ["It tells 4 classes apart, and there are 2 labels: are these its first classes, in order?"]
    wrong = torch.where(torch.arange(len(X)) < 12, (Y + 1) % 3, Y)
    record = bench.evaluate(Linear(), attack="fgsm", eps="0.01", data=(X, wrong), expect=97)
    assert record.remarks == ["Clean accuracy is 80.0%, and 97% were expected."]
    assert bench.evaluate(Linear(), attack="fgsm", eps="0.01", data=(X, wrong), expect=82).remarks == []


class OutsideOfTorch(nn.Module):
    """Answers of numpy."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Linear()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.from_numpy(self.inner(x.detach()).numpy().copy())


def test_a_model_without_gradients_is_searched_without_them_and_gets_an_upper_bound() -> None:
    """What one blind search breaks after another is no sign against gradients: there were none."""
    record = bench.evaluate(OutsideOfTorch(), data=(X[:12], Y[:12]), attack="standard", eps="0.3")
    (attack,) = record.attacks
    # 3 x 3 pixels are too few for Square.
    assert [stage.name for stage in attack.stages] == ["boundary", "HopSkipJump", "blind corners"]
    assert all("follows gradients" in text or "needs images" in text for text in attack.left_out)
    assert record.reliability.status == "upper_bound"
    assert "gradient-free" not in {check.name for check in record.reliability.checks}
    assert "no gradient reaches the input" in record.reliability.reasons[0]
    assert record.results[0].backwards == 0 and record.results[0].robust.value < 1


def test_a_batch_is_on_record() -> None:
    plain, small = bench.evaluate(Linear(), **QUICK), bench.evaluate(Linear(), batch=7, **QUICK)
    assert "batch" not in plain.settings
    assert small.settings["batch"] == 7
    assert small.machine["micro_batch"] == 7
    assert small.identity != plain.identity
    assert bench.evaluate(Linear(), batch=50, **QUICK).identity == plain.identity


def test_what_fails_in_forward_names_its_line() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return undefined_name(x)  # type: ignore[name-defined,no-any-return]  # noqa: F821

    with pytest.raises(ModelError, match=r"NameError: .*undefined_name.* at test_own_models\.py:\d+: return .*Correct"):
        bench.evaluate(Broken(), **QUICK)
    with pytest.raises(ModelError, match=r"expected inputs .* Let forward\(x\) take images of this shape"):
        bench.evaluate(nn.Sequential(nn.Flatten(), nn.Linear(8, 3)), **QUICK)
    assert images(1).shape[1:] == (1, 3, 3)
