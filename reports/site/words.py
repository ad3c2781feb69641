"""The protocol in words, and the commands that repeat an entry."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from attacks import ATTACKS
from bench.boards.protocol import FrozenStage, Protocol
from bench.evaluation.request.attack_specs import attack_registry
from bench.foundation.threats import threat_registry
from reports.presentations.presentation import presentation_of
from reports.site.figures import counted
from reports.site.frozen import Piece, piece
from reports.site.samples import on_events, sampled
from reports.site.view import EntryView


def sentences(protocol: Protocol) -> list[str]:
    """What a board measures and how, for readers who know the field but not this suite."""
    data = protocol.data
    *smaller, largest = protocol.eps
    radii, ball = (
        " and ".join([", ".join(smaller), largest] if smaller else [largest]),
        threat_registry.get(protocol.norm).text,
    )
    presentation = presentation_of(protocol.task)
    return [
        f"Every model sees the same {counted(data.n)} {sampled(protocol)}: "
        f"the first {counted(data.n)} of the {data.split} split of {data.name}.",
        f"The threat model is {protocol.norm}: {ball}, here {radii}; {_box(protocol)}.",
        presentation.attacks(protocol),
        presentation.rule(protocol),
        "The evaluator checks the radius, the range and the model's answer of each adversarial sample again, without the "
        "attack's own figures.",
        "Random noise of the same radius is measured as a baseline. The gap between noise and attack is shown, but orders "
        "nothing.",
        f"All random draws follow from the seed {protocol.seed}. A stochastic model is asked {protocol.draws} times.",
        "The verdict says whether a number can be believed. Unreliable means that a check failed, and such an entry gets no "
        "rank. Upper bound means that no check failed, but the attack is weaker than the standard set. Remarks are named "
        "with their figures.",
        f"Beside a rank stand the ranks that these {sampled(protocol)} cannot rule out, by paired 95% intervals against "
        "every other entry.",
    ]


@dataclass(frozen=True)
class StageWords:
    """A stage of an attack."""

    name: str
    search: Piece
    path: Piece

    @property
    def texts(self) -> list[str]:
        """What names its search and its path."""
        return [self.name, self.search.name, self.path.name]


@dataclass(frozen=True)
class StageGroup:
    """The stages that some kind of models meets. who: that kind."""

    who: str
    stages: list[StageWords]


@dataclass(frozen=True)
class AttackWords:
    """An attack of a protocol."""

    spec: str
    groups: list[StageGroup]


def frozen_attacks(protocol: Protocol) -> list[AttackWords]:
    """The attacks with their stages in words; kinds of models that meet the same stages are one group."""
    attacks = []
    for attack in protocol.attacks:
        kinds = [("spiking models", attack.spiking), ("models without spikes", attack.smooth)]
        kinds.insert(1, ("spiking models whose input code is attacked too", attack.coded))
        if attack.coded == attack.spiking:
            del kinds[1]
        if all(stages == attack.spiking for _, stages in kinds):
            kinds = [("all models", attack.spiking)]
        attacks.append(AttackWords(attack.spec, [StageGroup(who, _stage_words(stages)) for who, stages in kinds]))
    return attacks


def _stage_words(stages: list[FrozenStage]) -> list[StageWords]:
    return [
        StageWords(
            stage.name or "only one",
            piece(stage.attack),
            Piece("none: the search sees answers alone") if _sees_answers_alone(stage) else piece(stage.path),
        )
        for stage in stages
    ]


def _sees_answers_alone(stage: FrozenStage) -> bool:
    """Whether the search of a stage asks for no gradient. One that this program does not have is taken to ask for them."""
    name = stage.attack.partition("(")[0]
    known = {place.rpartition(":")[2]: attack for attack, place in ATTACKS.items()}
    return name in known and attack_registry.get(known[name]).access != "white-box"


def _box(protocol: Protocol) -> str:
    return "cells hold whole numbers of events" if on_events(protocol) else "pixels stay in [0,\u00a01]"


def commands(entry: EntryView, protocol: Protocol, *, as_frozen: bool = True) -> list[tuple[str, str]]:
    """(purpose, command) pairs: the same evaluation again, and a check of the stored images.

    as_frozen: whether this program would run the protocol as it was frozen.
    """
    place = f"{protocol.board}/v{protocol.version}"
    name = shlex.quote(f"{place}/{entry.name}")
    if entry.card.kind != "zoo":
        again = f"bench submit run DIR --board {shlex.quote(place)}"
        return [
            ("Evaluate the submission again (DIR is the submission's folder)", again),
            ("Score some of its samples again", f"bench board rescore {name} --submission DIR"),
        ]
    words = ["bench", "evaluate", "--model", f"zoo:{entry.name}"]
    for spec in protocol.specs:
        words += ["--attack", spec]
    words += ["--eps", ",".join(protocol.eps), "--norm", protocol.norm, "--n", str(protocol.data.n)]
    words += ["--data", protocol.data.name, "--split", protocol.data.split, "--path", protocol.path]
    words += ["--seed", str(protocol.seed)]
    return [
        ("Evaluate it again" if as_frozen else _with_another_program(protocol), shlex.join(words)),
        ("Score some of its samples again", f"bench board rescore {name}"),
    ]


def _with_another_program(protocol: Protocol) -> str:
    return (
        f"Evaluate it again, with the program of {protocol.released}; the present one has changed since: its evaluator, or "
        "what it runs under the name of the attack"
    )
