"""The table of ResNet-20: measures of its models, and what the attacks of its own board leave of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.studies.measures.attacked import FAMILY_BOARD, attacked
from bench.studies.measures.sheet import Sheet
from reports.zoo_table import zoo_table
from zoo.card import card

NETWORK = "resnet20"


def in_family(sheet: Sheet) -> bool:
    """Whether a measured model is of this network."""
    return card(sheet.model).network == NETWORK


def family_table(sheets: Sequence[Sheet], root: Path, radii: Sequence[str]) -> str:
    """One row per measured model of the family, as :func:`~reports.zoo_table.zoo_table` has it; a sentence without any.

    sheets: measured models of the zoo, of which those of other networks are left out. root: the folder of boards.
    """
    family = [sheet for sheet in sheets if in_family(sheet)]
    return zoo_table(family, attacked(root, FAMILY_BOARD), radii) if family else "No model of the family is measured yet."
