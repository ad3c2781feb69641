"""The photographs behind the set ``photos``: where each comes from, who made it, under which licence.

Test photographs are chosen among those whose licences let crops ship here with a credit (public domain, CC0, CC-BY,
CC-BY-SA; see NOTICE). The others are fetched by whoever wants to train and are not passed on. The position in
:data:`PHOTOS` is the photograph's number for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PhotoSplit = Literal["train", "val", "test"]

SCIKIT_IMAGE = "scikit-image"
"""Source of the photographs that come with the Python package of this name; all others come with Debian packages."""


@dataclass(frozen=True)
class Photo:
    """One photograph. crops: how many are cut from it; package: of Debian, or :data:`SCIKIT_IMAGE`; path: inside of it."""

    name: str
    split: PhotoSplit
    crops: int
    package: str
    path: str
    credit: str
    licence: str
    md5: str

    @property
    def file(self) -> str:
        """The name under which the photograph is collected."""
        return f"{self.name}{self.path[self.path.rindex('.') :]}"


def _scikit(name: str, file: str, credit: str, licence: str, md5: str) -> Photo:
    return Photo(name, "test", 6, SCIKIT_IMAGE, f"data/{file}", credit, licence, md5)


def _lomiri(
    name: str, split: PhotoSplit, crops: int, file: str, credit: str, licence: str, md5: str, release: str = "16.04"
) -> Photo:
    path = f"usr/share/backgrounds/{file}.jpg"
    return Photo(name, split, crops, f"lomiri-wallpapers-{release}", path, credit, licence, md5)


def _mate(name: str, split: PhotoSplit, crops: int, file: str, credit: str, md5: str) -> Photo:
    path = f"usr/share/backgrounds/mate/nature/{file}.jpg"
    return Photo(name, split, crops, "mate-backgrounds", path, credit, "GPL-2+", md5)


def _plasma(name: str, split: PhotoSplit, crops: int, folder: str, credit: str, md5: str) -> Photo:
    path = f"usr/share/wallpapers/{folder}/contents/images/2560x1600.jpg"
    return Photo(name, split, crops, "plasma-workspace-wallpapers", path, credit, "LGPL-3", md5)


PHOTOS: tuple[Photo, ...] = (
    _scikit("astronaut", "astronaut.png", "NASA", "public domain", "97066e0a8baf4cd0be9859f9825aa3a2"),
    _scikit("cat", "chelsea.png", "Stefan van der Walt", "CC0-1.0", "0f1b4a59504988622035d850dc0555ac"),
    _scikit("coffee", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar", "CC0-1.0", "f24210802e8d0690e0c1c2302f907cc4"),
    _scikit("rocket", "rocket.jpg", "SpaceX", "public domain", "511130d2072cc744a1fa5015bc23557a"),
    _lomiri(
        "meadow",
        "test",
        6,
        "aitzgorri_by_Aitzol_Berasategi",
        "Aitzol Berasategi, 2018",
        "CC-BY-4.0",
        "7d13f3e78bbad10e2bc0487c3dd80e6c",
    ),
    _lomiri(
        "peaks",
        "test",
        6,
        "picosdeeuropa_by_Aitzol_Berasategi",
        "Aitzol Berasategi, 2018",
        "CC-BY-4.0",
        "c05a3bbe70a0bbdd6f39e26482986223",
    ),
    _lomiri(
        "sunset",
        "test",
        6,
        "sunset_by_Aitzol_Berasategi",
        "Aitzol Berasategi, 2018",
        "CC-BY-4.0",
        "35f4bb7d497987709538f4bc5b24513b",
    ),
    _lomiri(
        "fig",
        "test",
        6,
        "Picture_0B_by_freespace",
        'Trevor "Freespace", 2018',
        "CC-BY-4.0",
        "96edee036ac6b5d789111230aedef20b",
    ),
    _lomiri("wine", "test", 6, "Wine_by_Jakkub_Mede", "Jakub Mede, 2018", "CC-BY-4.0", "e66d2e48a0a9ee87d925dbe38ef9d2ff"),
    _lomiri(
        "dandelion",
        "test",
        6,
        "seeding_by_Clements_Engelhardt",
        "Clemens Engelhardt, 2018",
        "CC0-1.0",
        "7e5ffcae2cd6a9d7fb9221bdb38c98e7",
    ),
    _lomiri(
        "bridge",
        "test",
        6,
        "Bridge_by_Sander_Klootwijk",
        "Sander Klootwijk, 2018",
        "CC-BY-SA-4.0",
        "fe4903edd1db5fe29f2267d7876770e6",
    ),
    _lomiri(
        "dragonfly", "test", 6, "Dragonfly_by_Bolly", '"Bolly", 2018', "CC-BY-SA-4.0", "599228cd246283c7fba376e5354a6e03"
    ),
    _lomiri(
        "nuthatch",
        "test",
        6,
        "Kleiber_by_Lukas_Baubkus",
        "Lukas Baubkus, 2021",
        "CC-BY-SA-3.0",
        "f9cd0fb79c4985921dbe618ac12feaec",
        "20.04",
    ),
    _lomiri(
        "clock",
        "val",
        5,
        "greentock_by_Peter_Nerlich",
        "Peter Nerlich, 2018",
        "CC-BY-SA-4.0",
        "c96bf91f15753f558608c9b2ab874525",
    ),
    _mate(
        "grass",
        "val",
        5,
        "GreenMeadow",
        "Timothy Schellhase, 2005; Lapo Calamandrei, 2008",
        "a39f784809c4550e12427ad463b8d8e7",
    ),
    _plasma("boats", "val", 5, "EveningGlow", "Ian Hex", "e526fe88c2730e320714a5a977cce547"),
    _plasma("leaf", "val", 5, "FallenLeaf", "Martin Klapetek", "1512901fb0be824ac1f8a83e728117ae"),
    _plasma("planks", "val", 5, "BytheWater", "Maciej Wiklo", "ece2f0680ea401170b1747460ace9c69"),
    _lomiri(
        "friends",
        "train",
        14,
        "friends_by_Aitzol_Berasategi",
        "Aitzol Berasategi, 2018",
        "CC-BY-4.0",
        "7c04388de6179c8d99d45dd7cd241706",
    ),
    _lomiri(
        "stream",
        "train",
        14,
        "life_by_Aitzol_Berasategi",
        "Aitzol Berasategi, 2018",
        "CC-BY-4.0",
        "03f2ca37ae56f1105c1e2cfa35ec3d6f",
    ),
    _lomiri(
        "brushes",
        "train",
        14,
        "Picture_1A_by_freespace",
        'Trevor "Freespace", 2018',
        "CC-BY-4.0",
        "95cc6538cf1e8d62e4f496767c128036",
    ),
    _lomiri(
        "lamps",
        "train",
        8,
        "free_by_Peter_Nerlich",
        "Peter Nerlich, 2018",
        "CC-BY-SA-4.0",
        "32d7173269315b3e7df4f170e76e8f28",
    ),
    _mate("drop", "train", 6, "Aqua", "Charles Barbin, 2008", "bb9d83532a31223343a044d25242dcd6"),
    _mate("blinds", "train", 8, "Blinds", "Lennart Poettering and Andrea Cimitan, 2008", "aa8c959b44dab9cb85ad5f3dc0c85f51"),
    _mate("dune", "train", 14, "Dune", "Marco Cogoni, 2007; Hylke Bons, 2008", "c56a7b8ac1a9a25b3a5d9965c1e1ee15"),
    _mate("gerbera", "train", 7, "FreshFlower", "Jens Ansorg, 2005", "3a94856c33abf72d5120897a492e68a2"),
    _mate("garden", "train", 7, "Garden", "Charles Barbin, 2008", "4164703bd7b6f087358e87f3aa296c4a"),
    _mate("raindrops", "train", 14, "RainDrops", "blackcombwhistler07, 2008", "ab77b2ceef702553108c377d86ce2817"),
    _mate("storm", "train", 11, "Storm", "Sergey Nazarov, 2008", "7f3abd21e0ee03b40b4fb8c7874575e5"),
    _mate("wings", "train", 10, "TwoWings", "Charles Barbin and Hylke Bons, 2008", "b627e9c299a88d63f3eb40a0da68999a"),
    _mate("wood", "train", 11, "Wood", "Jean-François Fortin Tam, 2008", "efe68ac15751369fe829a6e7b6740b82"),
    _mate("sunflower", "train", 10, "YellowFlower", "Charles Barbin, 2008", "b6167ae420518663a9f7f112aa7abc49"),
    _plasma("jetty", "train", 11, "ColdRipple", "Risto Saukonpää", "02dcf2946fb4e8c66abeef4b03d3b4c3"),
    _plasma("cups", "train", 14, "ColorfulCups", "Dmitri Popov", "cc54e89092d7b3433966f1c8e33e7de2"),
    _plasma("facade", "train", 14, "Grey", "Sigi Sagi", "dd12745cf46afde33adb358409941a78"),
    _plasma("kite", "train", 7, "Kite", "Risto Saukonpää", "c64d0a17402e246cd026735c6b5b9349"),
    _plasma("moss", "train", 14, "OneStandsOut", "Risto Saukonpää", "e409163f338f01883d2f33436bad2606"),
    _plasma("forest", "train", 14, "Path", "Risto Saukonpää", "a5d8ff9723157d3d73083caa5ddba49d"),
    _plasma("lake", "train", 7, "summer_1am", "Risto Saukonpää", "ebf57232dee8183060e2a7d6b76e26cc"),
)
"""All of them; ``PHOTOS[i]`` is the group ``i`` of the samples."""


def photos_of(*splits: str) -> tuple[int, ...]:
    """The numbers of the photographs of these splits."""
    return tuple(number for number, photo in enumerate(PHOTOS) if photo.split in splits)
