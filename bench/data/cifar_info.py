"""What is known about CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) before a byte of them is read."""

from __future__ import annotations

from bench.data.cifar_layouts import SHAPE
from bench.data.info import DatasetInfo

HOST = "https://www.cs.toronto.edu/~kriz"
_CITATION = "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. University of Toronto, 2009."
_LICENCE = "none stated"
_SPLITS = {"train": 45_000, "val": 5_000, "train_full": 50_000, "test": 10_000}

_CLASSES_10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CLASSES_100 = tuple(
    """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
    forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
    mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
    possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
    willow_tree wolf woman worm""".split()  # noqa: SIM905 - a hundred quoted names say no more
)

CIFAR10_INFO = DatasetInfo("cifar10", "CIFAR-10", _CLASSES_10, SHAPE, _SPLITS, _LICENCE, _CITATION, f"{HOST}/cifar.html")
CIFAR100_INFO = DatasetInfo("cifar100", "CIFAR-100", _CLASSES_100, SHAPE, _SPLITS, _LICENCE, _CITATION, f"{HOST}/cifar.html")
