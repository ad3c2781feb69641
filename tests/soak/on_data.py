"""Data in miniature: taken over from a copy, and trained on."""

from __future__ import annotations

from pathlib import Path

import yaml
from support.small_cifar import batches, small_cifar
from support.submissions import state

import zoo.card
from bench.data import DATASETS
from bench.data.cifar import CIFAR10
from bench.data.verified import check_files
from bench.training import side_by_side
from soak.scenario import Result, bench, every_byte, shared_with
from zoo.card import read_card

PER_BATCH = 20
CARD = {
    "name": "tiny",
    "summary": "A small model.",
    "dataset": "cifar10",
    "builder": {"name": "compact", "arguments": {"steps": 1, "neuron": {}, "widths": [2, 2, 2, 2]}},
    "defense": {"name": "none"},
    "spiking": True,
    "recipe": {"epochs": 3, "batch_size": 30, "learning_rate": 0.1},
}


def small_set() -> CIFAR10:
    """CIFAR-10 in miniature, to which its name is given in :func:`with_small_set`."""
    return small_cifar(PER_BATCH)


def with_small_set(*words: str) -> None:
    """``bench WORDS`` in a process that knows no other CIFAR-10 than the small one."""
    DATASETS["cifar10"] = f"{__name__}:small_set"
    bench(*words)


def write_set(folder: Path) -> None:
    """The files of the set."""
    folder.mkdir(parents=True)
    for name, content in batches(PER_BATCH).items():
        (folder / name).write_bytes(content)


def own_copy(home: Path, shared: Path) -> None:
    """A copy of the set that is to be taken over."""
    write_set(home / "copy")


def got(home: Path) -> None:
    """``bench data get --from``."""
    with_small_set("data", "get", "cifar10", "--from", "copy", "--root", "data")


def of_data(home: Path) -> Result:
    """The verified files. Raises ``DataError`` if one is not what was published."""
    made = small_set()
    check_files(made.where(home / "data"), made.files, "")
    return every_byte("data")(home)


def card_of_training(home: Path, shared: Path) -> None:
    """A zoo whose only card is that of a network of a few weights, and its training images outside of the folder."""
    (home / "cards").mkdir()
    (home / "cards" / "tiny.yaml").write_text(yaml.safe_dump(CARD))
    write_set(small_set().where(shared))


def trained(home: Path) -> None:
    """``bench train`` of that network: three epochs, each of which leaves a checkpoint."""
    zoo.card.CARDS = home / "cards"
    zoo.card.names.cache_clear()
    data = str(shared_with(home))
    with_small_set("train", "zoo:tiny", "--out", "trained", "--runs", "runs", "--data-root", data, "--threads", "1")


def of_training(home: Path) -> Result:
    """Weights and card; log and curve hold seconds."""
    return {name: sha256 for name, sha256 in state(home / "trained").items() if name.endswith((".safetensors", ".yaml"))}


def zoo_of_training(home: Path, shared: Path) -> None:
    """The same, and a folder of weights."""
    card_of_training(home, shared)
    (home / "weights").mkdir()


def installed(home: Path) -> None:
    """``bench train --install``: weights into the zoo, and their hash into its card."""
    zoo.card.CARDS = home / "cards"
    zoo.card.names.cache_clear()
    side_by_side.WEIGHTS = home / "weights"
    data = str(shared_with(home))
    with_small_set("train", "zoo:tiny", "--install", "--runs", "runs", "--data-root", data, "--threads", "1")


def of_zoo(home: Path) -> Result:
    """Weights and cards; nothing else lies among the cards."""
    weights = {name: sha256 for name, sha256 in state(home / "weights").items() if name.endswith(".safetensors")}
    return weights | every_byte("cards")(home)


def readable_cards(home: Path) -> list[str]:
    """Whatever happened, every card can be read."""
    try:
        for path in (home / "cards").glob("*.yaml"):
            read_card(path)
    except ValueError as error:
        return [str(error)]
    return []
