"""The commands that are killed."""

from __future__ import annotations

from soak.on_boards import (
    challenged,
    challenged_before,
    entered,
    entered_before,
    filled,
    of_boards,
    ran,
    site,
    site_before,
    small_zoo_board,
    submission_prepared,
    submitted,
    whole_boards,
)
from soak.on_data import (
    card_of_training,
    got,
    installed,
    of_data,
    of_training,
    of_zoo,
    own_copy,
    readable_cards,
    trained,
    zoo_of_training,
)
from soak.on_records import evaluated, evaluated_before, of_records, readable_records, small_pictures
from soak.on_studies import (
    checked,
    claims_before,
    measured,
    nothing_there,
    of_claims,
    of_sheet,
    readable_claims,
    readable_sheet,
)
from soak.scenario import Scenario, every_byte, nothing_to_say

BOARD_FILES = ("boards/*/v1/*", "boards/*/v1/gallery/*")
SAVED_FILES = ("records/*/record.json", "records/*/rows.parquet", "records/*/adversarial/*")
_ALL = (
    Scenario("evaluate", small_pictures, evaluated(), of_records, readable_records),
    Scenario("evaluate --save-adv", small_pictures, evaluated("--save-adv"), of_records, readable_records, SAVED_FILES),
    Scenario("evaluate --fresh", evaluated_before, evaluated("--fresh"), of_records, readable_records),
    Scenario("enter", entered_before, entered, every_byte("boards"), whole_boards, BOARD_FILES),
    Scenario("board run", small_zoo_board, ran, of_boards, whole_boards),
    Scenario("board fill", small_zoo_board, filled, of_boards, whole_boards),
    Scenario("submit run", submission_prepared, submitted, of_boards, whole_boards),
    Scenario("challenge", challenged_before, challenged, of_boards, whole_boards),
    Scenario("report site", site_before, site, every_byte("site")),
    Scenario("data get", own_copy, got, of_data, nothing_to_say, ("data/*/*",)),
    Scenario("train", card_of_training, trained, of_training, nothing_to_say, ("runs/*/*",)),
    Scenario("train --install", zoo_of_training, installed, of_zoo, readable_cards),
    Scenario("measure", nothing_there, measured, of_sheet, readable_sheet, ("records/measures/*",)),
    Scenario("claims --run", claims_before, checked, of_claims, readable_claims, ("records/values/*",)),
)
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
