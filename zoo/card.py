"""Cards: everything that defines a model, as data beside its weights.

A card holds no measured numbers; those live with the records they came from.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from zoo.plain_yaml import load_plain

HOME = Path(__file__).parent
CARDS = HOME / "cards"
REPLICAS = "replicas"
"""Folder in that of the cards: recipes of the zoo once more, each with another seed."""
WEIGHTS = HOME / "weights"


BEHIND_CAMERAS = ("through_pictures", "through_spikes", "score_through_pictures", "reconstructor")
"""Builders of :mod:`zoo.cameras.networks` and :mod:`zoo.cameras.scoring`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """The name of a registered builder or defense, and the arguments it is built with."""

    name: str
    """Key in a catalogue (``zoo.architectures.BUILDERS`` or ``zoo.defenses.DEFENSES``)."""
    arguments: dict[str, Any] = {}
    """Keyword arguments."""


class Recipe(_Strict):
    """How the weights are trained: an optimiser with momentum, a linear warm-up, then a cosine to zero or to a cooldown."""

    start: str | None = None
    """Name of the zoo model whose weights training starts from; None for a random initialisation."""
    epochs: int = Field(gt=0)
    """Passes over the training images."""
    batch_size: int = Field(default=64, gt=0)
    """Images per step."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    warmup: float = Field(default=0.2, ge=0, lt=1)
    """Share of all steps spent warming up."""
    horizon: int | None = Field(default=None, gt=0)
    """Epochs that warm-up and cosine are laid out for; None for ``epochs``."""
    cooldown: int = Field(default=0, ge=0)
    """Last epochs, in which the rate falls linearly to zero from where the cosine is by then."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    """SGD with Nesterov momentum, or AdamW (decoupled weight decay, second moment 0.999)."""
    momentum: float = 0.9
    """Of the gradient: Nesterov's, or AdamW's first moment."""
    weight_decay: float = 5e-4
    """Of the parameters that ``decayed`` names."""
    decayed: Literal["weights", "all"] = "weights"
    """``weights``: convolution and linear weights. ``all``: also biases, BatchNorm and the parameters of activations and
    neurons, such as thresholds, as in code that hands all parameters to one optimiser."""
    augment: Literal["none", "crop_flip", "crop_flip_cutout", "crop_flip_autoaugment_cutout", "flip"] = "crop_flip"
    """Random crop of the image padded by 4 pixels, and horizontal flip, also with a square cut out, and
    AutoAugment's policy for CIFAR-10 before that; or the flip alone."""
    precision: Literal["float32", "bfloat16"] | None = None
    """Of layers and the signals between them, in forward and backward; weights and validation stay in float32. None means
    bfloat16 on GPUs and float32 on CPUs, of which few have the instructions that make bfloat16 the faster one."""
    seed: int = 0
    """Seed of initialisation, order, augmentation and the defense's own randomness."""
    notes: str = ""
    """How choices such as a penalty's weight were made. They were fixed before any test image was used."""

    @model_validator(mode="after")
    def _cools_down_within_its_epochs(self) -> Self:
        if self.cooldown > self.epochs or (self.horizon is not None and self.horizon < self.epochs):
            raise ValueError("a recipe cools down within its epochs, and its horizon lies no earlier than its last")
        return self


class Conversion(_Strict):
    """How weights are made from those of another model, without training."""

    source: str
    """Name of the zoo model that is converted: one without spikes, or one whose weights are taken as they are. That is one
    with the same builder and other arguments, or with the builder of the ``network`` that a camera is put before."""


class Weights(_Strict):
    """The shipped file ``zoo/weights/NAME.safetensors``."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file."""
    bytes: int = Field(gt=0)
    """Its size."""


class Card(_Strict):
    """One model of the zoo."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Key by which ``zoo.load`` opens it."""
    version: int = Field(default=1, ge=1)
    """Raised whenever its answers change."""
    title: str = ""
    """What a reader calls it, in a few words; empty where the name has to do."""
    summary: str
    """One line."""
    task: Literal["classification", "quality", "reconstruction"] = "classification"
    """What the outputs mean: logits ``(N, K)`` of classes, quality scores ``(N,)``, or pictures ``(N, C, H, W)``."""
    higher_is_better: bool = True
    """Of a quality model: whether a higher score means a better image."""
    score_range: tuple[float, float] = (0.0, 1.0)
    """Of a quality model: lowest and highest score of its scale, between which its shifts are judged."""
    size: Literal["compact", "paper"] = "compact"
    """``paper``: a network and recipe of the size that papers use, for a GPU; trained on request only."""
    dataset: str
    """Name of the data set it was trained on and is evaluated on by default."""
    builder: Part
    """Network."""
    defense: Part
    """Training loss."""
    spiking: bool
    """Whether it has spiking layers, which then must take gradient paths."""
    stochastic: bool = False
    """Whether two calls may differ."""
    recipe: Recipe | None = None
    """How to train it; None for a converted model, and for one without parameters."""
    conversion: Conversion | None = None
    """How to convert it; None for a trained model, and for one without parameters."""
    weights: Weights | None = None
    """None until trained, and for a model without parameters."""
    paper: str = ""
    """Reference of the defense, or of the input code that serves as one."""
    licence: str = "Apache-2.0"
    """Of the weights."""

    @model_validator(mode="after")
    def _made_in_one_way(self) -> Self:
        ways = (self.recipe is not None) + (self.conversion is not None)
        if ways > 1 or (ways == 0 and self.weights is not None):
            raise ValueError("a card has either a recipe or a conversion, and no weights where it has neither")
        return self

    @model_validator(mode="after")
    def _scores_within_a_range(self) -> Self:
        low, high = self.score_range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"a score range has two finite ends, the lower one first, not {low} and {high}")
        return self

    @property
    def has_parameters(self) -> bool:
        """Whether there are weights to make; False for a model that is ready as it is built."""
        return self.recipe is not None or self.conversion is not None

    @property
    def behind_camera(self) -> bool:
        """Whether it sees scenes through the camera of :mod:`zoo.cameras`, not the images themselves."""
        return self.builder.name in BEHIND_CAMERAS

    @property
    def network(self) -> str:
        """Name of the architecture; of a source of conversions or a converted network, that of its body."""
        return str(self.builder.arguments.get("network", self.builder.name))

    @property
    def training(self) -> Recipe:
        """The recipe. Raises ``ValueError`` for a model that is converted, or has no parameters: neither has one."""
        if self.recipe is None:
            raise ValueError(f"{self.name} {'is converted, not trained' if self.has_parameters else 'has no parameters'}")
        return self.recipe

    @property
    def needs(self) -> str | None:
        """Name of the model whose weights are needed to make this model's weights; None if there is none."""
        if self.conversion is not None:
            return self.conversion.source
        return None if self.recipe is None else self.recipe.start


@cache
def names() -> tuple[str, ...]:
    """Names of the models of the zoo, sorted."""
    return tuple(sorted(path.stem for path in CARDS.glob("*.yaml")))


@cache
def replicas() -> tuple[str, ...]:
    """Names of models that differ from a model of the zoo in the seed of their training alone, sorted.

    They tell how much a number owes to the seed (``python -m reports.seeds``), and are in no list or board.
    """
    return tuple(sorted(path.stem for path in (CARDS / REPLICAS).glob("*.yaml")))


def is_described(name: str | None) -> bool:
    """Whether a model of the zoo, or a replica of one, has this name."""
    return name in names() or name in replicas()


def card_file(name: str) -> Path:
    """The file of a card. Raises ``KeyError`` for an unknown name."""
    if not is_described(name):
        raise KeyError(name)
    return CARDS / f"{name}.yaml" if name in names() else CARDS / REPLICAS / f"{name}.yaml"


@cache
def card(name: str) -> Card:
    """The card of ``name``. Raises ``KeyError`` for an unknown name, ``ValueError`` for a malformed card."""
    return read_card(card_file(name))


def read_card(path: Path) -> Card:
    """Parse a card file. Raises ``ValueError`` if it is not YAML or a field is missing, unknown or of the wrong type."""
    try:
        content = load_plain(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name} is not valid YAML: {error}") from error
    try:
        parsed_card = Card.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(f"{path.name}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    if parsed_card.name != path.stem:
        raise ValueError(f"{path.name} describes a model named {parsed_card.name!r}; a card is named after its model")
    return parsed_card
