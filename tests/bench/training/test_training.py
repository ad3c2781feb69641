"""Training: seeded, resumable to the bit, and clear when it cannot go on."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.foundation.errors import BenchError, ModelError, StorageError
from bench.foundation.files import atomic_write_bytes, canonical_json
from bench.models.outputs import as_inputs
from bench.training import job
from bench.training.augment import PADDING, crop_flip
from bench.training.checkpoint import Checkpoint, Epoch
from bench.training.history import as_csv
from bench.training.loop import Progress, Split, figure, train
from bench.training.schedule import learning_rate, rate_of
from zoo.architectures.compact import compact
from zoo.card import Card, Recipe, card, read_card
from zoo.conversion.qcfs import QCFS, ann_qcfs
from zoo.defenses.base import Defense
from zoo.defenses.plain import Plain
from zoo.loading import load_card

RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=0.1, augment="crop_flip", seed=4)


def data(n: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return Split(pixels, torch.randint(3, (n,), generator=generator))


TRAIN, VAL = data(26, 0), data(10, 1)


def network() -> nn.Module:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3, stride=2)
    return nn.Sequential(conv, nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))


def trained(path: Path, model: nn.Module | None = None, defense: Defense | None = None, **options: object) -> list[Epoch]:
    settings = {"checkpoint": path, "digest": "d"} | options
    return train(model or network(), defense or Plain(), RECIPE, TRAIN, VAL, **settings)  # type: ignore[arg-type]


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    one, two = first.state_dict(), second.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


# --- schedule ---


@given(st.integers(2, 400), st.floats(0, 0.9), st.floats(1e-4, 1))
def test_rates(total: int, warmup: float, peak: float) -> None:
    rates = [learning_rate(step, total, peak=peak, warmup=warmup) for step in range(total)]
    assert all(0 < rate <= peak * (1 + 1e-12) for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert abs(top - warmup * total) <= 1
    assert learning_rate(total, total, peak=peak, warmup=warmup) == pytest.approx(0, abs=1e-12)


def test_rates_by_hand() -> None:
    rates = [learning_rate(step, 10, peak=1.0, warmup=0.2) for step in range(11)]
    assert rates[:3] == pytest.approx([0.1, 0.55, 1.0])
    assert rates[6] == pytest.approx(0.5)
    assert [learning_rate(2, 2, peak=1.0, warmup=warmup) for warmup in (0.75, 1.0)] == [0.0, 0.0]
    assert rates[4] == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))


def test_a_recipe_leaves_its_cosine_for_a_straight_cooldown() -> None:
    """Up to there, it takes the steps of the recipe that its horizon belongs to."""
    whole = Recipe(epochs=10, learning_rate=1.0, warmup=0.2)
    short = Recipe(epochs=7, horizon=10, cooldown=2, learning_rate=1.0, warmup=0.2)
    rates = [rate_of(short, step, 4) for step in range(28)]
    cosine = [learning_rate(step, 40, peak=1.0, warmup=0.2) for step in range(21)]
    assert rates[:20] == [rate_of(whole, step, 4) for step in range(20)] == cosine[:20]
    assert rates[20:] == pytest.approx([cosine[20] * (8 - step) / 8 for step in range(8)])
    assert rate_of(short, 28, 4) == 0


@pytest.mark.parametrize("wrong", [{"cooldown": 4}, {"horizon": 2}])
def test_a_cooldown_or_horizon_that_does_not_fit_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cools down within its epochs"):
        Recipe.model_validate({"epochs": 3, "learning_rate": 0.1, **wrong})


# --- augmentation ---


def test_every_image_is_a_crop_of_its_padded_self() -> None:
    images = torch.arange(1, 1 + 6 * 2 * 5 * 7).view(6, 2, 5, 7)
    padded = nn.functional.pad(images, [PADDING] * 4)
    flips, places = set(), set()
    for seed in range(40):
        out = crop_flip(images, torch.Generator().manual_seed(seed))
        assert out.shape == images.shape
        assert out.dtype == images.dtype
        for source, image in zip(padded, out, strict=True):
            found = [
                (top, left, flip)
                for top in range(2 * PADDING + 1)
                for left in range(2 * PADDING + 1)
                for flip, shown in ((False, image), (True, image.flip(2)))
                if torch.equal(source[:, top : top + 5, left : left + 7], shown)
            ]
            assert found
            places |= {(top, left) for top, left, _ in found}
            flips |= {flip for _, _, flip in found}
    assert flips == {True, False}
    assert {top for top, _ in places} == {left for _, left in places} == set(range(2 * PADDING + 1))


def test_augmentation_follows_its_generator() -> None:
    first, second, other = (crop_flip(TRAIN.images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert first.dtype == torch.uint8


# --- checkpoints ---

LOG = [Epoch(1, 0.1 + 0.2, 1 / 3, 0.5, 0.1, 2.0), Epoch(2, 1e-9, 1.0, 0.0, 0.0, 3.0)]


def checkpoint() -> Checkpoint:
    model = network()
    momentum = {name: torch.rand_like(parameter) for name, parameter in model.named_parameters()}
    return Checkpoint(model.state_dict(), momentum, LOG, "recipe")


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    written = checkpoint()
    written.write(tmp_path / "c")
    found = Checkpoint.read(tmp_path / "c")
    assert (found.log, found.recipe) == (LOG, "recipe")
    for ours, theirs in ((written.model, found.model), (written.momentum, found.momentum)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours)


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: b"", lambda c: c[:20], lambda c: b"\xff" * 8 + c[8:]])
def test_damaged_checkpoint(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "c"
    checkpoint().write(path)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BenchError, match="is damaged"):
        Checkpoint.read(path)


def test_a_flipped_bit_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    """Any bit, in the words or in the tensors: a training must not go on from other weights than it had."""
    path, written = tmp_path / "c", checkpoint()
    written.write(path)
    content = path.read_bytes()
    unnoticed = []
    for place in range(0, 8 * len(content), 29):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            again = Checkpoint.read(path)
        except BenchError:
            continue
        same = (again.log, again.recipe) == (LOG, "recipe") and all(
            ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
            for ours, theirs in ((written.model, again.model), (written.momentum, again.momentum))
        )
        if not same:
            unnoticed.append(place)
    assert unnoticed == []


def test_a_checkpoint_from_before_hashes_is_read(tmp_path: Path) -> None:
    from safetensors.torch import save

    written = checkpoint()
    tensors = {f"model/{key}": value for key, value in written.model.items()}
    tensors |= {f"momentum/{key}": value for key, value in written.momentum.items()}
    about = {"recipe": "recipe", "log": json.dumps([asdict(epoch) for epoch in LOG])}
    atomic_write_bytes(tmp_path / "c", save(tensors, metadata=about))
    again = Checkpoint.read(tmp_path / "c")
    assert (again.log, again.recipe) == (LOG, "recipe") and again.model.keys() == written.model.keys()


def test_a_weights_file_is_no_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import save

    atomic_write_bytes(tmp_path / "c", save({"a": torch.zeros(2)}))
    with pytest.raises(BenchError, match="is damaged"):
        Checkpoint.read(tmp_path / "c")


def test_log_as_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(LOG))))
    assert [float(row["loss"]) for row in rows] == [0.3, 0.0]
    assert [int(row["epoch"]) for row in rows] == [1, 2]


# --- the loop ---


def test_training_learns_its_images(tmp_path: Path) -> None:
    model = network()
    log = train(
        model,
        Plain(),
        RECIPE.model_copy(update={"epochs": 25, "augment": "none"}),
        TRAIN,
        TRAIN,
        checkpoint=tmp_path / "c",
        digest="d",
    )
    assert log[-1].val_figure > 0.9 > log[0].val_figure
    assert log[-1].val_figure == figure(model, TRAIN)
    assert log[-1].loss < log[0].loss
    assert [epoch.epoch for epoch in log] == list(range(1, 26))


def test_the_figure_keeps_the_mode() -> None:
    model = network().train()
    found = figure(model, VAL, batch=3)
    assert model.training
    assert found == figure(model.eval(), VAL)
    assert not model.training


@pytest.mark.parametrize("stop", [1, 2])
def test_resuming_gives_the_same_bits(tmp_path: Path, stop: int) -> None:
    whole = network()
    uninterrupted = trained(tmp_path / "whole", whole)
    for again in (1, 2):  # the same twice, so that the check below can fail
        other = network()
        trained(tmp_path / f"again{again}", other)
        assert same_weights(whole, other)

    def interrupt(epoch: Epoch) -> None:
        if epoch.epoch == stop:
            raise KeyboardInterrupt

    broken = network()
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "c", broken, on_epoch=interrupt)
    assert not same_weights(whole, broken)
    resumed = network()
    torch.manual_seed(99)
    log = trained(tmp_path / "c", resumed)
    assert same_weights(whole, resumed)
    assert [replace(epoch, seconds=0) for epoch in log] == [replace(epoch, seconds=0) for epoch in uninterrupted]


def test_a_stochastic_model_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    """Its draws are keyed by sample and epoch, not taken from torch's global generator."""

    def rate_coded() -> nn.Module:
        torch.manual_seed(0)
        return compact(steps=2, encoder="poisson", neuron={"threshold": 0.5}, widths=(2, 2, 2, 2), classes=3)

    images = torch.randint(256, (16, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    samples = Split(images, torch.arange(16) % 3)
    recipe = RECIPE.model_copy(update={"epochs": 2})

    def run_once(path: Path, stop: bool = False) -> tuple[nn.Module, list[Epoch]]:
        def interrupt(epoch: Epoch) -> None:
            if stop:
                raise KeyboardInterrupt

        model = rate_coded()
        try:
            log = train(model, Plain(), recipe, samples, samples, checkpoint=path, digest="d", on_epoch=interrupt)
        except KeyboardInterrupt:
            log = []
        return model, log

    whole, uninterrupted = run_once(tmp_path / "whole")
    run_once(tmp_path / "c", stop=True)
    resumed, log = run_once(tmp_path / "c")
    assert same_weights(whole, resumed)
    assert [replace(epoch, seconds=0) for epoch in log] == [replace(epoch, seconds=0) for epoch in uninterrupted]
    assert figure(whole, samples, batch=3) == figure(whole, samples, batch=16)


class Typed(Plain):
    """Remembers the types that the loss sees."""

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        loss, logits = super().loss(model, x, y, generator=generator)
        seen_types.append((logits.dtype, loss.dtype))
        return loss, logits


seen_types: list[tuple[torch.dtype, torch.dtype]] = []


@pytest.mark.parametrize(
    ("precision", "logits"), [(None, torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_precision_of_a_recipe(precision: str | None, logits: torch.dtype, tmp_path: Path) -> None:
    """Losses and weights stay in float32, and so does validation; a training that is resumed takes the same steps."""
    seen_types.clear()
    recipe = RECIPE.model_copy(update={"precision": precision})

    def run_once(path: Path, model: nn.Module, stop: int = 0) -> list[Epoch]:
        def interrupt(epoch: Epoch) -> None:
            if epoch.epoch == stop:
                raise KeyboardInterrupt

        return train(model, Typed(), recipe, TRAIN, VAL, checkpoint=path, digest="d", on_epoch=interrupt)

    whole, resumed = network(), network()
    run_once(tmp_path / "whole", whole)
    assert set(seen_types) == {(logits, torch.float32)}
    assert all(value.dtype in (torch.float32, torch.int64) for value in whole.state_dict().values())
    assert whole.eval()(VAL.images.float()).dtype == torch.float32
    with pytest.raises(KeyboardInterrupt):
        run_once(tmp_path / "c", network(), stop=1)
    run_once(tmp_path / "c", resumed)
    assert same_weights(whole, resumed)
    plain = network()
    trained(tmp_path / "plain", plain)
    assert same_weights(whole, plain) == (precision != "bfloat16")


def test_a_compiled_training_takes_the_same_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced whole, through the staircase of QCFS, and run without fusing, which needs no C++ compiler: the same bits."""
    modes: list[object] = []

    def traced(module: nn.Module, *, dynamic: bool) -> None:
        modes.append(dynamic)
        module._compiled_call_impl = torch.compile(module._call_impl, backend="eager", fullgraph=True, dynamic=dynamic)

    def source() -> nn.Module:
        torch.manual_seed(0)
        return ann_qcfs(widths=(2, 2, 2, 2), classes=3, gradient="paper")

    images = torch.randint(256, (16, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    samples = Split(images, torch.arange(16) % 3)
    monkeypatch.setattr(nn.Module, "compile", traced)
    models = {compiled: source() for compiled in (False, True)}
    for compiled, model in models.items():
        path = tmp_path / str(compiled)
        train(model, Plain(), RECIPE, samples, samples, checkpoint=path, digest="d", compiled=compiled)
    assert modes == [False]
    assert same_weights(models[False], models[True])
    assert Checkpoint.read(tmp_path / "True").model.keys() == source().state_dict().keys()


def test_interrupted_within_an_epoch(tmp_path: Path) -> None:
    whole = network()
    trained(tmp_path / "whole", whole)

    def interrupt(progress: Progress) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "c", on_step=interrupt)
    assert len(Checkpoint.read(tmp_path / "c").log) == 1
    resumed = network()
    trained(tmp_path / "c", resumed)
    assert same_weights(whole, resumed)


def test_a_defense_prepares_the_model_once(tmp_path: Path) -> None:
    """Before the first step, and not again where a training goes on."""
    seen: list[Tensor] = []

    class Prepared(Plain):
        def before_training(self, model: nn.Module, images: Tensor) -> None:
            seen.append(images)
            with torch.no_grad():
                model[0].weight.mul_(2)  # type: ignore[index, union-attr, operator]

    def interrupt(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    whole, resumed = network(), network()
    trained(tmp_path / "whole", whole, Prepared())
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "c", defense=Prepared(), on_epoch=interrupt)
    trained(tmp_path / "c", resumed, Prepared())
    assert same_weights(whole, resumed)
    assert [images is TRAIN.images for images in seen] == [True, True]
    plain = network()
    trained(tmp_path / "plain", plain)
    assert not same_weights(whole, plain)


def test_a_finished_training_is_only_loaded(tmp_path: Path) -> None:
    first, second = network(), network()
    log = trained(tmp_path / "c", first)
    before = (tmp_path / "c").stat().st_mtime_ns
    assert trained(tmp_path / "c", second) == log
    assert same_weights(first, second)
    assert (tmp_path / "c").stat().st_mtime_ns == before


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    trained(tmp_path / "c")
    content = (tmp_path / "c").read_bytes()
    with pytest.raises(BenchError, match="belongs to another recipe"):
        trained(tmp_path / "c", digest="other")
    assert (tmp_path / "c").read_bytes() == content


class Diverging(Plain):
    """A loss that is not finite from the second epoch on."""

    def loss(self, model: nn.Module, x: Tensor, y: Tensor, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        loss, logits = super().loss(model, x, y, generator=generator)
        calls.append(1)
        return loss * (math.inf if len(calls) > 3 else 1), logits


calls: list[int] = []


def test_divergence(tmp_path: Path) -> None:
    calls.clear()
    with pytest.raises(BenchError, match="Training diverged: the loss is not finite in epoch 2, step 3"):
        trained(tmp_path / "c", defense=Diverging())
    kept = Checkpoint.read(tmp_path / "c")
    assert len(kept.log) == 1
    assert all(value.isfinite().all() for value in kept.model.values())


def test_too_few_images_for_a_batch(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="5 training images"):
        train(network(), Plain(), RECIPE, data(5, 0), VAL, checkpoint=tmp_path / "c", digest="d")


# --- a card becomes a model ---

CARD = """# A comment that stays.
name: tiny
summary: A small model.
dataset: own
builder: {name: compact, arguments: {steps: 1, neuron: {}, widths: [2, 2, 2, 2], classes: 3}}
defense: {name: none}
spiking: true
recipe: {epochs: 1, batch_size: 4, learning_rate: 0.1}
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from bench.data.base import Samples

    def load(name: str, *, split: str, root: Path | None = None) -> Samples:
        generator = torch.Generator().manual_seed(len(split))
        pixels = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
        return Samples(pixels, torch.arange(8) % 3, torch.arange(8), name, split)

    monkeypatch.setattr(job, "load_samples", load)
    path = tmp_path / "tiny.yaml"
    path.write_text(CARD)
    return path


def run(source: Path, **options: object) -> job.Trained:
    settings = {"source": source, "out": source.parent / "out", "runs": source.parent / "runs"} | options
    return job.train_model(read_card(source), **settings)  # type: ignore[arg-type]


def test_from_card_to_model(source: Path) -> None:
    files = run(source)
    described = read_card(files.card)
    model = load_card(described, files.card.parent)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    assert described.weights is not None
    assert described.weights.bytes == files.weights.stat().st_size
    assert files.card.read_text().startswith(CARD)
    assert files.curve.read_bytes().startswith(b"\x89PNG")
    assert len(list(files.log.read_text().splitlines())) == 2
    again = run(files.card, out=source.parent / "again", runs=source.parent / "other")
    assert again.weights.read_bytes() == files.weights.read_bytes()
    assert again.card.read_text() == files.card.read_text()


@pytest.mark.parametrize("part", ["builder", "defense"])
def test_a_misspelt_argument_of_a_card_is_one_sentence(source: Path, part: str) -> None:
    described = read_card(source)
    wrong = getattr(described, part).model_copy(update={"arguments": {"stepz": 2}})
    with pytest.raises(ModelError, match=f"{described.name} cannot be built: .*stepz.*Correct the arguments in its card"):
        job.train_model(described.model_copy(update={part: wrong}), source=source, out=source.parent, runs=source.parent)


class Watched(Plain):
    """A defense that writes down when it is asked what it is like."""

    shares: list[float] = []  # noqa: RUF012

    def at(self, share: float) -> Defense:
        self.shares.append(share)
        return self


def test_a_defense_is_told_the_share_of_the_training(tmp_path: Path) -> None:
    Watched.shares.clear()
    trained(tmp_path / "c", defense=Watched())
    assert Watched.shares == pytest.approx([step / 9 for step in range(9)])


class Thresholds(nn.Module):
    """Weights, biases, BatchNorm and the threshold of an activation; the loss does not depend on any of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), QCFS(threshold=4.0), nn.Flatten(), nn.Linear(128, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return 0 * self.layers(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("decayed", "threshold"), [("weights", 4.0), ("all", 4.0 * (1 - 0.1 * 0.5))])
def test_what_decays(tmp_path: Path, decayed: str, threshold: float) -> None:
    """One step at rate 0.1 with decay 0.5 and no gradient: what decays is multiplied by 0.95, all else stays."""
    torch.manual_seed(0)
    model = Thresholds()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    recipe = Recipe.model_validate(
        {"epochs": 1, "batch_size": 26, "learning_rate": 0.1, "warmup": 0, "momentum": 0, "weight_decay": 0.5}
        | {"decayed": decayed}
    )
    train(model, Plain(), recipe, TRAIN, VAL, checkpoint=tmp_path / "c", digest="d")
    assert float(model.layers[2].threshold.detach()) == pytest.approx(threshold)
    for name, parameter in model.named_parameters():
        factor = 0.95 if decayed == "all" or parameter.dim() > 1 else 1.0
        torch.testing.assert_close(parameter.detach(), factor * before[name])


def test_what_follows_the_weights_in_a_card_is_kept(source: Path) -> None:
    old = "weights:\n  sha256: " + "ab" * 32 + "\n  bytes: 3\n"
    source.write_text(CARD + old + "paper: Somebody, Somewhere\n")
    described = read_card(run(source).card)
    assert described.paper == "Somebody, Somewhere"
    assert described.weights is not None
    assert described.weights.bytes > 3


def test_a_recipe_s_digest_ignores_its_notes_only(source: Path) -> None:
    described = read_card(source)

    def digest(**recipe: object) -> str:
        return job.recipe_digest(described.model_copy(update={"recipe": described.recipe.model_copy(update=recipe)}))

    assert digest() == digest(notes="why")
    others = [
        {"epochs": 2},
        {"seed": 1},
        {"augment": "none"},
        {"start": "x"},
        {"precision": "bfloat16"},
        {"optimiser": "adamw"},
        {"horizon": 9},
        {"cooldown": 1},
        {"decayed": "all"},
    ]
    assert len({digest(), *(digest(**other) for other in others)}) == 10
    assert digest() == digest(precision=None) != digest(precision="float32")


def test_checkpoints_from_before_a_choice_existed_are_continued() -> None:
    """The digest of a shipped recipe is the one from before: a choice that is left out does not count."""
    fields = card("ann_vanilla").model_dump(mode="json", include={"builder", "defense", "recipe", "dataset"})
    for newer in ("notes", "optimiser", "precision", "horizon", "cooldown", "decayed"):
        fields["recipe"].pop(newer)
    assert job.recipe_digest(card("ann_vanilla")) == hashlib.sha256(canonical_json(fields)).hexdigest()


def test_the_start_model(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = read_card(source)
    started = described.model_copy(update={"recipe": described.recipe.model_copy(update={"start": "no_such_model"})})
    with pytest.raises(ModelError, match="tiny starts from zoo:no_such_model, which cannot be loaded"):
        job.initial_model(started)
    untrained: Card = described.model_copy(update={"name": "base"})
    monkeypatch.setattr(job, "card", lambda name: untrained)
    with pytest.raises(ModelError, match="Train that first"):
        job.initial_model(started)
    random = torch.get_rng_state()
    assert same_weights(job.initial_model(described), job.initial_model(described))
    assert torch.equal(torch.get_rng_state(), random)


def test_the_weights_of_the_start_model_go_into_the_network_of_the_card(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, folder = read_card(run(source).card), source.parent / "out"
    monkeypatch.setattr(job, "card", lambda name: base)
    monkeypatch.setattr(job, "load_card", lambda described: load_card(described, folder))

    def starting(**builder: object) -> Card:
        part = base.builder.model_copy(update={"arguments": base.builder.arguments | builder})
        return base.model_copy(update={"builder": part, "recipe": base.recipe.model_copy(update={"start": "tiny"})})

    assert same_weights(job.initial_model(starting()), load_card(base, folder))
    scaled = job.initial_model(starting(steps=3, neuron={"input_scale": 3}))
    assert scaled(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    assert len(scaled.state_dict()) == len(load_card(base, folder).state_dict()) + 4
    with pytest.raises(ModelError, match=r"tiny cannot start from zoo:tiny: the weights .* do not fit"):
        job.initial_model(starting(classes=4))


def test_a_place_that_cannot_be_written_is_found_before_training(source: Path) -> None:
    (source.parent / "file").write_text("")
    for key in ("out", "runs"):
        seen: list[Epoch] = []
        with pytest.raises(StorageError):
            run(source, **{key: source.parent / "file"}, on_epoch=seen.append)
        assert not seen


def test_binary_frames_are_trained_on_as_they_are() -> None:
    frames = torch.tensor([[False, True]])
    assert as_inputs(frames).tolist() == [[0.0, 1.0]]
    assert as_inputs(frames.to(torch.uint8) * 255).tolist() == [[0.0, 1.0]]
    assert as_inputs(torch.tensor([51], dtype=torch.uint8)).tolist() == pytest.approx([0.2])
