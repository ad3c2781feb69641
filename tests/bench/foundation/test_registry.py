"""The registry: lazy, open to plug-ins, and clear about what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from bench.foundation import registry as module
from bench.foundation.errors import BenchError, UnknownNameError
from bench.foundation.registry import Registry

CATALOGUE = {"counter": "collections:Counter", "missing": "no_such_module_at_all:thing"}
Install = Callable[..., Registry[object]]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """A registry in a world where exactly these plug-ins are installed."""

    def make(**plugins: str) -> Registry[object]:
        points = [EntryPoint(name, value, "test.things") for name, value in plugins.items()]
        monkeypatch.setattr(module, "entry_points", lambda *, group: [p for p in points if p.group == group])
        return Registry("thing", CATALOGUE, "test.things", aliases={"old": "counter"})

    return make


def test_catalogue_and_plugins(install: Install) -> None:
    found = install(ordered="collections:OrderedDict")
    assert found.names() == ["counter", "missing", "ordered"]
    assert found.get("counter") is __import__("collections").Counter
    assert found.get("ordered") is __import__("collections").OrderedDict
    assert found.where("ordered") == "collections:OrderedDict"


def test_nothing_is_imported_before_it_is_asked_for(install: Install) -> None:
    assert "antigravity" not in sys.modules and "this" not in sys.modules
    found = install(plugged="this:s")
    found.names(), found.where("plugged"), found.get("counter")
    assert "this" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        found.get("missing")


@pytest.mark.parametrize("where", ["no_such_module_at_all:x", "collections:NoSuchThing"])
def test_a_broken_plugin_warns_is_listed_and_stops_nothing_else(install: Install, where: str) -> None:
    found = install(bad=where)
    assert "bad" in found.names()
    assert not found.broken
    with pytest.warns(RuntimeWarning, match="'bad' is broken"), pytest.raises(BenchError, match="Repair or uninstall it"):
        found.get("bad")
    assert set(found.broken) == {"bad"}
    assert found.get("counter") is not None


def test_collisions_are_errors(install: Install) -> None:
    with pytest.raises(BenchError, match="Two things are named 'counter': collections:Counter and collections:OrderedDict"):
        install(counter="collections:OrderedDict").names()


def test_an_alias_warns_and_works(install: Install) -> None:
    with pytest.warns(DeprecationWarning, match="thing 'old' is now 'counter'"):
        assert install().get("old") is __import__("collections").Counter


def test_unknown_names(install: Install) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown thing 'conter'\. Did you mean: counter\?"):
        install().get("conter")
    with pytest.raises(UnknownNameError, match=r"Did you mean: counter\?"):
        install().get("COUNTER")
    with pytest.raises(UnknownNameError, match=r"Did you mean: Upper\?"):
        raise UnknownNameError.of("thing", "uper", ["Upper"])
    with pytest.raises(UnknownNameError, match=r"Unknown thing 'zzz'\. There is none\."):
        raise UnknownNameError.of("thing", "zzz", [])
    with pytest.raises(UnknownNameError, match=r"Known: counter, missing, plugged\."):
        install(plugged="this:s").get("zzz")
    with pytest.raises(UnknownNameError, match=r"18, 19 and 5 more\."):
        raise UnknownNameError.of("thing", "zzz", [str(i) for i in range(25)])
