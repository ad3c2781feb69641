"""Specs: what is written is what is meant, and what is not understood is refused."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attacks import ATTACKS, PATHS
from attacks.adapters import base as adapters
from bench.evaluation.request.attack_specs import attack_registry, path_registry, resolve_attack, resolve_path
from bench.foundation.errors import BenchError, SpecError, UnknownNameError
from bench.foundation.model_refs import CardRef, FileRef, GraphRef, LibraryRef, ZooRef, parse_model_ref
from bench.foundation.spec import (
    Spec,
    bind_params,
    number,
    parse_eps,
    parse_spec,
)

words = st.from_regex(r"[A-Za-z][A-Za-z0-9_.\-]*", fullmatch=True)
keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
values = st.text(st.characters(blacklist_characters=",", blacklist_categories=("Cs",)), min_size=1).filter(
    lambda text: text == text.strip()
)
specs = st.builds(
    Spec,
    words,
    st.none() | st.from_regex(r"[A-Za-z0-9_.\-]+", fullmatch=True),
    st.dictionaries(keys, values, max_size=4),
)
soup = st.text() | st.text("ab1@:=,/.- \n")


@given(specs)
def test_a_printed_spec_is_read_back(spec: Spec) -> None:
    assert parse_spec(str(spec)) == spec
    assert list(parse_spec(f"  {spec}\n").params) == list(spec.params)


@given(soup)
def test_any_text_is_a_spec_or_an_error_to_act_on(text: str) -> None:
    for parse in (parse_spec, parse_eps, parse_model_ref, resolve_attack, resolve_path):
        with contextlib.suppress(BenchError):
            parse(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    ["", ":", "p:", "1p", "p:steps", "p:steps=", "p:=3", "p:steps=1,", "p:steps=1,steps=2", "a@", "a@b@c", "a b"],
)
def test_not_a_spec(text: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(text)


def test_an_attack_of_another_library_has_a_colon_in_its_name() -> None:
    for text in ("foolbox:LinfPGD", "torchattacks:PGD,steps=20", "foolbox:LinfPGD,steps=20,random_start=no"):
        spec = parse_spec(text)
        assert spec.name == text.partition(",")[0]
        assert str(spec) == text
    assert parse_spec("foolbox:LinfPGD,steps=20").params == {"steps": "20"}
    planned = resolve_attack("foolbox:LinfPGD,steps=20")
    assert (planned.name, planned.passed) == ("foolbox:LinfPGD", {"steps": 20})
    assert planned.defaulted["version"]
    for text in ("foolbox", "foolbox:", "foolbox:LinfPGD,", "foolbox:LinfPGD:steps=2", "foolbox:steps=2", "foolbox@3:FGM"):
        with pytest.raises(BenchError):
            resolve_attack(text)
    with pytest.raises(UnknownNameError, match="Did you mean: foolbox:LinfPGD"):
        resolve_attack("foolbox:LinfPDG")


def test_a_library_that_is_missing_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(adapters, "version", missing)
    with pytest.raises(SpecError) as caught:
        resolve_attack("torchattacks:PGD")
    assert str(caught.value) == (
        "The attack torchattacks:PGD needs torchattacks, which is not installed. "
        "Run: pip install --no-deps torchattacks==3.5.1."
    )


def test_model_refs() -> None:
    assert parse_model_ref("zoo:snn@2") == ZooRef(Spec("snn", "2"))
    assert parse_model_ref("zoo:snn@2:steps=16") == ZooRef(Spec("snn", "2"), 16)
    for text in (
        "zoo:a:b=1",
        "zoo:a:steps=0",
        "zoo:a:steps=-1",
        "zoo:a:steps=1.5",
        "zoo:a:steps=4,b=1",
        "zoo:a:steps=1234567",
    ):
        with pytest.raises(SpecError, match="only parameter is the number of time steps"):
            parse_model_ref(text)
    assert parse_model_ref("a/b.py::make") == FileRef("a/b.py", "make")
    assert parse_model_ref("a/b.yaml") == CardRef("a/b.yaml")
    assert parse_model_ref("timm:resnet18.a1_in1k,num_classes=10") == LibraryRef(
        "timm", "resnet18.a1_in1k", {"num_classes": "10"}
    )
    assert parse_model_ref("spikingjelly:sew_resnet18") == LibraryRef("spikingjelly", "sew_resnet18", {})
    assert parse_model_ref("nir:a/b.nir,dt=2") == GraphRef("nir", "a/b.nir", {"dt": "2"})
    for text in ("onnx:a/b.onnx", "a/b.onnx"):
        assert parse_model_ref(text) == GraphRef("onnx", "a/b.onnx", {})
    assert parse_model_ref("A.ONNX") == GraphRef("onnx", "A.ONNX", {})
    for text in ("snn", "zoo:", "zoo:a:", "a.txt::make", "a.py::", "a.py::1x", "foo:bar", "timm:", "timm:a b", "onnx"):
        with pytest.raises(SpecError):
            parse_model_ref(text)


def test_eps() -> None:
    found = [(eps.value, eps.text) for eps in parse_eps(" 8/255, 0.5,0,1")]
    assert found == [(8 / 255, "8/255"), (0.5, "0.5"), (0.0, "0"), (1.0, "1")]
    assert parse_eps("2.5", norm="l2")[0].value == 2.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a number"),
        ("eight", "is not a number"),
        ("8/0", "is not a number"),
        ("8/255/2", "is not a number"),
        ("nan", "is not a number"),
        ("inf", "is not a number"),
        ("1e999", "is not a number"),
        ("8/255,", "is not a number"),
        ("-8/255", "is negative"),
        ("8/255,16/510", "is given twice"),
        ("8", "Did you mean 8/255?"),
    ],
)
def test_bad_eps(text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said.replace("?", r"\?")):
        parse_eps(text)


@given(st.floats(0, 1))
def test_any_radius_is_read_exactly(value: float) -> None:
    assert [e.value for e in parse_eps(repr(value))] == [value]


@given(st.floats())
def test_a_number_is_a_radius_and_its_text_says_it_exactly(value: float) -> None:
    if not 0 <= value <= 1:
        with pytest.raises(SpecError, match=r"is not a number|is negative|exceeds 1"):
            parse_eps(value)
        return
    (eps,) = parse_eps(value)
    assert eps.value == value == number(eps.text)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (8 / 255, ["8/255"]),
        (np.float64(8 / 255), ["8/255"]),
        (0.2, ["0.2"]),
        (0, ["0"]),
        (1, ["1"]),
        ([2 / 255, "4/255", 0.1], ["2/255", "4/255", "0.1"]),
        (np.array([0.5]).tolist(), ["0.5"]),
    ],
)
def test_numbers_are_told_as_one_would_write_them(given: Any, texts: list[str]) -> None:
    assert [eps.text for eps in parse_eps(given)] == texts


@pytest.mark.parametrize("given", [True, None, [None], [[0.1]], {0.1}, 10**400])
def test_what_is_no_radius(given: Any) -> None:
    with pytest.raises(SpecError, match="is not a number"):
        parse_eps(given)


@given(st.integers(0, 255), st.integers(1, 255))
def test_fractions(top: int, bottom: int) -> None:
    assert number(f"{top}/{bottom}") == top / bottom


@pytest.mark.parametrize(
    "name", [name for name in ATTACKS if name not in ("transfer", "universal")]
)  # need a source, images
def test_defaults_of_every_attack_survive_being_written_out(name: str) -> None:
    attack = attack_registry.get(name)()
    given = {f.name: str(getattr(attack, f.name)) for f in fields(attack) if f.init}
    planned = resolve_attack(str(Spec(name, None, given)))
    assert planned.attack == attack
    assert planned.name == name
    assert set(planned.passed) == set(given)
    assert set(planned.defaulted) == {f.name for f in fields(attack)} - set(given)


@pytest.mark.parametrize("name", PATHS)
def test_defaults_of_every_path_survive_being_written_out(name: str) -> None:
    path = path_registry.get(name)()
    text = ",".join(f"{f.name}={getattr(path, f.name)}" for f in fields(path))
    assert resolve_path(f"{name}:{text}" if text else name)[1] == path


@dataclass(frozen=True)
class Knobs:
    count: int = 1
    size: float | None = None
    on: bool = False
    kind: Literal["a", "b", 3] = "a"
    word: str = ""

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must not be negative")


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("count", "7", 7),
        ("size", "None", None),
        ("size", "none", None),
        ("size", "8/255", 8 / 255),
        ("size", "1e-3", 1e-3),
        ("on", "True", True),
        ("on", "no", False),
        ("on", "1", True),
        ("kind", "b", "b"),
        ("kind", "3", 3),
        ("word", "3", "3"),
    ],
)
def test_typed_values(key: str, text: str, value: object) -> None:
    found = getattr(bind_params(Knobs, {key: text}, what="knobs"), key)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("count", "1.5", "a whole number"),
        ("count", "none", "a whole number"),
        ("size", "nan", "a number or a fraction or none"),
        ("size", "1/0", "a number or a fraction or none"),
        ("on", "maybe", "true or false"),
        ("kind", "c", "a or b or 3"),
    ],
)
def test_a_value_of_another_type_is_refused(key: str, text: str, said: str) -> None:
    with pytest.raises(SpecError, match=f"{key} takes {said}"):
        bind_params(Knobs, {key: text}, what="knobs")


def test_unknown_keys_and_bad_values_name_what_was_meant() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: steps"):
        resolve_attack("pgd:stepz=3")
    with pytest.raises(UnknownNameError, match=r"Did you mean: .*pgd"):
        resolve_attack("pdg")
    with pytest.raises(SpecError, match="steps must be at least 0"):
        resolve_attack("pgd:steps=-1")
    with pytest.raises(ValueError, match="count must not be negative"):
        bind_params(Knobs, {"count": "-1"}, what="knobs")


def test_a_configured_attack_equals_its_spec() -> None:
    written = resolve_attack("pgd:steps=3")
    given_ready = resolve_attack(written.attack)
    assert (given_ready.name, given_ready.passed, given_ready.defaulted) == (written.name, written.passed, written.defaulted)
    assert math.isclose(resolve_attack("pgd:step_size=2/255").passed["step_size"], 2 / 255)


def test_an_attack_of_the_same_class_name_is_another_attack() -> None:
    from attacks.pgd import PGD as Ours

    class PGD(Ours):
        pass

    assert resolve_attack(PGD()).name != resolve_attack("pgd").name
