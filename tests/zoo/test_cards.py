"""Every card of the zoo, and what happens to a card that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from attacks.gradients.base import TakesGradientPath
from zoo.card import CARDS, WEIGHTS, Card, Part, card, names, read_card, replicas
from zoo.defenses.base import Defense
from zoo.loading import build, build_defense

GOOD: dict[str, Any] = {
    "name": "some_model",
    "summary": "A model.",
    "dataset": "cifar10",
    "builder": {"name": "compact", "arguments": {"steps": 1, "neuron": None}},
    "defense": {"name": "none"},
    "spiking": False,
    "recipe": {"epochs": 1, "learning_rate": 0.1},
    "weights": {"sha256": "0123456789abcdef" * 4, "bytes": 10},
}

EVERY = (*names(), *replicas())


def written(folder: Path, content: str | dict[str, Any], name: str = "some_model") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_the_zoo_is_not_empty() -> None:
    assert {"ann_vanilla", "snn_vanilla"} <= set(names())
    assert list(names()) == sorted(path.stem for path in CARDS.glob("*.yaml"))


@pytest.mark.parametrize("name", replicas())
def test_a_replica_differs_in_its_seed_alone(name: str) -> None:
    """And in the precision, which is that of the original's training, said because a GPU has another default."""
    base, seed = re.fullmatch(r"(\w+)_seed(\d)", name).groups()
    replica, original = card(name), card(base)
    assert replica.training.seed == int(seed) != original.training.seed
    assert replica.needs == (None if original.needs is None else f"{original.needs}_seed{seed}")
    assert (replica.builder, replica.defense, replica.dataset) == (original.builder, original.defense, original.dataset)
    own = {"seed": original.training.seed, "start": original.needs, "precision": None, "notes": original.training.notes}
    assert replica.training.model_copy(update=own) == original.training


def test_replicas_are_models_beside_the_zoo() -> None:
    assert replicas() and not set(replicas()) & set(names())
    with pytest.raises(KeyError):
        card("snn_vanilla_seed9")


@pytest.mark.parametrize("name", EVERY)
def test_card_describes_something_that_can_be_built(name: str) -> None:
    described = card(name)
    assert described.name == name
    with torch.device("meta"):  # some have 60 million weights
        model = build(described.builder)
    assert any(isinstance(module, TakesGradientPath) for module in model.modules()) == described.spiking
    assert any(getattr(module, "stochastic", False) for module in model.modules()) == described.stochastic
    assert isinstance(model, nn.Module) and isinstance(build_defense(described.defense), Defense)


@pytest.mark.parametrize("name", EVERY)
def test_what_a_model_is_made_from_exists(name: str) -> None:
    """``needs`` names cards, and following it comes to an end."""
    chain = [name]
    while (before := card(chain[-1]).needs) is not None:
        assert before in EVERY and before not in chain
        chain.append(before)


@pytest.mark.parametrize("name", EVERY)
def test_card_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    described = card(name)
    again = read_card(written(tmp_path, described.model_dump(mode="json"), name))
    assert again == described
    assert Card.model_validate_json(described.model_dump_json()) == described


@pytest.mark.parametrize("name", names())
def test_text_is_short_and_present(name: str) -> None:
    described = card(name)
    assert 0 < len(described.summary) <= 110 and "\n" not in described.summary
    coded = described.builder.arguments.get("encoder", "direct") != "direct" or described.builder.name != "compact"
    assert described.size == "compact" or described.weights is None or described.weights.bytes <= 12_000_000
    assert bool(described.paper) == (described.defense.name != "none" or coded)


def test_a_card_is_trained_or_converted(tmp_path: Path) -> None:
    converted = {key: value for key, value in GOOD.items() if key != "recipe"} | {"conversion": {"source": "ann_qcfs"}}
    found = read_card(written(tmp_path, converted))
    assert found.needs == "ann_qcfs" and read_card(written(tmp_path, GOOD)).needs is None
    with pytest.raises(ValueError, match="some_model is converted, not trained"):
        _ = found.training
    ready = read_card(written(tmp_path, {key: GOOD[key] for key in GOOD if key not in ("recipe", "weights")}))
    assert ready.needs is None and not ready.has_parameters and found.has_parameters
    with pytest.raises(ValueError, match="some_model has no parameters"):
        _ = ready.training


def test_weights_and_cards_belong_together() -> None:
    shipped = {path.stem: path.stat().st_size for path in WEIGHTS.glob("*.safetensors")}
    assert shipped == {name: card(name).weights.bytes for name in EVERY if card(name).weights}


def test_good_card(tmp_path: Path) -> None:
    found = read_card(written(tmp_path, GOOD))
    assert found.name == "some_model" and found.version == 1
    assert read_card(written(tmp_path, GOOD | {"weights": None})).weights is None


WRONG: dict[str, tuple[Any, str]] = {
    "unknown field": (GOOD | {"accuracy": 0.9}, "accuracy"),
    "unknown recipe field": (GOOD | {"recipe": GOOD["recipe"] | {"momentun": 0.9}}, "momentun"),
    "unknown field of a part": (GOOD | {"defense": {"name": "none", "eps": 0.1}}, "eps"),
    "another name": (GOOD | {"name": "other_model"}, "named after its model"),
    "name with a slash": (GOOD | {"name": "../model"}, "name"),
    "missing field": ({k: v for k, v in GOOD.items() if k != "recipe"}, "recipe"),
    "both recipe and conversion": (GOOD | {"conversion": {"source": "ann_qcfs"}}, "either a recipe or a conversion"),
    "no epochs": (GOOD | {"recipe": {"epochs": 0, "learning_rate": 0.1}}, "epochs"),
    "epochs in words": (GOOD | {"recipe": {"epochs": "many", "learning_rate": 0.1}}, "epochs"),
    "learning rate not a number": (
        GOOD | {"recipe": {"epochs": 1, "learning_rate": float("nan")}},
        "learning_rate",
    ),
    "unknown task": (GOOD | {"task": "dancing"}, "task"),
    "arguments in a list": (GOOD | {"builder": {"name": "compact", "arguments": [1]}}, "arguments"),
    "short hash": (GOOD | {"weights": {"sha256": "abc", "bytes": 10}}, "sha256"),
    "empty": ("", "valid dictionary"),
    "a list": ("- 1\n- 2\n", "valid dictionary"),
    "not YAML": ("name: [some_model", "not valid YAML"),
    "code": ("!!python/object/apply:os.getcwd []", "not valid YAML"),
}


@pytest.mark.parametrize(("content", "named"), WRONG.values(), ids=WRONG)
def test_wrong_card(content: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        read_card(written(tmp_path, content))
    assert str(caught.value).startswith("some_model.yaml")
    assert "\n" not in str(caught.value).partition("not valid YAML")[0]


def test_unknown_name() -> None:
    with pytest.raises(KeyError, match="no_such_model"):
        card("no_such_model")


@pytest.mark.parametrize(("make", "kind", "known"), [(build, "builder", "compact"), (build_defense, "defense", "none")])
def test_unknown_part(make: Callable[[Part], object], kind: str, known: str) -> None:
    part = Part(name="no_such_part")
    with pytest.raises(ValueError, match=f"unknown {kind} 'no_such_part'; known: .*{known}"):
        make(part)


@pytest.mark.parametrize("ends", [(1.0, 0.0), (0.5, 0.5), (0.0, float("inf")), (float("nan"), 1.0)])
def test_a_degenerate_score_range_is_refused(ends: tuple[float, float]) -> None:
    described = card("iqa_hyperiqa").model_dump() | {"score_range": ends}
    with pytest.raises(ValueError, match="two finite ends, the lower one first"):
        Card.model_validate(described)
