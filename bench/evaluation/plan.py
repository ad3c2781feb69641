"""The plan of a request, as data: the list of its units, and the units that each unit needs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from bench.tasks.task import Request
from bench.tasks.unit import UnitKey, clean_key, noise_key, stage_key


def plan(request: Request) -> tuple[UnitKey, ...]:
    """All units, each after the units it needs: per shard the clean answers, noise, and attacks stage by stage."""
    return tuple(_units(request))


def _units(request: Request) -> Iterator[UnitKey]:
    for shard in range(len(request.shards)):
        yield clean_key(shard)
        for eps in request.eps:
            yield noise_key(eps.value, shard)
            for attack, stages in enumerate(request.stages):
                for stage in range(len(stages)):
                    yield stage_key(attack, eps.value, shard, stage)


def needs(key: UnitKey) -> tuple[UnitKey, ...]:
    """The units from which ``key`` is computed: the clean answers, and for an attack also its earlier stages."""
    if key.kind == "clean":
        return ()
    clean = clean_key(key.shard)
    if key.attack is None or key.eps is None or key.stage is None:
        return (clean,)
    return (clean, *(stage_key(key.attack, key.eps, key.shard, stage) for stage in range(key.stage)))


def attacked(request: Request) -> Iterator[tuple[UnitKey, ...]]:
    """The stages of every attack on every shard at every radius."""
    for shard, eps in product(range(len(request.shards)), request.eps):
        for attack, stages in enumerate(request.stages):
            yield tuple(stage_key(attack, eps.value, shard, stage) for stage in range(len(stages)))


def label_of(key: UnitKey, request: Request) -> str:
    """The label of a unit in a progress bar."""
    if key.eps is None:
        return "clean"
    text = next(eps.text for eps in request.eps if eps.value == key.eps)
    if key.attack is None or key.stage is None:
        return f"noise at {text}"
    name, stages = request.attacks[key.attack].name, len(request.stages[key.attack])
    return f"{name} at {text}" if stages == 1 else f"{name} {key.stage + 1}/{stages} at {text}"
