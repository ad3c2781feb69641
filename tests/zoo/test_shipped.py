"""What the shipped models do on real images: curves that fall as they must, and defenses that defend."""

from __future__ import annotations

from itertools import pairwise

import pytest

import bench
from reports import readme
from zoo.card import card, names

TRAINED = [name for name in names() if card(name).weights is not None and card(name).task == "classification"]


SOME = ("ann_vanilla", "snn_at", "snn_cos", "snn_ttfs")
"""One trained directly, one defended, one converted, one that codes in time; the others belong to ``make test-all``."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in SOME else pytest.mark.slow) for name in TRAINED])
def test_raw_curves_are_sane(name: str) -> None:
    """Each radius is attacked from scratch: nothing is inherited from a smaller one.

    The rates of a stochastic model are means over draws, and each of its queries costs ten: fewer images, some slack.
    Networks of the papers' size cost five times as much as compact ones: fewer images.
    """
    stochastic, large = card(name).stochastic, card(name).size == "paper"
    n, slack = 5 if stochastic else 10 if large else 25, 0.15 if stochastic else 0.0
    record = bench.evaluate(f"zoo:{name}", attack=["fgsm", "pgd"], eps="0,2/255,8/255,1", n=n)
    robust = {(cell.attack, cell.eps_text): cell.robust.value for cell in record.results}
    clean = record.results[0].clean.value
    assert abs(robust["pgd", "0"] - clean) <= slack
    falling = [robust["pgd", eps] for eps in ("0", "2/255", "8/255", "1")]
    assert all(smaller <= larger + slack for larger, smaller in pairwise(falling))
    assert falling[-1] <= 0.02 + slack
    for eps in ("2/255", "8/255"):
        assert robust["pgd", eps] <= robust["fgsm", eps] + slack
        # The worst attack of a stochastic model is chosen by other draws than those that are reported.
        assert robust["worst case", eps] <= robust["pgd", eps] + slack
    # A step through a filter that the gradient passes straight through leads nowhere for sure, and the record says so.
    filtered = {"quantised", "filter"} & set(card(name).builder.arguments)
    assert record.reliability.status in ({"upper_bound", "unreliable"} if filtered else {"upper_bound"})
    assert not record.rows["unstable"].any()


@pytest.mark.parametrize("eps", ["2/255", "8/255"])
@pytest.mark.parametrize(("defended", "plain"), [("ann_at", "ann_vanilla"), ("snn_at", "snn_vanilla")])
def test_adversarial_training_helps_beyond_doubt(defended: str, plain: str, eps: str) -> None:
    kept = {record.model.ref: record for record in readme.models()}
    found = bench.compare(kept[f"zoo:{defended}"], kept[f"zoo:{plain}"])
    (difference,) = (one.difference for one in found if one.what == readme.ATTACKS[0] and one.eps_text == eps)
    assert difference.low > 0
