"""The page of the documentation shows the table that is kept, and the table speaks of the gallery as it is."""

from __future__ import annotations

import pandas as pd

from strangers import table
from strangers.gallery import STRANGERS


def test_the_page_shows_the_table_that_is_kept() -> None:
    text = table.PAGE.read_text(encoding="utf-8")
    assert table.page_with_table(text) == text


def test_the_table_has_a_row_for_each_stranger_and_the_verdict_that_it_should_get() -> None:
    kept = table.kept()
    assert list(kept["name"]) == [stranger.name for stranger in STRANGERS]
    assert list(kept["idiom"]) == [stranger.idiom for stranger in STRANGERS]
    assert list(kept["verdict"]) == [stranger.verdict for stranger in STRANGERS]
    assert all(stranger.because in reason for stranger, reason in zip(STRANGERS, kept["reason"], strict=True))


def test_in_the_table_those_whose_gradients_pass_keep_what_their_twins_keep() -> None:
    kept = (
        table.kept()
        .set_index("name")
        .join(pd.DataFrame({"follows": {stranger.name: stranger.follows for stranger in STRANGERS}}))
    )
    follows = kept[kept["follows"]]
    assert len(follows) >= 12
    assert follows["twin"].between(0.1, 0.6).all()
    assert (follows["low"] <= 0).mean() > 0.8 and (follows["high"] >= 0).mean() > 0.8
    assert abs(float((follows["robust"] - follows["twin"]).mean())) < 0.02
    vanishing = kept.loc["hand_vanishing"]
    assert vanishing["believed"] > vanishing["robust"] + 0.1
