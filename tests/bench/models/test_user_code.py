"""A user's file sees its neighbours while it is loaded, and nobody else does; what it read belongs to its identity."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from bench.foundation.errors import ModelError
from bench.models.opening import open_subject

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(9, 3)
        nn.init.constant_(self.read.weight, {value})

    def forward(self, x):
        return self.read(x.flatten(1))
"""


def folder(place: Path, value: float, text: str = "from arch import Net\n\ndef build():\n    return Net()\n") -> Path:
    place.mkdir(exist_ok=True)
    (place / "arch.py").write_text(NET.format(value=value))
    (place / "my.py").write_text(text)
    return place / "my.py"


def weight(file: Path, name: str = "build") -> float:
    module = open_subject(f"{file}::{name}").module
    return float(module.get_parameter("read.weight")[0, 0])


def test_neighbours_of_the_same_name_do_not_meet(tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    first, second = folder(tmp_path / "a", 1.0), folder(tmp_path / "b", 2.0)
    assert [weight(first), weight(second), weight(first)] == [1.0, 2.0, 1.0]
    assert sys.path == path
    assert {name for name in set(sys.modules) - modules if not name.startswith("_user_model_")} == set()


def test_a_neighbour_is_not_what_was_imported_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "elsewhere"
    folder(other, 5.0)
    monkeypatch.syspath_prepend(str(other))
    import arch  # type: ignore[import-not-found]

    assert weight(folder(tmp_path / "a", 1.0)) == 1.0
    assert sys.modules["arch"] is arch
    del sys.modules["arch"]


def test_a_neighbour_that_is_imported_by_the_factory(tmp_path: Path) -> None:
    assert weight(folder(tmp_path, 3.0, "def build():\n    from arch import Net\n    return Net()\n")) == 3.0


@pytest.mark.parametrize("name", ["build", "Net", "model"])
def test_factories_classes_and_modules(tmp_path: Path, name: str) -> None:
    file = folder(tmp_path, 2.0, "from arch import Net\n\ndef build():\n    return Net()\n\nmodel = Net()\n")
    assert weight(file, name) == 2.0


def test_an_edited_neighbour_is_another_model(tmp_path: Path) -> None:
    file = folder(tmp_path, 1.0)
    before = open_subject(f"{file}::build").fingerprint
    assert list(before["sources"]) == ["arch.py"]
    assert open_subject(f"{file}::build").fingerprint == before
    (tmp_path / "arch.py").write_text(NET.format(value=1.0).replace("x.flatten(1)", "2 * x.flatten(1)"))
    assert open_subject(f"{file}::build").fingerprint != before


def test_files_that_are_read_belong_to_it(tmp_path: Path) -> None:
    text = "from pathlib import Path\nfrom arch import Net\nPath(__file__).with_name('scale.txt').read_text()\nbuild = Net\n"
    (tmp_path / "scale.txt").write_text("1")
    file = folder(tmp_path, 1.0, text)
    before = open_subject(f"{file}::build").fingerprint
    assert list(before["files"]) == ["scale.txt"]
    (tmp_path / "scale.txt").write_text("2")
    assert open_subject(f"{file}::build").fingerprint != before


def test_a_file_alone_has_neither(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET.format(value=1.0))
    assert set(open_subject(f"{tmp_path}/net.py::Net").fingerprint) == {
        "file_sha256",
        "structure_sha256",
        "parameters_sha256",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from arch import Net\n\ndef build():\n    return Nett()\n", r"NameError: .*'Nett'.* at my\.py:4: return Nett\(\)"),
        ("import timmm\n", r"No module named 'timmm', at my\.py:1: import timmm\. Install timmm, or put timmm\.py beside"),
        ("def build(width):\n    return width\n", "missing 1 required positional argument.* give them defaults"),
        ("def build():\n    return open('none.txt')\n", r"FileNotFoundError.*my\.py:2.*Path\(__file__\)"),
        ("def build()\n    pass\n", r"SyntaxError: .* at my\.py:1: def build\(\)"),
    ],
)
def test_what_fails_names_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said) as caught:
        open_subject(f"{folder(tmp_path, 1.0, text)}::build")
    assert "\n" not in str(caught.value)


def test_what_is_drawn_without_a_seed_is_the_same_at_every_load(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\n\ndef build():\n    return nn.Linear(9, 3)\n")
    first, second = (open_subject(f"{tmp_path}/net.py::build").module.get_parameter("weight") for _ in range(2))
    assert torch.equal(first, second)
