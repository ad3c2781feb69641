"""The small functions of the site: frozen attacks, references, short names, BibTeX, facts and axes."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from support.leaderboard import kept_records, protocol

from bench.boards.card import EntryCard, zoo_card
from bench.tasks.record import ModelInfo
from reports.site.axes import Axes, around, rounded_up
from reports.site.bibtex import bibtex, escaped
from reports.site.claims import reading, view
from reports.site.facts import facts
from reports.site.figures import counted, until
from reports.site.frozen import piece, plainly
from reports.site.glossary import terms_in
from reports.site.references import pieces
from reports.site.view import EntryView
from reports.site.words import frozen_attacks
from zoo.card import card, names

DAY = datetime.date(2026, 1, 2)


def test_a_frozen_attack_in_words() -> None:
    pgd = piece("PGD(steps=10, restarts=1, objective=None, step_size=0.5, random_start=True, keep='best')")
    assert pgd.words == "PGD: steps 10, restarts 1, step size 0.5, random start yes, keep best"
    assert piece("Training(coding=None)").words == "the model's own gradient"
    assert piece("SAPGD(objective='margin', inner=PGD(steps=2), parts=(1, 2))").words == (
        "SA-PGD: objective margin, inner PGD: steps 2, parts 1, 2"
    )
    for text in ("not (python", "a word", "", "Name"):
        assert piece(text).words == text
    assert plainly("along (ASSG(coding=None, half=0.44)) of all") == "along (ASSG: half 0.44) of all"


def test_a_search_by_answers_alone_names_no_gradient() -> None:
    record = kept_records()[0]
    searches = ("Square(queries=300, share=0.8)", "FlipSearch(queries=500)", "PGD(steps=10)", "Forgotten(steps=1)")
    stages = [{"name": "", "attack": search, "path": "Training(coding=None)"} for search in searches]
    attack = {"spec": "standard", "name": "", "parameters": {}, "spiking": stages, "smooth": stages, "coded": stages}
    ((group,),) = [attack.groups for attack in frozen_attacks(protocol(record, attacks=[attack]))]
    assert [stage.path.words.partition(":")[0] for stage in group.stages] == ["none"] * 2 + ["the model's own gradient"] * 2


def test_arxiv_ids_become_addresses_and_nothing_is_lost() -> None:
    text = "Liu et al., ICML 2024, arXiv 2405.20355; after arXiv:2303.04347, and arXiv 12.34"
    parts = list(pieces(text))
    assert "".join(words for words, _ in parts) == text
    assert [address for _, address in parts if address] == [
        "https://arxiv.org/abs/2405.20355",
        "https://arxiv.org/abs/2303.04347",
    ]
    assert list(pieces("<b>no paper</b>")) == [("<b>no paper</b>", "")]


def test_short_names_are_found_as_words() -> None:
    terms = {term.name for term in terms_in(["SA-PGD-50, blunter ASSG", "APGD-CE"])}
    assert terms == {"SA-PGD", "ASSG", "APGD"}
    assert {term.name for term in terms_in(["pgd:steps=20", "hart"])} == {"PGD", "HART"}
    assert terms_in(["nothing"]) == []


def test_a_bibtex_entry_keeps_its_braces_in_pairs() -> None:
    assert escaped("50% {a}_b \\ ~^ #$&\nc") == (
        r"50\% \{a\}\_b \textbackslash{} \textasciitilde{}\textasciicircum{} \#\$\& c"
    )
    record = kept_records()[0]
    hostile = EntryCard.model_validate(
        {"name": "a", "version": 1, "kind": "own_code", "authors": ["A } B", "C"], "submitted": DAY}
    )
    entry = EntryView("a@1", hostile, record, "f" * 64, None, True, {})
    text = bibtex(entry, protocol(record))
    assert text.startswith("@misc{spikebench_snn_sample_linf_v1_a_1,\n") and "{A \\} B} and {C}" in text
    plain = text.replace("\\{", "").replace("\\}", "")
    assert plain.count("{") == plain.count("}") and "ffffffffffffffff" in text


def model(builder: object, spiking: bool = True) -> ModelInfo:
    return ModelInfo(ref="x", fingerprint={"builder": builder}, spiking=spiking, stochastic=False, layers=1)


def entry_card(**fields: Any) -> EntryCard:
    return EntryCard.model_validate({"name": "x", "version": 1, "kind": "own_code", "submitted": DAY, **fields})


@pytest.mark.parametrize(
    ("builder", "network", "steps"),
    [
        ({"name": "compact", "arguments": {"steps": 4, "neuron": {}}}, "compact", 4),
        ({"name": "vgg", "arguments": {"plan": "vgg11", "steps": 8}}, "VGG-11", 8),
        ({"name": "snn_qcfs", "arguments": {"network": "resnet20", "steps": 8}}, "ResNet-20", 8),
        ({"name": "snn_srp", "arguments": {"steps": 4, "tau": 4}}, "compact", 8),
        ({"name": "through_spikes", "arguments": {"camera": {"ticks": 32}, "network": {}}}, "on spike planes", 32),
        ({"name": "reconstructor", "arguments": {"camera": {"ticks": 32}, "reconstruction": "tfp"}}, "camera alone", None),
        ({"name": "of_a_plugin", "arguments": {"steps": "four"}}, "of a plugin", None),
        ("nonsense", "", None),
        ({"name": 3}, "", None),
    ],
)
def test_network_and_steps_are_those_of_the_record(builder: object, network: str, steps: int | None) -> None:
    known = facts(entry_card(), model(builder))
    assert (known.network, known.steps) == (network, steps)


def test_only_a_network_with_spikes_counts_as_spiking() -> None:
    behind = {"name": "through_pictures", "arguments": {"camera": {"ticks": 8}, "network": {"steps": 1, "neuron": None}}}
    assert not facts(entry_card(), model(behind)).spiking
    behind["arguments"]["network"] = {"steps": 4, "neuron": {}}  # type: ignore[index]
    assert facts(entry_card(), model(behind)).spiking and facts(entry_card(), model(behind)).steps == 4
    alone = {"name": "reconstructor", "arguments": {"camera": {"ticks": 8}, "reconstruction": "tfp"}}
    scored = {"name": "score_through_pictures", "arguments": {"camera": {"ticks": 8}, "network": {"name": "linearity"}}}
    assert not facts(entry_card(), model(alone)).spiking and not facts(entry_card(), model(scored)).spiking


def test_families_of_defenses() -> None:
    compact: dict[str, object] = {"name": "compact", "arguments": {"steps": 4}}
    coded = {"name": "compact", "arguments": {"steps": 4, "encoder": "poisson"}}
    assert facts(entry_card(defense="trades"), model(compact)).family == "adversarial training"
    assert facts(entry_card(defense="my_own"), model(compact)).family == "my own"
    assert facts(entry_card(), model(coded)).family == "input code"
    assert facts(zoo_card("snn_qcfs", DAY), model(compact)).family == "conversion"
    assert facts(zoo_card("ann_at", DAY), model(compact, False)).title == "Adversarially trained ANN"
    assert facts(entry_card(name="ann_at"), model(compact)).title == ""  # a name of the zoo in foreign hands


def test_no_two_models_of_the_zoo_have_one_title() -> None:
    titles = [card(name).title for name in names() if card(name).title]
    assert len(titles) == len(set(titles)) > 50


def test_axes() -> None:
    assert [rounded_up(value) for value in (0.0, 1.0, 1.01, 1.69, 3.0)] == [1.0, 1.0, 1.2, 2.0, 3.2]
    assert [rounded_up(value, 0.2) for value in (0.0, 0.17, 0.297, 1.01)] == [0.2, 0.2, 0.4, 1.2]
    axes = Axes(2.0, 1.0, 100, 80, left=10, right_margin=10, top=5, bottom_margin=15)
    assert axes.line([0.0, 1.0, 2.0], [0.0, 1.0, 9.0]) == "10.0,65.0 50.0,5.0 90.0,5.0"
    assert axes.y(-1.0) == 65.0
    assert [around(values) for values in ([0.71, 0.83], [0.2, 0.35], [0.8], [-0.1, 0.9])] == [
        (0.6, 1.0),
        (0.2, 0.4),
        (0.8, 1.0),
        (-0.2, 1.0),
    ]
    zoomed = Axes(1.0, 1.0, 100, 80, left=10, right_margin=10, x_bottom=0.6)
    assert zoomed.x_ticks == [(10.0, 60), (30.0, 70), (50.0, 80), (70.0, 90), (90.0, 100)]


def test_a_dash_never_meets_a_minus_sign() -> None:
    assert (
        until("1.0", "2.0") == "1.0\N{EN DASH}2.0"
        and until("-0.14", "-0.09") == "-0.14 to -0.09"
        and until("-1", "2") == "-1 to 2"
    )
    assert counted(100) == "100" and counted(12000) == "12,000"


def test_a_claim_says_whose_minus_whose() -> None:
    from bench.studies.claims.claim import Bound, Claim, Result

    claim = Claim(
        claim="A beats B.",
        source="s",
        models=["no_a", "no_b"],
        statistic="robust_difference",
        protocol={"n": 5},
        holds=Bound(side="below", value=0.02),
        result=Result(value=-0.0004, low=-0.05, high=0.25, n=5),
    )
    assert reading(claim) == "accuracy under attack: zoo:no_a minus zoo:no_b"
    lines = dict(view("x", claim).fields)
    assert lines["holds if"] == "the difference lies below 2 points"
    assert lines["measured"] == "0.0 points [-5.0, +25.0], n = 5"
    two = claim.model_copy(
        update={"models": ["no_a"], "statistic": "attack_difference", "protocol": {"attacks": ["pgd", "fgsm"]}}
    )
    assert reading(two) == "accuracy under the attack on zoo:no_a: pgd along training minus fgsm along training"
    assert reading(two.model_copy(update={"statistic": "robust"})).startswith("accuracy under attack")
